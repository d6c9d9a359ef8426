"""The base of the methods whose encoder learns to tell real series from generated ones."""

import abc
import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch.nn.modules.batchnorm import _BatchNorm

from sklearn_ssl._engine.batches import Companion, SeriesDataset
from sklearn_ssl._engine.critic import CriticMonitor
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._engine.random_streams import forked_generators, seeded_stream
from sklearn_ssl._input.collections import Collection
from sklearn_ssl._parameters.hyperparameters import choice, number, recipe
from sklearn_ssl._parameters.notices import warn_caller
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.architectures import Architecture
from sklearn_ssl.architectures._adversarial import LatentNeighbours
from sklearn_ssl.architectures._critic import scores_and_slope
from sklearn_ssl.augmentations import Compose
from sklearn_ssl.augmentations._given import as_augmentation
from sklearn_ssl.base.generative import GenerativeMixin, check_lengths
from sklearn_ssl.base.trained import SSLTransformer
from sklearn_ssl.encoders import StridedEncoder
from sklearn_ssl.generators import ConvGenerator


class AdversarialTransformer(GenerativeMixin, SSLTransformer, abc.ABC):
    """A transformer whose encoder is part of a critic, which tells real series from those that a generator makes.

    `transform` returns the features of the critic's encoder, and `sample` returns series that the generator makes. Both
    are trained in the same steps. The automatic number of steps is for features. Samples need 1,000 to 3,000 steps:
    ``max_steps=3000``. Scale the series before, so that all channels count.

    Parameters
    ----------
    encoder : recipe, callable or torch.nn.Module, default=None
        As for all transformers, but None is ``StridedEncoder(norm="none")``. An encoder with batch normalisation gets
        a warning.
    generator : generator, default=None
        Turns noise into series. None is ``ConvGenerator(width=32, noise_inputs=True)``.
    n_noise : int, default=32
        Number of values of the noise.
    objective : {"non-saturating", "hinge", "minimax"}, default="non-saturating"
        The game, as in `sklearn_ssl.losses.gan_loss`. "minimax" is the form that was published first. Its generator
        learns slowly while the critic is right.
    penalty : float, default=1.0
        Weight of the squared slope of the critic at real series. 0 leaves it out, which seldom goes well.
    generator_lr_ratio : float, default=1.0
        Learning rate of the generator divided by that of the critic, which is `lr`.
    smoothing : float, default=0.0
        Share of the weights of the generator of `sample` that stays in each step. The rest comes from the one that is
        trained. 0 samples from the latter.
    augmentation : Augmentation, default=None
        Changes real and generated series before the critic sees them. It must be one of this package, which gradients
        pass through. Functions do not pass them. None is ``Compose()``, which changes nothing.
    lr : float, default=2e-3
        Highest learning rate of the critic. Adam's betas are 0 and 0.99.
    weight_decay : float, default=0.0
        Weight decay of AdamW.
    """

    encoder: Any = recipe(default_factory=partial(StridedEncoder, norm="none"))
    generator: Any = recipe(default_factory=partial(ConvGenerator, width=32, noise_inputs=True), needs="build")
    n_noise: int = number(default=32, least=1, integer=True)
    objective: str = choice("non-saturating", "hinge", "minimax", default="non-saturating")
    penalty: float = number(default=1.0, least=0)
    generator_lr_ratio: float = number(default=1.0, above=0)
    smoothing: float = number(default=0.0, least=0, below=1)
    augmentation: Any = recipe(default_factory=Compose, needs="__call__")
    lr: float = 2e-3
    weight_decay: float = 0.0

    def realism(self, X: Any) -> np.ndarray:
        """Return how real every series seems to the critic.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `transform`.

        Returns
        -------
        ndarray of shape (n_cases,)
            The scores, float32. They are above 0 for series that seem real.
        """
        net, dataset = self._ready(X)
        return torch.cat(list(net.represent(dataset, "critic_scores"))).numpy()

    def view_source(self, spread: float, n_candidates: int) -> torch.nn.Module:
        """Return what makes generated views of series, for `sklearn_ssl.augmentations.GeneratedViews`.

        Parameters
        ----------
        spread : float
            Standard deviation of the step between the noise of neighbours.
        n_candidates : int
            Number of generated series among which the most similar one is sought.

        Returns
        -------
        torch.nn.Module
            Has ``draw(x)`` and ``forward(x, lengths, draws)``.
        """
        check_is_fitted(self)
        net = self.net_
        with seeded_stream(net.seed, torch.device(net.device)):
            return LatentNeighbours(net.module_, spread, n_candidates)

    def _with_critic(self, architecture: Callable[..., Architecture], **own: Any) -> Callable[..., Architecture]:
        """Bind what every architecture of this family takes, and what this one takes beyond."""
        return partial(
            architecture,
            generator=self.resolved("generator"),
            n_noise=self.n_noise,
            augmentation=as_augmentation(self.resolved("augmentation")),
            penalised=self.penalty > 0,
            smoothing=self.smoothing,
            **own,
        )

    def _training_params(self) -> dict[str, Any]:
        return {
            "optimizer__betas": (0.0, 0.99),  # momentum lets the players circle around each other
            "optimizer__param_groups": [("generator.*", {"lr": self.lr * self.generator_lr_ratio})],
            "callbacks": [("critic", CriticMonitor())],
        }

    def _dataset(self, net: SSLNet, collection: Collection, companion: Companion | None) -> SeriesDataset:
        check_lengths(net, collection)
        return super()._dataset(net, collection, companion)

    def _build_net(self, collection: Collection, n_cases: int | None = None) -> SSLNet:
        net = super()._build_net(collection, n_cases)
        _check_critic(net, collection.n_channels, self)
        return net


def _check_critic(net: SSLNet, n_channels: int, transformer: Any) -> None:
    """Raise a ValueError if the critic cannot be trained, and warn if it has batch normalisation."""
    module = copy.deepcopy(net.module_).train()
    device = torch.device(net.device)
    with forked_generators(device):
        x = torch.zeros(2, n_channels, module.n_timepoints, device=device)
        _check_slopes(module, x, transformer)
    if any(isinstance(part, _BatchNorm) for part in module.encoder.modules()):
        warn_caller(
            f"`encoder` {shown(transformer.resolved('encoder'))} has batch normalisation, so that real and generated "
            'series are normalised differently. norm="layer" or norm="none" is steadier.'
        )


def _check_slopes(module: Any, x: torch.Tensor, transformer: Any) -> None:
    try:
        score, slope = scores_and_slope(module.critic_scores, x, None, penalised=True)
        torch.autograd.grad(slope.sum() if module.penalised else score.sum(), module.critic.weight)
    except RuntimeError as error:
        remedy = "set `penalty=0` or " if module.penalised else ""
        raise ValueError(
            f"`encoder` {shown(transformer.resolved('encoder'))} has no {'second ' * module.penalised}derivative: "
            f'{remedy}take StridedEncoder(norm="none").'
        ) from error
