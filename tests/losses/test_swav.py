import math

import pytest
import torch
from loops import cross_entropy, mean, normal

from sklearn_ssl.losses import sinkhorn, swav_loss


def score_views(n_views=3, n=6, k=4):
    return normal(n_views, n, k).tanh()


def naive_sinkhorn(scores, epsilon, iterations):
    shares = [[math.exp(value / epsilon) for value in row] for row in scores.tolist()]
    n, k = len(shares), len(shares[0])
    for _ in range(iterations):
        for j in range(k):
            column = sum(row[j] for row in shares)
            for row in shares:
                row[j] *= n / k / column
        for row in shares:
            total = sum(row)
            for j in range(k):
                row[j] /= total
    return shares


def naive_swav(views, temperature, epsilon, iterations, n_assigned):
    losses = []
    for a in range(n_assigned):
        targets = naive_sinkhorn(views[a], epsilon, iterations)
        for v, view in enumerate(views):
            if v != a:
                losses += map(cross_entropy, targets, (view / temperature).tolist())
    return mean(losses)


@pytest.mark.parametrize("iterations", [1, 3, 10])
@pytest.mark.parametrize("epsilon", [0.05, 1.0])
@pytest.mark.parametrize(("n", "k"), [(6, 4), (3, 8), (2, 1)])
def test_sinkhorn_equals_loops(n, k, epsilon, iterations):
    scores = score_views(1, n, k)[0]
    expected = torch.tensor(naive_sinkhorn(scores, epsilon, iterations), dtype=torch.float64)
    torch.testing.assert_close(sinkhorn(scores, epsilon, iterations), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("n_views", "n_assigned"), [(2, 1), (2, 2), (5, 2), (3, 3)])
def test_swav_equals_loops(n_views, n_assigned):
    views = score_views(n_views)
    expected = naive_swav(views, 0.2, 0.1, 4, n_assigned)
    assert float(swav_loss(views, 0.2, 0.1, 4, n_assigned)) == pytest.approx(expected, rel=1e-9)


def test_published_numbers():
    views = score_views()
    expected = torch.tensor(naive_sinkhorn(views[0], 0.05, 3), dtype=torch.float64)
    torch.testing.assert_close(sinkhorn(views[0]), expected, rtol=1e-9, atol=1e-12)
    assert float(swav_loss(views)) == pytest.approx(naive_swav(views, 0.1, 0.05, 3, 2), rel=1e-9)


@pytest.mark.parametrize(("n", "k"), [(32, 4), (8, 16)])
def test_assignments_are_balanced(n, k):
    # The first prototype has the best score everywhere, and yet gets its n / K series only.
    scores = score_views(1, n, k)[0]
    scores[:, 0] += 3
    shares = sinkhorn(scores, iterations=1000)
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(n, dtype=torch.float64))
    torch.testing.assert_close(shares.sum(dim=0), torch.full((k,), n / k, dtype=torch.float64), rtol=1e-3, atol=0)
    assert (scores / 0.05).softmax(dim=1)[:, 0].sum() > 0.9 * n


def test_more_iterations_balance_better():
    scores = score_views(1, 32, 8)[0]
    imbalance = [float((sinkhorn(scores, iterations=count).sum(dim=0) - 4).abs().max()) for count in (1, 3, 30)]
    assert imbalance[0] > imbalance[1] > imbalance[2]


def test_constant_scores_are_shared_equally():
    torch.testing.assert_close(sinkhorn(torch.full((6, 4), 0.8)), torch.full((6, 4), 0.25))


def test_sinkhorn_with_low_epsilon_finds_the_best_permutation():
    scores = torch.tensor([[0.9, 0.8, 0.0], [0.9, 0.1, 0.0], [0.8, 0.7, 0.5]])
    best = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    torch.testing.assert_close(sinkhorn(scores, 0.02, 1000), best, rtol=0, atol=2e-3)


def test_sinkhorn_ignores_offsets_of_prototypes():
    scores = score_views(1)[0]
    torch.testing.assert_close(sinkhorn(scores + torch.arange(4.0), iterations=2), sinkhorn(scores, iterations=2))


@pytest.mark.parametrize("epsilon", [1e-6, 1e-3, 1e6])
@pytest.mark.parametrize("size", [1.0, 3e4])
def test_any_epsilon_gives_finite_shares(size, epsilon):
    scores = (size * score_views(2)).half().requires_grad_()
    torch.testing.assert_close(sinkhorn(scores[0], epsilon).sum(dim=1), torch.ones(6))
    swav_loss(scores, epsilon=epsilon).backward()
    assert scores.grad.isfinite().all()


@pytest.mark.parametrize("value", [-1.0, 0.0, 0.3])
def test_equal_scores_are_at_chance_level(value):
    assert float(swav_loss(torch.full((3, 5, 7), value))) == pytest.approx(math.log(7), rel=1e-6)


def test_agreeing_views_score_lower_than_disagreeing_ones():
    one = torch.eye(4).repeat(2, 1)
    assert float(swav_loss([one, one])) < 0.01
    assert float(swav_loss([one, one.roll(1, dims=0)])) > 5


def test_order_of_prototypes_and_views():
    views = score_views(4)
    expected = swav_loss(views)
    torch.testing.assert_close(swav_loss(views[:, :, [2, 3, 0, 1]]), expected)
    torch.testing.assert_close(swav_loss(views[[1, 0, 3, 2]]), expected)
    assert not torch.isclose(swav_loss(views.flip(0)), expected)


def test_gradient_is_that_of_a_cross_entropy_with_fixed_targets():
    views = score_views(2).requires_grad_()
    swav_loss(views).backward()
    expected = (views / 0.1).softmax(dim=2) - torch.stack([sinkhorn(views[1]), sinkhorn(views[0])])
    torch.testing.assert_close(views.grad, expected.detach() / 0.1 / 6 / 2)


def test_too_few_views():
    with pytest.raises(ValueError, match="`scores` must hold 2 or more views, got 1; make more views per series"):
        swav_loss(score_views(1))
