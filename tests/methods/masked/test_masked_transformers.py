"""What every masked method promises. A new method needs a line in `SETTINGS`."""

import copy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from small_masked import (
    HIDDEN,
    LENGTHS,
    MASKED,
    N_STEPS,
    TOKENS,
    WINDOW,
    Setting,
    batch_of,
    module_of,
    padded,
    series,
    small_masked,
)

from sklearn_ssl import (
    DistilledTokenizer,
    MoCoV3Transformer,
    PerceptualTokenizer,
    RandomEncoderTransformer,
    SimSiamTransformer,
    VQTokenizer,
)
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl.architectures import Batch
from sklearn_ssl.base import ReconstructingTransformer
from sklearn_ssl.encoders import ChannelTransformerEncoder, GRUEncoder, InceptionEncoder, RocketEncoder
from sklearn_ssl.projectors import MLPProjector

CHANNEL_TOKENS = ChannelTransformerEncoder(depth=1, width=8, n_heads=2, window=WINDOW)
WITH_TIME = (InceptionEncoder(depth=2, width=4, bottleneck=4, norm="layer"), GRUEncoder(width=4))

SMALL_STAGE = {"max_epochs": 1, "device": "cpu"}
TEACHER = {"teacher": SimSiamTransformer(projector=MLPProjector(width=8), **SMALL_STAGE)}
TOKENIZERS = {
    "BEiTTransformer": VQTokenizer(n_codes=2, **SMALL_STAGE),
    "BEiTV2Transformer": DistilledTokenizer(n_codes=2, **TEACHER, **SMALL_STAGE),
    "PeCoTransformer": PerceptualTokenizer(n_codes=2, **TEACHER, **SMALL_STAGE),
}


CONTRASTIVE = MoCoV3Transformer(
    projector=MLPProjector(width=8), predictor=MLPProjector(width=8), max_epochs=1, batch_size=4, device="cpu"
)


def as_it_is(x, lengths=None):
    """Return the series as their own view."""
    return x


VIEWS = {
    "augmentation": as_it_is,
    "masked_share": 1.0,
    "n_crops": 0,
    "n_prototypes": 8,
    "projector": MLPProjector(depth=1, width=8, norm="layer"),
    "window": WINDOW,
}
SETTINGS = {
    "Data2VecTransformer": Setting({"window": WINDOW}, encoders=(*WITH_TIME, CHANNEL_TOKENS)),
    "ContextEncoderTransformer": Setting({"window": WINDOW, "kernel_size": 3}, encoders=(*WITH_TIME, CHANNEL_TOKENS)),
    "IBOTTransformer": Setting(VIEWS, encoders=(*WITH_TIME, CHANNEL_TOKENS), predicts=False),
    "IJEPATransformer": Setting({"decoder_width": 4}, encoders=(CHANNEL_TOKENS,)),
    **{
        name: Setting({"window": WINDOW, "tokenizer": tokenizer}, encoders=(*WITH_TIME, CHANNEL_TOKENS))
        for name, tokenizer in TOKENIZERS.items()
        if name != "BEiTV2Transformer"
    },
    **{
        name: Setting({"tokenizer": TOKENIZERS["BEiTTransformer"]}, encoders=(CHANNEL_TOKENS,))
        for name in ("CAETransformer", "TimeMAETransformer")
    },
    "BEiTV2Transformer": Setting(
        {"tokenizer": TOKENIZERS["BEiTV2Transformer"]}, encoders=(copy.deepcopy(CHANNEL_TOKENS).set_params(depth=2),)
    ),
    "MAETransformer": Setting(encoders=(CHANNEL_TOKENS,)),
    "SdAETransformer": Setting({"n_folds": 1}, encoders=(CHANNEL_TOKENS,)),  # more parts are drawn at random
    "MimCoTransformer": Setting({"window": WINDOW, "teacher": CONTRASTIVE}, encoders=(*WITH_TIME, CHANNEL_TOKENS)),
    "OmniMAETransformer": Setting({"encoder": CHANNEL_TOKENS}),
    "SimMIMTransformer": Setting({"window": WINDOW}, encoders=(*WITH_TIME, CHANNEL_TOKENS)),
    "SimMTMTransformer": Setting(
        {"window": WINDOW, "projector": MLPProjector(width=8)}, encoders=(*WITH_TIME, CHANNEL_TOKENS), predicts=False
    ),
    "TSTTransformer": Setting({"window": WINDOW}, encoders=(*WITH_TIME, CHANNEL_TOKENS)),
    "UticaTransformer": Setting(VIEWS, predicts=False),
    "VideoMAETransformer": Setting({"encoder": CHANNEL_TOKENS}),
}
CLASSES = {cls.__name__: cls for cls in MASKED}


def with_encoders():
    for name, setting in SETTINGS.items():
        for encoder in (setting.parameters.get("encoder", TOKENS), *setting.encoders):
            yield pytest.param(name, encoder, id=f"{name}-{type(encoder).__name__}")


every_method = pytest.mark.parametrize("name", SETTINGS)
every_encoder = pytest.mark.parametrize(("name", "encoder"), [*with_encoders()])
predicting = pytest.mark.parametrize(
    ("name", "encoder"), [one for one in with_encoders() if SETTINGS[one.values[0]].predicts]
)
lengths_or_none = pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["equal", "unequal"])


def small(name, **parameters):
    return small_masked(CLASSES[name], SETTINGS[name], **parameters)


def own_encoder(name):
    return SETTINGS[name].parameters.get("encoder", TOKENS)


def with_window(name, window):
    """Return the encoder of a method with another window."""
    return clone(own_encoder(name)).set_params(window=window)


def fitted_module(name, encoder=None, windows=HIDDEN, x=None, **parameters):
    return module_of(
        small(name, encoder=encoder or own_encoder(name), **parameters), series() if x is None else x, windows
    )


def hidden_values(lengths, windows=HIDDEN):
    """Return which values of the series are hidden, (B, 1, L)."""
    steps = windows.repeat_interleave(WINDOW, dim=1)[:, None]
    return steps if lengths is None else steps & (torch.arange(N_STEPS) < lengths[:, None, None])


def outputs_of(module, batch, seed=1):
    torch.manual_seed(seed)
    return module(batch)


def loss_of(name, outputs, **parameters):
    return small(name, **parameters)._loss()(*outputs)


def test_every_masked_method_is_tested():
    assert set(SETTINGS) == set(CLASSES)


# --- no leak ---


@predicting
@lengths_or_none
def test_predictions_do_not_depend_on_hidden_values(name, encoder, lengths):
    module, x = fitted_module(name, encoder).eval(), series()
    hidden = hidden_values(lengths)
    before = outputs_of(module, batch_of(x, lengths))[0]
    after = outputs_of(module, batch_of(torch.where(hidden, x + 100, x), lengths))[0]
    assert torch.equal(before, after)
    x = padded(x, LENGTHS if lengths is not None else torch.full((6,), N_STEPS)).requires_grad_()
    prediction = outputs_of(module, Batch(x, lengths, torch.arange(6)))[0]
    weights = torch.randn(prediction.shape, generator=torch.Generator().manual_seed(2))
    (gradient,) = torch.autograd.grad((prediction * weights).sum(), x)
    hidden = hidden.expand_as(x)
    assert gradient[hidden].eq(0).all()
    assert gradient[~hidden].abs().max() > 0


# --- padding ---


@every_encoder
@pytest.mark.parametrize("training", [False, True])
def test_more_padding_changes_no_loss(name, encoder, training):
    module, x = fitted_module(name, encoder).train(training), series()
    longer = torch.nn.functional.pad(x, (0, 17))
    losses = [loss_of(name, outputs_of(copy.deepcopy(module), batch_of(one, LENGTHS))) for one in (x, longer)]
    torch.testing.assert_close(*losses, rtol=1e-4, atol=1e-5)


@every_encoder
def test_values_of_padding_have_no_influence(name, encoder):
    module, x = fitted_module(name, encoder).eval(), series()
    losses = [loss_of(name, outputs_of(module, batch_of(one, LENGTHS))) for one in (x, padded(x, LENGTHS))]
    assert torch.equal(*losses)


@every_method
def test_a_batch_without_hidden_windows_is_finite(name):
    module, x = fitted_module(name, windows=torch.zeros_like(HIDDEN)), series()
    loss = loss_of(name, outputs_of(module.train(), batch_of(x)))
    loss.backward()
    assert bool(loss.isfinite())
    assert all(bool(one.grad.isfinite().all()) for one in module.parameters() if one.grad is not None)


@every_method
def test_series_of_one_window_take_no_part(name):
    x = series(n_steps=1)
    transformer = small(name, encoder=with_window(name, 1), window="auto").fit(x.numpy())
    assert np.isfinite(transformer.transform(x.numpy())).all()


# --- features ---


@every_method
def test_features_are_those_of_the_encoder_and_draw_nothing(name):
    x = series()
    transformer = small(name, max_epochs=0)
    state = torch.get_rng_state()
    features = transformer.fit(x.numpy()).transform(x.numpy())
    module = transformer.net_.module_
    with torch.no_grad():
        expected = module.pooling(module.encoder.eval().layers(x))
    np.testing.assert_allclose(features, expected.numpy(), rtol=1e-4, atol=1e-5)
    assert torch.equal(torch.get_rng_state(), state)


@every_method
def test_untrained_features_are_those_of_the_untrained_encoder(name):
    x = series().numpy()
    untrained = RandomEncoderTransformer(encoder=own_encoder(name), device="cpu", random_state=0).fit(x)
    np.testing.assert_array_equal(small(name, max_epochs=0).fit(x).transform(x), untrained.transform(x))


@every_method
def test_training_moves_the_encoder(name):
    x = series().numpy()
    before, after = (small(name, max_epochs=epochs).fit(x).net_.module_.encoder for epochs in (0, 1))
    moved = {key for key, value in before.state_dict().items() if not torch.equal(value, after.state_dict()[key])}
    assert {key.partition(".")[0] for key in moved} >= {"embedding", "blocks", "norm"}


# --- bad input ---


@every_method
def test_windows_longer_than_half_of_the_series(name):
    transformer = small(name, window=WINDOW)
    with pytest.raises(ValueError, match=r"`window` must be at most half of the longest series of 7 time steps.*got 4"):
        transformer.fit(series(n_steps=7).numpy())
    small(name, encoder=with_window(name, 2), window=2).fit(series(n_steps=7).numpy())


@every_method
def test_encoders_that_pool_over_time_are_refused(name):
    with pytest.raises((ValueError, TypeError), match=r"`encoder` must (give features of every window|have tokens)"):
        small(name, encoder=RocketEncoder(n_features=84)).fit(series().numpy())


@every_method
def test_batch_normalisation_gets_a_warning(name):
    encoder = InceptionEncoder(depth=1, width=4, bottleneck=4)
    if encoder.norm == "batch" and len(SETTINGS[name].encoders) > 1:
        with pytest.warns(UserWarning, match=r'Set norm="layer" in the encoder'):
            small(name, encoder=encoder, max_epochs=0).fit(series().numpy())


# --- reconstruction ---

RECONSTRUCTING = [name for name, cls in CLASSES.items() if issubclass(cls, ReconstructingTransformer)]
reconstructing = pytest.mark.parametrize("name", RECONSTRUCTING)


@reconstructing
def test_reconstruction_of_given_values(name):
    x = series().numpy()
    transformer = small(name).fit(x)
    hidden = np.broadcast_to(hidden_values(None).numpy(), x.shape)
    predicted = transformer.reconstruct(x, hidden=hidden)
    assert predicted.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(predicted), ~hidden)
    other = transformer.reconstruct(np.where(hidden, x + 100, x), hidden=hidden, elsewhere="series")
    np.testing.assert_array_equal(np.where(hidden, other, np.nan), predicted)
    np.testing.assert_array_equal(np.where(hidden, 0, other), np.where(hidden, 0, x))


@reconstructing
def test_random_reconstruction(name):
    x = [one[:, :length] for one, length in zip(series().numpy(), LENGTHS.tolist(), strict=True)]
    transformer = small(name).fit(x)
    state = torch.get_rng_state()
    first, again, other = (transformer.reconstruct(x, random_state=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(first, again)
    assert (np.isnan(first) != np.isnan(other)).any()
    for case, length in enumerate(LENGTHS.tolist()):
        assert np.isnan(first[case, :, length:]).all()
        assert np.isfinite(first[case, :, :length]).any() == (length > WINDOW)


@reconstructing
def test_bad_arguments_of_reconstruct(name):
    x = series().numpy()
    transformer = small(name, max_epochs=0).fit(x)
    with pytest.raises(ValueError, match=r"`hidden` must be a Boolean array of the shape of the series, \(6, 2, 24\)"):
        transformer.reconstruct(x, hidden=np.zeros((6, 24), bool))
    with pytest.raises(ValueError, match="`elsewhere` must be 'nan' or 'series', got 'zero'"):
        transformer.reconstruct(x, elsewhere="zero")


@reconstructing
def test_reconstruction_errors_are_those_of_the_reconstructions(name):
    x = series().numpy()
    transformer = small(name).fit(x)
    errors = transformer.reconstruction_error(x, n_draws=2, random_state=3)
    draws = np.stack([transformer.reconstruct(x, random_state=seed) for seed in (3, 4)])
    np.testing.assert_allclose(errors, np.nanmean((draws - x) ** 2, axis=(0, 2, 3)), rtol=1e-5)
    assert transformer.reconstruction_error(np.concatenate([x, 20 * x]), random_state=0)[6:].min() > errors.max()
    with pytest.raises(ValueError, match="`n_draws`"):
        transformer.reconstruction_error(x, n_draws=0)
    with pytest.raises(ValueError, match="channels"):
        transformer.reconstruction_error(x[:, :1])
    assert transformer.n_channels_in_ == x.shape[1]


@every_method
def test_slow_learners_have_more_steps_by_default(name, monkeypatch):
    planned = []
    monkeypatch.setattr(SSLNet, "train", lambda net, dataset, epochs, steps, *rest, **options: planned.append(steps))
    small(name, max_epochs="auto").fit(series().numpy())
    slow = ("CAETransformer", "IJEPATransformer", "SdAETransformer", "TimeMAETransformer")
    assert planned[-1] == (1000 if name in slow else 200)
