"""Architectures that learn from labels and from all series in the same step."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from sklearn_ssl._input.padding import observed_mask
from sklearn_ssl.adversarial import projected_gradient_descent
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._headed import HeadedArchitecture
from sklearn_ssl.architectures._modes import attackable


class SemiSupervisedArchitecture(HeadedArchitecture):
    """Predictions for the labelled series of a batch, and what a self-supervised method makes of the others.

    Parameters
    ----------
    n_labelled : int
        How many series of a batch, the first ones, are for the head; those after them are for the self-supervised
        method. In evaluation mode all are for the head.
    augmentation : Augmentation
        How the labelled series are varied in training.
    **headed : dict
        Parameters of `HeadedArchitecture`.
    """

    def __init__(self, *, n_labelled: int, augmentation: Any, **headed: Any) -> None:
        super().__init__(**headed)
        # features change with every step, and what standardised them at the start would scale them wrongly
        self.head = nn.Sequential(nn.BatchNorm1d(self.n_features, affine=False), self.head)
        self.n_labelled = n_labelled
        self.augmentation = augmentation

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the outputs for the labelled series, their targets and weights, then what the method's loss takes."""
        if not self.training:
            return self.outputs(batch.x, batch.lengths), batch.companion["target"], batch.companion["weight"]
        return self._both(batch)

    def _share_of_layer(self) -> np.ndarray:
        return np.ones(self.n_features)  # the head's normalisation would undo any other, and with it the ridge start

    def _both(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        labelled, rest = batch.rows(slice(self.n_labelled)), batch.rows(slice(self.n_labelled, None))
        view = self.augmentation(labelled.x, labelled.lengths)
        outputs = self.outputs(view, labelled.lengths)  # (n, K)
        return outputs, labelled.companion["target"], labelled.companion["weight"], *self.backbone(rest)


class RobustArchitecture(SemiSupervisedArchitecture):
    r"""The same, of series that were changed to raise the loss: projected gradient descent within a box.

    A value of channel c may move by :math:`\rho s_c`, where :math:`s_c` is the channel's standard deviation.

    Parameters
    ----------
    radius : float
        :math:`\rho`.
    n_attack_steps : int
        Steps of projected gradient descent.
    loss : callable
        The loss of what `forward` returns.
    **semi_supervised : dict
        Parameters of `SemiSupervisedArchitecture`.

    Attributes
    ----------
    spread : Tensor of shape (C, 1)
        The standard deviation :math:`s_c` of each channel, over at most 512 series of the training set.
    """

    spread: torch.Tensor

    def __init__(
        self,
        *,
        radius: float,
        n_attack_steps: int,
        loss: Callable[..., torch.Tensor],
        n_channels: int,
        **semi_supervised: Any,
    ) -> None:
        super().__init__(n_channels=n_channels, **semi_supervised)
        self.radius = radius
        self.n_attack_steps = n_attack_steps
        self.loss = loss
        self.register_buffer("spread", torch.ones(n_channels, 1))

    def adapt(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> None:
        """Take the standard deviation of each channel from series x (N, C, L)."""
        values = x.transpose(0, 1)  # (C, N, L)
        observed = values.flatten(1) if lengths is None else values[:, observed_mask(lengths, x.shape[2])]  # (C, M)
        self.spread = observed.std(dim=1, correction=0).unsqueeze(1)

    def _both(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        changed = self._attacked(batch) if self.radius > 0 else batch.x
        return super()._both(dataclasses.replace(batch, x=changed))

    def _attacked(self, batch: Batch) -> torch.Tensor:
        def objective(moved: torch.Tensor) -> torch.Tensor:
            return self.loss(*super(RobustArchitecture, self)._both(dataclasses.replace(batch, x=moved)))

        with attackable(self):  # queues, teachers and statistics learn from the step alone, not from the search
            return projected_gradient_descent(
                batch.x,
                objective,
                self.radius * self.spread,
                n_steps=self.n_attack_steps,
                mask=batch.mask,
            )
