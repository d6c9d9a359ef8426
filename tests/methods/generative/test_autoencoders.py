"""What autoencoders promise: codes, rebuilt series, errors and samples."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import AutoencoderTransformer, RandomEncoderTransformer, TimeVAETransformer
from sklearn_ssl._input.collections import collection_of
from sklearn_ssl.architectures import Batch
from sklearn_ssl.encoders import FCNEncoder, GRUEncoder, RocketEncoder, TransformerEncoder
from sklearn_ssl.generators import ConvGenerator, TrendSeasonGenerator

N_STEPS, PERIOD = 48, 12
ENCODER = FCNEncoder(width=8, kernel_sizes=(5, 3), norm="layer")
CLASSES = (AutoencoderTransformer, TimeVAETransformer)
every_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)


def waves(n_cases=60, n_steps=N_STEPS, seed=0):
    """Return sines of one frequency and random phases, with the mean square 1/2 in each of two channels."""
    phase = np.random.RandomState(seed).uniform(0, 2 * np.pi, (n_cases, 2, 1))
    return np.sin(2 * np.pi * np.arange(n_steps) / PERIOD + phase).astype(np.float32)


def small(cls, **parameters):
    known = {"encoder": ENCODER, "width": 4, "max_epochs": 1, "batch_size": 8, "device": "cpu", "random_state": 0}
    generator = ConvGenerator(width=8)
    if cls is TimeVAETransformer:
        generator = TrendSeasonGenerator(periods=(PERIOD,), residual=generator)
    return cls(**{**known, "generator": generator, **parameters})


def taught(cls, **parameters):
    return small(cls, **{"max_steps": 100, "batch_size": 20, "lr": 1e-2, **parameters}).fit(waves())


@pytest.fixture(scope="module")
def autoencoder():
    return taught(AutoencoderTransformer)


@pytest.fixture(scope="module")
def vae():
    return taught(TimeVAETransformer)


@pytest.fixture(scope="module", params=["autoencoder", "vae"])
def trained(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def unequal():
    lengths = [N_STEPS, 1, 20, 47, 2, 33]
    return [one[:, :length] for one, length in zip(waves(6), lengths, strict=True)]


def test_series_like_those_of_the_fit_are_rebuilt_and_others_are_not(trained):
    known, noise = waves(20, seed=1), np.random.RandomState(2).randn(20, 2, N_STEPS)
    errors = trained.reconstruction_error(known)
    assert errors.mean() < 0.15  # predicting the mean costs 0.5
    assert trained.reconstruction_error(noise).min() > errors.max()
    assert roc_auc_score(np.repeat([0, 1], 20), trained.reconstruction_error(np.concatenate([known, noise]))) == 1


def test_error_is_that_of_the_rebuilt_series(trained, unequal):
    rebuilt, errors = trained.reconstruct(unequal), trained.reconstruction_error(unequal)
    assert rebuilt.shape == (6, 2, N_STEPS)
    assert rebuilt.dtype == np.float32
    assert errors.dtype == np.float64
    for case, series in enumerate(unequal):
        length = series.shape[1]
        assert np.isnan(rebuilt[case, :, length:]).all()
        assert errors[case] == pytest.approx(np.mean((rebuilt[case, :, :length] - series) ** 2), rel=1e-5)
        alone = trained.reconstruct(series[None])
        np.testing.assert_allclose(alone[0], rebuilt[case, :, :length], rtol=1e-4, atol=1e-5)


def test_codes(trained, unequal):
    codes = trained.embed(unequal)
    assert codes.shape == (6, 4)
    assert codes.dtype == np.float32
    module = trained.net_.module_
    rebuilt = module.generator(torch.from_numpy(codes)).detach().numpy()
    np.testing.assert_allclose(rebuilt[0], trained.reconstruct(unequal)[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(codes[1], trained.embed(unequal[1][None])[0], rtol=1e-4, atol=1e-5)


def test_using_draws_no_random_numbers(trained):
    X, state = waves(5), torch.get_rng_state()
    for method in (trained.embed, trained.reconstruct, trained.reconstruction_error):
        np.testing.assert_array_equal(method(X), method(X))
    assert torch.equal(torch.get_rng_state(), state)


def test_longer_series_than_those_of_the_fit(trained):
    longer, stream = waves(4, N_STEPS + 1), trained.net_.random_states_["cpu"].clone()
    message = r"X has a series of 49 time steps, and the generator was built for at most 48.*Cut the series"
    for method in (trained.reconstruct, trained.reconstruction_error, trained.partial_fit):
        with pytest.raises(ValueError, match=message):
            method(longer)
    assert torch.equal(trained.net_.random_states_["cpu"], stream)
    assert trained.transform(longer).shape == (4, trained.net_.module_.n_features)
    padded = np.pad(waves(4), ((0, 0), (0, 0), (0, 9)), constant_values=np.nan)
    np.testing.assert_allclose(trained.reconstruct(padded)[:, :, :N_STEPS], trained.reconstruct(waves(4)), atol=1e-5)


@every_class
def test_shorter_series_at_a_second_fit(cls):
    transformer = small(cls).partial_fit(waves(8)).partial_fit(waves(8, n_steps=10))
    assert transformer.reconstruct(waves(8, n_steps=10)).shape == (8, 2, 10)


@every_class
def test_untrained_features_are_those_of_the_untrained_encoder(cls):
    X = waves(6)
    untrained = RandomEncoderTransformer(encoder=ENCODER, device="cpu", random_state=0).fit(X)
    np.testing.assert_array_equal(small(cls, max_epochs=0).fit(X).transform(X), untrained.transform(X))


@every_class
@pytest.mark.parametrize(
    "encoder",
    [
        GRUEncoder(width=4),
        TransformerEncoder(depth=1, width=4, n_heads=1),
        RocketEncoder(n_features=84),
        torch.nn.Sequential(torch.nn.Conv1d(2, 3, 5, padding=2), torch.nn.ReLU()),
    ],
    ids=["GRU", "Transformer", "Rocket", "foreign"],
)
def test_every_encoder(cls, encoder):
    transformer = small(cls, encoder=encoder).fit(waves(8))
    assert transformer.net_.steps_ == 1
    assert np.isfinite(transformer.reconstruct(waves(8))).all()


@every_class
def test_values_of_padding_have_no_influence(cls, unequal):
    transformer = small(cls).fit(unequal)
    batch = transformer.net_.series(collection_of(unequal)).whole(torch.arange(6))
    outputs = []
    for filling in (0.0, 100.0):
        x = torch.where(batch.observed, batch.x, filling)
        torch.manual_seed(0)
        outputs.append(transformer._loss()(*transformer.net_.module_(Batch(x, batch.lengths))))
    assert torch.equal(*outputs)


def test_what_is_corrupted_is_encoded_and_what_was_there_is_the_target():
    X, seen = waves(6), []

    def corrupted(x):
        seen.append(x + 3)
        return x + 3

    transformer = small(AutoencoderTransformer, corruption=corrupted).fit(X)
    prediction, target, weight = transformer.net_.module_(Batch(torch.from_numpy(X)))
    assert torch.equal(target, torch.from_numpy(X))
    assert weight.eq(1).all()
    np.testing.assert_allclose(prediction.detach(), transformer.reconstruct(seen[-1].numpy()), rtol=1e-4, atol=1e-5)
    n_calls = len(seen)
    transformer.reconstruct(X), transformer.transform(X), transformer.embed(X)
    assert len(seen) == n_calls


# --- samples ---


def test_samples_are_like_the_series(vae):
    samples = vae.sample(200, random_state=0)
    assert samples.shape == (200, 2, N_STEPS)
    assert samples.dtype == np.float32
    power = np.abs(np.fft.rfft(samples)) ** 2  # (n, C, frequencies)
    assert power[:, :, N_STEPS // PERIOD].sum() > 0.7 * power.sum()
    assert 0.4 < samples.std(0).mean() / waves().std(0).mean() < 1.2
    codes = vae.embed(waves())
    assert np.abs(codes.mean(0)).max() < 0.7
    assert codes.std(0).max() < 1.5


def test_seeds_of_samples(vae):
    state = torch.get_rng_state()
    first, again, other = (vae.sample(3, random_state=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()
    assert not np.array_equal(vae.sample(3), vae.sample(3))
    assert not vae.net_.module_.training


def test_many_samples_are_made_in_parts(vae, monkeypatch):
    monkeypatch.setattr("sklearn_ssl.base.generative.INFERENCE_STEPS", 2 * N_STEPS)
    sizes, generated = [], vae.net_.module_.generated
    monkeypatch.setattr(vae.net_.module_, "generated", lambda n: sizes.append(n) or generated(n))
    assert len(vae.sample(np.int64(5), 0)) == 5
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize("n_cases", [0, -1, 2.0, True, None, "two"])
def test_numbers_of_samples(vae, n_cases):
    with pytest.raises(ValueError, match="`n_cases` must be a whole number of at least 1"):
        vae.sample(n_cases)


def test_nothing_without_a_fit():
    for method in ("embed", "reconstruct", "reconstruction_error"):
        with pytest.raises(NotFittedError):
            getattr(AutoencoderTransformer(), method)(waves(2))
    with pytest.raises(NotFittedError):
        TimeVAETransformer().sample(2)


def test_codes_are_drawn_and_their_gradient_reaches_mean_and_variance(vae):
    module, batch = vae.net_.module_, Batch(torch.from_numpy(waves(5)))
    first, other = (module(batch) for _ in range(2))
    assert (first[0] != other[0]).any()
    assert torch.equal(first[3], other[3])
    torch.manual_seed(0)
    prediction, x, _, mean, log_variance = module(batch)
    gradients = torch.autograd.grad((prediction - x).square().mean(), (mean, log_variance))
    assert all(bool(gradient.abs().min() > 0) for gradient in gradients)


def test_unscaled_series_stay_finite():
    X = (1e5 * waves(8)).astype(np.float32)
    transformer = small(TimeVAETransformer).fit(X)
    _, log_variance = transformer.net_.module_.distribution(torch.from_numpy(X), None)
    assert log_variance.abs().max() <= 10
    assert np.isfinite(transformer.loss_curve_).all()


def test_a_strong_divergence_leaves_nothing_of_the_code(vae):
    strong = taught(TimeVAETransformer, beta=1e3, max_steps=40)
    assert strong.embed(waves()).std(0).max() < 0.1 < vae.embed(waves()).std(0).min()


def test_periods_longer_than_the_series_are_told():
    transformer = small(TimeVAETransformer, generator=TrendSeasonGenerator(periods=(50,)))
    with pytest.raises(ValueError, match="`periods` must be at most the 48 time steps"):
        transformer.fit(waves(4))


def test_in_a_pipeline():
    pipeline = make_pipeline(small(AutoencoderTransformer), StandardScaler())
    assert pipeline.fit_transform(waves(8)).shape[0] == 8
    pipeline.set_params(autoencodertransformer__generator__width=4).fit(waves(8))
