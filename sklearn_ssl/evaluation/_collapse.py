"""A report on whether an embedding collapsed, in numbers and in words."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from sklearn_ssl._engine.random_streams import draw_seed
from sklearn_ssl._numerics.vectors import LEAST_SPREAD, least_rank, rank_bound, smooth_rank
from sklearn_ssl._parameters.arguments import check_whole_number
from sklearn_ssl.evaluation._checks import n_cases_of
from sklearn_ssl.evaluation._notebook import ShownAsText
from sklearn_ssl.evaluation._representation import Representation, some_cases
from sklearn_ssl.evaluation._spectral_scores import spectrum
from sklearn_ssl.evaluation._spread_scores import alignment, n_dead, normalized_std, spread, uniformity

ROUNDING_SPREAD = 1e-12

HEALTHY = "healthy"
NOT_TRAINED = "not trained"
DIMENSIONAL = "dimensional collapse"
COLLAPSE = "collapse"

ADVICE = {
    COLLAPSE: (
        "The {where} of all series are nearly the same. Check that the series differ and are scaled. Then try a lower "
        "learning rate, larger batches, milder augmentations, and larger weights of the terms against collapse "
        "(VICReg: variance and covariance, Barlow Twins: redundancy)."
    ),
    DIMENSIONAL: (
        "The {where} fill few of their directions. Try a larger weight of the term against redundancy (VICReg: "
        "covariance), a lower temperature, a lower learning rate or fewer features. If the series differ in a few ways "
        "only, few directions are right, and nothing has collapsed."
    ),
    NOT_TRAINED: (
        "The loss, {loss:.4g}, is not below the loss of projections that are all the same, {collapsed_loss:.4g}. Train "
        "longer, try another learning rate or temperature, and check that terms against collapse have a weight above 0."
    ),
    HEALTHY: "No sign of collapse. Only labels tell whether the features are useful: try a probe.",
}
UNTRAINED = "The weights are as they were initialised. Compare a trained encoder with this one."


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class EmbeddingReport:
    """The health of one embedding.

    Attributes
    ----------
    n_cases : int
        Number of series in the report.
    n_features : int
        Number of features d.
    effective_rank : float
        `effective_rank` of the centred embedding.
    rank_bound : int
        Its largest possible value, min(n_cases - 1, d).
    singular_values : ndarray of shape (min(n_cases, d),)
        Singular values of the centred embedding, the largest first, divided by their sum; 0 if all rows are the same.
    n_dead : int
        Number of constant features, as `n_dead` counts them.
    normalized_std : float
        `normalized_std`, at most `healthy_std`.
    spread : float
        `spread`, 0 if all rows are the same.
    series_spread : float
        `spread` of the series themselves, with padding as 0; 1 if an embedding was given.
    uniformity : float
        `uniformity`. Lower values are more even.
    alignment : float or None
        `alignment` of two views. Lower values are nearer. None without views.
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
        """The `normalized_std` of features of mean 0 and equal variance, 1 / sqrt(d)."""
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


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CollapseReport(ShownAsText):
    """The health of the embeddings of a transformer; ``print(report)`` shows it as text.

    Attributes
    ----------
    features : EmbeddingReport
        The features, which `transform` returns.
    projections : EmbeddingReport or None
        The projections, which the loss compares; None without a projector.
    n_steps : int or None
        Number of optimiser steps taken; None without a net.
    loss : float or None
        Training loss of the last epoch; None without training.
    collapsed_loss : float or None
        The loss of a batch whose projections are all the same; None for methods where this loss tells nothing.
    """

    features: EmbeddingReport
    projections: EmbeddingReport | None
    n_steps: int | None
    loss: float | None
    collapsed_loss: float | None

    @property
    def verdict(self) -> str:
        """The first true one of "collapse", "not trained", "dimensional collapse" and "healthy"."""
        found = {one.verdict for one in self._embeddings().values()}
        if COLLAPSE in found:
            return COLLAPSE
        if self.n_steps == 0 or self._loss_tells_nothing_apart():
            return NOT_TRAINED
        return DIMENSIONAL if DIMENSIONAL in found else HEALTHY

    @property
    def advice(self) -> str:
        """What to try next."""
        if self.verdict == NOT_TRAINED and self.n_steps == 0:
            return UNTRAINED
        where = " and ".join(name for name, one in self._embeddings().items() if one.verdict == self.verdict)
        return ADVICE[self.verdict].format(where=where, loss=self.loss, collapsed_loss=self.collapsed_loss)

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers as a table, one row for the features and one for the projections.

        Returns
        -------
        pandas.DataFrame
            One column for every attribute of `EmbeddingReport` except `singular_values`, and the verdict.
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

    def __repr__(self) -> str:
        return f"<CollapseReport: {self.verdict}, {self.features.n_cases} series>"

    def _embeddings(self) -> dict[str, EmbeddingReport]:
        both = {"features": self.features, "projections": self.projections}
        return {name: one for name, one in both.items() if one is not None}

    def _loss_tells_nothing_apart(self) -> bool:
        return self.loss is not None and self.collapsed_loss is not None and self.loss >= self.collapsed_loss


def collapse_report(
    transformer: Any, X: Any, *, augmentation: Any = None, max_cases: int | None = 10_000, random_state: Any = 0
) -> CollapseReport:
    r"""Tell whether the features of a transformer, or the projections behind them, collapsed.

    ======================  =========================================================================================
    verdict                 when
    ======================  =========================================================================================
    "collapse"              the `spread` of features or projections is at most 0.001 of the spread of the series, or at
                            most 1e-12, the rounding of float32
    "not trained"           no step was taken, or the last training loss is not below the loss of projections that are
                            all the same
    "dimensional collapse"  the effective rank r of features or projections is below
                            :math:`1 + 0.1\, (\min(n - 1, d) - 1)`
    "healthy"               none of these
    ======================  =========================================================================================

    The first verdict that is true counts. Scale the series first: series far from 0 have a small spread themselves,
    which is why both spreads are compared. The number of series limits the effective rank, so give more series than
    there are features if you can.

    Parameters
    ----------
    transformer : estimator or None
        A fitted transformer, a Pipeline that has one, or a net in training; it is left as it is. None if `X` is an
        embedding.
    X : array or list of arrays
        Two or more series; or, with ``transformer=None``, an embedding of shape (n_cases, n_features).
    augmentation : Augmentation, default=None
        Makes the views for `alignment`. None takes the transformer's own augmentation, if it has one.
    max_cases : int or None, default=10000
        Largest number of series in the report. If there are more, they are chosen at random. None takes all.
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
    check_whole_number("max_cases", max_cases, least=2, none=True)
    seed = draw_seed(random_state)
    representation = Representation.of(transformer)
    if augmentation is not None or representation.makes_views:
        augmentation = representation.augmentation(augmentation)
    if transformer is None:
        X = representation.embed(X)  # every row is checked, also those that are not chosen
    if n_cases_of(X) < 2:
        raise ValueError(f"Collapse shows in how series differ: give two or more, got {n_cases_of(X)}.")
    return _report(representation, some_cases(X, max_cases, seed), augmentation, seed)


def _report(representation: Representation, X: Any, augmentation: Any, seed: int) -> CollapseReport:
    net = representation.net
    series_spread = _spread_of_series(representation, X)
    has_projector = net is not None and hasattr(net.module_, "projections")

    def report_on(space: str) -> EmbeddingReport:
        views = _two_views(representation, X, augmentation, space, seed)
        return _embedding_report(representation.embed(X, space), views, series_spread, seed)

    return CollapseReport(
        features=report_on("features"),
        projections=report_on("projections") if has_projector else None,
        n_steps=None if net is None else net.steps_,
        loss=None if net is None else _last_loss(net.history),
        collapsed_loss=getattr(representation.transformer, "collapsed_loss_", None),
    )


def _last_loss(history: Any) -> float | None:
    losses = [epoch["train_loss"] for epoch in history if "train_loss" in epoch]
    return losses[-1] if losses else None


def _embedding_report(H: np.ndarray, views: np.ndarray | None, series_spread: float, seed: int) -> EmbeddingReport:
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
    if augmentation is None:
        return None
    return representation.embed_views(X, 2, augmentation=augmentation, space=space, random_state=seed)


def _spread_of_series(representation: Representation, X: Any) -> float:
    if representation.transformer is None:
        return 1.0
    values = representation.collection(X).values
    return spread(np.nan_to_num(values.reshape(len(values), -1)))
