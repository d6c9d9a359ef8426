"""The methods that compare many windows of every series."""

import abc

from sklearn_ssl.architectures import WindowArchitecture
from sklearn_ssl.base import JointEmbeddingTransformer, number


class WindowedTransformer(JointEmbeddingTransformer, abc.ABC):
    r"""A transformer that compares windows of a series with their mean, and keeps a high coding rate.

    Parameters
    ----------
    n_windows : int, default=4
        V, at least 2. The paper uses 20 and more.
    window_ratio : float, default=0.5
        Share of a series that a window covers. A step costs ``n_windows * window_ratio`` passes through the encoder.
    invariance : float, default=200.0
        :math:`\lambda`, the weight of the agreement between the windows of a series.
    epsilon : float, default=0.2
        :math:`\epsilon`, the squared error that the coding rate R allows.
    """

    n_windows: int = number(default=4, least=2, integer=True)
    window_ratio: float = number(default=0.5, above=0, most=1)
    invariance: float = number(default=200.0, least=0)
    epsilon: float = number(default=0.2, above=0)

    def _architecture(self):
        return self._with_views(WindowArchitecture, n_views=self.n_windows, window_ratio=self.window_ratio)
