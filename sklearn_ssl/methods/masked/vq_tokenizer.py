"""Vector-quantised tokenizer."""

from functools import partial
from typing import final

from sklearn_ssl.architectures import TokenizerArchitecture
from sklearn_ssl.base import Tokenizer
from sklearn_ssl.losses import vq_loss


@final
class VQTokenizer(Tokenizer):
    r"""Vector-quantised autoencoder: give each window one of K codes, and reconstruct the series from the codes.

    A linear map of the encoder's features of window t, divided by its length, is :math:`z_t`. The window has the code
    of the vector :math:`c_k` of the codebook that is nearest to it: :math:`q_t = \arg\max_k z_t^\top c_k`. A decoder
    of one transformer block predicts the values :math:`\hat x` from the vectors :math:`c_{q_t}` of all windows. It
    passes its gradient on to :math:`z_t`. Minimises

    .. math:: \frac{1}{N} \sum_j (\hat x_j - x_j)^2 + \beta \frac{1}{T} \sum_t \|z_t - \operatorname{sg} c_{q_t}\|^2,

    where j runs over the N observed values of the batch, t over its T windows, :math:`\beta` is `commitment`, and sg
    stops the gradient. In each step a vector moves towards the mean direction of the windows with its code, and
    `decay` says how much of it stays. The codebook starts from ten rounds of k-means. A code that next to no window has
    for a while becomes a random window. Without both, most codes would never be used.

    The tokenizer of BEiT is a discrete variational autoencoder, in which a window has a distribution over the codes,
    drawn from with noise, and a term that spreads the windows over all codes. This is its form without noise, which
    needs no schedule of temperatures. The codebook with unit vectors is that of BEiT v2, whose code divides the second
    term by the width of the vectors. There K is 8192.

    See Also
    --------
    DistilledTokenizer : Codes from which the features of a teacher can be predicted.
    BEiTTransformer : A masked method that predicts codes.

    References
    ----------
    van den Oord, A., Vinyals, O. and Kavukcuoglu, K. (2017). Neural discrete representation learning. NeurIPS.
    https://arxiv.org/abs/1711.00937

    Bao, H., Dong, L., Piao, S. and Wei, F. (2022). BEiT: BERT pre-training of image transformers. ICLR.
    https://arxiv.org/abs/2106.08254

    Peng, Z., Dong, L., Bao, H., Ye, Q. and Wei, F. (2022). BEiT v2: masked image modeling with vector-quantized visual
    tokenizers. https://arxiv.org/abs/2208.06366

    Examples
    --------
    >>> from sklearn_ssl import VQTokenizer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, n_timepoints=100, random_state=0)
    >>> tokenizer = VQTokenizer(n_codes=32, max_epochs=2, random_state=0).fit(X)
    >>> codes = tokenizer.tokenize(X)
    >>> codes.shape, bool(codes.max() < 32)
    ((20, 13), True)
    """

    def _architecture(self):
        return self._coded(TokenizerArchitecture)

    def _loss(self):
        return partial(vq_loss, commitment=self.commitment)
