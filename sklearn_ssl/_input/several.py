"""Several data sets, whose numbers of channels and time steps may differ."""

import dataclasses
from typing import NoReturn

import numpy as np

from sklearn_ssl._input.collections import Collection


@dataclasses.dataclass(frozen=True)
class SeveralCollections:
    """Several collections that one net is trained on.

    Attributes
    ----------
    sets : list of Collection
        The collections.
    """

    sets: list[Collection]

    def __len__(self) -> int:
        return sum(map(len, self.sets))

    @property
    def n_channels(self) -> int:
        """Number of channels of the set with the most."""
        return max(one.n_channels for one in self.sets)

    @property
    def n_timepoints(self) -> int:
        """Number of time steps of the longest series."""
        return max(one.n_timepoints for one in self.sets)

    @property
    def lengths(self) -> np.ndarray:
        """Number of steps of each series, without its padding."""
        return np.concatenate(
            [np.full(len(one), one.n_timepoints) if one.lengths is None else one.lengths for one in self.sets]
        )

    @property
    def channel_counts(self) -> list[int]:
        """The different numbers of channels, the smallest first."""
        return sorted({one.n_channels for one in self.sets})

    @property
    def values(self) -> NoReturn:
        """Raise a ValueError, because there is no array of all series."""
        raise ValueError(
            f"`collections` has {len(self.sets)} sets, but a generator of views is fitted first, to one array of "
            "series. Fit it before, and give it as sklearn.frozen.FrozenEstimator(fitted)."
        )
