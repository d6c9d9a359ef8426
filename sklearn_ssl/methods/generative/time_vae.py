"""TimeVAE."""

from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import VariationalArchitecture
from sklearn_ssl.base import BottleneckTransformer, GenerativeMixin, number, recipe
from sklearn_ssl.generators import TrendSeasonGenerator
from sklearn_ssl.losses import vae_loss


@final
class TimeVAETransformer(GenerativeMixin, BottleneckTransformer):
    r"""TimeVAE: rebuild series from random codes, and make new series of a trend, seasons and a residual.

    A small network turns the last map of the encoder for a series x into means :math:`\mu` and variances
    :math:`\sigma^2` of the code z of P numbers, and the generator g makes a series of z. Minimises

    .. math::

        \frac{1}{N} \Bigl( \sum_{i, c, t} \bigl( g(z_i)_{ct} - x_{ict} \bigr)^2 + \beta \sum_i
        D(\mathcal{N}(\mu_i, \sigma_i^2) \,\|\, \mathcal{N}(0, 1)) \Bigr)

    over the N observed values of a batch, with :math:`z_i \sim \mathcal{N}(\mu_i, \sigma_i^2)` and the
    Kullback-Leibler divergence D. `sample` makes series of codes z that
    are drawn from :math:`\mathcal{N}(0, 1)`. `embed` and `reconstruct` use :math:`\mu`. :math:`\log \sigma^2` is kept
    between -10 and 10.

    The authors' code has :math:`\beta = 1/3`. It also has in its loss the squared error of the mean over the channels,
    which is left out here, and an encoder of three convolutions. If samples are too much alike, lower `beta`, train
    longer, or set the periods of the seasons. Some thousand steps are usual: ``max_steps=2000``.

    Scale the series before, so that all channels count.

    Parameters
    ----------
    width : int, default=8
        Number of values P of a code.
    generator : generator, default=None
        Turns codes into series. None is ``TrendSeasonGenerator()``, which has no seasons unless it is told `periods`.
    beta : float, default=0.3
        Weight :math:`\beta` of the divergence. With 0 codes need not be normally distributed, and samples become poor.

    See Also
    --------
    AutoencoderTransformer : Codes are not random.

    References
    ----------
    Desai, A., Freeman, C., Wang, Z. and Beaver, I. (2021). TimeVAE: a variational auto-encoder for multivariate time
    series generation. https://arxiv.org/abs/2111.08095

    Kingma, D. P. and Welling, M. (2014). Auto-encoding variational Bayes. ICLR. https://arxiv.org/abs/1312.6114

    Examples
    --------
    >>> from sklearn_ssl import TimeVAETransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> transformer = TimeVAETransformer(max_epochs=1, random_state=0).fit(X)
    >>> X_new = transformer.sample(5, random_state=0)
    >>> X_new.shape[1:] == X.shape[1:]
    True
    """

    width: int = 8
    generator: Any = recipe(default_factory=TrendSeasonGenerator, needs="build")
    beta: float = number(default=0.3, least=0)

    def _architecture(self):
        return self._with_bottleneck(VariationalArchitecture)

    def _loss(self):
        return partial(vae_loss, beta=self.beta)
