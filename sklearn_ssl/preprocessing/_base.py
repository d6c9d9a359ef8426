"""The base of all transformers from series to series."""

import abc
import copy
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._input.collections import Collection, validated_collection
from sklearn_ssl._input.on_disk import OnDisk
from sklearn_ssl._input.plain import plain
from sklearn_ssl._parameters.fitted_state import unchanged_on_error
from sklearn_ssl._parameters.hyperparameters import Hyperparameters
from sklearn_ssl._parameters.scikit_learn import OneToOneFeatureMixin, TransformerMixin
from sklearn_ssl.preprocessing._forms import channel_names, for_series, in_form_of


def _rows_changed(transformer: Any, rows: np.ndarray) -> np.ndarray:
    return np.asarray(transformer.transform(rows))


class _Table(TransformerMixin):
    # Scikit-learn wraps this method, so that it returns `table` in the container that `set_output` chose.
    def transform(self, X: Any, table: np.ndarray) -> Any:
        return table


class CollectionTransformer(OneToOneFeatureMixin, _Table, Hyperparameters, abc.ABC, auto_wrap_output_keys=None):
    """A transformer from series to series.

    The result has the form of the input: a 2-D array, a 3-D array or a list of 2-D arrays. There is one exception:
    where one channel becomes several, a 2-D array becomes a 3-D one. The dtypes float32 and float64 are kept, and all
    others become float64. The input is never changed. `set_output` acts on 2-D results only.

    Series on disk stay there: the result is an :class:`~sklearn_ssl.datasets.OnDisk`, whose series are changed when
    they are read.

    A subclass learns in `_learn`, and returns the new series from `_changed`.

    Attributes
    ----------
    n_channels_in_ : int
        Number of channels seen at fit.
    n_features_in_ : int
        Number of time steps seen at fit, for 2-D input only.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names seen at fit, for data frames only.
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from the training series.

        Parameters
        ----------
        X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), or list of 2-D arrays
            The series. 2-D input is one channel. In a list of arrays (n_channels, n_timepoints) the series may have
            unequal lengths. NaN is a missing value; trailing steps at which all channels are NaN are padding.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the input is not valid. A transformer that was fitted before then stays as it was.
        """
        with unchanged_on_error(self):
            self._learn(self._checked(X, reset=True))
        return self

    def transform(self, X: Any) -> Any:  # type: ignore[override]
        """Transform every series.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`, with the same number of channels. 3-D input may have another number of time
            steps.

        Returns
        -------
        array, data frame or list of arrays
            The new series, in the form of `X`.
        """
        check_is_fitted(self)
        X = plain(X)
        if isinstance(X, OnDisk):
            self._checked(X[:1], reset=False)  # the others are checked when they are read
            return self._on_disk(X)
        return self._contained(X, self._changed(self._checked(X, reset=False)))

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Learn from the training series and transform them.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`.
        y : object, default=None
            Ignored.

        Returns
        -------
        array, data frame or list of arrays
            The new series, in the form of `X`.
        """
        with unchanged_on_error(self):
            X = plain(X)
            collection = self._checked(X, reset=True)
            self._learn(collection)
            return self._on_disk(X) if isinstance(X, OnDisk) else self._contained(X, self._changed(collection))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the time steps of 2-D results, or of the channels of all others.

        Parameters
        ----------
        input_features : list of str or None, default=None
            Names of the time steps of 2-D input, or of the channels of any other. None takes the column names seen at
            fit, or else x0, x1, ... for time steps and channel0, channel1, ... for channels.

        Returns
        -------
        ndarray of str
            The names of the result.
        """
        check_is_fitted(self)
        if not hasattr(self, "n_features_in_"):
            return self._channel_names_out(self._channel_names_in(input_features))
        steps = super().get_feature_names_out(input_features)
        return self._step_names_out(steps) if self._n_channels_out == 1 else self._channel_names_out(["channel0"])

    @abc.abstractmethod
    def _learn(self, collection: Collection) -> None:
        """Learn from the training series. The hyper-parameters have been checked before."""

    @abc.abstractmethod
    def _changed(self, collection: Collection) -> Collection:
        """Return new series. The values given may be the user's own array and must not be changed."""

    @property
    def _n_channels_out(self) -> int:
        return self.n_channels_in_

    def _channel_names_out(self, names: list[str]) -> np.ndarray:
        return np.asarray(names, dtype=object)

    def _step_names_out(self, names: np.ndarray) -> np.ndarray:
        return names

    def _channel_names_in(self, names: Any) -> list[str]:
        return channel_names(names, self.n_channels_in_)

    def _checked(self, X: Any, *, reset: bool) -> Collection:
        self.check_hyperparameters()
        return validated_collection(self, X, reset=reset, dtype=None, allow_missing=True, in_pieces=True)

    def _on_disk(self, X: OnDisk) -> OnDisk:
        return X.changed(partial(_rows_changed, copy.copy(self)))

    def _contained(self, X: Any, collection: Collection) -> Any:
        result = in_form_of(X, collection)
        if isinstance(result, list) or result.ndim == 3 or not hasattr(self, "n_features_in_"):
            return result
        return super().transform(X, result)

    def __sklearn_tags__(self) -> Any:
        tags = for_series(super().__sklearn_tags__())
        tags.transformer_tags.preserves_dtype = ["float32", "float64"]
        return tags
