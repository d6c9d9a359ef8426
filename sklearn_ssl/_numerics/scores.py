"""Scores of predictions where some targets are unknown."""

import numpy as np
from sklearn.metrics import r2_score


def mean_r2(y: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> float:
    """Return R² over the known targets, averaged over the outputs.

    Parameters
    ----------
    y, predicted : ndarray of shape (n_cases, n_outputs) or (n_cases,)
        Targets, NaN where they are unknown, and predictions.
    weight : ndarray of shape (n_cases,)
        Weights of the series.
    """
    outputs = zip(y.reshape(len(y), -1).T, predicted.reshape(len(y), -1).T, strict=True)
    known = [(~np.isnan(truth), truth, guess) for truth, guess in outputs]
    return float(np.mean([r2_score(truth[at], guess[at], sample_weight=weight[at]) for at, truth, guess in known]))
