"""What the engine reads from a module."""

from typing import Protocol

import torch

from sklearn_ssl.architectures._batch import Batch


class TrainableModule(Protocol):
    """What the engine reads from the module that it trains.

    Architectures and headed architectures inherit it. The engine uses nothing else of a module, apart from the
    functions that a caller of ``net.represent`` or ``net.observe`` names.

    Attributes
    ----------
    n_cases : int
        Number of training series.
    progress : Tensor of shape ()
        Share of the planned steps that are done, set by the engine; 0 where there is no plan.
    keeps_instances : bool
        Whether the module has a place for each training series, so that series may not change between calls.
    """

    n_cases: int
    progress: torch.Tensor
    keeps_instances: bool

    @property
    def n_features(self) -> int:
        """Width F of the features."""
        raise NotImplementedError(f"{type(self).__name__} has no features.")

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Turn a batch into the tensors that the loss compares."""
        raise NotImplementedError(f"{type(self).__name__} has no training step.")

    def adapt(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> None:
        """Fix before training what is taken from the series themselves, x (N, C, L); here nothing."""
        return

    def features(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Turn series x (B, C, L) into features (B, F)."""
        raise NotImplementedError(f"{type(self).__name__} has no features.")

    def feature_maps(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Turn series x (B, C, L) into features per time step (B, D, L'), NaN where a series is padded."""
        raise NotImplementedError(f"{type(self).__name__} has no feature maps.")

    def after_step(self) -> None:
        """Do what follows an optimiser step, such as averaging weights or clamping a learnt value; here nothing."""
        return
