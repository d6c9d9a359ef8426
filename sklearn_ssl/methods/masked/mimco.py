"""MimCo."""

from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import ContrastedTeacherArchitecture
from sklearn_ssl.base import MaskedTransformer, StagedTransformer, number, recipe
from sklearn_ssl.losses import mimco_loss
from sklearn_ssl.methods.joint_embedding.moco_v3 import MoCoV3Transformer


@final
class MimCoTransformer(MaskedTransformer, StagedTransformer):
    r"""MimCo: from masked series, find a contrastive teacher's features of each hidden window and of each series.

    The teacher is fitted first and then never changes. It sees whole series and gives features :math:`k_{it}` of
    window t of series i. The encoder sees the series with a learnt value per channel at hidden steps. A linear map of
    its last layer gives :math:`r_{it}`. The means over the observed windows of a series are :math:`\bar k_i` and
    :math:`\bar r_i`. Minimises

    .. math::

        \frac{1}{|H|} \sum_{(i, t) \in H} -\log \frac{\exp(\cos(r_{it}, k_{it}) / \tau)}
        {\sum_{(j, s) \in H} \exp(\cos(r_{it}, k_{js}) / \tau)}
        + \frac{1}{n} \sum_i -\log \frac{\exp(\cos(\bar r_i, \bar k_i) / \tau)}
        {\sum_j \exp(\cos(\bar r_i, \bar k_j) / \tau)}

    over the hidden windows H of the batch and its n series. If more than 1,024 windows are hidden, H is a random part
    of so many. Neighbouring windows of a smooth series are nearly equal, and they are negatives all the same. It takes
    every encoder that gives features per time step or window.

    The paper is known to us by its abstract and by reviews; its code is not public. That the teacher is contrastive and
    frozen, and that there is a loss of patches and one of images, is the paper's. The number of negatives, the
    temperature and the equal weights are ours. So is that the teacher learns from the same series.

    Parameters
    ----------
    teacher : transformer, default=None
        Gives the features. It is cloned, and the clone is fitted to the same series first. Its encoder, if that is
        None, is as here. Otherwise one step of the teacher's encoder must cover as many time steps as a window, or
        for a part of them. A fitted transformer in `sklearn.frozen.FrozenEstimator` is used as it is. None is
        ``MoCoV3Transformer()``.
    temperature : float, default=0.2
        :math:`\tau`.

    Attributes
    ----------
    teacher_ : transformer
        The fitted teacher. Training does not change it.

    See Also
    --------
    Data2VecTransformer : The teacher is a moving average of the encoder.
    BEiTTransformer : Codes of windows are predicted, in two stages too.

    References
    ----------
    Zhou, Q., Yu, C., Luo, H., Wang, Z. and Li, H. (2022). MimCo: masked image modeling pre-training with contrastive
    teacher. ACM Multimedia. https://arxiv.org/abs/2209.03063

    Examples
    --------
    >>> from sklearn_ssl import MimCoTransformer, MoCoV3Transformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> mimco = MimCoTransformer(teacher=MoCoV3Transformer(max_epochs=1), max_epochs=1, random_state=0)
    >>> mimco.fit_transform(X).shape
    (20, 768)
    """

    _stages = ("teacher",)

    teacher: Any = recipe(default_factory=MoCoV3Transformer, needs="fit")
    temperature: float = number(default=0.2, above=0)

    def _architecture(self):
        return self._masked(ContrastedTeacherArchitecture, **self._fitted_modules())

    def _loss(self):
        return partial(mimco_loss, temperature=self.temperature)
