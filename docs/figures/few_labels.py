"""Accuracy with few labels on UCI HAR: SSLClassifier, MiniRocket and the same network from scratch."""

import matplotlib.pyplot as plt
import pandas as pd

rows = ["SSLClassifier", "kernels", "kernels, from scratch", "S4LClassifier", "MiniRocket, ridge"]
table = pd.read_csv("../tables/few_labels.csv")
accuracy = table.groupby(["row", "share"])["accuracy"]
figure, axes = plt.subplots(1, 2, figsize=(9, 2.4), sharey=True, layout="constrained")
for ax, share in zip(axes, (0.01, 0.05), strict=True):
    for place, row in enumerate(reversed(rows)):
        values = accuracy.get_group((row, share))
        ax.plot(values, [place] * len(values), "|", color="0.5", markersize=9)
        ax.plot(values.mean(), place, "o", color="tab:red" if row.startswith("MiniRocket") else "black")
    ax.set_yticks(range(len(rows)), reversed(rows))
    ax.set_title(f"{share:.0%} of the labels", fontsize="medium")
    ax.set_xlabel("accuracy")
    ax.grid(axis="x", alpha=0.3)
