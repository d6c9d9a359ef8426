import math
import pickle

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sklearn_ssl import MoCoTransformer, MoCoV2Transformer, MoCoV3Transformer
from sklearn_ssl.architectures import Batch, QueueArchitecture
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder


def small(cls, **parameters):
    return cls(encoder=ResNetEncoder(depth=1, width=4), batch_size=8, random_state=0, device="cpu", **parameters)


@pytest.fixture
def X():
    return make_waves(n_cases=20, random_state=0)[0]


def test_keys_enter_at_the_end_and_the_oldest_leave(build):
    queue = build(QueueArchitecture, momentum=0.9, queue_size=5)
    start = queue.queue.clone()
    keys = torch.randn(7, 8)
    unit = F.normalize(keys)
    queue.enqueue(keys[:2])
    torch.testing.assert_close(queue.queue, torch.cat([start[2:], unit[:2]]))
    queue.enqueue(keys[2:4])
    torch.testing.assert_close(queue.queue, torch.cat([start[4:], unit[:4]]))
    queue.enqueue(keys[4:6])
    torch.testing.assert_close(queue.queue, unit[1:6])
    queue.enqueue(torch.cat([keys, keys + 1]))
    torch.testing.assert_close(queue.queue, F.normalize(keys + 1)[-5:])


def test_the_loss_sees_the_queue_before_the_keys_of_its_batch(build, x):
    architecture = build(QueueArchitecture, momentum=0.9, queue_size=10)
    before = architecture.queue.clone()
    query, key, queue = architecture(Batch(x))
    torch.testing.assert_close(queue, before)
    torch.testing.assert_close(architecture.queue[-6:], F.normalize(key))
    torch.testing.assert_close(architecture.queue[:4], before[6:])
    (query @ queue.T).sum().backward()
    assert not key.requires_grad
    assert not architecture.queue.requires_grad


def test_evaluation_leaves_the_queue_alone(build, x):
    architecture = build(QueueArchitecture, momentum=0.9, queue_size=10).eval()
    before = architecture.queue.clone()
    architecture(Batch(x))
    assert torch.equal(architecture.queue, before)


@pytest.mark.parametrize(("n_cases", "size"), [(2, 2), (20, 10), (20_000, 4096)])
def test_automatic_size_is_half_of_the_series(build, n_cases, size):
    assert len(build(QueueArchitecture, momentum=0.9, queue_size="auto", n_cases=n_cases).queue) == size


def test_a_queue_larger_than_the_set_is_cut_with_a_warning(X):
    with pytest.warns(UserWarning, match=r"`queue_size` is 4096, but there are 20 series"):
        transformer = small(MoCoTransformer, queue_size=4096, max_epochs=1).fit(X)
    assert len(transformer.net_.module_.queue) == 20


def test_the_queue_is_saved_and_goes_on_in_partial_fit(X):
    transformer = small(MoCoTransformer, max_epochs=2).fit(X)
    before = transformer.net_.module_.queue.clone()
    copy = pickle.loads(pickle.dumps(transformer))
    assert torch.equal(copy.net_.module_.queue, before)
    copy.partial_fit(X[:4])
    torch.testing.assert_close(copy.net_.module_.queue[:-4], before[4:])


def test_chance_level(X):
    assert small(MoCoTransformer, max_epochs=1).fit(X).collapsed_loss_ == pytest.approx(math.log(11))
    assert small(MoCoV2Transformer, queue_size=7, max_epochs=1).fit(X).collapsed_loss_ == pytest.approx(math.log(8))
    assert small(MoCoV3Transformer, max_epochs=1).fit(X).collapsed_loss_ == pytest.approx(4 * 0.2 * math.log(8))


@pytest.mark.parametrize("queue_size", [1, 2.5, "large"])
def test_a_wrong_size_is_refused(X, queue_size):
    with pytest.raises(ValueError, match="`queue_size` must be a whole number at least 2 or 'auto'"):
        small(MoCoTransformer, queue_size=queue_size).fit(X)


def test_version_3_has_a_teacher_that_stands_still_in_the_end(X):
    transformer = small(MoCoV3Transformer, max_epochs=3).fit(X)
    module = transformer.net_.module_
    module.train()
    module.progress.fill_(1.0)
    before = [weight.clone() for weight in module.teacher.parameters()]
    module.follow()
    assert all(torch.equal(old, new) for old, new in zip(before, module.teacher.parameters(), strict=True))
    assert np.isfinite(transformer.net_.history[:, "train_loss"]).all()
