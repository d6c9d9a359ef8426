"""Singular values of the projections of VICReg with and without the covariance term."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from bursts import X_test, vicreg

from sklearn_ssl.evaluation import Representation, rankme

figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
for name, weight, style in (("covariance=1", 1.0, "-"), ("covariance=0", 0.0, "--")):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without the covariance term `fit` warns of few directions
        fitted = vicreg(covariance=weight, max_epochs=10)
    features = Representation.of(fitted).embed(X_test, space="projections")
    values = np.linalg.svd(features, compute_uv=False)
    number = np.arange(1, len(values) + 1)
    ax.semilogy(number, values / values[0], style, color="black", label=f"{name}: RankMe {rankme(features):.0f}")
ax.set(xlabel="direction", ylabel="singular value", ylim=(1e-4, 1.5), xlim=(0, 60))
ax.legend()
