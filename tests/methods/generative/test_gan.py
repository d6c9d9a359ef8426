"""What generative adversarial networks promise: two games in one sum, samples, and scores."""

import copy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_ssl import GANTransformer, SSGANTransformer
from sklearn_ssl._input.collections import collection_of
from sklearn_ssl.architectures import AdversarialArchitecture, Batch, TransformedAdversarialArchitecture
from sklearn_ssl.architectures._critic import held, scores_and_slope
from sklearn_ssl.augmentations import Compose, Jitter, NumberedTransformations, Scaling
from sklearn_ssl.callbacks import EpochCheckpoint
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import GRUEncoder, ResNetEncoder, RocketEncoder, StridedEncoder
from sklearn_ssl.evaluation import compare_generated
from sklearn_ssl.generators import ConvGenerator
from sklearn_ssl.losses import gan_loss, ssgan_loss

CLASSES = (GANTransformer, SSGANTransformer)
every_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
ENCODER = StridedEncoder(depth=2, width=4, norm="none")
LENGTHS = torch.tensor([16, 5, 9, 1, 16, 12])


def waves(n_cases=12, n_timepoints=16, seed=0):
    return make_waves(n_cases=n_cases, n_channels=2, n_timepoints=32, random_state=seed)[0][:, :, :n_timepoints]


def small(cls=GANTransformer, **parameters):
    known = {"encoder": ENCODER, "generator": ConvGenerator(width=4), "n_noise": 3, "max_epochs": 1, "batch_size": 6}
    return cls(**{**known, "device": "cpu", "random_state": 0, **parameters})


def unequal(n_cases=12):
    return [series[:, : 5 + case % 3] for case, series in enumerate(waves(n_cases))]


@pytest.fixture(scope="module", params=CLASSES, ids=lambda cls: cls.__name__)
def fitted(request):
    return small(request.param).fit(waves())


@pytest.fixture(scope="module")
def fitted_unequal():
    return small().fit(unequal())


# --- two games, one sum ---


def architecture(cls=AdversarialArchitecture, **parameters):
    torch.manual_seed(0)
    settings = {"encoder": ENCODER, "pooling": None, "generator": ConvGenerator(width=4), "n_noise": 3}
    settings |= {"augmentation": Compose(), "n_channels": 2, "n_timepoints": 16}
    if cls is TransformedAdversarialArchitecture:
        settings["transformations"] = NumberedTransformations()
    return cls(**{**settings, **parameters})


@pytest.fixture
def batch():
    torch.manual_seed(1)
    return Batch(torch.randn(6, 2, 16), LENGTHS).rows(torch.tensor([0, 1, 2, 4, 5, 3]))


def with_fixed_series(module, batch):
    """Let the generator make the same series of the same noise at every call."""
    noise = torch.randn(len(batch), module.n_noise)
    _, lengths = module.imitated(batch)
    observed = torch.ones(1, 16) if lengths is None else torch.arange(16) < lengths[:, None]
    module.imitated = lambda batch: (module.generator(noise) * observed[:, None], lengths)
    return module


def players(module):
    sides = {"critic": [], "generator": []}
    for name, weight in module.named_parameters():
        sides["generator" if name.startswith("generator.") else "critic"].append(weight)
    return sides


def own_gradients(module, batch, objective):
    """Return the gradient of each player's own loss for its own weights, from two losses written out."""
    softplus, relu = torch.nn.functional.softplus, torch.relu
    x = batch.x.clone().requires_grad_()
    real = module.critic_scores(x, batch.lengths)
    (slopes,) = torch.autograd.grad(real.sum(), x, create_graph=True)
    made, lengths = module.imitated(batch)
    fake = module.critic_scores(made, lengths)
    critic = {
        "non-saturating": softplus(-real).mean() + softplus(fake).mean(),
        "hinge": relu(1 - real).mean() + relu(1 + fake).mean(),
        "minimax": softplus(-real).mean() + softplus(fake).mean(),
    }[objective] + 0.7 / 2 * slopes.square().sum((1, 2)).mean()
    generator = {
        "non-saturating": softplus(-fake).mean(),
        "hinge": -fake.mean(),
        "minimax": -softplus(fake).mean(),
    }[objective]
    sides = players(module)
    return [
        torch.autograd.grad(critic, sides["critic"], retain_graph=True),
        torch.autograd.grad(generator, sides["generator"]),
    ]


def differences(module, batch, objective="non-saturating", forward=None):
    """Return for each player how far the gradient of the sum is from that of its own loss."""
    own = own_gradients(module, batch, objective)
    module.zero_grad()
    outputs = (forward or AdversarialArchitecture.forward)(module, batch)
    gan_loss(*outputs, objective=objective, penalty=0.7).backward()
    pairs = zip(own, players(module).values(), strict=True)
    return [
        max(float((mine - one.grad).abs().max()) for mine, one in zip(expected, weights, strict=True))
        for expected, weights in pairs
    ]


@pytest.mark.parametrize("objective", ["non-saturating", "hinge", "minimax"])
@pytest.mark.parametrize("padded", [False, True])
def test_the_sum_has_for_each_player_the_gradient_of_its_own_loss(batch, objective, padded):
    batch = batch if padded else Batch(batch.x)
    module = with_fixed_series(architecture(), batch)
    assert max(differences(module, batch, objective)) < 1e-6


def not_detached(module, batch):
    real, slope = scores_and_slope(module.critic_scores, batch.x, batch.lengths, penalised=True)
    made, lengths = module.imitated(batch)
    fake = module.critic_scores(made, lengths)
    with held(module.encoder, module.critic):
        return real, fake, module.critic_scores(made, lengths), slope


def not_held(module, batch):
    real, slope = scores_and_slope(module.critic_scores, batch.x, batch.lengths, penalised=True)
    made, lengths = module.imitated(batch)
    return real, module.critic_scores(made.detach(), lengths), module.critic_scores(made, lengths), slope


def one_score(module, batch):
    real, slope = scores_and_slope(module.critic_scores, batch.x, batch.lengths, penalised=True)
    fake = module.critic_scores(*module.imitated(batch))
    return real, fake, fake, slope


@pytest.mark.parametrize(
    ("mistake", "wrong"), [(not_detached, (False, True)), (not_held, (True, False)), (one_score, (True, True))]
)
def test_the_usual_mistakes_are_found(batch, mistake, wrong):
    module = with_fixed_series(architecture(), batch)
    assert tuple(one > 1e-4 for one in differences(module, batch, forward=mistake)) == wrong


def test_weights_learn_again_after_they_were_held():
    module = architecture()
    module.critic.bias.requires_grad_(False)
    before = [weight.requires_grad for weight in module.parameters()]
    with pytest.raises(ZeroDivisionError), held(module.encoder, module.critic):  # noqa: PT012
        assert not any(weight.requires_grad for weight in module.encoder.parameters())
        assert all(weight.requires_grad for weight in module.generator.parameters())
        raise ZeroDivisionError
    assert [weight.requires_grad for weight in module.parameters()] == before


def test_slopes(batch):
    module = architecture()
    scores, slope = scores_and_slope(module.critic_scores, batch.x, batch.lengths, penalised=True)
    torch.testing.assert_close(scores, module.critic_scores(batch.x, batch.lengths))
    for case in range(len(batch)):
        x = batch.x[case : case + 1].clone().requires_grad_()
        module.critic_scores(x, batch.lengths[case : case + 1]).sum().backward()
        torch.testing.assert_close(slope[case], x.grad.square().sum())
        assert not x.grad[:, :, batch.lengths[case] :].any()
    with torch.no_grad():
        _, found = scores_and_slope(module.critic_scores, batch.x, batch.lengths, penalised=True)
    torch.testing.assert_close(found, slope)
    assert not scores_and_slope(module.critic_scores, batch.x, None, penalised=False)[1].any()
    assert not architecture(penalised=False)(batch)[3].any()


def test_the_second_task_trains_the_critic_on_real_series_and_the_generator_on_its_own(batch):
    module = architecture(TransformedAdversarialArchitecture)
    number, logits, fooled = module(batch)[4:]
    sides = players(module)
    critic, generator = (torch.nn.functional.cross_entropy(one, number) for one in (logits, fooled))
    for loss, side, other in ((critic, "critic", "generator"), (generator, "generator", "critic")):
        reached = torch.autograd.grad(loss, sides[side], retain_graph=True, allow_unused=True)
        assert any(one is not None and bool(one.any()) for one in reached)
        assert all(one is None for one in torch.autograd.grad(loss, sides[other], retain_graph=True, allow_unused=True))


def test_each_transformation_is_drawn(batch):
    module = architecture(TransformedAdversarialArchitecture)
    assert torch.cat([module(batch)[4] for _ in range(8)]).unique().tolist() == [0, 1, 2, 3]


def test_the_game_sees_series_as_they_are(batch):
    seen = []
    module = architecture(TransformedAdversarialArchitecture)
    scores, guesses = module.critic_scores, module.guesser.forward
    module.critic_scores = lambda x, lengths: seen.append(x.detach()) or scores(x, lengths)
    module(batch)
    assert torch.equal(seen[0], batch.x)
    assert guesses is not None
    changed = module.transformations.apply(batch.x, batch.lengths, torch.full((6,), 3))
    expected = module.guesser(module.critic_pooling([module.encoder(changed, batch.mask)], batch.mask))
    torch.testing.assert_close(module.guesses(batch.x, batch.lengths, torch.full((6,), 3)), expected)


def test_without_its_weights_ssgan_is_gan(batch):
    gan = architecture()
    twin = architecture(TransformedAdversarialArchitecture)
    twin.load_state_dict(gan.state_dict(), strict=False)
    for step in range(3):
        for module, loss in ((gan, gan_loss), (twin, ssgan_loss)):
            torch.manual_seed(step)
            more = {} if module is gan else {"critic_weight": 0.0, "generator_weight": 0.0}
            value = loss(*module(batch), **more)
            module.zero_grad()
            value.backward()
            with torch.no_grad():
                for weight in module.parameters():
                    weight -= 0.1 * weight.grad
        states = gan.state_dict(), twin.state_dict()
        assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


# --- generated series ---


def test_generated_series_have_the_lengths_of_the_batch(batch):
    module = architecture()
    torch.manual_seed(5)
    made, lengths = module.imitated(batch)
    assert sorted(lengths.tolist()) == sorted(batch.lengths.tolist())
    assert not torch.equal(lengths, batch.lengths)
    for series, length in zip(made, lengths, strict=True):
        assert not series[:, length:].any()
        assert series[:, :length].all()
    whole, none = module.imitated(Batch(batch.x[:, :, :7]))
    assert whole.shape == (6, 2, 7)
    assert none is None


def test_values_of_padding_have_no_influence(batch):
    module, outputs = architecture(), []
    for filling in (0.0, 100.0):
        torch.manual_seed(0)
        outputs.append(gan_loss(*module(Batch(torch.where(batch.observed, batch.x, filling), batch.lengths))))
    assert torch.equal(*outputs)


def test_real_and_generated_series_are_augmented(batch):
    seen = []
    module = architecture(augmentation=Jitter(sigma=0.5))
    scores = module.critic_scores
    module.critic_scores = lambda x, lengths: seen.append(x.detach()) or scores(x, lengths)
    made, lengths = with_fixed_series(module, batch).imitated(batch)
    torch.manual_seed(4)
    module(batch)
    torch.manual_seed(4)
    real = Jitter(sigma=0.5)(batch.x, batch.lengths)
    assert torch.equal(seen[0], real)
    assert torch.equal(seen[1], Jitter(sigma=0.5)(made, lengths))
    assert torch.equal(seen[1], seen[2])


def test_samples(fitted):
    state = torch.get_rng_state()
    first, again, other = (fitted.sample(3, random_state=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert first.shape == (3, 2, 16)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


def test_samples_have_the_lengths_of_the_series(fitted_unequal):
    samples = fitted_unequal.sample(300, random_state=0)
    assert samples.shape == (300, 2, 7)
    lengths = (~np.isnan(samples[:, 0])).sum(1)
    np.testing.assert_array_equal(np.isnan(samples[:, 0]), np.arange(7) >= lengths[:, None])
    shares = np.bincount(lengths, minlength=8) / 300
    np.testing.assert_allclose(shares[5:], 1 / 3, atol=0.1)
    assert shares[:5].sum() == 0
    fitted_unequal.realism(samples)  # they are valid series


def test_smoothed_generator():
    smooth = small(smoothing=0.75, max_epochs=3).fit(waves())
    module = smooth.net_.module_
    assert module.sampler is module.smoothed["generator"]
    weight = copy.deepcopy(module.sampler[0].weight)
    module.generator[0].weight.data.add_(1.0)
    module.after_step()
    expected = 0.75 * weight + 0.25 * module.generator[0].weight
    torch.testing.assert_close(module.sampler[0].weight, expected)
    assert small().fit(waves()).net_.module_.sampler is not None
    assert not np.array_equal(smooth.sample(2, 0), small(max_epochs=3).fit(waves()).sample(2, 0))


def test_realism_is_the_score_of_the_critic(fitted):
    X = waves(4, seed=3)
    scores = fitted.realism(X)
    assert scores.shape == (4,)
    assert scores.dtype == np.float32
    expected = fitted.net_.module_.critic_scores(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("n_cases", [0, 1.5, "two"])
def test_numbers_of_samples(fitted, n_cases):
    with pytest.raises(ValueError, match="`n_cases` must be a whole number of at least 1"):
        fitted.sample(n_cases)


@every_class
def test_nothing_without_a_fit(cls):
    for call in (lambda: cls().sample(2), lambda: cls().realism(waves())):
        with pytest.raises(NotFittedError):
            call()


def test_longer_series_than_those_of_the_fit(fitted):
    with pytest.raises(ValueError, match="X has a series of 17 time steps, and the generator was built for at most 16"):
        fitted.partial_fit(waves(n_timepoints=17))
    assert fitted.realism(waves(n_timepoints=17)).shape == (12,)
    clone(fitted).partial_fit(waves()).partial_fit(waves(n_timepoints=9))


# --- training ---


def test_rates_of_both_players():
    net = small(lr=2e-3, generator_lr_ratio=0.5, net_params={"callbacks__schedule": None}).fit(waves()).net_
    generator, others = net.optimizer_.param_groups
    assert generator["lr"] == pytest.approx(1e-3)
    assert others["lr"] == pytest.approx(2e-3)
    assert {tuple(group["betas"]) for group in net.optimizer_.param_groups} == {(0.0, 0.99)}
    assert len(generator["params"]) == len(list(net.module_.generator.parameters()))


def test_history_of_the_critic(fitted):
    transformer = clone(fitted).set_params(max_epochs=2, batch_size=12, lr=1e-12).fit(waves())
    module = transformer.net_.module_
    made = torch.from_numpy(transformer.sample(2000, random_state=0))
    real, fake = (module.critic_scores(one).detach().numpy() for one in (torch.from_numpy(waves()), made))
    row = transformer.net_.history[-1]
    assert row["critic_real"] == pytest.approx(real.mean(), rel=1e-4)
    assert row["critic_fake"] == pytest.approx(fake.mean(), abs=float(4 * fake.std() / 12**0.5))
    assert 0 <= row["critic_accuracy"] <= 1
    steps = [i / 24 for i in range(25)]
    assert min(abs(row["critic_accuracy"] - share) for share in steps) < 1e-6


def test_how_often_the_critic_tells_the_transformation():
    transformer = small(SSGANTransformer, max_epochs=2, batch_size=12, lr=1e-12)
    assert transformer.fit(waves()).pretext_accuracy_ * 12 == pytest.approx(round(transformer.pretext_accuracy_ * 12))
    wave = np.sin(2 * np.pi * np.arange(16) / 16)[None, None] + np.arange(16) / 8
    series = wave + 0.1 * np.random.RandomState(0).randn(12, 1, 16)
    transformer.set_params(max_epochs=60, lr=1e-2).fit(series)
    assert transformer.pretext_accuracy_ > 0.5  # chance is 0.25


class FixedScores:
    """The outputs of a critic that knows half of the real and all of the generated series."""

    y_pred = (torch.tensor([1.0, -3.0]), torch.tensor([-1.0, -2.0]))


def test_accuracy_of_the_critic(fitted):
    from sklearn_ssl.callbacks import CriticMonitor

    class Net:
        history = type(fitted.net_.history)()

    Net.history.new_epoch()
    monitor = CriticMonitor()
    monitor.on_epoch_begin(Net)
    monitor.on_batch_end(Net, training=True, y_pred=FixedScores.y_pred)
    monitor.on_batch_end(Net, training=False, y_pred=FixedScores.y_pred)
    monitor.on_epoch_end(Net)
    assert Net.history[-1, ("critic_real", "critic_fake", "critic_accuracy")] == (-1.0, -1.5, 0.75)


def test_callbacks_of_the_user_are_added_to_those_of_the_method(tmp_path):
    from skorch.callbacks import EpochTimer

    net = small(net_params={"callbacks": [("mine", EpochTimer())]}).fit(waves()).net_
    names = [name for name, _ in net.callbacks_]
    assert "mine" in names
    assert "critic" in names
    quiet = small(net_params={"callbacks__critic": None}).fit(waves()).net_
    assert "critic_real" not in quiet.history[-1]


@every_class
def test_a_held_out_part_has_a_loss_with_the_penalty(cls):
    from skorch.dataset import ValidSplit

    net = small(cls, net_params={"train_split": ValidSplit(3)}).fit(waves()).net_
    assert np.isfinite(net.history[-1, "valid_loss"])


def test_samples_become_like_the_series():
    rng = np.random.RandomState(0)
    X = np.sin(2 * np.pi * np.arange(32) / 8 + rng.uniform(0, 6.3, (64, 1, 1))).astype(np.float32)
    gan = small(
        encoder=StridedEncoder(depth=3, width=8, norm="none"), generator=ConvGenerator(width=16), lr=3e-3, penalty=1.0
    )
    trained = gan.set_params(batch_size=32, max_steps=150).fit(X)
    untrained = clone(gan).set_params(max_steps=None, max_epochs=0).fit(X)
    noise = rng.randn(64, 1, 32) * X.std()
    good, *bad = (compare_generated(X, one) for one in (trained.sample(64, 0), untrained.sample(64, 0), noise))
    for one in bad:
        assert good.spectrum_distance < one.spectrum_distance / 2
        assert good.frechet < one.frechet / 2


# --- what cannot be trained ---


@pytest.mark.parametrize("encoder", [RocketEncoder(n_features=84)], ids=["Rocket"])
@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_encoders_without_derivatives(encoder, penalty):
    order = "second " if penalty else ""
    remedy = "set `penalty=0` or take" if penalty else "take"
    with pytest.raises(ValueError, match=rf"`encoder` RocketEncoder.* has no {order}derivative: {remedy} StridedEnc"):
        small(encoder=encoder, penalty=penalty).fit(waves())


class OnceOnly(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        return 2 * gradient


class WithoutSecondDerivative(torch.nn.Conv1d):
    def __init__(self, n_channels):
        super().__init__(n_channels, 4, 3, padding=1)

    def forward(self, x):
        return super().forward(OnceOnly.apply(x))


def test_an_encoder_without_a_second_derivative_needs_no_penalty():
    with pytest.raises(ValueError, match=r"has no second derivative: set `penalty=0` or take StridedEncoder"):
        small(encoder=WithoutSecondDerivative).fit(waves())
    assert small(encoder=WithoutSecondDerivative, penalty=0.0).fit(waves()).sample(1, 0).shape == (1, 2, 16)


def test_encoders_of_other_kinds():
    assert small(encoder=GRUEncoder(width=4)).fit(waves()).net_.steps_ == 2
    with pytest.warns(UserWarning, match=r"`encoder` ResNetEncoder.* has batch normalisation.*norm=\"layer\""):
        small(encoder=ResNetEncoder(depth=1, width=4)).fit(waves())


def test_augmentations_must_pass_gradients():
    with pytest.raises(ValueError, match=r"`augmentation` must pass gradients on to the generator, and .* does not"):
        small(augmentation=lambda x: x + 1).fit(waves())
    assert small(augmentation=Scaling()).fit(waves()).net_.steps_ == 2


def test_transformations_that_the_channels_do_not_allow():
    with pytest.raises(ValueError, match='kind "channels" needs 2 or more channels, got 1'):
        small(SSGANTransformer, transformations=NumberedTransformations(kinds="channels")).fit(waves()[:, :1])


@every_class
def test_a_checkpoint_goes_on_as_if_nothing_had_happened(cls, tmp_path, monkeypatch):
    whole = small(cls, max_epochs=3).fit(waves())
    killed = small(cls, max_epochs=3, checkpoint=tmp_path)
    monkeypatch.setattr(EpochCheckpoint, "remove", lambda self: None)
    killed.fit(waves())
    again = clone(killed).fit(waves())
    np.testing.assert_array_equal(whole.sample(2, 0), again.sample(2, 0))
    np.testing.assert_array_equal(whole.transform(waves()), again.transform(waves()))


def test_a_batch_without_padding_is_read_as_it_is(fitted_unequal):
    dataset = fitted_unequal.net_.series(collection_of(waves(n_timepoints=5)))
    outputs = fitted_unequal.net_.module_(dataset[torch.arange(6)])
    assert [tuple(one.shape) for one in outputs] == [(6,)] * 4


@pytest.mark.parametrize("name", ["lr", "generator_lr_ratio"])
def test_rates_are_checked_before_they_are_multiplied(name):
    with pytest.raises(ValueError, match=f"`{name}` must be a number above 0, got 1000"):
        small(**{name: 10**400}).fit(waves())
