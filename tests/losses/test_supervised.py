import math

import pytest
import torch
from loops import cross_entropy, normal, one_hot

from sklearn_ssl.losses import ntxent_loss, semi_supervised_loss, weighted_cross_entropy, weighted_squared_error

CLASSES = torch.tensor([0, 2, 1, 1, 0, 2, 2])
WEIGHTS = torch.tensor([0.3, 1.0, 0.0, 2.0, 0.7, 0.1, 1.5], dtype=torch.float64)


def naive_cross_entropy(logits, classes, weights):
    surprises = [cross_entropy(one_hot(c, len(row)), row) for row, c in zip(logits, classes, strict=True)]
    return sum(w * surprise for w, surprise in zip(weights, surprises, strict=True)) / sum(weights)


def test_cross_entropy_is_the_weighted_mean_of_surprises():
    logits = normal(7, 3)
    expected = naive_cross_entropy(logits.tolist(), CLASSES.tolist(), WEIGHTS.tolist())
    assert float(weighted_cross_entropy(logits, CLASSES, WEIGHTS)) == pytest.approx(expected, rel=1e-9)


def test_squared_error_counts_known_targets_only():
    prediction, target = normal(2, 7, 2)
    target[1, 0] = target[3, 0] = target[3, 1] = torch.nan
    total, count = 0.0, 0.0
    for p, y, w in zip(prediction.tolist(), target.tolist(), WEIGHTS.tolist(), strict=True):
        for value, known in zip(p, y, strict=True):
            if not math.isnan(known):
                total += w * (value - known) ** 2
                count += w
    assert float(weighted_squared_error(prediction, target, WEIGHTS)) == pytest.approx(total / count, rel=1e-9)


@pytest.mark.parametrize(
    ("loss", "target"), [(weighted_cross_entropy, CLASSES), (weighted_squared_error, normal(7, 3))]
)
def test_only_the_ratios_of_the_weights_count(loss, target):
    outputs = normal(7, 3, seed=1)
    torch.testing.assert_close(loss(outputs, target, 0.01 * WEIGHTS), loss(outputs, target, WEIGHTS))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.float64])
def test_kinds_of_classes(dtype):
    logits = normal(7, 3)
    expected = weighted_cross_entropy(logits, CLASSES, WEIGHTS)
    assert weighted_cross_entropy(logits, CLASSES.to(dtype), WEIGHTS) == expected


def test_unknown_targets_have_no_gradient():
    prediction = torch.ones(2, 1, requires_grad=True)
    weighted_squared_error(prediction, torch.tensor([[torch.nan], [3.0]]), torch.ones(2)).backward()
    assert prediction.grad.tolist() == [[0.0], [-4.0]]


@pytest.mark.parametrize(
    ("loss", "target"),
    [
        (weighted_cross_entropy, torch.tensor([0, 1])),
        (weighted_squared_error, torch.ones(2, 3)),
        (weighted_squared_error, torch.full((2, 3), torch.nan)),
    ],
)
def test_a_batch_without_weight_or_targets_has_the_loss_zero(loss, target):
    outputs = normal(2, 3).requires_grad_()
    value = loss(outputs, target, torch.full((2,), float(target.isnan().any())))
    value.backward()
    assert value == 0
    assert not outputs.grad.any()


def test_half_precision_does_not_overflow():
    logits = torch.tensor([[60000.0, -60000.0]], dtype=torch.float16)
    assert float(weighted_cross_entropy(logits, torch.tensor([1]), torch.ones(1))) == pytest.approx(120000, rel=1e-3)


def test_wrong_targets_and_weights():
    outputs, weight = normal(4, 3), torch.ones(4)
    with pytest.raises(ValueError, match=r"`target` must have the shape of `prediction`, .*, got \(4,\); pass NaN"):
        weighted_squared_error(outputs, weight, weight)
    with pytest.raises(ValueError, match=r"`weight` must have the shape \(4,\), one number per row, got \(3,\); pass"):
        weighted_squared_error(outputs, outputs, weight[:3])
    with pytest.raises(ValueError, match=r"`target` must have the shape \(4,\), .* got \(4, 3\); pass the class"):
        weighted_cross_entropy(outputs, outputs, weight)


def test_semi_supervised_loss_is_the_weighted_sum():
    labelled = normal(7, 3), CLASSES, WEIGHTS
    z1, z2 = normal(2, 6, 4, seed=1)
    terms = {"supervised": weighted_cross_entropy, "self_supervised": ntxent_loss}
    supervised = naive_cross_entropy(*(values.tolist() for values in labelled))
    unsupervised = float(ntxent_loss(z1, z2))
    both = semi_supervised_loss(*labelled, z1, z2, ssl_weight=0.3, **terms)
    assert float(both) == pytest.approx(supervised + 0.3 * unsupervised, rel=1e-9)
    assert float(semi_supervised_loss(*labelled, z1, z2, ssl_weight=0, **terms)) == pytest.approx(supervised, rel=1e-9)
    # S4L gives both terms the same weight.
    expected = supervised + unsupervised
    assert float(semi_supervised_loss(*labelled, z1, z2, **terms)) == pytest.approx(expected, rel=1e-9)


def test_without_embeddings_only_the_labels_count():
    labelled = normal(7, 3), CLASSES, WEIGHTS
    alone = semi_supervised_loss(*labelled, supervised=weighted_cross_entropy, self_supervised=ntxent_loss)
    assert alone == weighted_cross_entropy(*labelled)
