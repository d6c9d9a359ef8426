"""Classification with an encoder and a head."""

import abc
from typing import Any, Self, final

import numpy as np
from scipy.special import log_softmax
from sklearn.base import ClassifierMixin
from sklearn.callback import with_callbacks
from sklearn.utils.multiclass import check_classification_targets

from sklearn_ssl._input.collections import Collection
from sklearn_ssl._parameters.fitted_state import unchanged_on_error
from sklearn_ssl.fine_tuning._base import EncoderPredictor
from sklearn_ssl.fine_tuning._fine_tuned import FineTuned
from sklearn_ssl.fine_tuning._heads import calibrated, ridge_head
from sklearn_ssl.fine_tuning._labels import Labels, checked_classes, class_weights, weights
from sklearn_ssl.losses import weighted_cross_entropy


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
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from all series, and from the labels of those that have one.

        Parameters
        ----------
        X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), or list of 2-D arrays
            The series, as for the transformer.
        y : array-like of shape (n_cases,)
            Their classes; -1 where unknown. Strings with unknown ones among them are an object array.
        sample_weight : array-like of shape (n_cases,), default=None
            Weights of the labelled series; the self-supervised part does without.

        Returns
        -------
        self : object
            The fitted classifier.
        """
        with unchanged_on_error(self):
            collection = self._checked(X, reset=True)
            labels = self._labels(y, collection, sample_weight, None)
            self._check_several(labels)
            self._fit_on(X, collection, labels)
        return self

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
            labels = self._labels(y, collection, sample_weight, self.classes_ if started else classes)
            if started:
                self._continue_on(collection, labels)
            else:
                self._fit_on(X, collection, labels)
        return self

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

    def _labels(self, y: Any, collection: Collection, sample_weight: Any, classes: Any) -> Labels:
        rows, y = checked_classes(self, y, len(collection))
        self.classes_ = np.unique(y) if classes is None else np.unique(np.asarray(classes))
        check_classification_targets(self.classes_)
        unseen = np.setdiff1d(y, self.classes_)
        if len(unseen):
            raise ValueError(
                f"y has the classes {unseen.tolist()}, which are not among those to expect, {self.classes_.tolist()}. "
                "Give all of them as `classes` at the first partial_fit, or fit anew."
            )
        weight = weights(sample_weight, len(collection))[rows]
        if self.class_weight is not None:
            weight = weight * class_weights(self.class_weight, self.classes_, y)
        return Labels(rows, np.searchsorted(self.classes_, y), weight)

    def _check_several(self, labels: Labels) -> None:
        present = self.classes_[np.unique(labels.target[labels.weight > 0])]
        if len(present) < 2:
            raise ValueError(
                f"{type(self).__name__} needs labelled series of at least two classes with a weight above 0, and y has "
                f"one class only: {present.tolist()}."
            )

    def _label_loss(self) -> Any:
        return weighted_cross_entropy

    @property
    def _n_outputs(self) -> int:
        return len(self.classes_)

    def _strata(self, labels: Labels) -> np.ndarray:
        return labels.target

    def _probe(self, features: np.ndarray, labels: Labels) -> tuple[np.ndarray, np.ndarray, float]:
        weight, bias = np.zeros((self._n_outputs, features.shape[1])), np.zeros(self._n_outputs)
        counted = labels.weight > 0
        present, codes = np.unique(labels.target[counted], return_inverse=True)
        if len(present) < 2:  # nothing to tell apart
            return weight, bias, 0.0
        sides = 2.0 * np.eye(len(present))[codes] - 1  # (n, K): 1 for the class, -1 for others
        head = ridge_head(features[counted], sides, labels.weight[counted], self.penalty)
        head = calibrated(head, codes, labels.weight[counted])
        bias -= np.abs(head.left_out).max()  # classes that `partial_fit` expects and has not seen yet
        weight[present], bias[present] = head.weight, head.bias
        return weight, bias, head.error


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
