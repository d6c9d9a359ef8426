"""What an outlier detector gets of series, and what it says about them."""

from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.utils import get_tags
from sklearn.utils.validation import _num_samples

from sklearn_ssl._input.collections import Collection, collection_of
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.preprocessing._detectors import series_statistics
from sklearn_ssl.preprocessing._forms import has_channels


def inliers_of(detector: Any, X: Any, features: str) -> np.ndarray:
    """Fit an outlier detector and return for each series whether it is an inlier.

    Parameters
    ----------
    detector : outlier detector
        It is fitted.
    X : array, data frame or list of arrays
        The series.
    features : {"auto", "series", "summary", "flat"}
        What the detector gets, as for `OutlierFiltered`.

    Returns
    -------
    ndarray of shape (n_cases,)
        True for inliers.
    """
    if features == "auto":
        as_is = get_tags(detector).input_tags.three_d_array or not has_channels(X)
        features = "series" if as_is else "summary"
    if features == "series":
        return _judged(detector, X)
    collection = collection_of(X, allow_missing=True, dtype=None)
    if features == "flat":
        return _judged(detector, _flat(collection))
    return _judged_by_summary(detector, collection)


def _judged(detector: Any, features: Any) -> np.ndarray:
    # There is nothing to route here, and EllipticEnvelope of scikit-learn 1.9 fails where metadata is routed.
    with config_context(enable_metadata_routing=False):
        labels = np.asarray(detector.fit_predict(features))
    if labels.shape != (_num_samples(features),) or not np.isin(labels, (-1, 1)).all():
        raise ValueError(
            f"`detector` must return 1 for every inlier and -1 for every outlier, got "
            f"{np.array2string(labels, threshold=5)} from {shown(detector)}. Give an outlier detector, not a clusterer."
        )
    return labels == 1


def _flat(collection: Collection) -> np.ndarray:
    if collection.lengths is not None:
        raise ValueError('features="flat" needs series of equal length. Use features="summary".')
    return collection.values.reshape(len(collection), -1)  # (n, C * L)


def _judged_by_summary(detector: Any, collection: Collection) -> np.ndarray:
    summary = series_statistics(collection.values).reshape(len(collection), -1)  # (n, C * 5)
    inliers = ~np.isnan(summary).all(axis=1)  # a series without an observed step is none
    if inliers.any():
        inliers[inliers] = _judged(detector, _without_missing(summary[inliers]))
    return inliers


def _without_missing(summary: np.ndarray) -> np.ndarray:
    never = np.isnan(summary).all(axis=0)
    summary = np.where(never, 0.0, summary)
    return np.where(np.isnan(summary), np.nanmedian(summary, axis=0), summary)
