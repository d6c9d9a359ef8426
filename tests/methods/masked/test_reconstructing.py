"""What is special to the methods that predict values."""

import numpy as np
import pytest
import torch
from small_masked import HIDDEN, LENGTHS, N_STEPS, TOKENS, WINDOW, Setting, batch_of, module_of, series, small_masked
from torch.nn import functional as F

from sklearn_ssl import (
    ContextEncoderTransformer,
    MAETransformer,
    OmniMAETransformer,
    SimMIMTransformer,
    SimMTMTransformer,
    TSTTransformer,
    VideoMAETransformer,
)
from sklearn_ssl.architectures import Batch
from sklearn_ssl.architectures._context import border_weights
from sklearn_ssl.encoders import ChannelTransformerEncoder, ResNetEncoder, TransformerEncoder
from sklearn_ssl.losses import masked_mse_loss
from sklearn_ssl.masking import RandomMasking
from sklearn_ssl.projectors import MLPProjector

CHANNEL_TOKENS = ChannelTransformerEncoder(depth=1, width=8, n_heads=2, window=WINDOW)
NONE = Setting()


def module(cls, windows=HIDDEN, **parameters):
    return module_of(small_masked(cls, NONE, **parameters), series(), windows).eval()


# --- positions and order ---


@pytest.mark.parametrize("encoder", [TOKENS, CHANNEL_TOKENS], ids=["all channels", "each channel"])
def test_a_hidden_place_is_predicted_by_its_position(encoder):
    only_first = torch.ones(6, 6, dtype=torch.bool)
    only_first[:, 0] = False
    prediction = module(MAETransformer, only_first, encoder=encoder)(batch_of(series()))[0]
    places = prediction.unflatten(1, (-1, 6))[:, :, 1:]
    assert (places[:, :, 1:] - places[:, :, :-1]).abs().amax(3).gt(1e-4).all()
    if encoder is CHANNEL_TOKENS:
        assert not torch.allclose(places[:, 0], places[:, 1])


def test_the_order_in_which_tokens_are_kept_changes_nothing():
    mae, x = module(MAETransformer), series()
    tokens = mae.encoder.tokens(x)
    visible = ~HIDDEN
    layers, order, there = mae.encoded(tokens, visible)
    for case in range(6):
        kept = visible[case].nonzero().squeeze(1)
        expected = mae.encoder.attend(tokens[case : case + 1, kept])[-1][0]
        assert order[case, : len(kept)].tolist() == kept.tolist()
        assert int(there[case].sum()) == len(kept)
        torch.testing.assert_close(layers[-1][case, : len(kept)], expected, rtol=1e-4, atol=1e-5)


def test_values_of_tokens_and_back():
    x = series(n_steps=23)
    for encoder in (TOKENS, CHANNEL_TOKENS):
        mae = module(MAETransformer, encoder=encoder)
        torch.testing.assert_close(mae.of_values(mae.token_values(x), 23), x)


# --- targets ---


@pytest.mark.parametrize(("normalise", "n_parts"), [("window", 1), ("channel", 2)])
def test_normalised_targets(normalise, n_parts):
    mae = module(MAETransformer, normalise=normalise)
    target = mae.targets(batch_of(series(), LENGTHS)).unflatten(2, (n_parts, -1))
    values = mae.token_values(series()).unflatten(2, (n_parts, -1))
    for case, length in enumerate(LENGTHS.tolist()):
        whole = slice(0, length // WINDOW)
        mean = values[case, whole].mean(2)
        variance = (values[case, whole] - mean[..., None]).square().mean(2)
        expected = (values[case, whole] - mean[..., None]) / (variance[..., None] + 0.01).sqrt()
        torch.testing.assert_close(target[case, whole], expected, rtol=1e-4, atol=1e-4)


def test_a_constant_prediction_of_normalised_targets_costs_one():
    mae = small_masked(MAETransformer, NONE, normalise="window").fit(series().numpy())
    assert mae.collapsed_loss_ == 1
    assert small_masked(MAETransformer, NONE).fit(series().numpy()).collapsed_loss_ is None
    _, target, weight = mae.net_.module_(batch_of(10 * series()))
    assert float(mae._loss()(torch.zeros_like(target), target, weight)) == pytest.approx(1, abs=0.1)


def test_weights_are_hidden_observed_values():
    for cls, parameters in ((MAETransformer, {}), (SimMIMTransformer, {"window": WINDOW})):
        weight = module(cls, **parameters)(batch_of(series(), LENGTHS))[2]
        hidden = HIDDEN.repeat_interleave(WINDOW, 1) & (torch.arange(N_STEPS) < LENGTHS[:, None])
        assert weight.flatten(1).sum(1).tolist() == (2 * hidden.sum(1)).tolist()
        assert set(weight.unique().tolist()) == {0, 1}


# --- gaps ---


@pytest.mark.parametrize(("cls", "parameters"), [(MAETransformer, {}), (SimMIMTransformer, {"window": WINDOW})])
def test_unknown_values_are_neither_seen_nor_predicted(cls, parameters):
    built, x = module(cls, **parameters), series()
    gaps = torch.zeros_like(x, dtype=torch.bool)
    gaps[:, 1, 9:11] = True
    before, after = (built(Batch(one, None, None, {"gaps": gaps})) for one in (x, torch.where(gaps, x + 100, x)))
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[2], after[2])
    loss = small_masked(cls, NONE)._loss()
    assert torch.equal(loss(*before), loss(*after))


# --- what each encoder and window allows ---


def test_encoders_without_tokens():
    with pytest.raises(TypeError, match=r"`encoder` must have tokens that can be left out.*got ResNetEncoder"):
        small_masked(MAETransformer, NONE, encoder=ResNetEncoder(norm="layer")).fit(series().numpy())


def test_windows_that_are_not_those_of_the_encoder():
    with pytest.raises(ValueError, match=r"`window` must be 'auto' or the window of the encoder, 4"):
        small_masked(MAETransformer, NONE, window=8).fit(series().numpy())
    small_masked(MAETransformer, NONE, window=WINDOW, max_epochs=0).fit(series().numpy())


def test_channels_apart_need_tokens_of_their_own():
    apart = RandomMasking(channels="apart")
    with pytest.raises(ValueError, match=r"take encoder=ChannelTransformerEncoder\(\)"):
        small_masked(MAETransformer, NONE, masking=apart).fit(series().numpy())
    small_masked(MAETransformer, NONE, masking=apart, encoder=CHANNEL_TOKENS, max_epochs=0).fit(series().numpy())
    small_masked(SimMIMTransformer, NONE, masking=apart, max_epochs=0).fit(series().numpy())


@pytest.mark.parametrize(("n_steps", "window"), [(3, 1), (8, 2), (20, 4), (100, 8)], ids=lambda value: str(value))
def test_automatic_windows(n_steps, window):
    encoder = ResNetEncoder(depth=1, width=4, norm="layer")
    simmim = small_masked(SimMIMTransformer, NONE, encoder=encoder, max_epochs=0).fit(series(n_steps).numpy())
    assert simmim.net_.module_.window == window


def test_windows_of_another_size_than_the_encoder_has():
    transformer = small_masked(SimMIMTransformer, NONE, window=6).fit(series().numpy())
    hidden = ~np.isnan(transformer.reconstruct(series().numpy(), random_state=0))
    assert hidden.reshape(6, 2, 4, 6).any(3).sum() == hidden.sum() / 6 == 6 * 2 * 2


# --- context encoder ---


def test_ends_of_blocks_weigh_ten():
    hidden = torch.zeros(1, 1, 40, dtype=torch.bool)
    hidden[..., 3:27] = True
    weights = border_weights(hidden)[0, 0]
    assert weights.tolist() == [0] * 3 + [10] * 3 + [1] * 18 + [10] * 3 + [0] * 13
    hidden[..., 30:34] = True
    assert border_weights(hidden)[0, 0, 28:36].tolist() == [0, 0, 10, 1, 1, 10, 0, 0]
    everything = border_weights(torch.ones(1, 1, 16, dtype=torch.bool))[0, 0]
    assert everything.tolist() == [10] * 2 + [1] * 12 + [10] * 2


def test_a_context_decoder_sees_the_whole_series():
    encoder, x = ResNetEncoder(depth=1, width=4, norm="layer"), series()
    built = module(ContextEncoderTransformer, window=WINDOW, kernel_size=1, encoder=encoder)
    far = x.clone()
    far[:, :, 0] += 5
    before, after = (built(batch_of(one))[0] for one in (x, far))
    assert (before[0, :, -1] != after[0, :, -1]).all()


def test_the_critic_of_a_context_encoder_and_the_encoder_have_each_the_gradient_of_its_own_loss():
    X, settings = series(), {"kernel_size": 3, "window": WINDOW}
    transformer = small_masked(ContextEncoderTransformer, NONE, adversarial=0.25, **settings).fit(X.numpy())
    module, batch = transformer.net_.module_, batch_of(X)
    module.zero_grad()
    torch.manual_seed(0)
    prediction, values, weight, *games = module(batch)
    transformer._loss()(prediction, values, weight, *games).backward()
    sides = {True: [], False: []}
    for name, one in module.named_parameters():
        sides[name.startswith("critic")].append(one)
    torch.manual_seed(0)
    prediction, values, weight, *_ = module(batch)
    filled = torch.where(weight > 0, prediction, values)
    x = values.clone().requires_grad_()
    real, fake = module.critic_scores(x), module.critic_scores(filled)
    (slopes,) = torch.autograd.grad(real.sum(), x, create_graph=True)
    critic = F.softplus(-real).mean() + F.softplus(fake).mean() + slopes.square().sum((1, 2)).mean() / 2
    encoder = masked_mse_loss(prediction, values, weight) + 0.25 * F.softplus(-fake).mean()
    for loss, is_critic in ((critic, True), (encoder, False)):
        own = torch.autograd.grad(loss, sides[is_critic], retain_graph=True, allow_unused=True)
        for mine, one in zip(own, sides[is_critic], strict=True):
            if mine is not None:
                torch.testing.assert_close(one.grad, mine, rtol=1e-4, atol=1e-6)
    plain = small_masked(ContextEncoderTransformer, NONE, **settings).fit(X.numpy())
    assert not hasattr(plain.net_.module_, "critic")


# --- tubes and many sets ---


def test_tubes_hide_the_same_windows_in_all_channels():
    video = small_masked(VideoMAETransformer, NONE, encoder=CHANNEL_TOKENS).fit(series().numpy())
    weight = video.net_.module_(batch_of(series()))[2].unflatten(1, (2, 6))
    assert torch.equal(weight[:, 0], weight[:, 1])
    assert weight[:, 0, :, 0].sum(1).tolist() == [4] * 6  # 0.75 of 6 windows


def test_tubes_refuse_what_would_tell():
    with pytest.raises(ValueError, match='Set channels="together"'):
        small_masked(VideoMAETransformer, NONE, encoder=CHANNEL_TOKENS, masking=RandomMasking(channels="apart")).fit(
            series().numpy()
        )
    for cls in (VideoMAETransformer, OmniMAETransformer):
        with pytest.raises(TypeError, match=r"tokens for each channel, such as ChannelTransformerEncoder\(\), got Tr"):
            small_masked(cls, NONE, encoder=TOKENS).fit(series().numpy())


@pytest.fixture(scope="module")
def sets():
    """Return sets of other sizes, channels and lengths."""
    return [series(n_cases=5)[:, :1].numpy(), series(n_steps=16, n_cases=9, seed=1).numpy()]


@pytest.fixture(scope="module")
def omni(sets):
    return small_masked(OmniMAETransformer, NONE, encoder=CHANNEL_TOKENS).fit_many(sets)


def test_many_sets(omni, sets):
    assert omni.transform(sets[0]).shape == (5, omni.net_.module_.n_features)
    assert omni.transform(sets[1]).shape == (9, omni.net_.module_.n_features)
    for one in sets:
        rebuilt = omni.for_channels(one.shape[1]).reconstruct(one)
        assert rebuilt.shape == one.shape


def test_the_number_of_channels_of_fit_changes_no_loss(omni):
    built, loss, x = omni.net_.module_, omni._loss(), series()
    wider = torch.cat([x, torch.zeros(6, 3, N_STEPS)], 1)
    other = small_masked(OmniMAETransformer, NONE, encoder=CHANNEL_TOKENS, max_epochs=0).fit(wider.numpy())
    other.net_.module_.load_state_dict(built.state_dict())
    losses = []
    for module in (built, other.net_.module_):
        torch.manual_seed(0)
        losses.append(loss(*module(batch_of(x))))
    assert torch.equal(*losses)


# --- SimMTM ---


def test_a_series_is_rebuilt_from_others_only():
    built = module(SimMTMTransformer, projector=MLPProjector(width=8), window=WINDOW)
    h, z = torch.randn(8, 5, 6), torch.randn(8, 4)
    mixed = built.mixed(h, z, None, 2)
    moved = h.clone()
    moved[0] += 100
    again = built.mixed(moved, z, None, 2)
    assert torch.equal(mixed[0], again[0])
    assert not torch.allclose(mixed[1], again[1])
    torch.testing.assert_close(built.mixed(torch.ones_like(h), z, None, 2), torch.ones(2, 5, 6))


def test_rows_that_ended_take_no_part_in_a_mixture():
    built = module(SimMTMTransformer, projector=MLPProjector(width=8), window=WINDOW)
    mask = torch.arange(6) < torch.tensor([6, 6, 3, 6, 2, 6])[:, None]
    h = torch.where(mask[:, None], torch.ones(6, 5, 6), 0)
    torch.testing.assert_close(built.mixed(h, torch.randn(6, 4), mask, 2), torch.ones(2, 5, 6))


# --- TST ---


def test_default_masking_of_steps():
    tst = TSTTransformer(max_epochs=0, random_state=0, device="cpu").fit(series(n_steps=200).numpy())
    module = tst.net_.module_
    assert module.window == 1
    torch.manual_seed(0)
    weight = torch.cat([module(batch_of(series(n_steps=200)))[2] for _ in range(10)])
    assert weight.mean() == pytest.approx(0.15, abs=0.02)
    assert not torch.equal(weight[:, 0], weight[:, 1])


# --- learning ---

PHASES = 2 * torch.pi * torch.rand(64, 1, 1, generator=torch.Generator().manual_seed(0))
SINES = 2**0.5 * (torch.arange(64) * 2 * torch.pi / 16 + PHASES).sin()
LEARNERS = {
    "MAE": (MAETransformer, {"encoder": TransformerEncoder(depth=1, width=16, n_heads=2, window=4, dropout=0.0)}),
    "SimMIM": (SimMIMTransformer, {"encoder": ResNetEncoder(depth=1, width=16, norm="layer"), "window": 4}),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_sines_are_predicted_and_noise_is_not(name):
    cls, own = LEARNERS[name]
    noise = torch.randn(64, 1, 64, generator=torch.Generator().manual_seed(1))
    errors = {}
    for kind, x in (("sines", SINES), ("noise", noise)):
        model = cls(
            **own, masking=RandomMasking(ratio=0.5), max_steps=150, batch_size=32, lr=5e-3, device="cpu", random_state=0
        ).fit(x.numpy())
        predicted = model.reconstruct(x.numpy(), random_state=0)
        errors[kind] = np.nanmean((predicted - x.numpy()) ** 2)
    assert errors["sines"] < 0.5
    assert errors["noise"] > 0.9
