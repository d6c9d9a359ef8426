"""What puts a head on an encoder and trains it with labels; subclasses say what the labels are and what learns."""

import abc
import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.callback import CallbackSupportMixin
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import EarlyStopping

from sklearn_ssl._engine.batches import SeriesDataset
from sklearn_ssl._engine.budgets import resolved_epochs
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._engine.net_copy import copied_net
from sklearn_ssl._engine.progress import TaskReporter
from sklearn_ssl._engine.random_streams import draw_seed
from sklearn_ssl._input.collections import Collection, validated_collection
from sklearn_ssl._parameters.hyperparameters import Hyperparameters, choice, number, positional, recipe
from sklearn_ssl.architectures import HeadedArchitecture
from sklearn_ssl.base.embedding import EmbeddingTransformer, check_features
from sklearn_ssl.fine_tuning._datasets import LabelledBesideAll, LabelledDataset
from sklearn_ssl.fine_tuning._labels import Labels
from sklearn_ssl.methods.joint_embedding.vicreg import VICRegTransformer


class EncoderPredictor(CallbackSupportMixin, MetaEstimatorMixin, Hyperparameters, abc.ABC):
    """A predictor made of a transformer's encoder and a head.

    Parameters
    ----------
    transformer : transformer, default=None
        Any of this package; given by position. It is cloned and pretrained on all series of `fit`, labelled or not. In
        `sklearn.frozen.FrozenEstimator` it is taken as it was fitted. None is ``VICRegTransformer()``.
    pretrained : {"refit", "keep"}, default="refit"
        "keep" takes a `transformer` that is fitted already as it is, also in clones of this estimator.
    head_width : int or None, default=None
        Width of a hidden layer of the head. None is a linear head, which starts from the solution of the probe,
        as Kumar and others do.
    penalty : float or None, default=None
        Strength of the ridge penalty on the weights of a linear head where it starts, for standardised features. None
        takes the best of ten from 0.001 to 1,000 by leave-one-out.
    max_steps : int or None, default=None
        Budget in optimiser steps, in place of `max_epochs`.
    weight_decay : float, default=1e-2
        Weight decay of AdamW.
    early_stopping : bool, default=False
        Whether to hold `validation_fraction` of the labelled series out, to stop when their loss has not fallen for
        `n_iter_no_change` epochs, and to restore the weights of the best epoch.
    validation_fraction : float, default=0.1
        Share of the labelled series that is held out if `early_stopping`.
    n_iter_no_change : int, default=10
        Epochs without a lower loss of the held-out series after which training ends.
    random_state : int, numpy.random.RandomState or None, default=None
        Seed of head, order, dropout and held-out share. The transformer has a `random_state` of its own; where that is
        None, it gets this one.
    verbose : int, default=0
        1 prints a line an epoch.

    Attributes
    ----------
    transformer_ : transformer
        What training started from; it does not change it.
    net_ : skorch.NeuralNet
        The trained net; ``net_.history`` has the loss of every epoch, ``net_.module_.encoder`` the encoder.
    n_channels_in_ : int
        Channels of the series seen at fit.
    n_features_in_ : int
        Time steps seen at fit, for 2-D input only.

    Raises
    ------
    ValueError, TypeError
        At fit, if a parameter or the input is not valid, or if no series is labelled. What was fitted before stays.

    References
    ----------
    Kumar, Raghunathan, Jones, Ma and Liang (2022). Fine-tuning can distort pretrained features and underperform
    out-of-distribution. ICLR.
    """

    transformer: Any = positional(recipe(default_factory=VICRegTransformer, needs="fit"))
    pretrained: str = choice("refit", "keep", default="refit")
    head_width: int | None = number(default=None, least=1, integer=True, or_else=(None,))
    penalty: float | None = number(default=None, above=0, or_else=(None,))
    max_epochs: int | str = number(default=50, least=0, integer=True)
    max_steps: int | None = number(default=None, least=1, integer=True, or_else=(None,))
    batch_size: int | str = number(default="auto", least=2, integer=True, or_else=("auto",))
    lr: float = number(default=1e-4, above=0)
    weight_decay: float = number(default=1e-2, least=0)
    early_stopping: bool = choice(False, True, default=False)
    validation_fraction: float = number(default=0.1, above=0, below=1)
    n_iter_no_change: int = number(default=10, least=1, integer=True)
    random_state: Any = None
    verbose: int = number(default=0, least=0, integer=True, or_else=(True, False))

    @abc.abstractmethod
    def _label_loss(self) -> Callable[..., torch.Tensor]:
        """Return the loss of outputs, targets and weights."""

    @abc.abstractmethod
    def _probe(self, features: np.ndarray, labels: Labels) -> tuple[np.ndarray, np.ndarray, float]:
        """Return weight (K, F) and bias (K,) of the linear predictor, and its squared error for left-out series."""

    @property
    @abc.abstractmethod
    def _n_outputs(self) -> int:
        """How many columns the head has."""

    @abc.abstractmethod
    def _start_of(self, transformer: Any, X: Any) -> EmbeddingTransformer:
        """Return an unfitted transformer as it is when the head joins it."""

    @abc.abstractmethod
    def _architecture(self, labels: Labels) -> Callable[..., HeadedArchitecture]:
        """Return what builds the architecture, with all but what the engine tells it."""

    @abc.abstractmethod
    def _batch_size(self, collection: Collection, labels: Labels) -> int:
        """Return how many series a step takes."""

    @abc.abstractmethod
    def _dataset(self, net: SSLNet, collection: Collection, labels: Labels) -> LabelledDataset | LabelledBesideAll:
        """Return what a net is trained on."""

    def _loss(self) -> Callable[..., torch.Tensor]:
        return self._label_loss()

    def _optimizer_params(self) -> dict[str, Any]:
        return {}

    def _checked(self, X: Any, *, reset: bool) -> Collection:
        self.check_hyperparameters()
        self._check_transformer(self._given_transformer())
        return validated_collection(self, X, reset=reset, min_cases=2)

    def _check_transformer(self, transformer: Any) -> None:
        if not isinstance(transformer, EmbeddingTransformer):
            raise TypeError(
                f"`transformer` must be a transformer of this package, which has an encoder, got {transformer!r}. Put "
                f"steps such as scaling before {type(self).__name__} in the pipeline."
            )
        if self._keeps_weights():
            check_is_fitted(transformer, msg="`transformer` must be fitted to be kept, and this %(name)s is not.")

    def _given_transformer(self) -> Any:
        transformer = self.resolved("transformer")
        return transformer.estimator if isinstance(transformer, FrozenEstimator) else transformer

    def _keeps_weights(self) -> bool:
        return self.pretrained == "keep" or isinstance(self.transformer, FrozenEstimator)

    def _fit_on(self, X: Any, collection: Collection, labels: Labels) -> None:
        seed = draw_seed(self.random_state)
        held_out = self._held_out(labels, seed)  # what cannot be split shows before any work
        self.transformer_ = self._started_on(X, seed)
        net = self._build_net(collection, labels, held_out, seed)
        net.adapt(net.series(collection))
        self._start_head(net, collection, labels, held_out)
        dataset = self._dataset(net, collection, labels)
        epochs, steps = self._planned(net, dataset)
        task = self._init_callback_context(max_subtasks=epochs)
        task.call_on_fit_task_begin(estimator=self, X=X)
        self.net_ = net.train(dataset, epochs, steps, (TaskReporter(self, task),)) if epochs else net
        task.call_on_fit_task_end(estimator=self, X=X)

    def _started_on(self, X: Any, seed: int) -> EmbeddingTransformer:
        given = self._given_transformer()
        if self._keeps_weights():
            if given.n_channels_in_ != self.n_channels_in_:
                raise ValueError(
                    f"X has {self.n_channels_in_} channel(s), but `transformer` was fitted on series with "
                    f"{given.n_channels_in_}. Give the channels of its training data, or change its encoder by "
                    "sklearn_ssl.encoders.adapt_channels."
                )
            return copy.copy(given)  # a later fit of the given one gives it another net and leaves this one
        fresh = clone(given)
        if fresh.random_state is None:
            fresh.set_params(random_state=seed)
        return self._start_of(fresh, X)

    def _build_net(self, collection: Collection, labels: Labels, held_out: np.ndarray, seed: int) -> SSLNet:
        start = self.transformer_.net_
        architecture = partial(
            self._architecture(labels), start=start.module_, n_outputs=self._n_outputs, head_width=self.head_width
        )
        net = SSLNet(
            partial(architecture, n_channels=collection.n_channels, n_cases=len(collection)),
            loss=self._loss(),
            precision=start.precision,
            seed=seed,
            device=start.device,
            optimizer=torch.optim.AdamW,
            optimizer__weight_decay=self.weight_decay,
            optimizer__fused=True,
            **self._optimizer_params(),
            lr=self.lr,
            batch_size=self._batch_size(collection, labels),
            max_steps=self.max_steps,
            train_split=partial(_apart, held_out) if len(held_out) else None,
            callbacks=[("stopping", self._stopping())] if self.early_stopping else [],
            callbacks__collapse=None,  # outputs of labels are no embedding
            verbose=self.verbose,
        )
        return net.initialize()

    def _stopping(self) -> EarlyStopping:
        return EarlyStopping(patience=self.n_iter_no_change, threshold=0, load_best=True, sink=_silently)

    def _held_out(self, labels: Labels, seed: int) -> np.ndarray:
        """Return which of the labelled series are only looked at, to know when to stop."""
        if not self.early_stopping:
            return np.empty(0, dtype=int)
        try:
            _, held_out = train_test_split(
                np.arange(len(labels)),
                test_size=self.validation_fraction,
                stratify=self._strata(labels),
                random_state=seed % 2**32,
            )
        except ValueError as error:
            raise ValueError(
                f"`early_stopping` holds `validation_fraction`={self.validation_fraction} of {len(labels)} labelled "
                f"series out, which is not possible: {error} Set it to False or label more."
            ) from error
        return np.sort(held_out)

    def _strata(self, labels: Labels) -> np.ndarray | None:
        return None

    def _start_head(self, net: SSLNet, collection: Collection, labels: Labels, held_out: np.ndarray) -> None:
        module = net.module_
        series = net.series(collection)
        features = torch.cat(list(net.represent(series, "features"))).numpy()  # (n, F)
        check_features(features)
        features = module.standardise(features)
        if self.head_width is None:
            learnt_from = labels[np.setdiff1d(np.arange(len(labels)), held_out)]
            module.start_head(*self._linear_start(net, series, features, learnt_from))

    def _linear_start(
        self, net: SSLNet, series: SeriesDataset, features: np.ndarray, labels: Labels
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return weight (K, F) and bias (K,) of a linear head, given standardised features (n, F) of all series."""
        weight, bias, _ = self._probe(features[labels.rows], labels)
        return weight, bias

    def _planned(self, net: SSLNet, dataset: SeriesDataset) -> tuple[int, int]:
        """Return the epochs and the steps of `fit`."""
        per_epoch = net.steps_per_epoch(dataset)
        epochs = resolved_epochs(self.max_epochs, self.max_steps, per_epoch)
        return epochs, self.max_steps or epochs * per_epoch

    def _continue_on(self, collection: Collection, labels: Labels) -> None:
        net = copied_net(self.net_)
        net.train_split = None  # nor is there anything to stop by
        net.callbacks_ = [(name, callback) for name, callback in net.callbacks_ if name != "stopping"]
        self.net_ = net.train(self._dataset(net, collection, labels), epochs=1)

    def _outputs(self, X: Any) -> np.ndarray:
        """Predict (n, K)."""
        check_is_fitted(self)
        collection = validated_collection(self, X, reset=False)
        batches = self.net_.represent(self.net_.series(collection), "outputs")
        return torch.cat(list(batches)).numpy()

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "net_")

    def __sklearn_clone__(self) -> Any:
        copied = super().__sklearn_clone__()
        if self.pretrained == "keep":
            copied.transformer = copy.deepcopy(self.transformer)
        return copied

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        return tags


def _apart(held_out: np.ndarray, dataset: LabelledDataset | LabelledBesideAll, y: Any = None, **kwargs: Any) -> tuple:
    """Split a dataset as skorch asks for it."""
    return dataset.split(held_out)


def _silently(text: str) -> None:
    """Print nothing."""
