"""Regression with a pretrained encoder."""

from typing import Any, Self, final

import numpy as np
from sklearn.callback import with_callbacks
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._numerics.scores import mean_r2
from sklearn_ssl._parameters.scikit_learn import RegressorMixin
from sklearn_ssl.fine_tuning._fine_tuned import FineTuned
from sklearn_ssl.fine_tuning._targets import checked_numbers, weights
from sklearn_ssl.fine_tuning._tasks import NumberTask


@final
class SSLRegressor(RegressorMixin, FineTuned):
    r"""Regressor for many series and few targets: a pretrained encoder with a head.

    The transformer learns from all series, whether their target is known or not. Then a head learns from the series
    with a target to predict it from the transformer's features. The encoder learns with it as far as `mode` says. The
    training minimises

    .. math:: \frac{\sum_{(i, j) \in K} w_i (p_{ij} - y_{ij})^2}{\sum_{(i, j) \in K} w_i}

    over the set K of known targets, where :math:`p_{ij}` is the prediction of output j for series i, :math:`y_{ij}` is
    the target, standardised over the known targets of output j, and :math:`w_i` is the weight of the series.

    By default VICReg trains a layer on the features of random, fixed kernels. The head sees the output of this layer
    and the features below it.

    NaN marks an unknown target. With several outputs some targets of a series may be known and others not.

    Attributes
    ----------
    target_mean_, target_scale_ : ndarray of shape (n_outputs,), or () for 1-D targets
        Mean and standard deviation that standardise the targets.

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
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Continue for one epoch over series with a target at a constant learning rate. The first call is a `fit`.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`.
        y : array-like of shape (n_cases,) or (n_cases, n_outputs)
            The targets, NaN where unknown. They are standardised with the mean and scale of the first call.
        sample_weight : array-like of shape (n_cases,), default=None
            Weights of the series with a target.

        Returns
        -------
        self : object
            The regressor.
        """
        return self._learn_part(X, y, sample_weight, self._new_task())

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Compute the coefficient of determination R² over the known targets.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `predict`.
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
        y = checked_numbers(type(self).__name__, y, len(predicted))
        return mean_r2(y, predicted, weights(sample_weight, len(predicted)))

    @property
    def target_mean_(self) -> np.ndarray:
        """The mean that standardises the targets."""
        check_is_fitted(self)
        return self.task_.mean

    @property
    def target_scale_(self) -> np.ndarray:
        """The standard deviation that standardises the targets."""
        check_is_fitted(self)
        return self.task_.scale

    @property
    def target_type_(self) -> str:
        """The precision of the predictions: "float32", or "float64" where that would blur them."""
        return np.dtype(self.task_.dtype).name

    def _new_task(self) -> NumberTask:
        return NumberTask(type(self).__name__)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
