from collections.abc import Callable
from itertools import combinations

import torch

from sklearn_ssl._parameters.shown import shown


def multi_view_loss(
    *views: torch.Tensor, pair_loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    r"""Mean of a loss of two views over all pairs of several views.

    .. math:: \ell = \frac{2}{V (V - 1)} \sum_{u=1}^{V} \sum_{v=u+1}^{V} L(Z_u, Z_v)

    where :math:`Z_1, \dots, Z_V` are the V `views` and :math:`L` is `pair_loss`. Each pair is taken once, the earlier
    view first. For two views the result is `pair_loss` itself.

    Parameters
    ----------
    *views : torch.Tensor of shape (n, d)
        Embeddings of two or more views, row i of every view from series i.
    pair_loss : callable
        Loss of two views, for example `ntxent_loss`, `vicreg_loss` or `barlow_twins_loss`. Set its parameters with
        `functools.partial`.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over the V (V - 1) / 2 pairs.

    Raises
    ------
    ValueError
        If there are fewer than two views. `pair_loss` checks the shapes of the views.
    TypeError
        If `pair_loss` returns no tensor.

    References
    ----------
    Tian, Y., Krishnan, D. and Isola, P. (2020). Contrastive multiview coding. ECCV.

    Examples
    --------
    >>> from functools import partial
    >>> import math, torch
    >>> from sklearn_ssl.losses import multi_view_loss, ntxent_loss
    >>> views = [torch.ones(4, 8)] * 3
    >>> loss = multi_view_loss(*views, pair_loss=partial(ntxent_loss, temperature=0.1))
    >>> round(float(loss), 4), round(math.log(7), 4)
    (1.9459, 1.9459)
    """
    if len(views) < 2:
        raise ValueError(f"`views` must be two or more tensors, got {len(views)}; make more views per series.")
    losses = [pair_loss(first, second) for first, second in combinations(views, 2)]
    if not isinstance(losses[0], torch.Tensor):
        raise TypeError(
            f"`pair_loss` must return a tensor that was computed from the two views, got {shown(losses[0])}."
        )
    return torch.stack(losses).mean()
