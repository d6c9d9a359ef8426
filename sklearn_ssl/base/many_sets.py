"""Training on several data sets at once."""

import copy
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._input.collections import Collection, collection_of
from sklearn_ssl._parameters.shown import shown


class Origins:
    """Channels and weights of series that come from several data sets, as their companion.

    Parameters
    ----------
    n_channels : int Tensor of shape (n_cases,)
        Number of channels of each series.
    weight : Tensor of shape (n_cases,)
        Weight of each series in the loss.
    """

    def __init__(self, n_channels: torch.Tensor, weight: torch.Tensor) -> None:
        self.n_channels = n_channels
        self.weight = weight

    def of_rows(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return channels and weights of these rows."""
        return {"n_channels": self.n_channels[rows], "weight": self.weight[rows]}

    def to(self, device: torch.device) -> "Origins":
        """Return the same on a device."""
        return Origins(self.n_channels.to(device), self.weight.to(device))

    def content(self) -> bytes:
        """Return bytes that are equal for equal origins."""
        return self.n_channels.cpu().numpy().tobytes() + self.weight.cpu().numpy().tobytes()


class ManySetsMixin:
    """`fit_many` for transformers that can be trained on several data sets at once."""

    n_channels_in_: int

    def fit_many(self, collections: Sequence[Any]) -> Self:
        """Build a new encoder and train it on several data sets.

        The sets may differ in their numbers of channels and time steps. Each set counts alike in the loss, whatever its
        size. Afterwards the transformer takes series with as many channels as the set with the most; `for_channels`
        gives one for another number.

        Parameters
        ----------
        collections : list of collections
            Two or more sets. Each is an array of shape (n_cases, n_channels, n_timepoints) or a list of 2-D arrays.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError, TypeError
            If there are fewer than two sets, or one of them is not a collection. A transformer that was fitted before
            stays as it was.
        """
        sets = [_checked_set(number, one) for number, one in enumerate(_checked_sets(collections))]
        n_channels = np.repeat([one.n_channels for one in sets], [len(one) for one in sets])
        weights = np.repeat([1 / len(one) for one in sets], [len(one) for one in sets]) * len(n_channels) / len(sets)
        origins = Origins(torch.from_numpy(n_channels), torch.from_numpy(weights.astype(np.float32)))
        return self.fit(_joined(sets), origins)  # type: ignore[attr-defined]

    def for_channels(self, n_channels: int) -> Self:
        """Return a fitted copy for series with another number of channels. It shares the trained net.

        Parameters
        ----------
        n_channels : int
            Number of channels, at least 1.

        Returns
        -------
        transformer : object
            The copy.

        Raises
        ------
        ValueError
            If the number is not a whole number of at least 1.
        """
        check_is_fitted(self)
        if isinstance(n_channels, bool) or not isinstance(n_channels, (int, np.integer)) or n_channels < 1:
            raise ValueError(f"`n_channels` must be a whole number of at least 1, got {shown(n_channels)}.")
        other = copy.copy(self)
        other.n_channels_in_ = int(n_channels)
        for name in ("n_features_in_", "feature_names_in_"):
            vars(other).pop(name, None)
        return other


def _checked_sets(collections: Any) -> list:
    if not isinstance(collections, (list, tuple)):
        raise TypeError(f"`collections` must be a list of data sets, got {shown(collections)}. Use fit(X) for one set.")
    if len(collections) < 2:
        raise ValueError(f"`collections` must have two data sets or more, got {len(collections)}. Use fit(X) for one.")
    return list(collections)


def _checked_set(number: int, X: Any) -> Collection:
    """Turn a set into a collection; a 2-D array could be one series of several channels as well."""
    if np.ndim(X[0] if isinstance(X, (list, tuple)) and len(X) else X) != (2 if isinstance(X, (list, tuple)) else 3):
        raise ValueError(
            f"`collections[{number}]` must be an array of shape (n_cases, n_channels, n_timepoints) or a list of 2-D "
            f"arrays, got {shown(X)}. For series of one channel in a 2-D array pass X[:, None]."
        )
    try:
        return collection_of(X)
    except (ValueError, TypeError) as error:
        raise type(error)(f"`collections[{number}]`: {error}") from error


def _joined(sets: list[Collection]) -> np.ndarray:
    """Put all series into one array: zeros in channels that a series lacks, NaN after its end."""
    shape = (sum(len(one) for one in sets), max(one.n_channels for one in sets), max(one.n_timepoints for one in sets))
    X = np.full(shape, np.nan, dtype=np.float32)
    row = 0
    for one in sets:
        rows = X[row : row + len(one), :, : one.n_timepoints]
        rows[:, : one.n_channels] = one.values
        rows[:, one.n_channels :] = np.where(np.isnan(one.values[:, :1]), np.nan, 0)
        row += len(one)
    return X
