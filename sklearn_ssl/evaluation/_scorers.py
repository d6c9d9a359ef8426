"""Label-free scores as scorers of scikit-learn, to choose hyper-parameters without labels."""

import abc
import typing
from typing import Any

import numpy as np

from sklearn_ssl._engine.random_streams import draw_seed
from sklearn_ssl._parameters.hyperparameters import Hyperparameters, choice, number
from sklearn_ssl.evaluation._checks import n_cases_of
from sklearn_ssl.evaluation._representation import Representation, some_cases
from sklearn_ssl.evaluation._spectral_scores import (
    covariance_eigenvalues,
    decay_exponent,
    default_ranks,
    lidar,
    rankme,
)
from sklearn_ssl.evaluation._spread_scores import alignment, are_dead, uniformity


class LabelFreeScorer(Hyperparameters, abc.ABC):
    """A score of an embedding that needs no labels, for ``scoring=`` of scikit-learn's tools. Greater is better.

    The scorer takes a fitted transformer, a Pipeline that has one (also before a classifier) or a net in training, and
    leaves it as it is. `GridSearchCV` and `cross_validate` compute the score on the held-out series; ``y`` may be None.
    Use folds of equal size, since most scores depend on the number of series.

    Parameters
    ----------
    space : {"features", "projections"}, default="features"
        Whether to score the features that `transform` returns, or the projections that the loss compares.
    standardize : bool, default=False
        Whether to bring every feature to mean 0 and standard deviation 1 over the scored series first. Features that
        are pooled by different statistics have different scales, and large ones hide the others. Dead features, as
        `n_dead` counts them, become 0.
    max_cases : int or None, default=None
        Largest number of series that are scored. If there are more, they are chosen at random. None scores all.
    random_state : int, RandomState or None, default=0
        Seed of the choice of series and of the views. With an int, all candidates of a search have the same.
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
        self._check_number(n_cases_of(X))
        return self._score(representation, some_cases(X, self.max_cases, seed), seed)

    def _check_number(self, n_cases: int) -> None:
        if n_cases < self.least_cases:
            raise ValueError(
                f"{type(self).__name__} needs {self.least_cases} or more series, got {n_cases}. Make the held-out "
                "folds larger."
            )

    @abc.abstractmethod
    def _score(self, representation: Representation, X: Any, seed: int) -> float:
        """Return the score of a representation on the chosen series."""

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

    Candidates with different augmentations of their own are compared on different views, and a candidate with mild
    views looks better than it is. In this case, give one `augmentation` for all candidates.

    Parameters
    ----------
    n_views : int, default=2
        Number of views per series.
    augmentation : Augmentation, default=None
        Makes the views. None takes the transformer's own augmentation.
    """

    n_views: int = number(default=2, least=2, integer=True)
    augmentation: Any = None

    def _views(self, representation: Representation, X: Any, seed: int) -> np.ndarray:
        drawn = {"augmentation": self.augmentation, "space": self.space, "random_state": seed}
        return self._scaled(representation.embed_views(X, self.n_views, **drawn))


@typing.final
class RankMeScorer(LabelFreeScorer):
    """Score by `rankme`, which tells how many directions the embedding fills.

    The score is at most the smaller of the number of held-out series and the number of features, so compare candidates
    on equal folds. A wider encoder has a larger bound.

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
    r"""Score by :math:`-|\alpha - 1|` with `alpha_req`, which tells how near the spectrum's decay is to 1 / rank.

    The score is NaN for an embedding with fewer than three directions of variance, which has no decay. Searches rank
    NaN last.

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
    """Score by `lidar`, which tells in how many directions series differ more than views of the same series.

    Parameters
    ----------
    n_views : int, default=10
        Number of views per series.
    delta : float, default=1e-4
        Variance that is added to the covariance within series.

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
    """Score by minus `alignment`, which tells how near to each other views of the same series are on the unit sphere.

    An embedding that is the same for all series is perfectly aligned, so never use this score alone.

    Parameters
    ----------
    n_views : int, default=2
        Number of views per series.

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
    """Score by minus `uniformity`, which tells how evenly the embedding covers the unit sphere.

    If there are more than 5,000 series, 5,000 of them are chosen at random.

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
