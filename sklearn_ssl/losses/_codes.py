"""Losses of tokenizers, whose windows have codes."""

import torch

from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._reconstruction import (
    check_places,
    check_same_shape,
    masked_cosine_loss,
    masked_cross_entropy_loss,
    masked_mse_loss,
    weighted_mean,
)


@in_full_precision
def vq_loss(
    prediction: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor,
    z: torch.Tensor,
    vectors: torch.Tensor,
    seen: torch.Tensor,
    *,
    commitment: float = 1.0,
) -> torch.Tensor:
    r"""Squared error of predicted values, and distance of windows to the vectors of their codes.

    .. math::

        \frac{\sum_j w_j (\hat x_j - x_j)^2}{\sum_j w_j}
        + \frac{\beta}{|V|} \sum_{t \in V} \|z_t - \operatorname{sg} c_t\|^2

    over all values j and all seen windows V of the batch.

    Parameters
    ----------
    prediction : Tensor of any shape
        Predicted values :math:`\hat x`.
    target : Tensor of the same shape
        True values x. They receive no gradient.
    weight : Tensor of the same shape
        Weights w, 1 at observed values.
    z : Tensor of shape (..., d)
        Vectors of the windows.
    vectors : Tensor of shape (..., d)
        The vectors c of their codes. They receive no gradient.
    seen : bool Tensor of shape (...)
        True at windows V that have an observed step.
    commitment : float, default=1.0
        Weight :math:`\beta`.

    Returns
    -------
    loss : Tensor of shape ()
        The loss.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    van den Oord, A., Vinyals, O. and Kavukcuoglu, K. (2017). Neural discrete representation learning. NeurIPS.
    https://arxiv.org/abs/1711.00937

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import vq_loss
    >>> x = torch.zeros(1, 2, 3)
    >>> z, vectors = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]), torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    >>> vq_loss(x + 1, x, torch.ones(1, 2, 3), z, vectors, torch.ones(1, 2))  # 1 + (0 + 2) / 2
    tensor(2.)
    """
    return masked_mse_loss(prediction, target, weight) + commitment * _distance(
        z, vectors, seen, "z", "vectors", "seen"
    )


@in_full_precision
def vq_distillation_loss(
    prediction: torch.Tensor,
    target: torch.Tensor,
    z: torch.Tensor,
    vectors: torch.Tensor,
    seen: torch.Tensor,
    *,
    commitment: float = 1.0,
) -> torch.Tensor:
    r"""One minus the cosine of predicted features, and distance of windows to the vectors of their codes.

    .. math:: \frac{1}{|V|} \sum_{t \in V} \bigl(1 - \cos(o_t, f_t) + \beta \|z_t - \operatorname{sg} c_t\|^2\bigr)

    over all seen windows V of the batch.

    Parameters
    ----------
    prediction : Tensor of shape (..., D)
        Predicted features o.
    target : Tensor of shape (..., D)
        Features f of the teacher. They receive no gradient.
    z : Tensor of shape (..., d)
        Vectors of the windows.
    vectors : Tensor of shape (..., d)
        The vectors c of their codes. They receive no gradient.
    seen : bool Tensor of shape (...)
        True at windows V that have an observed step.
    commitment : float, default=1.0
        Weight :math:`\beta`.

    Returns
    -------
    loss : Tensor of shape ()
        The loss.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Peng, Z., Dong, L., Bao, H., Ye, Q. and Wei, F. (2022). BEiT v2: masked image modeling with vector-quantized visual
    tokenizers. https://arxiv.org/abs/2208.06366

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import vq_distillation_loss
    >>> features, z = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.0, 1.0]]])
    >>> vq_distillation_loss(features, 3 * features, z, -z, torch.ones(1, 1))  # 0 + 2 ** 2
    tensor(4.)
    """
    agreement = masked_cosine_loss(prediction, target, seen)
    return agreement + commitment * _distance(z, vectors, seen, "z", "vectors", "seen")


@in_full_precision
def vq_perceptual_loss(
    prediction: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor,
    z: torch.Tensor,
    vectors: torch.Tensor,
    seen: torch.Tensor,
    maps: torch.Tensor,
    predicted_maps: torch.Tensor,
    steps: torch.Tensor,
    *,
    commitment: float = 1.0,
    perceptual: float = 1.0,
) -> torch.Tensor:
    r"""Add to `vq_loss` the distance between what a teacher makes of the series and of the predicted series.

    .. math:: \ell_\text{vq} + \frac{\lambda}{|S|} \sum_{s \in S} \|F(x)_s - F(\hat x)_s\|^2

    over all observed steps S of the teacher's maps F. If F has the maps of several layers side by side, each at length
    1, then the second term is the sum over the layers.

    Parameters
    ----------
    prediction : Tensor of any shape
        Predicted values :math:`\hat x`.
    target : Tensor of the same shape
        True values x. They receive no gradient.
    weight : Tensor of the same shape
        Weights, 1 at observed values.
    z : Tensor of shape (..., d)
        Vectors of the windows.
    vectors : Tensor of shape (..., d)
        The vectors of their codes. They receive no gradient.
    seen : bool Tensor of shape (...)
        True at windows that have an observed step.
    maps : Tensor of shape (..., D)
        The teacher's maps F(x). They receive no gradient.
    predicted_maps : Tensor of shape (..., D)
        The teacher's maps of the predicted series.
    steps : bool Tensor of shape (...)
        True at the steps S of the maps that are observed.
    commitment : float, default=1.0
        Weight of the distance between windows and their vectors.
    perceptual : float, default=1.0
        Weight :math:`\lambda`.

    Returns
    -------
    loss : Tensor of shape ()
        The loss.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Dong, X., Bao, J., Zhang, T., Chen, D., Zhang, W., Yuan, L., Chen, D., Wen, F., Yu, N. and Guo, B. (2023). PeCo:
    perceptual codebook for BERT pre-training of vision transformers. AAAI. https://arxiv.org/abs/2111.12710

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import vq_perceptual_loss
    >>> x, z, places = torch.zeros(1, 2, 3), torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]), torch.ones(1, 2)
    >>> vq_perceptual_loss(x, x, torch.ones(1, 2, 3), z, z, places, z, -z, places, perceptual=0.5)  # 0.5 * 4
    tensor(2.)
    """
    likeness = _distance(predicted_maps, maps, steps, "predicted_maps", "maps", "steps")
    return vq_loss(prediction, target, weight, z, vectors, seen, commitment=commitment) + perceptual * likeness


@in_full_precision
def beit_v2_loss(
    logits: torch.Tensor, aggregated: torch.Tensor, codes: torch.Tensor, hidden: torch.Tensor
) -> torch.Tensor:
    r"""Add the cross-entropies of two predictions of the codes of hidden windows.

    .. math::

        \frac{1}{|H|} \sum_{j \in H}
        \bigl(-\log \operatorname{softmax}(s_j)_{q_j} - \log \operatorname{softmax}(s'_j)_{q_j}\bigr)

    over the hidden windows H of the batch. Without a hidden window the loss is 0 and has the gradient 0.

    Parameters
    ----------
    logits : Tensor of shape (..., K)
        Scores s of the codes from the last layer.
    aggregated : Tensor of shape (..., K)
        Scores s' of the codes from an earlier layer with a summary of the last one.
    codes : int Tensor of shape (...)
        Codes q. Those that are not hidden may have any value.
    hidden : bool Tensor of shape (...)
        True at hidden windows.

    Returns
    -------
    loss : Tensor of shape ()
        The loss.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Peng, Z., Dong, L., Bao, H., Ye, Q. and Wei, F. (2022). BEiT v2: masked image modeling with vector-quantized visual
    tokenizers. https://arxiv.org/abs/2208.06366

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import beit_v2_loss
    >>> logits = torch.zeros(1, 2, 4)
    >>> beit_v2_loss(logits, logits, torch.tensor([[3, 0]]), torch.tensor([[True, False]]))  # 2 log 4
    tensor(2.7726)
    """
    check_same_shape(logits=logits, aggregated=aggregated)
    return masked_cross_entropy_loss(logits, codes, hidden) + masked_cross_entropy_loss(aggregated, codes, hidden)


def _distance(z: torch.Tensor, fixed: torch.Tensor, counted: torch.Tensor, *names: str) -> torch.Tensor:
    """Return the mean squared distance of z (..., d) to vectors without gradient, over the counted places (...)."""
    of_z, of_fixed, of_counted = names
    check_same_shape(**{of_z: z, of_fixed: fixed})
    check_places(of_counted, counted, of_z, z)
    return weighted_mean((z - fixed.detach()).square().sum(-1), counted)
