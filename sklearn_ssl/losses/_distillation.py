from collections.abc import Sequence

import torch

from sklearn_ssl.losses._arguments import check_floating_point, check_positive, check_rows, stacked_views
from sklearn_ssl.losses._cross_entropy import crossed_cross_entropy
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._vectors import paired_cosines


@in_full_precision
def byol_loss(p1: torch.Tensor, p2: torch.Tensor, z1: torch.Tensor, z2: torch.Tensor) -> torch.Tensor:
    r"""Distance between the prediction from one view and the teacher's projection of the other (BYOL).

    .. math::
        \ell = \frac{1}{2n} \sum_{i=1}^{n} \bigl(2 - 2 \cos(p_{1i}, z_{2i}) + 2 - 2 \cos(p_{2i}, z_{1i})\bigr)

    where i runs over the n series, and :math:`p_{1i}`, :math:`p_{2i}`, :math:`z_{1i}` and :math:`z_{2i}` are the rows
    of `p1`, `p2`, `z1` and `z2`. Each term is the squared distance between two vectors of length 1, from 0 to 4. The
    projections receive no gradient.

    The paper adds the two directions. This function takes their mean, which halves the loss.

    Parameters
    ----------
    p1, p2 : torch.Tensor of shape (n, d)
        The student's predictions from two views, row i of both from series i.
    z1, z2 : torch.Tensor of shape (n, d)
        The teacher's projections of the same two views. The teacher's weights are a moving average of the student's.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over both directions and the batch; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If the shapes differ or the batch is empty.

    See Also
    --------
    simsiam_loss : The same loss up to a factor and an added constant.

    References
    ----------
    Grill, J.-B., Strub, F., Altché, F., Tallec, C., Richemond, P. H., Buchatskaya, E., Doersch, C., Pires, B. A.,
    Guo, Z. D., Azar, M. G., Piot, B., Kavukcuoglu, K., Munos, R. and Valko, M. (2020). Bootstrap your own latent: A
    new approach to self-supervised learning. NeurIPS.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import byol_loss
    >>> p, z = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    >>> float(byol_loss(p, p, p, p)), float(byol_loss(p, p, z, z)), float(byol_loss(p, p, -p, -p))
    (0.0, 2.0, 4.0)
    """
    check_rows(p1=p1, p2=p2, z1=z1, z2=z2)
    return 2 - 2 * _crossed_cosine(p1, p2, z1, z2)


@in_full_precision
def simsiam_loss(p1: torch.Tensor, p2: torch.Tensor, z1: torch.Tensor, z2: torch.Tensor) -> torch.Tensor:
    r"""Negative cosine between the prediction from one view and the projection of the other (SimSiam).

    .. math:: \ell = -\frac{1}{2n} \sum_{i=1}^{n} \bigl(\cos(p_{1i}, z_{2i}) + \cos(p_{2i}, z_{1i})\bigr)

    where i runs over the n series, and :math:`p_{1i}`, :math:`p_{2i}`, :math:`z_{1i}` and :math:`z_{2i}` are the rows
    of `p1`, `p2`, `z1` and `z2`. The loss ranges from -1 to 1. The projections receive no gradient, although the
    trained encoder makes them. If they did, the encoder would collapse to one point.

    Parameters
    ----------
    p1, p2 : torch.Tensor of shape (n, d)
        Predictions from two views, row i of both from series i.
    z1, z2 : torch.Tensor of shape (n, d)
        Projections of the same two views. The predictor made `p1` and `p2` from them.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over both directions and the batch; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If the shapes differ or the batch is empty.

    See Also
    --------
    byol_loss : The same loss up to a factor and an added constant.

    References
    ----------
    Chen, X. and He, K. (2021). Exploring simple Siamese representation learning. CVPR.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import simsiam_loss
    >>> p, z = torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 4.0]])
    >>> round(float(simsiam_loss(p, p, z, z)), 4), float(simsiam_loss(p, p, p, p)), float(simsiam_loss(p, p, -p, -p))
    (-0.6, -1.0, 1.0)
    """
    check_rows(p1=p1, p2=p2, z1=z1, z2=z2)
    return -_crossed_cosine(p1, p2, z1, z2)


@in_full_precision
def dino_loss(
    student: torch.Tensor | Sequence[torch.Tensor],
    teacher: torch.Tensor | Sequence[torch.Tensor],
    center: torch.Tensor,
    student_temperature: float = 0.1,
    teacher_temperature: float = 0.04,
) -> torch.Tensor:
    r"""Cross-entropy between the teacher's output for one view and the student's output for another (DINO).

    .. math::
        \ell = \frac{1}{T (V - 1)} \sum_{t=1}^{T} \sum_{v \neq t} \frac{1}{n} \sum_{i=1}^{n} \sum_{k=1}^{K}
        -P^{(t)}_{ik} \log \operatorname{softmax}_k(S^{(v)}_i / \tau_s), \qquad
        P^{(t)}_{ik} = \operatorname{softmax}_k\bigl((G^{(t)}_i - c) / \tau_t\bigr)

    where :math:`S^{(v)}` is the student's output for view v and :math:`G^{(t)}` the teacher's output for view t. The
    student sees V views and the teacher the first T of them, i runs over the n series and k over the K outputs,
    :math:`c` is `center`, and :math:`\tau_s` and :math:`\tau_t` are `student_temperature` and `teacher_temperature`.

    The centre prevents one output from winning for all series. The low temperature of the teacher prevents uniform
    outputs. The teacher and the centre receive no gradient. Equal outputs of the student give :math:`\log K`.

    The paper adds the pairs of views, and its authors' code takes their mean. This function does as the code, because
    the published learning rates belong to the code.

    Parameters
    ----------
    student : torch.Tensor of shape (V, n, K) or sequence of V tensors of shape (n, K)
        Outputs of the trained network for two or more views, row i of every view from series i. The views that the
        teacher sees come first.
    teacher : torch.Tensor of shape (T, n, K) or sequence of T tensors of shape (n, K)
        Outputs of the moving average of the network for the first T views, usually the two full views.
    center : torch.Tensor of shape (K,)
        Mean of the teacher's outputs, averaged over past batches. The function does not change it.
    student_temperature : float, default=0.1
        Divides the student's outputs.
    teacher_temperature : float, default=0.04
        Divides the teacher's centred outputs.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over pairs of views and series; float64 for float64 outputs and float32 for all others.

    Raises
    ------
    ValueError
        If the student has fewer than two views, if the teacher has none or more than the student, if a shape is wrong,
        or if a temperature is not above 0.

    See Also
    --------
    swav_loss : The same pairs of views with balanced assignments instead of a teacher.

    References
    ----------
    Caron, M., Touvron, H., Misra, I., Jégou, H., Mairal, J., Bojanowski, P. and Joulin, A. (2021). Emerging properties
    in self-supervised vision transformers. ICCV.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import dino_loss
    >>> views = [torch.ones(4, 6)] * 3
    >>> round(float(dino_loss(views, views[:2], torch.zeros(6))), 4), round(math.log(6), 4)
    (1.7918, 1.7918)
    """
    students = stacked_views("student", student, n_views=2)  # (V, n, K)
    teachers = stacked_views("teacher", teacher, n_views=1)  # (T, n, K)
    _check_pair(students, teachers, center)
    check_positive("student_temperature", student_temperature, "DINO uses 0.1")
    check_positive("teacher_temperature", teacher_temperature, "DINO uses 0.04 to 0.07")
    return crossed_cross_entropy(sharpened(teachers, center, teacher_temperature), students, student_temperature)


def sharpened(teachers: torch.Tensor, center: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the centred softmax of a teacher's outputs (..., K), without gradient."""
    return ((teachers - center) / temperature).softmax(dim=-1).detach()  # (..., K)


def _crossed_cosine(p1: torch.Tensor, p2: torch.Tensor, z1: torch.Tensor, z2: torch.Tensor) -> torch.Tensor:
    return (paired_cosines(p1, z2.detach()).mean() + paired_cosines(p2, z1.detach()).mean()) / 2


def _check_pair(students: torch.Tensor, teachers: torch.Tensor, center: torch.Tensor) -> None:
    if students.shape[1:] != teachers.shape[1:]:
        raise ValueError(
            f"The views of `student` and `teacher` must have the same shape, got {tuple(students.shape[1:])} and "
            f"{tuple(teachers.shape[1:])}; row i of each must come from series i."
        )
    if len(teachers) > len(students):
        raise ValueError(
            f"`teacher` must not hold more views than `student`, got {len(teachers)} and {len(students)}; "
            "give the student every view."
        )
    check_floating_point("center", center)
    if center.shape != students.shape[2:]:
        raise ValueError(
            f"`center` must have the shape {tuple(students.shape[2:])}, one value per output, got "
            f"{tuple(center.shape)}; pass the mean of the teacher's outputs over the batch."
        )
