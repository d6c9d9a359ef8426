"""Accuracy of nearest neighbours against the share of labels, before and after pretraining."""

import matplotlib.pyplot as plt
from bursts import X, X_test, untrained, vicreg, y, y_test

from sklearn_ssl.evaluation import label_efficiency
from sklearn_ssl.plotting import LabelEfficiencyDisplay

curves = {
    name: label_efficiency(
        transformer,
        X,
        y,
        X_test=X_test,
        y_test=y_test,
        fractions=(0.05, 0.1, 0.2, 0.5, 1.0),
        n_draws=5,
        probe="knn",
        random_state=0,
    )
    for name, transformer in {"VICReg": vicreg(max_epochs=15), "untrained": untrained}.items()
}
figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
LabelEfficiencyDisplay.from_results(curves, ax=ax)
