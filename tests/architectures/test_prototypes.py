import copy

import pytest
import torch
from small_architectures import LENGTHS, built, whole_batch

from sklearn_ssl.architectures import CentredTeacherArchitecture, PrototypeArchitecture
from sklearn_ssl.architectures._prototypes import Prototypes
from sklearn_ssl.augmentations import Compose, Jitter
from sklearn_ssl.projectors import MLPProjector


@pytest.fixture(params=[PrototypeArchitecture, CentredTeacherArchitecture], ids=lambda cls: cls.__name__)
def cls(request):
    return request.param


class TestPrototypes:
    def test_scores_are_cosines_whatever_the_length_of_a_prototype(self):
        prototypes, z = Prototypes(8, 5).requires_grad_(False), torch.randn(6, 8)
        scores = prototypes(z)
        for i, one in enumerate(z):
            for k, direction in enumerate(prototypes.weight):
                expected = float(one @ direction / one.norm() / direction.norm())
                assert float(scores[i, k]) == pytest.approx(expected, abs=1e-5)
        prototypes.weight.mul_(torch.rand(5, 1) + 0.5)
        torch.testing.assert_close(prototypes(z), scores)

    def test_they_start_from_random_directions_of_about_length_one(self):
        prototypes = Prototypes(64, 500).requires_grad_(False)
        assert len(prototypes) == 500
        lengths = prototypes.weight.norm(dim=1)
        assert 0.6 < float(lengths.min()) < float(lengths.mean()) < float(lengths.max()) < 1.4
        assert float(prototypes.weight.mean(0).norm()) < 0.1

    def test_they_learn_only_after_the_frozen_rows(self):
        prototypes, z = Prototypes(8, 5, n_frozen=12), torch.randn(6, 8)
        assert [prototypes(z).requires_grad for _ in range(4)] == [False, False, True, True]
        assert prototypes.seen == 24
        assert prototypes.seen.dtype == torch.int64  # a float would stop counting at 2 ** 24

    def test_they_learn_from_the_start_unless_told(self):
        assert Prototypes(8, 5)(torch.randn(6, 8)).requires_grad

    def test_they_learn_once_they_are_thawed(self):
        prototypes, z = Prototypes(8, 5, n_frozen=12), torch.randn(6, 8)
        prototypes.thaw()
        assert prototypes(z).requires_grad
        prototypes.thaw()
        assert prototypes.seen == 18, "rows that were seen are forgotten"


class TestArchitectures:
    def test_projections_are_those_of_the_projector(self, cls, x):
        architecture = built(cls, projector=MLPProjector(width=12)).eval()
        assert architecture.n_projections == 12
        assert torch.equal(architecture.projections(x), architecture.projector(architecture.features(x)))
        assert architecture.features_and_projections(x).shape == (6, architecture.n_features + 12)
        assert architecture.prototypes(architecture.projections(x)).shape == (6, 5)

    def test_scores_are_of_two_full_views_and_then_of_windows(self, cls, padded):
        architecture = built(cls, n_crops=3, crop_ratio=1.0, augmentation=Compose(jitter=Jitter(sigma=0.3))).eval()
        torch.manual_seed(3)
        scores, *_ = architecture(whole_batch(padded, LENGTHS))
        torch.manual_seed(3)
        full = architecture.views(padded, LENGTHS)
        torch.rand(18)  # where the windows begin
        windows = architecture.views(padded.repeat(3, 1, 1), LENGTHS.repeat(3), n_views=1)
        expected = [architecture.prototypes(architecture.projections(*views)) for views in (full, windows)]
        torch.testing.assert_close(scores, torch.cat(expected).unflatten(0, (5, 6)))

    def test_without_windows_there_are_two_views(self, cls, batch):
        scores, *_ = built(cls, n_crops=0)(batch)
        assert scores.shape == (2, 6, 5)

    def test_prototypes_do_not_learn_during_the_first_pass_over_all_views(self, cls):
        assert built(cls, n_crops=3).prototypes.n_frozen == 20 * 5

    def test_they_learn_after_a_quarter_of_a_fit(self, cls, batch):
        architecture = built(cls)
        architecture.progress.fill_(0.2499)
        scores, *_ = architecture(batch)
        scores.sum().backward()
        assert architecture.prototypes.weight.grad is None
        architecture.progress.fill_(0.25)
        scores, *_ = architecture(batch)
        scores.square().sum().backward()
        assert bool(architecture.prototypes.weight.grad.any())

    def test_windows_that_are_shorter_than_a_step_are_refused(self, cls):
        with pytest.raises(ValueError, match=r"`crop_ratio` must be at least 1 / 32, .* got 0.03"):
            built(cls, crop_ratio=0.03)


class TestNumbers:
    @pytest.mark.parametrize(("n_cases", "size"), [(2, 2), (23, 2), (24, 3), (80, 10), (4088, 511), (20_000, 512)])
    def test_automatic(self, n_cases, size):
        assert len(built(PrototypeArchitecture, n_prototypes="auto", n_cases=n_cases).prototypes) == size

    def test_more_than_series_are_cut_with_a_warning(self):
        assert len(built(PrototypeArchitecture, n_prototypes=20).prototypes) == 20
        with pytest.warns(UserWarning, match=r"`n_prototypes` is 21, but there are 20 series .*; 20 is used"):
            architecture = built(PrototypeArchitecture, n_prototypes=21)
        assert len(architecture.prototypes) == 20

    def test_a_teacher_may_have_1024_or_as_many_as_series(self):
        message = r"`n_prototypes` is 1025, .* 20 series .*; 1024 is used. Set .* whole number from 2 to 1024\.$"
        with pytest.warns(UserWarning, match=message):
            architecture = built(CentredTeacherArchitecture, n_prototypes=1025)
        assert len(architecture.prototypes) == 1024
        for n_prototypes, n_cases in ((1024, 20), (1030, 1030)):
            architecture = built(CentredTeacherArchitecture, n_prototypes=n_prototypes, n_cases=n_cases)
            assert len(architecture.prototypes) == len(architecture.center) == n_prototypes


class TestCentredTeacher:
    def test_the_centre_follows_the_teacher(self, batch):
        architecture = built(CentredTeacherArchitecture)
        _, teacher, center = architecture(batch)
        assert torch.equal(center, torch.zeros(5))
        first = 0.25 * teacher.flatten(0, 1).mean(dim=0)
        torch.testing.assert_close(architecture.center, first)
        _, teacher, center = architecture(batch)
        torch.testing.assert_close(center, first)
        torch.testing.assert_close(architecture.center, 0.75 * first + 0.25 * teacher.flatten(0, 1).mean(dim=0))

    def test_the_teacher_scores_the_full_views_by_prototypes_of_its_own_that_follow(self, batch):
        architecture = built(CentredTeacherArchitecture)
        with torch.no_grad():
            architecture.prototypes.weight.add_(1.0)
        own, taught = architecture.teacher["prototypes"].weight, architecture.prototypes.weight
        before = own.clone()
        student = copy.deepcopy(architecture)
        _, teacher, _ = architecture(batch)
        torch.testing.assert_close(own, 0.9 * before + 0.1 * taught)
        student.prototypes.weight.data.copy_(own)
        views, lengths = student.views(batch.x, batch.lengths)
        expected = student.prototypes(student.projections(views, lengths))  # of the same encoder and projector
        torch.testing.assert_close(teacher.flatten(0, 1), expected)
