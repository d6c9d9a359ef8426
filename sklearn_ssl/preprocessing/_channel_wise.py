"""A transformer of tables, applied to all time steps of all series at once."""

import copy
import typing
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._input.collections import Collection, collection_of
from sklearn_ssl._parameters.fitted_state import unchanged_on_error
from sklearn_ssl.preprocessing._forms import in_form_of
from sklearn_ssl.preprocessing._gaps import missing_channel
from sklearn_ssl.preprocessing._pieces import pieces, series_in_cache
from sklearn_ssl.preprocessing._wrapped import SCALERS, WrappedTransformer, spared_second_look

# For these scalers, `partial_fit` to one batch after the other is the same as one `fit` to all series.
_FITTED_IN_BATCHES = (StandardScaler, MinMaxScaler, MaxAbsScaler)


def _transformer_has(method: str) -> Callable[["ChannelWise"], bool]:
    return lambda self: hasattr(getattr(self, "transformer_", self.resolved("transformer")), method)


@typing.final
class ChannelWise(WrappedTransformer):
    """Apply a scikit-learn transformer to a table with one column per channel and one row per time step.

    The table has the time steps of all training series, without their padding. So ``StandardScaler()`` scales each
    channel by its mean and standard deviation over the training set, ``MinMaxScaler()`` by its range,
    ``SimpleImputer(strategy="median")`` fills gaps with the median of the channel, and ``PCA(2)`` turns the channels of
    a step into two. ``StandardScaler()`` makes a constant channel zero.

    Padding stays padding, and a series without any observed step stays as it is. The transformer also gets the missing
    values (NaN) inside series. Scalers leave them as they are.

    Attributes
    ----------
    transformer_ : scikit-learn transformer
        The fitted copy of `transformer`.
    n_channels_out_ : int
        Number of channels of the result.

    Raises
    ------
    TypeError
        If `transformer` has no `fit` and `transform`.
    ValueError
        If a channel is missing in every training series, or `transformer` refuses the values.

    See Also
    --------
    SeriesWise : Transforms each series by its own statistics.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from sklearn_ssl.preprocessing import ChannelWise
    >>> X = np.array([[[0.0, 5.0], [1.0, 1.0]], [[10.0, np.nan], [3.0, np.nan]]])
    >>> scale = ChannelWise(MinMaxScaler())
    >>> scale.fit_transform(X)
    array([[[0. , 0.5],
            [0. , 0. ]],
    <BLANKLINE>
           [[1. , nan],
            [1. , nan]]])
    >>> scale.transformer_.data_max_
    array([10.,  3.])
    """

    @available_if(_transformer_has("partial_fit"))
    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Continue learning from further series. Available if `transformer` has `partial_fit`.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The transformer.
        """
        started = hasattr(self, "transformer_")
        with unchanged_on_error(self):
            collection = self._checked(X, reset=not started)
            transformer = copy.deepcopy(self.transformer_) if started else self._fresh_transformer()
            self._keep(transformer.partial_fit(_observed_steps(collection.read(slice(None)))), collection)
        return self

    @available_if(_transformer_has("inverse_transform"))
    def inverse_transform(self, X: Any) -> Any:
        """Undo `transform`. Available if `transformer` has `inverse_transform`.

        Parameters
        ----------
        X : array or list of arrays
            Series as `transform` returns them.

        Returns
        -------
        array or list of arrays
            The series as they were before `transform`, in the form of `X`.
        """
        check_is_fitted(self)
        collection = collection_of(X, dtype=None, allow_missing=True)
        if collection.n_channels != self.n_channels_out_:
            raise ValueError(
                f"X has {collection.n_channels} channel(s), but this ChannelWise returns {self.n_channels_out_}. Give "
                "series as `transform` returns them."
            )
        undone = self._per_step(self.transformer_.inverse_transform, collection, self.n_channels_in_)
        return in_form_of(X, undone)

    def _learn(self, collection: Collection) -> None:
        transformer = self._fresh_transformer()
        if type(transformer) in _FITTED_IN_BATCHES:
            _fit_in_batches(transformer, collection)
        else:
            transformer.fit(_observed_steps(collection.read(slice(None))))
        self._keep(transformer, collection)

    def _keep(self, transformer: Any, collection: Collection) -> None:
        case = 0 if collection.lengths is None else int(np.argmax(collection.lengths))
        first_step = collection.read([case]).values[:, :, 0]  # (1, C)
        self.transformer_ = transformer
        self.n_channels_out_ = self._dense(transformer.transform(first_step), 1).shape[1]

    def _changed(self, collection: Collection) -> Collection:
        return self._per_step(self.transformer_.transform, collection, self.n_channels_out_)

    def _per_step(self, function: Callable[[np.ndarray], Any], collection: Collection, n_channels: int) -> Collection:
        values = np.empty((len(collection), n_channels, collection.n_timepoints), collection.values.dtype)
        batches = series_in_cache(collection) if type(self.transformer_) in SCALERS else [slice(None)]
        for rows in batches:
            batch = collection.rows(rows)
            with spared_second_look(self.transformer_):
                table = self._changed_table(function, _steps(batch), n_channels)
            _write(table, values[rows], batch.lengths)
        return Collection(values, collection.lengths)

    def _changed_table(self, function: Callable[[np.ndarray], Any], steps: np.ndarray, n_channels: int) -> np.ndarray:
        if len(steps) == 0:  # no transformer takes an empty table
            return np.empty((0, n_channels))
        return self._dense(function(steps), len(steps))

    def _channel_names_out(self, names: list[str]) -> np.ndarray:
        if hasattr(self.transformer_, "get_feature_names_out"):
            return self.transformer_.get_feature_names_out(names)
        return super()._channel_names_out(names)


def _fit_in_batches(scaler: Any, collection: Collection) -> None:
    # This learns the same as one fit, and moves far less memory. But `partial_fit` spoils the statistics of a channel
    # that is missing in a whole batch. Such a batch is joined to the one before.
    held = np.empty((0, collection.n_channels))
    for piece in pieces(collection):
        steps = _steps(piece)
        if _has_all_channels(held) and _has_all_channels(steps):
            _fit_further(scaler, held)
            held = steps
        else:
            held = np.concatenate([held, steps]) if len(held) else steps
    _fit_further(scaler, _observed(held))


def _fit_further(scaler: Any, steps: np.ndarray) -> None:
    with spared_second_look(scaler):
        scaler.partial_fit(steps)


def _has_all_channels(steps: np.ndarray) -> bool:
    return not np.isnan(steps).all(axis=0).any()


def _observed_steps(collection: Collection) -> np.ndarray:
    return _observed(_steps(collection))


def _observed(steps: np.ndarray) -> np.ndarray:
    for channel, first in enumerate(steps[0] if len(steps) else np.full(steps.shape[1], np.nan)):
        if np.isnan(first) and np.isnan(steps[:, channel]).all():
            raise missing_channel(channel)
    return steps


def _steps(collection: Collection) -> np.ndarray:
    # One copy, channel by channel: it moves whole series at once and makes each column contiguous.
    by_channel = collection.values.transpose(1, 0, 2)  # (C, n, L)
    if collection.lengths is None:
        return np.array(by_channel, order="C").reshape(collection.n_channels, -1).T  # (n * L, C)
    inside = _inside(collection.lengths, collection.n_timepoints)
    return np.stack([channel[inside] for channel in by_channel]).T  # (steps, C)


def _write(steps: np.ndarray, values: np.ndarray, lengths: np.ndarray | None) -> None:
    n_cases, n_channels, n_timepoints = values.shape
    if lengths is None:
        values[...] = steps.T.reshape(n_channels, n_cases, n_timepoints).transpose(1, 0, 2)  # (n, C, L)
    else:
        values[...] = np.nan
        inside = _inside(lengths, n_timepoints)
        for channel, column in zip(values.transpose(1, 0, 2), steps.T, strict=True):
            channel[inside] = column


def _inside(lengths: np.ndarray, n_timepoints: int) -> np.ndarray:
    return np.arange(n_timepoints) < lengths[:, None]  # (n, L)
