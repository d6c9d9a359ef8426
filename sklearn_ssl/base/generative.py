"""The bases of the methods that make series: from the code of a series, or from noise."""

import abc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._engine.batches import Companion, SeriesDataset
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._engine.random_streams import draw_seed, seeded_stream
from sklearn_ssl._input.collections import INFERENCE_STEPS, Collection, validated_collection
from sklearn_ssl._parameters.arguments import check_whole_number
from sklearn_ssl._parameters.hyperparameters import number, recipe
from sklearn_ssl.architectures import Architecture, Batch
from sklearn_ssl.architectures._modes import evaluation_mode
from sklearn_ssl.base.trained import SSLTransformer
from sklearn_ssl.generators import ConvGenerator


class BottleneckTransformer(SSLTransformer, abc.ABC):
    """A transformer whose encoder is trained so that few numbers are enough to rebuild each series.

    `transform` returns the features of the encoder, as for all transformers. `embed` returns the few numbers, the code.
    The generator makes series as long as the longest one of `fit`. A shorter series is rebuilt by their first steps.

    Parameters
    ----------
    width : int, default=16
        Number of values P of a code.
    generator : generator, default=None
        Turns codes into series. None is ``ConvGenerator()``.
    """

    width: int = number(default=16, least=1, integer=True)
    generator: Any = recipe(default_factory=ConvGenerator, needs="build")

    def embed(self, X: Any) -> np.ndarray:
        """Compute the code of every series.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `reconstruct`.

        Returns
        -------
        ndarray of shape (n_cases, width)
            The codes, float32.

        Raises
        ------
        ValueError
            If a series is longer than the longest one of `fit`.
        """
        net, dataset = self._of_known_length(X)
        return torch.cat(list(net.represent(dataset, "codes"))).numpy()

    def reconstruct(self, X: Any) -> np.ndarray:
        """Rebuild every series from its code.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `transform`, but none longer than the longest one of `fit`.

        Returns
        -------
        ndarray of shape (n_cases, n_channels, n_timepoints)
            The rebuilt series, float32. NaN where a series is padded.

        Raises
        ------
        ValueError
            If a series is longer than the longest one of `fit`.
        """
        net, dataset = self._of_known_length(X)
        return torch.cat(list(net.over_batches(dataset, partial(_rebuilt, net.module_)))).numpy()

    def reconstruction_error(self, X: Any) -> np.ndarray:
        """Return how far every series is from the one that is rebuilt from its code: a score of anomaly.

        Series that differ from those of `fit` have large errors.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `reconstruct`.

        Returns
        -------
        ndarray of shape (n_cases,)
            The squared error, averaged over the values of each series, float64.

        Raises
        ------
        ValueError
            If a series is longer than the longest one of `fit`.
        """
        check_is_fitted(self)
        values = validated_collection(self, X, reset=False).values  # (n, C, L)
        return np.nanmean(np.square(self.reconstruct(X) - values, dtype=np.float64), axis=(1, 2))

    def _of_known_length(self, X: Any) -> tuple[SSLNet, SeriesDataset]:
        net, dataset = self._ready(X)
        check_lengths(net, dataset.collection)
        return net, dataset

    def _dataset(self, net: SSLNet, collection: Collection, companion: Companion | None) -> SeriesDataset:
        check_lengths(net, collection)
        return super()._dataset(net, collection, companion)

    def _with_bottleneck(self, architecture: Callable[..., Architecture], **own: Any) -> Callable[..., Architecture]:
        """Bind what every architecture of this family takes, and what this one takes beyond."""
        return partial(architecture, width=self.width, generator=self.resolved("generator"), **own)


class GenerativeMixin:
    """`sample` for transformers whose architecture has ``generated(n_cases)``, which makes series of noise."""

    net_: SSLNet

    def sample(self, n_cases: int, random_state: Any = None) -> np.ndarray:
        """Make new series.

        Parameters
        ----------
        n_cases : int
            Number of series, at least 1.
        random_state : int, numpy.random.RandomState or None, default=None
            Seed of the noise. None draws a seed from the operating system.

        Returns
        -------
        ndarray of shape (n_cases, n_channels, n_timepoints)
            The series, float32, as long as the longest one of `fit`. A series that is made shorter ends with NaN.

        Raises
        ------
        ValueError
            If `n_cases` is not a whole number of at least 1.
        """
        check_is_fitted(self)
        check_whole_number("n_cases", n_cases, least=1)
        net = self.net_
        at_once = max(INFERENCE_STEPS // net.module_.n_timepoints, 1)
        sizes = [min(at_once, n_cases - first) for first in range(0, int(n_cases), at_once)]
        stream = seeded_stream(draw_seed(random_state), torch.device(net.device))
        with stream, evaluation_mode(net.module_), torch.inference_mode():
            return torch.cat([net.module_.generated(size).cpu() for size in sizes]).numpy()


class ViewMakingMixin:
    """`views` for transformers whose architecture has a ``maker``, which changes series."""

    net_: SSLNet

    def views(self, X: Any, n_views: int = 2, random_state: Any = None) -> np.ndarray:
        """Make views of every series, without `augmentation`.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `transform`.
        n_views : int, default=2
            Number of views of each series.
        random_state : int, numpy.random.RandomState or None, default=None
            Seed of the noise. None draws a seed from the operating system.

        Returns
        -------
        ndarray of shape (n_views, n_cases, n_channels, n_timepoints)
            The views, float32. NaN where a series is padded.
        """
        check_is_fitted(self)
        check_whole_number("n_views", n_views, least=1)
        net = self.net_
        dataset = net.series(validated_collection(self, X, reset=False, in_pieces=True))
        with seeded_stream(draw_seed(random_state), torch.device(net.device)):
            made = [torch.cat(list(net.over_batches(dataset, partial(_view, net.module_)))) for _ in range(n_views)]
        return torch.stack(made).numpy()

    def view_source(self, spread: float, n_candidates: int) -> torch.nn.Module:
        """Return what makes views of series, for `sklearn_ssl.augmentations.GeneratedViews`.

        Parameters
        ----------
        spread, n_candidates : object
            Ignored: the changes are bounded by `epsilon`.

        Returns
        -------
        torch.nn.Module
            Has ``draw(x)`` and ``forward(x, lengths, draws)``.
        """
        check_is_fitted(self)
        return self.net_.module_.maker


def _rebuilt(module: Any, batch: Batch) -> torch.Tensor:
    return module.rebuilt(batch)


def _view(module: Any, batch: Batch) -> torch.Tensor:
    return batch.without_padding(module.maker(batch.x, batch.lengths, module.maker.draw(batch.x)))


def check_lengths(net: SSLNet, collection: Collection) -> None:
    """Raise a ValueError if a series is longer than those that the generator makes."""
    most = net.module_.n_timepoints
    longest = collection.n_timepoints if collection.lengths is None else int(collection.lengths.max())
    if longest > most:
        raise ValueError(
            f"X has a series of {longest} time steps, and the generator was built for at most {most}, those of the "
            "longest series of `fit`. Cut the series, or fit on longer ones."
        )
