"""Losses and projections of a training that collapses, and of one that does not."""

import warnings

import matplotlib.pyplot as plt
from bursts import X, vicreg
from sklearn.decomposition import PCA

from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.evaluation import Representation

small = ResNetEncoder(depth=1, width=4)
healthy = vicreg(encoder=small, max_epochs=15)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the warning of the collapse
    doomed = vicreg(encoder=small, max_epochs=15, variance=0.0, covariance=0.0, lr=0.1)
trained = {"three terms": healthy, "invariance alone": doomed}
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
projections = {name: Representation.of(fitted).embed(X, space="projections") for name, fitted in trained.items()}
plane = PCA(2).fit(projections["three terms"])
for (name, fitted), color in zip(trained.items(), ("black", "tab:orange"), strict=True):
    axes[0].plot(fitted.net_.history[:, "train_loss"], color=color, label=name)
    axes[1].scatter(*plane.transform(projections[name]).T, s=12, color=color, label=name)
axes[0].set(xlabel="epoch", ylabel="loss", ylim=(0, None))
axes[1].set(xlabel="first component of the projections", ylabel="second component")
axes[0].legend()
