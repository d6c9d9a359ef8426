from typing import Any, Self

import numpy as np

from sklearn_ssl.evaluation import weight_change
from sklearn_ssl.plotting._canvas import one_axes, shades


class WeightChangeDisplay:
    """How far each stage of an encoder moved in fine-tuning: one bar per stage, with the lowest stage at the bottom.

    Parameters
    ----------
    change : WeightChange
        The result of `weight_change`.

    Attributes
    ----------
    bars_ : matplotlib BarContainer
        The bars.
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from sklearn_ssl import RandomEncoderTransformer, SSLClassifier
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.plotting import WeightChangeDisplay
    >>> X, y = make_waves(n_cases=40, random_state=0)
    >>> model = SSLClassifier(RandomEncoderTransformer(random_state=0), max_epochs=1, random_state=0).fit(X, y)
    >>> display = WeightChangeDisplay.from_estimator(model)
    >>> len(display.bars_)
    3
    """

    def __init__(self, change: Any) -> None:
        self.change = change

    @classmethod
    def from_estimator(cls, model: Any, *, ax: Any = None) -> Self:
        """Compare a fine-tuned model with its pretrained weights, and draw the result.

        Parameters
        ----------
        model : SSLClassifier, SSLRegressor or Pipeline that ends in one
            The fitted model.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        WeightChangeDisplay
            The picture.
        """
        return cls(weight_change(model)).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        WeightChangeDisplay
            This picture.
        """
        names = self.change.stages
        ax = one_axes(self, ax, figsize=(6.4, 1.2 + 0.4 * len(names)))
        shown = np.where(np.isfinite(self.change.relative), self.change.relative, np.nan)
        self.bars_ = ax.barh(np.arange(len(names)), shown, color=shades(1)[0])
        ax.bar_label(self.bars_, [f"{value:.2g}" for value in self.change.relative], padding=3)
        ax.set_yticks(np.arange(len(names)), names)
        ax.margins(x=0.12)
        ax.set(xlabel="relative change of the weights", ylabel="stage of the encoder")
        self.ax_, self.figure_ = ax, ax.figure
        return self
