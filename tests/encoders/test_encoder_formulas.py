"""Each encoder against its formula, written with loops or with PyTorch's own layers."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from sklearn_ssl.encoders import (
    FCNEncoder,
    GRUEncoder,
    InceptionEncoder,
    ResNetEncoder,
    StridedEncoder,
    TCNEncoder,
    TransformerEncoder,
    resize_mask,
)

each_norm = pytest.mark.parametrize("norm", ["none", "batch", "layer"])


def convolve(h, layer):
    """Apply the weights of a convolution to series that are surrounded by zeros."""
    (size,), (dilation,) = layer.kernel_size, layer.dilation
    surrounded = F.pad(h, ((size - 1) // 2 * dilation, size // 2 * dilation))
    return F.conv1d(surrounded, layer.weight, layer.bias, dilation=dilation)


def normalise(h, norm, width):
    """Normalise h (B, D, L) without learnt scale and shift."""
    if norm == "batch":
        return F.batch_norm(h, None, None, training=True)
    return F.layer_norm(h.mT, (width,)).mT if norm == "layer" else h


def convolved_and_normalised(h, part, norm):
    assert (part.conv.bias is None) is (norm != "none")  # the shift of a normalisation replaces it
    return normalise(convolve(h, part.conv), norm, part.conv.out_channels)


@each_norm
def test_fcn(norm):
    encoder = FCNEncoder(width=4, norm=norm).build(3)
    assert encoder.widths == [4, 8, 4]
    h = x = torch.randn(2, 3, 20)
    for block, result in zip(encoder.blocks, encoder.layers(x), strict=True):
        h = convolved_and_normalised(h, block, norm).relu()
        torch.testing.assert_close(result, h)
    assert [block.conv.kernel_size for block in encoder.blocks] == [(8,), (5,), (3,)]
    assert FCNEncoder(width=4, kernel_sizes=(2, 2)).build(1).widths == [4, 4]
    assert FCNEncoder(width=4, kernel_sizes=(2,)).build(1).widths == [4]


@each_norm
@pytest.mark.parametrize("kernel_size", [5, 4])
def test_strided(norm, kernel_size):
    encoder = StridedEncoder(width=4, depth=4, kernel_size=kernel_size, norm=norm).build(3)
    assert encoder.widths == [4, 8, 16, 16]
    assert encoder.stride == 16
    h = x = torch.randn(2, 3, 37)
    for i, (block, result) in enumerate(zip(encoder.blocks, encoder.layers(x), strict=True)):
        assert (block.conv.bias is None) is (norm != "none" and i > 0)
        every_second = convolve(h, block.conv)[:, :, ::2]
        h = normalise(every_second, norm if i else "none", block.conv.out_channels)
        h = torch.where(h > 0, h, 0.2 * h)
        torch.testing.assert_close(result, h)


@each_norm
def test_resnet(norm):
    encoder = ResNetEncoder(width=4, norm=norm).build(3)
    assert encoder.widths == [4, 8, 8]
    h = x = torch.randn(2, 3, 20)
    for i, (block, result) in enumerate(zip(encoder.blocks, encoder.layers(x), strict=True)):
        f = h
        for part in block.chain[:2]:
            f = convolved_and_normalised(f, part, norm).relu()
        f = convolved_and_normalised(f, block.chain[2], norm)
        s = normalise(h, norm, 8) if i == 2 else convolved_and_normalised(h, block.shortcut, norm)
        h = (f + s).relu()
        torch.testing.assert_close(result, h)
        assert [part.conv.kernel_size for part in block.chain] == [(7,), (5,), (3,)]


@each_norm
def test_inception(norm):
    encoder = InceptionEncoder(depth=7, width=4, bottleneck=8, norm=norm).build(3)
    assert encoder.widths == [16] * 7
    assert len(encoder.shortcuts) == 2
    h = before = x = torch.randn(2, 3, 50)
    for i, (block, result) in enumerate(zip(encoder.blocks, encoder.layers(x), strict=True)):
        assert all((branch.bias is None) is (norm != "none") for branch in [*block.branches, block.pooled])
        narrow = h if i == 0 else convolve(h, block.bottleneck)
        highest = F.pad(h, (1, 1), value=-torch.inf).unfold(2, 3, 1).amax(3)
        branches = [*(convolve(narrow, branch) for branch in block.branches), convolve(highest, block.pooled)]
        h = normalise(torch.cat(branches, 1), norm, 16).relu()
        if i in (2, 5):
            h = before = (h + convolved_and_normalised(before, encoder.shortcuts[i // 3], norm)).relu()
        torch.testing.assert_close(result, h, rtol=1e-4, atol=1e-5)
        assert [branch.kernel_size for branch in block.branches] == [(40,), (20,), (10,)]
        assert [branch.in_channels for branch in block.branches] == [3 if i == 0 else 8] * 3


def test_an_input_that_is_not_wider_than_the_bottleneck_stays():
    blocks = InceptionEncoder(depth=2, width=2, bottleneck=8).build(8).blocks
    assert all(isinstance(block.bottleneck, nn.Identity) for block in blocks)
    assert InceptionEncoder(depth=2, width=2, bottleneck=7).build(8).blocks[0].bottleneck.bias is None


@each_norm
def test_tcn(norm):
    encoder = TCNEncoder(depth=3, width=4, n_features=6, dropout=0.0, norm=norm).build(3)
    assert encoder.widths == [4, 4, 4, 6]
    x = torch.randn(2, 3, 50)
    h = convolve(x, encoder.embedding.conv)
    for i, (block, result) in enumerate(zip(encoder.blocks, encoder.layers(x), strict=True)):
        f = convolved_and_normalised(F.gelu(h), block.first, norm)
        f = convolved_and_normalised(F.gelu(f), block.second, norm)
        h = f + (convolve(h, block.shortcut.conv) if i == 3 else h)
        torch.testing.assert_close(result, h, rtol=1e-4, atol=1e-5)
        assert block.first.conv.dilation == block.second.conv.dilation == (2**i,)


def test_tcn_sees_as_far_as_its_dilations_reach():
    encoder = TCNEncoder(depth=2, width=8, n_features=4).build(1).eval()
    x = torch.zeros(1, 1, 61)
    impulse = x.clone()
    impulse[0, 0, 30] = 1
    changed = (encoder(impulse) - encoder(x)).abs().sum((0, 1)).nonzero().flatten()
    reach = 2 * (1 + 2 + 4)  # two convolutions of three taps with each dilation
    assert changed.tolist() == list(range(30 - reach, 30 + reach + 1))


def test_gru_equals_packed_pytorch_gru(ragged):
    x, mask = ragged([3, 7, 1], 7)
    encoder = GRUEncoder(width=5, depth=3).build(3)
    assert encoder.widths == [10, 10, 10]
    assert GRUEncoder(width=5, depth=1, bidirectional=False).build(3).widths == [5]
    reference = nn.GRU(3, 5, num_layers=3, batch_first=True, bidirectional=True)
    for i, block in enumerate(encoder.blocks):
        for direction, suffix in ((block.ahead, ""), (block.back, "_reverse")):
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(reference, f"{kind}_l{i}{suffix}").data.copy_(getattr(direction, f"{kind}_l0").data)
    packed = pack_padded_sequence(x.mT, mask.sum(1), batch_first=True, enforce_sorted=False)
    expected, _ = pad_packed_sequence(reference(packed)[0], batch_first=True)
    torch.testing.assert_close(encoder(x, mask), expected.mT)


def share_dropped(h, kept):
    """Return the share of zeros in h, and check that the other values are `kept`, scaled up."""
    dropped = h == 0
    share = dropped.float().mean().item()
    torch.testing.assert_close(h[~dropped], 2 * kept[~dropped])
    return share


def test_dropout_of_tcn_is_at_the_output():
    encoder, x = TCNEncoder(depth=1, width=4, n_features=32, dropout=0.5).build(1), torch.randn(4, 1, 50)
    before, after = encoder.eval().layers(x), encoder.train().layers(x)
    assert after[0].equal(before[0])
    assert share_dropped(after[1], before[1]) == pytest.approx(0.5, abs=0.05)


def test_dropout_of_gru_is_between_layers():
    encoder, x = GRUEncoder(depth=3, width=32, dropout=0.5).build(1), torch.randn(4, 1, 50)
    before, after = encoder.eval().layers(x), encoder.train().layers(x)
    assert after[0].equal(before[0])
    assert not after[1].equal(before[1])
    assert (after[2] != 0).all()
    given = []
    encoder.blocks[1].register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    encoder(x)
    assert share_dropped(given[0], before[0]) == pytest.approx(0.5, abs=0.05)


def transformer_of_one_block():
    encoder = TransformerEncoder(width=32, depth=1, n_heads=2, window=1, dropout=0.5).build(1)
    encoder.norm = nn.Identity()
    return encoder, encoder.blocks[0], torch.randn(4, 1, 50)


def test_dropout_of_the_tokens_of_a_transformer():
    encoder, block, x = transformer_of_one_block()
    for layer in (block.out, block.feed_forward[4]):  # neither attention nor feed-forward adds anything
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    assert share_dropped(encoder(x), encoder.tokens(x).mT) == pytest.approx(0.5, abs=0.05)


def test_dropout_of_the_attention_of_a_transformer(monkeypatch):
    _, block, _ = transformer_of_one_block()
    h, shares, attention = torch.randn(4, 50, 32), [], F.scaled_dot_product_attention

    def without_dropout(*inputs, dropout_p, **options):
        shares.append(dropout_p)
        return attention(*inputs, **options)

    monkeypatch.setattr(F, "scaled_dot_product_attention", without_dropout)
    nn.init.zeros_(block.feed_forward[4].weight)
    nn.init.zeros_(block.feed_forward[4].bias)
    before, after = block.eval()(h, None) - h, block.train()(h, None) - h
    after = torch.where(after.abs() < 1e-6, 0, after)
    dropped = (after == 0).float().mean().item()
    torch.testing.assert_close(after[after != 0], 2 * before[after != 0], rtol=1e-3, atol=1e-5)
    assert dropped == pytest.approx(0.5, abs=0.05)
    assert shares == [0.0, 0.5]


def test_dropout_of_the_feed_forward_part_of_a_transformer():
    _, block, _ = transformer_of_one_block()
    h, inputs = torch.randn(4, 50, 32), []
    block.feed_forward[4].register_forward_pre_hook(lambda module, given: inputs.append(given[0]))
    before, after = block.feed_forward.eval()(h), block.feed_forward.train()(h)
    assert share_dropped(inputs[1], inputs[0]) == pytest.approx(0.5, abs=0.05)
    assert (after == 0).float().mean().item() == pytest.approx(0.5, abs=0.05)
    assert (before != 0).all()


def test_transformer_equals_pytorch_layers(ragged):
    encoder = TransformerEncoder(width=8, n_heads=2, depth=2, window=2, dropout=0.0).build(3)
    assert (encoder.widths, encoder.stride) == ([8, 8], 2)
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


def test_transformer_tokens_are_windows():
    encoder = TransformerEncoder(width=6, n_heads=1, window=4).build(2)
    x = torch.randn(3, 2, 10)
    codes = encoder.tokens(torch.zeros(3, 2, 10)) - encoder.embedding.bias
    tokens = encoder.tokens(x) - codes
    filled = F.pad(x, (0, 2))
    for window in range(3):
        values = filled[:, :, 4 * window : 4 * window + 4].reshape(3, 8)  # channel after channel
        torch.testing.assert_close(tokens[:, window], encoder.embedding(values))


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
