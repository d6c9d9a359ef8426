"""Linear heads that have a closed form: where fine-tuning starts."""

import typing

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn import config_context
from sklearn.linear_model import RidgeCV

PENALTIES = tuple(np.logspace(-3, 3, 10))
SCALES = (-3.0, 5.0)  # natural logarithms


class LinearHead(typing.NamedTuple):
    """A linear predictor, what it predicts for each series if fitted without it, and how far off that is."""

    weight: np.ndarray  # (K, F)
    bias: np.ndarray  # (K,)
    left_out: np.ndarray  # (n, K)
    error: float  # the mean square of that


def ridge_head(features: np.ndarray, target: np.ndarray, weight: np.ndarray, penalty: float | None) -> LinearHead:
    """Fit ridge on features (n, F) and targets (n, K); without a penalty the best by leave-one-out is taken."""
    penalties = PENALTIES if penalty is None else (penalty,)
    if len(features) < 2:  # nothing to leave out: the mean, which is the only series, predicts
        return LinearHead(np.zeros((target.shape[1], features.shape[1])), target[0], target, 0.0)
    ridge = RidgeCV(alphas=list(penalties), store_cv_results=True, scoring="neg_mean_squared_error")
    with config_context(enable_metadata_routing=False):  # it would ask the user whether RidgeCV may have the weights
        ridge.fit(features.astype(np.float64), target, sample_weight=weight)
    left_out = ridge.cv_results_.reshape(*target.shape, len(penalties))[..., penalties.index(ridge.alpha_)]
    error = np.average(np.square(left_out - target).mean(axis=1), weights=weight)
    return LinearHead(np.atleast_2d(ridge.coef_), np.atleast_1d(ridge.intercept_), left_out, float(error))


def calibrated(head: LinearHead, codes: np.ndarray, weight: np.ndarray) -> LinearHead:
    """Scale scores of classes so that the softmax of those of left-out series has the least cross-entropy."""
    rows = np.arange(len(codes))

    def cross_entropy(logarithm: float) -> float:
        surprise = -log_softmax(np.exp(logarithm) * head.left_out, axis=1)[rows, codes]
        return float(np.average(surprise, weights=weight))

    scale = np.exp(minimize_scalar(cross_entropy, bounds=SCALES, method="bounded").x)
    return LinearHead(scale * head.weight, scale * head.bias, scale * head.left_out, head.error)
