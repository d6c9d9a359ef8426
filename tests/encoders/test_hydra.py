"""Hydra: aeon's features, the formula, and what depends on neither padding nor blocks."""

import numpy as np
import pytest
import torch
from aeon.transformations.collection.convolution_based import HydraTransformer
from torch import nn

from sklearn_ssl import VICRegTransformer, WCCNTransformer
from sklearn_ssl.encoders import RocketEncoder
from sklearn_ssl.encoders._competing_kernels import CompetingKernels
from sklearn_ssl.projectors import MLPProjector
from sklearn_ssl.testing import ssl_checks

LENGTHS = [1, 2, 5, 9, 17, 40]


def series(*shape, seed=0):
    steps = np.random.default_rng(seed).normal(size=shape).cumsum(axis=-1)
    return torch.from_numpy(steps.astype(np.float32))


def hydra(n_channels, n_groups=8, n_steps=40, **params):
    """Return an adapted encoder whose last features are Hydra's."""
    torch.manual_seed(0)
    encoder = RocketEncoder(n_features=168, n_groups=n_groups, **params).build(n_channels)
    encoder.adapt(series(20, n_channels, n_steps, seed=1))
    return encoder.eval()


@pytest.mark.parametrize(("n_channels", "n_steps"), [(1, 60), (1, 9), (3, 40), (12, 150)])
def test_features_equal_aeons(n_channels, n_steps):
    x = series(4, n_channels, n_steps)
    reference = HydraTransformer(n_groups=8, random_state=0).fit(x.numpy())._hydra
    sums = reference(x).view(4, reference.num_dilations, 2, 2, 4, 8)  # dilation, representation, largest or smallest
    for place, given in enumerate((x, x.diff(dim=2))):
        kernels = CompetingKernels(n_channels, 4 * reference.num_dilations)
        kernels.adapt(x, None)
        assert kernels.dilations.tolist() == reference.dilations.repeat_interleave(4).tolist()
        kernels.weights.copy_(reference.W[:, place].reshape(kernels.weights.shape))
        if n_channels > 1:
            drawn = torch.cat([channels[place] for channels in reference.idx])
            kernels.channels.copy_(nn.functional.one_hot(drawn, n_channels).sum(1))
        expected = (sums[:, :, place].transpose(2, 3).flatten(1).clamp(min=0) / given.shape[2]).sqrt()
        torch.testing.assert_close(kernels(given, None), expected, rtol=1e-4, atol=1e-5)


def naive(series, kernels):
    """Give the features of one series of shape (C, n), from the formula."""
    n = series.shape[1]
    features = []
    for dilation, weights, channels in zip(
        kernels.dilations.tolist(), kernels.weights.tolist(), kernels.channels.tolist(), strict=True
    ):
        largest, smallest = [0.0] * 8, [0] * 8
        for t in range(n):
            c = []
            for kernel in weights:
                places = [(weight, t + (i - 4) * dilation) for i, weight in enumerate(kernel)]
                inside = [(weight, step) for weight, step in places if 0 <= step < n]
                c.append(sum(w * times * series[s, step] for w, step in inside for s, times in enumerate(channels)))
            if any(abs(value) > 1e-9 for value in c):
                largest[c.index(max(c))] += max(c)
                smallest[c.index(min(c))] += 1
        features += [max(value, 0) / n for value in (*largest, *smallest)]
    return np.sqrt(features)


@pytest.mark.parametrize("n_channels", [1, 3])
def test_features_of_unequal_lengths_equal_their_formula(n_channels, ragged):
    x, mask = ragged(LENGTHS, 40, n_channels)
    encoder = hydra(n_channels, n_groups=10, standardise=False)
    assert [kernels.dilations.tolist() for kernels in encoder.competing] == [[1, 1, 2, 2, 4]] * 2
    features = encoder(x, mask).squeeze(2)[:, 168:].numpy()
    assert features.shape == (len(LENGTHS), 160)
    for row, one, n in zip(features, x.double().numpy(), LENGTHS, strict=True):
        observed = one[:, :n]
        differences = np.diff(observed) if n > 1 else np.zeros((n_channels, 1))
        expected = [naive(*pair) for pair in zip((observed, differences), encoder.competing, strict=True)]
        np.testing.assert_allclose(row, np.concatenate(expected), rtol=1e-4, atol=1e-4)


def test_every_step_is_won_by_one_kernel_of_a_group():
    encoder = hydra(3, standardise=False)
    largest, smallest = encoder(series(6, 3, 40))[:, 168:, 0].view(6, 8, 2, 8).square().unbind(2)
    torch.testing.assert_close(smallest.sum(2), torch.ones(6, 8))
    assert (largest.sum(2) > 0).all()


@pytest.mark.parametrize("level", [0.0, 0.1, 1e4])
def test_flat_stretches_are_won_by_none(level):
    kernels = CompetingKernels(1, 4)
    x = torch.full((1, 1, 40), level)
    x[0, 0, 20] += 1 + level
    smallest = kernels(x, None).view(4, 2, 8)[:, 1].square().sum(1)
    ends = 8 if level else 0  # where zeros beyond the series meet its level
    torch.testing.assert_close(smallest, torch.full((4,), (9 + ends) / 40))


def test_features_do_not_depend_on_padding_or_companions(ragged):
    encoder = hydra(3)
    x, mask = ragged(LENGTHS, 64, 3)
    x[5, :, 10:30] = 0.1  # flat
    together = encoder(torch.where(mask[:, None], x, 100.0), mask)
    for i, n in enumerate(LENGTHS):
        torch.testing.assert_close(together[i], encoder(x[i : i + 1, :, :n])[0])


def test_features_are_in_proportion_to_the_square_root_of_the_series():
    encoder, x = hydra(3, standardise=False), series(4, 3, 40)
    largest, smallest = encoder(x)[:, 168:].view(4, 8, 2, 8).unbind(2)
    largest_of_four, smallest_of_four = encoder(4 * x)[:, 168:].view(4, 8, 2, 8).unbind(2)
    torch.testing.assert_close(largest_of_four, 2 * largest)
    assert smallest_of_four.equal(smallest)


def test_blocks_of_any_size_give_the_same(monkeypatch, ragged):
    encoder = hydra(3)
    x, mask = ragged([40] * 7 + [11], 40, 3)
    expected = encoder(x, mask)
    monkeypatch.setattr("sklearn_ssl.encoders._competing_kernels.CPU_BLOCK", 3 * 4 * 72 * 40)
    assert encoder(x, mask).equal(expected)


@pytest.mark.parametrize("n_steps", [1, 8, 9, 17, 100])
def test_the_number_of_features_does_not_depend_on_the_length(n_steps):
    for n_groups in (1, 5):
        encoder = hydra(2, n_groups=n_groups, n_steps=n_steps)
        assert [len(kernels.dilations) for kernels in encoder.competing] == ([1] if n_groups == 1 else [3, 2])
        assert encoder(series(3, 2, n_steps)).shape == (3, 168 + 16 * n_groups, 1)


def test_kernels_have_no_mean_and_groups_see_two_to_eight_channels():
    for n_channels, number in ((1, 1), (2, 2), (5, 2), (9, 4), (40, 8)):
        kernels = CompetingKernels(n_channels, 50)
        assert kernels.channels.sum(1).tolist() == [number] * 50
        assert kernels.weights.sum(2).abs().max() < 1e-6
        torch.testing.assert_close(kernels.weights.abs().sum(2), torch.ones(50, 8))


@pytest.mark.parametrize("dilations", [[0, 1, 1], [2, 1, 1], [1, 1], [1.0, 1.0, 1.0]])
def test_impossible_states(dilations):
    kernels = CompetingKernels(1, 3)
    with pytest.raises(ValueError, match=r"must be \(3,\) whole numbers|at least 1 and ascending"):
        kernels.set_extra_state(torch.tensor(dilations))
    assert kernels.dilations.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("n_steps", "dilations"), [(16, [1, 1, 1, 1]), (17, [1, 1, 2, 2]), (32, [1, 1, 2, 2]), (33, [1, 1, 2, 4])]
)
def test_the_longest_kernel_fits_into_the_longest_series(n_steps, dilations):
    kernels = CompetingKernels(1, 4)
    kernels.adapt(torch.zeros(2, 1, 40), torch.tensor([5, n_steps]))
    assert kernels.dilations.tolist() == dilations
    kernels.adapt(torch.zeros(2, 1, n_steps), None)
    assert kernels.dilations.tolist() == dilations


def test_states_share_nothing_with_the_encoder():
    kernels = CompetingKernels(1, 3)
    state = torch.tensor([1, 2, 2])
    kernels.set_extra_state(state)
    state[0] = 2
    kernels.get_extra_state()[1] = 1
    assert kernels.dilations.tolist() == [1, 2, 2]


ESTIMATOR = VICRegTransformer(
    encoder=RocketEncoder(n_features=336, poolings=("ppv", "lspv"), differences=True, n_groups=2, hidden=8),
    projector=MLPProjector(width=8),
    max_epochs=2,
    batch_size=8,
    device="cpu",
    random_state=0,
)


@pytest.mark.parametrize("name", ["unequal_length", "rows_are_independent", "deterministic", "partial_fit", "dtypes"])
def test_checks_of_an_estimator_that_an_encoder_could_fail(name):
    (check,) = (check for check in ssl_checks(ESTIMATOR) if check.func.__name__ == f"check_{name}")
    check()


def test_closed_form_on_fixed_kernels():
    X = series(10, 1, 40).numpy()
    model = WCCNTransformer(encoder=ESTIMATOR.encoder, device="cpu", random_state=0)
    assert model.fit_transform(X).shape == (10, 8)
