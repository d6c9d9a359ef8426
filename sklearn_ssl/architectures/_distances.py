"""Projections of series and of their spectra, and the distances that those of a batch should have."""

from typing import Any

import torch

from sklearn_ssl._input.padding import observed_mask
from sklearn_ssl._numerics.alignment import soft_dtw
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._frequencies import TwoDomainArchitecture
from sklearn_ssl.architectures._windows import observed_steps
from sklearn_ssl.encoders._tokens import windows_of


class DistanceArchitecture(TwoDomainArchitecture):
    r"""Projections of every series and of its spectrum, and the distances of all series of a batch in both domains.

    In the time domain it is the soft-DTW distance of the series, divided by the standard deviation of at most 512
    training series, so that :math:`\gamma` means the same in any unit. If the longest series of `fit` has more than
    `max_length` steps, the series are replaced by the means of segments before, just so long that there are at most
    `max_length` of them. In the frequency domain it is the Euclidean distance of the spectra that are encoded.

    Parameters
    ----------
    gamma : float
        :math:`\gamma` of the soft minimum.
    max_length : int
        Most steps of the series that are aligned.
    **domains : dict
        Parameters of `TwoDomainArchitecture`.

    Attributes
    ----------
    n_averaged : int
        Number of steps of a segment.
    scale : Tensor of shape ()
        The standard deviation.
    """

    scale: torch.Tensor

    def __init__(self, *, gamma: float, max_length: int, n_timepoints: int, **domains: Any) -> None:
        super().__init__(n_timepoints=n_timepoints, **domains)
        self.gamma = gamma
        self.n_averaged = -(-n_timepoints // max_length)
        self.register_buffer("scale", torch.ones(()))

    def adapt(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> None:
        """Set what the encoders do not learn, and the standard deviation, from series x (N, C, L)."""
        super().adapt(x, lengths)
        values = x.transpose(1, 2)[observed_mask(observed_steps(x, lengths), x.shape[2])]
        scale = values.std(correction=0)
        self.scale = torch.where(scale > 0, scale, 1.0)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return projections of series and of spectra (B, P), and the distances in both domains (B, B)."""
        spectra = self.magnitudes(batch.x, batch.lengths).log1p()  # (B, C, K)
        _, z_time = self.embeddings("", batch.x, batch.lengths)
        _, z_spectrum = self.embeddings("spectral_", spectra)
        distances = torch.cdist(spectra.flatten(1), spectra.flatten(1), compute_mode="donot_use_mm_for_euclid_dist")
        return z_time, z_spectrum, self.aligned_distances(batch.x, batch.lengths), distances

    @torch.no_grad()
    def aligned_distances(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the soft-DTW distances of series x (B, C, L), 0 of a series to itself: (B, B)."""
        observed = observed_steps(x, lengths)
        means = segment_means(x / self.scale, observed, self.n_averaged)
        first, second = torch.triu_indices(len(x), len(x), 1, device=x.device)  # all pairs, each once
        ends = -(-observed // self.n_averaged)
        of_pairs = None if lengths is None else (ends[first], ends[second])
        distances = x.new_zeros(len(x), len(x))
        distances[first, second] = soft_dtw(means[first], means[second], of_pairs, self.gamma)
        return distances + distances.T


def segment_means(x: torch.Tensor, observed: torch.Tensor, width: int) -> torch.Tensor:
    """Return the means over the observed steps of each segment: x (B, C, L), 0 where padded, to (B, C, S)."""
    if width == 1:
        return x
    sums = windows_of(x, width).sum(3)  # (B, C, S)
    n_before = torch.arange(sums.shape[2], device=x.device) * width
    return sums / (observed[:, None] - n_before).clamp(1, width)[:, None]
