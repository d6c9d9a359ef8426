"""A pretrained architecture whose stages learn together with a head, unless they are frozen."""

from typing import Any, cast

import torch
from torch import nn

from sklearn_ssl.architectures._base import Architecture
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._headed import HeadedArchitecture
from sklearn_ssl.encoders import observed_mask, stages


class FineTunedArchitecture(HeadedArchitecture):
    """The features of a pretrained architecture, standardised, and a head that predicts from them.

    Parameters
    ----------
    augmentation : Augmentation
        Makes copies of series for `features_of_copy`.
    n_frozen : int or None, default=0
        Number of the lowest stages of the encoder that never change. None freezes all stages.
    gradual : bool, default=False
        Whether the stages begin to learn one after another, from the top, at equal distances over the planned steps.
        Until the first stage begins, the head learns alone.
    update_statistics : bool, default=False
        Whether the running statistics of batch normalisation in the learning stages follow the labelled series.
        Otherwise they stay as pretraining left them.
    **headed : dict
        Parameters of `HeadedArchitecture`.

    Attributes
    ----------
    n_thawed : int
        Number of stages of the encoder that learn now, counted from the top.
    n_trained : int
        Number of stages that learn in the end.
    """

    def __init__(
        self,
        *,
        augmentation: Any,
        n_frozen: int | None = 0,
        gradual: bool = False,
        update_statistics: bool = False,
        **headed: Any,
    ) -> None:
        super().__init__(**headed)
        self.augmentation = augmentation
        n_stages = len(stages(self.encoder))
        self.n_trained = 0 if n_frozen is None else max(0, n_stages - n_frozen)
        self.gradual = gradual
        self.update_statistics = update_statistics
        self.n_thawed = 0 if gradual else self.n_trained
        self._freeze()

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the outputs for a batch (B, C, L), (B, K), with its targets and weights."""
        self._thaw()
        constant = batch.companion.get("constant")
        outputs = self.outputs(batch.x, batch.lengths) if constant is None else self._outputs_above(constant)
        return outputs, batch.companion["target"], batch.companion["weight"]

    @property
    def has_stages(self) -> bool:
        """Whether the encoder has any part that could learn."""
        return bool(stages(self.encoder))

    @property
    def has_constant_features(self) -> bool:
        """Whether the encoder has features that training does not change, below all that it changes."""
        is_plain = type(self.backbone).features is Architecture.features
        return is_plain and hasattr(self.encoder, "constant_features")

    def constant_features(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the features of x (B, C, L) that training does not change, (B, F')."""
        mask = None if lengths is None else observed_mask(lengths, x.shape[2])
        return cast(Any, self.encoder).constant_features(x, mask)

    def _outputs_above(self, constant: torch.Tensor) -> torch.Tensor:
        features = self.pooling(cast(Any, self.encoder).layers_above(constant), None)  # (B, F)
        return self.head((features - self.shift) * self.scale)  # (B, K)

    def features_of_copy(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the features of an augmented copy of x (B, C, L), not standardised, (B, F)."""
        return self.features(self.augmentation(x, lengths), lengths)

    def train(self, mode: bool = True) -> "FineTunedArchitecture":
        """Set the mode. Frozen parts stay in evaluation mode."""
        super().train(mode)
        self.backbone.eval()
        for stage in self._learning_stages():
            for part in stage:
                part.train(mode)
                if not self.update_statistics:
                    _keep_statistics(part)
        return self

    def _learning_stages(self) -> list[list[nn.Module]]:
        return stages(self.encoder)[::-1][: self.n_thawed]

    def _thaw(self) -> None:
        """Let further stages learn as training goes on. A stage that learns is never frozen again."""
        if not (self.gradual and self.training and self.n_thawed < self.n_trained):
            return
        due = min(self.n_trained, int(self.progress * (self.n_trained + 1)))
        if due > self.n_thawed:
            self.n_thawed = due
            self._freeze()
            self.train()

    def _freeze(self) -> None:
        self.backbone.requires_grad_(False)
        learning = [part for stage in self._learning_stages() for part in stage]
        for part in [*learning, *([self.pooling] if learning else [])]:
            part.requires_grad_(True)


def _keep_statistics(module: nn.Module) -> None:
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._NormBase):
            part.eval()
