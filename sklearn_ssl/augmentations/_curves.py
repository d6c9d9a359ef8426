"""Smooth random curves along the observed part of a series."""

import torch
from torch.nn import functional


def smooth_curve(knots: torch.Tensor, lengths: torch.Tensor, n_steps: int) -> torch.Tensor:
    r"""Return natural cubic splines through `knots` (B, C, K) at every step: (B, C, L).

    The knots of a series are spread evenly from its first to its last observed step. With
    :math:`u = t (K - 1) / (n - 1)`, hat functions :math:`h_k(u) = \max(0, 1 - |u - k|)` and second derivatives
    :math:`m_k` at the knots, the curve is :math:`\sum_k h_k v_k + \tfrac{1}{6} (h_k^3 - h_k) m_k`.
    """
    n_knots = knots.shape[-1]
    per_step = (n_knots - 1) / (lengths - 1).clamp(min=1)
    places = torch.arange(n_steps, device=knots.device) * per_step[:, None]  # (B, L)
    distances = places[:, None] - torch.arange(n_knots, device=knots.device)[:, None]  # (B, K, L)
    hats = (1 - distances.abs()).clamp(min=0)
    return knots @ hats + _second_derivatives(knots) @ ((hats**3 - hats) / 6)  # (B, C, L)


def _second_derivatives(knots: torch.Tensor) -> torch.Tensor:
    # The slope is continuous: m[k-1] + 4 m[k] + m[k+1] = 6 (v[k-1] - 2 v[k] + v[k+1]), and m = 0 at both ends.
    inner = torch.arange(knots.shape[-1] - 2, device=knots.device)
    distances = (inner[:, None] - inner).abs()
    system = 4 * (distances == 0) + (distances == 1).to(knots.dtype)
    inverse = torch.linalg.inv_ex(system).inverse  # unlike inv, it does not wait for the device
    return functional.pad(6 * knots.diff(n=2) @ inverse, (1, 1))
