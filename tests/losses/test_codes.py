"""The losses of tokenizers and of what predicts their codes, against loops."""

import math

import pytest
import torch

from sklearn_ssl.losses import beit_v2_loss, cae_loss, vq_distillation_loss, vq_loss, vq_perceptual_loss

SEEN = torch.tensor([[1, 1, 0], [1, 0, 0]]).bool()


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def distance(z, vectors, seen):
    """Return the mean squared distance over the seen places."""
    found = [(i, t) for i in range(len(seen)) for t in range(seen.shape[1]) if seen[i, t]]
    return sum(float((z[i, t] - vectors[i, t]) @ (z[i, t] - vectors[i, t])) for i, t in found) / len(found)


def test_vq_loss():
    x_hat, x, z, vectors = random(2, 3, 4), random(2, 3, 4, seed=1), random(2, 3, 5, seed=2), random(2, 3, 5, seed=3)
    weight = (SEEN[:, :, None] & (torch.arange(4) < 3)).double()
    errors = [float((x_hat - x)[i, t, j]) ** 2 for i in range(2) for t in range(3) for j in range(4) if weight[i, t, j]]
    expected = sum(errors) / len(errors) + 0.7 * distance(z, vectors, SEEN)
    assert float(vq_loss(x_hat, x, weight, z, vectors, SEEN, commitment=0.7)) == pytest.approx(expected)


def test_vq_distillation_loss():
    o, f, z, vectors = random(2, 3, 4), random(2, 3, 4, seed=1), random(2, 3, 5, seed=2), random(2, 3, 5, seed=3)
    cosines = [float(o[i, t] @ f[i, t] / o[i, t].norm() / f[i, t].norm()) for i, t in SEEN.nonzero().tolist()]
    expected = 1 - sum(cosines) / len(cosines) + 0.7 * distance(z, vectors, SEEN)
    assert float(vq_distillation_loss(o, f, z, vectors, SEEN, commitment=0.7)) == pytest.approx(expected)


def test_vq_perceptual_loss():
    x, z, maps, of_predicted = random(2, 3, 4), random(2, 3, 5), random(2, 6, 7), random(2, 6, 7, seed=1)
    steps = torch.tensor([[1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 0, 0]]).bool()
    loss = vq_perceptual_loss(x, x, torch.ones_like(x), z, z, SEEN, maps, of_predicted, steps, perceptual=0.3)
    assert float(loss) == pytest.approx(0.3 * distance(of_predicted, maps, steps))


def test_beit_v2_loss():
    both, codes = (random(2, 3, 4), random(2, 3, 4, seed=1)), torch.tensor([[3, 1, -1], [0, -1, -1]])
    terms = [-float(s[i, t].log_softmax(0)[codes[i, t]]) for s in both for i, t in SEEN.nonzero().tolist()]
    assert float(beit_v2_loss(*both, codes, SEEN)) == pytest.approx(sum(terms) / 3)
    assert float(beit_v2_loss(0 * both[0], 0 * both[0], codes, SEEN)) == pytest.approx(2 * math.log(4))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cae_loss(smoothing):
    scores, predicted, features = random(2, 3, 4), random(2, 3, 5, seed=1), random(2, 3, 5, seed=2)
    codes, terms = torch.tensor([[3, 1, -1], [0, -1, -1]]), []
    for i, t in SEEN.nonzero().tolist():
        log_shares = scores[i, t].log_softmax(0)
        terms.append(-(1 - smoothing) * float(log_shares[codes[i, t]]) - smoothing * float(log_shares.mean()))
    expected = sum(terms) / 3 + 5 * distance(predicted, features, SEEN) / 5
    parameters = {"alignment": 5.0, "label_smoothing": smoothing}
    assert float(cae_loss(scores, codes, predicted, features, SEEN, **parameters)) == pytest.approx(expected)


def test_places_that_are_not_seen_have_no_gradient():
    z = random(2, 3, 5).requires_grad_()
    vq_loss(random(2, 3, 4), random(2, 3, 4), torch.zeros(2, 3, 4), z, random(2, 3, 5, seed=1), SEEN).backward()
    assert torch.equal(z.grad.abs().sum(2) > 0, SEEN)
