"""data2vec."""

from functools import partial
from typing import Any, final

from sklearn_ssl.architectures import TeacherTargetArchitecture
from sklearn_ssl.base import MaskedTransformer, number, recipe
from sklearn_ssl.losses import masked_smooth_l1_loss
from sklearn_ssl.masking import BlockMasking


@final
class Data2VecTransformer(MaskedTransformer):
    r"""data2vec: predict from a masked series the features that a teacher gives to the whole series.

    The encoder sees the series with a learnt value per channel at hidden steps. A linear map of its last layer predicts
    the features of hidden windows. The teacher, a moving average of the encoder, sees the whole series. Minimises

    .. math::

        \frac{1}{|H| D} \sum_{(i, t) \in H} \sum_d s(\hat y_{itd} - y_{itd}), \qquad
        y_{it} = \frac{1}{K} \sum_{l \in \text{top } K} \operatorname{norm}(a^{(l)}_i)_t,

    where H are the hidden windows t of the series i, :math:`\hat y` are the predictions, :math:`a^{(l)}_{it}` are the D
    features of a window in layer l of the teacher, and s is the smooth absolute error,
    :math:`s(e) = e^2 / (2 \beta)` for :math:`|e| \le \beta` and :math:`|e| - \beta / 2` above. norm gives each feature
    the mean 0 and the variance 1 over the observed windows of its series. Without it all targets could become equal.
    Before every step the teacher's weights :math:`\theta'` follow the weights :math:`\theta` of the encoder,
    :math:`\theta' \leftarrow m \theta' + (1 - m) \theta`, and m grows linearly.

    It takes every encoder that gives features per time step or window. Series with fewer than three windows are no
    targets, since two normalised windows are always at -1 and 1.

    The normalisation is that of the paper for speech; for images each window is normalised over its features. The
    paper averages the outputs of feed-forward parts before they are added to their inputs, and the layers' outputs are
    averaged here. Its code adds the errors of the D features and divides them by :math:`\sqrt D`, which makes the loss
    larger by that factor. The paper takes :math:`\beta = 2` for images and squared errors for speech. Its momenta,
    0.999 to 0.9999, belong to 100,000 steps. The defaults here belong to a few hundred.

    Parameters
    ----------
    masking : Masking, default=None
        Draws the windows that are hidden. None is ``BlockMasking(mean_length=3)``, which hides half of the windows.
    n_layers : int, default=8
        K, or all layers if the encoder has fewer. Only layers with as many features and time steps as the last one are
        counted.
    beta : float, default=1.0
        :math:`\beta`, the error above which the loss is linear.
    momentum : float, default=0.99
        m at the start of training, the share of the teacher's weights that stays in each step.
    final_momentum : float, default=0.999
        m at the end of training. If it is below `momentum`, m is constant.

    See Also
    --------
    SdAETransformer : The teacher sees hidden windows only.
    IBOTTransformer : The teacher assigns windows to prototypes.

    References
    ----------
    Baevski, A., Hsu, W.-N., Xu, Q., Babu, A., Gu, J. and Auli, M. (2022). data2vec: a general framework for
    self-supervised learning in speech, vision and language. ICML. https://arxiv.org/abs/2202.03555

    Examples
    --------
    >>> from sklearn_ssl import Data2VecTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> Data2VecTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    masking: Any = recipe(default_factory=partial(BlockMasking, mean_length=3), needs="hidden")
    n_layers: int = number(default=8, least=1, integer=True)
    beta: float = number(default=1.0, above=0)
    momentum: float = number(default=0.99, least=0, most=1)
    final_momentum: float = number(default=0.999, least=0, most=1)

    def _architecture(self):
        return self._masked(
            TeacherTargetArchitecture,
            n_layers=self.n_layers,
            momentum=self.momentum,
            final_momentum=self.final_momentum,
            schedule="linear",
        )

    def _loss(self):
        return partial(masked_smooth_l1_loss, beta=self.beta)
