"""The bases of the methods that ask a question about each series to which the answer is known without labels."""

import abc
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._engine.history import PretextAccuracy
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._engine.random_streams import draw_seed, seeded_stream
from sklearn_ssl._input.collections import validated_collection
from sklearn_ssl._parameters.arguments import check_whole_number
from sklearn_ssl._parameters.hyperparameters import number, recipe
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.architectures import Architecture, Batch
from sklearn_ssl.augmentations import Compose
from sklearn_ssl.augmentations._given import as_augmentation
from sklearn_ssl.base.trained import SSLTransformer
from sklearn_ssl.projectors import MLPProjector


class PretextAccuracyMixin:
    """How often a transformer with the callback `PretextAccuracy` was right in training.

    Attributes
    ----------
    pretext_accuracy_ : float or None
        Share of right answers in the last epoch, on the training series. None before the first step.
    """

    net_: SSLNet

    @property
    def pretext_accuracy_(self) -> float | None:
        """Share of right answers in the last epoch."""
        return self.net_.history[-1].get("pretext_accuracy") if self.net_.history else None


class PretextTransformer(PretextAccuracyMixin, SSLTransformer, abc.ABC):
    """A transformer whose encoder learns to tell which of K numbered changes was applied to a series.

    `transform` gives series to the encoder as they are. It does not use the classifier of the changes.

    Parameters
    ----------
    augmentation : Augmentation or callable, default=None
        Changes series before the question is asked. It must not make the changes that are asked for. None is
        ``Compose()``, which changes nothing.
    projector : MLPProjector, default=None
        Network in front of the linear classifier of the changes. None is ``MLPProjector()``.

    Attributes
    ----------
    pretext_accuracy_ : float or None
        Share of right answers in the last epoch, on the training series. None before the first step. An accuracy near
        `pretext_chance_` says that nothing was learnt.
    pretext_chance_ : float
        Share of right answers of a classifier that guesses, 1 / K.
    """

    augmentation: Any = recipe(default_factory=Compose, needs="__call__")
    projector: Any = recipe(default_factory=MLPProjector, needs="build")

    has_loss_of_one_series = True

    @property
    def pretext_chance_(self) -> float:
        """Share of right answers of a classifier that guesses."""
        return 1 / self.net_.module_.n_answers

    def predict_pretext(self, X: Any, random_state: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Ask the question of the training about series, without `augmentation`.

        Series that were held out from training tell whether the answer was learnt or learnt by heart.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `transform`.
        random_state : int, numpy.random.RandomState or None, default=None
            Seed of random changes. None draws a seed from the operating system.

        Returns
        -------
        number : int ndarray of shape (n_cases, n_questions)
            The changes that were applied to each series.
        predicted : int ndarray of shape (n_cases, n_questions)
            The most likely ones.

        Examples
        --------
        >>> from sklearn_ssl import RotationTransformer
        >>> from sklearn_ssl.datasets import make_waves
        >>> X, y = make_waves(n_cases=20, random_state=0)
        >>> transformer = RotationTransformer(max_epochs=1, random_state=0).fit(X)
        >>> number, predicted = transformer.predict_pretext(X)
        >>> number.shape == predicted.shape == (20, 4)
        True
        """
        check_is_fitted(self)
        net = self.net_
        dataset = net.series(validated_collection(self, X, reset=False, in_pieces=True))
        with seeded_stream(draw_seed(random_state), torch.device(net.device)):
            both = torch.cat(list(net.over_batches(dataset, net.module_.answers)))  # (n, 2, questions)
        number, predicted = both.long().numpy().swapaxes(0, 1)
        return number, predicted

    def _with_pretext(self, architecture: Callable[..., Architecture], **own: Any) -> Callable[..., Architecture]:
        """Bind what every architecture of this family takes, and what this one takes beyond."""
        augmentation = as_augmentation(self.resolved("augmentation"))
        return partial(architecture, augmentation=augmentation, projector=self.resolved("projector"), **own)

    def _training_params(self) -> dict[str, Any]:
        return {"callbacks": [("pretext", PretextAccuracy())]}

    def _collapsed_loss(self, n_cases: int, n_projections: int) -> float:
        return math.log(self.net_.module_.n_answers)


class HiddenChannelTransformer(SSLTransformer, abc.ABC):
    """A transformer whose encoder learns to predict a hidden channel of each series from the others.

    `transform` gives whole series to the encoder.

    Parameters
    ----------
    augmentation : Augmentation or callable, default=None
        Changes series before a channel is hidden. The changed values are predicted. None is ``Compose()``, which
        changes nothing.
    n_bins : int, default=16
        Number of bins of values.
    """

    augmentation: Any = recipe(default_factory=Compose, needs="__call__")
    n_bins: int = number(default=16, least=2, most=256, integer=True)

    has_loss_of_one_series = True

    def colorize(self, X: Any, channel: int = 0, temperature: float = 0.38) -> np.ndarray:
        r"""Predict a channel of every series from the other channels.

        The prediction is the annealed mean :math:`\sum_q \operatorname{softmax}_q(\log p_q / T) \, m_q` of the centres
        m of the bins, with p the predicted shares. The values of the channel itself are not read. For series of a
        single channel, the prediction uses the means over short windows.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `transform`.
        channel : int, default=0
            Number of the channel, from 0.
        temperature : float, default=0.38
            Temperature T. 1 gives the mean, and a low one the most likely bin.

        Returns
        -------
        ndarray of shape (n_cases, n_timepoints)
            The predicted values, float32. NaN where a series is padded.

        Raises
        ------
        ValueError
            If there is no such channel, or `temperature` is not above 0.
        """
        check_is_fitted(self)
        check_whole_number("channel", channel, least=0)
        net = self.net_
        collection = validated_collection(self, X, reset=False)
        if channel >= collection.n_channels:
            raise ValueError(f"`channel` must be below {collection.n_channels}, the number of channels, got {channel}.")
        if not 0 < temperature < math.inf:
            raise ValueError(f"`temperature` must be a number above 0, got {shown(temperature)}.")
        predict = partial(_colorized, net.module_, int(channel), temperature)
        return torch.cat(list(net.over_batches(net.series(collection), predict)))[:, 0].numpy()

    def _collapsed_loss(self, n_cases: int, n_projections: int) -> float:
        return math.log(self.n_bins)


def _colorized(module: Any, channel: int, temperature: float, batch: Batch) -> torch.Tensor:
    predicted = module.annealed_mean(batch, channel, temperature)[:, None]  # (B, 1, L)
    return predicted if batch.mask is None else predicted.where(batch.mask[:, None], torch.nan)
