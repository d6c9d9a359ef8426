"""Random views through one encoder."""

from typing import Any

import torch
from torch import nn

from sklearn_ssl.architectures._base import Architecture, maps, pooled_features
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._modes import evaluation_mode
from sklearn_ssl.pooling import Pooling


class SiameseArchitecture(Architecture):
    """Random views of every series through the same encoder and projector.

    Parameters
    ----------
    augmentation : Augmentation or tuple of Augmentation
        Makes the views. A tuple has one augmentation for each view.
    projector : recipe
        Its ``build(n_features)`` returns a module that maps pooled features (B, F) to projections (B, P).
    n_views : int, default=2
        Number of views V of every series.
    training_pooling : Pooling or None, default=None
        Pooling in front of the projector. None is the pooling of the features.
    **common : dict
        Parameters of `Architecture`.

    Attributes
    ----------
    training_pooling : torch.nn.Module
        The pooling in front of the projector.
    n_pooled : int
        Number of features in front of the projector.
    projector : torch.nn.Module
        Maps pooled features to projections.
    n_projections : int
        Width P of the projections.
    compares_whole_series : bool
        Whether the V views are all those that `views` returns, of whole series. A tuple of augmentations needs this.

    Raises
    ------
    ValueError
        If there is a tuple of augmentations, and not one for each view.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.architectures import Batch, SiameseArchitecture
    >>> from sklearn_ssl.augmentations import Jitter
    >>> from sklearn_ssl.encoders import ResNetEncoder
    >>> from sklearn_ssl.projectors import MLPProjector
    >>> architecture = SiameseArchitecture(
    ...     encoder=ResNetEncoder(depth=1),
    ...     pooling=None,
    ...     augmentation=Jitter(sigma=0.1),
    ...     projector=MLPProjector(width=16),
    ...     n_channels=3,
    ...     n_timepoints=50,
    ... )
    >>> z1, z2 = architecture(Batch(torch.randn(8, 3, 50)))
    >>> z1.shape, z2.shape
    (torch.Size([8, 16]), torch.Size([8, 16]))
    """

    compares_whole_series = True

    def __init__(
        self,
        *,
        augmentation: Any,
        projector: Any,
        n_views: int = 2,
        training_pooling: Pooling | None = None,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        if isinstance(augmentation, tuple):
            _check_recipes(augmentation, n_views if self.compares_whole_series else None)
        self.augmentation = augmentation
        self.n_views = n_views
        self.training_pooling, self.n_pooled = self.pooling, self.n_features
        if training_pooling is not None:
            self.training_pooling = training_pooling.build(self.widths)
            self.n_pooled = training_pooling.n_features(self.widths)
        self.projector = projector.build(self.n_pooled)
        self.n_projections = width_of(self.projector, self.n_pooled)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the projections of V views of a batch, each (B, P)."""
        return self.projections(*self.views(batch.x, batch.lengths)).chunk(self.n_views)  # (V B, P) to V of (B, P)

    def views(
        self, x: torch.Tensor, lengths: torch.Tensor | None, n_views: int | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return views of series x (B, C, L), and their lengths.

        Parameters
        ----------
        x : Tensor of shape (B, C, L)
            Series.
        lengths : int Tensor of shape (B,) or None
            Number of observed steps of each.
        n_views : int or None, default=None
            Number of views V. None is `n_views` of the architecture.

        Returns
        -------
        views : Tensor of shape (V B, C, L)
            The first views of all series, then the second ones, and so on.
        lengths : int Tensor of shape (V B,) or None
            Number of observed steps of each view.
        """
        n_views = n_views or self.n_views
        repeated = None if lengths is None else lengths.repeat(n_views)
        x = self.changed(x.repeat(n_views, 1, 1), repeated)  # (V B, C, L)
        if isinstance(self.augmentation, tuple):
            each = zip(self.augmentation, x.chunk(n_views), strict=True)
            return torch.cat([one(view, lengths) for one, view in each]), repeated
        return self.augmentation(x, repeated), repeated

    def changed(self, x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        """Change series (V B, C, L) before they are augmented; here nothing."""
        return x

    def projections(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Encode, pool as in training, and project: x (B, C, L) to (B, P)."""
        return self.projector(pooled_features(self.encoder, self.training_pooling, x, lengths))

    def features_and_projections(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return features and projections, side by side, from one pass of the encoder: x (B, C, L) to (B, F + P)."""
        layers, mask = maps(self.encoder, x, lengths)
        return torch.cat([self.pooling(layers, mask), self.projector(self.training_pooling(layers, mask))], dim=1)


def _check_recipes(augmentation: tuple, n_views: int | None) -> None:
    if n_views is None:
        raise ValueError(
            "`augmentation` must be one augmentation here, got a tuple: the views of this method are not all of the "
            "same kind. Put its steps into one Compose."
        )
    if len(augmentation) != n_views:
        raise ValueError(
            f"`augmentation` must be one augmentation or a tuple with one for each of {n_views} views, got "
            f"{len(augmentation)}. Repeat some, or leave some out."
        )


def width_of(projector: nn.Module, n_features: int) -> int:
    """Return how many values a head returns for n_features."""
    with evaluation_mode(projector):
        return projector(torch.zeros(1, n_features)).shape[1]
