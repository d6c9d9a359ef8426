"""The base of the methods that compare views of the same series."""

import abc
from collections.abc import Callable
from functools import partial
from typing import Any

from sklearn_ssl._parameters.hyperparameters import recipe
from sklearn_ssl.architectures import Architecture, SiameseArchitecture
from sklearn_ssl.augmentations._default_views import mild_views
from sklearn_ssl.augmentations._given import as_augmentation
from sklearn_ssl.base.trained import SSLTransformer
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.projectors import MLPProjector


class JointEmbeddingTransformer(SSLTransformer, abc.ABC):
    """A transformer that compares projections of random views of the same series.

    Parameters
    ----------
    augmentation : Augmentation, callable or tuple, default=None
        How views are made. A function or torch.nn.Module takes x (B, C, L), and lengths (B,) if it has a second
        parameter, and returns a tensor like x; a module is not trained. A tuple has one augmentation for each view, for
        methods that compare whole series. None is a mild mix: ``Compose(crop=CropResize(min_ratio=0.8),
        warp=MagnitudeWarp(), scaling=Scaling(), jitter=Jitter(sigma=0.05))``.
    projector : MLPProjector, default=None
        Head between the pooled features and the loss. `transform` does not use it. None is ``MLPProjector()``.
    training_pooling : Pooling or None, default=None
        Pooling in front of the projector during training. None is `pooling`, which `transform` uses. With
        ``Pooling(statistics="mean", layers="last")`` the loss compares the means of the last layer only, while
        `transform` may return several statistics of all layers.
    """

    augmentation: Any = recipe(default_factory=mild_views, needs="__call__", several=True)
    projector: Any = recipe(default_factory=MLPProjector, needs="build")
    training_pooling: Any = recipe(default_factory=Pooling, needs="build")

    def _architecture(self) -> Callable[..., Architecture]:
        return self._with_views(SiameseArchitecture)

    def _with_views(self, architecture: Callable[..., Architecture], **own: Any) -> Callable[..., Architecture]:
        """Bind what every architecture of this family takes, and what this one takes beyond."""
        return partial(
            architecture,
            augmentation=as_augmentation(self.resolved("augmentation")),
            projector=self.resolved("projector"),
            training_pooling=self.training_pooling,
            **own,
        )
