"""A series in the time domain and in the frequency domain, each with an encoder."""

from typing import Any

import torch
from torch.nn import functional as F

from sklearn_ssl.architectures._base import Architecture, pooled_features
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._windows import observed_steps


class TwoDomainArchitecture(Architecture):
    r"""Features of every series and of its spectrum, from two encoders of the same kind.

    The spectrum of a series of n steps is :math:`\log(1 + |X_k| / n)` with

    .. math:: X_k = \sum_{t=0}^{n-1} x_t \, e^{-2 \pi i k t / L}, \quad k = 0, \dots, \lfloor L / 2 \rfloor,

    where L is the number of steps of the longest series of `fit`. So series of any length have spectra at the same
    frequencies, and padding changes nothing.

    Parameters
    ----------
    projector : recipe
        Head from the features of a domain to projections; each domain has its own.
    **common : dict
        Parameters of `Architecture`.

    Attributes
    ----------
    spectral_encoder, spectral_pooling : torch.nn.Module
        For the spectra; as `encoder` and `pooling`, with weights of their own.
    projector, spectral_projector : torch.nn.Module
        The heads.
    n_projections : int
        Width P of the projections.
    """

    def __init__(self, *, projector: Any, n_timepoints: int, **common: Any) -> None:
        super().__init__(n_timepoints=n_timepoints, **common)
        spectral = Architecture(n_timepoints=n_timepoints // 2 + 1, **common)
        self.spectral_encoder, self.spectral_pooling = spectral.encoder, spectral.pooling
        n_features = self.n_features
        self.n_features_of_layers = [*self.n_features_of_layers, *spectral.n_features_of_layers]
        self.n_timepoints = n_timepoints
        self.projector = projector.build(n_features)
        self.spectral_projector = projector.build(n_features)
        self.n_projections = projector.n_outputs(n_features)

    def adapt(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> None:
        """Let both encoders set values that they do not learn from series x (N, C, L)."""
        super().adapt(x, lengths)
        adapt = getattr(self.spectral_encoder, "adapt", None)
        if adapt is not None:
            adapt(self.magnitudes(x, lengths).log1p())

    def embeddings(
        self, domain: str, x: torch.Tensor, lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return pooled features and projections by the modules of a domain, whose names begin alike."""
        encoder, pooling, projector = (getattr(self, domain + name) for name in ("encoder", "pooling", "projector"))
        h = pooled_features(encoder, pooling, x, lengths)
        return h, projector(h)

    def features(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Pool the features of series and of their spectra: x (B, C, L) to (B, F)."""
        spectra = self.magnitudes(x, lengths).log1p()
        h = pooled_features(self.encoder, self.pooling, x, lengths)
        return torch.cat([h, pooled_features(self.spectral_encoder, self.spectral_pooling, spectra, None)], dim=1)

    def magnitudes(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the magnitudes of the spectra, divided by the observed steps: x (B, C, L) to (B, C, K)."""
        period = self.n_timepoints
        folded = F.pad(x, (0, -x.shape[2] % period)).unflatten(2, (-1, period)).sum(2)  # exp(-2 pi i k t / L) repeats
        spectrum = torch.fft.rfft(folded.float())  # (B, C, K)
        return spectrum.abs() / observed_steps(x, lengths)[:, None, None]


class TimeFrequencyArchitecture(TwoDomainArchitecture):
    """Features and projections of every series and of its spectrum, and of changed copies of both.

    The changed spectrum lacks a random share of its frequencies in each channel. To another share it adds up to a tenth
    of the largest magnitude of the channel.

    Parameters
    ----------
    augmentation : Augmentation
        Changes the series in the time domain.
    share : float
        Share of the frequencies that are removed, and of those that are raised.
    **domains : dict
        Parameters of `TwoDomainArchitecture`.
    """

    def __init__(self, *, augmentation: Any, share: float, **domains: Any) -> None:
        super().__init__(**domains)
        self.augmentation = augmentation
        self.share = share

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return features of series, changed series, spectra and changed spectra (B, F / 2), and their projections."""
        changed = self.augmentation(batch.x, batch.lengths)  # (B, C, L)
        lengths = None if batch.lengths is None else batch.lengths.repeat(2)
        of_time = self.embeddings("", torch.cat([batch.x, changed]), lengths)  # (2B, F / 2) and (2B, P)
        magnitudes = self.magnitudes(batch.x, batch.lengths)  # (B, C, K)
        both = torch.cat([magnitudes, self._changed(magnitudes)])
        of_spectra = self.embeddings("spectral_", both.log1p())
        h, z = ((*time.chunk(2), *spectra.chunk(2)) for time, spectra in zip(of_time, of_spectra, strict=True))
        return *h, *z

    def _changed(self, magnitudes: torch.Tensor) -> torch.Tensor:
        removed, raised = (torch.rand_like(magnitudes) < self.share for _ in range(2))
        largest = magnitudes.amax(2, keepdim=True)
        more = raised * torch.rand_like(magnitudes) * largest / 10
        return magnitudes * ~removed + more
