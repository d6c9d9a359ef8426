"""Views that a network makes: bounded, hard, and given to other methods by an augmentation."""

import copy
import pickle

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from sklearn_ssl import (
    CLIPTransformer,
    ClosedFormVICRegTransformer,
    GANTransformer,
    GeneratedViewsTransformer,
    S4LClassifier,
    SimCLRTransformer,
    SSGANTransformer,
    VICRegTransformer,
)
from sklearn_ssl.architectures import Batch, ViewmakerArchitecture
from sklearn_ssl.augmentations import Compose, GeneratedViews, Jitter, OneOf, RandomApply, Scaling
from sklearn_ssl.augmentations._generated import LearntViews
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import FCNEncoder, StridedEncoder
from sklearn_ssl.generators import ConvGenerator
from sklearn_ssl.losses import ntxent_loss
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.projectors import MLPProjector

ENCODER = FCNEncoder(width=4, kernel_sizes=(3, 3), norm="layer")
PROJECTOR = MLPProjector(width=8, norm="layer")
LENGTHS = torch.tensor([16, 5, 9, 1])


def waves(n_cases=12, n_timepoints=16, seed=0):
    return make_waves(n_cases=n_cases, n_channels=2, n_timepoints=32, random_state=seed)[0][:, :, :n_timepoints]


def small(cls=GeneratedViewsTransformer, **parameters):
    known = {"encoder": ENCODER, "projector": PROJECTOR, "max_epochs": 1, "batch_size": 6}
    return cls(**{**known, "device": "cpu", "random_state": 0, **parameters})


def small_gan(cls=GANTransformer, **parameters):
    encoder = StridedEncoder(depth=2, width=4, norm="none")
    known = {"encoder": encoder, "generator": ConvGenerator(width=4), "n_noise": 3, "max_epochs": 1, "batch_size": 6}
    return cls(**{**known, **parameters})


def architecture(**parameters):
    torch.manual_seed(0)
    settings = {"encoder": ENCODER, "pooling": Pooling(statistics="mean"), "projector": PROJECTOR}
    settings |= {"augmentation": Compose(), "n_channels": 2, "n_timepoints": 16, "epsilon": 0.1, "view_weight": 1.0}
    return ViewmakerArchitecture(**{**settings, **parameters})


@pytest.fixture
def batch():
    return Batch(torch.from_numpy(waves(4)) * torch.tensor([1.0, 5.0])[:, None], LENGTHS)


@pytest.fixture(scope="module")
def viewmaker():
    return small().fit(waves())


@pytest.fixture(scope="module")
def gan():
    return small_gan(random_state=0).fit(waves())


# --- the network that makes views ---


@pytest.mark.parametrize("padded", [False, True])
def test_changes_have_the_size_epsilon(batch, padded):
    module = architecture(epsilon=0.25)
    lengths = LENGTHS if padded else None
    module.adapt(batch.x, lengths)
    observed = batch.observed if padded else torch.ones_like(batch.x, dtype=torch.bool)
    deviation = torch.stack([batch.x[:, channel][observed[:, channel]].std(correction=0) for channel in range(2)])
    torch.testing.assert_close(module.maker.deviation, deviation)
    views = module.views(batch.x, lengths)[0].detach()
    for view, series, seen in zip(views, batch.x.repeat(2, 1, 1), observed.repeat(2, 1, 1), strict=True):
        size = ((view - series).abs() / deviation[:, None])[seen].mean()
        assert float(size) == pytest.approx(0.25, rel=0.01)
        assert torch.equal(view[~seen], series[~seen])
    assert (views[:4] != views[4:])[observed].all()


def gradients(module, batch, reverse):
    """Return the gradients of the network that makes views and of all others."""
    module.zero_grad()
    torch.manual_seed(1)
    views = module.changed(batch.x.repeat(2, 1, 1), None)
    if not reverse:
        torch.manual_seed(1)
        maker, x = module.maker, batch.x.repeat(2, 1, 1)
        views = x + maker.change(x, None, maker.draw(x))
    ntxent_loss(*module.projections(views).chunk(2)).backward()
    split = {True: [], False: []}
    for name, weight in module.named_parameters():
        if weight.grad is not None:
            split[name.startswith("maker.")].append(weight.grad.clone())
    return split[True], split[False]


@pytest.mark.parametrize("weight", [1.0, 0.25, 0.0])
def test_only_the_gradient_of_the_network_is_reversed(batch, weight):
    module = architecture(view_weight=weight)
    maker, others = gradients(module, batch, reverse=True)
    plain_maker, plain_others = gradients(module, batch, reverse=False)
    for mine, plain in zip(others, plain_others, strict=True):
        torch.testing.assert_close(mine, plain, rtol=1e-4, atol=1e-6)
    assert any(plain.abs().max() > 1e-3 for plain in plain_maker)
    for mine, plain in zip(maker, plain_maker, strict=True):
        torch.testing.assert_close(mine, -weight * plain, rtol=1e-4, atol=1e-5)


def test_padding_has_no_influence(batch):
    module = architecture()
    noise = module.maker.draw(batch.x)
    change = module.maker.change(torch.where(batch.observed, batch.x, 7.0), LENGTHS, noise)
    torch.testing.assert_close(change, module.maker.change(batch.x, LENGTHS, noise))
    shorter = {"noise": noise["noise"][1:2, :, :5]}
    alone = module.maker.change(batch.x[1:2, :, :5], None, shorter)
    torch.testing.assert_close(alone[0], change[1, :, :5], rtol=1e-4, atol=1e-5)


def test_with_tiny_changes_it_is_simclr_without_augmentation():
    tiny = small(epsilon=1e-6, max_steps=3, view_weight=0.0).fit(waves())
    simclr = small(SimCLRTransformer, augmentation=Compose(), max_steps=3, net_params={"train_split": None})
    assert tiny.loss_curve_[0] == pytest.approx(simclr.fit(waves()).loss_curve_[0], rel=0.05)
    module = tiny.net_.module_
    x = torch.from_numpy(waves())
    torch.testing.assert_close(module.views(x, None)[0], x.repeat(2, 1, 1), rtol=0, atol=1e-4)


def test_a_trained_network_makes_harder_views_than_a_frozen_one():
    X = waves(24)
    losses = {}
    for weight in (0.0, 1.0):
        transformer = small(view_weight=weight, epsilon=0.4, max_steps=40, batch_size=24, lr=3e-3).fit(X)
        losses[weight] = np.mean(transformer.loss_curve_[-10:])
    assert losses[0.0] < losses[1.0]


def test_views(viewmaker):
    X, state = waves(), torch.get_rng_state()
    views = viewmaker.views(X, n_views=3, random_state=0)
    assert torch.equal(torch.get_rng_state(), state)
    assert views.shape == (3, 12, 2, 16)
    assert views.dtype == np.float32
    np.testing.assert_array_equal(views, viewmaker.views(X, n_views=3, random_state=0))
    assert (views[0] != views[1]).all()
    sizes = np.abs(views - X).mean(axis=3) / X.std(axis=(0, 2))
    np.testing.assert_allclose(sizes.mean(axis=2), 0.1, rtol=0.01)
    unequal = [X[0, :, :5], X[1]]
    padded = viewmaker.views(unequal, random_state=0)
    assert np.isnan(padded[:, 0, :, 5:]).all()
    assert np.isfinite(padded[:, 0, :, :5]).all()


def test_wrong_use(viewmaker):
    with pytest.raises(ValueError, match="`n_views` must be a whole number of at least 1"):
        viewmaker.views(waves(), n_views=0)
    with pytest.raises(NotFittedError):
        GeneratedViewsTransformer().views(waves())
    with pytest.raises(ValueError, match=r"`augmentation` must pass gradients on to the generator, and .* does not"):
        small(augmentation=(Jitter(), lambda x: x)).fit(waves())
    assert small(augmentation=(Jitter(), Scaling())).fit(waves()).net_.steps_ == 2


# --- generated views for other methods ---


def bank(gan, **parameters):
    source = gan.view_source(**{"spread": 0.3, "n_candidates": 50, **parameters})
    return source


def test_neighbours_of_the_most_similar_generated_series(gan):
    source = bank(gan, spread=0.0)
    made = gan.net_.module_.generator(source.latents)
    features = gan.net_.module_.features(made).detach()
    scale = features.std(0, correction=0).clamp(min=1e-6)
    x = torch.from_numpy(waves(5, seed=3))
    views = source(x, None, source.draw(x))
    for series, view in zip(x, views, strict=True):
        mine = gan.net_.module_.features(series[None]).detach()
        distances = ((features - mine) / scale).square().sum(1)
        torch.testing.assert_close(view, made[distances.argmin()].detach())
    near = bank(gan, spread=0.01)
    steps = near.draw(x)
    moved = near(x, None, steps)
    assert 0 < float((moved - views).abs().max()) < 0.1
    torch.testing.assert_close(near(x, None, steps), moved)
    assert (near(x, None, near.draw(x)) != moved).any()


def test_a_source_keeps_its_own_weights(gan):
    source = bank(gan)
    assert not any(weight.requires_grad for weight in source.parameters())
    assert all(weight.requires_grad for weight in gan.net_.module_.generator.parameters())
    longer = torch.zeros(3, 2, 20)
    views = source(longer, None, source.draw(longer))
    assert views.shape == (3, 2, 20)
    assert not views[:, :, 16:].any()


GENERATORS = {
    "GAN": lambda: small_gan(),
    "SS-GAN": lambda: small_gan(SSGANTransformer),
    "bounded": lambda: small(random_state=None),
}
every_generator = pytest.mark.parametrize("generator", GENERATORS.values(), ids=GENERATORS)


def source_of(transformer):
    augmentation = transformer.net_.module_.augmentation
    assert isinstance(augmentation, LearntViews)
    return augmentation.source


@every_generator
def test_the_generator_is_fitted_to_the_same_series(generator):
    views = GeneratedViews(generator(), n_candidates=20)
    transformer = small(SimCLRTransformer, augmentation=views).fit(waves())
    source = source_of(transformer)
    alone = clone(views.generator).set_params(random_state=0, device="cpu").fit(waves())
    expected = alone.view_source(0.3, 20).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in source.state_dict().items())
    assert not hasattr(views.generator, "net_")
    again = clone(transformer).fit(waves())
    np.testing.assert_array_equal(again.transform(waves()), transformer.transform(waves()))


def test_a_frozen_generator_is_used_as_it_is(gan):
    before = copy.deepcopy(gan.net_.module_.state_dict())
    views = GeneratedViews(FrozenEstimator(gan), n_candidates=20)
    transformer = small(SimCLRTransformer, augmentation=views).fit(waves(seed=5))
    generator = source_of(transformer).architecture.generator
    assert all(torch.equal(one, before[f"generator.{name}"]) for name, one in generator.state_dict().items())
    assert all(torch.equal(one, before[name]) for name, one in gan.net_.module_.state_dict().items())


VIEWS = GeneratedViews(small_gan(), n_candidates=20)
PLACES = {
    "compose": Compose(views=VIEWS, jitter=Jitter()),
    "one of": OneOf(views=VIEWS, jitter=Jitter(), nothing=None),
    "random": RandomApply(VIEWS, p=0.5),
    "nested": Compose(some=RandomApply(Compose(views=VIEWS), p=0.5)),
    "tuple": (Compose(), VIEWS),
}


def has_learnt(augmentation):
    if isinstance(augmentation, tuple):
        return any(map(has_learnt, augmentation))
    inner = [*getattr(augmentation, "steps", {}).values(), getattr(augmentation, "augmentation", None)]
    return isinstance(augmentation, LearntViews) or any(has_learnt(one) for one in inner if one is not None)


@pytest.mark.parametrize("augmentation", PLACES.values(), ids=PLACES)
def test_wherever_an_augmentation_is_accepted(augmentation):
    transformer = small(VICRegTransformer, augmentation=augmentation).fit(waves())
    assert has_learnt(transformer.net_.module_.augmentation)
    assert not has_learnt(transformer.augmentation)
    module = transformer.net_.module_
    x = torch.from_numpy(waves(4))
    views, _ = module.views(x, None)
    assert views.shape == (8, 2, 16)
    if isinstance(augmentation, tuple):
        assert torch.equal(views[:4], x)
        assert not torch.equal(views[4:], x)


@pytest.mark.parametrize("cls", [CLIPTransformer, ClosedFormVICRegTransformer, S4LClassifier])
def test_other_kinds_of_estimators(cls):
    known = {"augmentation": VIEWS, "device": "cpu", "encoder": ENCODER, "projector": PROJECTOR, "max_epochs": 1}
    if cls is S4LClassifier:
        known = {"augmentation": VIEWS, "max_epochs": 1, "transformer": small(SimCLRTransformer)}
    parameters = {name: value for name, value in known.items() if name in cls().get_params(deep=False)}
    estimator = cls(random_state=0, **parameters).fit(waves(), np.array(["up", "down"])[np.arange(12) % 2])
    assert has_learnt(estimator.net_.module_.augmentation)


def test_parts_that_do_not_go_together_are_told_before_the_generator_is_fitted(monkeypatch):
    fitted = []
    monkeypatch.setattr(GANTransformer, "fit", lambda self, X: fitted.append(X) or self)
    with pytest.raises(ValueError, match="`encoder` failed"):
        small(SimCLRTransformer, augmentation=VIEWS, encoder=torch.nn.Conv1d(5, 4, 3)).fit(waves())
    assert not fitted


def test_copies_grids_and_pickles(gan):
    transformer = small(SimCLRTransformer, augmentation=GeneratedViews(small_gan(lr=3e-4), n_candidates=20))
    cloned = clone(transformer)
    assert cloned.augmentation.generator.lr == 3e-4
    assert joblib.hash(cloned) == joblib.hash(transformer)
    fitted = transformer.fit(waves())
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(waves()), fitted.transform(waves()))
    np.testing.assert_array_equal(
        again.partial_fit(waves()).transform(waves()), fitted.partial_fit(waves()).transform(waves())
    )
    pipeline = make_pipeline(transformer, KNeighborsClassifier(1))
    grid = {"simclrtransformer__augmentation__generator__n_noise": [2, 5]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(waves(), np.arange(12) % 2)
    best = search.best_estimator_[0]
    assert (
        source_of(best).latents.shape[1] == search.best_params_["simclrtransformer__augmentation__generator__n_noise"]
    )
    frozen = clone(GeneratedViews(FrozenEstimator(gan)))
    assert frozen.generator.estimator is gan


def test_wrong_generators(gan):
    for wrong in (GANTransformer, "gan", SimCLRTransformer(), None):
        with pytest.raises(TypeError, match="GeneratedViews: `generator` must be a transformer that makes series"):
            small(SimCLRTransformer, augmentation=GeneratedViews(wrong)).fit(waves())
    with pytest.raises(NotFittedError, match="fitted by the transformer that has it as its `augmentation`"):
        VIEWS(torch.zeros(2, 2, 16))
    with pytest.raises(NotFittedError, match="`generator` must be fitted to be kept"):
        small(SimCLRTransformer, augmentation=GeneratedViews(FrozenEstimator(small_gan()))).fit(waves())
    with pytest.raises(ValueError, match=r"X has 1 channel\(s\), but `generator` was fitted on series with 2"):
        small(SimCLRTransformer, augmentation=GeneratedViews(FrozenEstimator(gan))).fit(waves()[:, :1])
