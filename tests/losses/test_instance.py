import math

import numpy as np
import pytest
import torch

from sklearn_ssl.losses import exemplar_loss, instance_discrimination_loss

INDEX = torch.tensor([3, 0, 6, 3])


def embeddings(n=4, size=7, d=5, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(rows, d, generator=generator, dtype=torch.float64).to(dtype) for rows in (n, size)]


def naive_softmax_loss(logits, index):
    total = 0.0
    for row, own in zip(logits, index, strict=True):
        exponentials = [math.exp(value) for value in row]
        total -= math.log(exponentials[own] / sum(exponentials))
    return total / len(logits)


def naive_instance(z, index, bank, temperature):
    def cosine(a, b):
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        return dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))

    logits = [[cosine(row, stored) / temperature for stored in bank.tolist()] for row in z.tolist()]
    return naive_softmax_loss(logits, index.tolist())


@pytest.mark.parametrize("temperature", [0.07, 0.5, 3.0])
def test_instance_equals_loops(temperature):
    z, bank = embeddings()
    expected = naive_instance(z, INDEX, bank, temperature)
    assert float(instance_discrimination_loss(z, INDEX, bank, temperature)) == pytest.approx(expected, rel=1e-9)


def test_exemplar_equals_loops():
    logits = 3 * torch.randn(4, 7, dtype=torch.float64)
    expected = naive_softmax_loss(logits.tolist(), INDEX.tolist())
    assert float(exemplar_loss(logits, INDEX)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("temperature", [0.01, 0.07, 100.0])
def test_identical_bank_is_at_chance_level(temperature):
    z, _ = embeddings()
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


def test_exemplar_with_normalised_weights_is_instance_discrimination():
    z, bank = embeddings()
    cosines = (z / z.norm(dim=1, keepdim=True)) @ (bank / bank.norm(dim=1, keepdim=True)).T
    torch.testing.assert_close(exemplar_loss(cosines / 0.2, INDEX), instance_discrimination_loss(z, INDEX, bank, 0.2))


def test_default_temperature():
    z, bank = embeddings()
    default = instance_discrimination_loss(z, INDEX, bank)
    assert default == instance_discrimination_loss(z, INDEX, bank, temperature=0.07)
    assert default != instance_discrimination_loss(z, INDEX, bank, temperature=0.1)


def test_instance_is_invariant_to_scale_and_order():
    z, bank = embeddings()
    expected = instance_discrimination_loss(z, INDEX, bank)
    scales = torch.logspace(-3, 3, 4, dtype=torch.float64)[:, None]
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(instance_discrimination_loss(scales * z, INDEX, 10 * bank), expected)
    torch.testing.assert_close(instance_discrimination_loss(z[order], INDEX[order], bank), expected)
    torch.testing.assert_close(instance_discrimination_loss(z, 6 - INDEX, bank.flip(0)), expected)
    assert not torch.isclose(instance_discrimination_loss(z[order], INDEX, bank), expected)


def test_bank_is_neither_changed_nor_differentiated():
    z, bank = (tensor.requires_grad_() for tensor in embeddings())
    before = bank.detach().clone()
    instance_discrimination_loss(z, INDEX, bank).backward()
    assert bank.grad is None
    assert z.grad.abs().min() > 0
    assert torch.equal(bank, before)


def test_gradient():
    z, bank = embeddings()
    z.requires_grad_()
    assert torch.autograd.gradcheck(lambda a: instance_discrimination_loss(a, INDEX, bank, 0.2), (z,))
    logits = torch.randn(4, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a: exemplar_loss(a, INDEX), (logits,))


@pytest.mark.parametrize("temperature", [0.01, 100.0])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("rows", [[[1.0, -2.0], [300.0, 300.0]], [[0.0, 0.0], [1.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]])
def test_finite_in_half_precision(rows, dtype, temperature):
    z = torch.tensor(rows, dtype=dtype, requires_grad=True)
    bank = torch.tensor([[0.0, 0.0], [-300.0, -300.0], [1.0, 0.0]], dtype=dtype)
    loss = instance_discrimination_loss(z, torch.tensor([1, 0]), bank, temperature)
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert torch.isfinite(z.grad).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_exemplar_is_finite_in_half_precision(dtype):
    logits = torch.tensor([[6e4, -6e4], [0.0, 0.0]], dtype=dtype, requires_grad=True)
    loss = exemplar_loss(logits, torch.tensor([1, 0]))
    loss.backward()
    assert loss.dtype == torch.float32
    assert float(loss.detach()) == pytest.approx(6e4, rel=1e-2)
    assert torch.isfinite(logits.grad).all()


def test_full_precision_under_autocast():
    z, bank = embeddings(dtype=torch.float32)
    expected = instance_discrimination_loss(z, INDEX, bank)
    expected_exemplar = exemplar_loss(z, INDEX % 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(instance_discrimination_loss(z, INDEX, bank), expected, rtol=0, atol=0)
        torch.testing.assert_close(exemplar_loss(z, INDEX % 5), expected_exemplar, rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_kinds_of_integers(dtype):
    z, bank = embeddings()
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
def test_index_of_a_wrong_type(index):
    z, bank = embeddings()
    with pytest.raises(TypeError, match="`index` must hold integers, got torch"):
        instance_discrimination_loss(z, index, bank)
    with pytest.raises(TypeError, match="`index` must hold integers, got torch"):
        exemplar_loss(z, index)


def test_index_of_a_wrong_shape():
    z, bank = embeddings()
    with pytest.raises(ValueError, match=r"`index` must have the shape \(4,\), one number per row, got \(3,\)"):
        instance_discrimination_loss(z, INDEX[:3], bank)
    with pytest.raises(ValueError, match=r"`index` must have the shape \(4,\), one number per row, got \(4, 1\)"):
        exemplar_loss(z, INDEX[:, None])


def test_wrong_shapes():
    z, bank = embeddings()
    with pytest.raises(ValueError, match=r"`z` must have the shape \(n, d\), got \(4, 5, 1\); pool or flatten"):
        instance_discrimination_loss(z[:, :, None], INDEX, bank)
    with pytest.raises(ValueError, match=r"`bank` must have as many columns as the embeddings, 5, got \(5, 7\)"):
        instance_discrimination_loss(z, INDEX, bank.T)
    with pytest.raises(ValueError, match=r"`bank` must have 1 or more rows, got \(0, 5\)"):
        instance_discrimination_loss(z, INDEX, bank[:0])
    with pytest.raises(ValueError, match=r"`logits` must have the shape \(n, d\), got \(4,\)"):
        exemplar_loss(z[:, 0], INDEX)


@pytest.mark.parametrize("temperature", [0, -1.0, np.nan, np.inf])
def test_wrong_temperature(temperature):
    z, bank = embeddings()
    with pytest.raises(ValueError, match="`temperature` must be a finite number above 0, got"):
        instance_discrimination_loss(z, INDEX, bank, temperature)
