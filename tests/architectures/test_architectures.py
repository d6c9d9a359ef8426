import copy
import math
import pickle
from functools import partial
from typing import final

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from torch.nn import functional as F

from sklearn_ssl.architectures import (
    Batch,
    BootstrapArchitecture,
    MomentumArchitecture,
    PredictorArchitecture,
    SiameseArchitecture,
)
from sklearn_ssl.augmentations import Compose, Jitter, Scaling
from sklearn_ssl.base import JointEmbeddingTransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder, RocketEncoder
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.projectors import MLPProjector

X, _ = make_waves(n_cases=18, n_channels=2, n_timepoints=30, random_state=0)
COMMON = {"pooling": None, "n_channels": 2, "n_timepoints": 30}
HEAD = {"predictor": MLPProjector(width=6), "momentum": 0.9}
TEACHERS = {MomentumArchitecture: {"momentum": 0.9}, BootstrapArchitecture: HEAD}
ALL = {SiameseArchitecture: {}, PredictorArchitecture: {"predictor": HEAD["predictor"]}, **TEACHERS}


def build(cls, **parameters):
    recipes = {"encoder": ResNetEncoder(depth=1, width=4), "projector": MLPProjector(width=8)}
    augmentation = Compose(jitter=Jitter(sigma=0.3))
    return cls(**{**recipes, "augmentation": augmentation, **ALL[cls], **COMMON, **parameters})


def batch():
    return torch.from_numpy(X)  # (18, 2, 30)


def student_and_teacher(architecture):
    for name in ("encoder", "training_pooling", "projector"):
        student, teacher = getattr(architecture, name), architecture.teacher[name]
        yield from zip(student.parameters(), teacher.parameters(), strict=True)


def weights_of(parameters):
    return [parameter.detach().clone() for parameter in parameters]


def step(architecture, lr=0.1):
    """Take one step of plain gradient descent on a loss that every output takes part in."""
    optimizer = torch.optim.SGD(architecture.parameters(), lr=lr)
    sum(output.square().mean() for output in architecture(Batch(batch()))).backward()
    optimizer.step()


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
class TestTrainingPooling:
    LAST_MEAN = Pooling(statistics="mean", layers="last")

    def test_projects_what_is_pooled_in_training(self, cls):
        architecture = build(cls, pooling=Pooling(), training_pooling=self.LAST_MEAN).eval()
        h = architecture.encoder(batch()).mean(2)  # (18, 4)
        assert_array_equal(architecture.projections(batch()).detach(), architecture.projector(h).detach())
        assert architecture.features(batch()).shape[1] == architecture.n_features > h.shape[1]

    @pytest.mark.parametrize("lengths", [None, torch.arange(13, 31)], ids=["equal", "unequal"])
    def test_one_pass_gives_features_and_projections(self, cls, lengths):
        architecture = build(cls, pooling=Pooling(), training_pooling=self.LAST_MEAN).eval()
        with torch.no_grad():
            parts = [architecture.features(batch(), lengths), architecture.projections(batch(), lengths)]
            assert_array_equal(architecture.features_and_projections(batch(), lengths), torch.cat(parts, dim=1))

    def test_none_is_that_of_the_features(self, cls):
        architecture = build(cls).eval()
        expected = architecture.projector(architecture.features(batch()))
        assert_array_equal(architecture.projections(batch()).detach(), expected.detach())


@pytest.mark.parametrize("cls", TEACHERS, ids=lambda cls: cls.__name__)
def test_the_teacher_pools_as_in_training(cls):
    architecture = build(cls, training_pooling=Pooling(statistics="mean", layers="last")).eval()
    expected = architecture.projections(batch()).detach()
    assert_array_equal(architecture.teacher_projections(batch()), expected)


@pytest.mark.parametrize("cls", TEACHERS, ids=lambda cls: cls.__name__)
def test_the_teacher_begins_with_what_the_encoder_took_from_the_series(cls):
    architecture = build(cls, encoder=RocketEncoder(n_features=84)).eval()
    architecture.adapt(batch())
    assert architecture.encoder.kernels[0].biases.any()
    assert_array_equal(architecture.teacher_projections(batch()), architecture.projections(batch()).detach())


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
class TestAll:
    def test_outputs(self, cls):
        outputs = build(cls)(Batch(batch()))
        assert len(outputs) == {PredictorArchitecture: 4, BootstrapArchitecture: 4}.get(cls, 2)
        assert {tuple(output.shape) for output in outputs} == {(18, 8)}, "predictions are as wide as projections"
        assert not torch.allclose(outputs[0], outputs[1]), "the two views are the same"

    def test_pickling_and_copies_keep_everything(self, cls):
        architecture = build(cls)
        step(architecture)
        for other in (pickle.loads(pickle.dumps(architecture)), copy.deepcopy(architecture)):
            for mine, theirs in zip(architecture.state_dict().values(), other.state_dict().values(), strict=True):
                assert torch.equal(mine, theirs)

    def test_parts_of_a_given_encoder_stay_in_the_mode_they_were_in(self, cls):
        encoder = ResNetEncoder(depth=2, width=4).build(n_channels=2).train()
        frozen = next(part for part in encoder.modules() if isinstance(part, torch.nn.BatchNorm1d)).eval()
        modes = [part.training for part in build(cls, encoder=encoder).encoder.modules()]
        assert modes == [part is not frozen for part in encoder.modules()]

    def test_padding_makes_no_difference(self, cls):
        scaling = Compose(scaling=Scaling(sigma=0.2))  # its draws do not depend on the length
        architecture = build(cls, augmentation=scaling).eval()
        lengths = torch.arange(4, 22)
        x = torch.where(torch.arange(30) < lengths[:, None, None], batch(), 0.0)
        x_longer = F.pad(x, (0, 7))
        outputs = []
        for one in (x, x_longer):
            torch.manual_seed(2)
            outputs.append(architecture(Batch(one, lengths)))
        for mine, theirs in zip(*outputs, strict=True):
            torch.testing.assert_close(mine, theirs)

    def test_views_are_independent_and_have_the_lengths_of_their_series(self, cls):
        architecture = build(cls)
        lengths = torch.arange(4, 22)
        views, view_lengths = architecture.views(batch(), lengths, n_views=3)
        assert views.shape == (54, 2, 30)
        assert torch.equal(view_lengths, torch.cat([lengths] * 3))
        first, second, _ = views.chunk(3)
        assert not torch.equal(first, second)
        assert torch.equal(first[0, :, 4:], batch()[0, :, 4:]), "padding was changed"


def test_every_view_is_projected():
    architecture = build(SiameseArchitecture, n_views=5)
    assert [tuple(z.shape) for z in architecture(Batch(batch()))] == [(18, 8)] * 5


class TestPredictor:
    def test_predictions_are_of_the_projections_of_the_same_views(self):
        architecture = build(PredictorArchitecture).eval()
        p1, p2, z1, z2 = architecture(Batch(batch()))
        torch.testing.assert_close(architecture.predictor(z1), p1)
        torch.testing.assert_close(architecture.predictor(z2), p2)

    def test_the_recipe_is_not_changed(self):
        predictor = MLPProjector(width=6, output_width=3)
        assert build(PredictorArchitecture, predictor=predictor)(Batch(batch()))[0].shape == (18, 8)
        assert predictor.output_width == 3

    def test_gradients_reach_all(self):
        architecture = build(PredictorArchitecture)
        p1, *_ = architecture(Batch(batch()))
        p1.square().sum().backward()
        assert all(parameter.grad is not None for parameter in architecture.parameters())


@pytest.mark.parametrize("cls", TEACHERS, ids=lambda cls: cls.__name__)
class TestTeacher:
    def test_starts_as_the_student(self, cls):
        pairs = list(student_and_teacher(build(cls)))
        assert all(torch.equal(mine, theirs) for mine, theirs in pairs)
        assert all(mine.data_ptr() != theirs.data_ptr() for mine, theirs in pairs), "they share memory"

    @pytest.mark.parametrize("momentum", [0.0, 0.7, 1.0])
    def test_follows_by_the_momentum(self, cls, momentum):
        architecture = build(cls, momentum=momentum)
        expected = [teacher.detach().double() for _, teacher in student_and_teacher(architecture)]
        for _ in range(3):
            students = weights_of(student for student, _ in student_and_teacher(architecture))
            expected = [
                momentum * mine + (1 - momentum) * taught.double()
                for mine, taught in zip(expected, students, strict=True)
            ]
            step(architecture)
        for (_, teacher), wanted in zip(student_and_teacher(architecture), expected, strict=True):
            torch.testing.assert_close(teacher.double(), wanted, rtol=1e-6, atol=1e-7)
        is_as_before = [torch.equal(student, teacher) for student, teacher in student_and_teacher(architecture)]
        assert not all(is_as_before), "the student did not move, or the teacher went with it"

    @pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
    def test_momentum_grows_to_one_along_a_cosine(self, cls, share):
        architecture = build(cls, momentum=0.6, increasing=True)
        step(architecture)
        before = weights_of(teacher for _, teacher in student_and_teacher(architecture))
        students = weights_of(student for student, _ in student_and_teacher(architecture))
        architecture.progress.fill_(share)
        architecture.follow()
        momentum = 1 - (1 - 0.6) * (1 + math.cos(math.pi * share)) / 2
        after = [teacher for _, teacher in student_and_teacher(architecture)]
        for mine, taught, teacher in zip(before, students, after, strict=True):
            torch.testing.assert_close(teacher.detach(), momentum * mine + (1 - momentum) * taught)
        if share == 1:
            assert all(torch.equal(mine, teacher) for mine, teacher in zip(before, after, strict=True))

    def test_momentum_is_constant_unless_it_is_to_grow(self, cls):
        architecture = build(cls, momentum=0.6)
        for share in (0.0, 0.5, 1.0):
            architecture.progress.fill_(share)
            assert float(architecture._momentum()) == pytest.approx(0.6)

    def test_has_no_gradient(self, cls):
        architecture = build(cls)
        outputs = architecture(Batch(batch()))
        projections = outputs[len(outputs) // 2 :]
        assert not any(output.requires_grad for output in projections)
        assert not any(parameter.requires_grad for parameter in architecture.teacher.parameters())
        outputs[0].sum().backward()
        assert all(parameter.grad is None for parameter in architecture.teacher.parameters())
        assert all(parameter.grad is not None for parameter in architecture.encoder.parameters())

    def test_its_batch_normalisation_sees_its_own_activations(self, cls):
        architecture = build(cls, momentum=1.0)
        buffers = dict(architecture.teacher.named_buffers())
        before = {name: buffer.clone() for name, buffer in buffers.items()}
        architecture(Batch(batch()))
        moved = [name for name, buffer in buffers.items() if not torch.equal(buffer, before[name])]
        assert [name for name in moved if name.startswith("projector") and "running" in name]
        with torch.no_grad():
            for weight in architecture.encoder.parameters():
                weight.mul_(3.0)
        architecture(Batch(batch()))
        students = dict(architecture.encoder.named_buffers())
        running = [name for name in moved if name.startswith("encoder") and "running_var" in name]
        assert running
        assert all(not torch.equal(buffers[name], students[name.removeprefix("encoder.")]) for name in running)

    def test_stays_in_evaluation(self, cls):
        architecture = build(cls, momentum=0.5)
        step(architecture)
        before = copy.deepcopy(architecture.eval().state_dict())
        architecture(Batch(batch()))
        architecture.follow()
        assert all(torch.equal(value, before[name]) for name, value in architecture.state_dict().items())

    def test_features_are_those_of_the_student(self, cls):
        architecture = build(cls).eval()
        before = architecture.features(batch())
        with torch.no_grad():
            for weight in architecture.teacher.parameters():
                weight.zero_()
        assert torch.equal(architecture.features(batch()), before)


def test_momentum_compares_one_view_with_the_other_of_the_teacher():
    architecture = build(MomentumArchitecture).eval()
    torch.manual_seed(3)
    z, taught = architecture(Batch(batch()))
    torch.manual_seed(3)
    first, second = architecture.views(batch(), None)[0].chunk(2)
    torch.testing.assert_close(z, architecture.projections(first))
    torch.testing.assert_close(taught, architecture.projections(second))  # the teacher is still as the student


def test_bootstrap_gives_both_views_to_both():
    architecture = build(BootstrapArchitecture).eval()
    torch.manual_seed(3)
    p1, p2, z1, z2 = architecture(Batch(batch()))
    torch.manual_seed(3)
    first, second = architecture.views(batch(), None)[0].chunk(2)
    for view, p, z in ((first, p1, z1), (second, p2, z2)):
        torch.testing.assert_close(p, architecture.predictor(architecture.projections(view)))
        torch.testing.assert_close(z, architecture.teacher_projections(view))


def cosine_distance(p1, p2, z1, z2):
    return 2 - F.cosine_similarity(p1, z2).mean() - F.cosine_similarity(p2, z1).mean()


@final
class Bootstrapping(JointEmbeddingTransformer):
    """A transformer with a teacher, as small as can be."""

    def _architecture(self):
        recipes = {name: self.resolved(name) for name in ("augmentation", "projector")}
        return partial(BootstrapArchitecture, predictor=MLPProjector(width=6), momentum=0.8, increasing=True, **recipes)

    def _loss(self):
        return cosine_distance


def bootstrapping(**parameters):
    small = {"encoder": ResNetEncoder(depth=1, width=4), "projector": MLPProjector(width=8), "batch_size": 9}
    return Bootstrapping(**{**small, "max_epochs": 3, "device": "cpu", "random_state": 0, **parameters})


class TestInATransformer:
    def test_progress_is_the_share_of_steps_done(self):
        fitted = bootstrapping().fit(X)
        assert float(fitted.net_.module_.progress) == pytest.approx(5 / 6)  # at the start of the last of six steps
        assert float(fitted.partial_fit(X).net_.module_.progress) == 0, "without a plan there is no progress"

    def test_partial_fit_goes_on_with_the_teacher_after_pickling_as_without(self):
        fitted = bootstrapping().fit(X)
        stored = pickle.loads(pickle.dumps(fitted))
        teacher = copy.deepcopy(fitted.net_.module_.teacher.state_dict())
        kept = stored.net_.module_.teacher.state_dict()
        assert all(torch.equal(value, kept[name]) for name, value in teacher.items())
        assert_array_equal(stored.partial_fit(X).transform(X), fitted.partial_fit(X).transform(X))
        weights = fitted.net_.module_.teacher.state_dict()
        assert any(not torch.equal(value, weights[name]) for name, value in teacher.items()), "the teacher stood still"
        again = stored.net_.module_.teacher.state_dict()
        assert all(torch.equal(value, again[name]) for name, value in weights.items())

    def test_the_optimiser_knows_no_weight_of_the_teacher(self):
        net = bootstrapping(max_epochs=1, weight_decay=0.5, lr=1e-9).fit(X).net_
        moved = [parameter for parameter in net.module_.teacher.parameters() if net.optimizer_.state.get(parameter)]
        assert moved == []

    def test_series_of_unequal_lengths(self):
        series = [one[:, : 6 + case] for case, one in enumerate(X)]
        assert np.isfinite(bootstrapping().fit(series).transform(series)).all()
