"""Regression with a pretrained encoder."""

from typing import Any, Self, final

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.callback import with_callbacks

from sklearn_ssl._parameters.fitted_state import unchanged_on_error
from sklearn_ssl.fine_tuning._fine_tuned import FineTuned
from sklearn_ssl.fine_tuning._heads import ridge_head
from sklearn_ssl.fine_tuning._labels import Labels, checked_numbers, weights
from sklearn_ssl.losses import weighted_squared_error


@final
class SSLRegressor(RegressorMixin, FineTuned):
    r"""Regressor for many series and few targets: a pretrained encoder with a head.

    The transformer learns from all series, whether their target is known or not. A head then learns from those with a
    target to predict it from the transformer's features, and the encoder with it as `mode` says. Minimises

    .. math:: \frac{\sum_{(i, j) \in K} w_i (p_{ij} - y_{ij})^2}{\sum_{(i, j) \in K} w_i}

    over the known targets K, where :math:`p_{ij}` is the prediction of output j for series i, :math:`y_{ij}` the
    target, standardised over the known ones of output j, and :math:`w_i` the weight of the series.

    NaN stands for an unknown target. With several outputs some of a series' targets may be known.

    Attributes
    ----------
    target_mean_, target_scale_ : ndarray of shape (n_outputs,), or () for 1-D targets
        What targets are standardised with.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl import RandomEncoderTransformer, SSLRegressor
    >>> rng = np.random.default_rng(0)
    >>> frequency = rng.uniform(1, 3, size=60)
    >>> X = np.sin(frequency[:, None] * np.linspace(0, 12, 100) + rng.uniform(0, 6, size=(60, 1)))
    >>> y = np.where(np.arange(60) < 40, frequency, np.nan)
    >>> regressor = SSLRegressor(RandomEncoderTransformer(), mode="probe", random_state=0).fit(X, y)
    >>> bool(regressor.score(X[40:], frequency[40:]) > 0.9)
    True
    """

    @with_callbacks
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Pretrain on all series, then learn from those with a target.

        Parameters
        ----------
        X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), or list of 2-D arrays
            The series, as for the transformer.
        y : array-like of shape (n_cases,) or (n_cases, n_outputs)
            The targets; NaN where unknown.
        sample_weight : array-like of shape (n_cases,), default=None
            Weights of the series with a target; pretraining does without.

        Returns
        -------
        self : object
            The fitted regressor.
        """
        with unchanged_on_error(self):
            collection = self._checked(X, reset=True)
            y = checked_numbers(self, y, len(collection))
            self._learn_scale(y)
            self._fit_on(X, collection, self._labels(y, sample_weight))
        return self

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn for one epoch more from series with a target, at a constant rate; the first call is a `fit`.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`.
        y : array-like of shape (n_cases,) or (n_cases, n_outputs)
            The targets; NaN where unknown. They are standardised as those of `fit`.
        sample_weight : array-like of shape (n_cases,), default=None
            Weights of the series with a target.

        Returns
        -------
        self : object
            The regressor.
        """
        if not self.__sklearn_is_fitted__():
            return self.fit(X, y, sample_weight)
        with unchanged_on_error(self):
            collection = self._checked(X, reset=False)
            y = checked_numbers(self, y, len(collection))
            if y.shape[1:] != self.target_mean_.shape:
                expected = ("n_cases", *self.target_mean_.shape)
                raise ValueError(f"y has the shape {y.shape}, but the regressor was fitted with {expected}.")
            self._continue_on(collection, self._labels(y, sample_weight))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict the target of every series.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`; 3-D input may have another length.

        Returns
        -------
        ndarray of shape (n_cases,) or (n_cases, n_outputs)
            The predictions, in the form that `y` had; in double precision if it was.
        """
        outputs = self._outputs(X)  # (n, K)
        outputs = outputs.reshape(len(outputs), *self.target_mean_.shape)
        return outputs * self.target_scale_ + self.target_mean_

    def _learn_scale(self, y: np.ndarray) -> None:
        mean, scale = np.nanmean(y, axis=0, dtype=np.float64), np.nanstd(y, axis=0, dtype=np.float64)
        self.target_mean_ = np.asarray(mean, dtype=y.dtype)
        self.target_scale_ = np.where(scale > 0, scale, 1).astype(y.dtype)

    def _labels(self, y: np.ndarray, sample_weight: Any) -> Labels:
        columns = ((y - self.target_mean_) / self.target_scale_).reshape(len(y), -1)  # (n, K)
        rows = np.flatnonzero(~np.isnan(columns).all(axis=1))
        weight = weights(sample_weight, len(y))[rows]
        if not weight.any():
            raise ValueError(f"{type(self).__name__} needs labelled series with a weight above 0, and all have 0.")
        return Labels(rows, columns[rows].astype(np.float32), weight)

    def _label_loss(self) -> Any:
        return weighted_squared_error

    @property
    def _n_outputs(self) -> int:
        return self.target_mean_.size

    def _probe(self, features: np.ndarray, labels: Labels) -> tuple[np.ndarray, np.ndarray, float]:
        errors = []
        weight, bias = np.zeros((self._n_outputs, features.shape[1])), np.zeros(self._n_outputs)
        for output, target in enumerate(labels.target.T):
            known = ~np.isnan(target) & (labels.weight > 0)
            if known.any():
                head = ridge_head(features[known], target[known, None], labels.weight[known], self.penalty)
                weight[output], bias[output] = head.weight[0], head.bias[0]
                errors.append(head.error)
        return weight, bias, float(np.mean(errors or [0.0]))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
