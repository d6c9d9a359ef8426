"""Questions about changed series: noise gives no answer away, and what can be learnt is learnt."""

import math

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_ssl import ColorizationTransformer, JigsawTransformer, RotationTransformer
from sklearn_ssl import augmentations as aug
from sklearn_ssl._input.collections import collection_of
from sklearn_ssl.architectures import Batch
from sklearn_ssl.augmentations import NumberedTransformations
from sklearn_ssl.callbacks import BoundedHistory
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import GRUEncoder, InceptionEncoder, ResNetEncoder, TransformerEncoder
from sklearn_ssl.projectors import MLPProjector

PRETEXT = (RotationTransformer, JigsawTransformer)
every_method = pytest.mark.parametrize("cls", [*PRETEXT, ColorizationTransformer])
every_question = pytest.mark.parametrize("cls", PRETEXT)


def small(cls, **parameters):
    own = {"encoder": ResNetEncoder(depth=1, width=8), "device": "cpu", "random_state": 0, "max_steps": 60}
    if cls in PRETEXT:
        own["projector"] = MLPProjector(width=16)
    return cls(**{**own, "batch_size": 16, **parameters})


def noise(n_cases, seed, n_channels=2, equal=False):
    random = np.random.RandomState(seed)
    lengths = np.full(n_cases, 24) if equal else random.randint(8, 25, n_cases)
    return [random.normal(size=(n_channels, length)).astype(np.float32) for length in lengths]


def chirps(n_cases, seed):
    """Return waves that get faster, so that each part tells its time."""
    random = np.random.RandomState(seed)
    time = np.linspace(0, 1, 60)
    phase = random.uniform(0, 2 * np.pi, (n_cases, 1, 1))
    return (np.sin(phase + 60 * time**2) + random.normal(0, 0.1, (n_cases, 1, 60))).astype(np.float32)


def saw_teeth(n_cases, seed):
    X, y = make_waves(4 * n_cases, n_channels=1, n_timepoints=40, random_state=seed)
    return X[y == 3]


def accuracy(transformer, X):
    number, predicted = transformer.predict_pretext(X, random_state=0)
    return float((number == predicted).mean())


# Chance


@pytest.mark.parametrize(
    ("transformer", "equal"),
    [
        (small(RotationTransformer), False),
        (small(RotationTransformer), True),
        (small(RotationTransformer, transformations=NumberedTransformations(kinds=("channels", "sign"))), False),
        (small(JigsawTransformer, n_segments=2, encoder=ResNetEncoder(depth=1, width=8, norm="layer")), False),
        (small(JigsawTransformer, n_segments=3, piece_ratio=1.0), False),
    ],
    ids=["time and sign", "equal lengths", "channels and sign", "two pieces", "three pieces"],
)
def test_white_noise_stays_at_chance(transformer, equal):
    transformer = clone(transformer).fit(noise(64, seed=0, equal=equal))
    chance = transformer.pretext_chance_
    deviation = math.sqrt(chance * (1 - chance) / 400)  # the questions of one series depend on each other
    assert abs(accuracy(transformer, noise(400, seed=1, equal=equal)) - chance) < 3 * deviation


@pytest.mark.parametrize("n_channels", [1, 2])
def test_a_hidden_channel_of_noise_is_not_predicted(n_channels):
    transformer = small(ColorizationTransformer, lr=1e-2).fit(noise(64, seed=0, n_channels=n_channels))
    X = noise(400, seed=1, n_channels=n_channels)
    predicted = transformer.colorize(X)
    batch = batch_of(transformer, X)
    values = transformer.net_.module_.colours(batch)[:, 0].numpy()  # those that were hidden
    seen = 0 if n_channels > 1 else transformer.net_.module_.coarse(batch)[:, 0].numpy()
    known = np.isfinite(predicted)
    assert abs(np.corrcoef((predicted - seen)[known], values[known])[0, 1]) < 4 / math.sqrt(known.sum())


def batch_of(transformer, X):
    return transformer.net_.series(collection_of(X)).whole(torch.arange(len(X)))


# Learning


def test_the_direction_of_saw_teeth_is_learnt():
    time = NumberedTransformations(kinds="time")
    transformer = small(RotationTransformer, transformations=time).fit(saw_teeth(40, seed=0))
    assert accuracy(transformer, saw_teeth(40, seed=1)) > 0.9
    assert transformer.pretext_accuracy_ > 0.9
    assert transformer.pretext_chance_ == 0.5


def test_the_order_of_pieces_that_tell_their_time_is_learnt():
    transformer = small(JigsawTransformer, n_segments=3, max_steps=120, lr=3e-3).fit(chirps(100, seed=0))
    assert transformer.pretext_chance_ == pytest.approx(1 / 6)
    assert accuracy(transformer, chirps(60, seed=1)) > 0.8


def test_a_copy_of_another_channel_is_predicted_and_noise_is_not():
    random = np.random.RandomState(0)
    first, alone = random.normal(size=(2, 80, 1, 30))
    X = np.concatenate([first, first, alone], axis=1).astype(np.float32)
    transformer = small(ColorizationTransformer, lr=2e-2, max_steps=250, n_bins=8).fit(X)
    module = transformer.net_.module_
    batch = Batch(torch.from_numpy(X))
    for channel, is_learnt in ((0, True), (1, True), (2, False)):
        channels = torch.full((80,), channel)
        soft, _ = module.targets(batch, channels)
        with torch.no_grad():
            right = module.logits(batch, channels, channels < 0).argmax(1) == soft.argmax(1)
        share = float(right.float().mean())
        assert share > 0.9 if is_learnt else share < 0.35, channel


# What surrounds the question


@every_question
def test_accuracy_of_the_last_epoch_is_counted_right(cls):
    X = saw_teeth(10, seed=0)
    transformer = small(cls, max_steps=None, max_epochs=1, batch_size=10, lr=1e-9).fit(X)
    again = small(cls, max_steps=None, max_epochs=0, batch_size=10).fit(X)
    seen = []
    loss = transformer._loss()
    again.net_.criterion_.function = lambda number, logits: seen.append((number, logits)) or loss(number, logits)
    again.partial_fit(X)
    (number, logits) = seen[0]
    assert again.pretext_accuracy_ == pytest.approx(float((logits.argmax(1) == number).float().mean()))
    assert transformer.net_.history[:, "pretext_accuracy"] == [transformer.pretext_accuracy_]


@every_question
def test_there_is_no_accuracy_before_the_first_step(cls):
    transformer = small(cls, max_steps=None, max_epochs=0).fit(saw_teeth(5, seed=0))
    assert transformer.pretext_accuracy_ is None
    with pytest.raises(NotFittedError):
        small(cls).predict_pretext(saw_teeth(5, seed=0))


@every_question
def test_callbacks_of_the_user_stay_next_to_that_of_the_accuracy(cls):
    net_params = {"callbacks": [BoundedHistory(n_epochs=1)], "callbacks__BoundedHistory__n_epochs": 2}
    transformer = small(cls, max_steps=None, max_epochs=3, net_params=net_params).fit(saw_teeth(5, seed=0))
    assert len(transformer.net_.history[:, "pretext_accuracy"]) == 2
    without = small(cls, max_steps=2, net_params={"callbacks__pretext": None}).fit(saw_teeth(5, seed=0))
    assert without.pretext_accuracy_ is None


@every_question
def test_answers_to_random_questions_can_be_repeated(cls):
    transformer = small(cls, max_steps=2).fit(saw_teeth(20, seed=0))
    X = saw_teeth(20, seed=1)
    state = torch.get_rng_state()
    first, second, other = (transformer.predict_pretext(X, random_state=seed) for seed in (3, 3, 4))
    assert all(np.array_equal(*pair) for pair in zip(first, second, strict=True))
    assert first[0].dtype.kind == "i"
    assert first[0].shape == first[1].shape == (20, 4 if cls is RotationTransformer else 1)
    assert np.array_equal(first[0], other[0]) == (cls is RotationTransformer)  # which asks all questions
    assert torch.equal(torch.get_rng_state(), state)


def test_answers_stay_with_their_series():
    transformer = small(RotationTransformer, max_steps=2).fit(saw_teeth(20, seed=0))
    X = saw_teeth(20, seed=1)
    number, predicted = transformer.predict_pretext(X)
    assert (number == np.arange(4)).all()
    for row in (0, 7):
        assert np.array_equal(transformer.predict_pretext(X[row : row + 1])[1][0], predicted[row])


@every_question
def test_questions_of_use_have_no_augmentation(cls):
    def forbidden(x, lengths):
        raise AssertionError("the augmentation was used")

    transformer = small(cls, max_steps=2, augmentation=aug.Compose()).fit(saw_teeth(20, seed=0))
    transformer.net_.module_.augmentation = forbidden
    transformer.predict_pretext(saw_teeth(5, seed=1))
    with pytest.raises(AssertionError, match="was used"):
        transformer.net_.module_(Batch(torch.zeros(2, 1, 40)))


@every_method
@pytest.mark.parametrize(
    "encoder",
    [
        GRUEncoder(width=4),
        TransformerEncoder(depth=1, width=4, n_heads=1, window=4),
        InceptionEncoder(depth=1, width=4, bottleneck=4),
    ],
    ids=lambda encoder: type(encoder).__name__,
)
def test_every_encoder(cls, encoder):
    X = noise(9, seed=0, n_channels=3)
    transformer = small(cls, encoder=encoder, max_steps=2).fit(X)
    assert np.isfinite(transformer.transform(X)).all()


# Errors


@pytest.mark.parametrize(
    ("transformer", "shape", "message"),
    [
        (RotationTransformer(), (3, 1), 'kind "time" needs 2 or more time steps, got n_features = 1'),
        (
            RotationTransformer(transformations=NumberedTransformations(kinds="channels")),
            (1, 9),
            'kind "channels" needs 2 or more channels, got 1',
        ),
        (RotationTransformer(augmentation=aug.TimeReversal()), (3, 9), "`augmentation` has TimeReversal.*leave it out"),
        (JigsawTransformer(n_segments=4), (2, 3), r"`n_segments` must be at most 3.*got 4.*Set n_segments=3"),
        (JigsawTransformer(), (2, 1), "`n_segments` must be at most 1.*n_features = 1"),
        (ColorizationTransformer(), (1, 1), "single channel needs 2 or more time steps.*n_features = 1"),
        (
            ColorizationTransformer(encoder=lambda n: torch.nn.Sequential(torch.nn.AdaptiveAvgPool1d(1))),
            (2, 9),
            "`encoder` must give features of every window, but this one pools over time",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_and_nothing_is_lost(transformer, shape, message):
    fitted = small(type(transformer), max_steps=1).fit(noise(9, seed=0, n_channels=3))
    net = fitted.net_
    fitted.set_params(
        **{name: value for name, value in transformer.get_params(deep=False).items() if value is not None}
    )
    with pytest.raises(ValueError, match=message):
        fitted.set_params(max_epochs=1).fit(np.random.RandomState(0).normal(size=(6, *shape)))
    assert fitted.net_ is net


def test_the_remedy_for_too_many_segments_works():
    small(JigsawTransformer, n_segments=3, max_steps=1).fit(np.random.RandomState(0).normal(size=(6, 2, 3)))


def test_more_orders_than_there_are():
    with pytest.warns(UserWarning, match=r"`n_permutations` is 7, but there are 6 orders of 3 segments; 6 is used\."):
        transformer = small(JigsawTransformer, n_segments=3, n_permutations=7, max_steps=1).fit(chirps(6, seed=0))
    assert len(transformer.net_.module_.permutations) == 6


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"channel": 2}, "`channel` must be below 2, the number of channels, got 2"),
        ({"channel": -1}, "`channel` must be a whole number"),
        ({"temperature": 0}, "`temperature` must be a number above 0, got 0"),
        ({"temperature": math.inf}, "`temperature` must be a number above 0, got inf"),
    ],
)
def test_what_cannot_be_colorized_is_refused(parameters, message):
    transformer = small(ColorizationTransformer, max_steps=1).fit(noise(6, seed=0))
    with pytest.raises(ValueError, match=message):
        transformer.colorize(noise(2, seed=1), **parameters)
    with pytest.raises(NotFittedError):
        small(ColorizationTransformer).colorize(noise(2, seed=1))
