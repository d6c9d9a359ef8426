"""Losses of views and of their hidden windows."""

from collections.abc import Sequence

import torch

from sklearn_ssl.losses._arguments import (
    check_at_least,
    check_floating_point,
    check_matrix,
    check_positive,
    stacked_views,
)
from sklearn_ssl.losses._distillation import dino_loss, sharpened
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._vectors import unit_length

Views = torch.Tensor | Sequence[torch.Tensor]


@in_full_precision
def ibot_loss(
    student: Views,
    teacher: Views,
    center: torch.Tensor,
    student_windows: torch.Tensor,
    teacher_windows: torch.Tensor,
    window_center: torch.Tensor,
    hidden: torch.Tensor,
    *,
    student_temperature: float = 0.1,
    teacher_temperature: float = 0.04,
    window_temperature: float = 0.07,
) -> torch.Tensor:
    r"""Cross-entropy between a teacher's and a student's outputs, for views of series and for hidden windows (iBOT).

    .. math::
        \ell = \ell_\text{DINO} + \frac{1}{T n} \sum_{t=1}^{T} \sum_{i=1}^{n} \frac{1}{\max(|H^{(t)}_i|, 1)}
        \sum_{w \in H^{(t)}_i} \sum_{k=1}^{K} -Q^{(t)}_{iwk} \log \operatorname{softmax}_k(s^{(t)}_{iw} / \tau_s),
        \qquad Q^{(t)}_{iwk} = \operatorname{softmax}_k\bigl((g^{(t)}_{iw} - c') / \tau_w\bigr)

    where :math:`\ell_\text{DINO}` is `dino_loss` of `student`, `teacher` and `center`, which compares each view with
    another one. In the second term, :math:`H^{(t)}_i` are the windows w of view t of series i that are hidden from the
    student, :math:`s` is `student_windows`, :math:`g` is `teacher_windows`, :math:`c'` is `window_center`, and
    :math:`\tau_s` and :math:`\tau_w` are `student_temperature` and `window_temperature`. It compares the same window of
    the same view. Series weigh alike, however long they are. A view without hidden windows counts as 0. The teacher and
    the centres receive no gradient.

    Parameters
    ----------
    student : torch.Tensor of shape (V, n, K) or sequence of V tensors of shape (n, K)
        Outputs of the trained network for V views. The views that the teacher sees come first.
    teacher : torch.Tensor of shape (T, n, K) or sequence of T tensors of shape (n, K)
        Outputs of its moving average for the first T views.
    center : torch.Tensor of shape (K,)
        Mean of the teacher's outputs over past batches.
    student_windows, teacher_windows : torch.Tensor of shape (T, n, W, K)
        Outputs for the W windows of the first T views.
    window_center : torch.Tensor of shape (K,)
        Mean of the teacher's outputs for windows over past batches.
    hidden : bool torch.Tensor of shape (T, n, W)
        True at windows that are hidden from the student.
    student_temperature : float, default=0.1
        Divides the student's outputs.
    teacher_temperature : float, default=0.04
        Divides the teacher's centred outputs for series.
    window_temperature : float, default=0.07
        Divides the teacher's centred outputs for windows.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The sum of both terms; float64 for float64 outputs and float32 for all others.

    Raises
    ------
    ValueError
        If a shape is wrong, or a temperature is not above 0.

    References
    ----------
    Zhou, J., Wei, C., Wang, H., Shen, W., Xie, C., Yuille, A. and Kong, T. (2022). iBOT: image BERT pre-training with
    online tokenizer. ICLR. https://arxiv.org/abs/2111.07832

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import ibot_loss
    >>> views, windows = torch.ones(2, 4, 6), torch.ones(2, 4, 3, 6)
    >>> hidden = torch.ones(2, 4, 3, dtype=torch.bool)
    >>> loss = ibot_loss(views, views, torch.zeros(6), windows, windows, torch.zeros(6), hidden)
    >>> round(float(loss), 4), round(2 * math.log(6), 4)
    (3.5835, 3.5835)
    """
    check_positive("window_temperature", window_temperature, "iBOT uses 0.04 to 0.07")
    of_series = dino_loss(student, teacher, center, student_temperature, teacher_temperature)
    _check_windows(student_windows, teacher_windows, window_center, hidden, (len(teacher), *teacher[0].shape))
    targets = sharpened(teacher_windows, window_center, window_temperature)  # (T, n, W, K)
    entropy = -(targets * (student_windows / student_temperature).log_softmax(dim=3)).sum(3)  # (T, n, W)
    weight = hidden.to(entropy.dtype)
    return of_series + ((weight * entropy).sum(2) / weight.sum(2).clamp(min=1)).mean()


@in_full_precision
def koleo_loss(z: torch.Tensor) -> torch.Tensor:
    r"""Spread of embeddings on the sphere, by the distance of each to the nearest other one (KoLeo).

    .. math::
        \ell = -\frac{1}{n} \sum_{i=1}^{n} \log \bigl(\min_{j \neq i} \lVert u_i - u_j \rVert + 10^{-8}\bigr), \qquad
        u_i = z_i / \lVert z_i \rVert

    It is the estimate of the entropy by Kozachenko and Leonenko, up to its sign and constants. The loss is lowest where
    the embeddings are spread out evenly. Equal embeddings give 18.4, with the gradient 0.

    Parameters
    ----------
    z : torch.Tensor of shape (n, d)
        Embeddings of two or more series.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The loss; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    ValueError
        If there are fewer than two embeddings.

    References
    ----------
    Sablayrolles, A., Douze, M., Schmid, C. and Jégou, H. (2019). Spreading vectors for similarity search. ICLR.
    https://arxiv.org/abs/1806.03198

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import koleo_loss
    >>> apart = koleo_loss(torch.tensor([[1.0, 0.0], [-5.0, 0.0]]))  # -log 2
    >>> round(float(apart), 4)
    -0.6931
    """
    check_matrix("z", z, n_rows=2)
    u = unit_length(z)  # (n, d)
    squares = u.detach().square().sum(1)
    distances = squares[:, None] + squares - 2 * u.detach() @ u.detach().T  # (n, n), squared
    itself = torch.eye(len(u), dtype=torch.bool, device=u.device)
    nearest = distances.masked_fill(itself, torch.inf).argmin(dim=1)
    return -torch.log(torch.linalg.vector_norm(u - u[nearest], dim=1) + 1e-8).mean()


@in_full_precision
def utica_loss(
    student: Views,
    teacher: Views,
    center: torch.Tensor,
    student_windows: torch.Tensor,
    teacher_windows: torch.Tensor,
    window_center: torch.Tensor,
    hidden: torch.Tensor,
    pooled: Views,
    *,
    koleo: float = 0.1,
    **temperatures: float,
) -> torch.Tensor:
    r"""Losses of iBOT and KoLeo together (DINOv2, Utica).

    .. math:: \ell = \ell_\text{iBOT} + \lambda \sum_{t=1}^{T} \ell_\text{KoLeo}(h^{(t)})

    where :math:`\ell_\text{iBOT}` is `ibot_loss`, and :math:`h^{(t)}` are the student's features of view t in front of
    the projector. KoLeo compares the series of the batch within each view.

    Parameters
    ----------
    student, teacher, center, student_windows, teacher_windows, window_center, hidden
        As for `ibot_loss`.
    pooled : torch.Tensor of shape (T, m, d) or sequence of T tensors of shape (m, d)
        The student's features h of the first T views, of two or more series.
    koleo : float, default=0.1
        Weight :math:`\lambda`.
    **temperatures : float
        Temperatures of `ibot_loss`.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The loss; float64 for float64 outputs and float32 for all others.

    Raises
    ------
    ValueError
        If a shape is wrong, a temperature is not above 0, or `koleo` is below 0.

    References
    ----------
    Oquab, M. et al. (2024). DINOv2: learning robust visual features without supervision. TMLR.
    https://arxiv.org/abs/2304.07193

    Moakher, Y., Attia El Hili, Y. and Feofanov, V. (2026). UTICA: multi-objective self-distillation foundation model
    pretraining for time series classification. https://arxiv.org/abs/2603.01348

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import utica_loss
    >>> views, windows, center = torch.ones(2, 4, 6), torch.ones(2, 4, 3, 6), torch.zeros(6)
    >>> hidden, pooled = torch.ones(2, 4, 3, dtype=torch.bool), torch.eye(4).expand(2, 4, 4)
    >>> loss = utica_loss(views, views, center, windows, windows, center, hidden, pooled)
    >>> round(float(loss), 4)  # 2 log 6 - 0.2 log sqrt(2)
    3.5142
    """
    check_at_least("koleo", koleo, 0, "use 0 for iBOT's loss alone")
    of_views = ibot_loss(
        student, teacher, center, student_windows, teacher_windows, window_center, hidden, **temperatures
    )
    features = stacked_views("pooled", pooled, n_views=1, n_rows=2)  # (T, m, d)
    if len(features) != len(teacher):
        raise ValueError(
            f"`pooled` must hold the {len(teacher)} views that `teacher` holds, got {len(features)}; leave out crops."
        )
    return of_views + koleo * torch.stack([koleo_loss(h) for h in features]).sum()


def _check_windows(
    student: torch.Tensor, teacher: torch.Tensor, center: torch.Tensor, hidden: torch.Tensor, views: tuple[int, ...]
) -> None:
    """Raise an error unless outputs for windows and what is hidden fit to the outputs for T views, (T, n, K)."""
    for name, tensor in (("student_windows", student), ("teacher_windows", teacher), ("window_center", center)):
        check_floating_point(name, tensor)
    if teacher.ndim != 4 or (*teacher.shape[:2], teacher.shape[3]) != views or teacher.shape[2] == 0:
        raise ValueError(
            f"`teacher_windows` must have the shape ({views[0]}, {views[1]}, W, {views[2]}) for the shape "
            f"{views} of `teacher`, got {tuple(teacher.shape)}; give the windows of the same views."
        )
    shapes = {
        "student_windows": (student, teacher.shape),
        "window_center": (center, teacher.shape[3:]),
        "hidden": (hidden, teacher.shape[:3]),
    }
    for name, (tensor, shape) in shapes.items():
        if tensor.shape != shape:
            raise ValueError(
                f"`{name}` must have the shape {tuple(shape)}, got {tuple(tensor.shape)}; give the windows of the "
                "same views."
            )
