"""Buffers: recipes that choose which series of a stream stay in memory."""

import abc
import typing

import numpy as np

from sklearn_ssl._parameters.hyperparameters import Hyperparameters, number
from sklearn_ssl.replay._memory import Memory
from sklearn_ssl.replay._redundancy import most_redundant


class ReplayBuffer(Hyperparameters, abc.ABC):
    """A recipe that chooses which series of a stream stay in memory.

    A subclass writes `kept`. If its choice depends on features, it sets ``needs_features = True``. State is in the
    memory alone; a buffer has none.

    Parameters
    ----------
    size : int, default=1024
        Largest number of series in memory. If it is smaller than a batch, all series of the memory are a batch.

    Attributes
    ----------
    needs_features : bool
        Whether `kept` looks at ``memory.features``. False unless a subclass says otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl import ReplayTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.replay import ReplayBuffer
    >>> class RandomBuffer(ReplayBuffer):
    ...     def kept(self, memory, n_new, rng):
    ...         return rng.permutation(len(memory))[: self.size]
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> replay = ReplayTransformer(buffer=RandomBuffer(size=8), n_updates=1, random_state=0).fit(X)
    >>> len(replay.buffer_)
    8
    """

    size: int = number(default=1024, least=2, integer=True)

    needs_features = False

    @abc.abstractmethod
    def kept(self, memory: Memory, n_new: int, rng: np.random.Generator) -> np.ndarray:
        """Choose the series that stay. It is called when the memory holds more than `size` series.

        Parameters
        ----------
        memory : Memory
            The series in the order in which they came, the new ones last.
        n_new : int
            How many are new.
        rng : numpy.random.Generator
            The only random numbers that may be used.

        Returns
        -------
        places : int ndarray
            The places of the series that stay, at most `size` different ones.
        """

    def updated(self, features: np.ndarray, new: np.ndarray) -> np.ndarray:
        """Return the features of series that were in a batch again; here the new ones.

        Parameters
        ----------
        features : ndarray of shape (n, P)
            The features so far, of length 1.
        new : ndarray of shape (n, P)
            The features from the latest batch, of length 1.

        Returns
        -------
        features : ndarray of shape (n, P)
            The features to remember.
        """
        return new


@typing.final
class MinRedBuffer(ReplayBuffer):
    r"""Buffer of minimal redundancy: of two series that are alike, one goes.

    Let :math:`z_i` be the feature of a stored series, of length 1. As long as there are too many, the series goes whose
    nearest neighbour is nearest:

    .. math:: \arg\max_i \max_{j \ne i} z_i^\top z_j,

    and of two that are each other's neighbours the one that came first. Only series that were in a batch have a feature
    and can go. If these are fewer than twice as many as have to go, the oldest series go.

    The feature comes from the projections that training computes anyway: the sum over the views of a series, scaled to
    length 1. Each time when a series is in a batch, with :math:`z` from that batch,

    .. math:: z_i \leftarrow \frac{\mu z_i + (1 - \mu) z}{\lVert \mu z_i + (1 - \mu) z \rVert}.

    For methods that have no such projections it is the pooled feature of the whole series, after each call.

    Parameters
    ----------
    momentum : float, default=0.5
        The weight :math:`\mu` of the feature so far.

    References
    ----------
    Purushwalkam, S., Morgado, P. and Gupta, A. (2022). The challenges of continuous self-supervised learning. ECCV.
    https://arxiv.org/abs/2203.12710

    Examples
    --------
    >>> from sklearn_ssl.replay import MinRedBuffer
    >>> MinRedBuffer(size=256)
    MinRedBuffer(size=256)
    """

    momentum: float = number(default=0.5, least=0, below=1)

    needs_features = True

    def kept(self, memory: Memory, n_new: int, rng: np.random.Generator) -> np.ndarray:
        """Choose the series that stay."""
        n_out = len(memory) - self.size
        seen = np.flatnonzero(memory.seen)
        if len(seen) < 2 * n_out:
            return np.arange(n_out, len(memory))
        return np.delete(np.arange(len(memory)), seen[most_redundant(memory.features[seen], n_out)])

    def updated(self, features: np.ndarray, new: np.ndarray) -> np.ndarray:
        """Return the features of series that were in a batch again."""
        return unit_rows(self.momentum * features + (1 - self.momentum) * new)


@typing.final
class FIFOBuffer(ReplayBuffer):
    """Buffer of the latest series: first in, first out.

    Examples
    --------
    >>> from sklearn_ssl.replay import FIFOBuffer
    >>> FIFOBuffer(size=256)
    FIFOBuffer(size=256)
    """

    def kept(self, memory: Memory, n_new: int, rng: np.random.Generator) -> np.ndarray:
        """Choose the series that stay."""
        return np.arange(len(memory) - self.size, len(memory))


@typing.final
class ReservoirBuffer(ReplayBuffer):
    """Buffer in which every series of the stream so far is with the same probability.

    The t-th series of the stream takes the place of a random one with probability `size` / t.

    References
    ----------
    Vitter, J. S. (1985). Random sampling with a reservoir. ACM Transactions on Mathematical Software.

    Examples
    --------
    >>> from sklearn_ssl.replay import ReservoirBuffer
    >>> ReservoirBuffer(size=256)
    ReservoirBuffer(size=256)
    """

    def kept(self, memory: Memory, n_new: int, rng: np.random.Generator) -> np.ndarray:
        """Choose the series that stay."""
        n_old = len(memory) - n_new
        number = memory.arrival[n_old:] + 1  # t, from 1
        slot = np.where(number <= self.size, number - 1, rng.integers(0, number))
        stays = slot < self.size
        old = rng.permutation(n_old)[: self.size] if n_old > self.size else np.arange(n_old)  # `size` was larger before
        slots = np.full(self.size, -1)
        slots[: len(old)] = old
        slots[slot[stays]] = n_old + np.flatnonzero(stays)  # of several series for a slot the last one gets it
        return slots[slots >= 0]


def unit_rows(Z: np.ndarray) -> np.ndarray:
    """Scale rows (n, P) to length 1; rows of zeros stay."""
    norms = np.linalg.norm(Z, axis=1, keepdims=True)
    return Z / np.where(norms > 0, norms, 1)
