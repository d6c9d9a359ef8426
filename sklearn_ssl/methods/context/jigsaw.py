"""Jigsaw."""

from typing import final

from sklearn_ssl.architectures import JigsawArchitecture
from sklearn_ssl.base import PretextTransformer, number
from sklearn_ssl.losses import pretext_loss


@final
class JigsawTransformer(PretextTransformer):
    r"""Jigsaw: tell the order of shuffled pieces of a series.

    Each series is cut into S cells of equal width. From each cell comes a piece, a little shorter than the cell and at
    a random place in it, so that ends of neighbouring pieces do not fit together. Each channel of a piece is
    standardised, so that level and scale do not tell its place. The pieces are put into one of M orders
    :math:`\pi_1, \dots, \pi_M`, drawn for each series and step. Minimises

    .. math:: -\frac{1}{B} \sum_{i=1}^{B} \log p_{m(i)}\bigl(f(x_{i, \pi_{m(i)}(1)}), \dots,
        f(x_{i, \pi_{m(i)}(S)})\bigr)

    where B is the number of series in the batch, :math:`x_{is}` is piece s of series i, f reduces the pooled features
    of one piece to 64 numbers, m(i) is the number of the order, and p is a classifier on the joined numbers. The
    encoder sees each piece by itself.

    The M orders differ in as many places as possible. The encoder learns how a part of a series tells its place. It
    learns nothing from series that look alike everywhere, such as stationary noise. Compare `pretext_accuracy_` with
    `pretext_chance_`.

    Parameters
    ----------
    n_segments : int or "auto", default="auto"
        Number of cells S, from 2 to 7. "auto" is one cell per eight steps of the longest series, but at least 2 and at
        most 5.
    n_permutations : int or "auto", default="auto"
        Number of orders M. "auto" is 24, or all S! of them if there are fewer.
    piece_ratio : float, default=0.85
        Share of a cell that a piece covers.

    Warns
    -----
    UserWarning
        If `n_permutations` is above S!, which is used then.

    See Also
    --------
    RotationTransformer : Tell which transformation was applied.

    References
    ----------
    Noroozi, M. and Favaro, P. (2016). Unsupervised learning of visual representations by solving jigsaw puzzles. ECCV.
    https://arxiv.org/abs/1603.09246. There the orders are chosen by their mean distance. This leaves pairs that differ
    in two places only, so the smallest distance is used here. Standardised pieces are used there too.

    Examples
    --------
    >>> from sklearn_ssl import JigsawTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> transformer = JigsawTransformer(n_segments=3, max_epochs=1, random_state=0).fit(X)
    >>> transformer.net_.module_.permutations.shape
    torch.Size([6, 3])
    """

    n_segments: int | str = number(default="auto", least=2, most=7, integer=True, or_else=("auto",))
    n_permutations: int | str = number(default="auto", least=2, integer=True, or_else=("auto",))
    piece_ratio: float = number(default=0.85, above=0, most=1)

    def _architecture(self):
        return self._with_pretext(
            JigsawArchitecture,
            n_segments=self.n_segments,
            n_permutations=self.n_permutations,
            piece_ratio=self.piece_ratio,
        )

    def _loss(self):
        return pretext_loss
