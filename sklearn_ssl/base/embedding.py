"""The base of every transformer: it builds a net, trains it and applies its encoder."""

import abc
from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from sklearn.callback import with_callbacks
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._engine.batches import Companion, SeriesDataset
from sklearn_ssl._engine.checkpoint import EpochCheckpoint
from sklearn_ssl._engine.device import resolved_device, resolved_precision
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._engine.net_copy import copied_net
from sklearn_ssl._engine.processes import working_together
from sklearn_ssl._engine.progress import TaskReporter
from sklearn_ssl._engine.random_streams import draw_seed
from sklearn_ssl._input.collections import Collection, validated_collection
from sklearn_ssl._parameters.fitted_state import unchanged_on_error
from sklearn_ssl._parameters.hyperparameters import Hyperparameters, choice, recipe
from sklearn_ssl._parameters.scikit_learn import CallbackSupportMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn_ssl.architectures import Architecture
from sklearn_ssl.base.building import module_of
from sklearn_ssl.base.learnt_views import net_with_learnt_views
from sklearn_ssl.encoders.inception import small_inception
from sklearn_ssl.pooling import Pooling


class EmbeddingTransformer(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, CallbackSupportMixin, Hyperparameters, abc.ABC
):
    """A transformer that maps every series to the pooled features of an encoder.

    Parameters
    ----------
    encoder : recipe, callable or torch.nn.Module, default=None
        A recipe such as ``TCNEncoder(depth=5)``; a callable or class ``n_channels -> torch.nn.Module``; or a module,
        which is copied with its weights. A module maps x (B, C, L) to (B, D, L'). None is
        ``InceptionEncoder(depth=3, width=16, bottleneck=16)``.
    pooling : Pooling, default=None
        How feature maps become one vector per series. None is ``Pooling()``, and ``Pooling(statistics="mean",
        layers="last")`` for an encoder that pools over time by itself.
    device : str or torch.device, default="auto"
        Where to compute. "auto" is CUDA if there is one, else MPS, else the CPU.
    precision : {"auto", "float32", "bf16"}, default="auto"
        Arithmetic of the encoder. Losses are always computed in float32. "auto" is bf16 on CUDA devices that have it
        and float32 elsewhere.
    random_state : int, numpy.random.RandomState or None, default=None
        Seed of weights, order, dropout and views. An int gives the same features every time, to the last bit on CPUs
        with the same number of threads. None draws a seed from the operating system. The global generators of NumPy
        and PyTorch are neither used nor changed.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net. ``net_.history`` has the loss of every epoch, ``net_.module_`` has the modules.
    n_channels_in_ : int
        Channels of the series seen at fit.
    n_features_in_ : int
        Time steps seen at fit, for 2-D input only.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names seen at fit, for data frames only.
    """

    encoder: Any = recipe(default_factory=small_inception)
    pooling: Any = recipe(default_factory=Pooling, needs="build")
    device: Any = "auto"
    precision: str = choice("auto", "float32", "bf16", default="auto")
    random_state: Any = None

    @with_callbacks
    def fit(self, X: Any, y: Any = None) -> Self:
        """Build a new encoder and train it on `X`.

        Parameters
        ----------
        X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), or list of 2-D arrays
            The series, at least two. 2-D input is one channel. A list of arrays (n_channels, n_timepoints) may have
            unequal lengths. Trailing steps at which all channels are NaN are padding.
        y : object, default=None
            Ignored, unless the method learns from what goes with the series, such as texts.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError, TypeError, FloatingPointError
            If a parameter, the input or a loss is not valid. A transformer that was fitted before stays as it was.
        KeyboardInterrupt
            If the fit is interrupted. The transformer then has the weights of the steps until then, and can be used.
        """
        return self._fit(partial(self._checked, X, reset=True), X, y)

    def _fit(self, checked: Callable[[], Any], X: Any, y: Any) -> Self:
        """Train a new encoder on the collection, or the collections, that `checked` returns."""
        with unchanged_on_error(self) as state, working_together(self):
            collection = checked()
            net, dataset = self._untrained(collection, self._companion(y, collection, reset=True))
            checkpoint = self._checkpoint(dataset)
            net = net if checkpoint is None else checkpoint.load() or net
            state.learnt = lambda: {"net_": net} if net.steps_ else {}
            task = self._init_callback_context(max_subtasks=self._planned_epochs(net, dataset))
            task.call_on_fit_task_begin(estimator=self, X=X, y=y)
            self._train(net, dataset, (TaskReporter(self, task), *([] if checkpoint is None else [checkpoint])))
            self.net_ = net
            task.call_on_fit_task_end(estimator=self, X=X, y=y)
        if checkpoint is not None:
            checkpoint.remove()  # as the last thing, so that no interrupt comes between it and the end of the fit
        return self

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Continue for one epoch over `X` at a constant learning rate, or start with one.

        While it runs, other threads can use the transformer as it was before. It stays so after an error or interrupt.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`.
        y : object, default=None
            Ignored, unless the method learns from what goes with the series, such as texts.

        Returns
        -------
        self : object
            The transformer.
        """
        started = self.__sklearn_is_fitted__()
        with unchanged_on_error(self), working_together(self):
            collection = self._checked(X, reset=not started)
            companion = self._companion(y, collection, reset=not started)
            if started:
                net = copied_net(self.net_)
                dataset = self._dataset(net, collection, companion)
            else:
                net, dataset = self._untrained(collection, companion)
            self._continue(net, dataset)
            self.net_ = net
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Compute the features of every series.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`, with the same number of channels. 3-D input may have another length.

        Returns
        -------
        ndarray of shape (n_cases, n_features)
            The features, float32.
        """
        return SSLNet.features(*self._ready(X))

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
        net, dataset = self._ready(X)
        return np.concatenate([batch.numpy() for batch in net.represent(dataset, "feature_maps", whole=True)])

    def _ready(self, X: Any) -> tuple[SSLNet, SeriesDataset]:
        """Return the net, which `partial_fit` in another thread may replace meanwhile, and the series for it."""
        check_is_fitted(self)
        net = self.net_
        return net, net.series(validated_collection(self, X, reset=False, in_pieces=True))

    def _checked(self, X: Any, *, reset: bool) -> Collection:
        self.check_hyperparameters()
        return validated_collection(self, X, reset=reset, min_cases=2, in_pieces=True)

    def _architecture(self) -> Callable[..., Architecture]:
        return Architecture

    def _companion(self, y: Any, collection: Collection, *, reset: bool) -> Companion | None:
        """Return what of `y` goes with the series into data set, batch and checkpoint; by default nothing."""
        return None

    def _dataset(self, net: SSLNet, collection: Collection, companion: Companion | None) -> SeriesDataset:
        """Return what the net is trained on."""
        return net.series(collection, companion)

    def _untrained(
        self, collection: Collection, companion: Companion | None, n_cases: int | None = None
    ) -> tuple[SSLNet, SeriesDataset]:
        net = self._build_net(collection, n_cases)
        dataset = self._dataset(net, collection, companion)
        net.adapt(dataset)
        return net, dataset

    def _net_params(self) -> dict[str, Any]:
        """Return the parameters of the skorch net beyond module, device and seed."""
        return {}

    def _build_net(self, collection: Collection, n_cases: int | None = None) -> SSLNet:
        """Build a net; `n_cases` tells the module how many series there will be, where these are only the first."""
        device = resolved_device(self.device)
        n_cases = len(collection) if n_cases is None else n_cases
        shape = {"n_channels": collection.n_channels, "n_timepoints": collection.n_timepoints}
        module = module_of(self, **shape, n_cases=n_cases)
        params = {"verbose": 0, "optimizer": torch.optim.AdamW, "train_split": None, **self._net_params()}
        params |= {"precision": resolved_precision(self.precision, device), "seed": draw_seed(self.random_state)}
        return net_with_learnt_views(partial(SSLNet, device=str(device), **params), module, self, collection)

    @abc.abstractmethod
    def _planned_epochs(self, net: SSLNet, dataset: SeriesDataset) -> int:
        """Return how many epochs `fit` takes."""

    def _checkpoint(self, dataset: SeriesDataset) -> EpochCheckpoint | None:
        """Return the file in which `fit` stores its state, by default none."""
        return None

    @abc.abstractmethod
    def _train(self, net: SSLNet, dataset: SeriesDataset, listeners: tuple) -> None:
        """Train a net that is new, or comes from a checkpoint."""

    @abc.abstractmethod
    def _continue(self, net: SSLNet, dataset: SeriesDataset) -> None:
        """Train a net for one epoch more."""

    @property
    def _n_features_out(self) -> int:
        return self.net_.module_.n_features

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "net_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
