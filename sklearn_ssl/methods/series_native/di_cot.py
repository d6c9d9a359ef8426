"""Di-COT."""

from functools import partial
from typing import final

from sklearn_ssl.architectures import DividedArchitecture
from sklearn_ssl.base import SSLTransformer, number
from sklearn_ssl.losses import dicot_loss


@final
class DiCOTTransformer(SSLTransformer):
    r"""Di-COT (divide and contrast): a block of a series is like the block before it, among the blocks of the series.

    A batch draws a number of blocks between 2 and M. Every series is cut into that many overlapping blocks, which are
    encoded in one pass. With :math:`z_k` the features of block k of N, minimises the mean over blocks and series of

    .. math:: -\log \frac{\exp(z_k \cdot z_{\max(k - 1, 1)} / \tau)}{\sum_{j=1}^{N} \exp(z_k \cdot z_j / \tau)}.

    Blocks that are all the same give :math:`\log N`, which changes from batch to batch. It needs neither augmentation
    nor projector, and the loss costs the same for any length. All comparisons are within a series.

    As the authors' code: the first block has itself as target, the products are not normalised, and the block itself is
    among the candidates, so that a block competes with itself. Features of blocks are the means of the encoder's last
    map. Lengths of blocks are rounded down. The authors round to the nearest number, which leaves a single block, and
    nothing to learn from, in some batches.

    Parameters
    ----------
    max_blocks : int, default=10
        M.
    overlap : float, default=0.5
        Share of a block that the next block has too.
    temperature : float, default=0.07
        :math:`\tau`.

    See Also
    --------
    TLossTransformer : Pieces of pieces, with negatives from other series.

    References
    ----------
    Shamba, A.-K., Bach, K. and Taylor, G. (2026). Divide and contrast: learning robust temporal features without
    augmentation. ICML. https://arxiv.org/abs/2605.21241

    Examples
    --------
    >>> from sklearn_ssl import DiCOTTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> DiCOTTransformer(max_epochs=1, random_state=0).fit_transform(X).shape
    (20, 768)
    """

    max_blocks: int = number(default=10, least=2, integer=True)
    overlap: float = number(default=0.5, least=0, below=1)
    temperature: float = number(default=0.07, above=0)

    def _architecture(self):
        return partial(DividedArchitecture, max_blocks=self.max_blocks, overlap=self.overlap)

    def _loss(self):
        return partial(dicot_loss, temperature=self.temperature)

    def _needed_steps(self):
        return 2, ""
