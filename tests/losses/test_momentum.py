import math

import pytest
import torch
from loops import cosine, cross_entropy, mean, normal, one_hot, scales

from sklearn_ssl.losses import mocov3_loss, queue_contrastive_loss


def naive_queue(query, key, queue, temperature):
    losses = []
    for q, k in zip(query.tolist(), key.tolist(), strict=True):
        logits = [cosine(q, other) / temperature for other in (k, *queue.tolist())]
        losses.append(cross_entropy(one_hot(0, 1 + len(queue)), logits))
    return mean(losses)


def naive_mocov3(q1, q2, k1, k2, temperature):
    total = 0.0
    for queries, keys in ((q1, k2), (q2, k1)):
        for i, q in enumerate(queries.tolist()):
            logits = [cosine(q, k) / temperature for k in keys.tolist()]
            total += 2 * temperature * cross_entropy(one_hot(i, len(keys)), logits) / len(queries)
    return total


def queries(n, size):
    return normal(n, 5), normal(n, 5, seed=1), normal(size, 5, seed=2)


@pytest.mark.parametrize("temperature", [0.07, 0.5, 3.0])
@pytest.mark.parametrize(("n", "size"), [(1, 1), (4, 9), (6, 2)])
def test_queue_equals_loops(n, size, temperature):
    expected = naive_queue(*queries(n, size), temperature)
    assert float(queue_contrastive_loss(*queries(n, size), temperature)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("temperature", [0.07, 0.5, 3.0])
@pytest.mark.parametrize("n", [2, 6])
def test_mocov3_equals_loops(n, temperature):
    views = normal(4, n, 5)
    assert float(mocov3_loss(*views, temperature)) == pytest.approx(naive_mocov3(*views, temperature), rel=1e-9)


def test_published_temperatures():
    # 0.2 is the value of MoCo v2 and of MoCo v3.
    expected = naive_queue(*queries(4, 9), 0.2)
    assert float(queue_contrastive_loss(*queries(4, 9))) == pytest.approx(expected, rel=1e-9)
    views = normal(4, 6, 5)
    assert float(mocov3_loss(*views)) == pytest.approx(naive_mocov3(*views, 0.2), rel=1e-9)


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
    query, key, queue = queries(4, 9)
    alone = [queue_contrastive_loss(query[[i]], key[[i]], queue) for i in range(4)]
    torch.testing.assert_close(queue_contrastive_loss(query, key, queue), torch.stack(alone).mean())


def test_queue_ignores_scales_and_the_order_of_the_queue():
    query, key, queue = queries(6, 9)
    expected = queue_contrastive_loss(query, key, queue)
    scaled = queue_contrastive_loss(scales(6, 1) * query, 3 * key, 7 * queue.flip(0))
    torch.testing.assert_close(scaled, expected)


def test_mocov3_ignores_scales_and_the_exchange_of_views():
    q1, q2, k1, k2 = normal(4, 6, 5)
    expected = mocov3_loss(q1, q2, k1, k2)
    torch.testing.assert_close(mocov3_loss(scales(6, 1) * q1, q2, k1, 5 * k2), expected)
    torch.testing.assert_close(mocov3_loss(q2, q1, k2, k1), expected)
    assert not torch.isclose(mocov3_loss(q1, q2, k2, k1), expected)


def test_wrong_queue():
    query, key, queue = queries(4, 9)
    message = r"`queue` must have as many columns as the embeddings, 5, got \(5, 9\); store one embedding per row"
    with pytest.raises(ValueError, match=message):
        queue_contrastive_loss(query, key, queue.T)
    with pytest.raises(ValueError, match=r"`queue` must have 1 or more rows, got \(0, 5\)"):
        queue_contrastive_loss(query, key, queue[:0])
