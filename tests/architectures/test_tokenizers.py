"""Codebooks, and what learns from them and with them."""

import copy

import pytest
import torch
from small_architectures import LENGTHS, built
from torch import nn
from torch.nn import functional as F

from sklearn_ssl.architectures import (
    AggregatedCodeArchitecture,
    Batch,
    CodeArchitecture,
    DistilledTokenizerArchitecture,
    PerceptualTokenizerArchitecture,
    SiameseArchitecture,
    TokenizerArchitecture,
)
from sklearn_ssl.architectures._codebook import Codebook
from sklearn_ssl.encoders import GRUEncoder, ResNetEncoder, RocketEncoder, TransformerEncoder
from sklearn_ssl.losses import masked_mse_loss, vq_distillation_loss, vq_loss, vq_perceptual_loss

TOKENIZERS = [TokenizerArchitecture, DistilledTokenizerArchitecture, PerceptualTokenizerArchitecture]
every_tokenizer = pytest.mark.parametrize("cls", TOKENIZERS)


def unit(*shape, seed=0):
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def codebook(n_codes=4, decay=0.75):
    made = Codebook(n_codes, 3, decay)
    made.vectors = unit(n_codes, 3, seed=1)
    return made


# --- the codebook ---


def test_the_nearest_vector_gives_the_code():
    made, z = codebook(), unit(2, 5, 3)
    distances = (z[:, :, None] - made.vectors).square().sum(-1)
    assert torch.equal(made.nearest(z), distances.argmin(-1))


def test_vectors_follow_the_directions_of_what_is_assigned_to_them():
    made, z = codebook(), unit(2, 5, 3)
    codes = torch.tensor([[0, 1, 0, 3, 3], [1, 0, 0, 1, 3]])
    seen = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]]).bool()
    before = made.vectors.clone()
    made.follow(z, codes, seen)
    for code in range(4):
        mine = [z[i, t] for i in range(2) for t in range(5) if seen[i, t] and codes[i, t] == code]
        assert float(made.usage[code]) == pytest.approx(0.75 + 0.25 * len(mine))
        if mine:
            mean = F.normalize(sum(mine), dim=0)
            torch.testing.assert_close(made.vectors[code], F.normalize(0.75 * before[code] + 0.25 * mean, dim=0))
        else:
            assert torch.equal(made.vectors[code], before[code])


def test_codes_that_die_become_different_seen_windows():
    made, z = codebook(), unit(3, 4, 3)
    seen = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]]).bool()
    made.usage = torch.tensor([1e-3, 1.0, 1e-3, 1e-3])
    made.follow(z, torch.ones(3, 4, dtype=torch.long), seen)
    found = {tuple(made.vectors[code].tolist()) for code in (0, 2, 3)}
    assert found == {tuple(one.tolist()) for one in z[seen]}
    assert torch.equal(made.usage != 1, torch.tensor([False, True, False, False]))


@pytest.mark.parametrize("n_windows", [40, 3])
def test_the_start_is_k_means(n_windows):
    centres = F.normalize(torch.eye(3)[torch.arange(n_windows) % 3] + 0.05 * unit(n_windows, 3), dim=-1)
    torch.manual_seed(3)
    made = Codebook(8 if n_windows == 3 else 6, 3, 0.9)
    made.start(centres)
    codes = made.nearest(centres)
    for first in range(3):
        assert not set(codes[first::3].tolist()) & set(codes[(first + 1) % 3 :: 3].tolist())
    assert (made.vectors[codes] * centres).sum(-1).min() > 0.99
    if n_windows > 3:
        means = [F.normalize(centres[codes == code].sum(0), dim=0) for code in codes.unique()]
        torch.testing.assert_close(made.vectors[codes.unique()], torch.stack(means), rtol=1e-3, atol=1e-3)


# --- tokenizers ---


def test_the_codebook_starts_from_the_observed_windows(padded):
    made = built(TokenizerArchitecture, n_codes=6).eval()
    made.adapt(padded, LENGTHS)
    codes = made.codes(padded, LENGTHS)
    assert set(codes[codes >= 0].tolist()) == set(range(6))
    starts = []
    for series in (padded, F.pad(padded, (0, 8))):
        torch.manual_seed(1)
        made.adapt(series, LENGTHS)
        starts.append(made.codebook.vectors)
    torch.testing.assert_close(*starts)


@every_tokenizer
def test_the_decoder_sees_vectors_of_the_codebook(cls, batch):
    made, seen = built(cls).train(), []
    made.decoder.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach()))
    codes, vectors = made.eval().codes(batch.x), made.codebook.vectors.clone()
    outputs = made.train()(batch)
    torch.testing.assert_close(seen[0], vectors[codes])
    assert any(torch.equal(output, vectors[codes]) for output in outputs), "codes are read before the codebook moves"
    assert not torch.equal(made.codebook.vectors, vectors)


def test_the_gradient_passes_through_the_choice_of_the_code(batch):
    made = built(TokenizerArchitecture).eval()
    z, seen = made.embedded(batch.x)
    chosen = made.codebook.vectors[made.codebook.nearest(z)].requires_grad_()
    target = torch.randn(6, 8, 8, generator=torch.Generator().manual_seed(1))
    (expected,) = torch.autograd.grad((made.decoder(chosen, seen) * target).sum(), chosen)
    prediction, z, _, _ = made.decoded(batch)
    (gradient,) = torch.autograd.grad((prediction * target).sum(), z)
    torch.testing.assert_close(gradient, expected)


def test_codes_of_padding(padded):
    made = built(TokenizerArchitecture).eval()
    codes = made.codes(padded, LENGTHS)
    assert torch.equal(codes >= 0, torch.arange(8) < -(-LENGTHS[:, None] // 4))
    for i, length in enumerate(LENGTHS.tolist()):
        assert torch.equal(made.codes(padded[i : i + 1, :, :length])[0], codes[i, : -(-length // 4)])


def test_targets_are_the_values_of_the_windows(padded):
    made = built(TokenizerArchitecture).eval()
    _, values, weight, *_ = made(Batch(padded, LENGTHS))
    assert torch.equal(values[1, 1].reshape(2, 4), padded[1, :, 4:8])
    assert weight[1].sum() == 2 * 7
    assert weight[1, 1].reshape(2, 4)[:, 3].eq(0).all()


def test_a_tokenizer_of_longer_windows_than_the_encoder(x):
    made = built(TokenizerArchitecture, window=8).eval()
    assert made.codes(x).shape == (6, 4)
    with pytest.raises(ValueError, match=r"`window` must be a multiple of the 4 time steps .* got 6; take window=4"):
        built(TokenizerArchitecture, window=6)
    with pytest.raises(ValueError, match=r"`window` must be at most half of the longest series of 32 .* got 20"):
        built(TokenizerArchitecture, window=20)


def test_a_code_needs_four_windows():
    with pytest.warns(UserWarning, match=r"`n_codes` is 41, but there are 20 series to learn from; 40 is used"):
        made = built(TokenizerArchitecture, n_codes=41)
    assert made.codebook.vectors.shape == (40, 3)
    assert len(built(TokenizerArchitecture, n_codes=40).codebook) == 40


# --- teachers ---


@pytest.mark.parametrize("cls", TOKENIZERS[1:])
@pytest.mark.parametrize("encoder", [ResNetEncoder(depth=1, width=4), GRUEncoder(width=4)], ids=["batch norm", "GRU"])
def test_the_teacher_never_changes(cls, encoder, batch):
    made = built(cls, teacher=built(SiameseArchitecture, encoder=encoder)).train()
    before = copy.deepcopy(made.teacher.state_dict())
    optimizer = torch.optim.AdamW(made.parameters(), lr=1.0, weight_decay=1.0)
    loss = vq_distillation_loss if cls is DistilledTokenizerArchitecture else vq_perceptual_loss
    loss(*made(batch)).backward()
    optimizer.step()
    assert not any(part.training for part in made.teacher.modules())
    assert all(torch.equal(value, before[name]) for name, value in made.teacher.state_dict().items())
    assert all(one.grad is None for one in made.teacher.parameters())


def test_the_target_of_distillation_are_window_features_of_the_teacher(x, padded):
    teacher = built(SiameseArchitecture).train()
    made = built(DistilledTokenizerArchitecture, teacher=teacher)
    _, target, *_ = made(Batch(padded, LENGTHS))
    h = teacher.eval().encoder(padded, torch.arange(32) < LENGTHS[:, None])  # (B, 4, 32)
    torch.testing.assert_close(target[1, 0], h[1, :, :4].mean(1))
    torch.testing.assert_close(target[1, 1], h[1, :, 4:7].mean(1), msg="a mean over the three observed steps")


def test_perceptual_maps_have_unit_length_in_every_layer(padded):
    teacher = built(SiameseArchitecture, encoder=TransformerEncoder(depth=2, width=4, window=4))
    made = built(PerceptualTokenizerArchitecture, teacher=teacher)
    *_, maps, predicted, steps = made(Batch(padded, LENGTHS))
    for one in (maps, predicted):
        torch.testing.assert_close(one.unflatten(2, (2, 4)).norm(dim=3), steps[:, :, None].expand(-1, -1, 2).float())
    assert torch.equal(steps, torch.arange(8) < -(-LENGTHS[:, None] // 4))


def test_the_perceptual_gradient_is_another_than_that_of_the_values(batch):
    made = built(PerceptualTokenizerArchitecture).eval()
    outputs = made(batch)
    both, values = (
        torch.autograd.grad(loss(*outputs[:n]), outputs[0], retain_graph=True)[0]
        for loss, n in ((vq_perceptual_loss, 9), (vq_loss, 6))
    )
    through_teacher = both - values
    assert through_teacher.norm() > 1e-3 * values.norm()
    assert torch.cosine_similarity(through_teacher.flatten(), values.flatten(), dim=0) < 0.9


def test_a_perfect_reconstruction_is_perceived_as_such(batch, monkeypatch):
    made = built(PerceptualTokenizerArchitecture).eval()
    values = made(batch)[1]
    monkeypatch.setattr(made, "decoder", nn.Identity())
    monkeypatch.setattr(made.decoder, "forward", lambda z, seen: values)
    outputs = made(batch)
    assert float(masked_mse_loss(*outputs[:3])) == 0
    torch.testing.assert_close(outputs[6], outputs[7])


def test_teachers_without_features_of_the_windows():
    for cls in TOKENIZERS[1:]:
        with pytest.raises(ValueError, match=r"`teacher` must give features of every window.*got RocketEncoder"):
            built(cls, teacher=built(SiameseArchitecture, encoder=RocketEncoder(n_features=84)))
        with pytest.raises(ValueError, match=r"`teacher` has an encoder with 8 time steps per step of its map"):
            built(cls, teacher=built(SiameseArchitecture, encoder=TransformerEncoder(depth=1, width=4, window=8)))


# --- prediction of codes ---


def test_codes_are_those_of_the_whole_series(batch):
    tokenizer = built(TokenizerArchitecture).eval()
    made = built(CodeArchitecture, tokenizer=tokenizer).train()
    for seed in range(3):
        torch.manual_seed(seed)
        scores, codes, hidden = made(batch)
        assert torch.equal(codes, tokenizer.codes(batch.x))
        assert hidden.sum(1).tolist() == [4] * 6
    assert scores.shape == (6, 8, 5)


def test_windows_of_unknown_values_are_no_targets(x):
    gaps = torch.zeros_like(x, dtype=torch.bool)
    gaps[:, :, 4:8] = True
    made = built(CodeArchitecture)
    *_, hidden = made(Batch(x, companion={"gaps": gaps}))
    assert not hidden[:, 1].any()
    assert hidden.any()


def test_a_tokenizer_of_other_windows_is_refused():
    with pytest.raises(ValueError, match=r"`tokenizer` has windows of 8 time steps, and here windows have 4"):
        built(CodeArchitecture, tokenizer=built(TokenizerArchitecture, window=8))


# --- aggregation ---


def gradients_above(made, batch):
    """Return the gradients of the second scores with respect to the blocks above the layer that is aggregated."""
    _, aggregated, _, _ = made(batch)
    above = [one for block in made.encoder.blocks[made.layer :] for one in block.parameters()]
    return torch.autograd.grad(aggregated.square().sum(), above, allow_unused=True)


def test_the_layers_above_learn_from_the_second_scores_through_the_mean_alone(batch, monkeypatch):
    made = built(AggregatedCodeArchitecture)
    assert all(bool(one.any()) for one in gradients_above(made, batch))
    summary = made.summary
    monkeypatch.setattr(made, "summary", lambda h, observed: summary(h, observed).detach())
    assert all(one is None for one in gradients_above(made, batch))


@pytest.mark.parametrize(("depth", "layer"), [(2, 1), (3, 2), (4, 3), (6, 4), (12, 9)])
def test_the_layer_that_is_aggregated(depth, layer):
    encoder = TransformerEncoder(depth=depth, width=4, n_heads=1, window=4)
    assert built(AggregatedCodeArchitecture, encoder=encoder).layer == layer


def test_the_mean_is_over_observed_windows(padded):
    made = built(AggregatedCodeArchitecture).eval()
    h = torch.randn(6, 8, 4)
    observed = made._observed(Batch(padded, LENGTHS), h)
    assert torch.equal(observed, torch.arange(8) < -(-LENGTHS[:, None] // 4))
    torch.testing.assert_close(made.summary(h, observed)[1, 0], h[1, :2].mean(0))


def test_first_scores_are_those_without_aggregation(padded):
    made = built(AggregatedCodeArchitecture).eval()
    plain = built(CodeArchitecture, encoder=TransformerEncoder(depth=2, width=4, n_heads=1, window=4)).eval()
    plain.load_state_dict({name: value for name, value in made.state_dict().items() if "aggregation" not in name})
    outputs = []
    for one in (made, plain):
        torch.manual_seed(0)
        outputs.append(one(Batch(padded, LENGTHS)))
    seen = torch.arange(8) < -(-LENGTHS[:, None] // 4)
    torch.testing.assert_close(outputs[0][0][seen], outputs[1][0][seen])


def test_encoders_that_cannot_be_aggregated():
    with pytest.raises(TypeError, match=r"`encoder` must have tokens .* got ResNetEncoder"):
        built(AggregatedCodeArchitecture, encoder=ResNetEncoder(depth=2, width=4, norm="layer"))
    with pytest.raises(ValueError, match=r"`encoder` must have two blocks or more.*set its `depth` to 2 or more"):
        built(AggregatedCodeArchitecture, encoder=TransformerEncoder(depth=1, width=4, n_heads=1, window=4))
