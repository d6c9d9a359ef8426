import copy
import pickle
from typing import Any

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from sklearn_ssl._parameters.hyperparameters import Hyperparameters, choice, number, recipe


class Inner(Hyperparameters):
    """An inner recipe.

    Parameters
    ----------
    depth : int, default=3
        Depth.
    """

    depth: int = number(default=3, least=1, integer=True)


class Outer(Hyperparameters):
    """An outer object.

    Parameters
    ----------
    inner : Inner, default=None
        The inner recipe.
    rate : float, default=0.5
        A rate.
    """

    inner: Any = recipe(default_factory=Inner)
    rate: float = number(default=0.5, above=0, most=1)
    mode: str = choice("slow", "fast", default="slow")


class Child(Outer):
    """A child with another default.

    Parameters
    ----------
    extra : int or "auto", default="auto"
        More.

    Examples
    --------
    >>> Child()
    Child()
    """

    rate: float = 0.25
    extra: Any = number(default="auto", least=2, integer=True, or_else=("auto",))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.norm = nn.BatchNorm1d(3)
        self.first.bias.requires_grad_(False)


def test_fields_are_keyword_parameters():
    assert Child(rate=1).get_params(deep=False) == {"inner": None, "rate": 1, "mode": "slow", "extra": "auto"}
    with pytest.raises(TypeError):
        Outer(Inner())


def test_nested_name_materialises_the_default_recipe():
    outer = Outer().set_params(inner__depth=5)
    assert outer.inner.depth == 5
    assert Outer().inner is None, "the default was shared"
    assert clone(outer).inner.depth == 5


def test_nested_name_beside_an_explicit_value():
    assert Outer().set_params(inner=None, inner__depth=4).inner.depth == 4
    assert Outer().set_params(inner=Inner(depth=9), inner__depth=4).inner.depth == 4


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="dept"):
        Outer().set_params(inner__dept=5)
    with pytest.raises(ValueError, match="iner"):
        Outer().set_params(iner__depth=5)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"rate": -1}, "`rate` must be a number above 0 and at most 1, got -1"),
        ({"rate": "x"}, "`rate`"),
        ({"rate": float("nan")}, "`rate`"),
        ({"rate": True}, "`rate`"),
        ({"mode": "medium"}, "`mode` must be one of 'slow', 'fast', got 'medium'"),
        ({"inner": Inner(depth=0)}, "Inner: `depth` must be a whole number at least 1, got 0"),
        ({"inner": Inner(depth=1.5)}, "`depth`"),
    ],
)
def test_ranges(parameters, message):
    with pytest.raises(ValueError, match=message):
        Outer(**parameters).check_hyperparameters()


def test_options_from_an_array_of_a_search():
    Outer(mode=np.array(["fast"])[0], rate=np.float32(0.5)).check_hyperparameters()


def test_alternatives_to_a_number():
    Child(extra=2).check_hyperparameters()
    with pytest.raises(ValueError, match="or 'auto'"):
        Child(extra="automatic").check_hyperparameters()


def test_parameter_docs_are_inherited_once():
    assert Child.__doc__.count("inner : Inner") == 1
    assert Child.__doc__.index("extra :") < Child.__doc__.index("rate :") < Child.__doc__.index("Examples")


def test_module_survives_pickling_with_ties_and_frozen_weights():
    module = Tied()
    back = pickle.loads(pickle.dumps(Outer(inner=module))).inner
    assert back.first.weight is back.second.weight
    assert not back.first.bias.requires_grad
    for name, tensor in module.state_dict().items():
        torch.testing.assert_close(back.state_dict()[name], tensor)


def test_hash_of_plain_tensors_in_a_module():
    module = Tied()
    module.steps, module.both = torch.arange(3.0), [module.first.weight, {"half": torch.ones(2, dtype=torch.bfloat16)}]
    expected = joblib.hash(Outer(inner=module))
    back = pickle.loads(pickle.dumps(Outer(inner=module))).inner
    assert joblib.hash(Outer(inner=back)) == expected == joblib.hash(Outer(inner=copy.deepcopy(module)))
    assert back.both[0] is back.first.weight is back.second.weight
    assert back.both[1]["half"].dtype == torch.bfloat16
    back.steps += 1
    assert joblib.hash(Outer(inner=back)) != expected


def test_hash_depends_on_weights_alone():
    module = Tied()
    expected = joblib.hash(Outer(inner=module))
    twin = copy.deepcopy(module)
    assert joblib.hash(Outer(inner=twin)) == expected
    twin.eval()
    twin.first(torch.ones(2, 3)).sum().backward()
    assert joblib.hash(Outer(inner=twin)) == expected
    assert joblib.hash(pickle.loads(pickle.dumps(Outer(inner=module)))) == expected
    with torch.no_grad():
        twin.first.weight[0, 0] += 1
    assert joblib.hash(Outer(inner=twin)) != expected
