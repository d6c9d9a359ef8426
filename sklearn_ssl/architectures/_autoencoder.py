"""Series that are rebuilt from a few numbers."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl._input.padding import resize_mask, zero_padding
from sklearn_ssl.architectures._base import Architecture, maps
from sklearn_ssl.architectures._batch import Batch

LONGEST_PIECE = 8  # steps of a map
N_FEATURES_OF_PIECE = 64
MOST_LOG_VARIANCE = 10.0


class BottleneckArchitecture(Architecture):
    """The last map of the encoder becomes a few numbers, its code, and a generator makes a series of the code.

    A code must tell where in a series something is, which pooled features do not.

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
        Maps the last map of the encoder (B, D, L') to codes.
    generator : torch.nn.Module
        Maps codes to series.
    n_timepoints : int
        Number of time steps of the series that the generator makes.
    """

    def __init__(self, *, width: int, generator: Any, n_channels: int, n_timepoints: int, **common: Any) -> None:
        super().__init__(n_channels=n_channels, n_timepoints=n_timepoints, **common)
        self.width = width
        self.n_timepoints = n_timepoints
        self.bottleneck = Bottleneck(self.widths[-1], self.n_steps, self.n_bottleneck)
        self.generator = generator.build(n_noise=width, n_channels=n_channels, n_timepoints=n_timepoints)

    @property
    def n_bottleneck(self) -> int:
        """Number of values that the bottleneck computes for a series."""
        return self.width

    def codes(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the code of each series: x (B, C, L) to (B, P)."""
        return self.narrowed(x, lengths)

    def narrowed(self, x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        """Return what the bottleneck computes: x (B, C, L) to (B, n_bottleneck)."""
        layers, mask = maps(self.encoder, x, lengths)
        h = layers[-1]  # (B, D, L')
        return self.bottleneck(h if mask is None else zero_padding(h, resize_mask(mask, h.shape[2])))

    def decoded(self, codes: torch.Tensor, n_timepoints: int) -> torch.Tensor:
        """Return the first steps of what the generator makes, and zeros after its last step: (B, P) to (B, C, L)."""
        return F.pad(self.generator(codes), (0, n_timepoints - self.n_timepoints))

    def rebuilt(self, batch: Batch) -> torch.Tensor:
        """Rebuild the series of a batch: (B, C, L), NaN where they are padded."""
        return batch.without_padding(self.decoded(self.codes(batch.x, batch.lengths), batch.x.shape[2]))


class Bottleneck(nn.Module):
    """Pieces of a map become features, and those of all pieces, in their order, become a few numbers.

    Parameters
    ----------
    n_features : int
        Number of features D of a step.
    n_steps : int
        Largest number of steps L'. Shorter maps count as followed by zeros.
    n_out : int
        Number of values that are computed.
    """

    def __init__(self, n_features: int, n_steps: int, n_out: int) -> None:
        super().__init__()
        piece = min(LONGEST_PIECE, n_steps)
        n_pieces = -(-n_steps // piece)
        self.n_steps = n_pieces * piece
        self.pieces = nn.Conv1d(n_features, N_FEATURES_OF_PIECE, piece, stride=piece)
        self.out = nn.Linear(N_FEATURES_OF_PIECE * n_pieces, n_out)

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        """Map (B, D, L') to (B, n_out)."""
        h = F.pad(h, (0, self.n_steps - h.shape[2]))
        return self.out(F.relu(self.pieces(h)).flatten(1))


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
        mean, log_variance = self.narrowed(x, lengths).float().chunk(2, dim=1)
        return mean, MOST_LOG_VARIANCE * torch.tanh(log_variance / MOST_LOG_VARIANCE)  # whose exponential is finite

    def codes(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the mean code of each series: x (B, C, L) to (B, P)."""
        return self.distribution(x, lengths)[0]

    def generated(self, n_cases: int) -> torch.Tensor:
        """Make series of standard normal codes, (n, C, L)."""
        return self.generator(torch.randn(n_cases, self.width, device=self.progress.device))
