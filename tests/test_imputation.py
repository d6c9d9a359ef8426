"""Filling gaps by a masked model."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

from sklearn_ssl import MAETransformer, MaskedImputer, SimCLRTransformer, SimMIMTransformer, TSTTransformer
from sklearn_ssl.encoders import InceptionEncoder, TransformerEncoder
from sklearn_ssl.preprocessing import FillMissing

PHASES = np.random.default_rng(0).uniform(0, 2 * np.pi, size=(24, 1, 1))
SINES = 5 + 100 * np.concatenate([np.sin(np.arange(48) / 4 + PHASES), np.cos(np.arange(48) / 4 + PHASES)], axis=1)
SMALL = {"max_steps": 60, "batch_size": 12, "lr": 5e-3, "device": "cpu", "random_state": 0}
MODELS = {
    "TST": TSTTransformer(encoder=InceptionEncoder(depth=2, width=4, bottleneck=4, norm="layer"), **SMALL),
    "MAE": MAETransformer(encoder=TransformerEncoder(depth=1, width=8, n_heads=2, window=4, dropout=0.0), **SMALL),
}


def with_gaps():
    X = SINES.copy()
    X[::2, 0, 10:14] = np.nan
    X[1, 1] = np.nan
    return X


@pytest.fixture(scope="module", params=MODELS)
def imputer(request):
    return MaskedImputer(MODELS[request.param]).fit(with_gaps())


def test_observed_values_stay_and_gaps_are_filled(imputer):
    X = with_gaps()
    before = X.copy()
    filled = imputer.transform(X)
    assert_array_equal(X, before)
    observed = ~np.isnan(X)
    assert_array_equal(filled[observed], X[observed])
    assert np.isfinite(filled).all()
    assert filled.dtype == X.dtype


def test_values_are_of_the_size_of_the_channel(imputer):
    missing = np.isnan(with_gaps())
    error = np.abs(imputer.transform(with_gaps()) - SINES)[missing]
    assert error.mean() < 70  # the mean of a sine is off by 64


def test_padding_stays_padding(imputer):
    ragged = [with_gaps()[0][:, :30], with_gaps()[1]]
    filled = imputer.transform(ragged)
    assert [one.shape for one in filled] == [(2, 30), (2, 48)]
    assert all(np.isfinite(one).all() for one in filled)
    padded = np.full((2, 2, 48), np.nan)
    padded[0, :, :30], padded[1] = ragged
    whole = imputer.transform(padded)
    assert np.isnan(whole[0, :, 30:]).all()
    np.testing.assert_allclose(whole[0, :, :30], filled[0], rtol=1e-3)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_what_stands_in_the_place_of_gaps_has_no_influence(model, monkeypatch):
    results = []
    for lift in (0, 50):
        monkeypatch.setattr(FillMissing, "transform", lambda self, X, lift=lift: np.where(np.isnan(X), 5 + lift, X))
        imputer = MaskedImputer(clone(model).set_params(max_steps=3)).fit(with_gaps()[:, :, :24])
        results.append(imputer.transform(with_gaps()[:, :, :24]))
    np.testing.assert_allclose(*results, rtol=1e-6)


def test_a_model_that_predicts_no_values_is_refused():
    with pytest.raises(TypeError, match=r"`transformer` must be a masked model that predicts values.*got SimCLR"):
        MaskedImputer(SimCLRTransformer()).fit(with_gaps())


def test_the_model_that_is_given_stays_unfitted():
    model = SimMIMTransformer(encoder=InceptionEncoder(depth=1, width=4, bottleneck=4, norm="layer"), max_epochs=0)
    imputer = MaskedImputer(model).fit(with_gaps())
    assert not hasattr(model, "net_")
    assert imputer.transformer_.net_.module_.window == 8


def test_a_series_without_values_is_refused_and_nothing_changes():
    X = with_gaps()
    X[3] = np.nan
    imputer = MaskedImputer(MODELS["TST"])
    with pytest.raises(ValueError, match=r"Series 3 of X has no observed value: all are NaN\. Remove it"):
        imputer.fit(X)
    assert set(vars(imputer)) == {"transformer"}
