import math

import pytest
import torch

from sklearn_ssl.losses import tico_loss, updated_covariance, vicreg_loss, vicreg_tico_loss


def pair(n=6, d=4, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [0.6 * torch.randn(n, d, generator=generator, dtype=torch.float64).to(dtype) for _ in range(2)]


def moments(d=4, dtype=torch.float64, seed=1):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(20, d, generator=generator, dtype=torch.float64)
    return (z.T @ z / 20 / d).to(dtype)


def naive_unit(z):
    rows = z.tolist()
    return [[value / math.sqrt(sum(v * v for v in row)) for value in row] for row in rows]


def naive_covariance(z, history, beta):
    rows = naive_unit(z)
    n, d = len(rows), len(rows[0])
    return [
        [beta * float(history[j, k]) + (1 - beta) * sum(row[j] * row[k] for row in rows) / n for k in range(d)]
        for j in range(d)
    ]


def naive_contrast(rows, covariance):
    d = len(rows[0])
    forms = [sum(row[j] * float(covariance[j][k]) * row[k] for j in range(d) for k in range(d)) for row in rows]
    return sum(forms) / len(rows)


def naive_tico(z1, z2, covariance, rho):
    rows1, rows2 = naive_unit(z1), naive_unit(z2)
    agreement = sum(a * b for r1, r2 in zip(rows1, rows2, strict=True) for a, b in zip(r1, r2, strict=True))
    return -agreement / len(rows1) + rho * naive_contrast(rows1, covariance)


def naive_variance(z):
    n, d = z.shape
    total = 0.0
    for j in range(d):
        column = [float(z[i, j]) for i in range(n)]
        mean = sum(column) / n
        variance = sum((value - mean) ** 2 for value in column) / (n - 1)
        total += max(0.0, 1 - math.sqrt(variance + 1e-4))
    return total / d


@pytest.mark.parametrize("rho", [0.0, 8.0, 20.0])
@pytest.mark.parametrize("shape", [(2, 3), (7, 4), (3, 8), (5, 1)])
def test_equals_loops(shape, rho):
    (z1, z2), covariance = pair(*shape), moments(shape[1])
    assert float(tico_loss(z1, z2, covariance, rho)) == pytest.approx(naive_tico(z1, z2, covariance, rho), rel=1e-9)


@pytest.mark.parametrize("beta", [0.0, 0.9, 1.0])
@pytest.mark.parametrize("shape", [(2, 3), (7, 4), (3, 8)])
def test_covariance_equals_loops(shape, beta):
    z, history = pair(*shape)[0], moments(shape[1])
    expected = torch.tensor(naive_covariance(z, history, beta), dtype=torch.float64)
    torch.testing.assert_close(updated_covariance(z, history, beta), expected)


@pytest.mark.parametrize("shape", [(2, 3), (7, 4), (3, 8)])
def test_vicreg_tico_equals_loops(shape):
    (z1, z2), covariance = pair(*shape), moments(shape[1])
    n, d = shape
    distance = sum((float(z1[i, j]) - float(z2[i, j])) ** 2 for i in range(n) for j in range(d)) / (n * d)
    contrast = naive_contrast(naive_unit(z1) + naive_unit(z2), covariance)
    expected = 2 * distance + 3 * (naive_variance(z1) + naive_variance(z2)) / 2 + 5 * contrast
    assert float(vicreg_tico_loss(z1, z2, covariance, 2, 3, 5)) == pytest.approx(expected, rel=1e-9)


def test_defaults():
    (z1, z2), history = pair(), moments()
    assert tico_loss(z1, z2, history) == tico_loss(z1, z2, history, rho=8.0)
    assert tico_loss(z1, z2, history) != tico_loss(z1, z2, history, rho=20.0)
    defaults = vicreg_tico_loss(z1, z2, history)
    assert defaults == vicreg_tico_loss(z1, z2, history, invariance=20.0, variance=25.0, rho=8.0)
    assert defaults != vicreg_tico_loss(z1, z2, history, invariance=25.0)
    torch.testing.assert_close(updated_covariance(z1, history), updated_covariance(z1, history, beta=0.9))


def test_known_values():
    # Without a history C is the second moment of the batch: I / d for orthogonal series, of trace 1 for identical ones.
    spread, collapsed = torch.eye(5), torch.eye(5)[:1].expand(5, 5)
    history = torch.zeros(5, 5)
    torch.testing.assert_close(updated_covariance(spread, history, 0), torch.eye(5) / 5)
    assert float(tico_loss(spread, spread, torch.eye(5) / 5)) == pytest.approx(8 / 5 - 1)
    assert float(tico_loss(collapsed, collapsed, updated_covariance(collapsed, history, 0))) == pytest.approx(8 - 1)
    assert float(tico_loss(spread, -spread, history)) == pytest.approx(1)


def test_vicreg_terms_are_those_of_vicreg():
    z1, z2 = pair()
    none = torch.zeros(4, 4, dtype=torch.float64)
    torch.testing.assert_close(vicreg_tico_loss(z1, z2, none, 25.0), vicreg_loss(z1, z2, covariance=0.0))


def test_covariance_forgets_at_the_rate_beta():
    z = torch.eye(3)
    covariance = torch.zeros(3, 3)
    for _ in range(4):
        covariance = updated_covariance(z, covariance)
    torch.testing.assert_close(covariance, (1 - 0.9**4) * torch.eye(3) / 3)


def test_covariance_is_no_larger_than_the_unit_sphere():
    covariance = updated_covariance(100 * pair()[0], moments() / moments().trace())
    assert float(covariance.trace()) == pytest.approx(1)
    torch.testing.assert_close(covariance, covariance.T)


def test_collapsed_embeddings_score_higher():
    history = torch.zeros(8, 8)
    spread = torch.eye(8)
    collapsed = torch.ones(8, 8)
    losses = [tico_loss(z, z, updated_covariance(z, history)) for z in (spread, collapsed)]
    assert losses[0] < losses[1]


def test_scale_of_each_series_changes_nothing_in_tico():
    (z1, z2), covariance = pair(), moments()
    scales = torch.logspace(-3, 3, 6, dtype=torch.float64)[:, None]
    torch.testing.assert_close(tico_loss(scales * z1, z2, covariance), tico_loss(z1, z2, covariance))
    torch.testing.assert_close(updated_covariance(scales * z1, covariance), updated_covariance(z1, covariance))
    assert not torch.isclose(vicreg_tico_loss(scales * z1, z2, covariance), vicreg_tico_loss(z1, z2, covariance))


def test_exchange_of_views():
    # TiCo contrasts the embeddings of the first view only, VICReg with its term both.
    (z1, z2), covariance = pair(), moments()
    assert not torch.isclose(tico_loss(z1, z2, covariance), tico_loss(z2, z1, covariance))
    torch.testing.assert_close(vicreg_tico_loss(z1, z2, covariance), vicreg_tico_loss(z2, z1, covariance))


def test_rotation_of_all_changes_nothing():
    (z1, z2), covariance = pair(), moments()
    rotation = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64))[0]
    rotated = tico_loss(z1 @ rotation, z2 @ rotation, rotation.T @ covariance @ rotation)
    torch.testing.assert_close(rotated, tico_loss(z1, z2, covariance))


def test_history_carries_no_gradient_and_the_batch_does():
    z = pair()[0].requires_grad_()
    history = moments().requires_grad_()
    covariance = updated_covariance(z, history)
    covariance.square().sum().backward()
    assert history.grad is None
    assert z.grad.abs().max() > 0
    assert not updated_covariance(z.detach(), history).requires_grad


def test_gradient_into_the_batch_part_doubles_its_share():
    # Without a history the term is rho times the squared norm of C, quadratic in C: detached it has half the gradient.
    z = pair()[0]

    def gradient(detached):
        leaf = z.clone().requires_grad_()
        covariance = updated_covariance(leaf.detach() if detached else leaf, torch.zeros(4, 4), beta=0)
        (tico_loss(leaf, leaf.detach(), covariance) - tico_loss(leaf, leaf.detach(), covariance, 0)).backward()
        return leaf.grad

    torch.testing.assert_close(gradient(detached=False), 2 * gradient(detached=True))


def test_gradient():
    z1, z2 = (z.requires_grad_() for z in pair())
    covariance = moments().requires_grad_()
    assert torch.autograd.gradcheck(tico_loss, (z1, z2, covariance))
    assert torch.autograd.gradcheck(vicreg_tico_loss, (z1, z2, covariance))
    assert torch.autograd.gradcheck(lambda z: updated_covariance(z, moments()), (z1,))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize(
    "rows",
    [
        [[1.0, -2.0, 3.0], [0.5, 0.1, -4.0]],
        [[300.0, 250.0, -300.0], [-300.0, 300.0, 1.0]],
        [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]],
        [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]],
        [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    ],
    ids=["plain", "large", "identical", "one zero row", "zero"],
)
def test_finite(rows, dtype):
    for loss in (tico_loss, vicreg_tico_loss):
        z1 = torch.tensor(rows, dtype=dtype, requires_grad=True)
        z2 = torch.tensor(rows[::-1], dtype=dtype, requires_grad=True)
        value = 1e-2 * loss(z1, z2, updated_covariance(z1, torch.zeros(3, 3)))
        value.backward()
        assert value.dtype == torch.float32
        assert torch.isfinite(value)
        assert torch.isfinite(z1.grad).all()
        assert torch.isfinite(z2.grad).all()


def test_full_precision_under_autocast():
    (z1, z2), history = pair(32, 16, torch.float32), moments(16, torch.float32)
    expected = tico_loss(z1, z2, updated_covariance(z1, history)), vicreg_tico_loss(z1, z2, history)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        computed = tico_loss(z1, z2, updated_covariance(z1, history)), vicreg_tico_loss(z1, z2, history)
    torch.testing.assert_close(computed, expected, rtol=0, atol=0)


def test_inputs_are_left_alone():
    (z1, z2), history = pair(), moments()
    before = z1.clone(), z2.clone(), history.clone()
    vicreg_tico_loss(z1, z2, updated_covariance(z1, history))
    tico_loss(z1, z2, history)
    torch.testing.assert_close((z1, z2, history), before, rtol=0, atol=0)


@pytest.mark.parametrize("loss", [tico_loss, vicreg_tico_loss])
@pytest.mark.parametrize(
    ("shape1", "shape2", "covariance", "message"),
    [
        ((4, 3), (4, 2), (3, 3), r"the same shape, got \(4, 3\) and \(4, 2\)"),
        ((1, 3), (1, 3), (3, 3), r"\(1, 3\); use a larger batch"),
        ((4, 3, 2), (4, 3, 2), (2, 2), r"got \(4, 3, 2\); pool or flatten"),
        ((4, 3), (4, 3), (4, 4), r"`covariance` .* \(3, 3\) of the embeddings, got \(4, 4\); start from zeros"),
        ((4, 3), (4, 3), (3,), r"`covariance` .* got \(3,\)"),
    ],
)
def test_wrong_shapes(loss, shape1, shape2, covariance, message):
    with pytest.raises(ValueError, match=message):
        loss(torch.zeros(shape1), torch.zeros(shape2), torch.zeros(covariance))


def test_wrong_update():
    with pytest.raises(ValueError, match=r"`covariance` .* got \(2, 3\)"):
        updated_covariance(torch.zeros(4, 3), torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"\(1, 3\); use a larger batch"):
        updated_covariance(torch.zeros(1, 3), torch.zeros(3, 3))
    for beta in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match=r"`beta` must be a number from 0 to 1, got .*; TiCo uses 0.9"):
            updated_covariance(torch.zeros(4, 3), torch.zeros(3, 3), beta)
