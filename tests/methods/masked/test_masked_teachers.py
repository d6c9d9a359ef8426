"""Masked methods whose targets come from a teacher."""

import copy

import pytest
import torch
from small_masked import (
    HIDDEN,
    LENGTHS,
    N_STEPS,
    TOKENS,
    WINDOW,
    Setting,
    batch_of,
    module_of,
    series,
    small_masked,
)
from torch import nn

from sklearn_ssl import Data2VecTransformer
from sklearn_ssl.architectures import Batch, maps
from sklearn_ssl.encoders import ResNetEncoder

SETTINGS = {
    Data2VecTransformer: Setting({"window": WINDOW}),
}
N_WINDOWS = -(-LENGTHS // WINDOW)  # of the series of unequal length: 6, 3, 4, 1, 1, 6
SEEN = torch.arange(N_STEPS // WINDOW) < N_WINDOWS[:, None]


def module(cls, x=None, windows=HIDDEN, **parameters):
    """Return a fitted module whose teacher is not equal to its encoder."""
    return module_of(small_masked(cls, SETTINGS[cls], **parameters), series() if x is None else x, windows)


every_teacher = pytest.mark.parametrize("cls", SETTINGS, ids=lambda cls: cls.__name__)


@every_teacher
def test_features_are_not_those_of_the_teacher(cls):
    fitted, x = module(cls).eval(), series()
    before = fitted.features(x)
    for weight in fitted.teacher.parameters():
        weight.data.zero_()
    assert torch.equal(fitted.features(x), before)


@every_teacher
def test_the_teacher_starts_as_the_encoder_and_moves_in_training_only(cls):
    start, x = module(cls, max_epochs=0), series()
    for name, taught in start.teacher.items():
        states = zip(taught.state_dict().values(), getattr(start, name).state_dict().values(), strict=True)
        assert all(torch.equal(*pair) for pair in states)
    fitted = module(cls)
    for training in (False, True):
        before = copy.deepcopy(fitted.teacher.state_dict())
        fitted.train(training)(batch_of(x, LENGTHS))
        after = fitted.teacher.state_dict()
        assert any(not torch.equal(before[name], after[name]) for name in before) == training


# --- data2vec ---


def inputs_of(encoder, function):
    """Return the series of each pass of an encoder in a call."""
    seen = []
    layers = encoder.layers
    encoder.layers = lambda x, mask=None: (seen.append(x), layers(x, mask))[1]
    function()
    del encoder.layers
    return seen


def targets_of(fitted, batch):
    return fitted.targets(batch, fitted.hide(batch))


class TestData2Vec:
    def test_the_teacher_sees_the_whole_series_and_the_encoder_the_fill(self):
        fitted, batch = module(Data2VecTransformer), batch_of(series(), LENGTHS)
        nn.init.constant_(fitted.fill, 7.0)
        (whole,) = inputs_of(fitted.teacher["encoder"], lambda: fitted(batch))
        (masked,) = inputs_of(fitted.encoder, lambda: fitted(batch))
        assert torch.equal(whole, batch.x)
        hidden = HIDDEN.repeat_interleave(WINDOW, 1)[:, None] & (torch.arange(N_STEPS) < LENGTHS[:, None, None])
        assert torch.equal(masked, torch.where(hidden, 7.0, batch.x))

    def test_targets_have_mean_0_and_variance_1_over_the_observed_windows(self):
        y = targets_of(module(Data2VecTransformer, n_layers=1), batch_of(series(), LENGTHS))
        for one, n_windows in zip(y, N_WINDOWS.tolist(), strict=True):
            torch.testing.assert_close(one[:n_windows].mean(0), torch.zeros(8), rtol=0, atol=1e-5)
            if n_windows > 1:
                torch.testing.assert_close(one[:n_windows].var(0, correction=0), torch.ones(8), rtol=0, atol=0.1)
            assert not one[n_windows:].any()

    @pytest.mark.parametrize("n_layers", [1, 2, 8])
    def test_targets_are_the_mean_over_the_top_layers(self, n_layers):
        fitted, batch = module(Data2VecTransformer, n_layers=n_layers), batch_of(series())
        layers, _ = maps(fitted.teacher["encoder"], batch.x)  # of two blocks
        normalised = [nn.functional.instance_norm(h) for h in layers]  # over all time steps
        torch.testing.assert_close(
            targets_of(fitted, batch), torch.stack(normalised[-n_layers:]).mean(0).mT, rtol=1e-4, atol=1e-4
        )

    def test_layers_of_another_width_are_not_counted(self):
        encoder = ResNetEncoder(depth=2, width=4, norm="layer")
        two, one = (module(Data2VecTransformer, encoder=encoder, n_layers=k, max_epochs=0) for k in (2, 1))
        assert two.widths == [4, 8]
        assert torch.equal(*(targets_of(fitted, batch_of(series())) for fitted in (two, one)))

    def test_weights_are_at_hidden_windows_of_series_with_three_windows_or_more(self):
        fitted = module(Data2VecTransformer, windows=torch.ones_like(HIDDEN))
        _, _, weight = fitted(batch_of(series(), LENGTHS))
        assert torch.equal(weight, (SEEN & (N_WINDOWS > 2)[:, None])[:, :, None].expand_as(weight).float())
        _, _, weight = module(Data2VecTransformer)(batch_of(series()))
        assert torch.equal(weight, HIDDEN[:, :, None].expand_as(weight).float())

    def test_unknown_values_are_neither_seen_nor_predicted(self):
        fitted, x = module(Data2VecTransformer).eval(), series()
        gaps = torch.zeros_like(x, dtype=torch.bool)
        gaps[:, :, 4:8] = True  # the second window, which is hidden in some series
        batches = (Batch(one, None, torch.arange(6), {"gaps": gaps}) for one in (x, torch.where(gaps, x + 100, x)))
        outputs = [fitted(batch) for batch in batches]
        assert all(torch.equal(*pair) for pair in zip(*outputs, strict=True))
        assert not outputs[0][2][:, 1].any()
        assert outputs[0][2][:, 2:].any()

    def test_small_encoders_take_windows_of_several_steps(self):
        encoder = ResNetEncoder(depth=1, width=4, norm="layer")
        assert module(Data2VecTransformer, encoder=encoder)(batch_of(series()))[1].shape == (6, 6, 4)
        assert TOKENS.window == WINDOW
