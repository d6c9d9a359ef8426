"""Leaving out outlying series inside a Pipeline, while fitting only."""

import copy
import typing
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn import get_config
from sklearn.base import clone, is_classifier
from sklearn.preprocessing import StandardScaler
from sklearn.utils import _safe_indexing, get_tags, indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _num_samples, check_is_fitted

from sklearn_ssl._parameters.fitted_state import unchanged_on_error
from sklearn_ssl._parameters.hyperparameters import Hyperparameters, choice, number, recipe
from sklearn_ssl._parameters.scikit_learn import MetaEstimatorMixin
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.preprocessing._channel_wise import ChannelWise
from sklearn_ssl.preprocessing._detectors import ZScoreDetector
from sklearn_ssl.preprocessing._inliers import inliers_of
from sklearn_ssl.preprocessing._lost_classes import lost_classes

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

_DELEGATED = """{purpose}

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
            The result of the inner estimator.
        """


def robustly_scaled() -> ChannelWise:
    """Return the inner estimator that is used if none is given."""
    return ChannelWise(StandardScaler())


def _inner_has(name: str) -> Callable[[Any], bool]:
    def check(self: Any) -> bool:
        getattr(self._inner(), name)  # the AttributeError says which method is missing
        return True

    return check


def _delegated(name: str, purpose: str) -> Any:
    def method(self: Any, X: Any, **params: Any) -> Any:
        check_is_fitted(self)
        return getattr(self.estimator_, name)(X, **self._routed(name, params))

    method.__name__ = name
    method.__qualname__ = f"OutlierFiltered.{name}"
    method.__doc__ = _DELEGATED.format(purpose=purpose, name=name)
    return available_if(_inner_has(name))(method)


@typing.final
class OutlierFiltered(MetaEstimatorMixin, Hyperparameters):
    """Fit an estimator without the outlying series, and apply it to all series.

    No step of a scikit-learn Pipeline can leave out samples. This estimator wraps the step, or the Pipeline of steps,
    that outlying series would harm. `fit` fits an outlier detector, and then a clone of the inner estimator on the
    inliers only. Outliers are left out of X, of y, and of all metadata with one entry per series, such as
    `sample_weight`. All other methods are those of the inner estimator. They get every series, so that the number of
    rows stays the same for the other steps.

    The detector learns from the data of `fit` only. In cross-validation these are the training folds: test series are
    never judged.

    Parameters
    ----------
    estimator : estimator or None, default=None
        Transformer, classifier, regressor or Pipeline that is fitted without outliers. It may be given by position.
        None is ``ChannelWise(StandardScaler())``.
    detector : outlier detector or None, default=None
        Has a method `fit_predict` that returns 1 for inliers and -1 for outliers, as
        `sklearn.ensemble.IsolationForest`, `sklearn.neighbors.LocalOutlierFactor` and
        `sklearn.covariance.EllipticEnvelope` do. It gets neither y nor metadata. None is ``ZScoreDetector()``.
    features : {"auto", "series", "summary", "flat"}, default="auto"
        What the detector gets.

        - "series": X as it is.
        - "summary": five statistics of each channel, as columns: the mean, standard deviation, minimum, maximum and
          roughness (the mean squared step) of the observed values. If a series has no value for a statistic, it gets
          the median of the other series. A series without any observed value is always an outlier.
        - "flat": all values of a series in one row. The series must have equal length.
        - "auto": "summary" if X holds series of shape (n_channels, n_timepoints) and the detector takes 2-D input only,
          as all detectors of scikit-learn do; "series" otherwise. So detectors of scikit-learn judge the rows of 2-D
          input as they are, for example the features of an earlier step. The detectors of this library take each row
          for a series of one channel.
    min_cases : int, default=2
        Smallest number of series that the detector must leave.
    allow_lost_classes : bool, default=False
        Whether a classifier may be fitted if all series of a class are outliers. It will never predict that class.

    Attributes
    ----------
    estimator_ : estimator
        The fitted inner estimator.
    detector_ : outlier detector
        The fitted detector.
    inlier_mask_ : ndarray of shape (n_cases,)
        True for the series given to `fit` that were kept.
    n_outliers_ : int
        Number of series that were left out.

    Raises
    ------
    TypeError
        At fit, if the detector has no `fit_predict`.
    ValueError
        At fit, if fewer than `min_cases` series are left, if no series of a class is left (in any output), if the
        detector does not return 1 and -1, or if the inner estimator works on precomputed distances.

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

    estimator: Any = recipe(robustly_scaled, kw_only=False)
    detector: Any = recipe(default_factory=ZScoreDetector)
    features: str = choice("auto", "series", "summary", "flat", default="auto")
    min_cases: int = number(default=2, least=1, integer=True)
    allow_lost_classes: bool = choice(False, True, default=False)

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Fit the detector, and then the inner estimator on the inliers.

        Parameters
        ----------
        X : array, data frame or list of arrays
            The series, in a form that the inner estimator takes.
        y : array-like of shape (n_cases,) or (n_cases, n_outputs), default=None
            Targets. Those of outliers are left out.
        **params : dict
            Metadata for the `fit` of the inner estimator. If it has one entry per series, those of outliers are left
            out.

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
        """Fit on the inliers, and transform all series.

        Parameters
        ----------
        X : array, data frame or list of arrays
            The series, in a form that the inner estimator takes.
        y : array-like of shape (n_cases,) or (n_cases, n_outputs), default=None
            Targets. Those of outliers are left out while fitting.
        **params : dict
            Metadata. With metadata routing, `fit` and `transform` of the inner estimator get the metadata that they
            request. Without, `fit` gets all of it.

        Returns
        -------
        array, data frame or list of arrays
            The result of the inner estimator for all series, outliers included.
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
        """Compute the inner estimator's features of every series per time step.

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
        input_features : array-like of str or None, default=None
            Names of the input features, for the inner estimator.

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
        transform : {"default", "pandas", "polars"} or None, default=None
            The container. None changes nothing. The setting does not reach the `estimator` that was given, only its
            clones.

        Returns
        -------
        self : object
            This estimator.
        """
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}  # `clone` copies an attribute of this name
            if self.__sklearn_is_fitted__():
                self.estimator_.set_output(transform=transform)
        return self

    def get_metadata_routing(self) -> MetadataRouter:
        """Return how metadata reaches the inner estimator.

        Returns
        -------
        MetadataRouter
            Routes each method to the method of the same name, and `fit_transform` to `fit` and `transform`.
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
        """Number of columns of 2-D input seen at fit."""
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Column names seen at fit."""
        return self.estimator_.feature_names_in_

    @property
    def n_channels_in_(self) -> int:
        """Number of channels seen at fit."""
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
        self.inlier_mask_ = inliers_of(self.detector_, X, self.features)
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
            raise TypeError(f"`estimator` must be an estimator with fit, got {shown(estimator)}.")
        if not hasattr(detector, "fit_predict"):
            raise TypeError(
                f"`detector` must have fit_predict, got {shown(detector)}. Give an outlier detector such as "
                "ZScoreDetector(), or LocalOutlierFactor(novelty=False)."
            )
        if get_tags(estimator).input_tags.pairwise:
            raise ValueError(
                f"`estimator` works on precomputed distances between all series, got {shown(estimator)}, but "
                "outliers can be left out as rows only. Give an estimator that computes distances itself."
            )

    def _check_left(self, y: Any) -> None:
        n_cases, n_left = len(self.inlier_mask_), int(self.inlier_mask_.sum())
        if n_left < self.min_cases:
            raise ValueError(
                f"{shown(self.detector_)} leaves {n_left} of {n_cases} sample(s) to fit on, and `min_cases`="
                f"{self.min_cases} must be left. Make the detector less strict, or lower `min_cases`."
            )
        if y is not None and self.n_outliers_ and not self.allow_lost_classes and is_classifier(self):
            self._check_classes(y)

    def _check_classes(self, y: Any) -> None:
        lost = lost_classes(y, self._kept(y))
        if lost:
            raise ValueError(
                f"{shown(self.detector_)} takes every series of class(es) {shown(lost)} for an outlier. Make it less "
                "strict, or set `allow_lost_classes`=True to fit without these classes."
            )

    def _kept(self, value: Any) -> Any:
        if self.n_outliers_ == 0 or value is None:
            return value
        return _safe_indexing(*indexable(value), np.flatnonzero(self.inlier_mask_))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self) -> Any:
        tags = copy.deepcopy(self._tags_of("estimator"))
        detector = self._tags_of("detector")
        tags.requires_fit = True
        tags.array_api_support = False
        tags.non_deterministic |= detector.non_deterministic
        tags.input_tags.sparse &= detector.input_tags.sparse
        tags.input_tags.allow_nan &= detector.input_tags.allow_nan
        return tags

    def _tags_of(self, name: str) -> Any:
        """Return the tags of an inner estimator. `fit` refuses what has none, and must be able to say so."""
        inner = self.resolved(name)
        return get_tags(inner) if hasattr(inner, "__sklearn_tags__") else super().__sklearn_tags__()


def _has_rows(value: Any, X: Any) -> bool:
    indexed = hasattr(value, "__getitem__") and hasattr(value, "__len__") and getattr(value, "shape", None) != ()
    return indexed and not isinstance(value, (str, bytes, dict)) and _num_samples(value) == _num_samples(X)
