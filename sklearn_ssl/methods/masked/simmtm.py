"""SimMTM."""

from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import SeriesMixingArchitecture
from sklearn_ssl.base import MaskedTransformer, number, recipe
from sklearn_ssl.losses import simmtm_loss
from sklearn_ssl.masking import GeometricMasking
from sklearn_ssl.projectors import MLPProjector


@final
class SimMTMTransformer(MaskedTransformer):
    r"""SimMTM: rebuild every series from the features of similar series, most of which are masked copies of it.

    V masked copies of each of the B series of a batch are made. All N = (V + 1) B rows are encoded to maps h and
    projected to z. With :math:`s_{ab} = \cos(z_a, z_b) / \tau`, a linear map turns

    .. math:: \tilde h_i = \sum_{b \ne i} \operatorname{softmax}_{b \ne i}(s_{ib}) \, h_b

    into the values :math:`\hat x_i` of each original series. Minimises

    .. math:: \sum_{k=1}^{2} \frac{\ell_k}{2 \sigma_k^2} + \log(1 + \sigma_k^2),

    with the contrast of rows of the same series P(a) against all others, and the reconstruction error,

    .. math::

        \ell_1 = -\frac{1}{N} \sum_a \sum_{b \in P(a)} \log \operatorname{softmax}_{b \ne a}(s_{ab}), \qquad
        \ell_2 = \operatorname{mean}_{i, c, t} (\hat x_{ict} - x_{ict})^2,

    and learnt scales :math:`\sigma_k` that start at 1. At each step of a map only series that are long enough take
    part. This follows the paper. The authors' code for classification rebuilds the masked copies instead, with the
    fill as target.

    Parameters
    ----------
    masking : Masking, default=None
        Draws the windows that are hidden. None is ``GeometricMasking(ratio=0.5)``.
    window : int or "auto", default=1
        Number of time steps of the windows that are hidden or seen as a whole.
    n_copies : int, default=3
        Number of masked copies V of each series.
    temperature : float, default=0.2
        :math:`\tau`.
    projector : MLPProjector, default=None
        Head between the pooled features and z. None is ``MLPProjector()``.

    See Also
    --------
    TSTTransformer : Hidden values are predicted from the series itself.

    References
    ----------
    Dong, J., Wu, H., Zhang, H., Zhang, L., Wang, J. and Long, M. (2023). SimMTM: a simple pre-training framework for
    masked time-series modeling. NeurIPS. https://arxiv.org/abs/2302.00861

    Examples
    --------
    >>> from sklearn_ssl import SimMTMTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> SimMTMTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    masking: Any = recipe(default_factory=partial(GeometricMasking, ratio=0.5), needs="hidden")
    window: int | str = 1
    n_copies: int = number(default=3, least=1, integer=True)
    temperature: float = number(default=0.2, above=0)
    projector: Any = recipe(default_factory=MLPProjector, needs="build")

    def _architecture(self):
        return self._masked(
            SeriesMixingArchitecture,
            n_copies=self.n_copies,
            projector=self.resolved("projector"),
            temperature=self.temperature,
        )

    def _loss(self):
        return partial(simmtm_loss, temperature=self.temperature)
