import math

import pytest
import torch
from loops import cross_entropy, dot, mean, normal, one_hot

from sklearn_ssl.losses import cpc_loss, ntxent_loss, tstcc_loss


def naive(predicted, later):
    losses = []
    for p, z in zip(predicted.tolist(), later.tolist(), strict=True):
        for i, one in enumerate(p):
            losses.append(cross_entropy(one_hot(i, len(z)), [dot(one, candidate) for candidate in z]))
    return mean(losses)


def test_equals_loops_with_a_softmax_over_candidates():
    predicted, later = normal(2, 3, 5, 4)
    assert float(cpc_loss(predicted, later)) == pytest.approx(naive(predicted, later), rel=1e-9)
    over_predictions = naive(later, predicted)
    assert float(cpc_loss(predicted, later)) != pytest.approx(over_predictions, rel=1e-3)


@pytest.mark.parametrize("n", [2, 7])
def test_equal_features_are_at_chance_level(n):
    z = torch.ones(3, n, 4)
    assert float(cpc_loss(z, z)) == pytest.approx(math.log(n), rel=1e-6)


def test_negatives_are_other_series():
    predicted, later = normal(2, 3, 5, 4)
    other = later.clone()
    other[:, 4] += 1.0
    first_four = [cpc_loss(predicted[:, :4], one[:, :4]) for one in (later, other)]
    assert torch.equal(*first_four)
    assert not torch.isclose(cpc_loss(predicted, later), cpc_loss(predicted, other))


@pytest.mark.parametrize(("temporal", "contextual", "temperature"), [(1.0, 0.7, 0.2), (0.5, 2.0, 0.7), (0.0, 1.0, 0.1)])
def test_sum_of_both_directions_and_the_agreement(temporal, contextual, temperature):
    contexts, windows = normal(2, 5, 3), normal(4, 2, 5, 4, seed=1)
    expected = temporal * (naive(windows[0], windows[1]) + naive(windows[2], windows[3]))
    expected += contextual * float(ntxent_loss(*contexts, temperature))
    loss = tstcc_loss(*contexts, *windows, temporal, contextual, temperature)
    assert float(loss) == pytest.approx(expected, rel=1e-9)


def test_published_weights():
    tensors = (*normal(2, 5, 3), *normal(4, 2, 5, 4, seed=1))
    assert torch.equal(tstcc_loss(*tensors), tstcc_loss(*tensors, 1.0, 0.7, 0.2))
