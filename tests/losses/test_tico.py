import pytest
import torch
from loops import dot, mean, missing_spread, normal, scales, unit

from sklearn_ssl.losses import tico_loss, updated_covariance, vicreg_loss, vicreg_tico_loss


def moments(d=4):
    z = normal(20, d, seed=1)
    return z.T @ z / 20 / d


def naive_covariance(z, history, beta):
    columns = list(zip(*map(unit, z.tolist()), strict=True))
    return [
        [beta * old + (1 - beta) * dot(a, b) / len(z) for b, old in zip(columns, row, strict=True)]
        for a, row in zip(columns, history.tolist(), strict=True)
    ]


def naive_contrast(z, covariance):
    rows = [unit(row) for row in z.tolist()]
    return mean(dot(row, [dot(line, row) for line in covariance.tolist()]) for row in rows)


def naive_tico(z1, z2, covariance, rho):
    agreement = mean(dot(unit(a), unit(b)) for a, b in zip(z1.tolist(), z2.tolist(), strict=True))
    return -agreement + rho * naive_contrast(z1, covariance)


def naive_vicreg_tico(z1, z2, covariance, invariance, variance, rho):
    distance = mean(((z1 - z2) ** 2).flatten().tolist())
    spread = (missing_spread(z1) + missing_spread(z2)) / 2
    return invariance * distance + variance * spread + rho * naive_contrast(torch.cat([z1, z2]), covariance)


@pytest.mark.parametrize("rho", [0.0, 8.0, 20.0])
@pytest.mark.parametrize("shape", [(2, 3), (7, 4), (3, 8), (5, 1)])
def test_equals_loops(shape, rho):
    (z1, z2), covariance = normal(2, *shape), moments(shape[1])
    assert float(tico_loss(z1, z2, covariance, rho)) == pytest.approx(naive_tico(z1, z2, covariance, rho), rel=1e-9)


@pytest.mark.parametrize("beta", [0.0, 0.9, 1.0])
@pytest.mark.parametrize("shape", [(2, 3), (7, 4), (3, 8)])
def test_covariance_equals_loops(shape, beta):
    z, history = normal(*shape), moments(shape[1])
    expected = torch.tensor(naive_covariance(z, history, beta), dtype=torch.float64)
    torch.testing.assert_close(updated_covariance(z, history, beta), expected)


@pytest.mark.parametrize("shape", [(2, 3), (7, 4), (3, 8)])
def test_vicreg_tico_equals_loops(shape):
    (z1, z2), covariance = 0.6 * normal(2, *shape), moments(shape[1])
    expected = naive_vicreg_tico(z1, z2, covariance, 2, 3, 5)
    assert float(vicreg_tico_loss(z1, z2, covariance, 2, 3, 5)) == pytest.approx(expected, rel=1e-9)


def test_published_numbers():
    (z1, z2), history = 0.6 * normal(2, 6, 4), moments()
    assert float(tico_loss(z1, z2, history)) == pytest.approx(naive_tico(z1, z2, history, 8), rel=1e-9)
    expected = naive_vicreg_tico(z1, z2, history, 20, 25, 8)
    assert float(vicreg_tico_loss(z1, z2, history)) == pytest.approx(expected, rel=1e-9)


def test_known_values():
    # Without a history C is the second moment of the batch: I / d for orthogonal series, of trace 1 for identical ones.
    spread, collapsed = torch.eye(5), torch.eye(5)[:1].expand(5, 5)
    history = torch.zeros(5, 5)
    torch.testing.assert_close(updated_covariance(spread, history, 0), torch.eye(5) / 5)
    assert float(tico_loss(spread, spread, torch.eye(5) / 5)) == pytest.approx(8 / 5 - 1)
    assert float(tico_loss(collapsed, collapsed, updated_covariance(collapsed, history, 0))) == pytest.approx(8 - 1)
    assert float(tico_loss(spread, -spread, history)) == pytest.approx(1)


def test_vicreg_terms_are_those_of_vicreg():
    z1, z2 = 0.6 * normal(2, 6, 4)
    none = torch.zeros(4, 4, dtype=torch.float64)
    torch.testing.assert_close(vicreg_tico_loss(z1, z2, none, 25.0), vicreg_loss(z1, z2, covariance=0.0))


def test_history_of_different_batches_is_weighted_by_its_age():
    # The published rate is 0.9. Each batch is one direction, so its share stands on the diagonal.
    covariance = torch.zeros(3, 3)
    for direction in torch.eye(3):
        covariance = updated_covariance(direction.repeat(2, 1), covariance)
    torch.testing.assert_close(covariance, torch.tensor([0.1 * 0.81, 0.1 * 0.9, 0.1]).diag())


def test_covariance_is_no_larger_than_the_unit_sphere():
    covariance = updated_covariance(100 * normal(6, 4), moments() / moments().trace())
    assert float(covariance.trace()) == pytest.approx(1)
    torch.testing.assert_close(covariance, covariance.T)


def test_collapsed_embeddings_score_higher():
    history = torch.zeros(8, 8)
    spread, collapsed = [tico_loss(z, z, updated_covariance(z, history)) for z in (torch.eye(8), torch.ones(8, 8))]
    assert spread < collapsed


def test_scale_of_each_series_changes_nothing_in_tico():
    (z1, z2), covariance = normal(2, 6, 4), moments()
    scaled = scales(6, 1) * z1
    torch.testing.assert_close(tico_loss(scaled, z2, covariance), tico_loss(z1, z2, covariance))
    torch.testing.assert_close(updated_covariance(scaled, covariance), updated_covariance(z1, covariance))
    assert not torch.isclose(vicreg_tico_loss(scaled, z2, covariance), vicreg_tico_loss(z1, z2, covariance))


def test_exchange_of_views():
    # TiCo contrasts the embeddings of the first view only, VICReg with its term both.
    (z1, z2), covariance = normal(2, 6, 4), moments()
    assert not torch.isclose(tico_loss(z1, z2, covariance), tico_loss(z2, z1, covariance))
    torch.testing.assert_close(vicreg_tico_loss(z1, z2, covariance), vicreg_tico_loss(z2, z1, covariance))


def test_rotation_of_all_changes_nothing():
    (z1, z2), covariance = normal(2, 6, 4), moments()
    rotation = torch.linalg.qr(normal(4, 4, seed=2))[0]
    rotated = tico_loss(z1 @ rotation, z2 @ rotation, rotation.T @ covariance @ rotation)
    torch.testing.assert_close(rotated, tico_loss(z1, z2, covariance))


def test_gradient_into_the_batch_part_doubles_its_share():
    # Without a history the term is rho times the squared norm of C, quadratic in C: detached it has half the gradient.
    z = normal(6, 4)

    def gradient(detached):
        leaf = z.clone().requires_grad_()
        covariance = updated_covariance(leaf.detach() if detached else leaf, torch.zeros(4, 4), beta=0)
        (tico_loss(leaf, leaf.detach(), covariance) - tico_loss(leaf, leaf.detach(), covariance, 0)).backward()
        return leaf.grad

    torch.testing.assert_close(gradient(detached=False), 2 * gradient(detached=True))


def test_message_of_a_wrong_covariance():
    z = normal(4, 3)
    message = r"`covariance` must have the shape \(3, 3\) for embeddings of width 3, got \(2, 3\); start from zeros"
    for loss in (tico_loss, vicreg_tico_loss):
        with pytest.raises(ValueError, match=message):
            loss(z, z, torch.zeros(2, 3))
    with pytest.raises(ValueError, match=message):
        updated_covariance(z, torch.zeros(2, 3))
