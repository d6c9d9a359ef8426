"""TNC."""

from functools import partial
from typing import final

from sklearn_ssl.architectures import NeighbourArchitecture
from sklearn_ssl.base import SSLTransformer, number
from sklearn_ssl.losses import tnc_loss


@final
class TNCTransformer(SSLTransformer):
    r"""TNC (temporal neighborhood coding): tell windows that are near in time from distant ones.

    From each series come M anchors of W steps. A near window begins :math:`\eta W \epsilon` steps later or earlier,
    with :math:`\epsilon` normally distributed. A distant window begins at least d W steps away. A discriminator D
    scores pairs of the windows' features. Minimises

    .. math::

        \tfrac{1}{2} \bigl( \operatorname{mean} [-\log D(z, z^+)]
        + \operatorname{mean} [-(1 - w) \log(1 - D(z, z^-)) - w \log D(z, z^-)] \bigr)

    over near pairs :math:`(z, z^+)` and distant ones :math:`(z, z^-)`. The small weight w, `similar`, says how often a
    distant window is alike too. A loss of :math:`\log 2` is chance level. It suits long recordings whose state changes
    slowly, and needs no augmentation. Series that all begin and end alike can be told apart by their place in time
    only.

    The neighbourhood has one width for all. The authors find one for each window by a test of stationarity. Their code
    also draws a figure for each window, and always puts the anchor first, although D is not symmetric; here the order
    is random. Where a series is too short for a distant window, it comes from another series of the batch.

    Parameters
    ----------
    window_ratio : float, default=0.1
        Share of the shortest series of a batch that a window covers, at least 4 steps.
    neighborhood : float, default=1.0
        :math:`\eta`.
    distance : float, default=5.0
        d.
    n_samples : int, default=5
        M. The authors take 20 to 40.
    similar : float, default=0.05
        w.
    dropout : float, default=0.5
        Share of the hidden values of the discriminator that are set to zero in training.

    References
    ----------
    Tonekaboni, S., Eytan, D. and Goldenberg, A. (2021). Unsupervised representation learning for time series with
    temporal neighborhood coding. ICLR. https://arxiv.org/abs/2106.00750

    Examples
    --------
    >>> from sklearn_ssl import TNCTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> TNCTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    window_ratio: float = number(default=0.1, above=0, most=1)
    neighborhood: float = number(default=1.0, least=0)
    distance: float = number(default=5.0, least=0)
    n_samples: int = number(default=5, least=1, integer=True)
    similar: float = number(default=0.05, least=0, most=1)
    dropout: float = number(default=0.5, least=0, below=1)

    def _architecture(self):
        names = ("window_ratio", "neighborhood", "distance", "n_samples", "dropout")
        return partial(NeighbourArchitecture, **{name: getattr(self, name) for name in names})

    def _loss(self):
        return partial(tnc_loss, similar=self.similar)
