import math
from functools import partial

import pytest
import torch
from loops import mean, normal

from sklearn_ssl.losses import barlow_twins_loss, multi_view_loss, ntxent_loss, vicreg_loss

PAIR_LOSSES = [barlow_twins_loss, vicreg_loss, partial(ntxent_loss, temperature=0.2)]


@pytest.mark.parametrize("pair_loss", PAIR_LOSSES)
@pytest.mark.parametrize("n_views", [2, 3, 5])
def test_equals_loops(n_views, pair_loss):
    views = normal(n_views, 6, 4)
    losses = []
    for u in range(n_views):
        for v in range(n_views):
            if u < v:
                losses.append(float(pair_loss(views[u], views[v])))
    assert len(losses) == n_views * (n_views - 1) // 2
    assert float(multi_view_loss(*views, pair_loss=pair_loss)) == pytest.approx(mean(losses), rel=1e-9)


def test_two_views_are_the_loss_itself():
    views = normal(2, 6, 4)
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
def test_symmetric_losses_ignore_the_order_of_views(pair_loss):
    views = normal(4, 6, 4)
    expected = multi_view_loss(*views, pair_loss=pair_loss)
    torch.testing.assert_close(multi_view_loss(*views.flip(0), pair_loss=pair_loss), expected)


@pytest.mark.parametrize("n_views", [0, 1])
def test_too_few_views(n_views):
    with pytest.raises(ValueError, match=f"`views` must be two or more tensors, got {n_views}; make more views"):
        multi_view_loss(*normal(n_views, 6, 4), pair_loss=ntxent_loss)


def test_a_loss_that_is_no_tensor_is_named():
    with pytest.raises(TypeError, match=r"`pair_loss` must return a tensor .* got 3\.0"):
        multi_view_loss(*normal(2, 6, 4), pair_loss=lambda first, second: 3.0)
