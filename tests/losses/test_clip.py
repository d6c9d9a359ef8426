"""CLIP's loss against loops, the paper's two cross-entropies, and what equal texts must not do."""

import math

import pytest
import torch
from loops import cosine, mean, normal
from torch.nn import functional as F

from sklearn_ssl.losses import clip_loss

GROUPS = torch.tensor([3, 1, 3, 0, 1, 3])
N, D = 6, 4


def of_texts(groups):
    """Return embeddings of the texts of series, equal where the texts are."""
    return normal(10, D, seed=1)[groups]


def by_loops(z, t, groups, scale):
    """Compute the loss from its formula."""
    groups = groups.tolist()
    texts = {group: t[groups.index(group)].tolist() for group in groups}
    exponentials = [{u: math.exp(scale * cosine(row, text)) for u, text in texts.items()} for row in z.tolist()]
    of_series = mean(-math.log(e[u] / sum(e.values())) for e, u in zip(exponentials, groups, strict=True))
    of_texts = mean(
        mean(
            -math.log(e[u] / sum(other[u] for other in exponentials))
            for e, own in zip(exponentials, groups, strict=True)
            if own == u
        )
        for u in texts
    )
    return (of_series + of_texts) / 2


@pytest.mark.parametrize(
    "groups", [GROUPS, torch.arange(N), torch.zeros(N, dtype=torch.long)], ids=["some", "all", "one"]
)
@pytest.mark.parametrize("scale", [1.0, 14.3])
def test_equals_loops(groups, scale):
    z, t = normal(N, D), of_texts(groups)
    assert float(clip_loss(z, t, groups, scale)) == pytest.approx(by_loops(z, t, groups, scale), rel=1e-10)


def test_different_texts_give_the_two_cross_entropies_of_the_paper():
    z, t, order = normal(N, D), normal(N, D, seed=1), torch.arange(N)
    logits = F.normalize(z) @ F.normalize(t).T / 0.07
    expected = (F.cross_entropy(logits, order) + F.cross_entropy(logits.T, order)) / 2
    torch.testing.assert_close(clip_loss(z, t, order), expected, rtol=1e-12, atol=0)


def test_equal_texts_are_no_negatives():
    places = torch.eye(3, dtype=torch.float64)[torch.tensor([0, 1, 1, 2])]  # every series is at its text
    groups = torch.tensor([5, 7, 7, 9])
    of_equal_texts = math.log(2) / 3 / 2  # each of two series is half as probable as one alone
    assert float(clip_loss(places, places, groups, 100.0)) == pytest.approx(of_equal_texts, abs=1e-9)
    # Were they negatives, both directions would cost log 2 for two of four series.
    assert float(clip_loss(places, places, torch.arange(4), 100.0)) == pytest.approx(math.log(2) / 2, abs=1e-9)


def test_pairs_in_another_order():
    order = torch.tensor([4, 2, 0, 5, 1, 3])
    z, t = normal(N, D), of_texts(GROUPS)
    expected = clip_loss(z, t, GROUPS)
    torch.testing.assert_close(clip_loss(z[order], t[order], GROUPS[order]), expected)
    assert not torch.isclose(clip_loss(z[order], t, GROUPS), expected)


@pytest.mark.parametrize(("groups", "n_texts"), [(GROUPS, 3), (torch.arange(N), 6), (torch.zeros(N), 1)])
def test_chance_level(groups, n_texts):
    same = torch.ones(N, D)
    assert float(clip_loss(same, same, groups)) == pytest.approx((math.log(n_texts) + math.log(N)) / 2, abs=1e-6)


def test_the_scale_has_a_gradient():
    z, t = normal(N, D), of_texts(GROUPS)
    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda scale: clip_loss(z, t, GROUPS, scale), scale)


def test_groups_of_another_number_of_series():
    with pytest.raises(ValueError, match=r"`groups` must have the shape \(6,\).*give equal texts equal numbers"):
        clip_loss(normal(N, D), normal(N, D), torch.zeros(5))
