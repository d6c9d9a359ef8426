"""Regressors from visible to hidden tokens, and decoders of their codes."""

import pytest
import torch
from small_architectures import LENGTHS, built
from torch.nn import functional as F

from sklearn_ssl.architectures import Batch, RegressedArchitecture, TaughtRegressedArchitecture, TokenizerArchitecture
from sklearn_ssl.architectures._regressed import CrossRegressor
from sklearn_ssl.encoders import ChannelTransformerEncoder, ResNetEncoder
from sklearn_ssl.encoders._attention import CrossBlock
from sklearn_ssl.masking import GeometricMasking, Masking

HIDDEN = torch.tensor([[0, 1, 0, 1, 1, 0, 0, 0]] * 6).bool()
BOTH = [RegressedArchitecture, TaughtRegressedArchitecture]
both = pytest.mark.parametrize("cls", BOTH)


class Given(Masking):
    """Hide the windows of `HIDDEN`."""

    def draw(self, n_windows, n_total):
        return HIDDEN[:1, :n_total] & (torch.arange(n_total) < n_windows[:, None])

    def n_hidden(self, n_windows):
        return torch.full_like(n_windows, 3)


def steps_of(windows):
    return windows.repeat_interleave(4, dim=1)[:, None]


def test_attention_of_a_block_by_a_loop():
    torch.manual_seed(0)
    block = CrossBlock(4, 2, 8).eval()
    queries, places = torch.randn(1, 3, 4), torch.randn(1, 3, 4)
    memory, memory_places = torch.randn(1, 5, 4), torch.randn(1, 5, 4)
    attended = torch.tensor([1, 1, 0, 1, 0]).bool()
    q = block.query(block.query_norm(queries + places))[0]
    k = block.key(block.key_norm(memory + memory_places))[0]
    v = block.value(block.value_norm(memory))[0]
    mixed = torch.zeros(3, 4)
    for head in (slice(0, 2), slice(2, 4)):
        for one in range(3):
            weights = torch.stack([(q[one, head] @ k[j, head]) / 2**0.5 for j in range(5)])
            weights = weights.masked_fill(~attended, -torch.inf).softmax(0)
            mixed[one, head] = sum(weights[j] * v[j, head] for j in range(5))
    h = queries[0] + block.out(mixed)
    expected = h + block.feed_forward(h)
    found = block(queries, places, memory, memory_places, attended[None, None, None])
    torch.testing.assert_close(found[0], expected)


def test_the_regressor_knows_visible_tokens_and_places_alone():
    torch.manual_seed(0)
    regressor = CrossRegressor(4, 2, 1).eval()
    visible, visible_places, places = torch.randn(2, 3, 4), torch.randn(2, 3, 4), torch.randn(2, 2, 4)
    there, asked = torch.tensor([[1, 1, 0], [1, 1, 1]]).bool(), torch.tensor([[1, 1], [1, 0]]).bool()
    found = regressor(visible, visible_places, there, places, asked)
    other = torch.where(there[:, :, None], visible, 100.0)
    torch.testing.assert_close(regressor(other, visible_places, there, places, asked), found)
    turned = regressor(visible[:, [1, 0, 2]], visible_places[:, [1, 0, 2]], there[:, [1, 0, 2]], places, asked)
    torch.testing.assert_close(turned, found, msg="the order of the visible tokens")
    moved = regressor(visible, visible_places, there, places.flip(0, 1), asked)
    assert not torch.allclose(moved, found)
    assert not torch.allclose(found[:, 0], found[:, 1]), "a prediction for each place"


@both
def test_features_of_hidden_windows_do_not_depend_on_visible_values(cls, x):
    made = built(cls, masking=Given()).eval()
    _, _, predicted, features, asked = made(Batch(x))
    assert asked.all()
    hidden = steps_of(HIDDEN)
    _, _, of_others, same, _ = made(Batch(torch.where(hidden, x, x + torch.randn_like(x))))
    assert torch.equal(features, same)
    assert not torch.allclose(predicted, of_others)
    _, _, same, others, _ = made(Batch(torch.where(hidden, x + torch.randn_like(x), x)))
    assert torch.equal(predicted, same)
    assert not torch.allclose(features, others)


@both
def test_features_are_those_of_an_encoder_on_the_hidden_tokens(cls, x):
    made = built(cls, masking=Given()).eval()
    if cls is TaughtRegressedArchitecture:
        torch.nn.init.normal_(made.teacher["encoder"].embedding.weight)
    encoder = made.target_encoder()
    _, _, _, features, _ = made(Batch(x))
    tokens = encoder.tokens(x)[:, HIDDEN[0]]
    torch.testing.assert_close(features, encoder.attend(tokens)[-1])
    assert (encoder is made.encoder) == (cls is RegressedArchitecture)


@both
def test_the_decoder_sees_predicted_features_alone(cls, x, monkeypatch):
    made = built(cls, masking=Given(), decoder_depth=1).eval()
    features = torch.randn(6, 3, 4)
    monkeypatch.setattr(made.regressor, "forward", lambda *arguments: features)
    before = made(Batch(x))[0]
    assert torch.equal(made(Batch(x + torch.randn_like(x)))[0], before)
    features = features.flip(1)
    assert not torch.equal(made(Batch(x))[0], before)
    assert not torch.allclose(before[:, 0], before[:, 1]), "each place has its own scores"


def test_a_decoder_without_blocks_is_linear(x):
    made = built(RegressedArchitecture, decoder_depth=0).eval()
    scores, _, predicted, _, _ = made(Batch(x))
    torch.testing.assert_close(scores, F.linear(predicted, made.decoder.out.weight, made.decoder.out.bias))


@pytest.mark.parametrize("channels", ["together", "apart"])
def test_codes_belong_to_the_windows_of_the_tokens(channels, x):
    tokenizer = built(TokenizerArchitecture)
    encoder = ChannelTransformerEncoder(depth=1, width=4, n_heads=1, window=4)
    made = built(RegressedArchitecture, encoder=encoder, tokenizer=tokenizer, masking=Given(channels=channels)).eval()
    scores, codes, *_, asked = made(Batch(x))
    assert scores.shape == (6, 6, 5)
    assert asked.all()
    expected = tokenizer.eval().codes(x)[:, HIDDEN[0]]
    assert torch.equal(codes, expected.repeat(1, 2))


def test_series_with_fewer_hidden_windows(padded):
    made = built(RegressedArchitecture, masking=Given()).eval()
    *_, asked = made(Batch(padded, LENGTHS))
    assert asked.sum(1).tolist() == [3, 1, 3, 0, 0, 3]
    made = built(RegressedArchitecture, masking=GeometricMasking(ratio=0.5, channels="together"))
    outputs = made(Batch(padded, LENGTHS))
    assert all(bool(one.isfinite().all()) for one in outputs)


@both
def test_encoders_without_tokens_are_refused(cls):
    with pytest.raises(TypeError, match="`encoder` must have tokens that can be left out"):
        built(cls, encoder=ResNetEncoder(depth=1, width=4))
    with pytest.raises(ValueError, match="`tokenizer` has windows of 8 time steps, and here windows have 4"):
        built(cls, tokenizer=built(TokenizerArchitecture, window=8))
