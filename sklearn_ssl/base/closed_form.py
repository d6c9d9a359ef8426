"""The base of the methods whose optimum is known, so that they take no gradient steps."""

import abc
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from sklearn_ssl._engine.batches import SeriesDataset
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._numerics.low_rank import Directions
from sklearn_ssl._parameters.hyperparameters import choice, number, recipe
from sklearn_ssl.architectures import Architecture, ClosedFormArchitecture
from sklearn_ssl.augmentations._default_views import slight_views
from sklearn_ssl.augmentations._given import as_augmentation
from sklearn_ssl.base.step_free import StepFreeTransformer
from sklearn_ssl.encoders import RocketEncoder

BATCH_SIZE = 64


def rocket_with_hydra() -> RocketEncoder:
    """Return the default encoder."""
    return RocketEncoder(n_features=15792, poolings=("ppv", "mpv", "mipv", "lspv"), n_groups=512)


class ClosedFormTransformer(StepFreeTransformer, abc.ABC):
    r"""A transformer that maps the features of an untrained encoder linearly, without gradient steps.

    Parameters
    ----------
    encoder : recipe, callable or torch.nn.Module, default=None
        The encoder, which is not trained. A `torch.nn.Module` is copied with its weights and may be a pretrained one.
        None is ``RocketEncoder(n_features=15792, poolings=("ppv", "mpv", "mipv", "lspv"), n_groups=512)``.
    augmentation : Augmentation or callable, default=None
        How copies are made. The features learn to ignore what it changes. A function or torch.nn.Module takes
        x (B, C, L) and returns a tensor like it. None is ``Compose(crop=CropResize(min_ratio=0.8),
        time_warp=TimeWarp(sigma=0.1), magnitude_warp=MagnitudeWarp(strength=0.1), jitter=Jitter(sigma=0.05))``.
    n_views : int, default=4
        Augmented copies of every series.
    n_components : int, default=320
        Largest number of features. There are fewer if the series do not span as many directions.
    shrinkage : float or "auto", default=0.5
        r as a multiple of the mean of the non-zero eigenvalues of :math:`S_w`. Changes much larger than r are nearly
        removed. Changes much smaller than r stay. "auto" compares the powers of two from 1/64 to 64 by the margins of
        the copies of at most 64 series, and takes the smallest that is within one standard error of the best. The
        margin of a copy is the log ratio of two squared distances, to the nearest other series and to its own series,
        in a space learnt from the copies of other series. With fewer than eight series "auto" is 1.
    max_view_cases : int, default=1024
        Largest number of series that are copied in one fit. From more series as many are drawn at random. All
        originals are used.
    incremental : bool, default=True
        Whether `partial_fit` can go on after `fit`. If so, the rows of `sketch_size` are kept in half precision, which
        makes most of the size of a pickle. If not, they are dropped, and only another `fit` is possible. The features
        of `fit` are the same.
    sketch_size : int, default=1024
        Rows that are kept of the originals, and of the changes from original to copy. Up to so many rows the result is
        exact. Whenever there are more, half as many principal directions replace them.

    Attributes
    ----------
    shrinkage_ : float
        The multiple that was used.
    ratios_ : ndarray of shape (n_directions,)
        For each direction the variance between series divided by r plus the variance within series, largest first.
    """

    encoder: Any = recipe(default_factory=rocket_with_hydra)
    augmentation: Any = recipe(default_factory=slight_views, needs="__call__")
    n_views: int = number(default=4, least=1, integer=True)
    n_components: int = number(default=320, least=1, integer=True)
    shrinkage: float | str = number(default=0.5, above=0, or_else=("auto",))
    max_view_cases: int = number(default=1024, least=2, integer=True)
    incremental: bool = choice(True, False, default=True)
    sketch_size: int = number(default=1024, least=2, integer=True)

    @abc.abstractmethod
    def _scaling(self) -> Callable[[Directions, int], torch.Tensor]:
        """Return the pure function of directions and number of series that gives the final maps (P, F)."""

    @property
    def shrinkage_(self) -> float:
        """The multiple that was used."""
        return float(self.net_.module_.used_shrinkage)

    @property
    def ratios_(self) -> Any:
        """The variance between series divided by r plus the variance within series, largest first."""
        return self.net_.module_.ratios.cpu().numpy()

    def _architecture(self) -> Callable[..., Architecture]:
        return partial(
            ClosedFormArchitecture,
            augmentation=as_augmentation(self.resolved("augmentation")),
            n_views=self.n_views,
            n_components=self.n_components,
            shrinkage=self.shrinkage,
            sketch_size=self.sketch_size,
            incremental=self.incremental,
            scaling=self._scaling(),
        )

    def _train(self, net: SSLNet, dataset: SeriesDataset, listeners: tuple) -> None:
        self._continue(net, dataset)

    def _continue(self, net: SSLNet, dataset: SeriesDataset) -> None:
        with net.random_stream():
            rows = torch.randperm(len(dataset), device="cpu")
        copied, others = rows.tensor_split([self.max_view_cases])
        net.observe(dataset, "observe_with_copies", copied, BATCH_SIZE)
        net.observe(dataset, "observe", others, BATCH_SIZE)
        net.module_.settle()
