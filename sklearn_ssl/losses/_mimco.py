"""Contrast of windows and of series with those of a teacher."""

import math

import torch
from torch.nn import functional as F

from sklearn_ssl.losses._arguments import check_one_per_row, check_positive, check_rows
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._reconstruction import weighted_mean
from sklearn_ssl.losses._vectors import cosine_logits


@in_full_precision
def mimco_loss(
    student_windows: torch.Tensor,
    teacher_windows: torch.Tensor,
    counted: torch.Tensor,
    student: torch.Tensor,
    teacher: torch.Tensor,
    *,
    temperature: float = 0.2,
) -> torch.Tensor:
    r"""Find the teacher's features of the same window among those of all windows, and of the same series (MimCo).

    .. math::
        \ell = \frac{1}{|H|} \sum_{t \in H} -\log \frac{\exp(\cos(r_t, k_t) / \tau)}
        {\sum_{s \in H} \exp(\cos(r_t, k_s) / \tau)}
        + \frac{1}{n} \sum_{i=1}^{n} -\log \frac{\exp(\cos(\bar r_i, \bar k_i) / \tau)}
        {\sum_{j=1}^{n} \exp(\cos(\bar r_i, \bar k_j) / \tau)}

    where :math:`r_t` and :math:`k_t` are the rows of `student_windows` and `teacher_windows`, H are the counted rows,
    :math:`\bar r_i` and :math:`\bar k_i` are the rows of `student` and `teacher`, and :math:`\tau` is `temperature`.
    The teacher receives no gradient. Without a counted row the first term is 0. If all features are the same, the loss
    is :math:`\log |H| + \log n`.

    Parameters
    ----------
    student_windows, teacher_windows : torch.Tensor of shape (N, d)
        Features of windows.
    counted : bool torch.Tensor of shape (N,)
        True at the windows that are compared, the hidden ones.
    student, teacher : torch.Tensor of shape (n, d)
        Features of series.
    temperature : float, default=0.2
        Divides the similarities.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The loss; float64 for float64 features and float32 for all others.

    Raises
    ------
    ValueError
        If shapes do not fit, or if `temperature` is not above 0.

    References
    ----------
    Zhou, Q., Yu, C., Luo, H., Wang, Z. and Li, H. (2022). MimCo: masked image modeling pre-training with contrastive
    teacher. ACM Multimedia. https://arxiv.org/abs/2209.03063

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import mimco_loss
    >>> windows, series = torch.ones(6, 4), torch.ones(3, 4)
    >>> counted = torch.tensor([True, True, False, True, True, True])
    >>> loss = mimco_loss(windows, windows, counted, series, series)
    >>> round(float(loss), 4), round(math.log(5) + math.log(3), 4)
    (2.7081, 2.7081)
    """
    check_positive("temperature", temperature, "0.2 is usual")
    check_rows(student_windows=student_windows, teacher_windows=teacher_windows)
    check_rows(student=student, teacher=teacher)
    check_one_per_row("counted", counted, len(student_windows), "tell for each window whether it counts")
    counted = counted.bool()
    of_windows = _contrast(student_windows, teacher_windows, temperature, counted)  # (N,)
    of_series = _contrast(student, teacher, temperature)  # (n,)
    return weighted_mean(of_windows, counted) + of_series.mean()


def _contrast(
    student: torch.Tensor, teacher: torch.Tensor, temperature: float, counted: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the cross-entropy of finding row i of the teacher (n, d) for row i of the student, (n,)."""
    logits = cosine_logits(student, teacher.detach(), temperature)  # (n, n)
    if counted is not None:
        itself = torch.eye(len(student), dtype=torch.bool, device=student.device)
        logits = logits.masked_fill(~(counted | itself), -math.inf)
    return F.cross_entropy(logits, torch.arange(len(student), device=student.device), reduction="none")
