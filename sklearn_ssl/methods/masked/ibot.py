"""iBOT."""

from functools import partial
from typing import final

from sklearn_ssl.architectures import MaskedTeacherArchitecture
from sklearn_ssl.losses import ibot_loss
from sklearn_ssl.methods.masked._masked_views import MaskedViewsTransformer


@final
class IBOTTransformer(MaskedViewsTransformer):
    r"""iBOT: from masked views, predict the prototypes to which a teacher assigns the whole views and their windows.

    Two augmented views of a series go through the encoder, with a learnt value per channel at hidden steps. The
    teacher, its moving average, sees the views as they are. Scores are the cosine similarities of a projection to K
    learnt prototypes. Projector and prototypes serve series and windows. Minimises the sum of DINO's loss, which
    compares each view with the teacher's other view, and of the mean over both views and all series i of

    .. math::

        \frac{1}{\max(|H_i|, 1)} \sum_{t \in H_i} \sum_k -Q_{itk} \log \operatorname{softmax}_k(s_{it} / \tau_s),
        \qquad Q_{itk} = \operatorname{softmax}_k\bigl((g_{it} - c') / \tau_w\bigr),

    where :math:`H_i` are the hidden windows t of a view, :math:`s_{it}` and :math:`g_{it}` are the scores of the window
    by encoder and teacher, and the centre c' is the moving average of the teacher's scores of observed windows. In
    DINO's loss the teacher's temperature is :math:`\tau_t`, and the centre is that of its scores of series. Before each
    step the teacher's weights :math:`\theta'` follow the weights :math:`\theta` of encoder, projector and prototypes,
    :math:`\theta' \leftarrow m \theta' + (1 - m) \theta`, and m grows to 1 along a cosine. The prototypes do not learn
    during the first epoch, nor during the first quarter of the steps of `fit` if that is shorter.

    The features are those of the encoder, as in `DINOTransformer`; the authors evaluate the teacher. The authors begin
    with temperatures of 0.04 and raise them to 0.07 within 30 epochs. Here they stay as they are. They take 8,192
    prototypes, m from 0.996, and ten crops or none.

    See Also
    --------
    DINOTransformer : The first term alone.
    UticaTransformer : With a term that spreads the features.
    Data2VecTransformer : Features of the teacher are predicted, without prototypes and views.

    References
    ----------
    Zhou, J., Wei, C., Wang, H., Shen, W., Xie, C., Yuille, A. and Kong, T. (2022). iBOT: image BERT pre-training with
    online tokenizer. ICLR. https://arxiv.org/abs/2111.07832

    Examples
    --------
    >>> from sklearn_ssl import IBOTTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> IBOTTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    def _architecture(self):
        return self._of_masked_views(MaskedTeacherArchitecture)

    def _loss(self):
        return partial(ibot_loss, **self._temperatures())
