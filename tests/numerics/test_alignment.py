"""Soft-DTW of many pairs against loops over the steps of one pair."""

import math

import pytest
import torch

from sklearn_ssl._numerics.alignment import soft_dtw

LENGTHS = torch.tensor([7, 1, 4, 6, 2]), torch.tensor([7, 5, 1, 3, 2])


def aligned(x, y, gamma):
    """Return the soft-DTW distance of series x (C, n) and y (C, m)."""
    n, m = x.shape[1], y.shape[1]
    r = {(s, t): math.inf for s in range(n + 1) for t in range(m + 1)}
    r[0, 0] = 0.0
    for s in range(n):
        for t in range(m):
            before = [r[s, t], r[s, t + 1], r[s + 1, t]]
            least = min(before)
            soft = least - gamma * math.log(sum(math.exp((least - one) / gamma) for one in before))
            r[s + 1, t + 1] = float((x[:, s] - y[:, t]).square().sum()) + soft
    return r[n, m]


@pytest.mark.parametrize("gamma", [0.1, 2.0])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["equal", "unequal"])
def test_equals_the_recursion_step_by_step(gamma, lengths):
    x, y = torch.randn(2, 5, 3, 7, dtype=torch.float64)
    found = soft_dtw(x, y, lengths, gamma)
    for pair in range(5):
        n, m = (7, 7) if lengths is None else (int(one[pair]) for one in lengths)
        assert float(found[pair]) == pytest.approx(aligned(x[pair, :, :n], y[pair, :, :m], gamma), rel=1e-9)


def test_small_gamma_is_dynamic_time_warping():
    x = torch.tensor([[[0.0, 1, 2, 2, 0, 0]], [[0, 1, 2, 0, 0, 0]]])
    y = torch.tensor([[[0.0, 0, 1, 2, 2, 0]], [[0, 0, 0, 1, 0, 0]]])
    torch.testing.assert_close(soft_dtw(x, y, gamma=1e-4), torch.tensor([0.0, 1.0]), rtol=0, atol=1e-2)


def test_values_of_any_size_and_no_gradient():
    x, y = 1e8 * torch.randn(2, 4, 1, 30)
    found = soft_dtw(x.requires_grad_(), y)
    assert bool(found.isfinite().all())
    assert not found.requires_grad
