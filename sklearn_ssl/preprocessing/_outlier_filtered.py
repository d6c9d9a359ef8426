"""Dropping outlying series inside a Pipeline, while fitting only."""

import copy
import typing
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn import config_context, get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.preprocessing import StandardScaler
from sklearn.utils import _safe_indexing, get_tags, indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _num_samples, check_is_fitted

from sklearn_ssl._input.collections import Collection, validated_collection
from sklearn_ssl._input.labels import unlabelled_among_text, values_of
from sklearn_ssl._parameters.fitted_state import unchanged_on_error
from sklearn_ssl._parameters.hyperparameters import Hyperparameters, choice, number, positional, recipe
from sklearn_ssl.preprocessing._channel_wise import ChannelWise
from sklearn_ssl.preprocessing._detectors import ZScoreDetector, series_statistics
from sklearn_ssl.preprocessing._forms import has_channels

ROUTED = (
    "fit",
    "transform",
    "inverse_transform",
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score",
)


def robustly_scaled() -> ChannelWise:
    """Return the inner estimator used unless another is given."""
    return ChannelWise(StandardScaler())


def _inner_has(name: str) -> Callable[[Any], bool]:
    def check(self: Any) -> bool:
        getattr(self._inner(), name)  # its AttributeError says what is missing
        return True

    return check


def _delegated(name: str, purpose: str) -> Any:
    def method(self: Any, X: Any, **params: Any) -> Any:
        check_is_fitted(self)
        return getattr(self.estimator_, name)(X, **self._routed(name, params))

    method.__name__ = name
    method.__qualname__ = f"OutlierFiltered.{name}"
    method.__doc__ = f"""{purpose}

        Available if the inner estimator has `{name}`. No series is left out.

        Parameters
        ----------
        X : array, data frame or list of arrays
            The series, in a form that the inner estimator takes.
        **params : dict
            Metadata for the inner estimator.

        Returns
        -------
        object
            What the inner estimator returns.
        """
    return available_if(_inner_has(name))(method)


@typing.final
class OutlierFiltered(MetaEstimatorMixin, Hyperparameters):
    """Fits an estimator on the series that an outlier detector keeps, and passes every series through afterwards.

    No step of a scikit-learn Pipeline can drop samples. This one wraps the step, or the sub-pipeline, that outlying
    series would harm:  `fit` fits the detector and then, without the outliers, a clone of the inner estimator. X, y and
    all metadata with one entry a series, such as `sample_weight`, lose the same rows. All other methods are the inner
    estimator's and see every series, so that nothing about the number of rows changes for the steps around it.

    The detector learns from the data of `fit` alone: in cross-validation, from the training folds. Test series are
    never judged.

    Parameters
    ----------
    estimator : estimator, default=None
        Transformer, classifier, regressor or Pipeline to fit without outliers; given by position. None is
        ``ChannelWise(StandardScaler())``.
    detector : outlier detector, default=None
        Any with `fit_predict` that returns 1 for inliers and -1 for outliers, such as
        `sklearn.ensemble.IsolationForest`, `sklearn.neighbors.LocalOutlierFactor` or
        `sklearn.covariance.EllipticEnvelope`. None is ``ZScoreDetector()``. It gets neither y nor metadata.
    features : {"auto", "series", "summary", "flat"}, default="auto"
        What the detector gets of the series.

        - "series": X as it is.
        - "summary": five statistics of each channel, as columns: mean, standard deviation, minimum, maximum and
          roughness (the mean squared step) over the observed values. Where a series has no value for a statistic, the
          median of the others stands in; a series without any observed value is dropped unasked.
        - "flat": all values of a series in one row, for series of equal length.
        - "auto": "summary" where series of shape (n_channels, n_timepoints) meet a detector that only takes 2-D
          input, as all of scikit-learn's do; "series" otherwise. So, scikit-learn's detectors judge the rows of 2-D
          input, for example the features of an earlier step, as they are, whereas the detectors of this library see
          each as a series of one channel.
    min_cases : int, default=2
        Fewest series that the detector may leave.
    allow_lost_classes : bool, default=False
        Whether a classifier may be fitted without a class of which every series is an outlier. It will never predict
        that class.

    Attributes
    ----------
    estimator_ : estimator
        The fitted inner estimator.
    detector_ : outlier detector
        The fitted detector.
    inlier_mask_ : ndarray of shape (n_cases,)
        Whether each series given to `fit` was kept.
    n_outliers_ : int
        How many were not.

    Raises
    ------
    TypeError
        At fit, if the detector has no `fit_predict`.
    ValueError
        At fit, if fewer than `min_cases` series or no series of some class (of some output) are left, if the detector
        does not return 1 and -1, or if the inner estimator works on precomputed distances.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn_ssl.preprocessing import OutlierFiltered, ZScoreDetector
    >>> X = np.random.default_rng(0).normal(size=(50, 8))
    >>> y = X.sum(axis=1)
    >>> X[3], y[3] = 100, 0
    >>> model = OutlierFiltered(LinearRegression(), detector=ZScoreDetector(threshold=5)).fit(X, y)
    >>> np.flatnonzero(~model.inlier_mask_)
    array([3])
    >>> model.predict(np.ones((2, 8))).round(3)
    array([8., 8.])
    """

    estimator: Any = positional(recipe(robustly_scaled))
    detector: Any = recipe(default_factory=ZScoreDetector)
    features: str = choice("auto", "series", "summary", "flat", default="auto")
    min_cases: int = number(default=2, least=1, integer=True)
    allow_lost_classes: bool = choice(False, True, default=False)

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Fit the detector, then the inner estimator on the series that it keeps.

        Parameters
        ----------
        X : array, data frame or list of arrays
            The series, in a form that the inner estimator takes.
        y : array-like of shape (n_cases,) or (n_cases, n_outputs), default=None
            Targets; those of outliers are left out.
        **params : dict
            Metadata for the `fit` of the inner estimator. What has one entry a series loses those of outliers.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        with unchanged_on_error(self):
            self._fit(X, y, self._routed("fit", params))
        return self

    @available_if(_inner_has("transform"))
    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit on the series that the detector keeps, and transform all.

        Parameters
        ----------
        X : array, data frame or list of arrays
            The series, in a form that the inner estimator takes.
        y : array-like of shape (n_cases,) or (n_cases, n_outputs), default=None
            Targets; those of outliers are left out while fitting.
        **params : dict
            Metadata. With metadata routing, `fit` and `transform` of the inner estimator get what they request;
            without, `fit` gets all of it.

        Returns
        -------
        array, data frame or list of arrays
            What the inner estimator makes of every series, outliers included.
        """
        routed = {"fit": params, "transform": {}}
        if get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit_transform", **params)["estimator"]
        with unchanged_on_error(self):
            self._fit(X, y, routed["fit"])
            return self.estimator_.transform(X, **routed["transform"])

    transform = _delegated("transform", "Transform every series.")
    inverse_transform = _delegated("inverse_transform", "Undo `transform` for every row.")
    predict = _delegated("predict", "Predict the target of every series.")
    predict_proba = _delegated("predict_proba", "Predict class probabilities for every series.")
    predict_log_proba = _delegated("predict_log_proba", "Predict logarithms of class probabilities for every series.")
    decision_function = _delegated("decision_function", "Compute the decision values of every series.")

    @available_if(_inner_has("score"))
    def score(self, X: Any, y: Any = None, **params: Any) -> float:
        """Score the predictions for all series, outliers included.

        Parameters
        ----------
        X : array, data frame or list of arrays
            The series, in a form that the inner estimator takes.
        y : array-like of shape (n_cases,) or (n_cases, n_outputs), default=None
            Targets.
        **params : dict
            Metadata for the inner estimator.

        Returns
        -------
        float
            The score of the inner estimator.
        """
        check_is_fitted(self)
        return self.estimator_.score(X, y, **self._routed("score", params))

    @available_if(_inner_has("encode"))
    def encode(self, X: Any) -> np.ndarray:
        """Compute the inner estimator's features per time step for every series.

        Parameters
        ----------
        X : array or list of arrays
            The series.

        Returns
        -------
        ndarray of shape (n_cases, n_features, n_timepoints')
            The features.
        """
        check_is_fitted(self)
        return self.estimator_.encode(X)

    @available_if(_inner_has("get_feature_names_out"))
    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the feature names of the inner estimator.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Passed on.

        Returns
        -------
        ndarray of str
            Names of the output features.
        """
        check_is_fitted(self)
        return self.estimator_.get_feature_names_out(input_features)

    @available_if(_inner_has("set_output"))
    def set_output(self, *, transform: str | None = None) -> Self:
        """Choose the container of `transform` and `fit_transform`.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            The container; None changes nothing. The given inner estimator itself is left as it is.

        Returns
        -------
        self : object
            This estimator.
        """
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}  # under this name, clones keep it
            if self.__sklearn_is_fitted__():
                self.estimator_.set_output(transform=transform)
        return self

    def get_metadata_routing(self) -> MetadataRouter:
        """Return how metadata reaches the inner estimator.

        Returns
        -------
        MetadataRouter
            The routing: every method to the method of the same name, `fit_transform` to `fit` and `transform`.
        """
        mapping = MethodMapping()
        for method in ROUTED:
            mapping.add(caller=method, callee=method)
        for method in ("fit", "transform"):
            mapping.add(caller="fit_transform", callee=method)
        return MetadataRouter(owner=self).add(estimator=self.resolved("estimator"), method_mapping=mapping)

    @property
    def classes_(self) -> np.ndarray:
        """Classes of the inner classifier."""
        return self.estimator_.classes_

    @property
    def n_features_in_(self) -> int:
        """Columns of 2-D input seen at fit."""
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Column names seen at fit."""
        return self.estimator_.feature_names_in_

    @property
    def n_channels_in_(self) -> int:
        """Channels of the series seen at fit."""
        return self.estimator_.n_channels_in_

    def _inner(self) -> Any:
        return self.estimator_ if self.__sklearn_is_fitted__() else self.resolved("estimator")

    def _routed(self, method: str, params: dict) -> dict:
        if not get_config()["enable_metadata_routing"]:
            return params
        return process_routing(self, method, **params)["estimator"][method]

    def _fit(self, X: Any, y: Any, params: dict) -> None:
        self.check_hyperparameters()
        self._check_inner()
        X, y = indexable(X, y)
        self.detector_ = clone(self.resolved("detector"))
        self.inlier_mask_ = self._inliers(X)
        self.n_outliers_ = int((~self.inlier_mask_).sum())
        self._check_left(y)
        inner = clone(self.resolved("estimator"))
        if hasattr(self, "_sklearn_output_config"):
            inner.set_output(**self._sklearn_output_config)
        kept = {name: self._kept(value) if _has_rows(value, X) else value for name, value in params.items()}
        self.estimator_ = inner.fit(self._kept(X), self._kept(y), **kept)

    def _check_inner(self) -> None:
        estimator, detector = self.resolved("estimator"), self.resolved("detector")
        if not hasattr(estimator, "fit") or isinstance(estimator, type):
            raise TypeError(f"`estimator` must be an estimator with fit, got {estimator!r}.")
        if not hasattr(detector, "fit_predict"):
            raise TypeError(
                f"`detector` must have fit_predict, got {detector!r}. Give an outlier detector such as "
                "ZScoreDetector(), or LocalOutlierFactor(novelty=False)."
            )
        if get_tags(estimator).input_tags.pairwise:
            raise ValueError(
                f"`estimator` works on precomputed distances between all series, got {estimator!r}, but "
                "outliers are only left out as rows. Give one that computes distances itself."
            )

    def _inliers(self, X: Any) -> np.ndarray:
        features = self.features
        if features == "auto":
            as_is = get_tags(self.detector_).input_tags.three_d_array or not has_channels(X)
            features = "series" if as_is else "summary"
        if features == "series":
            return self._judged(X)
        collection = validated_collection(BaseEstimator(), X, reset=True, allow_missing=True, dtype=None)
        if features == "flat":
            return self._judged(_flat(collection))
        summary = series_statistics(collection.values).reshape(len(collection), -1)  # (n, C * 5)
        observed = ~np.isnan(summary).all(axis=1)
        inliers = observed.copy()
        if observed.any():
            inliers[observed] = self._judged(_without_missing(summary[observed]))
        return inliers

    def _judged(self, features: Any) -> np.ndarray:
        # There is nothing to route, and EllipticEnvelope of scikit-learn 1.9 cannot say what it requests.
        with config_context(enable_metadata_routing=False):
            labels = np.asarray(self.detector_.fit_predict(features))
        if labels.shape != (_num_samples(features),) or not np.isin(labels, (-1, 1)).all():
            raise ValueError(
                f"`detector` must return 1 for every inlier and -1 for every outlier, got {labels!r} from "
                f"{self.detector_!r}. A clusterer is no outlier detector."
            )
        return labels == 1

    def _check_left(self, y: Any) -> None:
        n_cases, n_left = len(self.inlier_mask_), int(self.inlier_mask_.sum())
        if n_left < self.min_cases:
            raise ValueError(
                f"{self.detector_!r} leaves {n_left} of {n_cases} sample(s) to fit on; `min_cases`={self.min_cases} "
                "must be left. Make the detector less strict, or lower `min_cases`."
            )
        if y is None or self.allow_lost_classes or self.n_outliers_ == 0 or not is_classifier(self):
            return
        check_classification_targets(_labelled(y))
        lost = _lost_classes(y, self._kept(y))
        if lost:
            raise ValueError(
                f"{self.detector_!r} takes every series of class(es) {lost} for an outlier. Make it less strict, or "
                "set `allow_lost_classes`=True to fit without them."
            )

    def _kept(self, value: Any) -> Any:
        if self.n_outliers_ == 0 or value is None:
            return value
        return _safe_indexing(*indexable(value), np.flatnonzero(self.inlier_mask_))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self) -> Any:
        tags = copy.deepcopy(get_tags(self.resolved("estimator")))
        detector = get_tags(self.resolved("detector"))
        tags.requires_fit = True
        tags.array_api_support = False
        tags.non_deterministic |= detector.non_deterministic
        tags.input_tags.sparse &= detector.input_tags.sparse
        tags.input_tags.allow_nan &= detector.input_tags.allow_nan
        return tags


def _has_rows(value: Any, X: Any) -> bool:
    indexed = hasattr(value, "__getitem__") and hasattr(value, "__len__") and getattr(value, "shape", None) != ()
    return indexed and not isinstance(value, (str, bytes, dict)) and _num_samples(value) == _num_samples(X)


def _flat(collection: Collection) -> np.ndarray:
    if collection.lengths is not None:
        raise ValueError('features="flat" needs series of equal length. Use features="summary".')
    return collection.values.reshape(len(collection), -1)  # (n, C * L)


def _without_missing(summary: np.ndarray) -> np.ndarray:
    never = np.isnan(summary).all(axis=0)
    summary = np.where(never, 0.0, summary)
    return np.where(np.isnan(summary), np.nanmedian(summary, axis=0), summary)


def _lost_classes(y: Any, kept: Any) -> list[str]:
    before, after = _outputs(y), _outputs(kept)
    lost = [set(one.tolist()) - set(other.tolist()) for one, other in zip(before, after, strict=True)]
    names = ["" if len(before) == 1 else f" of output {output}" for output in range(len(before))]
    return [f"{label}{name}" for labels, name in zip(lost, names, strict=True) for label in sorted(map(str, labels))]


def _labelled(y: Any) -> Any:
    labels = y.toarray() if sparse.issparse(y) else values_of(y)
    unknown = unlabelled_among_text(labels)
    return np.array(labels[~unknown].tolist()) if labels.ndim == 1 and unknown.any() else labels


def _outputs(y: Any) -> np.ndarray:
    labels = _labelled(y)
    return labels.reshape(len(labels), -1).T  # (n_outputs, n)
