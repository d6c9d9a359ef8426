"""What a step is given."""

import dataclasses
from collections.abc import Mapping

import torch

from sklearn_ssl._input.padding import observed_mask


@dataclasses.dataclass(frozen=True)
class Batch:
    """Some series of the training data, with what is known about them.

    Parameters
    ----------
    x : Tensor of shape (B, C, L)
        The series, on the device; padded steps are 0.
    lengths : Tensor of shape (B,) or None, default=None
        The observed steps of each series. None when no series of the data set is padded.
    index : Tensor of shape (B,) or None, default=None
        The row of each series in the training data. A memory bank needs it.
    companion : dict of str to Tensor, default={}
        What goes with the series, by name. Each tensor has one row per series.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.architectures import Batch
    >>> batch = Batch(torch.zeros(3, 1, 4), lengths=torch.tensor([4, 2, 3]), companion={"target": torch.arange(3)})
    >>> len(batch)
    3
    >>> batch.rows(slice(1, 2)).mask
    tensor([[ True,  True, False, False]])
    >>> batch.rows(slice(1, 2)).companion
    {'target': tensor([1])}
    """

    x: torch.Tensor
    lengths: torch.Tensor | None = None
    index: torch.Tensor | None = None
    companion: Mapping[str, torch.Tensor] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def mask(self) -> torch.Tensor | None:
        """True at the observed steps, (B, L); None when no series is padded."""
        return None if self.lengths is None else observed_mask(self.lengths, self.x.shape[2])

    @property
    def observed(self) -> torch.Tensor:
        """True at the values of observed steps, (B, C, L)."""
        mask = self.mask
        return torch.ones_like(self.x, dtype=torch.bool) if mask is None else mask[:, None].expand_as(self.x)

    def without_padding(self, values: torch.Tensor) -> torch.Tensor:
        """Put NaN at padded steps of values (B, C, L)."""
        return values if self.lengths is None else torch.where(self.observed, values, torch.nan)

    def rows(self, which: slice | torch.Tensor) -> "Batch":
        """Return some of the series with all that belongs to them.

        Parameters
        ----------
        which : slice or int Tensor
            Places within the batch.

        Returns
        -------
        batch : Batch
            These series.
        """
        return Batch(
            self.x[which],
            None if self.lengths is None else self.lengths[which],
            None if self.index is None else self.index[which],
            {name: values[which] for name, values in self.companion.items()},
        )
