"""The contract of all encoders: one test for each promise, with every encoder."""

import pickle

import pytest
import torch
from sklearn.base import clone
from torch import nn

from sklearn_ssl import encoders
from sklearn_ssl.encoders import Encoder, EncoderModule, stages
from sklearn_ssl.encoders._kernel_pooling import POOLINGS

RECIPES = {
    "fcn": encoders.FCNEncoder(width=8),
    "fcn-layer": encoders.FCNEncoder(width=8, norm="layer"),
    "fcn-none": encoders.FCNEncoder(width=8, norm="none"),
    "resnet": encoders.ResNetEncoder(width=8),
    "resnet-layer": encoders.ResNetEncoder(width=8, norm="layer"),
    "resnet-none": encoders.ResNetEncoder(width=8, norm="none"),
    "inception": encoders.InceptionEncoder(width=4, bottleneck=8, depth=4),
    "inception-layer": encoders.InceptionEncoder(width=4, bottleneck=8, depth=4, norm="layer"),
    "inception-none": encoders.InceptionEncoder(width=4, bottleneck=8, depth=4, norm="none"),
    "strided": encoders.StridedEncoder(width=4),
    "strided-layer": encoders.StridedEncoder(width=4, depth=2, kernel_size=4, norm="layer"),
    "strided-none": encoders.StridedEncoder(width=4, depth=3, norm="none"),
    "tcn": encoders.TCNEncoder(depth=4, width=8, n_features=12, dropout=0.0),
    "tcn-batch": encoders.TCNEncoder(depth=4, width=8, n_features=12, dropout=0.0, norm="batch"),
    "tcn-layer": encoders.TCNEncoder(depth=4, width=8, n_features=12, dropout=0.0, norm="layer"),
    "transformer": encoders.TransformerEncoder(width=8, depth=2, dropout=0.0),
    "transformer-window-1": encoders.TransformerEncoder(width=6, depth=1, n_heads=2, window=1, dropout=0.0),
    "gru": encoders.GRUEncoder(width=8),
    "gru-one-way": encoders.GRUEncoder(width=8, bidirectional=False),
    "channels": encoders.ChannelIndependentEncoder(encoders.ResNetEncoder(depth=2, width=4)),
    "channels-max": encoders.ChannelIndependentEncoder(
        encoders.TransformerEncoder(width=8, depth=1, dropout=0.0), aggregation="max"
    ),
    "channel-transformer": encoders.ChannelTransformerEncoder(width=8, depth=2),
    "grouped": encoders.GroupedEncoder(encoders.FCNEncoder(width=4)),
    "grouped-attended": encoders.GroupedEncoder(encoders.FCNEncoder(width=4, norm="layer"), attended=True),
    "season-trend": encoders.SeasonTrendEncoder(
        encoders.FCNEncoder(width=6), width=4, n_kernels=4, length=20, dropout=0.0
    ),
    "rocket": encoders.RocketEncoder(n_features=672, poolings=POOLINGS, differences=True),
    "rocket-hidden": encoders.RocketEncoder(n_features=168, n_groups=4, hidden=6, depth=2),
}
each_recipe = pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())


def n_steps_of_maps(encoder, n_steps):
    return 1 if encoder.pools_over_time else -(-n_steps // encoder.stride)


def gradients(encoder):
    return [weight.grad for weight in encoder.parameters() if weight.requires_grad]


def test_every_encoder_is_tested():
    public = [getattr(encoders, name) for name in encoders.__all__]
    recipes = {one for one in public if isinstance(one, type) and issubclass(one, Encoder) and one is not Encoder}
    assert {type(recipe) for recipe in RECIPES.values()} == recipes


@each_recipe
@pytest.mark.parametrize("n_channels", [1, 3])
def test_shapes(recipe, n_channels):
    encoder = recipe.build(n_channels)
    for n_steps in (1, 2, 3, 5, 8, 9, 64):
        x = torch.randn(2, n_channels, n_steps)
        shapes = [(2, width, n_steps_of_maps(encoder, n_steps)) for width in encoder.widths]
        if isinstance(recipe, encoders.StridedEncoder):
            shapes = [(2, width, -(-n_steps // 2**layer)) for layer, width in enumerate(encoder.widths, 1)]
        assert [tuple(h.shape) for h in encoder.train().layers(x)] == shapes
        assert encoder.eval()(x).equal(encoder.layers(x)[-1])


@each_recipe
@pytest.mark.parametrize("training", [False, True])
def test_features_of_a_step_lie_next_to_each_other_in_memory(recipe, training, ragged):
    encoder, (x, mask) = recipe.build(3).train(training), ragged([20, 7, 3], 20)
    for given in (mask, None):
        assert [h.stride(1) for h in encoder.layers(x, given)] == [1] * len(encoder.widths)


@each_recipe
def test_nothing_that_is_taken_from_series_carries_a_gradient(recipe):
    encoder, fresh = recipe.build(2), recipe.build(2)
    encoder.adapt(torch.randn(6, 2, 40, requires_grad=True))
    assert all(value.is_leaf for value in encoder.parameters())
    assert [one.requires_grad for one in encoder.parameters()] == [one.requires_grad for one in fresh.parameters()]
    assert not any(value.requires_grad for value in encoder.buffers())


@each_recipe
def test_the_module_knows_its_recipe_and_its_channels(recipe):
    encoder = recipe.build(2)
    assert encoder.n_channels == 2
    assert encoder.recipe is not recipe
    assert repr(encoder.recipe) == repr(recipe)


@each_recipe
@pytest.mark.parametrize("n_steps", [30, 41, 64])
def test_features_do_not_depend_on_padding_or_companions(recipe, n_steps, ragged, trained, lengths):
    encoder = trained(recipe)
    x, mask = ragged(lengths, n_steps)
    with torch.no_grad():
        together = encoder.layers(torch.where(mask[:, None], x, 100.0), mask)
        for i, length in enumerate(lengths):
            for h, alone in zip(together, encoder.layers(x[i : i + 1, :, :length]), strict=True):
                n_observed = alone.shape[2]
                torch.testing.assert_close(h[i, :, :n_observed], alone[0], rtol=1e-5, atol=2e-5)
                assert not h[i, :, n_observed:].any()


@each_recipe
def test_training_does_not_depend_on_padding(recipe, ragged, lengths):
    encoder = recipe.build(3).double().train()
    observed = [], []
    for n_steps in (32, 48):
        x, mask = ragged(lengths, 48)
        h = encoder(x[:, :, :n_steps].double(), mask[:, :n_steps])
        encoder.zero_grad()
        if h.requires_grad:
            h.square().sum().backward()
        observed[0].append(h[:, :, : n_steps_of_maps(encoder, 32)].detach())
        observed[1].append([gradient.clone() for gradient in gradients(encoder)])
    for values in observed:
        torch.testing.assert_close(*values)


@each_recipe
def test_a_mask_without_padding_changes_nothing(recipe):
    encoder, x = recipe.build(3).train(), torch.randn(4, 3, 20)
    everywhere = torch.ones(4, 20, dtype=torch.bool)
    torch.testing.assert_close(encoder(x, everywhere), encoder(x), rtol=1e-4, atol=1e-4)


@each_recipe
def test_a_series_without_observed_steps_has_zero_features(recipe, ragged, trained):
    x, mask = ragged([0, 20], 20)
    maps = trained(recipe).layers(x, mask)
    assert not any(h[0].any() for h in maps)
    assert all(h.isfinite().all() and h[1].any() for h in maps)


@each_recipe
def test_gradient_reaches_every_parameter(recipe, ragged):
    encoder = recipe.build(3)
    if any(weight.requires_grad for weight in encoder.parameters()):
        x, mask = ragged([40, 48, 64], 64)
        (encoder(x, mask) * torch.randn(encoder.widths[-1], 1)).sum().backward()
        assert all(gradient.isfinite().all() and gradient.any() for gradient in gradients(encoder))


@each_recipe
@pytest.mark.parametrize("padded", [False, True])
def test_bfloat16(recipe, padded, ragged):
    encoder = recipe.build(3)
    x, mask = ragged([1, 40], 40)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        h = encoder(x, mask if padded else None)
    if h.requires_grad:
        h.float().square().mean().backward()
    assert h.isfinite().all()
    assert all(gradient.isfinite().all() for gradient in gradients(encoder))


@each_recipe
def test_nothing_reads_values_back_from_the_device(recipe):
    with torch.device("meta"):  # has no values to read
        encoder = recipe.build(3)
        x, mask = torch.zeros(4, 3, 20), torch.ones(4, 20, dtype=torch.bool)
    for given in (mask, None):
        assert encoder(x, given).shape == (4, encoder.widths[-1], n_steps_of_maps(encoder, 20))


@each_recipe
def test_weights_depend_on_the_seed_alone(recipe):
    x, features = torch.randn(2, 3, 20), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        encoder = recipe.build(3).eval()
        encoder.adapt(torch.randn(8, 3, 20))
        features.append(encoder(x))
    assert features[0].equal(features[1])
    assert not features[0].equal(features[2])


@each_recipe
def test_pickle_clone_and_state(recipe, trained):
    x, encoder = torch.randn(2, 3, 20), trained(recipe)
    for copy in (clone(recipe), pickle.loads(pickle.dumps(recipe))):
        assert copy is not recipe
        assert repr(copy) == repr(recipe)
    other = recipe.build(3).eval()
    assert not other(x).equal(encoder(x))
    other.load_state_dict(encoder.state_dict())
    for copy in (other, pickle.loads(pickle.dumps(encoder))):
        assert copy(x).equal(encoder(x))


@each_recipe
def test_stages_hold_every_weight_once(recipe):
    encoder = recipe.build(3)
    found = stages(encoder)
    held = [id(weight) for stage in found for part in stage for weight in part.parameters()]
    assert sorted(held) == sorted(id(weight) for weight in encoder.parameters() if weight.requires_grad)
    assert all(any(list(part.parameters()) for part in stage) for stage in found)


def test_stages_come_from_the_bottom_up():
    resnet, rocket = (RECIPES[name].build(2) for name in ("resnet", "rocket-hidden"))
    assert stages(resnet) == [[block] for block in resnet.blocks]
    inception = encoders.InceptionEncoder(width=1, depth=7).build(2)
    expected = [[block] for block in inception.blocks]
    expected[2].append(inception.shortcuts[0])
    expected[5].append(inception.shortcuts[1])
    assert stages(inception) == expected
    assert stages(rocket) == [list(rocket.perceptron[:3]), list(rocket.perceptron[3:])]
    assert stages(RECIPES["rocket"].build(2)) == []
    transformer = RECIPES["transformer"].build(2)
    assert stages(transformer) == [
        [transformer.embedding],
        *([block] for block in transformer.blocks),
        [transformer.norm],
    ]


def test_stages_of_a_module_from_elsewhere():
    first, second, third = nn.Linear(2, 2), nn.Conv1d(2, 2, 1), nn.Linear(2, 1)
    module = nn.Module()
    module.first, module.rest = first, nn.Sequential(nn.ReLU(), second)
    module.list = nn.ModuleList([third])
    assert stages(module) == [[first], [second], [third]]
    module.scale = nn.Parameter(torch.ones(1))
    assert stages(module) == [[module]]


def test_a_recipe_of_ones_own():
    class Identity(EncoderModule):
        def layers(self, x, mask=None):
            return [x]

    class IdentityEncoder(Encoder):
        def _module(self, n_channels):
            return Identity([n_channels])

    x, encoder = torch.randn(2, 3, 4), IdentityEncoder().build(3)
    assert encoder(x) is x
    assert (encoder.widths, encoder.stride, encoder.pools_over_time) == ([3], 1, False)
    assert encoder.adapt(x) is None
    assert encoder.stages() == []


def test_abstract_recipes_cannot_be_made():
    with pytest.raises(TypeError, match="abstract"):
        Encoder()
    with pytest.raises(TypeError, match="abstract"):
        EncoderModule([1])


@pytest.mark.parametrize(
    ("name", "parameter", "wrong", "right"),
    [
        ("FCNEncoder", "width", 0, 1),
        ("FCNEncoder", "kernel_sizes", (), (1,)),
        ("FCNEncoder", "kernel_sizes", (3, 0), [3, 1]),
        ("FCNEncoder", "kernel_sizes", 3, (2, 2, 2, 2)),
        ("FCNEncoder", "norm", "instance", "layer"),
        ("StridedEncoder", "depth", 0, 1),
        ("ResNetEncoder", "depth", 0, 1),
        ("ResNetEncoder", "width", 0, 1),
        ("ResNetEncoder", "kernel_sizes", (7, 2.5), (2,)),
        ("InceptionEncoder", "depth", 0, 1),
        ("InceptionEncoder", "width", 0, 1),
        ("InceptionEncoder", "bottleneck", 0, 1),
        ("InceptionEncoder", "kernel_sizes", (True,), (1,)),
        ("TCNEncoder", "depth", -1, 0),
        ("TCNEncoder", "depth", 31, 1),
        ("TCNEncoder", "width", 0, 1),
        ("TCNEncoder", "n_features", 0, 1),
        ("TCNEncoder", "kernel_size", 0, 1),
        ("TCNEncoder", "dropout", 1.0, 0.99),
        ("TCNEncoder", "dropout", -0.01, 0),
        ("TCNEncoder", "norm", "instance", "layer"),
        ("TransformerEncoder", "depth", 0, 1),
        ("TransformerEncoder", "width", 0, 4),
        ("TransformerEncoder", "width", 10, 4),
        ("TransformerEncoder", "n_heads", 0, 1),
        ("TransformerEncoder", "window", 5, 64),
        ("TransformerEncoder", "window", 128, 1),
        ("TransformerEncoder", "expansion", 0, 1),
        ("TransformerEncoder", "dropout", 1.0, 0.99),
        ("TransformerEncoder", "dropout", -0.01, 0),
        ("GRUEncoder", "depth", 0, 1),
        ("GRUEncoder", "width", 0, 1),
        ("GRUEncoder", "bidirectional", 1, False),
        ("GRUEncoder", "dropout", 1.0, 0.99),
        ("GRUEncoder", "dropout", -0.1, 0),
        ("ChannelIndependentEncoder", "aggregation", "median", "mean"),
        ("ChannelIndependentEncoder", "aggregation", (), ("max",)),
        ("ChannelIndependentEncoder", "aggregation", ("mean", "mean"), ["max", "mean"]),
        ("ChannelIndependentEncoder", "aggregation", 3, "max"),
        ("RocketEncoder", "n_features", 83, 84),
        ("RocketEncoder", "max_dilations", 0, 1),
        ("RocketEncoder", "n_groups", -1, 1),
        ("RocketEncoder", "standardise", 1, False),
        ("RocketEncoder", "hidden", 0, 1),
        ("RocketEncoder", "depth", 0, 1),
        ("RocketEncoder", "backend", "aeon", "torch"),
        ("RocketEncoder", "differences", "no", True),
        ("RocketEncoder", "poolings", "max", "mpv"),
        ("RocketEncoder", "poolings", (), ("lspv",)),
        ("RocketEncoder", "poolings", ("ppv", "ppv"), ["ppv", "mipv"]),
    ],
)
def test_ranges_of_parameters(name, parameter, wrong, right):
    cls = getattr(encoders, name)
    with pytest.raises(ValueError, match=f"{name}: `{parameter}` must be"):
        cls(**{parameter: wrong}).build(3)
    cls(**{parameter: right}).build(3)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("FCNEncoder", ["width"]),
        ("ResNetEncoder", ["depth", "width"]),
        ("InceptionEncoder", ["depth", "width", "bottleneck"]),
        ("TCNEncoder", ["depth", "width", "n_features", "kernel_size"]),
        ("TransformerEncoder", ["depth", "width", "n_heads", "expansion"]),
        ("GRUEncoder", ["depth", "width"]),
        ("RocketEncoder", ["n_features", "n_groups", "max_dilations", "hidden", "depth"]),
    ],
)
def test_numbers_that_must_be_whole(name, parameters):
    for parameter in parameters:
        with pytest.raises(ValueError, match=f"{name}: `{parameter}` must be a whole number"):
            getattr(encoders, name)(**{parameter: 128.5}).build(3)


def test_deep_networks_can_be_described():
    encoders.TCNEncoder(depth=30).check_hyperparameters()


@pytest.mark.parametrize("n_channels", [0, -1])
def test_number_of_channels_out_of_range(n_channels):
    with pytest.raises(ValueError, match=f"ResNetEncoder: `n_channels` must be at least 1, got {n_channels}"):
        RECIPES["resnet"].build(n_channels)


@pytest.mark.parametrize("encoder", [3, "resnet", encoders.ResNetEncoder])
def test_an_inner_encoder_that_is_not_a_recipe(encoder):
    with pytest.raises(TypeError, match="`encoder` must be None or an object such as InceptionEncoder"):
        encoders.ChannelIndependentEncoder(encoder).build(2)


def test_parameters_of_an_inner_encoder_are_checked():
    with pytest.raises(ValueError, match="ResNetEncoder: `depth` must be"):
        encoders.ChannelIndependentEncoder(encoders.ResNetEncoder(depth=0)).build(2)


def test_what_does_not_learn_passes_no_gradient_on():
    x = torch.randn(2, 3, 20, requires_grad=True)
    frozen = [RECIPES["rocket"], encoders.RocketEncoder(n_features=84, n_groups=2)]
    assert not any(recipe.build(3)(x).requires_grad for recipe in frozen)
    assert RECIPES["rocket-hidden"].build(3).constant_features(x).requires_grad is False
