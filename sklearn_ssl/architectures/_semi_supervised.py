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
    """Predictions for the labelled series of a batch, and the outputs of a self-supervised method for the others.

    Parameters
    ----------
    n_labelled : int
        Number of series at the front of a batch that go to the head. All later ones go to the self-supervised method.
        In evaluation mode all series go to the head.
    augmentation : Augmentation
        How the labelled series are varied in training.
    **headed : dict
        Parameters of `HeadedArchitecture`.
    """

    def __init__(self, *, n_labelled: int, augmentation: Any, **headed: Any) -> None:
        super().__init__(**headed)
        # the features change with every step, so the scale from the start of the training would become wrong
        self.head = nn.Sequential(nn.BatchNorm1d(self.n_features, affine=False), self.head)
        self.n_labelled = n_labelled
        self.augmentation = augmentation

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return outputs, targets and weights of the labelled series, then the arguments of the method's loss."""
        if not self.training:
            return self.outputs(batch.x, batch.lengths), batch.companion["target"], batch.companion["weight"]
        return self._both(batch)

    def _share_of_layer(self) -> np.ndarray:
        return np.ones(self.n_features)  # the head normalises again, which would undo other shares and spoil the start

    def _both(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        labelled, rest = batch.rows(slice(self.n_labelled)), batch.rows(slice(self.n_labelled, None))
        view = self.augmentation(labelled.x, labelled.lengths)
        outputs = self.outputs(view, labelled.lengths)  # (n, K)
        return outputs, labelled.companion["target"], labelled.companion["weight"], *self.backbone(rest)


class RobustArchitecture(SemiSupervisedArchitecture):
    r"""Predictions for labelled series and outputs of a method, of series that were changed to raise the loss.

    Projected gradient descent searches for the changes. A value of channel c may move by :math:`\rho s_c`, where
    :math:`s_c` is the channel's standard deviation.

    Parameters
    ----------
    radius : float
        :math:`\rho`.
    n_attack_steps : int
        Steps of projected gradient descent.
    loss : callable
        The loss of the outputs of `forward`.
    **semi_supervised : dict
        Parameters of `SemiSupervisedArchitecture`.

    Attributes
    ----------
    spread : Tensor of shape (C, 1)
        The standard deviation :math:`s_c` of each channel, over at most 512 training series and without padding.
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

        with attackable(self):  # queues, teachers and statistics must not learn from the search
            return projected_gradient_descent(
                batch.x,
                objective,
                self.radius * self.spread,
                n_steps=self.n_attack_steps,
                mask=batch.mask,
            )
