"""Pretraining first, labels after."""

import abc
import dataclasses
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
from sklearn_ssl._parameters.hyperparameters import choice, number, recipe
from sklearn_ssl.architectures import FineTunedArchitecture
from sklearn_ssl.augmentations._default_views import slight_views
from sklearn_ssl.augmentations._given import as_augmentation
from sklearn_ssl.base.embedding import EmbeddingTransformer
from sklearn_ssl.encoders import RocketEncoder, stages
from sklearn_ssl.fine_tuning._base import EncoderPredictor
from sklearn_ssl.fine_tuning._spread import PENALTY, Others
from sklearn_ssl.fine_tuning._tasks import HeadStart, Labels, Task
from sklearn_ssl.methods.joint_embedding.vicreg import VICRegTransformer
from sklearn_ssl.pooling import Pooling

Map = Callable[[np.ndarray], np.ndarray]

AUTO_SHRINKAGE = 0.1
MOST_VIEWS = 4  # copies of one series
MOST_COPIES = 1024  # of all series
MOST_REMEMBERED = 4096  # labelled series whose constant features are kept in memory


def vicreg_on_fixed_kernels() -> VICRegTransformer:
    """Return the default transformer."""
    return VICRegTransformer(
        encoder=RocketEncoder(n_features=5040, poolings=("ppv", "mpv", "mipv", "lspv"), n_groups=128, hidden=320),
        pooling=Pooling(statistics="mean"),
        training_pooling=Pooling(statistics="mean", layers="last"),
    )


class FineTuned(EncoderPredictor, abc.ABC):
    r"""A predictor that pretrains its transformer before it learns from labels.

    A linear head starts from a ridge regression on scaled features, with the penalty

    .. math:: \lambda\, s^2\, w^\top (I + S_w / r)\, w

    on the weights w of an output. :math:`\lambda` is `penalty` and r is the shrinkage. :math:`S_w = D^\top D / m`, and
    each row of D is the change of the standardised features from a series, labelled or not, to an augmented copy of it.
    There are up to four copies of each series, and at most m = 1,024 copies. s is the factor by which
    :math:`(I + S_w / r)^{-1/2}` changes the root mean square of the features; it gives `penalty` the same meaning with
    and without :math:`S_w`. So predictions change little where series change as `augmentation` changes them. This is
    tangent prop with differences in place of derivatives. If features of several layers are pooled, they are scaled
    such that every layer has the same share of the total variance.

    Parameters
    ----------
    transformer : transformer, default=None
        Any transformer of this package. It may be given by position. It is cloned, and the clone is pretrained on all
        series of `fit`, labelled or not. A fitted transformer in `sklearn.frozen.FrozenEstimator` is used as it is.
        None is ``VICRegTransformer(encoder=encoder, pooling=Pooling(statistics="mean"),
        training_pooling=Pooling(statistics="mean", layers="last"))`` with
        ``encoder=RocketEncoder(n_features=5040, poolings=("ppv", "mpv", "mipv", "lspv"), n_groups=128, hidden=320)``.
    mode : {"finetune", "gradual", "probe"}, default="finetune"
        Which parts learn from the labels. "finetune": encoder and head. "gradual": first the head, then the stages of
        the encoder one after another, from the top. "probe": the head alone; a linear head then stays the solution from
        which it starts. If the encoder has no part that could learn, as that of a closed form, all three are "probe".
    shrinkage : float, "auto" or None, default="auto"
        r, as a multiple of the mean of the non-zero eigenvalues of :math:`S_w`. The smaller it is, the less predictions
        follow the changes that `augmentation` makes. None leaves :math:`S_w` out. "auto" is None or 0.1, whichever
        predicts left-out labelled series better, and None after a transformer in closed form, which knows such changes
        already.
    augmentation : Augmentation or callable, default=None
        Changes of a series that should not change its label; used for :math:`S_w` alone. None is
        ``Compose(crop=CropResize(min_ratio=0.8), time_warp=TimeWarp(sigma=0.1),
        magnitude_warp=MagnitudeWarp(strength=0.1), jitter=Jitter(sigma=0.05))``.
    n_frozen : int, default=0
        Number of the encoder's lowest stages that never change.
    layer_decay : float, default=0.75
        Factor in (0, 1] by which the learning rate falls from stage to stage, from the head downwards. The lowest
        stages are the most general ones and need the smallest changes.
    norm_statistics : {"keep", "update"}, default="keep"
        Whether batch normalisation keeps the means and variances of pretraining, or uses the statistics of each
        labelled batch, as in training from scratch.

    Attributes
    ----------
    shrinkage_ : float or None
        The shrinkage with which a linear head started; None for a head with a hidden layer.

    References
    ----------
    Simard, P., Victorri, B., LeCun, Y. and Denker, J. (1992). Tangent prop: a formalism for specifying selected
    invariances in an adaptive network. NIPS.
    """

    _n_stages = 2
    _has_unit_length = False

    transformer: Any = recipe(default_factory=vicreg_on_fixed_kernels, needs="fit", kw_only=False)
    mode: str = choice("finetune", "gradual", "probe", default="finetune")
    shrinkage: float | str | None = number(default="auto", above=0, or_else=("auto", None))
    augmentation: Any = recipe(default_factory=slight_views, needs="__call__")
    n_frozen: int = number(default=0, least=0, integer=True)
    layer_decay: float = number(default=0.75, above=0, most=1)
    norm_statistics: str = choice("keep", "update", default="keep")

    def _start_of(self, transformer: Any, X: Any, task_of_fit: Any) -> EmbeddingTransformer:
        self._say(f"pretraining {type(transformer).__name__} on all series")
        stage = task_of_fit.subcontext(task_name="pretraining")
        with stage.propagate_callback_context(transformer):
            stage.call_on_fit_task_begin(estimator=self, X=X)
            transformer.fit(X)
            stage.call_on_fit_task_end(estimator=self, X=X)
        return transformer

    def _architecture(self, labels: Labels) -> Callable[..., FineTunedArchitecture]:
        return partial(
            FineTunedArchitecture,
            augmentation=as_augmentation(self.resolved("augmentation")),
            n_frozen=None if self.mode == "probe" else self.n_frozen,
            gradual=self.mode == "gradual",
            update_statistics=self.norm_statistics == "update",
            unit_length=self._has_unit_length,
        )

    def _dataset(self, net: SSLNet, collection: Collection, labels: Labels) -> SeriesDataset:
        labelled = super()._dataset(net, collection, labels)
        if self._is_solved_by(net) or not net.module_.has_constant_features or len(labels) > MOST_REMEMBERED:
            return labelled
        constant = torch.cat(list(net.represent(labelled, "constant_features")))  # once, and not in every epoch
        targets = dataclasses.replace(labels.alone(), constant=constant)
        return net.series(collection.rows(labels.rows), targets)

    def _start_head(self, net: SSLNet, series: SeriesDataset, labels: Labels) -> None:
        self.shrinkage_: float | None = None  # of an earlier fit, perhaps
        super()._start_head(net, series, labels)

    def _linear_start(
        self, net: SSLNet, series: SeriesDataset, features: np.ndarray, labels: Labels
    ) -> tuple[np.ndarray, np.ndarray]:
        starts = {
            shrinkage: self._probe_behind(mapped, features, labels, self._penalty_of(net))
            for shrinkage, mapped in self._maps(net, series, features).items()
        }
        self.shrinkage_ = min(starts, key=lambda shrinkage: starts[shrinkage][-1])
        weight, bias, _ = starts[self.shrinkage_]
        return weight, bias

    def _probe_behind(self, mapped: Map, features: np.ndarray, labels: Labels, penalty: float | None) -> HeadStart:
        others = self._spread_to(mapped, features, labels)
        weight, bias, error = self.task_.start(mapped(features[labels.rows]), labels, penalty, others)
        return mapped(weight), bias, error  # the map is symmetric

    def _penalty_of(self, net: SSLNet) -> float | None:
        return PENALTY if self.penalty is None and net.module_.unit_length else self.penalty

    def _spread_to(self, mapped: Map, features: np.ndarray, labels: Labels) -> Others | None:
        """Return the series to which labels are spread, or None."""
        return None

    def _maps(self, net: SSLNet, series: SeriesDataset, features: np.ndarray) -> dict[float | None, Map]:
        """Return for each candidate shrinkage a symmetric map of rows (n, F) after which the penalty is plain ridge."""
        chosen = (None,) if net.module_.backbone.has_meaningful_sizes else (None, AUTO_SHRINKAGE)
        candidates: tuple[Any, ...] = chosen if self.shrinkage == "auto" else (self.shrinkage,)
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
        known = torch.from_numpy(features[rows])
        size = float(invariant(known).norm() / known.norm())
        return partial(_mapped, invariant, size if size > 0 else 1.0)

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
        if self._is_probe or (n_left >= 2 and len(held_out) != 1):
            return held_out
        if self.early_stopping:
            raise ValueError(
                f"`early_stopping` with `validation_fraction`={self.validation_fraction} makes parts of {n_left} and "
                f"{len(held_out)} of the labelled series, and each part needs two. Set `early_stopping` to False, "
                "label more, or change the fraction."
            )
        raise ValueError(
            f"{type(self).__name__} needs at least two labelled series to train on, and y has {n_left}. Label more, or "
            'set `mode` to "probe" and `head_width` to None.'
        )

    def _planned(self, net: SSLNet, dataset: SeriesDataset) -> tuple[int, int]:
        return (0, 0) if self._is_solved_by(net) else super()._planned(net, dataset)

    @property
    def _is_probe(self) -> bool:
        return self.mode == "probe" and self.head_width is None  # which has a closed form

    def _is_solved_by(self, net: SSLNet) -> bool:
        return self._is_probe or (self.head_width is None and not net.module_.has_stages)


def _unchanged(rows: np.ndarray) -> np.ndarray:
    return rows


def _mapped(invariant: InvarianceMap, size: float, rows: np.ndarray) -> np.ndarray:
    """Map rows (n, F), such that features keep their size on average."""
    return (invariant(torch.from_numpy(np.asarray(rows, dtype=np.float32))) / size).numpy()
