from typing import Any, Self

import numpy as np
import pandas as pd

from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.plotting._canvas import pyplot

TESTS = ("wilcoxon", "nemenyi")
SCALE_INCHES = 4.0
INCHES_PER_RANK = 0.25  # at least, so that the numbers of the scale do not overlap
LABEL_SIZE = 11
INCHES_PER_CHARACTER = 0.1
NEMENYI_LEVELS = (0.01, 0.05, 0.1)


class CriticalDifferenceDisplay:
    r"""Mean ranks of methods over data sets, with bars that join methods which do not differ significantly.

    On each of N data sets the methods are ranked. Rank 1 is the best, and ties share their mean rank. The mean rank of
    method j is :math:`R_j = \frac{1}{N} \sum_{i=1}^{N} r_{ij}` with :math:`r_{ij}` its rank on data set i. Friedman's
    test decides whether the methods differ at all; if they do not, one bar joins all of them. Otherwise pairs are
    compared by Wilcoxon's signed-rank test with Holm's correction, or by Nemenyi's test. The function
    ``aeon.visualisation.plot_critical_difference`` runs the tests and draws the diagram. It makes a figure of its own,
    so no axes can be given.

    Parameters
    ----------
    scores : DataFrame of shape (n_sets, n_methods)
        Scores, with one row per data set and one column per method.
    lower_better : bool, default=False
        Whether low scores are good, as for errors.

    Attributes
    ----------
    ranks : DataFrame of shape (n_sets, n_methods)
        Rank of each method on each data set.
    mean_ranks : Series of shape (n_methods,)
        Mean rank of each method, the best first.
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.

    References
    ----------
    Demšar, "Statistical Comparisons of Classifiers over Multiple Data Sets", Journal of Machine Learning Research 7,
    2006.

    Benavoli, Corani and Mangili, "Should We Really Use Post-Hoc Tests Based on Mean-Ranks?", Journal of Machine
    Learning Research 17, 2016.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_ssl.plotting import CriticalDifferenceDisplay
    >>> scores = pd.DataFrame(
    ...     {"VICReg": [0.9, 0.8, 0.7, 0.9], "SimCLR": [0.8, 0.9, 0.6, 0.8], "untrained": [0.7, 0.6, 0.5, 0.7]}
    ... )
    >>> display = CriticalDifferenceDisplay.from_scores(scores)
    >>> display.mean_ranks.to_dict()
    {'VICReg': 1.25, 'SimCLR': 1.75, 'untrained': 3.0}
    """

    def __init__(self, scores: pd.DataFrame, *, lower_better: bool = False) -> None:
        self.scores = scores
        self.lower_better = lower_better

    @property
    def ranks(self) -> pd.DataFrame:
        """Rank of each method on each data set, 1 the best."""
        return self.scores.rank(axis=1, ascending=self.lower_better)

    @property
    def mean_ranks(self) -> pd.Series:
        """Mean rank of each method, the best first."""
        return self.ranks.mean().sort_values(kind="stable")

    @classmethod
    def from_scores(
        cls, scores: Any, *, lower_better: bool = False, test: str = "wilcoxon", alpha: float = 0.05
    ) -> Self:
        """Draw the comparison of methods over data sets.

        Parameters
        ----------
        scores : DataFrame of shape (n_sets, n_methods)
            Scores, with one row per data set and one column per method.
        lower_better : bool, default=False
            Whether low scores are good, as for errors.
        test : {"wilcoxon", "nemenyi"}, default="wilcoxon"
            The test that compares pairs.
        alpha : float, default=0.05
            Level of significance. "nemenyi" allows 0.01, 0.05 and 0.1 only.

        Returns
        -------
        CriticalDifferenceDisplay
            The picture.

        Raises
        ------
        TypeError
            If `scores` is not a DataFrame.
        ValueError
            If there are fewer than three methods or two data sets, if scores are missing or all the same, or if
            `test` or `alpha` is out of range.
        """
        return cls(scores, lower_better=lower_better).plot(test=test, alpha=alpha)

    def plot(self, *, test: str = "wilcoxon", alpha: float = 0.05) -> Self:
        """Draw the diagram in a new figure.

        Parameters
        ----------
        test : {"wilcoxon", "nemenyi"}, default="wilcoxon"
            The test that compares pairs.
        alpha : float, default=0.05
            Level of significance. "nemenyi" allows 0.01, 0.05 and 0.1 only.

        Returns
        -------
        CriticalDifferenceDisplay
            This picture.

        Raises
        ------
        TypeError
            If `scores` is not a DataFrame.
        ValueError
            If there are fewer than three methods or two data sets, if scores are missing or all the same, or if
            `test` or `alpha` is out of range.
        """
        _check_scores(self.scores)
        _check_test(test, alpha)
        pyplot(self)
        names = [str(name) for name in self.scores.columns]
        self.figure_, self.ax_ = self._diagram(names, test=test, alpha=alpha)
        for text in self.ax_.texts:
            if text.get_text() in names:
                text.set_fontsize(LABEL_SIZE)
        self._name_the_scale()
        return self

    def _diagram(self, names: list[str], **compared: Any) -> tuple[Any, Any]:
        from aeon.visualisation import plot_critical_difference

        scale = max(SCALE_INCHES, INCHES_PER_RANK * (len(names) - 1))
        textspace = max(map(len, names)) * INCHES_PER_CHARACTER + 0.3 + scale / 8
        compared |= {"lower_better": self.lower_better, "width": 2 * textspace + scale, "textspace": textspace}
        return plot_critical_difference(self.scores.to_numpy(dtype=float), names, **compared)

    def _name_the_scale(self) -> None:
        # aeon hides the axis and draws a scale: the uppermost horizontal line. Here y grows downwards.
        level = [line for line in self.ax_.lines if np.ptp(line.get_ydata()) == 0]
        scale = min(level, key=lambda line: line.get_ydata()[0])
        left, height = np.min(scale.get_xdata()), scale.get_ydata()[0]
        self.ax_.text(left - 0.02, height, "mean rank", ha="right", va="center", fontsize=LABEL_SIZE)


def _check_scores(scores: Any) -> None:
    if not isinstance(scores, pd.DataFrame):
        raise TypeError(
            f"`scores` must be a DataFrame with one row per data set and one column per method, got {shown(scores)}."
        )
    n_sets, n_methods = scores.shape
    if n_methods < 3 or n_sets < 2:
        raise ValueError(
            f"`scores` must have at least two data sets (rows) and three methods (columns), got shape {scores.shape}. "
            "To compare two methods, use scipy.stats.wilcoxon."
        )
    _check_values(scores)


def _check_values(scores: pd.DataFrame) -> None:
    wrong = [str(name) for name, kind in scores.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
    if wrong:
        raise ValueError(
            f"`scores`: the column {shown(wrong[0])} is not numeric. Make the names of data sets the index."
        )
    values = scores.to_numpy(dtype=float)
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise ValueError(
            f"`scores`: {shown(scores.columns[column])} has no finite score on {shown(scores.index[row])}. Compare "
            "methods on the data sets that all of them have."
        )
    if (values == values[:, :1]).all():
        raise ValueError("`scores`: all methods score the same on every data set, so there is nothing to rank.")


def _check_test(test: Any, alpha: Any) -> None:
    if test not in TESTS:
        raise ValueError(f'`test` must be "wilcoxon" or "nemenyi", got {shown(test)}.')
    if not 0 < alpha < 1 or (test == "nemenyi" and alpha not in NEMENYI_LEVELS):
        allowed = "0.01, 0.05 or 0.1" if test == "nemenyi" else "between 0 and 1"
        raise ValueError(f"`alpha` must be {allowed} for this test, got {shown(alpha)}.")
