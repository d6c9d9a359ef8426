"""The methods that predict later windows of a series."""

import abc

from sklearn_ssl.base import SSLTransformer, number


class WindowPredictingTransformer(SSLTransformer, abc.ABC):
    """A transformer that cuts series into windows and predicts the features of later windows from earlier ones.

    `transform` encodes the whole series. The encoder learns from windows, each by itself.

    Parameters
    ----------
    window : int or "auto", default="auto"
        Time steps of a window. Every series needs two windows. "auto" is a sixteenth of the shortest series of a batch,
        but at least 4 steps, and at most a third of that series.
    n_horizons : int, default=6
        K, the number of windows that are predicted. There are fewer where the series have fewer windows.
    context_width : int, default=100
        Number of features of the context, which sums up the earlier windows.
    """

    window: int | str = number(default="auto", least=1, integer=True, or_else=("auto",))
    n_horizons: int = number(default=6, least=1, integer=True)
    context_width: int = number(default=100, least=1, integer=True)

    def _windows(self):
        """Return what every architecture of these methods takes."""
        return {name: getattr(self, name) for name in ("window", "n_horizons", "context_width")}

    def _needed_steps(self):
        return (2, "") if self.window == "auto" else (2 * self.window, ", or lower `window`")
