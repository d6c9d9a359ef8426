"""A critic that tells real series from those that a generator makes of noise."""

import copy
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl._input.padding import observed_mask, zero_padding
from sklearn_ssl.architectures._base import Architecture, pooled_features
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._critic import check_passes_gradients, held, two_games
from sklearn_ssl.architectures._momentum import MovingAverage
from sklearn_ssl.pooling import Pooling

AT_ONCE = 64  # candidates
SMALLEST_SCALE = 1e-6


class AdversarialArchitecture(Architecture):
    """The encoder with a linear map of its mean is a critic of series. A generator makes series of noise.

    `forward` returns scores for the games of both players. The gradient of the sum of both losses is for the weights of
    each player the gradient of its own loss. So one optimiser trains both.

    A generated series is as long as one of the batch, and as one of the training series when it is sampled.

    Parameters
    ----------
    generator : recipe
        Its ``build(n_noise, n_channels, n_timepoints)`` returns a module that maps noise (B, N) to series (B, C, L).
    n_noise : int
        Number of values N of the noise.
    augmentation : Augmentation
        Changes real and generated series before the critic sees them. It must pass gradients on.
    penalised : bool, default=True
        Whether the slope of the critic is computed.
    smoothing : float, default=0.0
        Share of the weights of the smoothed generator that stays in each step. 0 smooths nothing.
    **common : dict
        Parameters of `Architecture`.

    Attributes
    ----------
    generator : torch.nn.Module
        Maps noise to series.
    critic : torch.nn.Module
        Maps the mean of the encoder's last map to a score.
    n_timepoints : int
        Number of time steps of the series that the generator makes.
    """

    length_counts: torch.Tensor

    def __init__(
        self,
        *,
        generator: Any,
        n_noise: int,
        augmentation: Any,
        n_channels: int,
        n_timepoints: int,
        penalised: bool = True,
        smoothing: float = 0.0,
        **common: Any,
    ) -> None:
        super().__init__(n_channels=n_channels, n_timepoints=n_timepoints, **common)
        check_passes_gradients(augmentation, n_channels, n_timepoints)
        self.n_noise = n_noise
        self.n_timepoints = n_timepoints
        self.augmentation = augmentation
        self.penalised = penalised
        self.smoothing = smoothing
        self.critic_pooling = Pooling(statistics="mean", layers="last").build(self.widths)  # has second derivatives
        self.critic = nn.Linear(self.widths[-1], 1)
        self.generator = generator.build(n_noise=n_noise, n_channels=n_channels, n_timepoints=n_timepoints)
        self.smoothed = MovingAverage()
        if smoothing:
            self.smoothed.copy_of("generator", self.generator)
        self.register_buffer("length_counts", F.one_hot(torch.tensor(n_timepoints - 1), n_timepoints).float())

    def adapt(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> None:
        """Count how long series x (N, C, L) are, and let the encoder set what it does not learn."""
        super().adapt(x, lengths)
        if lengths is not None:
            self.length_counts.copy_(torch.bincount(lengths - 1, minlength=self.n_timepoints))

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return scores of real series, of generated ones for the critic and the generator, and slopes, each (B,)."""
        return self.games(batch.x, batch.lengths, *self.imitated(batch))

    def imitated(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Make series (B, C, L) that are as long as those of a batch, in another order, and return their lengths."""
        made = self.generator(self.noise(len(batch)))[:, :, : batch.x.shape[2]]  # (B, C, L)
        if batch.lengths is None:
            return made, None
        lengths = batch.lengths[torch.randperm(len(batch), device=batch.lengths.device)]
        return zero_padding(made, observed_mask(lengths, made.shape[2])), lengths

    def games(
        self,
        real: torch.Tensor,
        lengths: torch.Tensor | None,
        made: torch.Tensor,
        made_lengths: torch.Tensor | None,
    ) -> tuple[torch.Tensor, ...]:
        """Return what both players compare: real and generated series (B, C, L) to four tensors (B,)."""
        real = self.augmentation(real, lengths)
        made = self.augmentation(made, made_lengths)
        modules = (self.encoder, self.critic_pooling, self.critic)
        return two_games(self.critic_scores, modules, (real, lengths), (made, made_lengths), penalised=self.penalised)

    def critic_scores(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return how real series seem to the critic: x (B, C, L) to (B,)."""
        return self.critic(pooled_features(self.encoder, self.critic_pooling, x, lengths)).squeeze(1)

    def noise(self, n_cases: int) -> torch.Tensor:
        """Draw the noise of some series, (n, N)."""
        return torch.randn(n_cases, self.n_noise, device=self.progress.device)

    def after_step(self) -> None:
        """Move the smoothed generator towards the one that was trained."""
        self.smoothed.follow(self, self.progress.new_full((), self.smoothing))

    @property
    def sampler(self) -> nn.Module:
        """The generator that samples come from."""
        return self.smoothed["generator"] if self.smoothing else self.generator

    def generated(self, n_cases: int) -> torch.Tensor:
        """Make series (n, C, L) of noise, with the lengths of the training series: NaN where they are padded."""
        made = self.sampler(self.noise(n_cases))
        lengths = torch.multinomial(self.length_counts, n_cases, replacement=True) + 1
        return Batch(made, lengths).without_padding(made)


class LatentNeighbours(nn.Module):
    """Series that are made of noise near to the noise whose generated series is most like a given one.

    Parameters
    ----------
    architecture : AdversarialArchitecture
        The generator, and the encoder whose features tell what is alike. It is copied.
    spread : float
        Standard deviation of the step from one noise to its neighbour.
    n_candidates : int
        Number of generated series among which the most similar one is sought.
    """

    latents: torch.Tensor
    features: torch.Tensor
    scale: torch.Tensor

    @torch.no_grad()
    def __init__(self, architecture: AdversarialArchitecture, spread: float, n_candidates: int) -> None:
        super().__init__()
        self.architecture = copy.deepcopy(architecture).eval().requires_grad_(False)
        self.spread = spread
        latents = self.architecture.noise(n_candidates)  # (M, N)
        made = map(self.architecture.sampler, latents.split(AT_ONCE))
        features = torch.cat([self.architecture.features(series) for series in made])  # (M, F)
        self.register_buffer("latents", latents)
        self.register_buffer("scale", features.std(0, correction=0).clamp(min=SMALLEST_SCALE))
        self.register_buffer("features", features / self.scale)

    def draw(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Draw the steps between neighbours."""
        return {"step": torch.randn(len(x), self.latents.shape[1], device=x.device)}

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None, draws: dict[str, torch.Tensor]) -> torch.Tensor:
        """Make a series for each one of x (B, C, L): (B, C, L)."""
        features = self.architecture.features(x, lengths) / self.scale  # (B, F)
        nearest = torch.cdist(features, self.features).argmin(1)
        made = self.architecture.sampler(self.latents[nearest] + self.spread * draws["step"])
        return F.pad(made, (0, x.shape[2] - made.shape[2]))


class TransformedAdversarialArchitecture(AdversarialArchitecture):
    """The critic also tells which of some numbered transformations was applied to a series.

    It learns this from real series alone. The generator learns to make series of which the critic can tell it.

    Parameters
    ----------
    transformations : NumberedTransformations
        The transformations. One is drawn for each series of a batch.
    **adversarial : dict
        Parameters of `AdversarialArchitecture`.

    Attributes
    ----------
    guesser : torch.nn.Module
        Maps the mean of the encoder's last map to a logit for each number.
    """

    def __init__(self, *, transformations: Any, n_channels: int, n_timepoints: int, **adversarial: Any) -> None:
        transformations.check_shape(n_channels, n_timepoints)
        super().__init__(n_channels=n_channels, n_timepoints=n_timepoints, **adversarial)
        self.transformations = transformations
        self.guesser = nn.Linear(self.widths[-1], transformations.n_numbers)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the outputs for the games, numbers (B,), and logits of real and generated series, each (B, K)."""
        imitated = self.imitated(batch)
        games = self.games(batch.x, batch.lengths, *imitated)
        number = torch.randint(self.transformations.n_numbers, (len(batch),), device=batch.x.device)
        logits = self.guesses(batch.x, batch.lengths, number)
        with held(self.encoder, self.critic_pooling, self.guesser):
            fooled = self.guesses(*imitated, number)
        return *games, number, logits, fooled

    def guesses(self, x: torch.Tensor, lengths: torch.Tensor | None, number: torch.Tensor) -> torch.Tensor:
        """Return the logits of series x (B, C, L) after the transformations with these numbers, (B, K)."""
        x = self.transformations.apply(x, lengths, number)
        return self.guesser(pooled_features(self.encoder, self.critic_pooling, x, lengths))
