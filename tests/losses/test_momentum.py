import math

import numpy as np
import pytest
import torch

from sklearn_ssl.losses import mocov3_loss, queue_contrastive_loss

ORDER = torch.tensor([3, 0, 5, 1, 4, 2])


def embeddings(*n_rows, d=5, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(rows, d, generator=generator, dtype=torch.float64).to(dtype) for rows in n_rows]


def cosine(a, b):
    dot = sum(float(x) * float(y) for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(float(x) ** 2 for x in a)) / math.sqrt(sum(float(y) ** 2 for y in b))


def naive_queue(query, key, queue, temperature):
    total = 0.0
    for q, k in zip(query, key, strict=True):
        positive = math.exp(cosine(q, k) / temperature)
        negatives = sum(math.exp(cosine(q, m) / temperature) for m in queue)
        total -= math.log(positive / (positive + negatives))
    return total / len(query)


def naive_mocov3(q1, q2, k1, k2, temperature):
    total = 0.0
    for queries, keys in ((q1, k2), (q2, k1)):
        for i, q in enumerate(queries):
            exponentials = [math.exp(cosine(q, k) / temperature) for k in keys]
            total -= 2 * temperature * math.log(exponentials[i] / sum(exponentials)) / len(queries)
    return total


@pytest.mark.parametrize("temperature", [0.07, 0.5, 3.0])
@pytest.mark.parametrize(("n", "size"), [(1, 1), (4, 9), (6, 2)])
def test_queue_equals_loops(n, size, temperature):
    query, key, queue = embeddings(n, n, size)
    expected = naive_queue(query, key, queue, temperature)
    assert float(queue_contrastive_loss(query, key, queue, temperature)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("temperature", [0.07, 0.5, 3.0])
@pytest.mark.parametrize("n", [2, 6])
def test_mocov3_equals_loops(n, temperature):
    views = embeddings(n, n, n, n)
    assert float(mocov3_loss(*views, temperature)) == pytest.approx(naive_mocov3(*views, temperature), rel=1e-9)


@pytest.mark.parametrize("temperature", [0.01, 0.2, 100.0])
def test_identical_embeddings_are_at_chance_level(temperature):
    z, queue = torch.full((4, 3), 0.7), torch.full((16, 3), 0.7)
    assert float(queue_contrastive_loss(z, z, queue, temperature)) == pytest.approx(math.log(17), rel=1e-5)
    assert float(mocov3_loss(z, z, z, z, temperature)) == pytest.approx(4 * temperature * math.log(4), rel=1e-5)


def test_orthogonal_embeddings():
    # Positive at cosine 1, three of the queue, or two of the batch, at cosine 0.
    z, queue = torch.eye(6)[:3], torch.eye(6)[3:]
    assert float(queue_contrastive_loss(z, z, queue, 0.5)) == pytest.approx(math.log(math.exp(2) + 3) - 2, rel=1e-6)
    both = 2 * 2 * 0.5 * (math.log(math.exp(2) + 2) - 2)
    assert float(mocov3_loss(z, z, z, z, 0.5)) == pytest.approx(both, rel=1e-6)


def test_views_are_crossed():
    # q1 finds its keys in k2 and q2 in k1; the keys of the own view are all the same.
    z, same = torch.eye(3), torch.ones(3, 3)
    assert mocov3_loss(z, same, same, z) < mocov3_loss(z, same, z, same)


def test_keys_of_the_batch_are_no_negatives_of_the_queue():
    query, key, queue = embeddings(4, 4, 9)
    alone = [queue_contrastive_loss(query[[i]], key[[i]], queue) for i in range(4)]
    torch.testing.assert_close(queue_contrastive_loss(query, key, queue), torch.stack(alone).mean())


def test_default_temperature():
    query, key, queue = embeddings(4, 4, 9)
    assert queue_contrastive_loss(query, key, queue) == queue_contrastive_loss(query, key, queue, temperature=0.2)
    assert queue_contrastive_loss(query, key, queue) != queue_contrastive_loss(query, key, queue, temperature=0.07)
    views = embeddings(4, 4, 4, 4)
    assert mocov3_loss(*views) == mocov3_loss(*views, temperature=0.2)
    assert mocov3_loss(*views) != mocov3_loss(*views, temperature=1.0)


def test_queue_is_invariant_to_scale_and_order():
    query, key, queue = embeddings(6, 6, 9)
    expected = queue_contrastive_loss(query, key, queue)
    scales = torch.logspace(-3, 3, 6, dtype=torch.float64)[:, None]
    torch.testing.assert_close(queue_contrastive_loss(scales * query, 3 * key, 7 * queue), expected)
    torch.testing.assert_close(queue_contrastive_loss(query[ORDER], key[ORDER], queue.flip(0)), expected)
    assert not torch.isclose(queue_contrastive_loss(query[ORDER], key, queue), expected)


def test_mocov3_is_invariant_to_scale_order_and_exchange_of_views():
    q1, q2, k1, k2 = embeddings(6, 6, 6, 6)
    expected = mocov3_loss(q1, q2, k1, k2)
    scales = torch.logspace(-3, 3, 6, dtype=torch.float64)[:, None]
    torch.testing.assert_close(mocov3_loss(scales * q1, q2, k1, 5 * k2), expected)
    torch.testing.assert_close(mocov3_loss(q1[ORDER], q2[ORDER], k1[ORDER], k2[ORDER]), expected)
    torch.testing.assert_close(mocov3_loss(q2, q1, k2, k1), expected)
    assert not torch.isclose(mocov3_loss(q1, q2, k2, k1), expected)


def test_keys_and_queue_are_neither_changed_nor_differentiated():
    query, key, queue = (z.requires_grad_() for z in embeddings(4, 4, 9))
    before = queue.detach().clone()
    queue_contrastive_loss(query, key, queue).backward()
    assert key.grad is None
    assert queue.grad is None
    assert query.grad.abs().min() > 0
    assert torch.equal(queue, before)
    q1, q2, k1, k2 = (z.requires_grad_() for z in embeddings(4, 4, 4, 4))
    mocov3_loss(q1, q2, k1, k2).backward()
    assert k1.grad is None
    assert k2.grad is None
    assert q1.grad.abs().min() > 0
    assert q2.grad.abs().min() > 0


def test_gradient():
    query, key, queue = embeddings(4, 4, 9)
    assert torch.autograd.gradcheck(lambda q: queue_contrastive_loss(q, key, queue), (query.requires_grad_(),))
    q1, q2, k1, k2 = embeddings(4, 4, 4, 4)
    trained = (q1.requires_grad_(), q2.requires_grad_())
    assert torch.autograd.gradcheck(lambda a, b: mocov3_loss(a, b, k1, k2), trained)


@pytest.mark.parametrize("temperature", [0.01, 100.0])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    "rows",
    [[[1.0, -2.0], [0.5, 0.1]], [[300.0, 300.0], [-300.0, 300.0]], [[0.0, 0.0], [1.0, 2.0]], [[0.0, 0.0], [0.0, 0.0]]],
    ids=["plain", "large", "one zero row", "all zero"],
)
def test_finite_in_half_precision(rows, dtype, temperature):
    z1 = torch.tensor(rows, dtype=dtype, requires_grad=True)
    z2 = torch.tensor(rows[::-1], dtype=dtype, requires_grad=True)
    losses = [queue_contrastive_loss(z1, z2, z1, temperature), mocov3_loss(z1, z2, z1, z2, temperature)]
    sum(losses).backward()
    for loss in losses:
        assert loss.dtype == torch.float32
        assert torch.isfinite(loss)
    assert torch.isfinite(z1.grad).all()
    assert torch.isfinite(z2.grad).all()


def test_full_precision_under_autocast():
    z1, z2, queue = embeddings(16, 16, 32, dtype=torch.float32)
    expected = queue_contrastive_loss(z1, z2, queue), mocov3_loss(z1, z2, z1, z2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        computed = queue_contrastive_loss(z1, z2, queue), mocov3_loss(z1, z2, z1, z2)
    torch.testing.assert_close(computed, expected, rtol=0, atol=0)


def test_wrong_shapes_of_a_queue():
    query, key, queue = embeddings(4, 4, 9)
    with pytest.raises(ValueError, match=r"`query` and `key` must have the same shape, got \(4, 5\) and \(3, 5\)"):
        queue_contrastive_loss(query, key[:3], queue)
    with pytest.raises(ValueError, match=r"`query` must have the shape \(n, d\), got \(4, 5, 1\); pool or flatten"):
        queue_contrastive_loss(query[..., None], key[..., None], queue)
    with pytest.raises(ValueError, match=r"`queue` must have as many columns as the embeddings, 5, got \(5, 9\)"):
        queue_contrastive_loss(query, key, queue.T)
    with pytest.raises(ValueError, match=r"`queue` must have 1 or more rows, got \(0, 5\)"):
        queue_contrastive_loss(query, key, queue[:0])
    with pytest.raises(ValueError, match=r"`query` must have 1 or more rows, got \(0, 5\)"):
        queue_contrastive_loss(query[:0], key[:0], queue)


def test_wrong_shapes_of_a_batch():
    q1, q2, k1, k2 = embeddings(4, 4, 4, 4)
    message = (
        r"`q1`, `q2`, `k1` and `k2` must have the same shape, got \(4, 5\), \(4, 5\), \(4, 2\) and \(4, 5\); row i"
    )
    with pytest.raises(ValueError, match=message):
        mocov3_loss(q1, q2, k1[:, :2], k2)
    with pytest.raises(ValueError, match=r"`q1` must have 2 or more rows, got \(1, 5\); use a larger batch"):
        mocov3_loss(q1[:1], q2[:1], k1[:1], k2[:1])


@pytest.mark.parametrize("temperature", [0, -1.0, np.nan, np.inf])
def test_wrong_temperature(temperature):
    z = embeddings(4)[0]
    with pytest.raises(ValueError, match="`temperature` must be a finite number above 0, got"):
        queue_contrastive_loss(z, z, z, temperature)
    with pytest.raises(ValueError, match="`temperature` must be a finite number above 0, got"):
        mocov3_loss(z, z, z, z, temperature)
