"""Labels and self-supervision in the same step."""

import abc
import copy
from collections.abc import Callable
from functools import partial
from typing import Any, final

import numpy as np
import torch
from sklearn.utils import get_tags

from sklearn_ssl._engine.batches import SeriesDataset
from sklearn_ssl._engine.budgets import MOST_LABELLED, resolved_batch_size
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._input.collections import Collection
from sklearn_ssl._parameters.hyperparameters import number, recipe
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.architectures import Batch, HeadedArchitecture, RobustArchitecture, SemiSupervisedArchitecture
from sklearn_ssl.architectures._modes import attackable
from sklearn_ssl.augmentations._default_views import mild_views
from sklearn_ssl.augmentations._given import as_augmentation
from sklearn_ssl.base import SSLTransformer
from sklearn_ssl.fine_tuning._classifier import EncoderClassifier
from sklearn_ssl.fine_tuning._tasks import Labels
from sklearn_ssl.losses import semi_supervised_loss


class JointClassifier(EncoderClassifier, abc.ABC):
    """A classifier that minimises a supervised loss of labelled series and a self-supervised loss of all series.

    Parameters
    ----------
    transformer : transformer, default=None
        Any transformer of this package that is trained by gradient steps. It may be given by position. Its encoder,
        projector, views and loss are used, but not its budget, learning rate and batch size. With a fitted transformer
        in `sklearn.frozen.FrozenEstimator` training starts from its weights. None is ``VICRegTransformer()``.
    pretrained : {"refit", "keep"}, default="refit"
        "keep" starts from the weights of a fitted `transformer`, also in clones of this estimator.
    ssl_weight : float, default=1.0
        Weight of the self-supervised loss; 0 leaves the supervised loss alone.
    augmentation : Augmentation or callable, default=None
        How labelled series are varied in training. None is the mild mix of the joint-embedding methods.
    labelled_batch_size : int or "auto", default="auto"
        Labelled series per step, in addition to `batch_size` of all series. "auto" is the power of two nearest to a
        quarter of the labelled series, from 8 to 256. If there are fewer labelled series, they are repeated, each time
        as another view.
    max_epochs : int or "auto", default="auto"
        Passes over all series. "auto" is about 200 optimiser steps. Large sets get up to four passes, but no more than
        about 500 steps allow.
    batch_size : int or "auto", default="auto"
        Series per step for the self-supervised loss, at least 2. "auto" is the power of two nearest to a quarter of all
        series, from 8 to 64, at each call of `fit` and `partial_fit`.
    lr : float, default=1e-3
        Highest learning rate. `fit` warms up to it and then decays it to zero along a cosine.
    """

    ssl_weight: float = number(default=1.0, least=0)
    augmentation: Any = recipe(default_factory=mild_views, needs="__call__")
    labelled_batch_size: int | str = number(default="auto", least=2, integer=True, or_else=("auto",))
    max_epochs: int | str = number(default="auto", least=0, integer=True, or_else=("auto",))
    batch_size: int | str = number(default="auto", least=2, integer=True, or_else=("auto",))
    lr: float = number(default=1e-3, above=0)

    def _check_transformer(self, transformer: Any) -> None:
        super()._check_transformer(transformer)
        if not isinstance(transformer, SSLTransformer):
            raise TypeError(
                "`transformer` must be trained by gradient steps, as VICRegTransformer() is, because its loss is "
                f"added to the loss of the labels; got {shown(transformer)}. SSLClassifier accepts it."
            )
        if get_tags(transformer).target_tags.required:
            raise TypeError(
                f"`transformer` needs texts or metadata in each step, got {shown(transformer)}. Fit it first, and give "
                "it to SSLClassifier as FrozenEstimator(transformer)."
            )

    def _start_of(self, transformer: Any, X: Any, task_of_fit: Any) -> SSLTransformer:
        return transformer._initialize(X)

    def _loss(self) -> Callable[..., torch.Tensor]:
        return partial(
            semi_supervised_loss,
            supervised=self.task_.loss,
            self_supervised=self.transformer_._loss(),
            ssl_weight=self.ssl_weight,
        )

    def _architecture(self, labels: Labels) -> Callable[..., HeadedArchitecture]:
        return partial(
            SemiSupervisedArchitecture,
            n_labelled=resolved_batch_size(self.labelled_batch_size, len(labels), MOST_LABELLED),
            augmentation=as_augmentation(self.resolved("augmentation")),
        )

    def _dataset(self, net: SSLNet, collection: Collection, labels: Labels) -> SeriesDataset:
        return LabelledInFront(collection, labels, torch.device(net.device), net.module_.n_labelled)

    @staticmethod
    def _apart(held_out: np.ndarray, dataset: Any, y: Any = None, **kwargs: Any) -> tuple[Any, Any]:
        return dataset.split(held_out)


class LabelledInFront(SeriesDataset):
    """All series, with labelled series drawn in front of each batch.

    Within a batch, no labelled series repeats until all have been drawn once.

    Parameters
    ----------
    collection : Collection
        All series.
    labels : Labels
        The labels that are learnt.
    device : torch.device
        Where batches are needed.
    n_labelled : int
        Labelled series in front of a batch.
    """

    def __init__(self, collection: Collection, labels: Labels, device: torch.device, n_labelled: int) -> None:
        super().__init__(collection, device, labels.among(len(collection)))
        self.labels = labels
        self.n_labelled = n_labelled

    def __getitem__(self, index: Any) -> Batch:
        return super().__getitem__(torch.cat([self._drawn(), torch.atleast_1d(torch.as_tensor(index))]))

    @property
    def reads_ahead(self) -> bool:
        """Whether a thread may read a batch before it is needed: not here, where numbers are drawn for each batch."""
        return False

    def split(self, held_out: np.ndarray) -> tuple[SeriesDataset, SeriesDataset]:
        """Return all series without the labels that are held out, and the held-out series with their labels."""
        training, apart = copy.copy(self), self.labels[held_out]
        training.labels = self.labels.without(held_out)
        return training, SeriesDataset(self.collection.rows(apart.rows), self.device, apart.alone())

    def _drawn(self) -> torch.Tensor:
        rounds = -(-self.n_labelled // len(self.labels))
        order = torch.cat([torch.randperm(len(self.labels)) for _ in range(rounds)])
        return torch.from_numpy(self.labels.rows)[order[: self.n_labelled]]


@final
class S4LClassifier(JointClassifier):
    r"""Classifier that learns from labels and from all series in every step (S4L).

    A step takes a batch of all series for a self-supervised method and a batch of labelled series for the head. It
    minimises

    .. math::
        \ell = \frac{\sum_i w_i \bigl(-\log \operatorname{softmax}(a_i)_{y_i}\bigr)}{\sum_i w_i}
               + \omega\, \ell_\text{self-supervised}

    where :math:`a_i` are the outputs of the head for a view of labelled series i, :math:`y_i` is its class, :math:`w_i`
    is its weight and :math:`\omega` is `ssl_weight`. Encoder, projector and head learn together. Queues, teachers and
    other state of the method work as in the method itself. The label `unlabelled` marks series whose class is unknown:
    -1, as in `sklearn.semi_supervised`.

    `SSLClassifier` pretrains first and learns from labels after. It costs less if one pretrained encoder serves several
    tasks.

    References
    ----------
    Zhai, X., Oliver, A., Kolesnikov, A. and Beyer, L. (2019). S4L: Self-supervised semi-supervised learning. ICCV.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl import S4LClassifier, SimCLRTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=80, n_timepoints=50, random_state=0)
    >>> y_known = np.where(np.arange(80) < 20, y, -1)
    >>> classifier = S4LClassifier(SimCLRTransformer(), max_epochs=4, random_state=0).fit(X, y_known)
    >>> bool(classifier.score(X, y) > 0.6)
    True
    """


@final
class RobustSSLClassifier(JointClassifier):
    r"""Classifier that learns from labels and from all series, after both were changed to raise its loss.

    Every step first searches, by projected gradient descent, for small changes :math:`\delta` of its series that raise
    the loss. Then it lowers the loss on the changed series:

    .. math::
        \min_\theta \max_{|\delta_{ict}| \le \rho s_c} \;
        \ell_\text{supervised}(x + \delta) + \omega\, \ell_\text{self-supervised}(x + \delta)

    where :math:`\delta_{ict}` changes series i in channel c at step t, :math:`\rho` is `radius`, :math:`s_c` is the
    standard deviation of channel c and :math:`\omega` is `ssl_weight`. The self-supervised term also uses the series
    without labels, and makes the features themselves robust. During the search the network is in evaluation mode.

    The encoder needs a gradient with respect to the series, which `~sklearn_ssl.encoders.RocketEncoder` does not have.
    A step costs `n_attack_steps` + 1 times a step of `S4LClassifier`, whose other parameters it shares.
    `~sklearn_ssl.evaluation.robustness_report` shows the gain on changed series and the cost on unchanged ones.

    Parameters
    ----------
    radius : float, default=0.1
        The radius :math:`\rho`, in standard deviations of the channel. 0 changes nothing.
    n_attack_steps : int, default=3
        Steps of the search.

    References
    ----------
    Hendrycks, D., Mazeika, M., Kadavath, S. and Song, D. (2019). Using self-supervised learning can improve model
    robustness and uncertainty. NeurIPS.

    Madry, A., Makelov, A., Schmidt, L., Tsipras, D. and Vladu, A. (2018). Towards deep learning models resistant to
    adversarial attacks. ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl import RobustSSLClassifier, SimCLRTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=80, n_timepoints=50, random_state=0)
    >>> classifier = RobustSSLClassifier(SimCLRTransformer(), max_epochs=2, random_state=0).fit(X, y)
    >>> bool(classifier.score(X, y) > 0.6)
    True
    """

    radius: float = number(default=0.1, least=0)
    n_attack_steps: int = number(default=3, least=1, integer=True)

    def _architecture(self, labels: Labels) -> Callable[..., HeadedArchitecture]:
        plain: Any = super()._architecture(labels)
        return partial(
            RobustArchitecture,
            **plain.keywords,
            radius=self.radius,
            n_attack_steps=self.n_attack_steps,
            loss=self._loss(),
        )

    def _build_net(self, collection: Collection, labels: Labels, held_out: np.ndarray, seed: int) -> SSLNet:
        net = super()._build_net(collection, labels, held_out, seed)
        if self.radius > 0 and not _has_gradient(net, collection.n_channels, collection.n_timepoints):
            raise ValueError(
                f"`transformer` has the encoder {shown(self.transformer_.resolved('encoder'))}, whose features have no "
                f"gradient with respect to the series, so the search for changes is impossible; `radius` is "
                f"{self.radius}. Use another encoder, such as InceptionEncoder(), or set `radius` to 0."
            )
        return net


def _has_gradient(net: SSLNet, n_channels: int, n_timepoints: int) -> bool:
    """Tell whether the features have a gradient with respect to the series."""
    series = torch.zeros(1, n_channels, n_timepoints, device=net.device, requires_grad=True)
    with attackable(net.module_):
        total = net.module_.features(series).sum()
        return total.requires_grad and torch.autograd.grad(total, series, allow_unused=True)[0] is not None
