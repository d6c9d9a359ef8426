"""How far fine-tuning moved an encoder."""

import math

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer, SSLClassifier
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import InceptionEncoder, RocketEncoder
from sklearn_ssl.evaluation import weight_change
from sklearn_ssl.plotting import WeightChangeDisplay
from sklearn_ssl.preprocessing import ChannelWise

X, Y = make_waves(n_cases=30, n_classes=2, n_timepoints=30, random_state=0)


def fine_tuned(encoder=None, **params):
    random = RandomEncoderTransformer(
        encoder=encoder or InceptionEncoder(depth=3, width=2), device="cpu", random_state=0
    )
    return SSLClassifier(random, **{"max_epochs": 2, "random_state": 0, **params})


def test_it_is_the_length_of_the_step_over_the_length_before():
    model = fine_tuned().fit(X, Y)
    change = weight_change(model)
    assert change.stages == ["blocks.0", "blocks.1", "blocks.2+shortcuts.0"]
    before = dict(model.transformer_.net_.module_.encoder.named_parameters())
    after = dict(model.net_.module_.encoder.named_parameters())
    for stage, prefixes in enumerate([("blocks.0.",), ("blocks.1.",), ("blocks.2.", "shortcuts.0.")]):
        moved = squared = dot = now = count = 0.0
        for name in before:
            if name.startswith(prefixes):
                for old, new in zip(before[name].flatten().tolist(), after[name].flatten().tolist(), strict=True):
                    moved += (new - old) ** 2
                    squared += old**2
                    now += new**2
                    dot += old * new
                    count += 1
        assert change.n_weights[stage] == count
        assert change.relative[stage] == pytest.approx(math.sqrt(moved / squared), rel=1e-6)
        angle = math.degrees(math.acos(min(1, dot / math.sqrt(squared * now))))
        assert change.angle[stage] == pytest.approx(angle, abs=1e-3)


def test_a_right_angle_and_a_doubling():
    model = fine_tuned().fit(X, Y)
    with torch.no_grad():
        for name, parameter in model.net_.module_.encoder.named_parameters():
            old = model.transformer_.net_.module_.encoder.get_parameter(name)
            parameter.copy_(2 * old if name.startswith("blocks.0.") else -old)
    change = weight_change(model)
    np.testing.assert_allclose(change.relative, [1, 2, 2])
    np.testing.assert_allclose(change.angle, [0, 180, 180], atol=1e-5)


def test_stages_of_zeros_have_no_angle():
    model = fine_tuned().fit(X, Y)
    before, after = model.transformer_.net_.module_.encoder, model.net_.module_.encoder
    with torch.no_grad():
        for name, parameter in after.named_parameters():
            before.get_parameter(name).zero_()
            parameter.fill_(float(name.startswith("blocks.0.")))
    change = weight_change(model)
    assert change.relative.tolist() == [math.inf, 0, 0]
    assert change.angle.tolist() == [0, 0, 0]


def test_frozen_stages_did_not_move():
    change = weight_change(make_pipeline(ChannelWise(StandardScaler()), fine_tuned(n_frozen=2)).fit(X, Y))
    assert change.relative[0] == change.relative[1] == change.angle[0] == 0
    assert change.relative[2] > 0
    assert list(change.to_frame().columns) == ["stage", "weights", "relative change", "angle"]


def test_models_without_such_weights():
    with pytest.raises(TypeError, match="fine-tuned model"):
        weight_change(LogisticRegression().fit(X[:, 0], Y))
    with pytest.raises(NotFittedError):
        weight_change(fine_tuned())
    with pytest.raises(ValueError, match="encoder without weights"):
        weight_change(fine_tuned(RocketEncoder(n_features=84), mode="probe").fit(X, Y))


def test_a_transformer_that_was_fitted_anew_is_no_start():
    model = fine_tuned().fit(X, Y)
    model.transformer_.set_params(encoder__depth=2).fit(X)
    with pytest.raises(ValueError, match="zip"):
        weight_change(model)


def test_the_picture_has_a_bar_a_stage():
    display = WeightChangeDisplay.from_estimator(fine_tuned().fit(X, Y))
    widths = [bar.get_width() for bar in display.bars_]
    np.testing.assert_allclose(widths, display.change.relative)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == display.change.stages
    assert display.figure_ is display.ax_.figure
