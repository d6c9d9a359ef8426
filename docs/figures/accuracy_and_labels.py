"""Accuracy against labels per class, from the leaderboard: the picture of the README."""

import matplotlib.pyplot as plt
import pandas as pd

means = pd.read_csv("../tables/tasks_means.csv")
means = means[means["task"].str.startswith("labels") & (means["measure"] == "ridge")]
accuracy = means.pivot(index="task", columns="method", values="mean").loc[[f"labels: {n}" for n in (1, 3, 8, "all")]]
styles = {
    "SSLClassifier": {"color": "tab:red", "marker": "o", "linewidth": 2.5},
    "WCCN": {"color": "tab:orange", "marker": "o", "label": "WCCNTransformer, ridge"},
    "MiniRocket": {"color": "black", "marker": "s"},
    "RandomEncoder": {"color": "0.5", "marker": "v", "linestyle": "--", "label": "encoder without training"},
    "catch22": {"color": "tab:green", "marker": "D", "linestyle": ":"},
    "raw series": {"color": "0.7", "marker": "x", "linestyle": ":", "label": "values of the series"},
}
figure, ax = plt.subplots(figsize=(7.2, 3.6), layout="constrained")
for method, style in styles.items():
    ax.plot(["1", "3", "8", "all"], accuracy[method], **{"label": method} | style)
ax.set(xlabel="labels per class", ylabel="accuracy")
title = f"means of {means['sets'].max()} sets and five draws of labels, ridge classifiers"
ax.set_title(title, fontsize="small")
ax.grid(alpha=0.3)
figure.legend(loc="outside right center", fontsize="small", frameon=False)
