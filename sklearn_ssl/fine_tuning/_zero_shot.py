"""Classification by descriptions of classes."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Self, final

import numpy as np
from scipy.special import softmax
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._input.collections import Collection, validated_collection
from sklearn_ssl._input.companions import check_descriptions
from sklearn_ssl._parameters.fitted_state import unchanged_on_error
from sklearn_ssl._parameters.hyperparameters import Hyperparameters, number, recipe
from sklearn_ssl._parameters.ranges import as_names
from sklearn_ssl._parameters.scikit_learn import ClassifierMixin, MetaEstimatorMixin
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.base import PairedTransformer
from sklearn_ssl.base.staged import kept_copy
from sklearn_ssl.fine_tuning._targets import accuracy, checked_classes, expected_classes
from sklearn_ssl.methods.multi_modal.clip import CLIPTransformer


@final
class ZeroShotClassifier(ClassifierMixin, MetaEstimatorMixin, Hyperparameters):
    r"""Classifier that knows classes by their descriptions, also classes without any training series.

    Predicts the class whose description is most similar to the series in the common space of series and texts. With
    :math:`z` the vector of a series, s the learnt scale, and :math:`t_k` the mean of the vectors of the prompts of
    class k, brought to length 1, the probability of class k is

    .. math:: p_k = \frac{\exp(s\, z^\top t_k)}{\sum_j \exp(s\, z^\top t_j)}.

    Series are nearer to the descriptions that they were trained with than to any other, so this alone would hardly ever
    name a class without training series. Therefore a series is first tested for novelty. Let r be the share of the
    training series of the most similar known class that are less similar to its description than this series. Then the
    classes without training series together have the probability

    .. math:: \nu = \frac{\alpha}{\alpha + r},

    and the others :math:`1 - \nu`. Within each of these two parts the probabilities are in the ratio of the
    :math:`p_k`. With one class that is new, a series is given to it if r is below :math:`\alpha`.

    `fit` trains a transformer on series of some classes. `descriptions` may have more classes than `y`.
    `with_descriptions` changes the classes of a fitted classifier. No training is needed.

    A new class can be found only if its description has something in common with those of the training: words for
    TF-IDF, meaning for a sentence encoder.

    Parameters
    ----------
    transformer : transformer, default=None
        It may be given by position. It is cloned and fitted. A fitted transformer in `sklearn.frozen.FrozenEstimator`
        is used as it is; `fit` then only learns the classes. None is ``CLIPTransformer()``.
    descriptions : dict, list of str or None, default=None
        A text for each class. A list has texts that are the classes themselves. None takes the labels of `y` as texts.
    prompts : tuple of str, default=("{}",)
        Sentences in which a description takes the place of ``{}``. In training the series take turns at them.
    novelty_level : float, default=0.05
        :math:`\alpha`, about the share of series of known classes that may be taken for new ones. 0 leaves the test
        out. It plays no part where all classes, or none, have training series.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, sorted.
    descriptions_ : dict
        Their descriptions.
    class_embeddings_ : ndarray of shape (n_classes, n_projections)
        The vectors of the classes, of length 1.
    known_similarities_ : dict
        For each description with training series, their cosine similarities with it, sorted.
    transformer_ : transformer
        The fitted transformer.
    n_channels_in_ : int
        Channels of the series seen at fit.
    n_features_in_ : int
        Time steps seen at fit, for 2-D input only.

    Raises
    ------
    ValueError, TypeError
        At fit, if a parameter or the input is not valid, if a label has no description, or if two classes have the same
        description. A classifier that was fitted before stays as it was.

    References
    ----------
    Radford et al., "Learning transferable visual models from natural language supervision", ICML 2021.

    Socher et al., "Zero-shot learning through cross-modal transfer", NeurIPS 2013, for the test of novelty.

    Examples
    --------
    >>> from sklearn_ssl import CLIPTransformer, ZeroShotClassifier
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=80, n_timepoints=50, random_state=0)
    >>> texts = {0: "slow sine", 1: "slow triangle", 2: "fast square", 3: "fast sawtooth", 4: "slow square"}
    >>> classifier = ZeroShotClassifier(CLIPTransformer(max_epochs=2, random_state=0), descriptions=texts).fit(X, y)
    >>> classifier.predict_proba(X[:2]).shape
    (2, 5)
    >>> classifier.with_descriptions({"slow": "slow", "fast": "fast"}).classes_
    array(['fast', 'slow'], dtype='<U4')
    """

    transformer: Any = recipe(default_factory=CLIPTransformer, needs="fit", kw_only=False)
    descriptions: Any = None
    prompts: str | tuple[str, ...] = ("{}",)
    novelty_level: float = number(default=0.05, least=0, below=1)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the transformer on series and the descriptions of their classes.

        Parameters
        ----------
        X : array of shape (n_cases, n_channels, n_timepoints) or (n_cases, n_timepoints), or list of 2-D arrays
            The series.
        y : array-like of shape (n_cases,)
            Their classes. With a frozen transformer and `descriptions` it may be None.

        Returns
        -------
        self : object
            The fitted classifier.
        """
        with unchanged_on_error(self):
            self.check_hyperparameters()
            collection = validated_collection(self, X, reset=True, min_cases=2)
            frozen = isinstance(self.transformer, FrozenEstimator)
            labels = None if frozen and y is None and self.descriptions is not None else self._labels(y, collection)
            descriptions = self._described(labels)
            if frozen:
                self.transformer_ = kept_copy("transformer", self._given_transformer(), self.n_channels_in_)
            else:
                self.transformer_ = self._taught(X, labels, descriptions)
            self._learn_classes(descriptions)
            self.known_similarities_ = {} if labels is None else self._known_similarities(X, labels)
        return self

    def with_descriptions(self, descriptions: Any) -> Self:
        """Return a fitted copy for other classes. It shares the fitted transformer.

        Parameters
        ----------
        descriptions : dict or list of str
            The texts, as for the parameter `descriptions`.

        Returns
        -------
        classifier : ZeroShotClassifier
            The copy.

        Raises
        ------
        ValueError, TypeError
            If the descriptions are not valid.
        """
        check_is_fitted(self)
        other = copy.copy(self).set_params(descriptions=descriptions)
        other._learn_classes(_by_class(descriptions))
        return other

    def predict(self, X: Any) -> np.ndarray:
        """Predict the class of every series.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `fit`. 3-D input may have another length.

        Returns
        -------
        ndarray of shape (n_cases,)
            The classes.
        """
        probabilities = self.predict_proba(X)  # (n, K)
        return self.classes_[probabilities.argmax(axis=1)]

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
        similarities = self._similarities(X)  # (n, K)
        probabilities = softmax(self.transformer_.scale_ * similarities, axis=1)
        known = [self.known_similarities_.get(self.descriptions_[one]) for one in self.classes_.tolist()]
        is_new = np.array([one is None for one in known])
        if self.novelty_level == 0 or is_new.all() or not is_new.any():
            return probabilities
        new = self._novelties(similarities, known)  # (n,)
        for part, share in ((is_new, new), (~is_new, 1 - new)):
            probabilities[:, part] = share[:, None] * softmax(self.transformer_.scale_ * similarities[:, part], axis=1)
        return probabilities

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Compute the accuracy.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `predict`.
        y : array-like of shape (n_cases,)
            Their classes.
        sample_weight : array-like of shape (n_cases,), default=None
            Weights of the series.

        Returns
        -------
        float
            The share of right predictions.
        """
        return accuracy(type(self).__name__, self.predict(X), y, sample_weight, unlabelled=None)

    def check_hyperparameters(self) -> None:
        """Check all parameters."""
        super().check_hyperparameters()
        if self.descriptions is not None:
            _by_class(self.descriptions)
        prompts = as_names(self.prompts) if isinstance(self.prompts, (str, Sequence)) else ()
        if not prompts or any(not isinstance(one, str) or "{}" not in one for one in prompts):
            raise ValueError(
                f"`prompts` must be sentences with {{}} for the description, such as ('a series of {{}}',), got "
                f"{shown(self.prompts)}."
            )
        transformer = self._given_transformer()
        if not isinstance(transformer, PairedTransformer):
            raise TypeError(
                f"`transformer` must learn from series and texts, as CLIPTransformer() does, got {shown(transformer)}."
            )
        if transformer.descriptions is not None and not isinstance(self.transformer, FrozenEstimator):
            raise ValueError("Give `descriptions` to ZeroShotClassifier alone, and not to its transformer too.")

    def _given_transformer(self) -> Any:
        transformer = self.resolved("transformer")
        return transformer.estimator if isinstance(transformer, FrozenEstimator) else transformer

    def _labels(self, y: Any, collection: Collection) -> np.ndarray:
        _, labels = checked_classes(type(self).__name__, y, len(collection), unlabelled=None)
        return labels

    def _described(self, labels: np.ndarray | None) -> dict:
        """Return the descriptions by class, and check that each label has one."""
        if self.descriptions is None:
            return {label: str(label) for label in np.unique(labels).tolist()}  # type: ignore[arg-type]
        descriptions = _by_class(self.descriptions)
        unknown = set() if labels is None else set(labels.tolist()) - set(descriptions)
        if unknown:
            raise ValueError(
                f"`descriptions` has no text for the class(es) {shown(sorted(unknown))} of y. Add one for each, or "
                "leave their series out."
            )
        return descriptions

    def _taught(self, X: Any, labels: Any, descriptions: dict) -> Any:
        if len(np.unique(labels)) < 2:
            raise ValueError(
                f"{type(self).__name__} needs series of two classes or more, and y has one class only: "
                f"{shown(labels[0])}. Add series of another class."
            )
        prompts = as_names(self.prompts)
        texts = [prompts[row % len(prompts)].format(descriptions[one]) for row, one in enumerate(labels.tolist())]
        return clone(self.resolved("transformer")).fit(X, texts)

    def _learn_classes(self, descriptions: dict) -> None:
        classes = expected_classes(list(descriptions), unlabelled=None)
        texts = [prompt.format(descriptions[one]) for one in classes.tolist() for prompt in as_names(self.prompts)]
        vectors = self.transformer_.companion_encoder_.vectors("texts", texts)  # (K n_prompts, T)
        _check_told_apart(classes, descriptions, vectors.reshape(len(classes), -1))
        embedded = self.transformer_._projected(self.transformer_.net_, vectors)  # (K n_prompts, P)
        mean = embedded.reshape(len(classes), -1, embedded.shape[1]).mean(axis=1)  # (K, P)
        self.classes_ = classes
        self.descriptions_ = descriptions
        self.class_embeddings_ = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)

    def _similarities(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        validated_collection(self, X, reset=False)
        return self.transformer_.embed(X) @ self.class_embeddings_.T  # (n, K)

    def _known_similarities(self, X: Any, labels: np.ndarray) -> dict:
        """Return the sorted similarities of series with their own descriptions."""
        places = np.searchsorted(self.classes_, labels)
        own = self._similarities(X)[np.arange(len(labels)), places]  # (n,)
        return {
            self.descriptions_[label]: np.sort(own[places == place])
            for place, label in enumerate(self.classes_.tolist())
            if (places == place).any()
        }

    def _novelties(self, similarities: np.ndarray, known: list) -> np.ndarray:
        """Return the probability of each series (n, K) that it is of a class without training series."""
        of_known = np.where([one is not None for one in known], similarities, -np.inf)
        nearest = of_known.argmax(axis=1)  # (n,)
        share = [np.mean(known[place] < of_known[row, place]) for row, place in enumerate(nearest)]
        return self.novelty_level / (self.novelty_level + np.array(share))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _check_told_apart(classes: np.ndarray, descriptions: dict, vectors: np.ndarray) -> None:
    """Raise if the text vectors (K, n) of two classes are the same."""
    different, places = np.unique(vectors, axis=0, return_inverse=True)
    if len(different) < len(classes):
        same = classes[places == np.argmax(np.bincount(places))].tolist()
        raise ValueError(
            f"The descriptions of the classes {shown(same)} have the same vector: "
            f"{shown([descriptions[one] for one in same])}. Give texts that differ in words that were "
            "learnt."
        )


def _by_class(descriptions: Any) -> dict:
    """Return descriptions by class, with a text of its own for each class."""
    if isinstance(descriptions, Sequence) and not isinstance(descriptions, str):
        if len(set(descriptions)) < len(descriptions):
            raise ValueError(f"`descriptions` has a text twice: {shown(list(descriptions))}. Give each class its own.")
        descriptions = {text: text for text in descriptions}
    check_descriptions(descriptions)
    if not isinstance(descriptions, Mapping):
        raise ValueError("`descriptions` must have a text for each class, got None. Give a dictionary or a list.")
    texts = list(descriptions.values())
    if len(set(texts)) < len(texts):
        raise ValueError(
            f"`descriptions` has the same text for two classes: {shown(dict(descriptions))}. Give each class its own."
        )
    return dict(descriptions)
