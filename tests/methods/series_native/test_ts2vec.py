"""TS2Vec: whose features are returned, how it is trained, and which series it refuses."""

import numpy as np
import pytest
import torch
from shared import small
from skorch.callbacks import Callback

from sklearn_ssl import RandomEncoderTransformer, TS2VecTransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import TCNEncoder
from sklearn_ssl.persistence import load_encoder, save_encoder
from sklearn_ssl.pooling import Pooling

X, _ = make_waves(n_cases=10, n_channels=2, n_timepoints=30, random_state=0)
TCN = TCNEncoder(depth=2, width=4, n_features=6, latent_mask=0.5)


class Weights(Callback):
    """Keep the learner's weights at the start and after every step."""

    def on_train_begin(self, net, **kwargs):
        self.states_ = []
        self.on_batch_end(net, training=True)

    def on_batch_end(self, net, training, **kwargs):
        self.states_.append([one.detach().clone() for one in net.module_.learner.parameters()])


@pytest.fixture(scope="module")
def fitted():
    params = {"callbacks": [("weights", Weights())]}
    return small(TS2VecTransformer, encoder=TCN, batch_size=4, max_steps=3, net_params=params).fit(X)


def test_features_are_those_of_the_mean_of_all_weights(fitted):
    states = dict(fitted.net_.callbacks_)["weights"].states_
    assert len(states) == 4
    for mean, *each in zip(fitted.net_.module_.encoder.parameters(), *states, strict=True):
        torch.testing.assert_close(mean.detach(), torch.stack(each).mean(0))
    maps = fitted.encode(X)
    expected = fitted.net_.module_.encoder(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(fitted.transform(X), maps.max(axis=2), rtol=1e-4, atol=1e-5)
    assert not np.allclose(maps, fitted.net_.module_.learner(torch.from_numpy(X)).detach().numpy(), atol=1e-4)


def test_it_is_trained_as_published(fitted):
    assert "schedule" not in dict(fitted.net_.callbacks_)
    assert {(group["lr"], group["weight_decay"]) for group in fitted.net_.optimizer_.param_groups} == {(1e-3, 1e-2)}
    assert TS2VecTransformer().resolved("encoder").get_params() == TCNEncoder(latent_mask=0.5).get_params()


def test_untrained_features_are_those_of_the_encoder():
    mine = small(TS2VecTransformer, encoder=TCN, max_epochs=0).fit_transform(X)
    pooling = Pooling(statistics="max", layers="last")
    other = RandomEncoderTransformer(encoder=TCN, pooling=pooling, device="cpu", random_state=0).fit_transform(X)
    np.testing.assert_array_equal(mine, other)


def test_a_pooling_of_the_user_is_used():
    pooled = small(TS2VecTransformer, encoder=TCN, max_epochs=0, pooling=Pooling(statistics=("mean", "std"))).fit(X)
    assert pooled.transform(X).shape[1] == 2 * (4 + 4 + 6)


def test_short_series_are_refused_before_anything_is_lost(fitted):
    before = fitted.transform(X)
    series = [X[0], X[1], X[2][:, :1], X[3]]
    with pytest.raises(ValueError, match="2 or more time steps, but series 2 has 1"):
        fitted.fit(series)
    with pytest.raises(ValueError, match="but series 2 has 1"):
        fitted.partial_fit(series)
    with pytest.raises(ValueError, match="2 or more time steps, got n_features = 1"):
        fitted.fit(X[:, 0, :1])
    np.testing.assert_array_equal(fitted.transform(X), before)
    with pytest.raises(ValueError, match=r"16 or more time steps, but series 0 has 7.*lower `temporal_unit`"):
        small(TS2VecTransformer, temporal_unit=3).fit([X[0][:, :7], *X[1:]])


def test_files_have_the_mean(fitted, tmp_path):
    save_encoder(fitted, tmp_path / "encoder.safetensors")
    loaded = load_encoder(tmp_path / "encoder.safetensors")
    np.testing.assert_array_equal(loaded.transform(X), fitted.transform(X))
