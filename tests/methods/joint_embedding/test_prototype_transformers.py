import math

import numpy as np
import pytest
import torch

from sklearn_ssl import DINOTransformer, SwAVTransformer
from sklearn_ssl.architectures import Batch, CentredTeacherArchitecture, PrototypeArchitecture
from sklearn_ssl.architectures._prototypes import Prototypes
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder

SWAV = {"n_prototypes": 5, "n_crops": 3, "crop_ratio": 0.5}
DINO = {"n_prototypes": 5, "n_crops": 3, "crop_ratio": 0.5, "center_momentum": 0.75, "momentum": 0.9}


def small(cls, **parameters):
    return cls(encoder=ResNetEncoder(depth=1, width=4), batch_size=8, random_state=0, device="cpu", **parameters)


def weight_of(transformer):
    return transformer.net_.module_.prototypes.weight.detach().clone()


@pytest.fixture
def X():
    return make_waves(n_cases=20, random_state=0)[0]


def test_scores_are_cosines_whatever_the_length_of_a_prototype():
    prototypes, z = Prototypes(8, 5).requires_grad_(False), torch.randn(6, 8)
    scores = prototypes(z)
    for i, one in enumerate(z):
        for k, direction in enumerate(prototypes.weight):
            expected = float(one @ direction / one.norm() / direction.norm())
            assert float(scores[i, k]) == pytest.approx(expected, abs=1e-5)
    prototypes.weight.mul_(torch.rand(5, 1) + 0.5)
    torch.testing.assert_close(prototypes(z), scores)


def test_prototypes_learn_only_after_the_frozen_rows():
    prototypes, z = Prototypes(8, 5, n_frozen=12), torch.randn(6, 8)
    learns = [prototypes(z).requires_grad for _ in range(4)]
    assert learns == [False, False, True, True]
    assert not Prototypes(8, 5, n_frozen=12).eval()(z).requires_grad


@pytest.mark.parametrize("cls", [SwAVTransformer, DINOTransformer])
def test_prototypes_stand_still_for_the_first_epoch(X, cls):
    start = weight_of(small(cls, max_epochs=0).fit(X))
    plan = {"net_params": {"callbacks__schedule": None}}
    assert torch.equal(weight_of(small(cls, **plan).partial_fit(X)), start)
    assert not torch.equal(weight_of(small(cls, **plan).partial_fit(X).partial_fit(X)), start)


@pytest.mark.parametrize("cls", [SwAVTransformer, DINOTransformer])
def test_prototypes_stand_still_for_a_quarter_of_a_fit_of_few_epochs(X, cls, monkeypatch):
    learns = []
    scores_of = Prototypes.forward

    def watched(self, z):
        if self.training and self.weight.requires_grad:
            learns.append(bool(self.seen >= self.n_frozen))
        return scores_of(self, z)

    monkeypatch.setattr(Prototypes, "forward", watched)
    small(cls, max_steps=12, n_crops=0).fit(np.repeat(X, 12, axis=0))  # 30 steps are an epoch
    assert learns == [False] * 3 + [True] * 9


@pytest.mark.parametrize("lengths", [None, torch.tensor([32, 7, 20, 1, 2, 31])])
def test_swav_scores_full_views_and_windows(build, x, lengths):
    (scores,) = build(PrototypeArchitecture, **SWAV)(Batch(x, lengths))
    assert scores.shape == (5, 6, 5)
    assert bool(scores.isfinite().all())
    assert float(scores.detach().abs().amax()) <= 1 + 1e-6


def test_windows_are_shorter_than_the_series(build, x):
    architecture = build(PrototypeArchitecture, **SWAV)
    seen = []
    layers = architecture.encoder.layers
    architecture.encoder.layers = lambda x, mask: (seen.append(tuple(x.shape)), layers(x, mask))[1]
    architecture(Batch(x))
    assert seen == [(12, 2, 32), (18, 2, 16)]


def test_without_windows_there_are_two_views(build, x):
    (scores,) = build(PrototypeArchitecture, **{**SWAV, "n_crops": 0})(Batch(x))
    assert scores.shape == (2, 6, 5)


@pytest.mark.parametrize(("n_cases", "size"), [(2, 2), (20, 2), (80, 10), (20_000, 512)])
def test_automatic_number_of_prototypes(build, n_cases, size):
    architecture = build(PrototypeArchitecture, **{**SWAV, "n_prototypes": "auto"}, n_cases=n_cases)
    assert len(architecture.prototypes) == size


def test_more_prototypes_than_series_are_cut_with_a_warning(X):
    with pytest.warns(UserWarning, match=r"`n_prototypes` is 3000, but there are 20 series"):
        transformer = small(SwAVTransformer, n_prototypes=3000, max_epochs=1).fit(X)
    assert transformer.collapsed_loss_ == pytest.approx(math.log(20))


def test_a_teacher_has_at_most_1024_prototypes_or_as_many_as_series(X, build):
    with pytest.warns(UserWarning, match=r"`n_prototypes` is 5000, but there are 20 series .*; 1024 is used"):
        transformer = small(DINOTransformer, n_prototypes=5000, max_epochs=1).fit(X)
    assert len(transformer.net_.module_.prototypes) == 1024
    for n_prototypes, n_cases in ((1024, 20), (3000, 3000)):
        architecture = build(CentredTeacherArchitecture, **{**DINO, "n_prototypes": n_prototypes}, n_cases=n_cases)
        assert len(architecture.prototypes) == n_prototypes


@pytest.mark.parametrize("cls", [SwAVTransformer, DINOTransformer])
def test_series_too_short_for_the_windows_are_refused(X, cls):
    with pytest.raises(ValueError, match=r"`crop_ratio` must be at least 1 / 8, .* got 0.1"):
        small(cls, crop_ratio=0.1).fit(X[:, :, :8])


def test_the_centre_follows_the_teacher(build, x):
    architecture = build(CentredTeacherArchitecture, **DINO)
    student, teacher, center = architecture(Batch(x))
    assert student.shape == (5, 6, 5)
    assert teacher.shape == (2, 6, 5)
    assert torch.equal(center, torch.zeros(5))
    first = 0.25 * teacher.flatten(0, 1).mean(dim=0)
    torch.testing.assert_close(architecture.center, first)
    _, teacher, center = architecture(Batch(x))
    torch.testing.assert_close(center, first)
    torch.testing.assert_close(architecture.center, 0.75 * first + 0.25 * teacher.flatten(0, 1).mean(dim=0))
    assert student.requires_grad
    assert not teacher.requires_grad
    assert not architecture.center.requires_grad


def test_evaluation_changes_neither_centre_nor_teacher(build, x):
    architecture = build(CentredTeacherArchitecture, **DINO).eval()
    before = {name: value.clone() for name, value in architecture.state_dict().items()}
    architecture(Batch(x))
    assert all(torch.equal(value, before[name]) for name, value in architecture.state_dict().items())


def test_the_teacher_has_prototypes_of_its_own_that_follow(build, x):
    architecture = build(CentredTeacherArchitecture, **DINO)
    own, taught = architecture.teacher["prototypes"].weight, architecture.prototypes.weight
    with torch.no_grad():
        taught.add_(1.0)
    before = own.clone()
    architecture(Batch(x))
    torch.testing.assert_close(own, 0.9 * before + 0.1 * taught)
