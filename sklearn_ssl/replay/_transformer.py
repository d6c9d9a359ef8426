"""Self-supervised learning on a stream that never ends."""

import typing
from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._engine.net_copy import copied_net
from sklearn_ssl._engine.processes import working_together
from sklearn_ssl._engine.random_streams import draw_seed
from sklearn_ssl._input.collections import Collection, validated_collection
from sklearn_ssl._parameters.fitted_state import unchanged_on_error
from sklearn_ssl._parameters.hyperparameters import Hyperparameters, number, recipe
from sklearn_ssl._parameters.scikit_learn import ClassNamePrefixFeaturesOutMixin, MetaEstimatorMixin, TransformerMixin
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.base import SSLTransformer, StagedTransformer
from sklearn_ssl.base.kept import check_kept, kept_copy
from sklearn_ssl.base.progress import TrainingProgressMixin
from sklearn_ssl.methods.joint_embedding.simsiam import SimSiamTransformer
from sklearn_ssl.replay._buffers import MinRedBuffer
from sklearn_ssl.replay._memory import Memory, trimmed
from sklearn_ssl.replay._stream import Stream, for_stream

SHAPE = ("n_channels_in_", "n_features_in_", "feature_names_in_")


@typing.final
class ReplayTransformer(
    TrainingProgressMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, MetaEstimatorMixin, Hyperparameters
):
    """Self-supervised learning on a stream, with a bounded memory: by default MinRed.

    Series arrive in an order that nobody shuffles, and do not come again. Each call of `partial_fit` brings the next
    ones. They are added to a memory, the buffer chooses which series stay, and the transformer takes `n_updates` steps
    on random batches from the memory. Time and memory of a call do not depend on how long the stream has been.

    The default is MinRed: `SimSiamTransformer` with `MinRedBuffer`, which removes series that are like others. So the
    memory stays varied although neighbours in a stream are alike. Any other method that is trained by steps can be
    replayed, and any other buffer can choose.

    The loss, the views, the learning rate and the batch size are those of `transformer`. The learning rate is constant.
    Its number of epochs and steps, its checkpoint and a `train_split` have no effect. What it takes from the series
    before training, such as thresholds, it takes from the first piece. Scalers before this step are fitted to the
    first series too, or a stream would have to be known before it comes.

    Training starts with the second series. The authors of MinRed fill the buffer before the first step, and use SGD.

    Parameters
    ----------
    transformer : SSLTransformer, default=None
        A transformer that is trained by gradient steps. It may be given by position. It is cloned. With a fitted
        transformer in `sklearn.frozen.FrozenEstimator` training starts from a copy of its weights. Transformers that
        have a place for every training series (`InstDiscTransformer`, `ExemplarTransformer`), that learn from texts, or
        that fit another transformer first cannot be replayed. None is ``SimSiamTransformer()``.
    buffer : ReplayBuffer, default=None
        Chooses which series stay in memory. None is ``MinRedBuffer()``.
    n_updates : int, default=4
        Steps for each piece of the stream.
    stream_batch_size : int, default=32
        Series of a piece when `fit` takes `X` for a stream. `partial_fit` takes its whole `X` for one piece.
    random_state : int, numpy.random.RandomState or None, default=None
        Seed for a transformer whose own `random_state` is None. Draws from the memory belong to its random stream.

    Attributes
    ----------
    transformer_ : SSLTransformer
        The fitted transformer. Give it as ``FrozenEstimator(replay.transformer_)`` to `SSLClassifier` or to another
        stream.
    buffer_ : Memory
        What is in memory: `values`, `lengths`, `arrival` (the number of each series in the stream), `features` and
        `seen`.
    n_seen_ : int
        Series of the stream so far.
    net_ : skorch.NeuralNet
        The net of `transformer_`. Its history has the latest 100 calls.
    n_iter_ : int
        Calls in which steps were taken, pieces of `fit` included.
    n_channels_in_ : int
        Channels of the series.
    n_features_in_ : int
        Time steps of the first piece, for 2-D input only.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of the first piece, for data frames only.

    Raises
    ------
    TypeError
        If `transformer` is not trained by gradient steps, or learns from texts.
    ValueError
        If `transformer` has a place for every training series or fits another one first, or if the input is not valid.

    References
    ----------
    Purushwalkam, S., Morgado, P. and Gupta, A. (2022). The challenges of continuous self-supervised learning. ECCV.
    https://arxiv.org/abs/2203.12710

    Examples
    --------
    >>> from sklearn_ssl import ReplayTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.replay import MinRedBuffer
    >>> X, y = make_waves(n_cases=40, random_state=0)
    >>> replay = ReplayTransformer(buffer=MinRedBuffer(size=16), n_updates=1, random_state=0)
    >>> for start in range(0, 40, 8):
    ...     replay = replay.partial_fit(X[start : start + 8])
    >>> replay.n_seen_, len(replay.buffer_)
    (40, 16)
    >>> len(replay.transform(X))
    40
    """

    transformer: Any = recipe(default_factory=SimSiamTransformer, needs="fit", kw_only=False)
    buffer: Any = recipe(default_factory=MinRedBuffer, needs="kept")
    n_updates: int = number(default=4, least=1, integer=True)
    stream_batch_size: int = number(default=32, least=1, integer=True)
    random_state: Any = None

    def fit(self, X: Any, y: Any = None) -> Self:
        """Forget everything, and take `X` for a stream, in its order and in pieces of `stream_batch_size` series.

        Parameters
        ----------
        X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), or list of 2-D arrays
            The series, at least two, in the order in which they came. Otherwise as for any transformer.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        KeyboardInterrupt
            If the fit is interrupted. The transformer then has learnt from the stream until then, and can be used.
        """
        with unchanged_on_error(self) as state, working_together(self):
            collection = self._checked(X, reset=True, min_cases=2)
            starts = range(0, len(collection), self.stream_batch_size)
            pieces = [trimmed(collection.rows(slice(start, start + self.stream_batch_size))) for start in starts]
            stream = self._begun(pieces[0])
            stream.transformer._check_steps(collection)
            state.learnt = lambda: _learnt(stream)
            for piece in pieces:
                stream.take(piece)
            self.transformer_, self.buffer_ = stream.transformer, stream.memory
        return self

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Take `X` for the next piece of the stream, or for the first one.

        While it runs, other threads can use the transformer as it was before. It stays so after an error or interrupt.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`, but one is enough. They may have other lengths than those before.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The transformer.
        """
        started = self.__sklearn_is_fitted__()
        with unchanged_on_error(self), working_together(self):
            piece = trimmed(self._checked(X, reset=not started, min_cases=1))
            stream = self._resumed() if started else self._begun(piece)
            stream.transformer._check_steps(piece)
            stream.take(piece)
            self.transformer_, self.buffer_ = stream.transformer, stream.memory
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Compute the features of every series.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`. 3-D input may have another length.

        Returns
        -------
        ndarray of shape (n_cases, n_features)
            The features, float32.
        """
        return self._ready().transform(self._series(X))

    def encode(self, X: Any) -> np.ndarray:
        """Compute the encoder's features per time step.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `transform`.

        Returns
        -------
        ndarray of shape (n_cases, n_features, n_timepoints')
            The last layer's features, float32; NaN where a series is padded.
        """
        return self._ready().encode(self._series(X))

    @property
    def net_(self) -> SSLNet:
        """The net of the transformer."""
        return self.transformer_.net_

    @property
    def distributed(self) -> bool:
        """Whether several processes train the transformer together, as its own parameter tells."""
        return getattr(self._given(), "distributed", False)

    @property
    def n_seen_(self) -> int:
        """Series of the stream so far."""
        return self.buffer_.n_seen

    @property
    def collapsed_loss_(self) -> float | None:
        """The loss of a batch whose projections are all the same, as the transformer tells it."""
        return self.transformer_.collapsed_loss_

    def _ready(self) -> SSLTransformer:
        check_is_fitted(self)
        return self.transformer_

    def _series(self, X: Any) -> np.ndarray:
        return validated_collection(self, X, reset=False).values

    def _checked(self, X: Any, *, reset: bool, min_cases: int) -> Collection:
        self.check_hyperparameters()
        self._check_transformer(self._given())
        return validated_collection(self, X, reset=reset, min_cases=min_cases)

    def _given(self) -> Any:
        transformer = self.resolved("transformer")
        return transformer.estimator if isinstance(transformer, FrozenEstimator) else transformer

    def _is_frozen(self) -> bool:
        return isinstance(self.transformer, FrozenEstimator)

    def _check_transformer(self, transformer: Any) -> None:
        if not isinstance(transformer, SSLTransformer):
            raise TypeError(
                "`transformer` must be trained by gradient steps, as SimSiamTransformer() is, to learn from a stream; "
                f"got {shown(transformer)}."
            )
        if get_tags(transformer).target_tags.required:
            raise TypeError(
                f"`transformer` learns from texts or metadata, and a stream has series alone; got {shown(transformer)}."
                " Take another, such as SimSiamTransformer()."
            )
        if self._is_frozen():
            check_kept("transformer", transformer)
        elif isinstance(transformer, StagedTransformer):
            _check_stages(transformer)

    def _begun(self, first: Collection) -> Stream:
        """Return a stream of which this is the first piece, before it is taken."""
        transformer = self._started_on(first)
        if transformer.net_.module_.keeps_instances:
            raise ValueError(
                f"`transformer` has a place for each series it learns from, and a stream has none for them; got "
                f"{shown(self._given())}. Take another, such as SimSiamTransformer() or SimCLRTransformer()."
            )
        for_stream(transformer.net_)
        return self._stream(transformer, Memory.empty(first))

    def _started_on(self, first: Collection) -> SSLTransformer:
        given = self._given()
        if self._is_frozen():
            kept = kept_copy("transformer", given, first.n_channels)
            kept.net_ = copied_net(given.net_)
            return kept
        transformer = clone(given)
        if transformer.random_state is None:
            transformer.set_params(random_state=draw_seed(self.random_state))
        vars(transformer).update({name: vars(self)[name] for name in SHAPE if name in vars(self)})
        transformer._begin(first, self.resolved("buffer").size)
        return transformer

    def _resumed(self) -> Stream:
        return self._stream(self.transformer_, self.buffer_).copied()

    def _stream(self, transformer: SSLTransformer, memory: Memory) -> Stream:
        return Stream(transformer, memory, self.resolved("buffer"), self.n_updates)

    @property
    def _n_features_out(self) -> int:
        return self.transformer_._n_features_out

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "transformer_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _check_stages(transformer: StagedTransformer) -> None:
    """Raise a ValueError if a transformer would fit another one first, to the first piece of the stream alone."""
    for name in transformer._stages:
        if not transformer._keeps(name):
            raise ValueError(
                f"`transformer` fits its `{name}` first, and a stream has no series for that; got {shown(transformer)}."
                f" Fit the {name} to other series before, and give it as {name}=FrozenEstimator({name})."
            )


def _learnt(stream: Stream) -> dict[str, Any]:
    """Return the fitted attributes after an interrupt, if a piece was taken before it."""
    return {"transformer_": stream.transformer, "buffer_": stream.memory} if stream.memory.n_seen else {}
