import math

import pytest
import torch
from loops import dot, mean, normal

from sklearn_ssl.losses import tloss_loss


def naive(anchor, positive, negatives, negative_weight):
    def log_share(score):
        return -math.log(1 + math.exp(-score))

    losses = []
    for i, a in enumerate(anchor.tolist()):
        close = log_share(dot(a, positive[i].tolist()))
        apart = mean(log_share(-dot(a, one[i].tolist())) for one in negatives)
        losses.append(-close - negative_weight * apart)
    return mean(losses)


@pytest.mark.parametrize("negative_weight", [0.0, 1.0, 2.5])
def test_equals_loops(negative_weight):
    anchor, positive, *negatives = normal(5, 6, 4)
    loss = tloss_loss(anchor, positive, torch.stack(negatives), negative_weight)
    assert float(loss) == pytest.approx(naive(anchor, positive, negatives, negative_weight), rel=1e-9)


def test_features_of_zero_are_at_chance_level_for_any_number_of_negatives():
    zero = torch.zeros(7, 4, 3)
    for n_negatives in (1, 7):
        assert float(tloss_loss(zero[0], zero[0], zero[:n_negatives])) == pytest.approx(2 * math.log(2))


def test_gradient_pulls_the_positive_and_pushes_the_negatives():
    a, p, n = (one.clone().requires_grad_() for one in normal(3, 6, 4))
    tloss_loss(a, p, n[None]).backward()
    with torch.no_grad():
        assert bool(((-p.grad * a).sum(1) > 0).all())
        assert bool(((-n.grad * a).sum(1) < 0).all())
