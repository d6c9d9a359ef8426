"""Groups of channels in one space: an encoder for each, and what happens if a group is missing."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_ssl import CMCTransformer, SSLClassifier
from sklearn_ssl.architectures import Batch
from sklearn_ssl.augmentations import Jitter
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import FCNEncoder, GroupedEncoder, ResNetEncoder, TransformerEncoder
from sklearn_ssl.encoders.grouped import checked_groups
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.projectors import MLPProjector

X, Y = make_waves(n_cases=60, n_channels=3, n_timepoints=48, random_state=0)
FRESH, FRESH_Y = make_waves(n_cases=60, n_channels=3, n_timepoints=48, random_state=1)
GROUPS = [[0, 1], [2]]


def small(**parameters):
    known = {"encoder": FCNEncoder(width=8, kernel_sizes=(7, 5)), "projector": MLPProjector(width=16)}
    known |= {"channel_groups": GROUPS, "batch_size": 20, "max_epochs": 1, "device": "cpu", "random_state": 0}
    return CMCTransformer(**{**known, **parameters})


@pytest.fixture(scope="module")
def cmc():
    return small(max_steps=45, lr=1e-2).fit(X)


def without(group, series=FRESH, value=np.nan):
    changed = series.copy()
    changed[:, GROUPS[group]] = value
    return changed


def test_groups_of_one_series_find_each_other(cmc):
    first, second = (cmc.embed(without(group)) for group in (1, 0))
    assert_allclose(np.linalg.norm(first, axis=1), 1, rtol=1e-5)
    nearest = FRESH_Y[(first @ second.T).argmax(axis=1)]
    assert (nearest == FRESH_Y).mean() > 0.7  # of the same kind of wave; chance is a quarter


def test_a_classifier_on_embeddings_works_with_either_group(cmc):
    classifier = LogisticRegression().fit(cmc.embed(X), Y)
    for group in (0, 1):
        assert classifier.score(cmc.embed(without(group)), FRESH_Y) > 0.7
    assert classifier.score(cmc.embed(FRESH), FRESH_Y) > 0.7


def test_a_missing_group_has_its_mean_features(cmc):
    whole, part = cmc.transform(FRESH), cmc.transform(without(1))
    module = cmc.net_.module_
    own = [np.isin(np.arange(whole.shape[1]), module.get_buffer(f"columns_{group}").numpy()) for group in (0, 1)]
    assert (own[0] ^ own[1]).all()
    assert_allclose(part[:, own[0]], whole[:, own[0]], atol=1e-5)
    assert (part[:, own[1]] == part[:1, own[1]]).all()
    means = np.concatenate([module.encoder.get_buffer(f"mean_{layer}")[8:].numpy() for layer in (0, 1)])
    statistics = part[0, own[1]].reshape(2, 4, 8)  # layers, statistics, features
    assert_allclose(statistics[:, 0].ravel(), means, atol=1e-5)
    of_training = cmc.transform(X)[:, own[1]].reshape(-1, 2, 4, 8)[:, :, 0].mean(axis=0)
    assert_allclose(means, of_training.ravel(), atol=0.3)
    assert_array_equal(cmc.transform(without(1, value=0.0)), part)


def test_each_series_may_lack_another_group(cmc):
    mixed = FRESH[:6].copy()
    mixed[:2, GROUPS[0]], mixed[2:4, GROUPS[1]] = np.nan, np.nan
    expected = np.concatenate([cmc.embed(without(0)[:2]), cmc.embed(without(1)[2:4]), cmc.embed(FRESH[4:6])])
    assert_allclose(cmc.embed(mixed), expected, atol=1e-5)
    ragged = [series[:, : 20 + 3 * case] for case, series in enumerate(mixed)]
    alone = np.concatenate([cmc.transform([one]) for one in ragged])
    assert_allclose(cmc.transform(ragged), alone, atol=1e-5)
    assert np.isfinite(cmc.encode(mixed)).all()


def test_training_with_missing_groups():
    mixed = X.copy()
    mixed[::3, GROUPS[1]] = np.nan
    mixed[1::3, GROUPS[0]] = np.nan
    transformer = small(max_steps=30, lr=1e-2).fit(mixed)
    assert transformer.loss_curve_[-1] < transformer.loss_curve_[0]
    assert np.isfinite(transformer.transform(mixed)).all()


def test_missing_groups_stay_missing_in_views():
    module = small(max_epochs=0, augmentation=Jitter(sigma=0.5)).fit(X).net_.module_.train()
    x = torch.from_numpy(without(1, X[:4], 0.0))
    with torch.no_grad():
        _, present, _ = module(Batch(x))
        views, _ = module._views(Batch(x), present)
    assert_array_equal(present, [[True, False]] * 4)
    assert not views[:, GROUPS[1]].any()
    assert (views[:, GROUPS[0]] != x[:, GROUPS[0]]).any()


def test_other_gaps_are_errors(cmc):
    gap = FRESH[:3].copy()
    gap[1, 0, 5] = np.nan
    with pytest.raises(ValueError, match=r"missing value .* series 1, channel 0, time step 5"):
        cmc.transform(gap)
    half = FRESH[:3].copy()
    half[2, 0] = np.nan  # one channel of a group of two
    with pytest.raises(ValueError, match=r"missing value .* series 2, channel 0, time step 0"):
        cmc.transform(half)
    nothing = FRESH[:3].copy()
    nothing[1] = np.nan
    with pytest.raises(ValueError, match="Series 1 of X has zero time steps"):
        cmc.transform(nothing)


def test_a_single_group_has_two_views():
    transformer = small(channel_groups=[[0, 1, 2]]).fit(X)
    module = transformer.net_.module_
    z, present, _ = module(Batch(torch.from_numpy(X[:5])))
    assert z.shape == (2, 5, 16)
    assert present.shape == (5, 2)
    assert not torch.equal(z[0], z[1])


def test_each_channel_is_a_group_by_default():
    module = small(channel_groups=None).fit(X).net_.module_
    assert module.encoder.groups == [[0], [1], [2]]
    assert len(module.projectors) == 3


def test_projections_are_the_mean_of_unit_vectors(cmc):
    module, x = cmc.net_.module_, torch.from_numpy(FRESH[:4])
    with torch.no_grad():
        z = torch.nn.functional.normalize(module._projected(x, None), dim=2)  # (G, B, P)
        both = module.features_and_projections(x)
        assert_allclose(module.projections(x), z.mean(dim=0), atol=1e-6)
        assert_allclose(both[:, -16:], z.mean(dim=0), atol=1e-6)
        assert_allclose(both[:, :-16], module.features(x), atol=1e-6)
        assert_allclose(cmc.embed(FRESH[:4]), torch.nn.functional.normalize(z.mean(dim=0)), atol=1e-6)


@pytest.mark.parametrize("pooling", [Pooling(statistics="mean", layers="last"), Pooling(statistics=("max", "mean"))])
def test_heads_get_the_features_of_their_group(pooling):
    wider = ResNetEncoder(depth=2, width=4)  # its second layer has twice the width of the first
    module = small(encoder=wider, max_epochs=0, training_pooling=pooling).fit(X).net_.module_
    x = torch.from_numpy(X[:4])
    with torch.no_grad():
        before = module._projected(x, None)
        changed = module._projected(torch.cat([x[:, :2], x[:, 2:].flip(2) + 1], dim=1), None)
    assert_allclose(changed[0], before[0], atol=1e-6)
    assert not torch.allclose(changed[1], before[1])


def test_what_cannot_be_pooled_by_group():
    class Foreign:
        def build(self, widths):
            return Pooling(statistics="mean").build(widths)

        def n_features(self, widths):
            return sum(widths)

    with pytest.raises(TypeError, match="The pooling must be a Pooling"):
        small(pooling=Foreign()).fit(X)


def test_predictors_take_it(cmc):
    classifier = SSLClassifier(small(), max_epochs=1, random_state=0).fit(X, Y)
    assert classifier.predict(FRESH).shape == (60,)
    assert make_pipeline(clone(cmc), LogisticRegression(max_iter=500)).fit(X, Y).score(FRESH, FRESH_Y) > 0.7


# --- groups of an encoder ---


@pytest.mark.parametrize(
    ("groups", "kind", "message"),
    [
        ([[0, 1], [1]], ValueError, r"has a channel twice: \[\[0, 1\], \[1\]\]"),
        ([[0], []], ValueError, "none may be empty"),
        ([[0], [3]], ValueError, "must have whole numbers from 0 to 2"),
        ([[-1], [0]], ValueError, "must have whole numbers from 0 to 2"),
        ([[0.0], [1]], ValueError, "must have whole numbers from 0 to 2"),
        ([[True], [0]], ValueError, "must have whole numbers from 0 to 2"),
        ([0, 1], TypeError, r"must be lists of channels, such as \[\[0, 1, 2\], \[3, 4, 5\]\], got \[0, 1\]"),
        ([], TypeError, "must be lists of channels"),
        ("01", TypeError, "must be lists of channels"),
        (2, TypeError, "must be lists of channels"),
    ],
)
def test_groups_that_are_none(groups, kind, message):
    with pytest.raises(kind, match=message):
        small(channel_groups=groups).fit(X)
    assert checked_groups(np.array([[1, 0], [2, 3]]), 4) == [[1, 0], [2, 3]]


def grouped(attended, **parameters):
    torch.manual_seed(0)
    return GroupedEncoder(FCNEncoder(width=8), groups=GROUPS, attended=attended, **parameters).build(3).eval()


def test_without_attention_groups_do_not_meet():
    x = torch.from_numpy(FRESH[:3])
    other = x.clone()
    other[:, 2] = -other[:, 2]
    for attended in (False, True):
        encoder = grouped(attended)
        (*_, h), (*_, changed) = encoder.layers(x), encoder.layers(other)
        width = encoder.group_widths[-1][0]
        assert torch.equal(h[:, :width], changed[:, :width]) is not attended
        assert not torch.equal(h[:, width:], changed[:, width:])
        assert len(encoder.stages()) == 3 + attended


def test_values_of_padding_do_not_make_a_group_present():
    x = torch.zeros(2, 3, 48)
    x[:, 2, 20:] = 100.0
    mask = torch.arange(48) < torch.tensor([20, 48])[:, None]
    assert grouped(False).present(x, mask).tolist() == [[False, False], [False, True]]
    assert grouped(False).present(x).tolist() == [[False, True]] * 2


def test_attention_does_not_depend_on_padding():
    encoder, x = grouped(True), torch.from_numpy(FRESH[:3])
    mask = torch.arange(48) < torch.tensor([20, 48, 7])[:, None]
    with torch.no_grad():
        together = encoder(x * mask[:, None], mask)
        alone = encoder(x[2:, :, :7])
    assert_allclose(together[2, :, :7], alone[0], atol=1e-5)
    assert not together[2, :, 7:].any()


def test_all_of_the_attention_learns():
    tokens = TransformerEncoder(depth=1, width=6, window=4, n_heads=2, dropout=0.0)
    module = GroupedEncoder(tokens, groups=GROUPS, attended=True).build(3)
    assert [mixer.n_heads for mixer in module.mixers] == [2, 2]  # 4 does not divide the width
    h = module(torch.from_numpy(FRESH[:2]))
    assert h.shape == (2, 12, 12)
    h.square().sum().backward()
    assert all(bool(weight.grad.any()) for name, weight in module.mixers.named_parameters() if "key.bias" not in name)


def test_means_follow_the_groups_that_are_there():
    encoder = GroupedEncoder(FCNEncoder(width=4, kernel_sizes=(3,), norm="none"), groups=GROUPS).build(3)
    x = torch.from_numpy(FRESH[:8])
    encoder.adapt(x)
    h = encoder.eval()(x).detach()
    assert_allclose(encoder.mean_0, h.mean(dim=(0, 2)), atol=1e-6)
    absent = x.clone()
    absent[:, 2] = 0
    encoder.train()(absent + torch.tensor([1.0, 1.0, 0.0])[:, None])
    lifted = encoder.eval()(x + torch.tensor([1.0, 1.0, 0.0])[:, None]).detach().mean(dim=(0, 2))
    assert_allclose(encoder.mean_0[:4], 0.9 * h.mean(dim=(0, 2))[:4] + 0.1 * lifted[:4], atol=1e-5)
    assert_allclose(encoder.mean_0[4:], h.mean(dim=(0, 2))[4:], atol=1e-6)
    before = encoder.mean_0.clone()
    encoder.eval()(x)
    assert torch.equal(encoder.mean_0, before)
