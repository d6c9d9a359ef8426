"""Predictors that apply an encoder and a head as they are."""

import abc
import copy
import typing
from functools import partial
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from scipy.special import log_softmax
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted, column_or_1d

from sklearn_ssl._engine.device import resolved_device, resolved_precision
from sklearn_ssl._engine.guards import check_features
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._input.collections import validated_collection
from sklearn_ssl._input.labels import UNLABELLED, is_mark, values_of
from sklearn_ssl._input.plain import plain
from sklearn_ssl._numerics.scores import mean_r2
from sklearn_ssl._parameters.fitted_state import unchanged_on_error
from sklearn_ssl._parameters.hyperparameters import Hyperparameters, choice, mark
from sklearn_ssl._parameters.scikit_learn import ClassifierMixin, RegressorMixin
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.encoders import ChannelIndependentEncoder
from sklearn_ssl.persistence._predictor_module import PredictorModule

NUMBER_TYPES = ("float32", "float64")  # of predicted numbers


class PretrainedPredictor(Hyperparameters, abc.ABC):
    """A predictor that trains nothing. `load_predictor` returns such a predictor.

    `fit` only reads the number of channels. So a clone gives the same predictions once it is fitted, and
    cross-validation scores the same weights in each fold.

    Parameters
    ----------
    module : torch.nn.Module, default=None
        Encoder and head with their weights, as `load_predictor` gives them. It must be given. It is copied.
    device : str or torch.device, default="auto"
        Where to compute. "auto" is CUDA if there is one, else MPS, else the CPU.
    precision : {"auto", "float32", "bf16"}, default="auto"
        Arithmetic of the encoder and the head.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The net. ``net_.module_`` has the modules.
    n_channels_in_ : int
        Channels of the series.
    n_features_in_ : int
        Time steps seen at fit, for 2-D input only.
    """

    module: Any = None
    device: Any = "auto"
    precision: str = choice("auto", "float32", "bf16", default="auto")

    def fit(self, X: Any, y: Any = None) -> Self:
        """Keep the weights, and check that the series have the right number of channels.

        Parameters
        ----------
        X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), or list of 2-D arrays
            The series.
        y : array-like of shape (n_cases,), default=None
            Targets, from which nothing is learnt.

        Returns
        -------
        self : object
            The predictor.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the input is not valid.
        """
        with unchanged_on_error(self):
            self.check_hyperparameters()
            validated_collection(self, X, reset=True)
            self._check_channels()
            self.net_ = self._build_net()
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict the class, or the targets, of every series.

        Parameters
        ----------
        X : array or list of arrays
            The series. Any length is possible.

        Returns
        -------
        ndarray of shape (n_cases,) or (n_cases, n_outputs)
            The predictions.
        """
        return self._predictions(self._outputs(X))

    def check_hyperparameters(self) -> None:
        """Raise a TypeError or ValueError naming the first parameter that is not valid."""
        super().check_hyperparameters()
        if not isinstance(self.module, PredictorModule):
            raise TypeError(
                f"{type(self).__name__}: `module` must be that of a predictor which load_predictor has read, got "
                f"{shown(self.module)}. Call load_predictor."
            )

    @abc.abstractmethod
    def _predictions(self, outputs: np.ndarray) -> np.ndarray:
        """Turn outputs (n, K) of the head into predictions."""

    def _check_channels(self) -> None:
        encoder = self.module.encoder
        if encoder.n_channels != self.n_channels_in_ and not isinstance(encoder.recipe, ChannelIndependentEncoder):
            raise ValueError(
                f"X has {self.n_channels_in_} channel(s), but `module` is for series with {encoder.n_channels}. Give "
                "the channels of its training data."
            )

    def _build_net(self) -> SSLNet:
        device = resolved_device(self.device)
        precision = resolved_precision(self.precision, device)
        build = partial(copy.deepcopy, self.module)
        return SSLNet(build, precision=precision, device=str(device), verbose=0, train_split=None).initialize()

    def _outputs(self, X: Any) -> np.ndarray:
        """Return the outputs of the head, (n, K)."""
        check_is_fitted(self)
        collection = validated_collection(self, X, reset=False)
        net = self.net_
        outputs = torch.cat(list(net.represent(net.series(collection), "outputs"))).numpy()
        check_features(outputs)
        return outputs

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "net_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


@typing.final
class PretrainedClassifier(ClassifierMixin, PretrainedPredictor):
    """Predict classes with the weights of a classifier that was stored. `load_predictor` returns it.

    Parameters
    ----------
    classes : array-like of shape (n_classes,), default=None
        The labels, in the order of the outputs of the head.
    unlabelled : number, str or None, default=-1
        The label of series whose class is unknown, which `score` leaves out unless it is one of `classes`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_ssl import RandomEncoderTransformer, SSLClassifier
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.persistence import load_predictor, save_predictor
    >>> X, y = make_waves(n_cases=40, random_state=0)
    >>> classifier = SSLClassifier(RandomEncoderTransformer(), mode="probe", random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_predictor(classifier, Path(folder) / "waves.safetensors")
    ...     loaded = load_predictor(Path(folder) / "waves.safetensors")
    >>> loaded
    PretrainedClassifier(...)
    >>> bool((loaded.predict_proba(X) == classifier.predict_proba(X)).all())
    True
    """

    classes: Any = None
    unlabelled: Any = mark(UNLABELLED)

    def check_hyperparameters(self) -> None:
        """Raise a TypeError or ValueError naming the first parameter that is not valid."""
        super().check_hyperparameters()
        n_outputs = n_outputs_of(self.module)
        if np.ndim(self.classes) != 1 or len(self.classes) != n_outputs:
            raise ValueError(
                f"PretrainedClassifier: `classes` must be {n_outputs} labels, one per output of the head, got "
                f"{shown(self.classes)}."
            )

    @property
    def classes_(self) -> np.ndarray:
        """The labels."""
        check_is_fitted(self)
        return np.asarray(self.classes)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Compute the accuracy on the labelled series.

        Parameters
        ----------
        X : array or list of arrays
            The series.
        y : array-like of shape (n_cases,)
            Their classes. Series with the label `unlabelled`, and missing labels, do not count.
        sample_weight : array-like of shape (n_cases,), default=None
            Weights of the series.

        Returns
        -------
        float
            The share of right predictions.
        """
        predicted, y = self.predict(X), column_or_1d(values_of(y))
        check_consistent_length(predicted, y, sample_weight)
        is_class = is_mark(self.classes_, self.unlabelled).any()
        known = ~(pd.isna(y) | is_mark(y, None if is_class else self.unlabelled))
        if not known.any():
            raise ValueError("y has no labelled series, so there is nothing to score. Give series with their classes.")
        weight = None if sample_weight is None else np.asarray(sample_weight)[known]
        return float(accuracy_score(y[known].tolist(), predicted[known].tolist(), sample_weight=weight))

    def decision_function(self, X: Any) -> np.ndarray:
        """Compute scores whose softmax is `predict_proba`.

        Parameters
        ----------
        X : array or list of arrays
            The series.

        Returns
        -------
        ndarray of shape (n_cases, n_classes), or (n_cases,) for two classes
            The scores. For two classes the score of the second class minus the score of the first.
        """
        scores = self._outputs(X)  # (n, K)
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : array or list of arrays
            The series.

        Returns
        -------
        ndarray of shape (n_cases, n_classes)
            The probabilities, in the order of ``classes_``.
        """
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Predict the logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : array or list of arrays
            The series.

        Returns
        -------
        ndarray of shape (n_cases, n_classes)
            The logarithms, in the order of ``classes_``.
        """
        return log_softmax(self._outputs(X).astype(np.float64), axis=1)

    def _predictions(self, outputs: np.ndarray) -> np.ndarray:
        return self.classes_[outputs.argmax(axis=1)]


@typing.final
class PretrainedRegressor(RegressorMixin, PretrainedPredictor):
    """Predict numbers with the weights of a regressor that was stored. `load_predictor` returns it.

    Parameters
    ----------
    target_mean : array of shape (n_outputs,), or () for 1-D targets, default=None
        Mean of the targets. With their scale it turns the outputs of the head into predictions.
    target_scale : array of shape (n_outputs,), or () for 1-D targets, default=None
        Standard deviation of the targets.
    target_type : {"float32", "float64"}, default="float64"
        Precision of the predictions.

    Attributes
    ----------
    target_mean_, target_scale_ : ndarray of shape (n_outputs,), or () for 1-D targets
        The same as arrays.
    """

    target_mean: Any = None
    target_scale: Any = None
    target_type: str = choice(*NUMBER_TYPES, default="float64")

    def check_hyperparameters(self) -> None:
        """Raise a TypeError or ValueError naming the first parameter that is not valid."""
        super().check_hyperparameters()
        n_outputs = n_outputs_of(self.module)
        for name in ("target_mean", "target_scale"):
            value = getattr(self, name)
            if value is None or np.size(value) != n_outputs or np.shape(value) != np.shape(self.target_mean):
                raise ValueError(
                    f"PretrainedRegressor: `{name}` must be {n_outputs} numbers, one per output of the head, got "
                    f"{shown(value)}."
                )

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Compute the coefficient of determination R² over the known targets.

        Parameters
        ----------
        X : array or list of arrays
            The series.
        y : array-like of shape (n_cases,) or (n_cases, n_outputs)
            The targets. Unknown targets, NaN, do not count.
        sample_weight : array-like of shape (n_cases,), default=None
            Weights of the series.

        Returns
        -------
        float
            R²; with several outputs the mean of theirs.
        """
        predicted = self.predict(X)
        y = check_array(plain(y), ensure_2d=False, ensure_all_finite="allow-nan", dtype=np.float64, input_name="y")
        check_consistent_length(predicted, y, sample_weight)
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        return mean_r2(y, predicted, weight)

    @property
    def target_mean_(self) -> np.ndarray:
        """The mean of the targets."""
        check_is_fitted(self)
        return np.asarray(self.target_mean)

    @property
    def target_scale_(self) -> np.ndarray:
        """The standard deviation of the targets."""
        check_is_fitted(self)
        return np.asarray(self.target_scale)

    @property
    def target_type_(self) -> str:
        """The precision of the predictions."""
        return self.target_type

    def _predictions(self, outputs: np.ndarray) -> np.ndarray:
        predictions = outputs.reshape(len(outputs), *self.target_mean_.shape) * self.target_scale_ + self.target_mean_
        return predictions.astype(self.target_type)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def n_outputs_of(module: PredictorModule) -> int:
    """Return the number of outputs of a module's head."""
    return [layer.out_features for layer in module.head.modules() if isinstance(layer, torch.nn.Linear)][-1]
