"""Projected gradient descent: what it finds, and what it leaves alone."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from sklearn_ssl.adversarial import projected_gradient_descent

N_SERIES, N_CHANNELS, N_STEPS = 4, 3, 7


@pytest.fixture
def x():
    return torch.randn(N_SERIES, N_CHANNELS, N_STEPS)


@pytest.fixture
def network():
    return nn.Sequential(nn.Conv1d(N_CHANNELS, 5, 3), nn.Tanh(), nn.Flatten(), nn.Linear(5 * (N_STEPS - 2), 2))


def loss_of(network, target):
    return lambda x: functional.cross_entropy(network(x), target, reduction="sum")


def naive(x, objective, radius, n_steps, step_size):
    """Loop over steps and single values, as the formula has it, without random start."""
    change = torch.zeros_like(x)
    for _ in range(n_steps):
        moved = (x + change).requires_grad_()
        objective(moved).backward()
        for series in range(len(x)):
            for channel in range(x.shape[1]):
                for step in range(x.shape[2]):
                    slope = float(moved.grad[series, channel, step])
                    sign = (slope > 0) - (slope < 0)
                    new = float(change[series, channel, step]) + step_size * sign
                    change[series, channel, step] = min(max(new, -radius), radius)
    return x + change


def test_it_follows_the_formula(x, network):
    objective = loss_of(network, torch.tensor([0, 1, 0, 1]))
    for step_size in (None, 0.03):
        found = projected_gradient_descent(x, objective, 0.1, n_steps=4, step_size=step_size, random_start=False)
        torch.testing.assert_close(found, naive(x, objective, 0.1, 4, step_size or 2.5 * 0.1 / 4))
        assert objective(found) > objective(x)


@pytest.mark.parametrize("random_start", [True, False])
def test_the_optimum_of_a_linear_model(x, random_start):
    slope = torch.randn(N_CHANNELS, N_STEPS)
    radius = torch.tensor([0.1, 0.5, 2.0])[None, :, None]  # (1, C, 1)
    found = projected_gradient_descent(x, lambda x: (slope * x).sum(), radius, random_start=random_start)
    torch.testing.assert_close(found, x + radius * slope.sign())


def test_it_never_leaves_the_ball(x, network):
    objective = loss_of(network, torch.zeros(N_SERIES, dtype=torch.long))
    for radius in (0.05, torch.rand(N_SERIES, N_CHANNELS, 1)):
        for step_size in (None, 10.0):
            change = projected_gradient_descent(x, objective, radius, step_size=step_size) - x
            assert (change.abs() <= torch.as_tensor(radius) + 1e-6).all()
            assert change.abs().max() > 0


def test_padding_and_a_radius_of_zero_change_nothing(x, network):
    objective = loss_of(network, torch.zeros(N_SERIES, dtype=torch.long))
    mask = torch.arange(N_STEPS) < torch.tensor([7, 5, 1, 4])[:, None]
    changed = projected_gradient_descent(x, objective, 0.3, mask=mask) != x
    assert not changed[~mask[:, None].expand_as(x)].any()
    assert changed[mask[:, None].expand_as(x)].all()
    assert torch.equal(projected_gradient_descent(x, objective, 0), x)
    still = projected_gradient_descent(x, objective, torch.tensor([0.0, 1.0, 0.0])[:, None])
    assert torch.equal(still[:, ::2], x[:, ::2])


def test_the_dtype_is_that_of_the_series(x):
    for dtype in (torch.float32, torch.float64):
        found = projected_gradient_descent(x.to(dtype), lambda x: x.sum(), torch.ones(1, dtype=torch.float64))
        assert found.dtype == dtype


def test_one_step_is_enough(x):
    found = projected_gradient_descent(x, lambda x: x.sum(), 0.5, n_steps=1, step_size=0.25, random_start=False)
    torch.testing.assert_close(found, x + 0.25)


def test_series_do_not_depend_on_each_other(x, network):
    objective = loss_of(network, torch.zeros(N_SERIES, dtype=torch.long))
    together = projected_gradient_descent(x, objective, 0.2, random_start=False)
    for series in range(N_SERIES):
        alone = projected_gradient_descent(x[[series]], loss_of(network, torch.tensor([0])), 0.2, random_start=False)
        torch.testing.assert_close(alone, together[[series]])


def test_it_leaves_series_and_gradients_as_they_were(x, network):
    objective = loss_of(network, torch.zeros(N_SERIES, dtype=torch.long))
    before = x.clone()
    for wants in (False, True):
        x.requires_grad_(wants)
        found = projected_gradient_descent(x, objective, 0.2)
        assert not found.requires_grad
        assert x.requires_grad is wants
        assert x.grad is None
        assert torch.equal(x.detach(), before)
    assert all(parameter.grad is None and parameter.requires_grad for parameter in network.parameters())


def test_inside_a_training_step(x, network):
    target = torch.tensor([0, 1, 0, 1])
    objective = loss_of(network, target)
    expected = torch.autograd.grad(objective(x), network[0].weight)[0]
    loss = objective(x)
    projected_gradient_descent(x, objective, 0.2)
    loss.backward()  # the graph of the step is still there, and no gradient was added to it
    torch.testing.assert_close(network[0].weight.grad, expected)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients_around_it(x, network, mode):
    objective = loss_of(network, torch.zeros(N_SERIES, dtype=torch.long))
    expected = projected_gradient_descent(x, objective, 0.2, random_start=False)
    with mode():
        assert torch.equal(projected_gradient_descent(x.clone(), objective, 0.2, random_start=False), expected)
        assert not torch.is_grad_enabled()


def test_the_start_comes_from_the_global_generator(x):
    def start():
        torch.manual_seed(3)
        return projected_gradient_descent(x, lambda x: 0 * x.sum(), 2.0)

    assert torch.equal(start(), start())
    assert (start() - x).abs().max() <= 2
    assert (start() - x).std() == pytest.approx(2 * 3**-0.5, abs=0.2)


def test_nothing_reads_values_back_from_the_device():
    x = torch.zeros(2, 3, 4, device="meta")  # has no values to read
    for radius in (0.1, torch.ones(3, 1), torch.ones(3, 1, device="meta")):
        found = projected_gradient_descent(x, lambda x: x.sum(), radius, mask=torch.ones(2, 4, device="meta") > 0)
        assert found.is_meta
        assert found.shape == x.shape


def test_bad_input(x):
    def objective(x):
        return x.sum()

    with pytest.raises(TypeError, match=r"`x` must be a floating-point torch.Tensor, got torch.int64"):
        projected_gradient_descent(x.long(), objective, 1.0)
    with pytest.raises(TypeError, match=r"`x` must be a floating-point torch.Tensor, got ndarray"):
        projected_gradient_descent(x.numpy(), objective, 1.0)
    with pytest.raises(ValueError, match=r"shape \(B, C, L\), got \(3, 7\)"):
        projected_gradient_descent(x[0], objective, 1.0)
    for radius in (-1.0, float("nan"), float("inf"), "far", True):
        with pytest.raises(ValueError, match="`radius` must be a finite number of at least 0"):
            projected_gradient_descent(x, objective, radius)
    with pytest.raises(ValueError, match=r"`radius` must have finite numbers of at least 0, got -1 to 2"):
        projected_gradient_descent(x, objective, torch.tensor([[-1.0], [0.0], [2.0]]))
    with pytest.raises(ValueError, match=r"`radius` must have finite numbers of at least 0, got 1 to inf"):
        projected_gradient_descent(x, objective, torch.tensor([[1.0], [1.0], [float("inf")]]))
    with pytest.raises(ValueError, match=r"`radius` must broadcast to the shape \(4, 3, 7\) of `x`, got \(2, 1\)"):
        projected_gradient_descent(x, objective, torch.ones(2, 1))
    with pytest.raises(ValueError, match=r"`radius` must broadcast to the shape .*, got \(1, 1, 1, 1\)"):
        projected_gradient_descent(x, objective, torch.ones(1, 1, 1, 1))
    with pytest.raises(ValueError, match="`step_size` must be a finite number"):
        projected_gradient_descent(x, objective, 1.0, step_size=-0.1)
    for n_steps in (0, 1.5, True):
        with pytest.raises(ValueError, match="`n_steps` must be a whole number of at least 1"):
            projected_gradient_descent(x, objective, 1.0, n_steps=n_steps)
    for mask in (torch.ones(4, 3, dtype=torch.bool), torch.ones(4, 7)):
        with pytest.raises(ValueError, match=r"`mask` must be boolean of shape \(4, 7\)"):
            projected_gradient_descent(x, objective, 1.0, mask=mask)
    with pytest.raises(ValueError, match=r"`objective` must return a scalar, got shape \(4,\)"):
        projected_gradient_descent(x, lambda x: x.sum((1, 2)), 1.0)
    weight = torch.ones(1, requires_grad=True)
    for constant in (lambda x: torch.zeros(()), lambda x: weight.sum()):
        with pytest.raises(ValueError, match="`objective` must depend on the series"):
            projected_gradient_descent(x, constant, 1.0)


def test_what_is_found_carries_no_gradient(x, network):
    found = projected_gradient_descent(x.requires_grad_(), loss_of(network, torch.zeros(len(x), 2)), 0.1, n_steps=1)
    assert found.is_leaf
    assert not found.requires_grad
