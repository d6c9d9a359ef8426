import pickle

import pytest
import torch
from torch.nn import functional as F

from sklearn_ssl import TiCoTransformer, VICRegTiCoTransformer
from sklearn_ssl.architectures import Batch, CovarianceArchitecture, MomentumCovarianceArchitecture
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder


def small(cls, **parameters):
    return cls(encoder=ResNetEncoder(depth=1, width=4), batch_size=8, random_state=0, device="cpu", **parameters)


def moments(z):
    u = F.normalize(z)
    return sum(torch.outer(row, row) for row in u) / len(u)


@pytest.mark.parametrize(
    ("cls", "own"), [(CovarianceArchitecture, {}), (MomentumCovarianceArchitecture, {"momentum": 0.9})]
)
def test_history_is_a_moving_average_without_gradient(build, x, cls, own):
    architecture = build(cls, beta=0.8, **own)
    history = torch.zeros(8, 8)
    for _ in range(3):
        z1, z2, covariance = architecture(Batch(x))
        z = z1 if own else torch.cat([z1, z2])
        history = 0.8 * history + 0.2 * moments(z.detach())
        torch.testing.assert_close(covariance.detach(), history, rtol=1e-4, atol=1e-6)
        kept = architecture.covariance.covariance
        torch.testing.assert_close(kept, history, rtol=1e-4, atol=1e-6)
        assert not kept.requires_grad


def test_gradient_flows_through_the_part_of_this_batch(build, x):
    architecture = build(CovarianceArchitecture, beta=0.8)
    *_, covariance = architecture(Batch(x))
    covariance.square().sum().backward()
    assert any(bool((weight.grad != 0).any()) for weight in architecture.projector.parameters())


def test_evaluation_leaves_the_history_alone(build, x):
    architecture = build(CovarianceArchitecture, beta=0.8).eval()
    *_, covariance = architecture(Batch(x))
    assert bool((covariance != 0).any())
    assert not bool(architecture.covariance.covariance.any())


@pytest.mark.parametrize("cls", [TiCoTransformer, VICRegTiCoTransformer])
def test_history_is_saved_with_the_transformer(cls):
    X, _ = make_waves(n_cases=20, random_state=0)
    transformer = small(cls, max_epochs=2).fit(X)
    history = transformer.net_.module_.covariance.covariance
    copy = pickle.loads(pickle.dumps(transformer))
    assert bool(history.any())
    assert torch.equal(copy.net_.module_.covariance.covariance, history)


def test_loss_of_projections_that_are_the_same():
    X, _ = make_waves(n_cases=20, random_state=0)
    assert small(TiCoTransformer, max_epochs=0, rho=20.0).fit(X).collapsed_loss_ == pytest.approx(19.0)
    assert small(VICRegTiCoTransformer, max_epochs=0).fit(X).collapsed_loss_ == pytest.approx(24.75 + 8)
