import abc
from typing import Any, Self

import numpy as np
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._input.collections import Collection, is_ragged, validated_collection
from sklearn_ssl._parameters.fitted_state import unchanged_on_error
from sklearn_ssl._parameters.hyperparameters import Hyperparameters


class _Table(TransformerMixin):
    # scikit-learn wraps this method, so that `table` comes back in the container that `set_output` asked for.
    def transform(self, X: Any, table: np.ndarray) -> Any:
        return table


class CollectionTransformer(OneToOneFeatureMixin, _Table, Hyperparameters, abc.ABC, auto_wrap_output_keys=None):
    """A transformer from series to series.

    The result has the form of the input: 2-D for 2-D, 3-D for 3-D and a list of 2-D arrays for such a list. Only where
    one channel becomes several, 2-D becomes 3-D. float32 and float64 are kept, all else becomes float64. The input is
    never changed. `set_output` acts on 2-D results; all others stay arrays or lists.

    A subclass says what is learnt in `_learn` and what becomes of the series in `_changed`, which returns new values.

    Attributes
    ----------
    n_channels_in_ : int
        Channels of the series seen at fit.
    n_features_in_ : int
        Time steps seen at fit, for 2-D input only.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names seen at fit, for data frames only.
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from the training series.

        Parameters
        ----------
        X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), or list of 2-D arrays
            The series. 2-D input is one channel; a list of arrays (n_channels, n_timepoints) may have unequal lengths.
            NaN is missing; trailing steps at which all channels are NaN are padding.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the input is not valid. A transformer that was fitted before stays as it was.
        """
        with unchanged_on_error(self):
            self._learn(self._checked(X, reset=True))
        return self

    def transform(self, X: Any) -> Any:  # type: ignore[override]
        """Transform every series.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`, with the same number of channels. 3-D input may have another length.

        Returns
        -------
        array, data frame or list of arrays
            The new series, in the form of `X`.
        """
        check_is_fitted(self)
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
            collection = self._checked(X, reset=True)
            self._learn(collection)
            return self._contained(X, self._changed(collection))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of what stands on the second axis of the result.

        Parameters
        ----------
        input_features : list of str, default=None
            Names of the second axis of the input: time steps of 2-D input, channels of all other. None are the column
            names seen at fit, or else x0, x1, ... for time steps and channel0, channel1, ... for channels.

        Returns
        -------
        ndarray of str
            Names of the time steps of 2-D results, and of the channels of all other.
        """
        check_is_fitted(self)
        if not hasattr(self, "n_features_in_"):
            return self._channel_names_out(self._channel_names_in(input_features))
        steps = super().get_feature_names_out(input_features)
        return self._step_names_out(steps) if self._n_channels_out == 1 else self._channel_names_out(["channel0"])

    @abc.abstractmethod
    def _learn(self, collection: Collection) -> None:
        """Set what `transform` needs to know; hyper-parameters are within their ranges."""

    @abc.abstractmethod
    def _changed(self, collection: Collection) -> Collection:
        """Return new series; the values given are the user's own."""

    @property
    def _n_channels_out(self) -> int:
        return self.n_channels_in_

    def _channel_names_out(self, names: list[str]) -> np.ndarray:
        return np.asarray(names, dtype=object)

    def _step_names_out(self, names: np.ndarray) -> np.ndarray:
        return names

    def _channel_names_in(self, names: Any) -> list[str]:
        if names is None:
            return [f"channel{channel}" for channel in range(self.n_channels_in_)]
        if len(names) != self.n_channels_in_:
            raise ValueError(
                f"input_features should have length equal to the number of channels ({self.n_channels_in_}), "
                f"got {len(names)}."
            )
        return list(names)

    def _checked(self, X: Any, *, reset: bool) -> Collection:
        self.check_hyperparameters()
        return validated_collection(self, X, reset=reset, dtype=None, allow_missing=True)

    def _contained(self, X: Any, collection: Collection) -> Any:
        result = in_form_of(X, collection)
        if isinstance(result, list) or result.ndim == 3 or not hasattr(self, "n_features_in_"):
            return result
        return super().transform(X, result)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float32", "float64"]
        return tags


def in_form_of(X: Any, collection: Collection) -> np.ndarray | list[np.ndarray]:
    """Return the series as a list if `X` is one, else as an array with as many axes as `X` where one channel allows it.

    In a list, series that are still padded have as many steps as in `X`.
    """
    if is_ragged(X):
        if collection.lengths is None:
            return list(collection.values)
        return [series[:, : np.shape(one)[1]] for series, one in zip(collection.values, X, strict=True)]
    n_axes = X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim
    return collection.values[:, 0] if n_axes == 2 and collection.n_channels == 1 else collection.values
