import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from sklearn_ssl.encoders import (
    Encoder,
    EncoderModule,
    FCNEncoder,
    GRUEncoder,
    InceptionEncoder,
    ResNetEncoder,
    TCNEncoder,
    TransformerEncoder,
    resize_mask,
)

RECIPES = {
    "fcn": FCNEncoder(width=8),
    "fcn-layer": FCNEncoder(width=8, norm="layer"),
    "fcn-none": FCNEncoder(width=8, norm="none"),
    "resnet": ResNetEncoder(width=8),
    "resnet-layer": ResNetEncoder(width=8, norm="layer"),
    "resnet-none": ResNetEncoder(width=8, norm="none"),
    "inception": InceptionEncoder(width=4, bottleneck=8, depth=4),
    "inception-layer": InceptionEncoder(width=4, bottleneck=8, depth=4, norm="layer"),
    "inception-none": InceptionEncoder(width=4, bottleneck=8, depth=4, norm="none"),
    "tcn": TCNEncoder(depth=4, width=8, n_features=12, dropout=0.0),
    "tcn-batch": TCNEncoder(depth=4, width=8, n_features=12, dropout=0.0, norm="batch"),
    "tcn-layer": TCNEncoder(depth=4, width=8, n_features=12, dropout=0.0, norm="layer"),
    "transformer": TransformerEncoder(width=8, depth=2, dropout=0.0),
    "transformer-window-1": TransformerEncoder(width=6, depth=1, n_heads=2, window=1, dropout=0.0),
    "gru": GRUEncoder(width=8),
    "gru-one-way": GRUEncoder(width=8, bidirectional=False),
}
LENGTHS = [1, 2, 5, 8, 17, 30]


def each_recipe(function):
    return pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())(function)


def ragged(lengths, n_steps, n_channels=3):
    """Return random series of those lengths, padded with zeros, and their mask."""
    rng = np.random.default_rng(0)
    x = np.zeros((len(lengths), n_channels, n_steps), dtype=np.float32)
    mask = np.zeros((len(lengths), n_steps), dtype=bool)
    for i, length in enumerate(lengths):
        x[i, :, :length] = rng.normal(-1.0, 1.0, (n_channels, length))
        mask[i, :length] = True
    return torch.from_numpy(x), torch.from_numpy(mask)


def trained(recipe, n_channels=3):
    """Build an encoder whose batch norms have seen data, in evaluation mode."""
    encoder = recipe.build(n_channels)
    for part in encoder.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(part.running_mean, -1, 1)
            nn.init.uniform_(part.running_var, 0.5, 2)
            nn.init.uniform_(part.bias, -1, 1)
    return encoder.eval()


@each_recipe
@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("n_steps", [1, 2, 3, 5, 64])
def test_shapes(recipe, n_channels, n_steps):
    encoder = recipe.build(n_channels)
    x = torch.randn(2, n_channels, n_steps)
    n_out = -(-n_steps // encoder.stride)
    assert [tuple(h.shape) for h in encoder.layers(x)] == [(2, width, n_out) for width in encoder.widths]
    assert encoder.eval()(x).equal(encoder.layers(x)[-1])


@pytest.mark.parametrize(
    ("recipe", "widths"),
    [
        (FCNEncoder(), [128, 256, 128]),
        (ResNetEncoder(), [32, 64, 64]),
        (InceptionEncoder(), [128] * 6),
        (TCNEncoder(), [64] * 10 + [320]),
        (TransformerEncoder(), [128] * 3),
        (GRUEncoder(), [128] * 2),
    ],
)
def test_default_widths(recipe, widths):
    encoder = recipe.build(3)
    assert encoder.widths == widths
    assert encoder(torch.randn(2, 3, 9)).shape[1] == widths[-1]


@each_recipe
@pytest.mark.parametrize("n_steps", [30, 41, 64])
def test_features_do_not_depend_on_padding_or_companions(recipe, n_steps):
    encoder = trained(recipe)
    x, mask = ragged(LENGTHS, n_steps)
    with torch.no_grad():
        together = encoder.layers(x, mask)
        for i, length in enumerate(LENGTHS):
            for h, alone in zip(together, encoder.layers(x[i : i + 1, :, :length]), strict=True):
                n_observed = alone.shape[2]
                torch.testing.assert_close(h[i, :, :n_observed], alone[0], rtol=0, atol=1e-5)
                assert not h[i, :, n_observed:].any()


@each_recipe
def test_values_in_the_padding_do_not_matter(recipe):
    encoder = trained(recipe)
    x, mask = ragged(LENGTHS, 32)
    noisy = torch.where(mask[:, None], x, 100.0)
    with torch.no_grad():
        torch.testing.assert_close(encoder(noisy, mask), encoder(x, mask), rtol=0, atol=1e-5)


@each_recipe
def test_training_does_not_depend_on_padding(recipe):
    encoder = recipe.build(3).double().train()
    gradients, features = [], []
    for n_steps in (32, 48):
        x, mask = ragged(LENGTHS, n_steps)
        h = encoder(x.double(), mask)
        encoder.zero_grad()
        h.square().sum().backward()
        features.append(h[:, :, : 32 // encoder.stride].detach())
        gradients.append([weight.grad.clone() for weight in encoder.parameters()])
    torch.testing.assert_close(*features)
    torch.testing.assert_close(*gradients)


@each_recipe
def test_a_mask_without_padding_changes_nothing(recipe):
    encoder = recipe.build(3).train()
    x = torch.randn(4, 3, 20)
    everywhere = torch.ones(4, 20, dtype=torch.bool)
    torch.testing.assert_close(encoder(x, everywhere), encoder(x), rtol=1e-4, atol=1e-4)


@each_recipe
def test_gradient_reaches_every_parameter(recipe):
    encoder = recipe.build(3)
    x, mask = ragged([40, 64], 64)
    (encoder(x, mask) * torch.randn(encoder.widths[-1], 1)).sum().backward()
    for name, weight in encoder.named_parameters():
        assert weight.grad.isfinite().all(), name
        assert weight.grad.any(), name


@each_recipe
@pytest.mark.parametrize("padded", [False, True])
def test_bfloat16(recipe, padded):
    encoder = recipe.build(3)
    x, mask = ragged([1, 40], 40)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        h = encoder(x, mask if padded else None)
        loss = h.float().square().mean()
    loss.backward()
    assert h.isfinite().all()
    assert all(weight.grad.isfinite().all() for weight in encoder.parameters())


@each_recipe
def test_nothing_reads_values_back_from_the_device(recipe):
    with torch.device("meta"):  # has no values to read
        encoder = recipe.build(3)
        h = encoder(torch.zeros(4, 3, 20), torch.ones(4, 20, dtype=torch.bool))
    assert h.shape == (4, encoder.widths[-1], -(-20 // encoder.stride))


@each_recipe
def test_weights_depend_on_the_seed_alone(recipe):
    x = torch.randn(2, 3, 20)
    features = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        features.append(recipe.build(3).eval()(x))
    assert features[0].equal(features[1])
    assert not features[0].equal(features[2])


@each_recipe
def test_pickle(recipe):
    x = torch.randn(2, 3, 20)
    encoder = trained(recipe)
    assert pickle.loads(pickle.dumps(encoder))(x).equal(encoder(x))
    assert pickle.loads(pickle.dumps(recipe)).get_params() == recipe.get_params()


@each_recipe
def test_clone_and_set_params(recipe):
    copy = clone(recipe)
    assert copy is not recipe
    assert copy.get_params() == recipe.get_params()
    if isinstance(recipe, FCNEncoder):
        assert clone(recipe).set_params(width=4, kernel_sizes=(2, 2)).build(1).widths == [4, 4]
    else:
        assert len(clone(recipe).set_params(depth=1).build(1).widths) == (2 if isinstance(recipe, TCNEncoder) else 1)


@pytest.mark.parametrize(
    ("recipe", "parameter"),
    [
        (FCNEncoder(width=0), "width"),
        (FCNEncoder(kernel_sizes=()), "kernel_sizes"),
        (FCNEncoder(kernel_sizes=(3, 0)), "kernel_sizes"),
        (FCNEncoder(kernel_sizes=3), "kernel_sizes"),
        (FCNEncoder(norm="instance"), "norm"),
        (ResNetEncoder(depth=0), "depth"),
        (ResNetEncoder(depth=1.5), "depth"),
        (ResNetEncoder(kernel_sizes=(7, 2.5)), "kernel_sizes"),
        (InceptionEncoder(bottleneck=0), "bottleneck"),
        (InceptionEncoder(kernel_sizes=(True,)), "kernel_sizes"),
        (TCNEncoder(dropout=1.0), "dropout"),
        (TCNEncoder(n_features=-1), "n_features"),
        (TransformerEncoder(window=5), "window"),
        (TransformerEncoder(width=10, n_heads=4), "width"),
        (GRUEncoder(bidirectional=1), "bidirectional"),
        (GRUEncoder(dropout=-0.1), "dropout"),
    ],
)
def test_parameters_out_of_range(recipe, parameter):
    with pytest.raises(ValueError, match=f"`{parameter}` must be"):
        recipe.build(3)


def test_number_of_channels_out_of_range():
    with pytest.raises(ValueError, match="`n_channels` must be at least 1, got 0"):
        ResNetEncoder().build(0)


def test_a_recipe_of_ones_own():
    class Identity(EncoderModule):
        def layers(self, x, mask=None):
            return [x]

    class IdentityEncoder(Encoder):
        def _module(self, n_channels):
            return Identity([n_channels])

    x = torch.randn(2, 3, 4)
    assert IdentityEncoder().build(3)(x) is x


def test_abstract_recipes_cannot_be_made():
    with pytest.raises(TypeError, match="abstract"):
        Encoder()


def convolve(h, layer):
    """Apply a convolution's weights, the series being surrounded by zeros."""
    (size,), (dilation,) = layer.kernel_size, layer.dilation
    surrounded = F.pad(h, ((size - 1) // 2 * dilation, size // 2 * dilation))
    return F.conv1d(surrounded, layer.weight, layer.bias, dilation=dilation)


def test_fcn_equals_its_formula():
    encoder = FCNEncoder(width=4, norm="none").build(3)
    h = x = torch.randn(2, 3, 20)
    for block, result in zip(encoder.blocks, encoder.layers(x), strict=True):
        h = convolve(h, block.conv).relu()
        torch.testing.assert_close(result, h)


def test_resnet_equals_its_formula():
    encoder = ResNetEncoder(width=4, norm="none").build(3)
    h = x = torch.randn(2, 3, 20)
    for block, result in zip(encoder.blocks, encoder.layers(x), strict=True):
        first, second, third = (part.conv for part in block.chain)
        f = convolve(convolve(convolve(h, first).relu(), second).relu(), third)
        s = h if h.shape[1] == f.shape[1] else convolve(h, block.shortcut.conv)
        h = (f + s).relu()
        torch.testing.assert_close(result, h)
    assert [part.conv.kernel_size for part in encoder.blocks[0].chain] == [(7,), (5,), (3,)]


def test_inception_equals_its_formula():
    encoder = InceptionEncoder(depth=6, width=4, bottleneck=8, norm="none").build(3)
    h = before = x = torch.randn(2, 3, 50)
    for i, (block, result) in enumerate(zip(encoder.blocks, encoder.layers(x), strict=True)):
        narrow = h if i == 0 else convolve(h, block.bottleneck)
        highest = F.pad(h, (1, 1), value=-torch.inf).unfold(2, 3, 1).amax(3)
        branches = [*(convolve(narrow, branch) for branch in block.branches), convolve(highest, block.pooled)]
        h = torch.cat(branches, 1).relu()
        if i in (2, 5):
            h = before = (h + convolve(before, encoder.shortcuts[i // 3].conv)).relu()
        torch.testing.assert_close(result, h)
    assert [branch.kernel_size for branch in encoder.blocks[0].branches] == [(40,), (20,), (10,)]


def test_tcn_equals_its_formula():
    encoder = TCNEncoder(depth=3, width=4, n_features=6).build(3).eval()
    x = torch.randn(2, 3, 50)
    h = convolve(x, encoder.embedding.conv)
    for i, (block, result) in enumerate(zip(encoder.blocks, encoder.layers(x), strict=True)):
        f = convolve(F.gelu(convolve(F.gelu(h), block.first.conv)), block.second.conv)
        h = f + (convolve(h, block.shortcut.conv) if i == 3 else h)
        torch.testing.assert_close(result, h)
        assert block.first.conv.dilation == block.second.conv.dilation == (2**i,)


def test_tcn_sees_as_far_as_its_dilations_reach():
    encoder = TCNEncoder(depth=2, width=8, n_features=4).build(1).eval()
    x = torch.zeros(1, 1, 61)
    impulse = x.clone()
    impulse[0, 0, 30] = 1
    changed = (encoder(impulse) - encoder(x)).abs().sum((0, 1)).nonzero().flatten()
    reach = 2 * (1 + 2 + 4)  # two convolutions of three taps with each dilation
    assert changed.tolist() == list(range(30 - reach, 30 + reach + 1))


def test_dropout_only_in_training():
    for recipe in (TCNEncoder(depth=1, width=4), TransformerEncoder(width=8), GRUEncoder(width=4, dropout=0.5)):
        encoder, x = recipe.build(1), torch.randn(2, 1, 16)
        assert not encoder(x).equal(encoder(x))
        assert encoder.eval()(x).equal(encoder(x))


def test_gru_equals_packed_pytorch_gru():
    x, mask = ragged([3, 7, 1], 7)
    encoder = GRUEncoder(width=5, depth=2).build(3)
    reference = nn.GRU(3, 5, num_layers=2, batch_first=True, bidirectional=True)
    for i, block in enumerate(encoder.blocks):
        for direction, suffix in ((block.ahead, ""), (block.back, "_reverse")):
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(reference, f"{kind}_l{i}{suffix}").data.copy_(getattr(direction, f"{kind}_l0").data)
    packed = pack_padded_sequence(x.transpose(1, 2), mask.sum(1), batch_first=True, enforce_sorted=False)
    expected, _ = pad_packed_sequence(reference(packed)[0], batch_first=True)
    torch.testing.assert_close(encoder(x, mask), expected.transpose(1, 2))


def test_transformer_equals_pytorch_layers():
    encoder = TransformerEncoder(width=8, n_heads=2, depth=2, window=2, dropout=0.0).build(3)
    x, mask = ragged([7, 3], 8)
    h = encoder.tokens(x)
    hidden = resize_mask(mask, 4).logical_not()
    for block, expected in zip(encoder.blocks, encoder.layers(x, mask), strict=True):
        reference = nn.TransformerEncoderLayer(8, 2, 32, 0.0, "gelu", batch_first=True, norm_first=True)
        pairs = {
            "norm1": block.attention_norm,
            "self_attn.out_proj": block.out,
            "norm2": block.feed_forward[0],
            "linear1": block.feed_forward[1],
            "linear2": block.feed_forward[4],
        }
        for name, part in pairs.items():
            reference.get_submodule(name).load_state_dict(part.state_dict())
        reference.self_attn.in_proj_weight.data.copy_(block.queries_keys_values.weight.data)
        reference.self_attn.in_proj_bias.data.copy_(block.queries_keys_values.bias.data)
        h = reference(h, src_key_padding_mask=hidden)
        result = encoder.norm(h) if block is encoder.blocks[-1] else h
        torch.testing.assert_close(expected.mT[~hidden], result[~hidden])


@pytest.mark.parametrize("width", [6, 7])
def test_transformer_position_codes(width):
    encoder = TransformerEncoder(width=width, n_heads=1, window=4).build(1)
    nn.init.zeros_(encoder.embedding.weight)
    nn.init.zeros_(encoder.embedding.bias)
    codes = encoder.tokens(torch.zeros(1, 1, 38))[0]  # ten windows
    for position in range(10):
        for j in range(width):
            angle = position / 10000 ** ((j - j % 2) / width)
            expected = np.sin(angle) if j % 2 == 0 else np.cos(angle)
            assert codes[position, j].item() == pytest.approx(expected, abs=1e-5)
