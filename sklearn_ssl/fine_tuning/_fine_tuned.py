"""Pretraining first, labels after."""

import abc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.utils.data import Subset

from sklearn_ssl._engine.batches import SeriesDataset
from sklearn_ssl._engine.budgets import MOST_LABELLED
from sklearn_ssl._engine.guards import check_features
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._input.collections import Collection
from sklearn_ssl._numerics.low_rank import InvarianceMap
from sklearn_ssl._parameters.hyperparameters import choice, number, positional, recipe
from sklearn_ssl.architectures import FineTunedArchitecture
from sklearn_ssl.base.closed_form import slight_views
from sklearn_ssl.base.embedding import EmbeddingTransformer
from sklearn_ssl.encoders import RocketEncoder, stages
from sklearn_ssl.fine_tuning._base import EncoderPredictor
from sklearn_ssl.fine_tuning._tasks import Labels, Task
from sklearn_ssl.methods.joint_embedding.vicreg import VICRegTransformer
from sklearn_ssl.pooling import Pooling

Map = Callable[[np.ndarray], np.ndarray]

AUTO_SHRINKAGE = 0.1
MOST_VIEWS = 4  # copies of one series
MOST_COPIES = 1024  # of all series


def vicreg_on_fixed_kernels() -> VICRegTransformer:
    """Return the transformer used unless another is given."""
    return VICRegTransformer(
        encoder=RocketEncoder(n_features=5040, poolings=("ppv", "mpv", "mipv", "lspv"), n_groups=128, hidden=320),
        pooling=Pooling(statistics="mean"),
        training_pooling=Pooling(statistics="mean", layers="last"),
    )


class FineTuned(EncoderPredictor, abc.ABC):
    r"""A predictor whose transformer is pretrained before labels come in.

    By default VICReg trains a layer on the features of random and fixed kernels, and the head sees both, that layer's
    output and the features below it.

    A linear head starts from a ridge regression on standardised features, with the penalty

    .. math:: \lambda\, s^2\, w^\top (I + S_w / r)\, w

    on the weights w of an output. :math:`\lambda` is `penalty`; s is the root mean square of the features after
    :math:`(I + S_w / r)^{-1/2}`, so that `penalty` means what it does without :math:`S_w`; and
    :math:`S_w = D^\top D / m`, where the rows of D are the changes of standardised features from a series, labelled or
    not, to an augmented copy of it: up to four copies of a series, and m = 1,024 in all. So predictions change little
    where series change as `augmentation` changes them: tangent prop, with differences in place of derivatives. Where
    features of several layers are pooled, each layer's are scaled such that it has the same share in all variance.

    Parameters
    ----------
    transformer : transformer, default=None
        Any of this package; given by position. It is cloned and pretrained on all series of `fit`, labelled or not. In
        `sklearn.frozen.FrozenEstimator` it is taken as it was fitted. None is ``VICRegTransformer(encoder=encoder,
        pooling=Pooling(statistics="mean"), training_pooling=Pooling(statistics="mean", layers="last"))`` with
        ``encoder=RocketEncoder(n_features=5040, poolings=("ppv", "mpv", "mipv", "lspv"), n_groups=128, hidden=320)``.
    mode : {"finetune", "gradual", "probe"}, default="finetune"
        What learns from the labels: encoder and head ("finetune"); the head first and then, one after another, the
        stages of the encoder from the top ("gradual"); the head alone ("probe"), where a linear one stays the solution
        it starts from.
    shrinkage : float, "auto" or None, default="auto"
        r, as a multiple of the mean of the non-zero eigenvalues of :math:`S_w`: the smaller, the less predictions
        follow what `augmentation` changes. None leaves :math:`S_w` out. "auto" is None or 0.1, whichever predicts
        labelled series better that are left out.
    augmentation : Augmentation, default=None
        What labels should not depend on; of no use without `shrinkage`. None is
        ``Compose(crop=CropResize(min_ratio=0.8), time_warp=TimeWarp(sigma=0.1),
        magnitude_warp=MagnitudeWarp(strength=0.1), jitter=Jitter(sigma=0.05))``.
    n_frozen : int, default=0
        How many of the encoder's lowest stages never change.
    layer_decay : float, default=0.75
        Factor in (0, 1] by which the learning rate falls from stage to stage, downwards from the head: low stages are
        the most general ones.
    norm_statistics : {"keep", "update"}, default="keep"
        Whether batch normalisation keeps the means and variances of pretraining, or takes those of each labelled batch
        as in training from scratch.
    max_epochs : int, default=50
        Passes over the labelled series.
    batch_size : int or "auto", default="auto"
        Labelled series per step, at least 2. "auto" is the power of two next to a quarter of them, from 8 to 256.
    lr : float, default=1e-4
        Highest learning rate, that of the head; training warms up to it and then decays it to zero along a cosine.

    Attributes
    ----------
    shrinkage_ : float or None
        The one with which a linear head started; None for a head with a hidden layer.

    References
    ----------
    Simard, Victorri, LeCun and Denker (1992). Tangent prop: a formalism for specifying selected invariances in an
    adaptive network. NIPS.
    """

    transformer: Any = positional(recipe(default_factory=vicreg_on_fixed_kernels, needs="fit"))
    mode: str = choice("finetune", "gradual", "probe", default="finetune")
    shrinkage: float | str | None = number(default="auto", above=0, or_else=("auto", None))
    augmentation: Any = recipe(default_factory=slight_views, needs="apply")
    n_frozen: int = number(default=0, least=0, integer=True)
    layer_decay: float = number(default=0.75, above=0, most=1)
    norm_statistics: str = choice("keep", "update", default="keep")
    max_epochs: int | str = number(default=50, least=0, integer=True)
    batch_size: int | str = number(default="auto", least=2, integer=True, or_else=("auto",))
    lr: float = number(default=1e-4, above=0)

    def _start_of(self, transformer: Any, X: Any) -> EmbeddingTransformer:
        return transformer.fit(X)

    def _architecture(self, labels: Labels) -> Callable[..., FineTunedArchitecture]:
        return partial(
            FineTunedArchitecture,
            augmentation=self.resolved("augmentation"),
            n_frozen=None if self.mode == "probe" else self.n_frozen,
            gradual=self.mode == "gradual",
            update_statistics=self.norm_statistics == "update",
        )

    def _start_head(self, net: SSLNet, collection: Collection, labels: Labels, held_out: np.ndarray) -> None:
        self.shrinkage_: float | None = None  # that of an earlier fit says nothing of this head
        super()._start_head(net, collection, labels, held_out)

    def _linear_start(
        self, net: SSLNet, series: SeriesDataset, features: np.ndarray, labels: Labels
    ) -> tuple[np.ndarray, np.ndarray]:
        starts = {
            shrinkage: self._probe_behind(mapped, features[labels.rows], labels)
            for shrinkage, mapped in self._maps(net, series, features).items()
        }
        self.shrinkage_ = min(starts, key=lambda shrinkage: starts[shrinkage][-1])
        weight, bias, _ = starts[self.shrinkage_]
        return weight, bias

    def _probe_behind(self, mapped: Map, features: np.ndarray, labels: Labels) -> tuple[np.ndarray, np.ndarray, float]:
        weight, bias, error = self.task_.start(mapped(features), labels, self.penalty)
        return mapped(weight), bias, error  # the map is symmetric

    def _maps(self, net: SSLNet, series: SeriesDataset, features: np.ndarray) -> dict[float | None, Map]:
        """Return for each shrinkage in question a symmetric map of rows (n, F) behind which the penalty is plain."""
        candidates: tuple[Any, ...] = (None, AUTO_SHRINKAGE) if self.shrinkage == "auto" else (self.shrinkage,)
        return {
            shrinkage: _unchanged if shrinkage is None else self._invariant(net, series, features, float(shrinkage))
            for shrinkage in candidates
        }

    def _invariant(self, net: SSLNet, series: SeriesDataset, features: np.ndarray, shrinkage: float) -> Map:
        with net.random_stream():
            rows = torch.cat([torch.randperm(len(series), device="cpu") for _ in range(MOST_VIEWS)])[:MOST_COPIES]
            copies = torch.cat(list(net.represent(series, "features_of_copy", rows))).numpy()  # (m, F)
        check_features(copies)
        changes = net.module_.standardised(copies) - features[rows]
        invariant = InvarianceMap.of(torch.from_numpy(changes), shrinkage)
        size = invariant(torch.from_numpy(features[rows])).square().mean().sqrt()
        return partial(_mapped, invariant, float(size) or 1.0)

    def _dataset(self, net: SSLNet, collection: Collection, labels: Labels) -> SeriesDataset:
        return net.series(collection.rows(labels.rows), labels.alone())

    @staticmethod
    def _apart(held_out: np.ndarray, dataset: Any, y: Any = None, **kwargs: Any) -> tuple[Subset, Subset]:
        rest = np.setdiff1d(np.arange(len(dataset)), held_out)
        return Subset(dataset, rest.tolist()), Subset(dataset, held_out.tolist())

    def _training_params(self) -> dict[str, Any]:
        pretrained = self.transformer_.net_.module_
        names = {id(part): name for name, part in pretrained.named_modules()}
        from_top = enumerate(stages(pretrained.encoder)[::-1], start=1)
        rates = [
            (f"backbone.{names[id(part)]}.*", {"lr": self.lr * self.layer_decay**below})
            for below, stage in from_top
            for part in stage
        ]
        return {"optimizer__param_groups": rates, "largest_batch": MOST_LABELLED}

    def _held_out(self, task: Task, labels: Labels, seed: int) -> np.ndarray:
        held_out = super()._held_out(task, labels, seed)
        n_left = len(labels) - len(held_out)
        if self._is_solved or (n_left >= 2 and len(held_out) != 1):
            return held_out
        if self.early_stopping:
            raise ValueError(
                f"`early_stopping` with `validation_fraction`={self.validation_fraction} makes parts of {n_left} and "
                f"{len(held_out)} of the labelled series; each needs two. Set it to False, label more, or change the "
                "fraction."
            )
        raise ValueError(
            f"{type(self).__name__} needs at least two labelled series to train on, and y has {n_left}. Label more, or "
            'set `mode` to "probe" and `head_width` to None.'
        )

    def _planned(self, net: SSLNet, dataset: SeriesDataset) -> tuple[int, int]:
        return (0, 0) if self._is_solved else super()._planned(net, dataset)

    @property
    def _is_solved(self) -> bool:
        return self.mode == "probe" and self.head_width is None  # a linear probe has nothing left to learn


def _unchanged(rows: np.ndarray) -> np.ndarray:
    return rows


def _mapped(invariant: InvarianceMap, size: float, rows: np.ndarray) -> np.ndarray:
    """Map rows (n, F), such that standardised features keep variance 1 on the mean."""
    return (invariant(torch.from_numpy(np.asarray(rows, dtype=np.float32))) / size).numpy()
