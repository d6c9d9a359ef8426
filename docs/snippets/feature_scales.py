"""A report and its picture: how large the features of a transformer are."""

import dataclasses
from typing import Any, Self

import numpy as np

from sklearn_ssl.evaluation import Representation


@dataclasses.dataclass(frozen=True)
class FeatureScales:
    """The mean and the standard deviation of each feature.

    Attributes
    ----------
    mean, deviation : ndarray of shape (n_features,)
        Over the series.
    """

    mean: np.ndarray
    deviation: np.ndarray


def feature_scales(estimator: Any, X: Any) -> FeatureScales:
    """Return the mean and the standard deviation of each feature.

    Parameters
    ----------
    estimator : fitted transformer, or Pipeline with one
        What makes the features.
    X : array or list of arrays
        The series, as for `transform`.

    Returns
    -------
    scales : FeatureScales
        What was found.
    """
    H = Representation.of(estimator).embed(X)  # (n, F)
    return FeatureScales(H.mean(axis=0), H.std(axis=0))


class FeatureScalesDisplay:
    """The standard deviation of each feature against its mean.

    Parameters
    ----------
    scales : FeatureScales
        What `feature_scales` returned.

    Attributes
    ----------
    points_ : matplotlib PathCollection
        One point per feature.
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    """

    def __init__(self, scales: FeatureScales) -> None:
        self.scales = scales

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, *, ax: Any = None) -> Self:
        """Draw the scales. Arguments are those of `feature_scales` and `plot`."""
        return cls(feature_scales(estimator, X)).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Draw the points on `ax`, or on a new figure if it is None."""
        import matplotlib.pyplot as plt  # an optional dependency

        ax = plt.subplots()[1] if ax is None else ax
        self.points_ = ax.scatter(self.scales.mean, self.scales.deviation)
        ax.set(xlabel="mean", ylabel="standard deviation")
        self.ax_, self.figure_ = ax, ax.figure
        return self
