"""Two series of each synthetic data set."""

import matplotlib.pyplot as plt

from sklearn_ssl.datasets import make_bursts, make_periodic, make_regimes, make_waves

figure, axes = plt.subplots(4, 2, figsize=(9, 5), sharex="row", layout="constrained")
for row, make in zip(axes, (make_waves, make_regimes, make_bursts, make_periodic), strict=True):
    X, y = make(n_cases=30, random_state=1)
    other = next(case for case in range(1, 30) if y[case] != y[0])
    for ax, case in zip(row, (0, other), strict=True):
        ax.plot(X[case].T, linewidth=0.8)
        ax.set_yticks([])
        ax.margins(x=0)
        ax.set_title(f"{make.__name__}, y = {y[case]:.3g}", fontsize="small")
for ax in axes[-1]:
    ax.set_xlabel("time step")
