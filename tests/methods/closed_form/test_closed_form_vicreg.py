from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from shared import small

from sklearn_ssl import ClosedFormVICRegTransformer, WCCNTransformer
from sklearn_ssl._numerics.low_rank import discriminant_directions, unit_variances
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.losses import vicreg_loss

X, _ = make_waves(n_cases=41, n_channels=2, n_timepoints=30, random_state=0)
vicreg_of = partial(small, ClosedFormVICRegTransformer, shrinkage=1.0)


SHARES = torch.tensor([0.1, 0.15, 0.2, 0.25, 0.5, 0.6, 0.7, 0.8], dtype=torch.float64)


def two_views(seed, n_series=80):
    """Return series B and changes E with views B + E and B - E, mixed of sources whose shares of E are `SHARES`."""
    generator = torch.Generator().manual_seed(seed)
    n_features = len(SHARES)
    raw = torch.randn(n_series, 2 * n_features, generator=generator, dtype=torch.float64)
    sources = torch.linalg.qr(raw - raw.mean(0)).Q * (n_series - 1) ** 0.5  # uncorrelated, of mean 0 and variance 1
    scales = torch.linspace(0.5, 1.5, n_features, dtype=torch.float64)
    mixing = torch.linalg.qr(torch.randn(n_features, n_features, generator=generator, dtype=torch.float64)).Q * scales
    of_series, of_changes = sources.chunk(2, 1)
    return (of_series * (1 - SHARES).sqrt()) @ mixing, (of_changes * SHARES.sqrt()) @ mixing


def linear_vicreg(B, E, W, **weights):
    return vicreg_loss((B + E) @ W, (B - E) @ W, **weights)


def closed_form(B, E, n_outputs):
    """Return maps W (F, d)."""
    directions = discriminant_directions(B, len(B), torch.cat([E, -E]), 2 * len(E), 1e-6, n_outputs)
    return unit_variances(directions, len(B)).T


def initial(n_outputs, seed):
    generator = torch.Generator().manual_seed(seed + 10)
    return (torch.randn(len(SHARES), n_outputs, generator=generator, dtype=torch.float64) / 4).requires_grad_()


def largest_angle(V, W):
    return torch.arccos(torch.linalg.svdvals(torch.linalg.qr(V).Q.T @ torch.linalg.qr(W).Q).clamp(max=1)).max()


class TestAgreesWithGradientDescent:
    @pytest.mark.parametrize(("n_outputs", "seed"), [(1, 0), (2, 1), (3, 1)])
    def test_same_subspace_where_the_loss_is_smooth(self, n_outputs, seed):
        """Invariance that keeps standard deviations below 1, so that no hinge bends the way."""
        B, E = two_views(seed)
        W = initial(n_outputs, seed)
        optimizer = torch.optim.LBFGS([W], max_iter=250, tolerance_change=1e-14, line_search_fn="strong_wolfe")

        def closure():
            optimizer.zero_grad()
            loss = linear_vicreg(B, E, W, invariance=1.6, variance=1.0, covariance=100.0)
            loss.backward()
            return loss

        optimizer.step(closure)
        assert largest_angle(closed_form(B, E, n_outputs), W.detach()) < 0.01

    def test_same_subspace_and_covariance_where_variances_reach_one(self):
        B, E = two_views(seed=2)
        W = initial(2, seed=2)
        optimizer = torch.optim.Adam([W], lr=0.03)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 300)
        for _ in range(300):
            optimizer.zero_grad()
            linear_vicreg(B, E, W, invariance=10.0, variance=25.0, covariance=10.0).backward()
            optimizer.step()
            schedule.step()
        W = W.detach()
        assert_allclose(torch.cov(((B + E) @ W).T), torch.eye(2), atol=0.03)
        assert largest_angle(closed_form(B, E, 2), W) < 0.03

    def test_principal_components_are_another_subspace(self):
        B, E = two_views(seed=0)
        components = torch.linalg.svd(B + E, full_matrices=False).Vh[:2].T
        assert largest_angle(closed_form(B, E, 2), components) > 0.5


class TestOutputs:
    def test_variance_one_and_no_covariance(self):
        features = vicreg_of().fit_transform(X)
        assert features.shape == (41, 10)
        assert_allclose(features.T @ features / 41, np.eye(10), atol=1e-2)

    def test_directions_are_those_of_wccn(self):
        hard = vicreg_of().fit(X)
        soft = small(WCCNTransformer, shrinkage=1.0, rotated=False).fit(X)
        expected = soft.transform(X)[:, :6]
        assert_allclose(hard.transform(X)[:, :6], expected / expected.std(0), rtol=1e-2, atol=1e-3)
        assert_allclose(hard.ratios_, soft.ratios_)

    def test_at_most_a_direction_for_four_series(self):
        assert vicreg_of().fit_transform(X[:9]).shape == (9, 2)
        assert vicreg_of(n_components=3).fit_transform(X).shape == (41, 3)
