"""Spectra of series, how they are changed, and the features of both domains."""

import numpy as np
import pytest
import torch
from small_architectures import LENGTHS, N_STEPS, built, whole_batch

from sklearn_ssl.architectures import TimeFrequencyArchitecture
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.losses import tfc_loss


@pytest.fixture
def architecture():
    return built(TimeFrequencyArchitecture).eval()


def test_magnitudes_are_those_of_the_fourier_transform(architecture, x):
    expected = np.abs(np.fft.rfft(x.numpy())) / N_STEPS
    np.testing.assert_allclose(architecture.magnitudes(x), expected, atol=1e-6)


@pytest.mark.parametrize("n", [1, 7, 31, 33, 80])
def test_magnitudes_of_other_lengths_are_at_the_same_frequencies(architecture, n):
    x = torch.randn(2, 1, n)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(N_STEPS // 2 + 1)) / N_STEPS)
    expected = np.abs(x.numpy() @ waves) / n
    np.testing.assert_allclose(architecture.magnitudes(x), expected, atol=1e-5)


def test_padding_changes_no_spectrum(architecture, padded):
    spectra = architecture.magnitudes(padded, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = architecture.magnitudes(padded[row : row + 1, :, :length])
        torch.testing.assert_close(spectra[row : row + 1], alone)


def test_changed_spectra_lack_and_gain_within_their_own_channel():
    architecture = built(TimeFrequencyArchitecture, share=0.2)
    magnitudes = torch.rand(200, 2, 17) + 1
    magnitudes[0] *= 1e6
    changed = architecture._changed(magnitudes)
    more = changed - magnitudes
    removed = more < 0
    assert float(removed.float().mean()) == pytest.approx(0.2, abs=0.03)
    assert float((more > 0).float().mean()) == pytest.approx(0.8 * 0.2, abs=0.03)
    limit = magnitudes.amax(2, keepdim=True) / 10
    assert bool((more <= limit * 1.001).all())
    assert float((more[1:] / limit[1:]).max()) > 0.95
    assert bool((changed[removed] < limit.expand_as(changed)[removed] * 1.001).all())


def test_features_are_those_of_both_domains(architecture, x):
    features = architecture.features(x)
    time, spectral = features.chunk(2, dim=1)
    torch.testing.assert_close(time, architecture.pooling(architecture.encoder.layers(x), None))
    spectra = architecture.magnitudes(x).log1p()
    expected = architecture.spectral_pooling(architecture.spectral_encoder.layers(spectra), None)
    torch.testing.assert_close(spectral, expected)
    assert architecture.n_features_of_layers == [16, 16]


@pytest.mark.parametrize("contrast", [0.0, 1.0])
def test_each_term_reaches_both_encoders(x, contrast):
    architecture = built(TimeFrequencyArchitecture, encoder=ResNetEncoder(depth=1, width=4, norm="layer"))
    tfc_loss(*architecture(whole_batch(x)), contrast=contrast).backward()
    for encoder in (architecture.encoder, architecture.spectral_encoder):
        assert any(parameter.grad is not None and bool(parameter.grad.any()) for parameter in encoder.parameters())
