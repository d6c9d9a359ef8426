"""The distances that Series2Vec asks for."""

import pytest
import torch
from small_architectures import LENGTHS, N_STEPS, built

from sklearn_ssl._numerics.alignment import soft_dtw
from sklearn_ssl.architectures import DistanceArchitecture
from sklearn_ssl.architectures._distances import segment_means


@pytest.fixture
def architecture():
    return built(DistanceArchitecture, max_length=N_STEPS)


def bumps():
    """Return series with a bump early, the same bump late, and a bump that is turned upside down."""
    steps = torch.arange(float(N_STEPS))
    early, late = (torch.exp(-((steps - place) ** 2) / 8) for place in (8, 22))
    return torch.stack([early, late, -early])[:, None]


def test_a_delay_in_time_costs_little(architecture):
    distances = architecture.aligned_distances(bumps() * 3)
    assert float(distances[0, 1]) < 0.1 * float(distances[0, 2]), "channels would be aligned, not steps"
    assert torch.equal(distances, distances.T)


def test_a_delay_leaves_the_spectrum_as_it_is():
    architecture = built(DistanceArchitecture, n_channels=1)
    x = torch.randn(3, 1, N_STEPS)
    spectra = architecture.magnitudes(torch.cat([x, x.roll(5, 2)])).log1p().flatten(1)
    distances = torch.cdist(spectra, spectra)
    assert float(distances[[0, 1, 2], [3, 4, 5]].max()) < 1e-3 < 0.1 * float(distances[0, 1])


def test_distances_are_those_of_the_observed_steps(architecture, padded):
    found = architecture.aligned_distances(padded, LENGTHS)
    for i in range(6):
        for j in range(i + 1, 6):
            n = int(max(LENGTHS[i], LENGTHS[j]))
            alone = soft_dtw(padded[[i], :, :n], padded[[j], :, :n], (LENGTHS[[i]], LENGTHS[[j]]))
            assert float(found[i, j]) == pytest.approx(float(alone), rel=1e-4)


@pytest.mark.parametrize("width", [1, 3, 5])
def test_means_of_segments_are_those_of_observed_steps(padded, width):
    found = segment_means(padded, LENGTHS, width)
    for row, length in enumerate(LENGTHS.tolist()):
        for segment in range(-(-length // width)):
            part = padded[row, :, segment * width : min(length, (segment + 1) * width)]
            torch.testing.assert_close(found[row, :, segment], part.mean(1))


def test_long_series_are_aligned_in_a_coarse_form():
    assert [built(DistanceArchitecture, max_length=n).n_averaged for n in (64, 32, 31, 16, 11, 2)] == [
        1,
        1,
        2,
        2,
        3,
        16,
    ]
    x = torch.randn(4, 2, N_STEPS // 4).repeat_interleave(4, dim=2)
    coarse, fine = (built(DistanceArchitecture, max_length=n).aligned_distances(x) for n in (8, N_STEPS))
    assert float(torch.corrcoef(torch.stack([coarse.flatten(), fine.flatten()]))[0, 1]) > 0.98


def test_units_do_not_matter(architecture, padded):
    found = []
    for factor in (1.0, 1e6):
        architecture.adapt(factor * padded, LENGTHS)
        found.append(architecture.aligned_distances(factor * padded, LENGTHS))
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-3)
    observed = torch.cat([series[:, :length].flatten() for series, length in zip(padded, LENGTHS, strict=True)])
    torch.testing.assert_close(architecture.scale, 1e6 * observed.std(correction=0))
    architecture.adapt(torch.ones(4, 2, N_STEPS))
    assert float(architecture.scale) == 1, "constant series have no spread to divide by"
