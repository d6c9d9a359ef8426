"""Adversarial examples of series: small changes that hurt a model much."""

from collections.abc import Callable
from typing import Any

import torch

from sklearn_ssl._input.tensors import check_series
from sklearn_ssl._parameters.arguments import check_whole_number
from sklearn_ssl._parameters.ranges import Range
from sklearn_ssl._parameters.shown import shown


def projected_gradient_descent(
    x: torch.Tensor,
    objective: Callable[[torch.Tensor], torch.Tensor],
    radius: float | torch.Tensor,
    *,
    n_steps: int = 10,
    step_size: float | torch.Tensor | None = None,
    mask: torch.Tensor | None = None,
    random_start: bool = True,
) -> torch.Tensor:
    r"""Increase an objective by a small change of each series, found by signed gradient steps.

    With :math:`f` the objective, :math:`x` the series, :math:`r` the radius and :math:`a` the step size, the change
    :math:`\delta_0` is uniform on :math:`[-r, r]`, or zero without a random start, and

    .. math:: \delta_{k + 1} = \min(\max(\delta_k + a \operatorname{sign} \nabla_x f(x + \delta_k),\, -r),\, r),
        \quad k = 0, \dots, n - 1

    The result is :math:`x + \delta_n`. No value changes by more than the radius: the result lies in an
    :math:`L_\infty` ball around :math:`x`. Only the sign of the gradient counts. So any increasing function of the
    objective of a series gives the same result, as long as its gradient does not underflow.

    Modules are used in the mode that they are in. Put them into evaluation mode if the batch must not change the
    statistics of their normalisation. No gradients of their parameters are computed, and `x` is not changed. The random
    start is drawn from PyTorch's global generator of the device of `x`.

    Parameters
    ----------
    x : torch.Tensor of shape (B, C, L)
        Series, floating point.
    objective : callable
        Function that maps such a batch to a scalar. It must be a sum over series of terms that each depend on one
        series only. An example is the summed loss of a classifier.
    radius : float or torch.Tensor that broadcasts to (B, C, L)
        Largest change of a value, at least 0. A tensor of shape (1, C, 1) has one radius for each channel. A tensor of
        shape (B, C, 1) has one for each channel of each series. 0 changes nothing.
    n_steps : int, default=10
        Number n of steps.
    step_size : float, torch.Tensor or None, default=None
        Size of a step, at least 0. It may have the same shapes as `radius`. None means ``2.5 * radius / n_steps``, so
        that the search can reach any point of the ball from any other.
    mask : bool torch.Tensor of shape (B, L), default=None
        True at observed steps. Padded steps stay as they are. None means that all steps are observed.
    random_start : bool, default=True
        Whether to start from a random point in the ball rather than from `x`.

    Returns
    -------
    torch.Tensor of shape (B, C, L)
        The changed series, without gradient.

    Raises
    ------
    TypeError
        If `x` is not a floating-point tensor.
    ValueError
        If a shape is wrong, a number is out of range, or the objective is not a scalar that depends on the series.

    References
    ----------
    Madry, Makelov, Schmidt, Tsipras and Vladu, "Towards deep learning models resistant to adversarial attacks",
    International Conference on Learning Representations, 2018.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.adversarial import projected_gradient_descent
    >>> x = torch.zeros(1, 2, 3)
    >>> slope = torch.tensor([[[1.0, -1.0, 5.0], [-0.1, 0.0, 2.0]]])
    >>> radius = torch.tensor([[[0.5], [2.0]]])  # one for each channel
    >>> projected_gradient_descent(x, lambda x: (slope * x).sum(), radius, random_start=False)
    tensor([[[ 0.5000, -0.5000,  0.5000],
             [-2.0000,  0.0000,  2.0000]]])
    """
    check_series(x)
    _check_mask(x, mask)
    check_whole_number("n_steps", n_steps, least=1)
    limit = _size_of_change("radius", radius, x)
    step = 2.5 * limit / n_steps if step_size is None else _size_of_change("step_size", step_size, x)
    if mask is not None:
        limit = limit * mask[:, None]  # (B, C, L), zero at padded steps
    with torch.inference_mode(False), torch.enable_grad():
        start = x.detach()
        change = limit * torch.empty_like(start).uniform_(-1, 1) if random_start else torch.zeros_like(start)
        for _ in range(n_steps):
            slope = _gradient(objective, start + change)
            change = torch.clamp(change + step * slope.sign(), -limit, limit)  # (B, C, L)
        return start + change


def _gradient(objective: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    value = objective(x.requires_grad_())
    if value.dim() > 0:
        raise ValueError(f"`objective` must return a scalar, got shape {tuple(value.shape)}. Sum it over the series.")
    gradient = torch.autograd.grad(value, x, allow_unused=True)[0] if value.requires_grad else None
    if gradient is None:
        raise ValueError(
            "`objective` must depend on the series by operations that have a gradient, got none. Do not detach them."
        )
    return gradient


def _check_mask(x: torch.Tensor, mask: torch.Tensor | None) -> None:
    if mask is not None and (mask.dtype != torch.bool or mask.shape != (x.shape[0], x.shape[2])):
        raise ValueError(
            f"`mask` must be boolean of shape {(x.shape[0], x.shape[2])}, true at observed steps, got {mask.dtype} of "
            f"shape {tuple(mask.shape)}."
        )


def _size_of_change(name: str, size: Any, x: torch.Tensor) -> torch.Tensor:
    """Return a size as a tensor that broadcasts to x (B, C, L)."""
    if not isinstance(size, torch.Tensor):
        if size not in Range(least=0):
            raise ValueError(
                f"`{name}` must be a finite number of at least 0 or a tensor of such numbers, got {shown(size)}."
            )
        return x.new_full((), float(size))
    if size.device.type == "cpu" and not (size.isfinite() & (size >= 0)).all():  # we do not wait for a GPU
        raise ValueError(f"`{name}` must have finite numbers of at least 0, got {size.min():g} to {size.max():g}.")
    fits = size.dim() <= 3 and all(n in (1, whole) for n, whole in zip(size.shape[::-1], x.shape[::-1], strict=False))
    if not fits:
        raise ValueError(f"`{name}` must broadcast to the shape {tuple(x.shape)} of `x`, got {tuple(size.shape)}.")
    return size.to(device=x.device, dtype=x.dtype)
