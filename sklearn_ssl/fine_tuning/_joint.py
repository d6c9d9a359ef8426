"""Labels and self-supervision in the same step."""

import abc
import copy
from collections.abc import Callable
from functools import partial
from typing import Any, final

import numpy as np
import torch

from sklearn_ssl._engine.batches import SeriesDataset
from sklearn_ssl._engine.budgets import MOST_LABELLED, resolved_batch_size
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._input.collections import Collection
from sklearn_ssl._parameters.hyperparameters import number, recipe
from sklearn_ssl.architectures import Batch, HeadedArchitecture, RobustArchitecture, SemiSupervisedArchitecture
from sklearn_ssl.architectures._modes import attackable
from sklearn_ssl.augmentations._default_views import mild_views
from sklearn_ssl.base import SSLTransformer
from sklearn_ssl.fine_tuning._classifier import EncoderClassifier
from sklearn_ssl.fine_tuning._tasks import Labels
from sklearn_ssl.losses import semi_supervised_loss


class JointClassifier(EncoderClassifier, abc.ABC):
    """A classifier whose steps have a supervised loss of labelled series and a self-supervised one of all.

    Parameters
    ----------
    transformer : transformer, default=None
        Any of this package that is trained by gradient steps; given by position. Its encoder, projector, views and loss
        are used; its own budget, learning rate and batch size are not. In `sklearn.frozen.FrozenEstimator` training
        starts from its weights. None is ``VICRegTransformer()``.
    pretrained : {"refit", "keep"}, default="refit"
        "keep" starts from the weights of a `transformer` that is fitted already, also in clones of this estimator.
    ssl_weight : float, default=1.0
        Weight of the self-supervised loss; 0 leaves the supervised one alone.
    augmentation : Augmentation, default=None
        How labelled series are varied in training. None is the mild mix of the joint-embedding methods.
    labelled_batch_size : int or "auto", default="auto"
        Labelled series per step, beside `batch_size` of all. "auto" is the power of two next to a quarter of the
        labelled ones, from 8 to 256. Where there are fewer they come several times, each time with another view.
    max_epochs : int or "auto", default="auto"
        Passes over all series; "auto" is as many as 200 steps take, and four for large sets, or as many as 500 take.
    batch_size : int or "auto", default="auto"
        Series per step for the self-supervised loss, at least 2. "auto" is the power of two next to a quarter of them,
        from 8 to 64.
    lr : float, default=1e-3
        Highest learning rate; training warms up to it and then decays it to zero along a cosine.
    """

    ssl_weight: float = number(default=1.0, least=0)
    augmentation: Any = recipe(default_factory=mild_views, needs="apply")
    labelled_batch_size: int | str = number(default="auto", least=2, integer=True, or_else=("auto",))
    max_epochs: int | str = number(default="auto", least=0, integer=True, or_else=("auto",))
    batch_size: int | str = number(default="auto", least=2, integer=True, or_else=("auto",))
    lr: float = number(default=1e-3, above=0)

    def _check_transformer(self, transformer: Any) -> None:
        super()._check_transformer(transformer)
        if not isinstance(transformer, SSLTransformer):
            raise TypeError(
                "`transformer` must be one that is trained by gradient steps, such as VICRegTransformer(), for its "
                f"loss joins that of the labels; got {transformer!r}. SSLClassifier takes that one too."
            )

    def _start_of(self, transformer: Any, X: Any) -> SSLTransformer:
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
            augmentation=self.resolved("augmentation"),
        )

    def _dataset(self, net: SSLNet, collection: Collection, labels: Labels) -> SeriesDataset:
        return LabelledInFront(collection, labels, torch.device(net.device), net.module_.n_labelled)

    @staticmethod
    def _apart(held_out: np.ndarray, dataset: Any, y: Any = None, **kwargs: Any) -> tuple[Any, Any]:
        return dataset.split(held_out)


class LabelledInFront(SeriesDataset):
    """All series; in front of those of a batch are labelled ones, drawn for each batch.

    Within a batch, no labelled series repeats until all have been drawn once.
    """

    def __init__(self, collection: Collection, labels: Labels, device: torch.device, n_labelled: int) -> None:
        super().__init__(collection, device, labels.among(len(collection)))
        self.labels = labels
        self.n_labelled = n_labelled

    def __getitem__(self, index: Any) -> Batch:
        return super().__getitem__(torch.cat([self._drawn(), torch.atleast_1d(torch.as_tensor(index))]))

    def split(self, held_out: np.ndarray) -> tuple[SeriesDataset, SeriesDataset]:
        """Return all series without the labels that are held out, and the labelled series that have those."""
        training, apart = copy.copy(self), self.labels[held_out]
        training.labels = self.labels[np.setdiff1d(np.arange(len(self.labels)), held_out)]
        return training, SeriesDataset(self.collection.rows(apart.rows), self.device, apart.alone())

    def _drawn(self) -> torch.Tensor:
        rounds = -(-self.n_labelled // len(self.labels))
        order = torch.cat([torch.randperm(len(self.labels)) for _ in range(rounds)])
        return torch.from_numpy(self.labels.rows)[order[: self.n_labelled]]


@final
class S4LClassifier(JointClassifier):
    r"""Classifier that learns from labels and from all series in every step (S4L).

    A step takes a batch of all series for a self-supervised method and a batch of labelled ones for the head, and
    minimises

    .. math::
        \ell = \frac{\sum_i w_i \bigl(-\log \operatorname{softmax}(a_i)_{y_i}\bigr)}{\sum_i w_i}
               + \omega\, \ell_\text{self-supervised}

    where :math:`a_i` are the outputs of the head for a view of labelled series i, :math:`y_i` its class, :math:`w_i`
    its weight and :math:`\omega` is `ssl_weight`. Encoder, projector and head learn together; what the method keeps,
    such as a queue or a teacher, goes on with it. The label -1 stands for unknown, as in `sklearn.semi_supervised`.

    `SSLClassifier` does one after the other, which costs less where one pretrained encoder serves several tasks.

    References
    ----------
    Zhai, Oliver, Kolesnikov and Beyer (2019). S4L: Self-supervised semi-supervised learning. ICCV.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl import S4LClassifier, SimCLRTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=80, random_state=0)
    >>> y_known = np.where(np.arange(80) < 20, y, -1)
    >>> classifier = S4LClassifier(SimCLRTransformer(), max_epochs=5, random_state=0).fit(X, y_known)
    >>> bool(classifier.score(X, y) > 0.6)
    True
    """


@final
class RobustSSLClassifier(JointClassifier):
    r"""Classifier that learns from labels and from all series, both changed to raise its loss.

    Every step first searches, by projected gradient descent, for small changes :math:`\delta` of its series that raise
    the loss, and then lowers it on the changed ones:

    .. math::
        \min_\theta \max_{|\delta_{ict}| \le \rho s_c} \;
        \ell_\text{supervised}(x + \delta) + \omega\, \ell_\text{self-supervised}(x + \delta)

    where :math:`\delta_{ict}` changes series i in channel c at step t, :math:`\rho` is `radius`, :math:`s_c` the
    standard deviation of channel c and :math:`\omega` is `ssl_weight`. The self-supervised term draws in series without
    labels and makes the features themselves robust. While changes are searched for, the network is in evaluation mode.
    The encoder needs a gradient by the series, which `~sklearn_ssl.encoders.RocketEncoder` has not.
    A step costs `n_attack_steps` + 1 times one of `S4LClassifier`, whose other parameters it shares.
    `~sklearn_ssl.evaluation.robustness_report` tells what it gains, and what it costs on series that nobody changed.

    Parameters
    ----------
    radius : float, default=0.1
        The radius :math:`\rho`, in standard deviations of the channel. 0 changes nothing.
    n_attack_steps : int, default=3
        Steps of the search.

    References
    ----------
    Hendrycks, Mazeika, Kadavath and Song (2019). Using self-supervised learning can improve model robustness and
    uncertainty. NeurIPS.

    Madry, Makelov, Schmidt, Tsipras and Vladu (2018). Towards deep learning models resistant to adversarial attacks.
    ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl import RobustSSLClassifier, SimCLRTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=80, random_state=0)
    >>> classifier = RobustSSLClassifier(SimCLRTransformer(), max_epochs=5, random_state=0).fit(X, y)
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
                f"`transformer` has the encoder {self.transformer_.resolved('encoder')}, whose features have no "
                f"gradient by the series, so that no change of these can be searched for; `radius` is {self.radius}. "
                "Give another encoder, such as InceptionEncoder(), or set `radius` to 0."
            )
        return net


def _has_gradient(net: SSLNet, n_channels: int, n_timepoints: int) -> bool:
    """Tell whether features follow from series by steps that have a derivative."""
    series = torch.zeros(1, n_channels, n_timepoints, device=net.device, requires_grad=True)
    with attackable(net.module_):
        total = net.module_.features(series).sum()
        return total.requires_grad and torch.autograd.grad(total, series, allow_unused=True)[0] is not None
