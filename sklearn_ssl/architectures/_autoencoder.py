"""Series that are rebuilt from a few numbers."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl.architectures._base import Architecture
from sklearn_ssl.architectures._batch import Batch

MOST_LOG_VARIANCE = 10.0


class BottleneckArchitecture(Architecture):
    """The features of a series become a few numbers, its code, and a generator makes a series of the code.

    Parameters
    ----------
    width : int
        Number of values P of a code.
    generator : recipe
        Its ``build(n_noise, n_channels, n_timepoints)`` returns a module that maps codes (B, P) to series (B, C, L).
    **common : dict
        Parameters of `Architecture`.

    Attributes
    ----------
    bottleneck : torch.nn.Module
        Maps pooled features (B, F) to codes.
    generator : torch.nn.Module
        Maps codes to series.
    n_timepoints : int
        Number of time steps of the series that the generator makes.
    """

    def __init__(self, *, width: int, generator: Any, n_channels: int, n_timepoints: int, **common: Any) -> None:
        super().__init__(n_channels=n_channels, n_timepoints=n_timepoints, **common)
        self.width = width
        self.n_timepoints = n_timepoints
        self.bottleneck = nn.Linear(self.n_features, self.n_bottleneck)
        self.generator = generator.build(n_noise=width, n_channels=n_channels, n_timepoints=n_timepoints)

    @property
    def n_bottleneck(self) -> int:
        """Number of values that the bottleneck computes for a series."""
        return self.width

    def codes(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the code of each series: x (B, C, L) to (B, P)."""
        return self.bottleneck(self.features(x, lengths))

    def decoded(self, codes: torch.Tensor, n_timepoints: int) -> torch.Tensor:
        """Return the first steps of what the generator makes, and zeros after its last step: (B, P) to (B, C, L)."""
        return F.pad(self.generator(codes), (0, n_timepoints - self.n_timepoints))

    def rebuilt(self, batch: Batch) -> torch.Tensor:
        """Rebuild the series of a batch: (B, C, L), NaN where they are padded."""
        return batch.without_padding(self.decoded(self.codes(batch.x, batch.lengths), batch.x.shape[2]))


class AutoencoderArchitecture(BottleneckArchitecture):
    """Series are rebuilt from the codes of corrupted copies of them.

    Parameters
    ----------
    augmentation : Augmentation
        Corrupts the series.
    **bottleneck : dict
        Parameters of `BottleneckArchitecture`.
    """

    def __init__(self, *, augmentation: Any, **bottleneck: Any) -> None:
        super().__init__(**bottleneck)
        self.augmentation = augmentation

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return rebuilt values, values as they were, and 1 at the observed ones, each (B, C, L)."""
        codes = self.codes(self.augmentation(batch.x, batch.lengths), batch.lengths)
        return self.decoded(codes, batch.x.shape[2]), batch.x, batch.observed.to(batch.x.dtype)


class VariationalArchitecture(BottleneckArchitecture):
    """Series are rebuilt from codes that are drawn from a normal distribution for each series.

    Parameters
    ----------
    **bottleneck : dict
        Parameters of `BottleneckArchitecture`.
    """

    @property
    def n_bottleneck(self) -> int:
        """Number of values that the bottleneck computes for a series: means and log-variances."""
        return 2 * self.width

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return rebuilt values, values, and 1 at the observed ones, each (B, C, L); means and log-variances (B, P)."""
        mean, log_variance = self.distribution(batch.x, batch.lengths)
        codes = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        prediction = self.decoded(codes, batch.x.shape[2])
        return prediction, batch.x, batch.observed.to(batch.x.dtype), mean, log_variance

    def distribution(self, x: torch.Tensor, lengths: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and log-variance of the code of each series, each (B, P)."""
        mean, log_variance = self.bottleneck(self.features(x, lengths)).float().chunk(2, dim=1)
        return mean, MOST_LOG_VARIANCE * torch.tanh(log_variance / MOST_LOG_VARIANCE)  # whose exponential is finite

    def codes(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the mean code of each series: x (B, C, L) to (B, P)."""
        return self.distribution(x, lengths)[0]

    def generated(self, n_cases: int) -> torch.Tensor:
        """Make series of standard normal codes, (n, C, L)."""
        return self.generator(torch.randn(n_cases, self.width, device=self.progress.device))
