from typing import Any, Self

import numpy as np
import pandas as pd

from sklearn_ssl.evaluation import Representation
from sklearn_ssl.plotting._canvas import legend_width, line_styles, named, place_legend, stacked_axes

LOSSES = ("train_loss", "valid_loss")
BOOKKEEPING = ("epoch", "dur", "train_batch_count", "valid_batch_count")
MARKED_EPOCHS = 30
WIDE = 20  # the axis is logarithmic if the largest loss is more than so many times the smallest


class TrainingCurveDisplay:
    """The loss of every epoch, and the scores that callbacks recorded during training.

    The upper panel has the training loss and, if some series were split off, the validation loss. A dashed line shows
    the loss of a batch whose projections are all the same (`collapsed_loss_`). The axis is logarithmic if all losses
    are positive and the largest is more than 20 times the smallest. Every score that a callback recorded in the net's
    history has a panel of its own below. Epoch 0 is the score of the untrained net, if the callback computed it.

    Losses of different methods have different units: compare their shapes, not their heights.

    Parameters
    ----------
    histories : dict of str to DataFrame
        The record of each training, with one row per epoch. The index counts epochs from 1; row 0 has scores before
        training. The columns are "train_loss", "valid_loss" if there is a validation loss, and the scores.
    collapsed_losses : dict of str to float, default=None
        Loss of a batch whose projections are all the same, for trainings of methods where this loss tells something.

    Attributes
    ----------
    scores : list of str
        Names of the scores that are drawn.
    lines_ : dict of (str, str) to matplotlib Line2D
        The curves, by training and column.
    collapsed_lines_ : dict of str to matplotlib Line2D
        The dashed lines, by training.
    ax_ : matplotlib Axes
        The panel of the losses.
    axes_ : ndarray of matplotlib Axes
        All panels.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from sklearn_ssl import SimCLRTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.plotting import TrainingCurveDisplay
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> simclr = SimCLRTransformer(max_epochs=3, random_state=0).fit(X)
    >>> display = TrainingCurveDisplay.from_estimator(simclr)
    >>> display.ax_.get_ylabel()
    'loss'
    """

    def __init__(self, histories: dict[str, pd.DataFrame], *, collapsed_losses: dict[str, float] | None = None) -> None:
        self.histories = histories
        self.collapsed_losses = collapsed_losses

    @property
    def scores(self) -> list[str]:
        """Names of the recorded scores, in the order of their first appearance."""
        columns = [column for history in self.histories.values() for column in history if column not in LOSSES]
        return list(dict.fromkeys(columns))

    @property
    def _several(self) -> bool:
        return len(self.histories) > 1

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> Self:
        """Draw the training of one transformer or of several.

        Parameters
        ----------
        estimator : estimator or dict of str to estimator
            A fitted transformer, a Pipeline with one, or several by name.
        ax : matplotlib Axes or array of them, default=None
            Where to draw: one for the losses alone, or one for each panel. None makes a new figure.

        Returns
        -------
        TrainingCurveDisplay
            The picture.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If a transformer is not fitted.
        ValueError
            If nothing was trained.
        """
        histories, collapsed_losses = {}, {}
        for name, each in named(estimator, "", "estimator").items():
            representation = Representation.of(each)
            name = name or representation.name
            histories[name] = _history(representation)
            collapsed = getattr(representation.transformer, "collapsed_loss_", None)
            if collapsed is not None:
                collapsed_losses[name] = float(collapsed)
        return cls(histories, collapsed_losses=collapsed_losses).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            Where to draw: one for the losses alone, or one for each panel. None makes a new figure.

        Returns
        -------
        TrainingCurveDisplay
            This picture.

        Raises
        ------
        ValueError
            If there is no history, or another number of axes is given.
        """
        if not self.histories:
            raise ValueError("`histories` is empty. Give at least one name with its DataFrame.")
        scores = self.scores if ax is None or np.size(np.array(ax, dtype=object)) > 1 else []
        axes = self._panels(ax, [2, *[1] * len(scores)])
        self.lines_: dict[tuple[str, str], Any] = {}
        self.collapsed_lines_: dict[str, Any] = {}
        for name, look in line_styles(self.histories).items():
            style = {**look, "linestyle": "-", "markersize": 4}  # the line style tells training from validation
            self._draw_losses(axes[0], name, style)
            for panel, score in zip(axes[1:], scores, strict=True):
                self._draw_score(panel, name, score, style)
        self._label(axes, scores)
        self.ax_, self.axes_, self.figure_ = axes[0], axes, axes[0].figure
        return self

    def _panels(self, ax: Any, heights: list[int]) -> np.ndarray:
        size = (7 + self._legend_width(), 2 + 1.7 * len(heights))
        return stacked_axes(self, ax, len(heights), figsize=size, gridspec_kw={"height_ratios": heights})

    def _draw_losses(self, ax: Any, name: str, style: dict) -> None:
        for column, kind, line in zip(LOSSES, ("training", "validation"), ("-", ":"), strict=True):
            if column in self.histories[name]:
                self._draw(ax, name, column, {**style, "linestyle": line, "label": self._entry(name, kind)})
        collapsed = (self.collapsed_losses or {}).get(name)
        if collapsed is not None:
            self._draw_collapsed_loss(ax, name, collapsed, style)

    def _draw_collapsed_loss(self, ax: Any, name: str, collapsed: float, style: dict) -> None:
        label = f"{name}, collapsed" if self._several else "all projections the same"
        # With several trainings, each line has its marker at both ends, so that no colour is needed.
        own = {**style, "clip_on": False} if self._several else {"color": "0.35"}
        dashed = {**own, "linestyle": "--", "linewidth": 1.2, "label": label}
        self.collapsed_lines_[name] = ax.axhline(collapsed, **dashed)

    def _draw_score(self, ax: Any, name: str, score: str, style: dict) -> None:
        if score in self.histories[name]:
            self._draw(ax, name, score, {**style, "label": name})

    def _draw(self, ax: Any, name: str, column: str, style: dict) -> None:
        recorded = self.histories[name][column].dropna()
        every = max(1, len(recorded) // MARKED_EPOCHS)
        self.lines_[name, column] = ax.plot(recorded.index, recorded, markevery=every, **style)[0]

    def _legend_width(self) -> float:
        entries = [self._entry(name, "validation") for name in self.histories]
        return legend_width(entries) if self._several else 0.0

    def _entry(self, name: str, kind: str) -> str:
        return f"{name}, {kind}" if self._several else kind

    def _label(self, axes: np.ndarray, scores: list[str]) -> None:
        from matplotlib.ticker import MaxNLocator

        for ax, label in zip(axes, ["loss", *scores], strict=True):
            ax.set_ylabel(label)
            ax.grid(alpha=0.3)
        axes[-1].set_xlabel("epoch")
        axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
        self._label_losses(axes[0])

    def _label_losses(self, ax: Any) -> None:
        if self._spans_magnitudes():
            ax.set_yscale("log")
        place_legend(ax, outside=self._several)
        if not self._several:
            ax.set_title(next(iter(self.histories)))

    def _spans_magnitudes(self) -> bool:
        drawn = [line.get_ydata() for (_, column), line in self.lines_.items() if column in LOSSES]
        losses = np.concatenate([*drawn, list((self.collapsed_losses or {}).values())])
        return bool(losses.min() > 0 and losses.max() > WIDE * losses.min())


def _history(representation: Representation) -> pd.DataFrame:
    net = representation.net
    if net is None or not len(net.history):
        raise ValueError(
            f"{representation.name} has no training to draw. Give a transformer that was trained for one epoch or more."
        )
    rows = [{key: value for key, value in epoch.items() if _is_curve(key, value)} for epoch in net.history]
    history = pd.DataFrame(rows, index=pd.Index(net.history[:, "epoch"], name="epoch"), dtype=float)
    untrained = {name: score for name, score in _untrained_scores(net).items() if name in history}
    return history if not untrained else pd.concat([pd.DataFrame(untrained, index=[0]), history]).rename_axis("epoch")


def _untrained_scores(net: Any) -> dict[str, float]:
    scores = {getattr(one, "name", ""): getattr(one, "untrained_score_", None) for _, one in net.callbacks_}
    return {name: score for name, score in scores.items() if score is not None}


def _is_curve(key: str, value: Any) -> bool:
    is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.bool_))
    return is_number and key not in BOOKKEEPING
