"""Functions, modules and tuples in the place of an augmentation."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from shared import small
from torch import nn

from sklearn_ssl import BYOLTransformer, DINOTransformer, MultiViewTransformer, SimCLRTransformer, WCCNTransformer
from sklearn_ssl._input.collections import collection_of
from sklearn_ssl.augmentations import Compose, Jitter, Scaling
from sklearn_ssl.augmentations._given import GivenFunction, as_augmentation
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.evaluation._representation import random_views

X, _ = make_waves(n_cases=12, n_channels=2, n_timepoints=30, random_state=0)
UNEQUAL = [series[:, : 18 + case] for case, series in enumerate(X)]


def noise(x):
    return x + 0.1 * torch.randn_like(x)


def doubled(x):
    return 2 * x


def of_lengths(x, lengths):
    return x * lengths[:, None, None]


class Noise(nn.Module):
    def __init__(self):
        super().__init__()
        self.size = nn.Parameter(torch.tensor(0.1))

    def forward(self, x):
        return x + self.size * torch.randn_like(x)


@pytest.mark.parametrize("given", [noise, Noise(), lambda x, scale=3: x * scale, of_lengths, np.negative])
@pytest.mark.parametrize("cls", [SimCLRTransformer, BYOLTransformer, WCCNTransformer])
def test_functions_and_modules_make_views(given, cls):
    if given is np.negative:
        given = torch.negative
    series = UNEQUAL if given is of_lengths else X
    assert np.isfinite(small(cls, augmentation=given).fit(series).transform(series)).all()


def test_what_a_function_gets_and_returns():
    x, lengths = torch.ones(2, 1, 3), torch.tensor([3, 2])
    assert_array_equal(as_augmentation(of_lengths)(x, lengths), [[[3, 3, 3]], [[2, 2, 1]]])
    assert_array_equal(as_augmentation(lambda x: x.zero_())(x), torch.zeros(2, 1, 3))
    assert x.all(), "the function changed its input"
    jitter = Jitter()
    assert as_augmentation(jitter) is jitter
    first, second = as_augmentation([jitter, noise])
    assert first is jitter
    assert isinstance(second, GivenFunction)


def test_a_module_is_not_trained():
    module = Noise()
    fitted = small(augmentation=module).fit(X)
    used = fitted.net_.module_.augmentation.function
    assert used is not module
    assert used.size == 0.1
    assert used.size.grad is None


@pytest.mark.parametrize("function", [lambda x: x[:, :, ::2], lambda x: x.numpy()])
def test_another_shape_is_refused(function):
    with pytest.raises(ValueError, match=r"return a tensor of the shape of its series, \(\d+, 2, 30\)"):
        small(augmentation=function).fit(X)


def test_a_function_that_fails_is_named():
    with pytest.raises(ValueError, match=r"`augmentation` failed on series of shape \(\d+, 2, 30\)"):
        small(augmentation=nn.Linear(3, 3)).fit(X)


class TestTuples:
    def test_each_view_has_its_own(self):
        pair = (as_augmentation(torch.zeros_like), as_augmentation(torch.ones_like))
        architecture = small(augmentation=pair, max_epochs=0).fit(X).net_.module_
        x, _ = architecture.views(torch.from_numpy(X), None)
        assert_array_equal(x[:12], torch.zeros(12, 2, 30))
        assert_array_equal(x[12:], torch.ones(12, 2, 30))

    def test_lengths_are_those_of_the_views(self):
        architecture = small(augmentation=(Compose(), doubled), max_epochs=1).fit(UNEQUAL).net_.module_
        _, lengths = architecture.views(torch.zeros(2, 2, 30), torch.tensor([30, 20]))
        assert_array_equal(lengths, [30, 20, 30, 20])

    def test_more_views(self):
        transformer = MultiViewTransformer(n_views=3, augmentation=[Jitter(), Scaling(), noise], max_epochs=1)
        assert np.isfinite(transformer.fit(X).transform(X)).all()

    @pytest.mark.parametrize(
        ("transformer", "message"),
        [
            (SimCLRTransformer(augmentation=(Jitter(), Jitter(), Jitter())), "one for each of 2 views, got 3"),
            (DINOTransformer(augmentation=(Jitter(), Jitter())), "must be one augmentation here, got a tuple"),
        ],
    )
    def test_the_number_must_fit(self, transformer, message):
        with pytest.raises(ValueError, match=message):
            transformer.fit(X)

    @pytest.mark.parametrize("value", [(), (Jitter(), 3), (Jitter,)])
    def test_others_are_refused(self, value):
        with pytest.raises(TypeError, match="`augmentation` must be None or an object such as"):
            small(augmentation=value).fit(X)

    def test_parts_are_checked(self):
        with pytest.raises(ValueError, match="Jitter: `sigma` must be"):
            small(augmentation=(Jitter(sigma=-1), Jitter())).fit(X)

    def test_reports_take_turns(self):
        zeros, ones = as_augmentation((torch.zeros_like, torch.ones_like))
        views = list(random_views(collection_of(X), (zeros, ones), 3, 0))
        assert [view.mean() for view in views] == [0, 1, 0]
