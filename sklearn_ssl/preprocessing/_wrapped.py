"""The base of transformers that apply one of scikit-learn to tables of time steps."""

import abc
import contextlib
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils import get_tags

from sklearn_ssl._parameters.hyperparameters import recipe
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.preprocessing._base import CollectionTransformer
from sklearn_ssl.preprocessing._forms import channel_names

# These scalers treat columns independently, and rows too once they are fitted. They ignore NaN.
SCALERS = (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler)


def spared_second_look(transformer: Any) -> contextlib.AbstractContextManager:
    """Return a context in which scalers do not search for infinite values: series have been checked before."""
    return config_context(assume_finite=True) if type(transformer) in SCALERS else contextlib.nullcontext()


class WrappedTransformer(CollectionTransformer, abc.ABC):
    """A transformer of series that applies a transformer of tables, with one row per time step.

    Parameters
    ----------
    transformer : scikit-learn transformer or None, default=None
        The transformer that is applied to the table, whose columns are the channels. A copy of it is fitted, never
        itself. None is ``StandardScaler()``.
    """

    transformer: Any = recipe(default_factory=StandardScaler, kw_only=False)

    def _fresh_transformer(self) -> Any:
        transformer = self.resolved("transformer")
        if isinstance(transformer, type) or not (hasattr(transformer, "fit") and hasattr(transformer, "transform")):
            raise TypeError(
                f"{type(self).__name__}: `transformer` must be an object with fit and transform such as "
                f"StandardScaler(), got {shown(transformer)}."
            )
        return clone(transformer)

    def _dense(self, result: Any, n_rows: int) -> np.ndarray:
        table = result.toarray() if sparse.issparse(result) else np.asarray(result)
        if table.ndim != 2 or len(table) != n_rows:
            raise ValueError(
                f"{type(self).__name__}: {shown(self.resolved('transformer'))} must return a row for each of the "
                f"{n_rows} time steps, got shape {table.shape}. Choose a transformer that keeps all rows."
            )
        return table

    @property
    def _n_channels_out(self) -> int:
        return self.n_channels_out_

    def _channel_names_out(self, names: list[str]) -> np.ndarray:
        if self.n_channels_out_ != len(names):
            names = channel_names(None, self.n_channels_out_)
        return super()._channel_names_out(names)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        transformer = self.resolved("transformer")
        if hasattr(transformer, "__sklearn_tags__") and not isinstance(transformer, type):
            inner = get_tags(transformer)
            tags.input_tags.allow_nan = inner.input_tags.allow_nan or inner.no_validation
        return tags
