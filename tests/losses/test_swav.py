import math
from functools import partial

import numpy as np
import pytest
import torch

from sklearn_ssl.losses import sinkhorn, swav_loss


def score_views(n_views=3, n=6, k=4, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [(2 * torch.rand(n, k, generator=generator, dtype=torch.float64) - 1).to(dtype) for _ in range(n_views)]


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
        for v in range(len(views)):
            if v == a:
                continue
            total = 0.0
            for target, row in zip(targets, views[v].tolist(), strict=True):
                normaliser = sum(math.exp(value / temperature) for value in row)
                for share, value in zip(target, row, strict=True):
                    total -= share * math.log(math.exp(value / temperature) / normaliser)
            losses.append(total / len(targets))
    return sum(losses) / len(losses)


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


@pytest.mark.parametrize(("n", "k"), [(32, 4), (8, 16)])
def test_assignments_are_balanced(n, k):
    # The first prototype has the best score everywhere, and yet gets its n / K series only.
    scores = score_views(1, n, k)[0]
    scores[:, 0] += 2
    shares = sinkhorn(scores, iterations=2000)
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(n, dtype=torch.float64))
    torch.testing.assert_close(shares.sum(dim=0), torch.full((k,), n / k, dtype=torch.float64), rtol=1e-3, atol=0)
    assert (scores / 0.05).softmax(dim=1)[:, 0].sum() > 0.9 * n


def test_rows_sum_to_one_after_any_number_of_iterations():
    for iterations in (1, 3):
        shares = sinkhorn(score_views(1)[0], iterations=iterations)
        torch.testing.assert_close(shares.sum(dim=1), torch.ones(6, dtype=torch.float64))
        assert shares.min() >= 0


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


def test_sinkhorn_ignores_offsets_of_series_and_prototypes():
    scores = score_views(1)[0]
    expected = sinkhorn(scores, iterations=2)
    torch.testing.assert_close(sinkhorn(scores + torch.arange(4.0), iterations=2), expected)
    torch.testing.assert_close(
        sinkhorn(scores + torch.arange(6.0)[:, None], iterations=500), sinkhorn(scores, 0.05, 500)
    )


@pytest.mark.parametrize("value", [-1.0, 0.0, 0.3])
def test_equal_scores_are_at_chance_level(value):
    views = [torch.full((5, 7), value)] * 3
    assert float(swav_loss(views)) == pytest.approx(math.log(7), rel=1e-6)


def test_agreeing_views_score_lower_than_disagreeing_ones():
    one = torch.eye(4).repeat(2, 1)
    assert float(swav_loss([one, one])) < 0.01
    assert float(swav_loss([one, one.roll(1, dims=0)])) > 5


def test_defaults():
    views = score_views()
    assert swav_loss(views) == swav_loss(views, temperature=0.1, epsilon=0.05, iterations=3, n_assigned=2)
    for other in ({"temperature": 0.2}, {"epsilon": 0.1}, {"iterations": 4}, {"n_assigned": 3}):
        assert swav_loss(views) != swav_loss(views, **other)
    assert torch.equal(sinkhorn(views[0]), sinkhorn(views[0], epsilon=0.05, iterations=3))


def test_order_of_series_prototypes_and_views():
    views = score_views(4)
    expected = swav_loss(views)
    series, prototypes = torch.tensor([3, 0, 5, 1, 4, 2]), torch.tensor([2, 3, 0, 1])
    torch.testing.assert_close(swav_loss([view[series] for view in views]), expected)
    torch.testing.assert_close(swav_loss([view[:, prototypes] for view in views]), expected)
    torch.testing.assert_close(swav_loss([views[1], views[0], views[3], views[2]]), expected)
    torch.testing.assert_close(swav_loss(torch.stack(views)), expected)
    assert not torch.isclose(swav_loss(views[::-1]), expected)
    assert not torch.isclose(swav_loss([views[0][series], *views[1:]]), expected)


def test_assignments_are_detached():
    # With the assignment of the first view as the only target, no gradient reaches its scores.
    first, second = (view.requires_grad_() for view in score_views(2))
    swav_loss([first, second], n_assigned=1).backward()
    assert first.grad.abs().max() == 0
    assert second.grad.abs().max() > 0
    first.grad = second.grad = None
    swav_loss([first, second]).backward()
    expected = (second / 0.1).softmax(dim=1) - sinkhorn(first)
    torch.testing.assert_close(second.grad, expected.detach() / 0.1 / 6 / 2)


def test_gradient():
    first, *others = score_views(3)
    trained = [view.requires_grad_() for view in others]
    assert torch.autograd.gradcheck(lambda a, b: swav_loss([first, a, b], n_assigned=1), trained)
    assert torch.autograd.gradcheck(partial(sinkhorn, epsilon=0.5), (trained[0],))


@pytest.mark.parametrize("temperature", [0.01, 100.0])
@pytest.mark.parametrize("epsilon", [1e-6, 1e-3, 0.05, 1e6])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    "rows",
    [
        [[1.0, -0.5, 0.3], [0.5, 0.1, -1.0]],
        [[6e4, -6e4, 0.0], [0.0, 6e4, 6e4]],
        [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]],
        [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    ],
    ids=["plain", "large", "identical", "zero"],
)
def test_finite_in_half_precision(rows, dtype, epsilon, temperature):
    first = torch.tensor(rows, dtype=dtype, requires_grad=True)
    second = torch.tensor(rows[::-1], dtype=dtype, requires_grad=True)
    loss = swav_loss([first, second], temperature, epsilon)
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert torch.isfinite(first.grad).all()
    assert torch.isfinite(second.grad).all()
    torch.testing.assert_close(sinkhorn(first, epsilon).sum(dim=1), torch.ones(2))


def test_full_precision_under_autocast():
    views = score_views(3, 32, 16, torch.float32)
    expected = swav_loss(views), sinkhorn(views[0])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close((swav_loss(views), sinkhorn(views[0])), expected, rtol=0, atol=0)
    half = [view.bfloat16() for view in views]
    assert swav_loss(half) == swav_loss([view.float() for view in half])


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(4, 3)], "`scores` must hold 2 or more views, got 1; make more views"),
        ([(4, 3), (4, 2)], r"`scores\[0\]` and `scores\[1\]` must have the same shape, got \(4, 3\) and \(4, 2\)"),
        ([(1, 3), (1, 3)], r"`scores\[0\]` must have 2 or more rows, got \(1, 3\); use a larger batch"),
        ([(4, 3, 2), (4, 3, 2)], r"`scores\[0\]` must have the shape \(n, d\), got \(4, 3, 2\)"),
        ([(4, 0), (4, 0)], r"`scores\[0\]` must have the shape \(n, d\), got \(4, 0\)"),
    ],
)
def test_wrong_shapes(shapes, message):
    with pytest.raises(ValueError, match=message):
        swav_loss([torch.zeros(shape) for shape in shapes])


def test_wrong_scores_of_sinkhorn():
    with pytest.raises(ValueError, match=r"`scores` must have the shape \(n, d\), got \(4,\)"):
        sinkhorn(torch.zeros(4))


@pytest.mark.parametrize("n_assigned", [0, 4])
def test_wrong_number_of_assigned_views(n_assigned):
    message = f"`n_assigned` must be from 1 to the number of views, 3, got {n_assigned}"
    with pytest.raises(ValueError, match=message):
        swav_loss(score_views(), n_assigned=n_assigned)


@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf])
def test_wrong_numbers(value):
    with pytest.raises(ValueError, match="`temperature` must be a finite number above 0, got"):
        swav_loss(score_views(), temperature=value)
    with pytest.raises(ValueError, match="`epsilon` must be a finite number above 0, got"):
        swav_loss(score_views(), epsilon=value)
    with pytest.raises(ValueError, match="`iterations` must be 1 or more, got 0; SwAV uses 3"):
        sinkhorn(score_views()[0], iterations=0)
