"""An encoder that is the mean of all weights that a learner had."""

import copy
from typing import Any

import torch
from torch import nn

from sklearn_ssl.architectures._base import Architecture, pooled_features


class AveragedArchitecture(Architecture):
    r"""A learner, and an encoder with the mean of the weights that the learner had at the start and after every step.

    After step k the encoder's weights :math:`\bar\theta` become
    :math:`\bar\theta + (\theta_k - \bar\theta) / (k + 1)`, so that :math:`\theta_0, \dots, \theta_k` count alike.
    Running statistics are averaged too. Features in evaluation mode are those of the encoder, so that `transform`,
    saved files and fine-tuning have the mean. In training mode they are those of the learner.

    Parameters
    ----------
    **common : dict
        Parameters of `Architecture`.

    Attributes
    ----------
    learner : torch.nn.Module
        What the gradient reaches.
    encoder : torch.nn.Module
        The mean. It receives no gradient.
    n_averaged : Tensor of shape ()
        Number of weights in the mean.
    """

    n_averaged: torch.Tensor

    def __init__(self, **common: Any) -> None:
        super().__init__(**common)
        self.learner = copy.deepcopy(self.encoder)
        self.encoder.requires_grad_(False)
        self.register_buffer("n_averaged", torch.ones(()))

    @property
    def current(self) -> nn.Module:
        """The learner in training mode, and else the encoder."""
        return self.learner if self.training else self.encoder

    def adapt(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> None:
        """Let the encoder set values that it does not learn from series x (N, C, L), and copy them to the learner."""
        super().adapt(x, lengths)
        self.learner.load_state_dict(self.encoder.state_dict())

    @torch.no_grad()
    def after_step(self) -> None:
        """Take the learner's new weights into the mean, in training mode only: fine-tuning trains the encoder."""
        if not self.training:
            return
        self.n_averaged += 1
        newest = self.learner.state_dict()
        for name, value in self.encoder.state_dict().items():
            if value.is_floating_point():
                value.lerp_(newest[name], 1 / self.n_averaged)
            else:
                value.copy_(newest[name])

    def features(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Pool the maps of the encoder, or in training mode of the learner: x (B, C, L) to (B, F)."""
        return pooled_features(self.current, self.pooling, x, lengths)
