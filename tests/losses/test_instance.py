import math

import pytest
import torch
from loops import cosine, cross_entropy, mean, normal, one_hot, scales

from sklearn_ssl.losses import exemplar_loss, instance_discrimination_loss

INDEX = torch.tensor([3, 0, 6, 3])


def naive_softmax_loss(logits, index):
    return mean(cross_entropy(one_hot(own, len(row)), row) for row, own in zip(logits, index, strict=True))


def naive_instance(z, index, bank, temperature):
    logits = [[cosine(row, stored) / temperature for stored in bank.tolist()] for row in z.tolist()]
    return naive_softmax_loss(logits, index.tolist())


@pytest.fixture
def z():
    return normal(4, 5)


@pytest.fixture
def bank():
    return normal(7, 5, seed=1)


@pytest.mark.parametrize("temperature", [0.07, 0.5, 3.0])
def test_instance_equals_loops(z, bank, temperature):
    expected = naive_instance(z, INDEX, bank, temperature)
    assert float(instance_discrimination_loss(z, INDEX, bank, temperature)) == pytest.approx(expected, rel=1e-9)


def test_published_temperature(z, bank):
    expected = naive_instance(z, INDEX, bank, 0.07)
    assert float(instance_discrimination_loss(z, INDEX, bank)) == pytest.approx(expected, rel=1e-9)


def test_exemplar_equals_loops():
    logits = 3 * normal(4, 7)
    expected = naive_softmax_loss(logits.tolist(), INDEX.tolist())
    assert float(exemplar_loss(logits, INDEX)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("temperature", [0.01, 0.07, 100.0])
def test_identical_bank_is_at_chance_level(z, temperature):
    bank = torch.full((7, 5), -0.3, dtype=torch.float64)
    loss = instance_discrimination_loss(z, INDEX, bank, temperature)
    assert float(loss) == pytest.approx(math.log(7), rel=1e-9)


def test_equal_logits_are_at_chance_level():
    assert float(exemplar_loss(torch.full((4, 7), 2.5), INDEX)) == pytest.approx(math.log(7), rel=1e-6)


def test_instance_of_orthogonal_bank():
    # Each series at cosine 1 to its own row and 0 to the two others.
    z = torch.eye(3)
    loss = instance_discrimination_loss(z, torch.arange(3), z, 0.5)
    assert float(loss) == pytest.approx(math.log(math.exp(2) + 2) - 2, rel=1e-6)


def test_exemplar_with_normalised_weights_is_instance_discrimination(z, bank):
    cosines = (z / z.norm(dim=1, keepdim=True)) @ (bank / bank.norm(dim=1, keepdim=True)).T
    torch.testing.assert_close(exemplar_loss(cosines / 0.2, INDEX), instance_discrimination_loss(z, INDEX, bank, 0.2))


def test_instance_ignores_scales_and_the_order_of_the_bank(z, bank):
    expected = instance_discrimination_loss(z, INDEX, bank)
    torch.testing.assert_close(instance_discrimination_loss(scales(4, 1) * z, INDEX, 10 * bank), expected)
    torch.testing.assert_close(instance_discrimination_loss(z, 6 - INDEX, bank.flip(0)), expected)


def test_large_logits_do_not_overflow():
    logits = torch.tensor([[6e4, -6e4], [0.0, 0.0]], dtype=torch.float16)
    assert float(exemplar_loss(logits, torch.tensor([1, 0]))) == pytest.approx(6e4, rel=1e-2)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_kinds_of_integers(z, bank, dtype):
    index = INDEX.to(dtype)
    assert instance_discrimination_loss(z, index, bank) == instance_discrimination_loss(z, INDEX, bank)
    assert exemplar_loss(z @ bank.T, index) == exemplar_loss(z @ bank.T, INDEX)


def test_index_beyond_the_precision_of_a_float():
    # Above 2**24 single precision holds even integers only: an index that went through it would be one too large.
    n_series = 2**24 + 4
    logits = torch.zeros(1, n_series, dtype=torch.float16)
    logits[0, -3] = 40
    assert float(exemplar_loss(logits, torch.tensor([n_series - 3]))) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("index", [torch.zeros(4), torch.zeros(4, dtype=torch.bool)])
def test_index_of_a_wrong_type(z, bank, index):
    message = f"`index` must hold integers, got {index.dtype}; pass the numbers of the series in the set"
    with pytest.raises(TypeError, match=message):
        instance_discrimination_loss(z, index, bank)
    with pytest.raises(TypeError, match=message):
        exemplar_loss(z, index)
