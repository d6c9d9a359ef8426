"""The loss across sensors against loops, and against CLIP's where nothing is missing."""

import math
from functools import partial

import pytest
import torch
from loops import cosine, mean, normal

from sklearn_ssl.losses import clip_loss, cmc_loss, multi_view_loss

Z = normal(3, 5, 4)
PRESENT = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 1, 1], [1, 1, 0], [1, 1, 1]], dtype=torch.bool)


def by_loops(z, present, scale):
    terms = []
    for g in range(len(z)):
        for h in range(g + 1, len(z)):
            rows = [i for i, one in enumerate(present.tolist()) if one[g] and one[h]]
            weights = {(i, k): math.exp(scale * cosine(z[g][i].tolist(), z[h][k].tolist())) for i in rows for k in rows}
            for i in rows:
                of_first, of_second = sum(weights[i, k] for k in rows), sum(weights[k, i] for k in rows)
                terms.append(-(math.log(weights[i, i] / of_first) + math.log(weights[i, i] / of_second)) / 2)
    return mean(terms)


@pytest.mark.parametrize("scale", [1.0, 10.0])
@pytest.mark.parametrize("present", [PRESENT, torch.ones(5, 3, dtype=torch.bool)], ids=["some", "all"])
def test_equals_loops(present, scale):
    assert float(cmc_loss(Z, present, scale)) == pytest.approx(by_loops(Z, present, scale), rel=1e-10)


def test_without_gaps_it_is_the_mean_over_all_pairs():
    pair_loss = partial(clip_loss, groups=torch.arange(5))
    expected = multi_view_loss(*Z, pair_loss=pair_loss)
    torch.testing.assert_close(cmc_loss(Z, torch.ones(5, 3, dtype=torch.bool)), expected)


def test_what_is_missing_has_no_influence():
    other = torch.where(PRESENT.T[:, :, None], Z, 100 * normal(3, 5, 4, seed=1))
    torch.testing.assert_close(cmc_loss(other, PRESENT), cmc_loss(Z, PRESENT))
    z = Z.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(cmc_loss(z, PRESENT), z)
    assert torch.equal((gradient != 0).any(dim=2), PRESENT.T)


def test_nothing_to_compare_costs_nothing():
    z = Z.clone().requires_grad_()
    loss = cmc_loss(z, torch.eye(5, 3, dtype=torch.bool))
    assert float(loss.detach()) == 0
    assert not torch.autograd.grad(loss, z)[0].any()


def test_present_of_another_shape():
    with pytest.raises(ValueError, match=r"`present` must have the shape \(5, 3\), a row per series, got \(3, 5\)"):
        cmc_loss(Z, PRESENT.T)
