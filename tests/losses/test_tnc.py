import math

import pytest
import torch
from loops import mean, normal
from torch.nn import functional as F

from sklearn_ssl.losses import tnc_loss


def naive(neighbours, others, similar):
    def share(score):
        return 1 / (1 + math.exp(-score))

    near = mean(-math.log(share(d)) for d in neighbours.tolist())
    distant = mean(-(1 - similar) * math.log(1 - share(d)) - similar * math.log(share(d)) for d in others.tolist())
    return (near + distant) / 2


@pytest.mark.parametrize("similar", [0.0, 0.05, 1.0])
def test_equals_loops(similar):
    neighbours, others = normal(7), normal(4, seed=1)
    assert float(tnc_loss(neighbours, others, similar)) == pytest.approx(naive(neighbours, others, similar), rel=1e-9)


def test_without_similar_ones_it_is_the_mean_of_two_binary_cross_entropies():
    neighbours, others = normal(2, 6)
    binary = F.binary_cross_entropy_with_logits
    expected = (binary(neighbours, torch.ones_like(neighbours)) + binary(others, torch.zeros_like(others))) / 2
    torch.testing.assert_close(tnc_loss(neighbours, others, 0.0), expected)


def test_published_weight_and_chance_level():
    neighbours, others = normal(2, 6)
    assert torch.equal(tnc_loss(neighbours, others), tnc_loss(neighbours, others, 0.05))
    assert float(tnc_loss(torch.zeros(3), torch.zeros(5))) == pytest.approx(math.log(2))
