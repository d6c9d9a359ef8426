"""The base of the methods that compare groups of channels, such as sensors."""

import abc
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._engine.batches import SeriesDataset
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._input.collections import Collection, collection_of
from sklearn_ssl._input.on_disk import is_on_disk
from sklearn_ssl.architectures import Architecture
from sklearn_ssl.base.contrasted import ContrastedTransformer
from sklearn_ssl.encoders.grouped import checked_groups


class GroupedTransformer(ContrastedTransformer, abc.ABC):
    """A transformer with an encoder for each group of channels.

    A group may be missing in a series, in training and in use: all its values are NaN, or all are 0. `transform` then
    returns the means of its features in training, and `embed` the mean of the groups that are there.

    Parameters
    ----------
    channel_groups : list of lists of int or None, default=None
        The channels of each group, counted from 0, such as ``[[0, 1, 2], [3, 4, 5]]`` for two sensors with three axes
        each. A channel in no group is not used. None takes each channel as a group. A single group is compared with
        another view of itself.
    encoder : Encoder, default=None
        Recipe of the encoder of a group. Each group has one of its own. None is
        ``InceptionEncoder(depth=3, width=16, bottleneck=16)``.
    """

    channel_groups: Any = None

    def _grouped(self, architecture: Callable[..., Architecture], **own: Any) -> Callable[..., Architecture]:
        """Bind what every architecture of this family takes, and what this one takes beyond."""
        return self._contrasted(architecture, channel_groups=self.channel_groups, **own)

    def _checked(self, X: Any, *, reset: bool) -> Collection:
        return super()._checked(self._with_zeros(X), reset=reset)

    def _ready(self, X: Any) -> tuple[SSLNet, SeriesDataset]:
        check_is_fitted(self)
        return super()._ready(self._with_zeros(X))

    def _with_zeros(self, X: Any) -> Any:
        """Put zeros where a whole group is missing in a series that has others."""
        collection = collection_of(X, allow_missing=True, in_pieces=True)
        groups = checked_groups(self.channel_groups, collection.n_channels)
        if is_on_disk(collection.values) or not np.isnan(collection.values).any():
            return X
        return _without_missing_groups(collection, groups)


def _without_missing_groups(collection: Collection, groups: list[list[int]]) -> np.ndarray:
    values = collection.values.copy()  # (n, C, L)
    lengths = np.full(len(values), collection.n_timepoints) if collection.lengths is None else collection.lengths
    observed = np.arange(collection.n_timepoints) < lengths[:, None]  # (n, L)
    for group in groups:
        missing = np.isnan(collection.values[:, group]).all(axis=(1, 2))  # (n,)
        rows, steps = np.nonzero(observed & missing[:, None])
        values[rows[:, None], np.array(group), steps[:, None]] = 0
    return values
