from typing import Any, Self

import numpy as np
import pandas as pd

from sklearn_ssl.plotting._canvas import pyplot

TESTS = ("wilcoxon", "nemenyi")
SCALE_INCHES = 4.0
INCHES_PER_RANK = 0.25  # at least, so that the numbers of the scale stay apart
LABEL_SIZE = 11
INCHES_PER_CHARACTER = 0.1
NEMENYI_LEVELS = (0.01, 0.05, 0.1)


class CriticalDifferenceDisplay:
    r"""Mean ranks of methods over data sets, bars joining those that do not differ significantly.

    On each of N data sets the k methods are ranked, 1 the best, ties sharing their mean rank. The mean rank of
    method j is :math:`R_j = \frac{1}{N} \sum_{i=1}^{N} r_i^j`. Friedman's test asks whether the methods differ at all;
    if it does not say so, one bar joins all of them. Otherwise pairs are compared by Wilcoxon's signed-rank test with
    Holm's correction, or by Nemenyi's test. The diagram and the tests are those of
    ``aeon.visualisation.plot_critical_difference``, which makes a figure of its own: no axes can be given.

    Parameters
    ----------
    scores : DataFrame of shape (n_sets, n_methods)
        Scores, a row for each data set and a column for each method.
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
            Scores, a row for each data set and a column for each method.
        lower_better : bool, default=False
            Whether low scores are good, as for errors.
        test : {"wilcoxon", "nemenyi"}, default="wilcoxon"
            How pairs are compared.
        alpha : float, default=0.05
            Level of significance; 0.01, 0.05 or 0.1 for "nemenyi".

        Returns
        -------
        CriticalDifferenceDisplay
            The picture.

        Raises
        ------
        TypeError
            If `scores` is no DataFrame.
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
            How pairs are compared.
        alpha : float, default=0.05
            Level of significance; 0.01, 0.05 or 0.1 for "nemenyi".

        Returns
        -------
        CriticalDifferenceDisplay
            This picture.

        Raises
        ------
        TypeError
            If `scores` is no DataFrame.
        ValueError
            If there are fewer than three methods or two data sets, if scores are missing or all the same, or if
            `test` or `alpha` is out of range.
        """
        _check_scores(self.scores)
        _check_test(test, alpha)
        pyplot(self)
        from aeon.visualisation import plot_critical_difference

        names = [str(name) for name in self.scores.columns]
        scale = max(SCALE_INCHES, INCHES_PER_RANK * (len(names) - 1))
        textspace = max(map(len, names)) * INCHES_PER_CHARACTER + 0.3 + scale / 8
        self.figure_, self.ax_ = plot_critical_difference(
            self.scores.to_numpy(dtype=float),
            names,
            lower_better=self.lower_better,
            test=test,
            alpha=alpha,
            width=2 * textspace + scale,
            textspace=textspace,
        )
        for text in self.ax_.texts:
            if text.get_text() in names:
                text.set_fontsize(LABEL_SIZE)
        self._name_the_scale()
        return self

    def _name_the_scale(self) -> None:
        # aeon hides the axis: the scale is its uppermost line that is level, and y grows downwards.
        level = [line for line in self.ax_.lines if np.ptp(line.get_ydata()) == 0]
        scale = min(level, key=lambda line: line.get_ydata()[0])
        left, height = np.min(scale.get_xdata()), scale.get_ydata()[0]
        self.ax_.text(left - 0.02, height, "mean rank", ha="right", va="center", fontsize=LABEL_SIZE)


def _check_scores(scores: Any) -> None:
    if not isinstance(scores, pd.DataFrame):
        raise TypeError(
            f"`scores` must be a DataFrame with a row for each data set and a column for each method, got {scores!r}."
        )
    n_sets, n_methods = scores.shape
    if n_methods < 3 or n_sets < 2:
        raise ValueError(
            f"`scores` must have at least two data sets (rows) and three methods (columns), got shape {scores.shape}. "
            "Two methods are compared by scipy.stats.wilcoxon."
        )
    wrong = [str(name) for name, kind in scores.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
    if wrong:
        raise ValueError(f"`scores`: the column {wrong[0]!r} is not numeric. Make the names of data sets the index.")
    values = scores.to_numpy(dtype=float)
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise ValueError(
            f"`scores`: {scores.columns[column]!r} has no finite score on {scores.index[row]!r}. Compare methods on "
            "the data sets that all of them have."
        )
    if (values == values[:, :1]).all():
        raise ValueError("`scores`: all methods score the same on every data set, there is nothing to rank.")


def _check_test(test: Any, alpha: Any) -> None:
    if test not in TESTS:
        raise ValueError(f'`test` must be "wilcoxon" or "nemenyi", got {test!r}.')
    if not 0 < alpha < 1 or (test == "nemenyi" and alpha not in NEMENYI_LEVELS):
        allowed = "0.01, 0.05 or 0.1" if test == "nemenyi" else "between 0 and 1"
        raise ValueError(f"`alpha` must be {allowed} for this test, got {alpha!r}.")
