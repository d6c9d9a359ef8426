"""Two ways from an encoder of three channels to series of nine."""

import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(9, 2.9), layout="constrained")
round_box, square_box = {"boxstyle": "round", "fc": "0.92"}, {"boxstyle": "square", "fc": "white"}
names = ["x", "y", "z"] * 3
for ax in axes:
    ax.axis("off")
    for place, name in enumerate(names):
        ax.text(place, 2, f"{name}{place // 3 + 1}", ha="center", va="center", bbox=round_box)
for place in range(9):
    axes[0].annotate("", (place, 1.25), (place, 1.8), arrowprops={"arrowstyle": "->"})
    axes[0].text(place, 1.05, "E", ha="center", va="center", bbox=square_box)
    axes[0].annotate("", (4, 0.25), (place, 0.85), arrowprops={"arrowstyle": "->", "color": "0.6"})
    old = place % 3
    axes[1].annotate("", (1 + 3 * old, 1.25), (place, 1.8), arrowprops={"arrowstyle": "->", "color": f"C{old}"})
axes[0].text(4, 0.05, "mean and maximum over channels", ha="center", va="center")
for old, name in enumerate("xyz"):
    axes[1].text(1 + 3 * old, 1.05, f"mean of {name}", ha="center", va="center", bbox=round_box)
    axes[1].annotate("", (4, 0.25), (1 + 3 * old, 0.85), arrowprops={"arrowstyle": "->", "color": "0.6"})
axes[1].text(4, 0.05, "encoder of three channels", ha="center", va="center", bbox=square_box)
for ax, title in zip(axes, ("ChannelIndependentEncoder", "adapt_channels"), strict=True):
    ax.set(xlim=(-0.7, 8.7), ylim=(-0.2, 2.3))
    ax.set_title(title, fontsize="medium")
