"""Series that are damaged in one way, and the preprocessing that is meant for it."""

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_ssl.preprocessing import ChannelWise, ClipOutliers, DropCorrelated, FillMissing, Smooth

LEFT, REPAIRED = "left", "repaired"


def gaps(X, rng):
    """Remove a tenth of every channel in one piece."""
    X = X.copy()
    n_cases, n_channels, n_timepoints = X.shape
    width = max(1, n_timepoints // 10)
    starts = rng.integers(1, n_timepoints - width, size=(n_cases, n_channels, 1))
    steps = np.arange(n_timepoints)
    X[(steps >= starts) & (steps < starts + width)] = np.nan
    return X


def outliers(X, rng):
    """Add ten standard deviations, up or down, to one value in a hundred."""
    signs = rng.choice([-1, 1], size=X.shape) * (rng.random(X.shape) < 0.01)
    return X + 10 * X.std(axis=(0, 2), keepdims=True) * signs


def scales(X, rng):
    """Give every channel another unit: a factor from 0.01 to 100 and an offset of as much as its size."""
    factors = 10 ** np.linspace(-2, 2, X.shape[1])[:, None]
    return (X + 1) * (factors if X.shape[1] > 1 else 100.0)


def noise(X, rng):
    """Add white noise of half a standard deviation."""
    return X + 0.5 * X.std(axis=(0, 2), keepdims=True) * rng.normal(size=X.shape)


def copies(X, rng):
    """Record every channel four times, each with noise of a twentieth of a standard deviation."""
    X = np.repeat(X, 4, axis=1)
    return X + 0.05 * X.std(axis=(0, 2), keepdims=True) * rng.normal(size=X.shape)


def scaled():
    """Return the scaling that every damage but that of units has in any case."""
    return ChannelWise(StandardScaler())


AS_THEY_ARE = FunctionTransformer
DAMAGES = {  # the damage, and what is done about it when it is left and when it is repaired
    "gaps": (
        gaps,
        lambda: make_pipeline(FillMissing(method="constant"), scaled()),
        lambda: make_pipeline(FillMissing(method="linear"), scaled()),
    ),
    "outliers": (outliers, scaled, lambda: make_pipeline(ClipOutliers(method="hampel"), scaled())),
    "units": (scales, AS_THEY_ARE, scaled),
    "noise": (noise, scaled, lambda: make_pipeline(Smooth(), scaled())),
    "copied channels": (copies, scaled, lambda: make_pipeline(DropCorrelated(), scaled())),
}


def damaged(data, name, seed):
    """Return both parts of a set damaged in the same way, by draws of their own."""
    damage = DAMAGES[name][0]
    return tuple(damage(X, np.random.default_rng([seed, part])) for part, X in enumerate((data.X, data.X_test)))


def preparation(name, how):
    """Return the transformer of the series."""
    left, repaired = DAMAGES[name][1:]
    return left() if how == LEFT else repaired()
