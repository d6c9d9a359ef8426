import math

import pytest
import torch

from sklearn_ssl import ContrastiveEMPSSLTransformer, EMPSSLTransformer
from sklearn_ssl.architectures import Batch, WindowArchitecture
from sklearn_ssl.architectures._windows import random_windows
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.losses import contrastive_emp_ssl_loss, emp_ssl_loss


def small(cls, **parameters):
    common = {"encoder": ResNetEncoder(depth=1, width=4), "batch_size": 8, "random_state": 0, "device": "cpu"}
    return cls(**common, n_windows=3, **parameters)


@pytest.fixture
def counting():
    """Return six series whose values are ten times the number of the series plus the step, each below 10 steps."""
    return (10 * torch.arange(6.0)[:, None] + torch.arange(10.0))[:, None]  # (6, 1, 10)


def test_windows_are_consecutive_steps_of_their_series(counting):
    windows, lengths = random_windows(counting, None, 50, 0.4)
    assert windows.shape == (300, 1, 4)
    assert lengths is None
    assert bool((windows.diff(dim=2) == 1).all())
    series = windows.unflatten(0, (50, 6)) // 10
    assert bool((series == torch.arange(6.0)[:, None, None]).all())
    starts = (windows[:, 0, 0] % 10).unique()
    assert starts.tolist() == list(range(7))


def test_windows_of_padded_series_stay_within_them(counting):
    lengths = torch.tensor([10, 5, 1, 2, 8, 3])
    padded = torch.where(torch.arange(10) < lengths[:, None, None], counting, 0.0)
    windows, widths = random_windows(padded, lengths, 30, 0.5)
    assert windows.shape == (180, 1, 5)
    assert widths.tolist() == [5, 2, 1, 1, 4, 2] * 30
    for window, width, length, number in zip(
        windows[:, 0], widths, lengths.repeat(30), list(range(6)) * 30, strict=True
    ):
        inside = window[:width] - 10 * number
        assert bool((inside.diff() == 1).all())
        assert 0 <= inside[0] <= inside[-1] < length
        assert not bool(window[width:].any())


def test_a_window_of_the_whole_series_is_the_series(counting):
    windows, _ = random_windows(counting, None, 2, 1.0)
    assert torch.equal(windows, counting.repeat(2, 1, 1))


@pytest.mark.parametrize("lengths", [None, torch.tensor([32, 7, 20, 1, 2, 31])])
def test_the_loss_gets_window_by_series(build, x, lengths):
    (z,) = build(WindowArchitecture, n_views=4, window_ratio=0.5)(Batch(x, lengths))
    assert z.shape == (4, 6, 8)
    assert bool(z.isfinite().all())


@pytest.mark.parametrize("cls", [EMPSSLTransformer, ContrastiveEMPSSLTransformer])
def test_bad_windows_are_refused(cls):
    X = make_waves(n_cases=20, random_state=0)[0][:, :, :8]
    with pytest.raises(ValueError, match=r"`window_ratio` must be at least 1 / 8, .* got 0.05"):
        small(cls, window_ratio=0.05).fit(X)
    with pytest.raises(ValueError, match=r"`window_ratio` must be a number above 0 and at most 1, got 1.5"):
        small(cls, window_ratio=1.5).fit(X)
    with pytest.raises(ValueError, match=r"`n_windows` must be a whole number at least 2, got 1"):
        cls(n_windows=1).fit(X)


def test_loss_of_projections_that_are_the_same():
    X, _ = make_waves(n_cases=20, random_state=0)
    same = torch.ones(3, 8, 128)
    collapsed = small(EMPSSLTransformer, max_epochs=0).fit(X).collapsed_loss_
    assert collapsed == pytest.approx(float(emp_ssl_loss(same)), rel=1e-5)
    collapsed = small(ContrastiveEMPSSLTransformer, max_epochs=0).fit(X).collapsed_loss_
    assert collapsed == pytest.approx(float(contrastive_emp_ssl_loss(same)), rel=1e-5)
    assert collapsed == pytest.approx(200 * math.log(3 * 7) - math.log(1 + 128 / 0.2) / 2, rel=1e-5)
