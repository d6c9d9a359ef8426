"""Whether an embedding collapsed, in numbers and in words."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from sklearn_ssl._engine.random_streams import chosen_rows, draw_seed
from sklearn_ssl._numerics.vectors import LEAST_SPREAD, least_rank, rank_bound, smooth_rank, without_torch
from sklearn_ssl.evaluation._representation import Representation, checked_embedding
from sklearn_ssl.evaluation._scorers import check_augmentation
from sklearn_ssl.evaluation._scores import alignment, n_dead, normalized_std, spectrum, spread, uniformity

ROUNDING_SPREAD = 1e-12

HEALTHY = "healthy"
NOT_TRAINED = "not trained"
DIMENSIONAL = "dimensional collapse"
COLLAPSE = "collapse"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class EmbeddingReport:
    """The health of one embedding.

    Attributes
    ----------
    n_cases : int
        Series looked at.
    n_features : int
        Features d of the embedding.
    effective_rank : float
        `effective_rank` of the centred embedding.
    rank_bound : int
        Its largest possible value, min(n_cases - 1, d).
    singular_values : ndarray of shape (min(n_cases, d),)
        Singular values of the centred embedding, the largest first, divided by their sum; 0 if all rows are the same.
    n_dead : int
        Features that are constant, as `n_dead` counts them.
    normalized_std : float
        `normalized_std`; `healthy_std` at best.
    spread : float
        `spread`, 0 if all rows are the same.
    series_spread : float
        `spread` of the series themselves, with padding as 0; 1 for an embedding that was given.
    uniformity : float
        `uniformity`, the lower the more even.
    alignment : float or None
        `alignment` of two views, the lower the nearer; None without views.
    """

    n_cases: int
    n_features: int
    effective_rank: float
    rank_bound: int
    singular_values: np.ndarray = dataclasses.field(repr=False)
    n_dead: int
    normalized_std: float
    spread: float
    series_spread: float
    uniformity: float
    alignment: float | None

    @property
    def healthy_std(self) -> float:
        """The `normalized_std` of features of mean 0 that vary equally, 1 / sqrt(d)."""
        return self.n_features**-0.5

    @property
    def least_rank(self) -> float:
        """The effective rank below which the verdict is "dimensional collapse"."""
        return least_rank(self.rank_bound)

    @property
    def verdict(self) -> str:
        """One of "healthy", "dimensional collapse" and "collapse"."""
        if self.spread <= max(LEAST_SPREAD * self.series_spread, ROUNDING_SPREAD):
            return COLLAPSE
        return DIMENSIONAL if self.effective_rank < self.least_rank else HEALTHY

    def _lines(self) -> list[str]:
        views = "no views" if self.alignment is None else f"{self.alignment:.3g}"
        return [
            f"effective rank   {self.effective_rank:.3g} of at most {self.rank_bound}",
            f"dead features    {self.n_dead} of {self.n_features}",
            f"normalized std   {self.normalized_std:.3g} (centred and even: {self.healthy_std:.3g})",
            f"spread           {self.spread:.3g} (the series: {self.series_spread:.3g})",
            f"alignment        {views}",
            f"uniformity       {self.uniformity:.3g}",
            f"verdict          {self.verdict}",
        ]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class CollapseReport:
    """The health of the embeddings of a transformer; ``print(report)`` shows it as text.

    Attributes
    ----------
    features : EmbeddingReport
        What `transform` returns.
    projections : EmbeddingReport or None
        What the loss compares; None without a projector.
    n_steps : int or None
        Optimiser steps taken; None where there is no net.
    loss : float or None
        Training loss of the last epoch; None without one.
    collapsed_loss : float or None
        The loss of a batch whose projections are all the same; None where that says nothing about the method.
    """

    features: EmbeddingReport
    projections: EmbeddingReport | None
    n_steps: int | None
    loss: float | None
    collapsed_loss: float | None

    @property
    def verdict(self) -> str:
        """The first that is true of "collapse", "not trained", "dimensional collapse" and "healthy"."""
        found = {one.verdict for one in self._embeddings().values()}
        if COLLAPSE in found:
            return COLLAPSE
        if self.n_steps == 0 or self._loss_is_that_of_collapse():
            return NOT_TRAINED
        return DIMENSIONAL if DIMENSIONAL in found else HEALTHY

    @property
    def advice(self) -> str:
        """What to try."""
        where = " and ".join(name for name, one in self._embeddings().items() if one.verdict == self.verdict)
        match self.verdict:
            case "collapse":
                return (
                    f"The {where} of all series are nearly the same. Check that the series differ and are scaled; then "
                    "try a lower learning rate, larger batches, milder augmentations and larger weights of the terms "
                    "against collapse (VICReg: variance and covariance, Barlow Twins: redundancy)."
                )
            case "dimensional collapse":
                return (
                    f"The {where} fill few of their directions. Try a larger weight of the term against redundancy "
                    "(VICReg: covariance), a lower temperature, a lower learning rate or fewer features. Series that "
                    "differ in a few ways only fill few directions without any collapse."
                )
            case "not trained" if self.n_steps == 0:
                return "The weights are as they were initialised. Compare a trained encoder with this one."
            case "not trained":
                return (
                    f"The loss, {self.loss:.4g}, is not below that of projections which are all the same, "
                    f"{self.collapsed_loss:.4g}. Train longer, try another learning rate or temperature, and see that "
                    "terms against collapse have a weight above 0."
                )
            case _:
                return "No sign of collapse. Only labels tell whether the features are useful: try a probe."

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers as a table, one row for the features and one for the projections.

        Returns
        -------
        pandas.DataFrame
            A column for every attribute of `EmbeddingReport` but `singular_values`.
        """
        columns = [field.name for field in dataclasses.fields(EmbeddingReport) if field.name != "singular_values"]
        rows = {
            name: {column: getattr(one, column) for column in [*columns, "verdict"]}
            for name, one in self._embeddings().items()
        }
        return pd.DataFrame.from_dict(rows, orient="index").astype({"alignment": float})

    def __str__(self) -> str:
        parts = [f"Collapse report on {self.features.n_cases} series: {self.verdict}"]
        for name, one in self._embeddings().items():
            parts += [name.capitalize(), *("  " + line for line in one._lines())]
        if self.loss is not None:
            same = "" if self.collapsed_loss is None else f" (projections all the same: {self.collapsed_loss:.4g})"
            parts += ["Training", f"  loss             {self.loss:.4g}{same}"]
        return "\n".join([*parts, self.advice])

    def _embeddings(self) -> dict[str, EmbeddingReport]:
        both = {"features": self.features, "projections": self.projections}
        return {name: one for name, one in both.items() if one is not None}

    def _loss_is_that_of_collapse(self) -> bool:
        return self.loss is not None and self.collapsed_loss is not None and self.loss >= self.collapsed_loss


def collapse_report(
    transformer: Any, X: Any, *, augmentation: Any = None, max_cases: int | None = 10_000, random_state: Any = 0
) -> CollapseReport:
    r"""Tell whether the features of a transformer, and the projections behind them, collapsed.

    ======================  =========================================================================================
    verdict                 when
    ======================  =========================================================================================
    "collapse"              the `spread` of features or projections is at most 0.001 of that of the series, or at most
                            1e-12, the rounding of float32
    "not trained"           no step was taken, or the last training loss is not below the loss of projections that are
                            all the same
    "dimensional collapse"  the effective rank r of features or projections is below
                            :math:`1 + 0.1\, (\min(n - 1, d) - 1)`
    "healthy"               none of these
    ======================  =========================================================================================

    The first that is true counts. The limits were chosen on synthetic waves, regimes and bursts. Trained as they should
    be, encoders had a spread of 0.03 or more and projections filled 0.29 of their rank or more; VICReg without its
    covariance term filled at most 0.09 with the projections, and without its variance term too, at a high learning
    rate, their spread fell below 1e-6. Series far from 0 have a small spread themselves, which is why the two are
    compared; such series should be scaled. An effective rank is limited by the number of series: look at more series
    than there are features where you can.

    Parameters
    ----------
    transformer : estimator or None
        A fitted transformer, a Pipeline that has one, or a net in training; it is left as it is. None if `X` is an
        embedding.
    X : array or list of arrays
        The series; or, with ``transformer=None``, an embedding of shape (n_cases, n_features). Two or more.
    augmentation : Augmentation, default=None
        Makes the views for `alignment`. None takes the transformer's own, where it has one.
    max_cases : int or None, default=10000
        Most series that are looked at, a random choice where there are more. None is all.
    random_state : int, RandomState or None, default=0
        Seed of the choice and of the views.

    Returns
    -------
    CollapseReport
        Numbers, verdict and advice.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the transformer is not fitted.
    ValueError, TypeError
        If a parameter is not valid, an embedding is not finite, or there is one series only.

    References
    ----------
    Jing, L., Vincent, P., LeCun, Y. and Tian, Y. (2022). Understanding dimensional collapse in contrastive
    self-supervised learning. ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.evaluation import collapse_report
    >>> H = np.random.RandomState(0).normal(size=(500, 16))
    >>> collapse_report(None, H).verdict
    'healthy'
    >>> collapse_report(None, H[:, :1] * H[0]).verdict
    'dimensional collapse'
    """
    check_augmentation(augmentation)
    if max_cases is not None and not max_cases >= 2:
        raise ValueError(f"`max_cases` must be at least 2 or None, got {max_cases!r}.")
    seed = draw_seed(random_state)
    if transformer is None:
        return _report_on_embedding(X, augmentation, max_cases, seed)
    representation = Representation.of(transformer)
    n_cases = _num_samples(X)
    if n_cases < 2:
        raise ValueError(f"Collapse shows in how series differ: two or more are needed, got {n_cases}.")
    return _report_on_transformer(representation, _some_cases(X, max_cases, seed), augmentation, seed)


def _report_on_embedding(H: Any, augmentation: Any, max_cases: int | None, seed: int) -> CollapseReport:
    if augmentation is not None:
        raise ValueError("`augmentation` makes views of series: it needs a transformer, got transformer=None.")
    H = checked_embedding(without_torch(H))
    report = _embedding_report(_some_cases(H, max_cases, seed), None, 1.0, seed)
    return CollapseReport(features=report, projections=None, n_steps=None, loss=None, collapsed_loss=None)


def _report_on_transformer(representation: Representation, X: Any, augmentation: Any, seed: int) -> CollapseReport:
    net = representation.net
    losses = [] if net is None else [epoch["train_loss"] for epoch in net.history if "train_loss" in epoch]
    series_spread = _spread_of_series(representation, X)
    has_projector = net is not None and hasattr(net.module_, "projections")
    reports: dict[str, EmbeddingReport | None] = {"projections": None}
    for space in ("features", "projections") if has_projector else ("features",):
        views = _two_views(representation, X, augmentation, space, seed)
        reports[space] = _embedding_report(representation.embed(X, space), views, series_spread, seed)
    assert reports["features"] is not None
    return CollapseReport(
        features=reports["features"],
        projections=reports["projections"],
        n_steps=None if net is None else net.steps_,
        loss=losses[-1] if losses else None,
        collapsed_loss=getattr(representation.transformer, "collapsed_loss_", None),
    )


def _some_cases(X: Any, max_cases: int | None, seed: int) -> Any:
    n_cases = _num_samples(X)
    if max_cases is None or n_cases <= max_cases:
        return X
    return _safe_indexing(X, chosen_rows(n_cases, max_cases, seed))


def _embedding_report(H: np.ndarray, views: np.ndarray | None, series_spread: float, seed: int) -> EmbeddingReport:
    H = checked_embedding(H)
    n_cases, n_features = H.shape
    singular_values = spectrum(H, center=True)
    total = singular_values.sum()
    return EmbeddingReport(
        n_cases=n_cases,
        n_features=n_features,
        effective_rank=smooth_rank(singular_values),
        rank_bound=rank_bound(n_cases, n_features),
        singular_values=singular_values / total if total > 0 else singular_values,
        n_dead=n_dead(H),
        normalized_std=normalized_std(H),
        spread=spread(H),
        series_spread=series_spread,
        uniformity=uniformity(H, random_state=seed),
        alignment=None if views is None else alignment(views),
    )


def _two_views(representation: Representation, X: Any, augmentation: Any, space: str, seed: int) -> np.ndarray | None:
    if augmentation is None and not hasattr(representation.transformer, "augmentation"):
        return None
    return representation.embed_views(X, 2, augmentation=augmentation, space=space, random_state=seed)


def _spread_of_series(representation: Representation, X: Any) -> float:
    values = representation.collection(X).values
    return spread(np.nan_to_num(values.reshape(len(values), -1)))
