"""Modules as values: equal modules have equal hashes, and pickles keep ties, types and frozen weights."""

import copy
import pickle
from typing import Any

import joblib
import pytest
import torch
from torch import nn

from sklearn_ssl._parameters.hyperparameters import Hyperparameters, recipe
from sklearn_ssl._parameters.module_value import ModuleValue


class Holder(Hyperparameters):
    """An object that holds a module."""

    module: Any = recipe(default_factory=nn.Identity)


class Tied(nn.Module):
    """A module with tied and frozen weights, buffers, and tensors in containers."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.norm = nn.BatchNorm1d(3)
        self.first.bias.requires_grad_(False)
        self.steps = torch.arange(3.0)
        self.containers = [
            self.first.weight,
            {"half": torch.ones(2, dtype=torch.bfloat16)},
            (torch.ones(2).double() / 3,),
        ]
        self.group = {torch.ones(1)}


def hash_of(module):
    return joblib.hash(Holder(module=module))


def test_a_pickle_keeps_ties_types_and_frozen_weights():
    module = Tied()
    back = pickle.loads(pickle.dumps(Holder(module=module))).module
    assert back.first.weight is back.second.weight is back.containers[0]
    assert back.first.weight is not module.first.weight
    assert isinstance(back.first.weight, nn.Parameter)
    assert isinstance(back.first.bias, nn.Parameter)
    assert back.first.weight.requires_grad
    assert not back.first.bias.requires_grad
    assert type(back.steps) is type(back.norm.running_mean) is torch.Tensor
    assert back.containers[1]["half"].equal(module.containers[1]["half"])
    assert back.containers[2][0].equal(module.containers[2][0])
    assert back.containers[2][0].dtype == torch.float64
    for name, tensor in module.state_dict().items():
        assert back.state_dict()[name].dtype == tensor.dtype
        assert back.state_dict()[name].equal(tensor)


def test_a_pickle_shares_no_memory_with_its_value():
    value = ModuleValue.of(Tied())
    one, other = value.build(), value.build()
    with torch.no_grad():
        one.first.weight.zero_()
    assert other.first.weight.any()
    assert value.build().first.weight.any()


def test_the_module_itself_stays_as_it_is():
    module = Tied().eval()
    holder = Holder(module=module)
    pickle.dumps(holder)
    assert holder.module is module
    assert isinstance(module.first.weight, nn.Parameter)
    assert not module.training
    assert not module.norm.training


def test_equal_modules_have_equal_hashes():
    module = Tied()
    expected = hash_of(module)
    twin = copy.deepcopy(module)
    assert hash_of(twin) == expected
    twin.eval()
    twin.first(torch.ones(2, 3)).sum().backward()
    assert hash_of(twin) == expected
    assert hash_of(pickle.loads(pickle.dumps(Holder(module=module))).module) == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda module: module.first.weight[0, 0].add_(1),
        lambda module: module.norm.running_mean.add_(1),
        lambda module: module.steps.add_(1),
        lambda module: module.containers[1]["half"].add_(1),
        lambda module: module.containers[2][0].add_(1),
        lambda module: next(iter(module.group)).add_(1),
        lambda module: module.first.bias.requires_grad_(True),
        lambda module: setattr(module, "steps", module.steps.double()),
        lambda module: setattr(module.norm, "momentum", 0.5),
    ],
)
def test_other_modules_have_other_hashes(change):
    module = Tied()
    expected = hash_of(module)
    with torch.no_grad():
        change(module)
    assert hash_of(module) != expected


def test_attributes_that_are_not_parameters_are_pickled_as_they_are():
    holder = Holder()
    holder.fitted_ = nn.Linear(1, 1)
    state = holder.__getstate__()
    assert isinstance(state["fitted_"], nn.Linear)
    assert isinstance(Holder(module=nn.Linear(1, 1)).__getstate__()["module"], ModuleValue)


def test_a_value_does_not_follow_the_module():
    module = Tied()
    value = ModuleValue.of(module)
    with torch.no_grad():
        module.first.weight.zero_()
    assert value.build().first.weight.any()
