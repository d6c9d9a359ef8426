"""A transformer of tables, applied to each series by itself."""

import typing
from collections.abc import Iterator

import numpy as np

from sklearn_ssl._input.collections import Collection
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.preprocessing._pieces import series_in_cache
from sklearn_ssl.preprocessing._wrapped import SCALERS, WrappedTransformer, spared_second_look


@typing.final
class SeriesWise(WrappedTransformer):
    """Fit and apply a scikit-learn transformer to each series by itself.

    Each series is a table with one column per channel and one row per time step, without its padding. A new copy of
    `transformer` is fitted on that table, and transforms it. So ``StandardScaler()`` gives every channel of every
    series mean 0 and standard deviation 1, and ``MinMaxScaler()`` gives it the range from 0 to 1. ``StandardScaler()``
    makes a constant channel zero.

    Nothing is learnt from the training series, so there is no `inverse_transform`. Scalers make
    series the same that differ only in their level. Use `ChannelWise` if the level matters.

    Scikit-learn's scalers treat all series at once. Any other transformer costs one fit per series.

    Padding stays padding. A series without any observed step stays as it is, and so does a channel that is missing in a
    whole series. The transformer also gets the missing values (NaN) inside series. Scalers leave them as they are.

    Attributes
    ----------
    n_channels_out_ : int
        Number of channels of the result.

    Raises
    ------
    TypeError
        If `transformer` has no `fit` and `transform`.
    ValueError
        If `transformer` returns different numbers of channels for different series, or refuses a series.

    See Also
    --------
    ChannelWise : Transforms each channel by its statistics over the training series.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from sklearn_ssl.preprocessing import SeriesWise
    >>> X = np.array([[[0.0, 5.0, 10.0]], [[100.0, 300.0, np.nan]]])
    >>> SeriesWise(MinMaxScaler()).fit_transform(X)
    array([[[0. , 0.5, 1. ]],
    <BLANKLINE>
           [[0. , 1. , nan]]])
    """

    def _learn(self, collection: Collection) -> None:
        if collection.lengths is not None and not collection.lengths.any():
            raise ValueError("X has no observed value: all are NaN. Give at least one series with values.")
        if self._only_scales:
            self._scaled(collection.read(slice(1)))
            self.n_channels_out_ = collection.n_channels
        else:
            _, table = next(self._tables(collection))
            self.n_channels_out_ = table.shape[1]

    def _changed(self, collection: Collection) -> Collection:
        values = self._scaled(collection) if self._only_scales else self._one_by_one(collection)
        return Collection(values, collection.lengths)

    @property
    def _only_scales(self) -> bool:
        return type(self.resolved("transformer")) in SCALERS

    def _scaled(self, collection: Collection) -> np.ndarray:
        # Scalers treat columns independently and ignore NaN. So each channel of each series can be a column of one fit.
        scaled = collection.values.copy()
        for batch in series_in_cache(collection):
            rows = scaled[batch].reshape(-1, collection.n_timepoints)  # (n * C, L), a view
            observed = ~np.isnan(rows).all(axis=1)
            chosen = slice(None) if observed.all() else observed  # a slice makes no copy
            if observed.any():
                rows[chosen] = self._fitted(rows[chosen].T).T
        return scaled

    def _one_by_one(self, collection: Collection) -> np.ndarray:
        shape = (len(collection), self.n_channels_out_, collection.n_timepoints)
        values = np.full(shape, np.nan, collection.values.dtype)
        for case, table in self._tables(collection):
            if table.shape[1] != self.n_channels_out_:
                raise ValueError(
                    f"SeriesWise: {shown(self.resolved('transformer'))} returned {table.shape[1]} channel(s) for "
                    f"series {case} of X, and {self.n_channels_out_} at fit. Use a transformer that keeps all "
                    "channels, or fill missing ones before."
                )
            values[case, :, : len(table)] = table.T
        return values

    def _tables(self, collection: Collection) -> Iterator[tuple[int, np.ndarray]]:
        for case, series in enumerate(collection.values):
            n_steps = collection.n_timepoints if collection.lengths is None else collection.lengths[case]
            if n_steps > 0:
                yield case, self._fitted(series[:, :n_steps].T.copy())  # (steps, C')

    def _fitted(self, table: np.ndarray) -> np.ndarray:
        transformer = self._fresh_transformer()
        with spared_second_look(transformer):
            return self._dense(transformer.fit_transform(table), len(table))
