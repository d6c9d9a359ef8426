"""What the comparison on heart rates is built from: pieces of recordings, and the contrast of their windows."""

import importlib

import numpy as np
import pytest
from sklearn.utils import Bunch

from sklearn_ssl.encoders import ResNetEncoder


@pytest.fixture
def module(monkeypatch):
    """Return the module, with a reader that gives two recordings of 7 and 5 windows, and without cleaning."""
    module = importlib.import_module("heart_rate_windows")
    recordings = [np.arange(250.0 * (n + 3))[None] + 1e6 * number for number, n in enumerate((7, 5))]
    X = [
        recording[:, start : start + 1000]
        for recording in recordings
        for start in range(0, recording.shape[1] - 750, 250)
    ]
    data = Bunch(X=np.stack(X), y=np.arange(12.0), groups=np.repeat(["a", "b"], (7, 5)), sampling_rate=125.0)
    monkeypatch.setattr(module, "load", lambda folder, split: data)
    monkeypatch.setattr(module, "cleaned", lambda X, sampling_rate: X)
    return module


def test_pieces_go_on_where_a_window_ends_and_stay_in_one_recording(module):
    pieces, rows = module.pieces("folder")
    windows, rates, recordings = module.windows("folder", "train")
    assert np.all(np.diff(pieces[:, 0], axis=1) == 1)
    np.testing.assert_array_equal(pieces.reshape(-1, 1, 1000), windows[rows.ravel()])
    assert np.all(recordings[rows[:, 0]] == recordings[rows[:, 1]])
    assert (len(pieces), len(rates)) == (2, 6)


def test_windows_of_a_piece_are_contrasted(module):
    X = np.random.default_rng(0).normal(size=(12, 2, 40))
    transformer = module.WindowContrastTransformer(encoder=ResNetEncoder(depth=1, width=4), max_steps=2, random_state=0)
    assert transformer.fit(X).transform(X[:, :, :20]).shape == (12, transformer.transform(X).shape[1])
    assert transformer.loss_curve_[0] == pytest.approx(np.log(23), rel=0.3)
