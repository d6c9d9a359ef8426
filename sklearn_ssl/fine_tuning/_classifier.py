"""Classification with an encoder and a head."""

import abc
from typing import Any, Self, final

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.callback import with_callbacks
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._input.labels import UNLABELLED
from sklearn_ssl._parameters.hyperparameters import mark
from sklearn_ssl.fine_tuning._base import EncoderPredictor
from sklearn_ssl.fine_tuning._fine_tuned import FineTuned
from sklearn_ssl.fine_tuning._targets import accuracy
from sklearn_ssl.fine_tuning._tasks import ClassTask


class EncoderClassifier(ClassifierMixin, EncoderPredictor, abc.ABC):
    """A predictor of classes.

    Parameters
    ----------
    unlabelled : number, str or None, default=-1
        The label of series whose class is unknown. NaN stands for all missing labels, such as None. None says that all
        series are labelled; then -1 may be a class. A number never marks a text: the labels "-1" and "1" are classes.
    class_weight : "balanced", dict or None, default=None
        Weights of classes. "balanced" gives all classes the same total weight, a dictionary has a weight per label.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted, without `unlabelled`.
    """

    unlabelled: Any = mark(default=UNLABELLED)
    class_weight: Any = None

    @with_callbacks
    def partial_fit(self, X: Any, y: Any = None, classes: Any = None, sample_weight: Any = None) -> Self:
        """Continue for one epoch over labelled series at a constant learning rate. The first call is a `fit`.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`.
        y : array-like of shape (n_cases,)
            Their classes, `unlabelled` where unknown.
        classes : array-like, default=None
            All classes to expect. The first call needs them if its `y` lacks some.
        sample_weight : array-like of shape (n_cases,), default=None
            Weights of the labelled series.

        Returns
        -------
        self : object
            The classifier.
        """
        return self._learn_part(X, y, sample_weight, self._new_task(classes))

    @property
    def classes_(self) -> np.ndarray:
        """The labels, sorted, without `unlabelled`."""
        check_is_fitted(self)
        return self.task_.classes

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Compute the accuracy on the labelled series.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `predict`.
        y : array-like of shape (n_cases,)
            Their classes. Series with the label `unlabelled` do not count.
        sample_weight : array-like of shape (n_cases,), default=None
            Weights of the series.

        Returns
        -------
        float
            The share of right predictions.
        """
        return accuracy(type(self).__name__, self.predict(X), y, sample_weight, self.task_.unlabelled)

    def decision_function(self, X: Any) -> np.ndarray:
        """Compute scores whose softmax is `predict_proba`.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `predict`.

        Returns
        -------
        ndarray of shape (n_cases, n_classes), or (n_cases,) for two classes
            The scores. For two classes the score of the second class minus the score of the first.
        """
        scores = self._outputs(X)  # (n, K)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `predict`.

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
            The series, as for `predict`.

        Returns
        -------
        ndarray of shape (n_cases, n_classes)
            The logarithms, in the order of ``classes_``.
        """
        outputs = self._outputs(X)  # (n, K)
        return self.task_.log_probabilities(outputs)

    def _new_task(self, classes: Any = None) -> ClassTask:
        return ClassTask(type(self).__name__, self.class_weight, classes, self.unlabelled)


@final
class SSLClassifier(FineTuned, EncoderClassifier):
    r"""Classifier for many series and few labels: a pretrained encoder with a head.

    The transformer learns from all series, labelled or not. Then a head learns from the labelled series to predict the
    class from the transformer's features. The encoder learns with it as far as `mode` says. The training minimises the
    weighted cross-entropy

    .. math:: \frac{\sum_i w_i \bigl(-\log \operatorname{softmax}(a_i)_{y_i}\bigr)}{\sum_i w_i},

    where :math:`a_i` are the outputs of the head for labelled series i, :math:`y_i` is its class and :math:`w_i` is its
    weight. Test series are never seen: in cross-validation pretraining uses the series of the training folds alone.

    The label `unlabelled` marks series whose class is unknown: -1, as in `sklearn.semi_supervised`. If there are such
    series, use `GridSearchCV` with `~sklearn_ssl.fine_tuning.LabelledSplit` and
    `~sklearn_ssl.fine_tuning.LabelledScorer`. Inside `CalibratedClassifierCV` and `VotingClassifier` all series must be
    labelled, because these encode the labels again, and -1 would become a class.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl import SimCLRTransformer, SSLClassifier
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=80, n_timepoints=50, random_state=0)
    >>> y_known = np.where(np.arange(80) < 20, y, -1)
    >>> classifier = SSLClassifier(SimCLRTransformer(max_epochs=2), max_epochs=5, random_state=0).fit(X, y_known)
    >>> classifier.predict_proba(X[:2]).shape
    (2, 4)
    >>> bool(classifier.score(X, y) > 0.6)
    True
    """
