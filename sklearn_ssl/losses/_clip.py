import torch

from sklearn_ssl.losses._arguments import check_one_per_row, check_positive, check_rows
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._vectors import unit_length


@in_full_precision
def clip_loss(
    z: torch.Tensor, t: torch.Tensor, groups: torch.Tensor, scale: torch.Tensor | float = 1 / 0.07
) -> torch.Tensor:
    r"""Contrastive loss of series and texts (CLIP), in which equal texts are no negatives of each other.

    Every series has to pick its text among the different texts of the batch, and every text one of its series among all
    series of the batch, by cosine similarity. With :math:`a_{iu} = s \cos(z_i, t_u)` for the n series and the U
    different texts, :math:`u(i)` the text of series i, and :math:`P_u` the series of text u,

    .. math::
        \ell = -\frac{1}{2n} \sum_{i=1}^{n} \log \frac{\exp(a_{i u(i)})}{\sum_{u=1}^{U} \exp(a_{iu})}
        - \frac{1}{2U} \sum_{u=1}^{U} \frac{1}{|P_u|} \sum_{i \in P_u}
        \log \frac{\exp(a_{iu})}{\sum_{k=1}^{n} \exp(a_{ku})}

    where :math:`s` is `scale`. If all texts differ, this is the loss of the paper: the mean of two cross-entropies. The
    paper has no rule for equal texts. Taken as negatives, they would cost something at the best possible embedding, and
    a text that many series have would count many times.

    Embeddings that are all the same give :math:`(\log U + \log n) / 2`.

    Parameters
    ----------
    z : torch.Tensor of shape (n, d)
        Embeddings of the series.
    t : torch.Tensor of shape (n, d)
        Embeddings of their texts, row i of the text of series i. Equal texts have equal rows.
    groups : torch.Tensor of shape (n,)
        A number for the text of each series. Equal texts have equal numbers.
    scale : torch.Tensor of shape () or float, default=1 / 0.07
        The inverse of the temperature. A tensor can be learnt.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean of both directions; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If a shape is wrong, if there is no series, or if a number as `scale` is not above 0.

    References
    ----------
    Radford, A., Kim, J. W., Hallacy, C., Ramesh, A., Goh, G., Agarwal, S., Sastry, G., Askell, A., Mishkin, P., Clark,
    J., Krueger, G. and Sutskever, I. (2021). Learning transferable visual models from natural language supervision.
    ICML.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import clip_loss
    >>> same = torch.ones(4, 8)
    >>> round(float(clip_loss(same, same, torch.tensor([0, 1, 1, 2]))), 4)
    1.2425
    >>> round((math.log(3) + math.log(4)) / 2, 4)
    1.2425
    """
    check_rows(z=z, t=t)
    if not isinstance(scale, torch.Tensor):
        check_positive("scale", scale, "CLIP starts from 1 / 0.07")
    check_one_per_row("groups", groups, len(z), "give equal texts equal numbers")
    logits = scale * unit_length(z) @ unit_length(t).T  # (n, n): series by the texts of all series
    n_equal = (groups[:, None] == groups).sum(dim=1).to(logits.dtype)  # (n,): how many series have this text
    own = logits.diagonal()
    of_series = (logits - n_equal.log()).logsumexp(dim=1) - own  # (n,): each text counts once
    of_texts = (logits.logsumexp(dim=0) - own) / n_equal  # (n,)
    return (of_series.mean() + of_texts.sum() / n_equal.reciprocal().sum()) / 2
