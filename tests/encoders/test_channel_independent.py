"""What one encoder for all channels does beyond the contract of encoders."""

import joblib
import numpy as np
import pytest
import torch

from sklearn_ssl import RandomEncoderTransformer, VICRegTransformer
from sklearn_ssl.encoders import (
    ChannelIndependentEncoder,
    FCNEncoder,
    InceptionEncoder,
    ResNetEncoder,
    RocketEncoder,
    TransformerEncoder,
    stages,
)
from sklearn_ssl.projectors import MLPProjector

RECIPES = {
    "both": ChannelIndependentEncoder(ResNetEncoder(depth=2, width=4)),
    "mean": ChannelIndependentEncoder(InceptionEncoder(depth=3, width=2), aggregation="mean"),
    "max": ChannelIndependentEncoder(TransformerEncoder(width=8, depth=1, dropout=0.0), aggregation="max"),
    "max-mean": ChannelIndependentEncoder(FCNEncoder(width=4, norm="layer"), aggregation=["max", "mean"]),
}
each_recipe = pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())


@each_recipe
@pytest.mark.parametrize("n_channels", [1, 2, 7])
def test_it_takes_any_number_of_channels(recipe, n_channels):
    encoder = recipe.build(3)
    maps = encoder.layers(torch.randn(2, n_channels, 33))
    n_steps = -(-33 // encoder.stride)
    assert [tuple(h.shape) for h in maps] == [(2, width, n_steps) for width in encoder.widths]


@each_recipe
def test_each_channel_by_itself_then_aggregated(recipe, trained, ragged):
    encoder, (x, mask) = trained(recipe), ragged([20, 5, 1], 20)
    for given in (None, mask):
        of_each = [encoder.encoder(x[:, c : c + 1], given) for c in range(3)]  # each (B, D, L')
        aggregated = {"mean": sum(of_each) / 3, "max": torch.stack(of_each).max(0).values}
        names = [recipe.aggregation] if isinstance(recipe.aggregation, str) else recipe.aggregation
        torch.testing.assert_close(encoder(x, given), torch.cat([aggregated[name] for name in names], 1))


@each_recipe
def test_neither_order_nor_repetition_of_channels_matters(recipe, trained):
    encoder, x = trained(recipe), torch.randn(4, 3, 20)
    torch.testing.assert_close(encoder(x[:, [2, 0, 1]]), encoder(x))
    torch.testing.assert_close(encoder(x.repeat(1, 3, 1)), encoder(x))


def test_it_adapts_the_inner_encoder_to_all_channels(ragged):
    encoder = ChannelIndependentEncoder(RocketEncoder(n_features=84)).build(3)
    x, mask = ragged([30, 12, 20], 30)
    state = torch.get_rng_state()
    encoder.adapt(x, mask)
    inner = RocketEncoder(n_features=84).build(1)
    inner.load_state_dict({**encoder.encoder.state_dict(), "adapted": torch.tensor(False)})
    torch.set_rng_state(state)
    inner.kernels[0].plan = []
    inner.adapt(x.flatten(0, 1)[:, None], mask.repeat_interleave(3, 0))
    assert encoder.encoder.adapted
    assert all(value.equal(inner.state_dict()[name]) for name, value in encoder.encoder.state_dict().items())
    assert encoder.pools_over_time


def test_the_inner_recipe_is_searched_by_name():
    recipe = ChannelIndependentEncoder().set_params(encoder__depth=2, encoder__width=4)
    assert recipe.build(2).widths == [32, 32]
    assert ChannelIndependentEncoder(aggregation="max").build(2).widths == [64] * 3


def test_its_stages_are_those_of_the_inner_encoder():
    encoder = ChannelIndependentEncoder(ResNetEncoder(depth=3, width=4)).build(2)
    assert stages(encoder) == [[block] for block in encoder.encoder.blocks]


def test_trained_on_three_channels_it_takes_nine():
    rng = np.random.default_rng(0)
    X, Z = rng.normal(size=(16, 3, 32)).astype(np.float32), rng.normal(size=(10, 9, 24)).astype(np.float32)
    trained = VICRegTransformer(
        encoder=ChannelIndependentEncoder(ResNetEncoder(depth=1, width=4)),
        projector=MLPProjector(width=8),
        max_epochs=1,
        batch_size=8,
        random_state=0,
    ).fit(X)
    encoder = trained.net_.module_.encoder
    assert RandomEncoderTransformer(encoder=encoder).fit_transform(Z).shape == (10, trained.transform(X).shape[1])
    repeated = RandomEncoderTransformer(encoder=encoder).fit_transform(np.repeat(X, 3, axis=1))
    np.testing.assert_allclose(repeated, trained.transform(X), rtol=1e-4, atol=1e-5)


def test_equal_modules_have_equal_hashes():
    hashes = []
    for _ in range(2):
        torch.manual_seed(0)
        hashes.append(joblib.hash(RandomEncoderTransformer(encoder=RECIPES["both"].build(2))))
    assert hashes[0] == hashes[1]
