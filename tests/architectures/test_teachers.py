"""A teacher that follows, and what is built on it."""

import copy
import math

import pytest
import torch
from small_architectures import built, whole_batch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl.architectures import (
    BootstrapArchitecture,
    CentredTeacherArchitecture,
    MomentumArchitecture,
    MomentumCovarianceArchitecture,
    QueueArchitecture,
    TaughtArchitecture,
)
from sklearn_ssl.augmentations import Compose, Jitter
from sklearn_ssl.encoders import RocketEncoder
from sklearn_ssl.pooling import Pooling

TEACHERS = [
    BootstrapArchitecture,
    CentredTeacherArchitecture,
    MomentumArchitecture,
    MomentumCovarianceArchitecture,
    QueueArchitecture,
]
ATTENTION = Pooling(statistics=("mean", "attention"))
JITTER = Compose(jitter=Jitter(sigma=0.3))


@pytest.fixture(params=TEACHERS, ids=lambda cls: cls.__name__)
def cls(request):
    return request.param


def pairs(architecture):
    """Return all weights of the teacher, each with the weight that it follows."""
    return [
        (mine, taught)
        for name, module in architecture.teacher.items()
        for mine, taught in zip(module.parameters(), getattr(architecture, name).parameters(), strict=True)
    ]


def moved_on(architecture):
    """Move the student away from its teacher."""
    with torch.no_grad():
        for _, taught in pairs(architecture):
            taught.add_(torch.randn_like(taught) / 10)
    return architecture


def watched(architecture, name, batch):
    """Return arguments and result of the only call of a function in a step."""
    calls, function = [], getattr(architecture, name)

    def watching(*arguments):
        calls.append((arguments, function(*arguments)))
        return calls[-1][1]

    setattr(architecture, name, watching)
    architecture(batch)
    (call,) = calls
    return call


class TestTeacher:
    def test_it_starts_as_the_student_and_shares_no_memory(self, cls):
        architecture = built(cls, training_pooling=ATTENTION)
        assert {"encoder", "training_pooling", "projector"} <= set(architecture.teacher)
        assert len(pairs(architecture)) == len(list(architecture.teacher.parameters()))
        for mine, taught in pairs(architecture):
            assert torch.equal(mine, taught)
            assert mine.data_ptr() != taught.data_ptr()
            assert taught.requires_grad
            assert not mine.requires_grad

    @pytest.mark.parametrize("momentum", [0.0, 0.7, 1.0])
    def test_it_follows_by_the_momentum(self, cls, batch, momentum):
        architecture = moved_on(built(cls, momentum=momentum, training_pooling=ATTENTION))
        expected = [momentum * mine + (1 - momentum) * taught for mine, taught in copy.deepcopy(pairs(architecture))]
        students = copy.deepcopy([taught for _, taught in pairs(architecture)])
        architecture(batch)
        for (mine, taught), wanted, before in zip(pairs(architecture), expected, students, strict=True):
            torch.testing.assert_close(mine, wanted, rtol=1e-6, atol=1e-7)
            assert torch.equal(taught, before)

    def test_it_follows_before_the_forward_pass(self, cls, batch):
        architecture = moved_on(built(cls, momentum=0.0))
        student = copy.deepcopy(architecture)
        views, z = watched(architecture, "teacher_projections", batch)
        torch.testing.assert_close(z, student.projections(*views))

    @pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
    def test_momentum_grows_to_one_along_a_cosine(self, cls, share):
        architecture = built(cls, momentum=0.6, increasing=True)
        architecture.progress.fill_(share)
        assert float(architecture._momentum()) == pytest.approx(1 - 0.4 * (1 + math.cos(math.pi * share)) / 2)

    def test_momentum_is_constant_unless_it_is_to_grow(self, cls):
        architecture = built(cls, momentum=0.6)
        architecture.progress.fill_(0.5)
        assert float(architecture._momentum()) == pytest.approx(0.6)

    def test_it_begins_with_what_the_encoder_took_from_the_series(self, cls, x):
        architecture = built(cls, encoder=RocketEncoder(n_features=84)).eval()
        architecture.adapt(x)
        assert architecture.encoder.kernels[0].biases.any()
        assert torch.equal(architecture.teacher_projections(x), architecture.projections(x))

    def test_it_passes_no_gradient_to_the_series(self, cls, x):
        architecture = built(cls)
        assert architecture.projections(x.requires_grad_()).requires_grad
        assert not architecture.teacher_projections(x).requires_grad

    def test_it_pools_as_in_training(self, cls, x):
        architecture = built(cls, training_pooling=Pooling(statistics="max", layers="last")).eval()
        assert torch.equal(architecture.teacher_projections(x), architecture.projections(x))

    def test_its_batch_normalisation_sees_its_own_activations(self, cls, batch):
        architecture = moved_on(built(cls, momentum=1.0))
        architecture(batch)
        norms = {
            name: module for name, module in architecture.teacher.named_modules() if isinstance(module, nn.BatchNorm1d)
        }
        students = dict(architecture.named_modules())
        assert {name.split(".")[0] for name in norms} == {"encoder", "projector"}
        assert not any(torch.equal(norm.running_var, students[name].running_var) for name, norm in norms.items())

    def test_features_are_those_of_the_student(self, cls, x):
        architecture = built(cls).eval()
        before = architecture.features(x)
        with torch.no_grad():
            for weight in architecture.teacher.parameters():
                weight.zero_()
        assert torch.equal(architecture.features(x), before)


@pytest.mark.parametrize(("share", "momentum"), [(0.0, 0.6), (0.25, 0.65), (1.0, 0.8)])
def test_momentum_may_grow_linearly_and_never_falls(share, momentum):
    growing, falling = (
        built(TaughtArchitecture, momentum=m, final_momentum=0.8, schedule="linear") for m in (0.6, 0.9)
    )
    for architecture in (growing, falling):
        architecture.progress.fill_(share)
    assert float(growing._momentum()) == pytest.approx(momentum)
    assert float(falling._momentum()) == pytest.approx(0.9)


@pytest.mark.parametrize("cls", [MomentumArchitecture, MomentumCovarianceArchitecture, QueueArchitecture])
def test_one_view_is_compared_with_the_other_of_the_teacher(x, cls):
    architecture = built(cls, augmentation=JITTER).eval()
    torch.manual_seed(3)
    z, taught, *_ = architecture(whole_batch(x))
    torch.manual_seed(3)
    first, second = architecture.views(x, None)[0].chunk(2)
    torch.testing.assert_close(z, architecture.projections(first))
    torch.testing.assert_close(taught, architecture.projections(second))  # the teacher is still as the student


class TestQueue:
    def test_keys_enter_at_the_end_and_the_oldest_leave(self):
        queue = built(QueueArchitecture, queue_size=5)
        start = queue.queue.clone()
        keys = torch.randn(7, 8)
        unit = F.normalize(keys)
        queue.enqueue(keys[:2])
        torch.testing.assert_close(queue.queue, torch.cat([start[2:], unit[:2]]))
        queue.enqueue(keys[2:6])
        torch.testing.assert_close(queue.queue, unit[1:6])
        queue.enqueue(torch.cat([keys, keys + 1]))
        torch.testing.assert_close(queue.queue, F.normalize(keys + 1)[-5:])

    def test_keys_of_half_precision_are_stored_in_single(self):
        queue = built(QueueArchitecture, queue_size=5)
        queue.enqueue(torch.randn(3, 8).bfloat16().requires_grad_())
        assert queue.queue.dtype == torch.float32
        assert not queue.queue.requires_grad
        torch.testing.assert_close(queue.queue.norm(dim=1), torch.ones(5))

    def test_the_loss_sees_the_queue_before_the_keys_of_its_batch(self, batch):
        architecture = built(QueueArchitecture)
        before = architecture.queue.clone()
        _, key, queue = architecture(batch)
        assert torch.equal(queue, before)
        torch.testing.assert_close(architecture.queue, torch.cat([before[6:], F.normalize(key)]))

    def test_it_starts_from_random_directions(self):
        queue = built(QueueArchitecture, queue_size="auto", n_cases=4000).queue
        torch.testing.assert_close(queue.norm(dim=1), torch.ones(2000))
        assert float(queue.mean(0).norm()) < 0.1
        assert float(queue.pow(4).mean()) == pytest.approx(3 / 80, rel=0.1)  # on a sphere of 8 dimensions

    @pytest.mark.parametrize(("n_cases", "size"), [(2, 2), (5, 2), (20, 10), (8190, 4095), (20_000, 4096)])
    def test_automatic_size_is_half_of_the_series(self, n_cases, size):
        assert len(built(QueueArchitecture, queue_size="auto", n_cases=n_cases).queue) == size

    def test_a_larger_one_than_the_set_is_cut_with_a_warning(self):
        assert len(built(QueueArchitecture, queue_size=20).queue) == 20
        message = r'`queue_size` is 21, .* 20 series .*; 20 is used.* whole number from 2 to 20, or to "auto"'
        with pytest.warns(UserWarning, match=message):
            architecture = built(QueueArchitecture, queue_size=21)
        assert len(architecture.queue) == 20
