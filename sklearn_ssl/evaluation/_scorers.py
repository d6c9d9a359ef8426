"""Label-free scores as scikit-learn's scorers, to choose hyper-parameters without labels."""

import abc
import typing
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from sklearn_ssl._engine.random_streams import chosen_rows, draw_seed
from sklearn_ssl._parameters.hyperparameters import Hyperparameters, choice, number
from sklearn_ssl.evaluation._representation import Representation
from sklearn_ssl.evaluation._scores import (
    alignment,
    are_dead,
    covariance_eigenvalues,
    decay_exponent,
    default_ranks,
    lidar,
    rankme,
    uniformity,
)


class LabelFreeScorer(Hyperparameters, abc.ABC):
    """A score of an embedding that needs no labels, greater is better, for ``scoring=`` of scikit-learn's tools.

    It takes a fitted transformer, a Pipeline that has one (also before a classifier) or a net in training, and leaves
    it as it is. In `GridSearchCV` and `cross_validate` it is computed on the held-out series; ``y`` may be None. Folds
    should be of equal size, since most scores depend on the number of series.

    Parameters
    ----------
    space : {"features", "projections"}, default="features"
        What `transform` returns, or what the loss compares.
    standardize : bool, default=False
        Whether every feature is first brought to mean 0 and standard deviation 1 over the series scored. Features
        pooled by different statistics have different scales, and large ones hide the others. Features that
        are dead, as `n_dead` counts them, become 0.
    max_cases : int or None, default=None
        Most series that are scored, a random choice where there are more. None is all.
    random_state : int, RandomState or None, default=0
        Seed of the choice of series and of views. An int gives all candidates of a search the same.
    """

    space: str = choice("features", "projections", default="features")
    standardize: bool = choice(False, True, default=False)
    max_cases: int | None = number(default=None, least=2, integer=True, or_else=(None,))
    random_state: Any = 0

    least_cases: typing.ClassVar[int] = 2

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> float:
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            The fitted transformer, Pipeline or net.
        X : array or list of arrays
            The series to score it on.
        y : object, default=None
            Ignored.

        Returns
        -------
        float
            The score, greater is better.

        Raises
        ------
        ValueError, TypeError
            If a parameter is not valid, there are too few series, or the estimator has no embedding.
        """
        self.check_hyperparameters()
        seed = draw_seed(self.random_state)
        representation = Representation.of(estimator)
        n_cases = _num_samples(X)
        if n_cases < self.least_cases:
            raise ValueError(
                f"{type(self).__name__} needs {self.least_cases} or more series, got {n_cases}. Make the held-out "
                "folds larger."
            )
        if self.max_cases is not None and n_cases > self.max_cases:
            X = _safe_indexing(X, chosen_rows(n_cases, self.max_cases, seed))
        return self._score(representation, X, seed)

    @abc.abstractmethod
    def _score(self, representation: Representation, X: Any, seed: int) -> float:
        """Return the score of a representation on the series chosen."""

    def _embedding(self, representation: Representation, X: Any) -> np.ndarray:
        return self._scaled(representation.embed(X, self.space))

    def _scaled(self, H: np.ndarray) -> np.ndarray:
        """Standardise the features of an embedding (n, d), or of views (n, V, d) over all of them."""
        if not self.standardize:
            return H
        cases = tuple(range(H.ndim - 1))
        mean = H.mean(axis=cases, dtype=np.float64)  # (d,)
        deviation = H.std(axis=cases, dtype=np.float64)  # (d,)
        dead = are_dead(mean, deviation)
        return np.where(dead, 0.0, (H - mean) / np.where(dead, 1.0, deviation))


class ViewScorer(LabelFreeScorer, abc.ABC):
    """A label-free score that compares random views of every series.

    Candidates that differ in their own augmentation are compared on different views, and mild views look better than
    they are. Then give one `augmentation` to score all candidates on.

    Parameters
    ----------
    n_views : int
        Views of each series.
    augmentation : Augmentation, default=None
        Makes the views. None takes the transformer's own.
    """

    n_views: int = number(default=2, least=2, integer=True)
    augmentation: Any = None

    def _views(self, representation: Representation, X: Any, seed: int) -> np.ndarray:
        check_augmentation(self.augmentation)
        augmentation = representation.augmentation(self.augmentation)
        return self._scaled(
            representation.embed_views(X, self.n_views, augmentation=augmentation, space=self.space, random_state=seed)
        )


@typing.final
class RankMeScorer(LabelFreeScorer):
    """Score by `rankme`, how many directions the embedding fills.

    At most the number of held-out series or of features, whichever is less: compare candidates with equal folds. A
    wider encoder has a larger bound.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_ssl import RandomEncoderTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.encoders import ResNetEncoder
    >>> from sklearn_ssl.evaluation import RankMeScorer
    >>> X, _ = make_waves(n_cases=30, random_state=0)
    >>> transformer = RandomEncoderTransformer(encoder=ResNetEncoder(depth=1), random_state=0)
    >>> search = GridSearchCV(transformer, {"encoder__width": [1, 8]}, scoring=RankMeScorer(), cv=2).fit(X)
    >>> search.best_params_
    {'encoder__width': 8}
    """

    def _score(self, representation: Representation, X: Any, seed: int) -> float:
        return rankme(self._embedding(representation, X))


@typing.final
class AlphaReQScorer(LabelFreeScorer):
    r"""Score by :math:`-|\alpha - 1|` with `alpha_req`: how near the decay of the spectrum is to 1 / rank.

    It is NaN for an embedding with fewer than three directions of variance, which has no decay; searches rank NaN last.

    Examples
    --------
    >>> from sklearn.decomposition import PCA
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.evaluation import AlphaReQScorer
    >>> X, _ = make_waves(n_cases=30, n_channels=1, random_state=0)
    >>> bool(AlphaReQScorer()(PCA().fit(X[:, 0]), X[:, 0]) <= 0)
    True
    """

    least_cases: typing.ClassVar[int] = 4

    def _score(self, representation: Representation, X: Any, seed: int) -> float:
        eigenvalues = covariance_eigenvalues(self._embedding(representation, X))
        if len(eigenvalues) < 3:
            return float("nan")
        return -abs(decay_exponent(eigenvalues, *default_ranks(len(eigenvalues))) - 1)


@typing.final
class LiDARScorer(ViewScorer):
    """Score by `lidar`, how many directions tell series apart better than views of the same series differ.

    Parameters
    ----------
    n_views : int, default=10
        Views of each series.
    delta : float, default=1e-4
        Variance that is added within series.

    Examples
    --------
    >>> from sklearn_ssl import SimCLRTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.evaluation import LiDARScorer
    >>> X, _ = make_waves(n_cases=20, random_state=0)
    >>> transformer = SimCLRTransformer(max_epochs=1, random_state=0).fit(X)
    >>> 1 <= LiDARScorer(n_views=4)(transformer, X) <= 19
    True
    """

    n_views: int = number(default=10, least=2, integer=True)
    delta: float = number(default=1e-4, above=0)

    def _score(self, representation: Representation, X: Any, seed: int) -> float:
        return lidar(self._views(representation, X, seed), self.delta)


@typing.final
class AlignmentScorer(ViewScorer):
    """Score by minus `alignment`, how near views of the same series are on the unit sphere.

    An embedding that is the same for all series is perfectly aligned: use it beside other scores and never alone.

    Parameters
    ----------
    n_views : int, default=2
        Views of each series.

    Examples
    --------
    >>> from sklearn_ssl import SimCLRTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.evaluation import AlignmentScorer
    >>> X, _ = make_waves(n_cases=20, random_state=0)
    >>> transformer = SimCLRTransformer(max_epochs=1, random_state=0).fit(X)
    >>> -4 <= AlignmentScorer()(transformer, X) <= 0
    True
    """

    least_cases: typing.ClassVar[int] = 1

    def _score(self, representation: Representation, X: Any, seed: int) -> float:
        return -alignment(self._views(representation, X, seed))


@typing.final
class UniformityScorer(LabelFreeScorer):
    """Score by minus `uniformity`, how evenly the embedding covers the unit sphere.

    Beyond 5,000 series it is computed on a random choice of 5,000.

    Examples
    --------
    >>> from sklearn_ssl import SimCLRTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.evaluation import UniformityScorer
    >>> X, _ = make_waves(n_cases=20, random_state=0)
    >>> transformer = SimCLRTransformer(max_epochs=1, random_state=0).fit(X)
    >>> UniformityScorer()(transformer, X) >= 0
    True
    """

    def _score(self, representation: Representation, X: Any, seed: int) -> float:
        return -uniformity(self._embedding(representation, X), random_state=seed)


rankme_scorer = RankMeScorer()
alpha_req_scorer = AlphaReQScorer()
lidar_scorer = LiDARScorer()
alignment_scorer = AlignmentScorer()
uniformity_scorer = UniformityScorer()


def check_augmentation(augmentation: Any) -> None:
    """Raise a TypeError unless `augmentation` is one, or None."""
    if augmentation is not None and (isinstance(augmentation, type) or not hasattr(augmentation, "apply")):
        raise TypeError(
            f"`augmentation` must be None or an object such as Compose(jitter=Jitter()), got {augmentation!r}."
        )
