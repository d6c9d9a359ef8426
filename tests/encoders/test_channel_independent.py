import pickle

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone

from sklearn_ssl import RandomEncoderTransformer, VICRegTransformer
from sklearn_ssl.encoders import (
    ChannelIndependentEncoder,
    FCNEncoder,
    GRUEncoder,
    InceptionEncoder,
    ResNetEncoder,
    RocketEncoder,
    TransformerEncoder,
    stages,
)
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.projectors import MLPProjector

RECIPES = {
    "resnet": ChannelIndependentEncoder(ResNetEncoder(depth=2, width=4)),
    "inception": ChannelIndependentEncoder(InceptionEncoder(depth=3, width=2), aggregation="mean"),
    "transformer": ChannelIndependentEncoder(TransformerEncoder(width=8, depth=1, dropout=0.0), aggregation="max"),
    "gru": ChannelIndependentEncoder(GRUEncoder(width=4)),
    "fcn": ChannelIndependentEncoder(FCNEncoder(width=4, norm="layer")),
}
LENGTHS = [1, 2, 5, 8, 17, 30]


def each_recipe(function):
    return pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())(function)


def ragged(n_steps, n_channels=3):
    mask = torch.arange(n_steps) < torch.tensor(LENGTHS)[:, None]
    return torch.randn(len(LENGTHS), n_channels, n_steps) * mask[:, None], mask


@each_recipe
@pytest.mark.parametrize("n_channels", [1, 3, 7])
@pytest.mark.parametrize("n_steps", [1, 5, 33])
def test_shapes(recipe, n_channels, n_steps):
    encoder = recipe.build(3)
    n_out = -(-n_steps // encoder.stride)
    maps = encoder.layers(torch.randn(2, n_channels, n_steps))
    assert [tuple(h.shape) for h in maps] == [(2, width, n_out) for width in encoder.widths]


@each_recipe
def test_each_channel_by_itself_then_aggregated(recipe):
    encoder, x = recipe.build(3).eval(), torch.randn(4, 3, 20)
    of_each = torch.stack([encoder.encoder(x[:, c : c + 1]) for c in range(3)])  # (C, B, D, L')
    aggregated = {"mean": of_each.sum(0) / 3, "max": of_each.max(0).values}
    names = [recipe.aggregation] if isinstance(recipe.aggregation, str) else recipe.aggregation
    torch.testing.assert_close(encoder(x), torch.cat([aggregated[name] for name in names], 1))


@each_recipe
def test_neither_order_nor_repetition_of_channels_matters(recipe):
    encoder, x = recipe.build(3).eval(), torch.randn(4, 3, 20)
    torch.testing.assert_close(encoder(x[:, [2, 0, 1]]), encoder(x))
    torch.testing.assert_close(encoder(x.repeat(1, 3, 1)), encoder(x))


@each_recipe
def test_features_do_not_depend_on_padding_or_companions(recipe):
    encoder = recipe.build(3).eval()
    x, mask = ragged(41)
    with torch.no_grad():
        together = encoder.layers(x, mask)
        for i, length in enumerate(LENGTHS):
            for h, alone in zip(together, encoder.layers(x[i : i + 1, :, :length]), strict=True):
                n_observed = alone.shape[2]
                torch.testing.assert_close(h[i, :, :n_observed], alone[0], rtol=0, atol=1e-5)
                assert not h[i, :, n_observed:].any()


@each_recipe
def test_training_does_not_depend_on_padding(recipe):
    encoder = recipe.build(3).double().train()
    gradients = []
    x, mask = ragged(48)
    for n_steps in (32, 48):
        encoder.zero_grad()
        encoder(x[:, :, :n_steps].double(), mask[:, :n_steps]).square().sum().backward()
        gradients.append([weight.grad.clone() for weight in encoder.parameters()])
    torch.testing.assert_close(*gradients)
    assert all(gradient.isfinite().all() for gradient in gradients[0])


@each_recipe
def test_nothing_reads_values_back_from_the_device(recipe):
    with torch.device("meta"):
        encoder = recipe.build(3)
        h = encoder(torch.zeros(4, 3, 20), torch.ones(4, 20, dtype=torch.bool))
    assert h.shape == (4, encoder.widths[-1], -(-20 // encoder.stride))


@each_recipe
def test_round_trips(recipe):
    encoder, x = recipe.build(3).eval(), torch.randn(2, 3, 20)
    assert pickle.loads(pickle.dumps(encoder))(x).equal(encoder(x))
    assert str(clone(recipe).get_params()) == str(recipe.get_params())


def test_the_inner_recipe_is_searched_by_name():
    recipe = ChannelIndependentEncoder().set_params(encoder__depth=2, encoder__width=4)
    assert recipe.build(2).widths == [32, 32]
    assert ChannelIndependentEncoder(aggregation="max").build(2).widths == [64] * 3


def test_its_stages_are_those_of_the_inner_encoder():
    encoder = ChannelIndependentEncoder(ResNetEncoder(depth=3, width=4)).build(2)
    assert stages(encoder) == [[block] for block in encoder.encoder.blocks]


def test_rocket_takes_its_thresholds_from_all_channels():
    X = np.random.default_rng(0).normal(size=(12, 3, 40)).astype(np.float32)
    recipe = ChannelIndependentEncoder(RocketEncoder(n_features=168), aggregation="mean")
    transformer = RandomEncoderTransformer(encoder=recipe, random_state=0).fit(X)
    features = transformer.transform(X)
    assert features.shape == (12, 168)
    assert transformer.net_.module_.encoder.encoder.adapted
    np.testing.assert_allclose(transformer.transform(X[:, [1, 2, 0]]), features, rtol=1e-4, atol=1e-5)


def test_trained_on_three_channels_it_takes_nine():
    rng = np.random.default_rng(0)
    X, Z = rng.normal(size=(16, 3, 32)).astype(np.float32), rng.normal(size=(10, 9, 24)).astype(np.float32)
    trained = VICRegTransformer(
        encoder=ChannelIndependentEncoder(ResNetEncoder(depth=1, width=4)),
        projector=MLPProjector(width=8),
        max_epochs=2,
        batch_size=8,
        random_state=0,
    ).fit(X)
    moved = RandomEncoderTransformer(encoder=trained.net_.module_.encoder, pooling=Pooling()).fit(Z)
    features = moved.transform(Z)
    assert features.shape == (10, trained.transform(X).shape[1])
    repeated = RandomEncoderTransformer(encoder=trained.net_.module_.encoder).fit(np.repeat(X, 3, axis=1))
    np.testing.assert_allclose(repeated.transform(np.repeat(X, 3, axis=1)), trained.transform(X), rtol=1e-4, atol=1e-5)


def test_equal_modules_have_equal_hashes():
    torch.manual_seed(0)
    one = RandomEncoderTransformer(encoder=RECIPES["resnet"].build(2))
    torch.manual_seed(0)
    other = RandomEncoderTransformer(encoder=RECIPES["resnet"].build(2))
    assert joblib.hash(one) == joblib.hash(other)


@pytest.mark.parametrize("aggregation", ["median", (), ("mean", "mean"), 3])
def test_unknown_aggregation(aggregation):
    with pytest.raises(ValueError, match="`aggregation` must be one of"):
        ChannelIndependentEncoder(aggregation=aggregation).build(2)


@pytest.mark.parametrize("encoder", [3, "resnet", ResNetEncoder])
def test_an_encoder_that_is_no_recipe(encoder):
    with pytest.raises(TypeError, match="`encoder` must be None or an object such as"):
        ChannelIndependentEncoder(encoder).build(2)


def test_inner_parameters_are_checked():
    with pytest.raises(ValueError, match="`depth` must be"):
        ChannelIndependentEncoder(ResNetEncoder(depth=0)).build(2)
