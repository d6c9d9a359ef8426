"""How well series find their texts, and texts their series."""

import typing
from typing import Any

import numpy as np

from sklearn_ssl._parameters.hyperparameters import Hyperparameters, choice, number
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.base import PairedTransformer
from sklearn_ssl.evaluation._representation import Representation


@typing.final
class RetrievalScorer(Hyperparameters):
    r"""A score of retrieval by text, for ``scoring=`` of scikit-learn's tools. Greater is better.

    The scorer takes a fitted `CLIPTransformer`, or a Pipeline that ends with one. `y` has what `y` of its `fit` may
    have. All different texts of the scored series compete.

    "reciprocal_rank" asks each series for its text: the mean of :math:`1 / r_i`, where :math:`r_i` is the rank of the
    text of series i among the texts, by similarity. For U texts chance is :math:`\frac{1}{U} \sum_{r=1}^{U} 1 / r`.

    "precision" asks each text for its series: the share of series with this text among the `n_neighbors` most similar
    series, averaged over the texts. A text with fewer series is asked for as many as it has.

    Parameters
    ----------
    measure : {"reciprocal_rank", "precision"}, default="reciprocal_rank"
        What is measured.
    n_neighbors : int, default=5
        Number of series per text for "precision".

    Examples
    --------
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn_ssl import CLIPTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.evaluation import RetrievalScorer
    >>> X, y = make_waves(n_cases=40, random_state=0)
    >>> clip = CLIPTransformer(max_epochs=1, random_state=0)
    >>> cross_val_score(clip, X, [f"wave of kind {kind}" for kind in y], scoring=RetrievalScorer(), cv=2).shape
    (2,)
    """

    measure: str = choice("reciprocal_rank", "precision", default="reciprocal_rank")
    n_neighbors: int = number(default=5, least=1, integer=True)

    def __call__(self, estimator: Any, X: Any, y: Any) -> float:
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            The fitted transformer or Pipeline.
        X : array or list of arrays
            The series to score it on.
        y : array-like or table
            Their texts, labels or metadata.

        Returns
        -------
        float
            The score, from 0 to 1.

        Raises
        ------
        ValueError, TypeError
            If a parameter or `y` is not valid, or if the estimator has no space of series and texts.
        """
        self.check_hyperparameters()
        representation = Representation.of(estimator)
        transformer = representation.transformer
        if not isinstance(transformer, PairedTransformer):
            raise TypeError(
                "`estimator` must have learnt from series and texts, as CLIPTransformer() does, got "
                f"{shown(estimator)}."
            )
        Z = transformer.embed(representation.series(X))  # (n, P)
        T, groups = transformer._distinct_texts(y, len(Z))  # (m, P), (n,)
        measured = _reciprocal_ranks if self.measure == "reciprocal_rank" else self._precisions
        return float(np.mean(measured(Z @ T.T, groups)))

    def _precisions(self, similarities: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Return for each text the share of its series among the nearest ones, (m,)."""
        order = np.argsort(-similarities, axis=0, kind="stable")  # (n, m)
        found = groups[order] == np.arange(similarities.shape[1])
        counted = np.minimum(np.bincount(groups), self.n_neighbors)  # (m,)
        return (found & (np.arange(len(found))[:, None] < counted)).sum(axis=0) / counted


def _reciprocal_ranks(similarities: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the inverse of the rank of each series' text, (n,); equal similarities share their mean rank."""
    own = np.take_along_axis(similarities, groups[:, None], axis=1)  # (n, 1)
    above, level = (similarities > own).sum(axis=1), (similarities == own).sum(axis=1)
    return 1 / (above + (level + 1) / 2)


retrieval_scorer = RetrievalScorer()
