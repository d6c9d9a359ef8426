import math
from functools import partial

import pytest
import torch

from sklearn_ssl.losses import barlow_twins_loss, multi_view_loss, ntxent_loss, vicreg_loss

PAIR_LOSSES = [barlow_twins_loss, vicreg_loss, partial(ntxent_loss, temperature=0.2)]


def several(n_views, n=6, d=4, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, d, generator=generator, dtype=torch.float64).to(dtype) for _ in range(n_views)]


@pytest.mark.parametrize("pair_loss", PAIR_LOSSES)
@pytest.mark.parametrize("n_views", [2, 3, 5])
def test_equals_loops(n_views, pair_loss):
    views = several(n_views)
    losses = []
    for u in range(n_views):
        for v in range(n_views):
            if u < v:
                losses.append(float(pair_loss(views[u], views[v])))
    assert len(losses) == n_views * (n_views - 1) // 2
    assert float(multi_view_loss(*views, pair_loss=pair_loss)) == pytest.approx(sum(losses) / len(losses), rel=1e-9)


def test_two_views_are_the_loss_itself():
    views = several(2)
    assert multi_view_loss(*views, pair_loss=ntxent_loss) == ntxent_loss(*views)


def test_identical_embeddings_are_at_chance_level():
    views = [torch.ones(5, 3)] * 4
    assert float(multi_view_loss(*views, pair_loss=ntxent_loss)) == pytest.approx(math.log(9), rel=1e-6)


def test_pairs_keep_the_order_of_the_views():
    first, second, third = torch.zeros(1), torch.ones(1), torch.full((1,), 4.0)
    # 1 - 0, 4 - 0 and 4 - 1; the pairs the other way round would have the opposite signs.
    loss = multi_view_loss(first, second, third, pair_loss=lambda a, b: (b - a).sum())
    assert float(loss) == pytest.approx(8 / 3)


@pytest.mark.parametrize("pair_loss", PAIR_LOSSES)
def test_symmetric_losses_ignore_the_order_of_views_and_series(pair_loss):
    views = several(4)
    expected = multi_view_loss(*views, pair_loss=pair_loss)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    torch.testing.assert_close(multi_view_loss(*views[::-1], pair_loss=pair_loss), expected)
    torch.testing.assert_close(multi_view_loss(*(view[order] for view in views), pair_loss=pair_loss), expected)


def test_gradient_reaches_all_views():
    views = [view.requires_grad_() for view in several(3)]
    assert torch.autograd.gradcheck(partial(multi_view_loss, pair_loss=ntxent_loss), views)
    multi_view_loss(*views, pair_loss=ntxent_loss).backward()
    assert all(view.grad.abs().min() > 0 for view in views)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_finite_in_half_precision(dtype):
    views = [view.requires_grad_() for view in [torch.zeros(3, 2, dtype=dtype), *several(2, 3, 2, dtype)]]
    loss = multi_view_loss(*views, pair_loss=partial(ntxent_loss, temperature=0.01))
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert all(torch.isfinite(view.grad).all() for view in views)


@pytest.mark.parametrize("n_views", [0, 1])
def test_too_few_views(n_views):
    with pytest.raises(ValueError, match=f"`views` must be two or more tensors, got {n_views}; make more views"):
        multi_view_loss(*several(n_views), pair_loss=ntxent_loss)


def test_shapes_are_checked_by_the_pair_loss():
    first, second, third = several(3)
    with pytest.raises(ValueError, match=r"the same shape, got \(6, 4\) and \(6, 2\)"):
        multi_view_loss(first, second, third[:, :2], pair_loss=ntxent_loss)
