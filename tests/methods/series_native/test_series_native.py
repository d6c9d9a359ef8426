"""What is special to the other series-native methods: their settings, what they learn, and which series they refuse."""

import math

import numpy as np
import pytest
import torch
from shared import small

from sklearn_ssl import (
    CoSTTransformer,
    CPCTransformer,
    DiCOTTransformer,
    Series2VecTransformer,
    SoftCLTTransformer,
    TFCTransformer,
    TLossTransformer,
    TSTCCTransformer,
)
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import FCNEncoder, TCNEncoder
from sklearn_ssl.persistence import load_encoder, save_encoder

X, _ = make_waves(n_cases=10, n_channels=2, n_timepoints=30, random_state=0)


@pytest.mark.parametrize("cls", [CPCTransformer, TSTCCTransformer, DiCOTTransformer, SoftCLTTransformer])
def test_series_of_one_step_are_refused(cls):
    with pytest.raises(ValueError, match=f"{cls.__name__} needs series of 2 or more time steps, got n_features = 1"):
        small(cls).fit(X[:, 0, :1])


@pytest.mark.parametrize("cls", [CPCTransformer, TSTCCTransformer])
def test_every_series_needs_two_windows(cls):
    series = [X[0][:, :19], *X[1:]]
    with pytest.raises(ValueError, match=r"20 or more time steps, but series 0 has 19.*or lower `window`"):
        small(cls, window=10).fit(series)
    small(cls, window=9, max_epochs=1).fit(series)


@pytest.mark.parametrize("cls", [TFCTransformer, Series2VecTransformer])
def test_features_of_two_domains_are_not_stored_as_an_encoder(cls, tmp_path):
    fitted = small(cls, max_epochs=0).fit(X)
    with pytest.raises(TypeError, match="whose features are more than pooled ones"):
        save_encoder(fitted, tmp_path / "encoder.safetensors")
    assert fitted.encode(X).shape == (10, 4, 30)


def test_default_views_keep_what_belongs_to_a_channel():
    x = torch.randn(4, 3, 40)
    transformer = TSTCCTransformer()
    weak = transformer.resolved("weak").set_params(jitter__sigma=0.0)
    strong = transformer.resolved("strong").set_params(jitter__sigma=0.0)
    factor = weak(x) / x
    torch.testing.assert_close(factor, factor[:, :, :1].expand_as(factor), rtol=1e-4, atol=1e-4)
    assert len(factor[0, :, 0].unique()) == 3
    torch.testing.assert_close(strong(x).sort(dim=2).values, x.sort(dim=2).values)
    assert not torch.equal(strong(x), x)
    assert not torch.equal(weak(x), weak(x)), "views are drawn in every step"


def test_published_settings():
    encoder = TLossTransformer().resolved("encoder")
    assert (encoder.depth, encoder.width, encoder.n_features, encoder.dropout) == (10, 40, 320, 0.0)
    assert TLossTransformer().resolved("pooling").statistics == "max"
    soft = SoftCLTTransformer().resolved("encoder")
    assert soft.latent_mask == 0.5


def test_published_settings_of_cost():
    cost = CoSTTransformer()
    assert (cost.width, cost.n_kernels, cost.max_length, cost.temperature, cost.seasonal) == (160, 8, 201, 0.07, 5e-4)
    assert cost.resolved("projector").get_params()["norm"] == "none"
    sigmas = {name: step.augmentation.sigma for name, step in cost.resolved("augmentation").steps.items()}
    assert sigmas == {"scaling": 0.5, "shift": 0.5, "jitter": 0.5}
    assert cost.resolved("encoder").get_params() == TCNEncoder(dropout=0.0).get_params()


def test_trend_and_season_take_series_of_any_length_and_are_stored(tmp_path):
    fitted = small(CoSTTransformer, width=3, max_length=20).fit([series[:, : 21 + n] for n, series in enumerate(X)])
    assert fitted.encode(X).shape == (10, 6, 30)
    longer = np.concatenate([X, X, X], axis=2)
    padded = np.concatenate([X, np.full((10, 2, 60), np.nan)], axis=2)
    both = fitted.transform(np.concatenate([longer, padded]))
    np.testing.assert_allclose(both[:10], fitted.transform(longer), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(both[10:], fitted.transform(X), rtol=1e-4, atol=1e-5)
    save_encoder(fitted, tmp_path / "encoder.safetensors")
    np.testing.assert_array_equal(load_encoder(tmp_path / "encoder.safetensors").transform(X), fitted.transform(X))


def last_loss(X):
    encoder = FCNEncoder(width=8, kernel_sizes=(3,), norm="layer")
    cpc = small(CPCTransformer, encoder=encoder, window=4, n_horizons=2, batch_size=32, max_steps=60, max_epochs="auto")
    return cpc.set_params(lr=1e-2).fit(X).loss_curve_[-1]


def test_distances_of_features_become_those_of_series():
    fitted = small(Series2VecTransformer, max_steps=30, max_epochs="auto", batch_size=10, lr=1e-2).fit(X)
    assert fitted.loss_curve_[-1] < fitted.loss_curve_[0] / 2
    assert float(fitted.net_.module_.scale) == pytest.approx(float(X.std()), rel=1e-4)


def test_the_future_is_predicted_where_it_follows_from_the_past():
    noise = np.random.default_rng(0).normal(size=(64, 1, 32))
    walk = noise.copy()
    for t in range(1, 32):
        walk[:, :, t] = 0.95 * walk[:, :, t - 1] + 0.3 * noise[:, :, t]
    assert last_loss(walk) < last_loss(noise) - 0.2 < math.log(32)
