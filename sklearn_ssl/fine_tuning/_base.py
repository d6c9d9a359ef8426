"""The base of predictors: an encoder with a head that learns from labels.

A predictor holds a task, which knows the labels. Subclasses say how encoder and head are trained.
"""

import abc
import copy
from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import clone
from sklearn.callback import with_callbacks
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import EarlyStopping

from sklearn_ssl._engine.batches import SeriesDataset
from sklearn_ssl._engine.budgets import resolved_epochs
from sklearn_ssl._engine.guards import check_features
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._engine.net_copy import copied_net
from sklearn_ssl._engine.processes import working_together
from sklearn_ssl._engine.progress import TaskReporter
from sklearn_ssl._engine.random_streams import draw_seed
from sklearn_ssl._engine.recipes import with_own_recipes
from sklearn_ssl._input.collections import Collection, validated_collection
from sklearn_ssl._parameters.fitted_state import FittedState, unchanged_on_error
from sklearn_ssl._parameters.hyperparameters import Hyperparameters, choice, number, recipe
from sklearn_ssl._parameters.scikit_learn import CallbackSupportMixin, MetaEstimatorMixin
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl._processes.team import leads
from sklearn_ssl.architectures import HeadedArchitecture
from sklearn_ssl.base.embedding import EmbeddingTransformer
from sklearn_ssl.base.kept import check_kept, kept_copy, switched_on
from sklearn_ssl.base.learnt_views import net_with_learnt_views
from sklearn_ssl.base.progress import TrainingProgressMixin
from sklearn_ssl.fine_tuning._tasks import Labels, Task
from sklearn_ssl.methods.joint_embedding.vicreg import VICRegTransformer


class EncoderPredictor(TrainingProgressMixin, CallbackSupportMixin, MetaEstimatorMixin, Hyperparameters, abc.ABC):
    """A predictor made of a transformer's encoder and a head.

    Parameters
    ----------
    transformer : transformer, default=None
        Any transformer of this package. It may be given by position. It is cloned, and the clone is pretrained on all
        series of `fit`, labelled or not. A fitted transformer in `sklearn.frozen.FrozenEstimator` is used as it is.
        None is ``VICRegTransformer()``.
    pretrained : {"refit", "keep"}, default="refit"
        "keep" uses a fitted `transformer` as it is, also in clones of this estimator.
    head_width : int or None, default=None
        Width of a hidden layer of the head. None is a linear head. It starts from the solution of a linear probe, as in
        Kumar et al. (2022).
    penalty : float or None, default=None
        Strength of the ridge penalty of that probe, for standardised features. None chooses the best of ten values from
        0.001 to 1,000 by leave-one-out.
    max_epochs : int, default=50
        Passes over the labelled series.
    max_steps : int or None, default=None
        Budget in optimiser steps, in place of `max_epochs`.
    batch_size : int or "auto", default="auto"
        Labelled series per step, at least 2. "auto" is the power of two nearest to a quarter of the labelled series,
        from 8 to 256, at each call of `fit` and `partial_fit`.
    lr : float, default=1e-4
        Highest learning rate. `fit` warms up to it and then decays it to zero along a cosine.
    weight_decay : float, default=1e-2
        Weight decay of AdamW.
    early_stopping : bool, default=False
        Whether `fit` holds out `validation_fraction` of the labelled series, stops when their loss has not fallen for
        `n_iter_no_change` epochs, and restores the weights of the best epoch.
    validation_fraction : float, default=0.1
        Share of the labelled series to hold out for `early_stopping`. The hold-out keeps the shares of the classes.
    n_iter_no_change : int, default=10
        Epochs without a lower loss of the held-out series after which training stops.
    random_state : int, numpy.random.RandomState or None, default=None
        Seed of head, order, dropout and hold-out. A transformer whose own `random_state` is None gets this seed too.
    distributed : bool, default=False
        Whether the processes that torchrun or another launcher started train together, also in the pretraining. Each
        must call `fit` with the same series, targets and parameters, and gets the same result. See
        :ref:`several_processes`.
    verbose : int, default=0
        1 prints one line per epoch, also for the pretraining unless the transformer has a `verbose` of its own.

    Attributes
    ----------
    transformer_ : transformer
        The transformer from which training started. Training does not change it.
    task_ : Task
        The task: it knows the classes, or the scale of numbers.
    net_ : skorch.NeuralNet
        The trained net. ``net_.history`` has the loss of every epoch, ``net_.module_.encoder`` is the encoder.
    n_iter_ : int
        Epochs of the head so far, those of `partial_fit` included.
    loss_curve_ : list of float
        The loss of every epoch that ``net_.history`` has.
    n_channels_in_ : int
        Channels of the series seen at fit.
    n_features_in_ : int
        Time steps seen at fit, for 2-D input only.

    Raises
    ------
    ValueError, TypeError
        At fit, if a parameter or the input is not valid, or if no series is labelled. A predictor that was fitted
        before stays as it was.

    References
    ----------
    Kumar, A., Raghunathan, A., Jones, R., Ma, T. and Liang, P. (2022). Fine-tuning can distort pretrained features and
    underperform out-of-distribution. ICLR.
    """

    _n_stages = 1  # of `fit`, as scikit-learn's callbacks see them

    transformer: Any = recipe(default_factory=VICRegTransformer, needs="fit", kw_only=False)
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
    distributed: bool = choice(False, True, default=False)
    verbose: int = number(default=0, least=0, integer=True, or_else=(True, False))

    @with_callbacks
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from all series, and from the targets of the labelled ones.

        Parameters
        ----------
        X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), or list of 2-D arrays
            The series, as for the transformer.
        y : array-like of shape (n_cases,), for numbers also (n_cases, n_outputs)
            Classes, `unlabelled` where unknown, or numbers, NaN where unknown. If the classes are strings and the
            number -1 is among them, give a list or an object array.
        sample_weight : array-like of shape (n_cases,), default=None
            Weights of the labelled series. The self-supervised part does not use them.

        Returns
        -------
        self : object
            The fitted predictor.
        """
        with unchanged_on_error(self) as state, working_together(self):
            collection = self._checked(X, reset=True)
            task = self._new_task()
            labels = task.labels(y, len(collection), sample_weight)
            task.check_learnable(labels)
            self._learn(X, collection, task, labels, state)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict the class, or the targets, of every series.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`. 3-D input may have another length.

        Returns
        -------
        ndarray of shape (n_cases,) or (n_cases, n_outputs)
            Classes are labels from `y`, never `unlabelled`. Numbers have the form of `y`, in
            float32, or in float64 if single precision is too coarse for the targets.

        Raises
        ------
        ValueError
            If a prediction is NaN or infinite, because values of X are too large.
        """
        outputs = self._outputs(X)  # (n, K)
        return self.task_.predictions(outputs)

    @property
    def predicts_in_one_pass(self) -> bool:
        """Whether a prediction is a single pass of the fitted net."""
        return True

    @abc.abstractmethod
    def _new_task(self) -> Task:
        """Return the task before it has seen a target."""

    @abc.abstractmethod
    def _start_of(self, transformer: Any, X: Any, task_of_fit: Any) -> EmbeddingTransformer:
        """Bring an unfitted transformer to the state in which the head joins it.

        `task_of_fit` is the context of the whole fit for scikit-learn's callbacks.
        """

    @abc.abstractmethod
    def _architecture(self, labels: Labels) -> Callable[..., HeadedArchitecture]:
        """Return the factory of the architecture; the engine adds the arguments that it knows."""

    def _dataset(self, net: SSLNet, collection: Collection, labels: Labels) -> SeriesDataset:
        """Return the series of training with their labels: here the labelled series alone."""
        return net.series(collection.rows(labels.rows), labels.alone())

    @abc.abstractmethod
    def _apart(self, held_out: np.ndarray, dataset: Any, y: Any = None, **kwargs: Any) -> tuple[Any, Any]:
        """Split a data set for skorch: one without the labels that are held out, and one with these alone."""

    def _loss(self) -> Callable[..., torch.Tensor]:
        return self.task_.loss

    def _training_params(self) -> dict[str, Any]:
        """Return parameters of the skorch net that a way of training sets itself."""
        return {}

    def _checked(self, X: Any, *, reset: bool) -> Collection:
        self.check_hyperparameters()
        self._check_transformer(self._given_transformer())
        return validated_collection(self, X, reset=reset, min_cases=2, in_pieces=True)

    def _check_transformer(self, transformer: Any) -> None:
        if not isinstance(transformer, EmbeddingTransformer):
            raise TypeError(
                f"`transformer` must be a transformer of this package, which has an encoder, got {shown(transformer)}. "
                f"Put steps such as scaling before {type(self).__name__} in the pipeline. Of a transformer that has "
                "another within, such as a stream, give the one within: FrozenEstimator(stream.transformer_)."
            )
        if self._keeps_weights():
            check_kept("transformer", transformer)
        elif get_tags(transformer).target_tags.required:
            raise TypeError(
                f"`transformer` learns from texts or metadata of its own, got {shown(transformer)}. Fit it first, and "
                "give it as FrozenEstimator(transformer)."
            )

    def _given_transformer(self) -> Any:
        transformer = self.resolved("transformer")
        return transformer.estimator if isinstance(transformer, FrozenEstimator) else transformer

    def _keeps_weights(self) -> bool:
        return self.pretrained == "keep" or isinstance(self.transformer, FrozenEstimator)

    def _learn(self, X: Any, collection: Collection, task: Task, labels: Labels, state: FittedState) -> None:
        seed = draw_seed(self.random_state)
        held_out = self._held_out(task, labels, seed)  # before the pretraining, so that an impossible split fails early
        self.task_: Any = task
        task_of_fit = self._init_callback_context(max_subtasks=1 if self._keeps_weights() else self._n_stages)
        task_of_fit.call_on_fit_task_begin(estimator=self, X=X)
        self.transformer_ = self._started_on(X, seed, task_of_fit)
        net = self._build_net(collection, labels, held_out, seed)
        series = net.series(collection)
        net.adapt(series)
        self._start_head(net, series, labels.without(held_out))
        dataset = self._dataset(net, collection, labels)
        epochs, steps = self._planned(net, dataset)
        state.learnt = lambda: {"net_": net} if net.steps_ else {}
        self._say(f"learning from {len(labels)} labelled series")
        stage = task_of_fit.subcontext(task_name="learning from labels", max_subtasks=epochs)
        stage.call_on_fit_task_begin(estimator=self, X=X)
        if epochs:
            net.train(dataset, epochs, steps, (TaskReporter(self, stage),))
        self.net_ = net
        stage.call_on_fit_task_end(estimator=self, X=X)
        task_of_fit.call_on_fit_task_end(estimator=self, X=X)

    def _learn_part(self, X: Any, y: Any, sample_weight: Any, new_task: Task) -> Self:
        """Train for one epoch more, or fit if this is the first call."""
        started = self.__sklearn_is_fitted__()
        with unchanged_on_error(self) as state, working_together(self):
            collection = self._checked(X, reset=not started)
            task = self.task_ if started else new_task
            labels = task.labels(y, len(collection), sample_weight)
            if started:
                self._continue_on(collection, labels)
            else:
                self._learn(X, collection, task, labels, state)
        return self

    def _continue_on(self, collection: Collection, labels: Labels) -> None:
        net = copied_net(self.net_)
        net.train_split = None  # nothing is held out again
        net.callbacks_ = [(name, callback) for name, callback in net.callbacks_ if name != "stopping"]
        self.net_ = net.train(self._dataset(net, collection, labels), epochs=1)

    def _say(self, what: str) -> None:
        if self.verbose and leads():
            print(f"{type(self).__name__}: {what}")

    def _started_on(self, X: Any, seed: int, task_of_fit: Any) -> EmbeddingTransformer:
        given = self._given_transformer()
        if self._keeps_weights():
            return kept_copy("transformer", given, self.n_channels_in_)
        fresh = clone(given)
        if fresh.random_state is None:
            fresh.set_params(random_state=seed)
        fresh.set_params(**switched_on(self, fresh))
        return self._start_of(fresh, X, task_of_fit)

    def _build_net(self, collection: Collection, labels: Labels, held_out: np.ndarray, seed: int) -> SSLNet:
        start = self.transformer_.net_
        module = with_own_recipes(
            self._architecture(labels),
            start=start.module_,
            n_outputs=self.task_.n_outputs,
            head_width=self.head_width,
            n_channels=collection.n_channels,
            n_cases=len(collection),
        )
        build = partial(
            SSLNet,
            loss=self._loss(),
            precision=start.precision,
            seed=seed,
            device=start.device,
            optimizer=torch.optim.AdamW,
            optimizer__weight_decay=self.weight_decay,
            optimizer__fused=True,
            lr=self.lr,
            batch_size=self.batch_size,
            max_steps=self.max_steps,
            train_split=partial(self._apart, held_out) if len(held_out) else None,
            callbacks=[("stopping", self._stopping())] if self.early_stopping else [],
            callbacks__collapse=None,  # it watches embeddings, and outputs for labels are none
            verbose=self.verbose,
            **self._training_params(),
        )
        return net_with_learnt_views(build, module, self, collection)

    def _stopping(self) -> EarlyStopping:
        return EarlyStopping(patience=self.n_iter_no_change, threshold=0, load_best=True, sink=_silently)

    def _held_out(self, task: Task, labels: Labels, seed: int) -> np.ndarray:
        """Return the labelled series that are not learnt and only tell when to stop."""
        if not self.early_stopping:
            return np.empty(0, dtype=int)
        try:
            _, held_out = train_test_split(
                np.arange(len(labels)),
                test_size=self.validation_fraction,
                stratify=task.strata(labels),
                random_state=seed % 2**32,
            )
        except ValueError as error:
            raise ValueError(
                f"`early_stopping` cannot hold out `validation_fraction`={self.validation_fraction} of {len(labels)} "
                f"labelled series: {error} Set `early_stopping` to False or label more series."
            ) from error
        return np.sort(held_out)

    def _start_head(self, net: SSLNet, series: SeriesDataset, labels: Labels) -> None:
        """Standardise the features of all series, and let a linear head start from a probe on labelled series."""
        features = torch.cat(list(net.represent(series, "features"))).numpy()  # (n, F)
        check_features(features)
        features = net.module_.standardise(features)
        if self.head_width is None:
            net.module_.start_head(*self._linear_start(net, series, features, labels))

    def _linear_start(
        self, net: SSLNet, series: SeriesDataset, features: np.ndarray, labels: Labels
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return weight (K, F) and bias (K,) of a linear head, given standardised features (n, F) of all series."""
        weight, bias, _ = self.task_.start(features[labels.rows], labels, self.penalty)
        return weight, bias

    def _planned(self, net: SSLNet, dataset: SeriesDataset) -> tuple[int, int]:
        """Return the epochs and the steps of `fit`."""
        per_epoch = net.steps_per_epoch(dataset)
        epochs = resolved_epochs(self.max_epochs, self.max_steps, per_epoch)
        return epochs, self.max_steps or epochs * per_epoch

    def _outputs(self, X: Any) -> np.ndarray:
        """Return the outputs of the head, (n, K)."""
        check_is_fitted(self)
        collection = validated_collection(self, X, reset=False, in_pieces=True)
        net = self.net_  # once, since `partial_fit` in another thread may replace it
        batches = net.represent(net.series(collection), "outputs")
        outputs = torch.cat(list(batches)).numpy()
        check_features(outputs)
        return outputs

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


def _silently(text: str) -> None:
    """Print nothing."""
