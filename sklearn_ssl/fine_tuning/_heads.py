"""Linear heads in closed form, from which fine-tuning starts."""

import typing

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn import config_context
from sklearn.linear_model import RidgeCV

PENALTIES = tuple(np.logspace(-3, 3, 10))
SCALES = (-3.0, 5.0)  # natural logarithms
USUAL_SCALE, AS_GOOD_AS = np.log(2.0), 10.0  # where nothing is known of the scale, and how many series this counts


class LinearHead(typing.NamedTuple):
    """A linear predictor with its leave-one-out predictions.

    Attributes
    ----------
    weight : ndarray of shape (K, F)
        The weight.
    bias : ndarray of shape (K,)
        The bias.
    left_out : ndarray of shape (n, K)
        The prediction for each series by a fit without this series.
    error : float
        Mean squared error of these predictions.
    """

    weight: np.ndarray
    bias: np.ndarray
    left_out: np.ndarray
    error: float


def ridge_head(features: np.ndarray, target: np.ndarray, weight: np.ndarray, penalty: float | None) -> LinearHead:
    """Fit ridge on features (n, F) and targets (n, K); None chooses the penalty by leave-one-out."""
    penalties = PENALTIES if penalty is None else (penalty,)
    if len(features) < 2:  # nothing can be left out, and the mean of the only series predicts
        return LinearHead(np.zeros((target.shape[1], features.shape[1])), target[0], target, 0.0)
    ridge = RidgeCV(alphas=list(penalties), store_cv_results=True, scoring="neg_mean_squared_error")
    with config_context(enable_metadata_routing=False):  # else RidgeCV would need a request for the weights
        ridge.fit(features.astype(np.float64), target, sample_weight=weight)
    left_out = ridge.cv_results_.reshape(*target.shape, len(penalties))[..., penalties.index(ridge.alpha_)]
    error = np.average(np.square(left_out - target).mean(axis=1), weights=weight)
    return LinearHead(np.atleast_2d(ridge.coef_), np.atleast_1d(ridge.intercept_), left_out, float(error))


def calibrated(head: LinearHead, codes: np.ndarray, weight: np.ndarray) -> LinearHead:
    """Scale a head such that the softmax of its leave-one-out predictions has the least cross-entropy.

    A series that is the only one of its class says nothing. The usual scale counts as some series.
    """
    told = np.flatnonzero(np.bincount(codes)[codes] > 1)
    shares = weight[told] / weight.mean()

    def cross_entropy(logarithm: float) -> float:
        surprise = -log_softmax(np.exp(logarithm) * head.left_out[told], axis=1)[np.arange(len(told)), codes[told]]
        return float(shares @ surprise + AS_GOOD_AS * (logarithm - USUAL_SCALE) ** 2)

    scale = np.exp(minimize_scalar(cross_entropy, bounds=SCALES, method="bounded").x)
    return LinearHead(scale * head.weight, scale * head.bias, scale * head.left_out, head.error)
