import math

import pytest
import torch
from loops import cross_entropy, dot, mean, normal, one_hot

from sklearn_ssl.losses import dicot_loss


def naive(z, temperature):
    losses = []
    for blocks in z.tolist():
        for k, block in enumerate(blocks):
            scores = [dot(block, other) / temperature for other in blocks]
            losses.append(cross_entropy(one_hot(max(k - 1, 0), len(blocks)), scores))
    return mean(losses)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_equals_loops(temperature):
    z = normal(3, 4, 5)
    assert float(dicot_loss(z, temperature)) == pytest.approx(naive(z, temperature), rel=1e-9)


def test_published_temperature_and_chance_level():
    z = normal(3, 4, 5)
    assert torch.equal(dicot_loss(z), dicot_loss(z, 0.07))
    assert float(dicot_loss(torch.ones(3, 6, 2))) == pytest.approx(math.log(6), rel=1e-6)


def test_series_do_not_meet():
    z = normal(3, 4, 5)
    torch.testing.assert_close(dicot_loss(z), torch.stack([dicot_loss(one[None]) for one in z]).mean())
