"""Classification with an encoder and a head."""

import abc
from typing import Any, Self, final

import numpy as np
from scipy.special import log_softmax
from sklearn.base import ClassifierMixin
from sklearn.callback import with_callbacks
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._parameters.fitted_state import unchanged_on_error
from sklearn_ssl.fine_tuning._base import EncoderPredictor
from sklearn_ssl.fine_tuning._fine_tuned import FineTuned
from sklearn_ssl.fine_tuning._tasks import ClassTask


class EncoderClassifier(ClassifierMixin, EncoderPredictor, abc.ABC):
    """Classes of series, of which -1 stands for unknown.

    Parameters
    ----------
    class_weight : "balanced", dict or None, default=None
        Weights of classes: "balanced" makes all classes count the same, a dictionary has a weight for each label.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted, without -1.
    """

    class_weight: Any = None

    @with_callbacks
    def partial_fit(self, X: Any, y: Any = None, classes: Any = None, sample_weight: Any = None) -> Self:
        """Learn for one epoch more from labelled series, at a constant learning rate; the first call is a `fit`.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`.
        y : array-like of shape (n_cases,)
            Their classes; -1 where unknown.
        classes : array-like, default=None
            All classes there will be; needed at the first call where `y` lacks some.
        sample_weight : array-like of shape (n_cases,), default=None
            Weights of the labelled series.

        Returns
        -------
        self : object
            The classifier.
        """
        started = self.__sklearn_is_fitted__()
        with unchanged_on_error(self):
            collection = self._checked(X, reset=not started)
            task = self.task_ if started else self._new_task(classes)
            labels = task.labels(y, len(collection), sample_weight)
            if started:
                self._continue_on(collection, labels)
            else:
                self._learn(X, collection, task, labels)
        return self

    @property
    def classes_(self) -> np.ndarray:
        """The labels, sorted, without -1."""
        check_is_fitted(self)
        return self.task_.classes

    def decision_function(self, X: Any) -> np.ndarray:
        """Compute scores whose softmax is `predict_proba`.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`; 3-D input may have another length.

        Returns
        -------
        ndarray of shape (n_cases, n_classes), or (n_cases,) for two classes
            The scores; for two classes by how much the second one's is higher.
        """
        logits = self._outputs(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`; 3-D input may have another length.

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
            The series, as for `fit`; 3-D input may have another length.

        Returns
        -------
        ndarray of shape (n_cases, n_classes)
            The logarithms, in the order of ``classes_``.
        """
        return log_softmax(self._outputs(X).astype(np.float64), axis=1)  # in float32 small probabilities would be 0

    def predict(self, X: Any) -> np.ndarray:
        """Predict the class of every series.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`; 3-D input may have another length.

        Returns
        -------
        ndarray of shape (n_cases,)
            The labels; never -1.
        """
        best = self._outputs(X).argmax(axis=1)
        return self.classes_[best]

    def _new_task(self, classes: Any = None) -> ClassTask:
        return ClassTask(type(self).__name__, self.class_weight, classes)


@final
class SSLClassifier(FineTuned, EncoderClassifier):
    r"""Classifier for many series and few labels: a pretrained encoder with a head.

    The transformer learns from all series, labelled or not. A head then learns from the labelled ones to predict the
    class from the transformer's features, and the encoder with it as `mode` says. Minimises the weighted cross-entropy

    .. math:: \frac{\sum_i w_i \bigl(-\log \operatorname{softmax}(a_i)_{y_i}\bigr)}{\sum_i w_i},

    where :math:`a_i` are the outputs of the head for labelled series i, :math:`y_i` its class and :math:`w_i` its
    weight. Test series are never seen: in cross-validation pretraining has the series of the training folds alone.

    The label -1 stands for unknown, as in `sklearn.semi_supervised`. `~sklearn_ssl.fine_tuning.LabelledScorer` and
    `~sklearn_ssl.fine_tuning.LabelledSplit` let `GridSearchCV` work on partly labelled data. Where scikit-learn encodes
    labels anew (`CalibratedClassifierCV`, `VotingClassifier`) all series must be labelled, or -1 becomes a class.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl import SimCLRTransformer, SSLClassifier
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=80, random_state=0)
    >>> y_known = np.where(np.arange(80) < 20, y, -1)
    >>> classifier = SSLClassifier(SimCLRTransformer(max_epochs=2), max_epochs=5, random_state=0).fit(X, y_known)
    >>> classifier.predict_proba(X[:2]).shape
    (2, 4)
    >>> bool(classifier.score(X, y) > 0.6)
    True
    """
