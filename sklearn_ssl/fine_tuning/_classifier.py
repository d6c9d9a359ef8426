"""Classification with an encoder and a head."""

import abc
from typing import Any, Self, final

import numpy as np
from sklearn.callback import with_callbacks
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._input.labels import UNLABELLED
from sklearn_ssl._parameters.hyperparameters import mark, number, recipe
from sklearn_ssl._parameters.scikit_learn import ClassifierMixin
from sklearn_ssl.fine_tuning._base import EncoderPredictor
from sklearn_ssl.fine_tuning._fine_tuned import FineTuned, Map
from sklearn_ssl.fine_tuning._spread import Others
from sklearn_ssl.fine_tuning._targets import accuracy
from sklearn_ssl.fine_tuning._tasks import ClassTask, Labels
from sklearn_ssl.methods.closed_form.wccn import WCCNTransformer

ENOUGH_LABELS = 10  # of each class, after which labels are not spread
MOST_SPREAD = 4096  # series without a label that get one
MOST_NUMBERS = 2**25  # features of these series


class EncoderClassifier(ClassifierMixin, EncoderPredictor, abc.ABC):
    """A predictor of classes.

    Parameters
    ----------
    unlabelled : number, str or None, default=-1
        The label of series whose class is unknown. NaN means all missing labels, such as None. None says that all
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


class FineTunedClassifier(FineTuned, EncoderClassifier, abc.ABC):
    r"""A classifier whose linear head learns from labelled series, and from the others through their neighbours.

    The head sees features h of a closed form as :math:`z = \frac{h - \bar h}{\|h - \bar h\|}`, where :math:`\bar h` is
    the mean over all series. For other transformers z are the standardised features.

    A linear head starts from a ridge regression on the labelled series. As long as some series have no label, and there
    are fewer than ten labelled ones per class, a second ridge regression is added that learns from all series. Its
    targets are labels that were spread over the graph of the nearest neighbours of z:
    :math:`F = (I - 0.95\,S)^{-1} Y`, where Y has the known labels and S is the normalised graph with weights
    :math:`\max(\cos(z_i, z_j), 0)^8`. Columns of F are scaled such that all classes have the same mass, and rows such
    that they are shares of the classes. A series counts the more, the lower the entropy of its shares. The second
    regression is divided by the number of labelled series per class. Probabilities are the softmax of a multiple of the
    scores. The multiple is chosen by labelled series that are left out, together with a prior that counts as ten
    series.

    Parameters
    ----------
    penalty : float or None, default=None
        Strength of the ridge penalty on the weights for z. None is 0.1 for closed forms, and otherwise the best of ten
        values from 0.001 to 1,000 by leave-one-out.
    n_neighbors : int, default=5
        Neighbours of each series in the graph over which labels are spread. 0 spreads none.

    References
    ----------
    Zhou, D., Bousquet, O., Lal, T., Weston, J. and Schölkopf, B. (2004). Learning with local and global consistency.
    NIPS.
    """

    _has_unit_length = True

    n_neighbors: int = number(default=5, least=0, integer=True)

    def _spread_to(self, mapped: Map, features: np.ndarray, labels: Labels) -> Others | None:
        without = np.setdiff1d(np.arange(len(features)), labels.rows)
        if not (self.n_neighbors and len(without)) or len(labels) >= ENOUGH_LABELS * self.task_.n_outputs:
            return None
        n_others = min(len(without), MOST_SPREAD, 1 + MOST_NUMBERS // features.shape[1])
        evenly = np.linspace(0, len(without) - 1, n_others).astype(int)
        return Others(mapped(features[without[evenly]]), self.n_neighbors)


@final
class SSLClassifier(FineTunedClassifier):
    r"""Classifier for many series and few labels: a pretrained encoder with a head.

    The transformer learns from all series, labelled or not. Then a head learns from the labelled series to predict the
    class from the transformer's features. The encoder learns with it as far as `mode` says. The training minimises the
    weighted cross-entropy

    .. math:: \frac{\sum_i w_i \bigl(-\log \operatorname{softmax}(a_i)_{y_i}\bigr)}{\sum_i w_i},

    where :math:`a_i` are the outputs of the head for labelled series i, :math:`y_i` is its class and :math:`w_i` is its
    weight. Test series are never seen: in cross-validation pretraining uses the series of the training folds alone.

    The default transformer takes no gradient steps, and its encoder has nothing to fine-tune. A linear head is solved
    for as well, so by default there is no training by steps at all.

    Parameters
    ----------
    transformer : transformer, default=None
        Any transformer of this package. It may be given by position. It is cloned, and the clone is pretrained on all
        series of `fit`, labelled or not. A fitted transformer in `sklearn.frozen.FrozenEstimator` is used as it is.
        None is ``WCCNTransformer()``.

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

    transformer: Any = recipe(default_factory=WCCNTransformer, needs="fit", kw_only=False)
