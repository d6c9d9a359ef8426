"""Fields become parameters, and their values are checked."""

import pickle
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from sklearn_ssl._parameters.hyperparameters import (
    Hyperparameters,
    choice,
    function,
    mark,
    names,
    number,
    recipe,
)
from sklearn_ssl._parameters.ranges import as_names
from sklearn_ssl._parameters.shown import shown


class Inner(Hyperparameters):
    """An inner recipe."""

    depth: int = number(default=3, least=1, integer=True)

    def build(self):
        """Return something."""


class Outer(Hyperparameters):
    """An outer object."""

    inner: Any = recipe(default_factory=Inner)
    rate: float = number(default=0.5, above=0, most=1)
    mode: str = choice("slow", "fast", default="slow")


class Child(Outer):
    """A child with another default."""

    rate: float = 0.25
    extra: Any = number(default="auto", least=2, integer=True, or_else=("auto",))


class Every(Hyperparameters):
    """A field of each kind."""

    above: float = number(default=1, above=0)
    least: float = number(default=1, least=0)
    most: float = number(default=0, most=1)
    below: float = number(default=0, below=1)
    whole: int = number(default=1, integer=True)
    any_number: float = number(default=1.0)
    other: Any = number(default=None, least=0, or_else=(None, "auto"))
    option: Any = choice(1, "one", True, default=1)
    loose: Any = names("a", "b", default=("a",), distinct=False)
    distinct: Any = names("a", "b", default=("a",))
    built: Any = recipe(default_factory=Inner, needs="build")
    called: Any = function(round, ndigits=1)
    unlabelled: Any = mark(default=-1)


def test_fields_are_keyword_parameters():
    assert Child(rate=1).get_params(deep=False) == {"inner": None, "rate": 1, "mode": "slow", "extra": "auto"}
    with pytest.raises(TypeError, match="positional argument"):
        Outer(Inner())


def test_a_positional_field_comes_with_and_without_its_name():
    class Wrapper(Hyperparameters):
        """A wrapper."""

        inner: Any = recipe(default_factory=Inner, kw_only=False)
        rate: float = number(default=0.5)

    inner = Inner()
    assert Wrapper(inner).inner is inner
    assert Wrapper(inner=inner, rate=1).inner is inner
    with pytest.raises(TypeError, match="positional argument"):
        Wrapper(inner, 1)


def test_values_survive_pickling():
    child = pickle.loads(pickle.dumps(Child(inner=Inner(depth=4), rate=1, extra=5)))
    assert repr(child) == "Child(extra=5, inner=Inner(depth=4), rate=1)"


def test_metadata_routing_works():
    class Weighted(Hyperparameters):
        """An estimator that takes weights."""

        def fit(self, X, y=None, sample_weight=None):
            """Fit nothing."""

    assert hasattr(Weighted, "set_fit_request")


def test_objects_are_compared_by_identity_and_shown_as_scikit_learn_does():
    assert Inner() != Inner()
    assert repr(Inner(depth=4)) == "Inner(depth=4)"


def test_a_nested_name_first_sets_the_default_recipe():
    outer = Outer().set_params(inner__depth=5)
    assert outer.inner.depth == 5
    assert Outer().inner is None, "the default was shared"
    assert clone(outer).inner.depth == 5


def test_a_nested_name_together_with_its_outer_one():
    assert Outer().set_params(inner=None, inner__depth=4).inner.depth == 4
    inner = Inner(depth=9)
    outer = Outer().set_params(inner=inner, inner__depth=4)
    assert outer.inner is inner
    assert inner.depth == 4
    assert outer.set_params(inner__depth=2).inner is inner
    assert Outer(inner=inner).set_params(inner=None).inner is None


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="dept"):
        Outer().set_params(inner__dept=5)
    with pytest.raises(ValueError, match="iner"):
        Outer().set_params(iner__depth=5)


def test_none_is_resolved_to_the_default_recipe():
    assert Outer().resolved("inner").depth == 3
    assert Outer(inner=0).resolved("inner") == 0
    assert Child().resolved("extra") == "auto"
    assert Every().resolved("other") is None


def test_a_function_has_its_arguments_by_default():
    assert Every().resolved("called")(2.345) == 2.3
    assert Every(called=abs).resolved("called") is abs
    assert Every().called is None


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("above", [1e-9, 5, np.float32(0.5), np.int64(2)], [0, -1, float("inf"), float("nan"), "1", None, True, [1]]),
        ("least", [0, 1e9], [-1e-9, -float("inf"), 1j]),
        ("most", [1, -5], [1.001, float("-inf")]),
        ("below", [0.999], [1, 2]),
        ("whole", [-3, 0, np.int32(4)], [1.0, 0.5, np.float64(2), False]),
        ("any_number", [-1.5, 7, 1e30], [float("nan"), float("inf"), None]),
        ("other", [None, "auto", np.str_("auto"), 0], ["Auto", -1, False, np.array([1, 2])]),
        ("option", [1, "one", True, np.str_("one")], [1.0, 2, "two", None, [1]]),
        ("loose", ["a", ("b",), ["a", "b"], ("a", "a"), (np.str_("b"),)], ["c", (), [], ("a", "c"), (1,), 3, None]),
        (
            "distinct",
            ["b", ("b", "a"), ["a"]],
            [("a", "a"), ["b", "a", "b"], "ab", (), ([],), {"a"}, (np.array(["a", "b"]),)],
        ),
    ],
)
def test_ranges(name, right, wrong):
    for value in right:
        Every(**{name: value}).check_hyperparameters()
    for value in wrong:
        with pytest.raises(ValueError, match=f"Every: `{name}` must be"):
            Every(**{name: value}).check_hyperparameters()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"above": -1}, "Every: `above` must be a number above 0, got -1."),
        ({"least": -1}, "Every: `least` must be a number at least 0, got -1."),
        ({"most": 2}, "Every: `most` must be a number at most 1, got 2."),
        ({"below": 2}, "Every: `below` must be a number below 1, got 2."),
        ({"whole": 0.5}, "Every: `whole` must be a whole number, got 0.5."),
        ({"any_number": "x"}, "Every: `any_number` must be a number, got 'x'."),
        ({"other": -1}, "Every: `other` must be a number at least 0 or None or 'auto', got -1."),
        ({"option": "two"}, "Every: `option` must be one of 1, 'one', True, got 'two'."),
        ({"loose": "c"}, "Every: `loose` must be one of, or a non-empty tuple of, 'a', 'b', got 'c'."),
        (
            {"distinct": "c"},
            "Every: `distinct` must be one of, or a non-empty tuple of different ones of, 'a', 'b', got 'c'.",
        ),
    ],
)
def test_messages(parameters, message):
    with pytest.raises(ValueError, match="must be") as error:
        Every(**parameters).check_hyperparameters()
    assert str(error.value) == message


def test_two_bounds_in_a_message():
    with pytest.raises(ValueError, match="Outer: `rate` must be a number above 0 and at most 1, got -1"):
        Outer(rate=-1).check_hyperparameters()


def test_nested_recipes_are_checked():
    with pytest.raises(ValueError, match="Inner: `depth` must be a whole number at least 1, got 0"):
        Outer(inner=Inner(depth=0)).check_hyperparameters()


@pytest.mark.parametrize("value", [3, "inner", Inner, Outer()])
def test_an_object_without_the_method_that_is_needed(value):
    with pytest.raises(TypeError, match=r"Every: `built` must be None or an object such as Inner\(\), got ") as error:
        Every(built=value).check_hyperparameters()
    assert str(error.value).endswith(f"got {value!r}.")
    Every(built=Inner()).check_hyperparameters()
    Outer(inner=value).check_hyperparameters()  # needs no method


def test_a_function_must_be_callable():
    Every(called=partial(round, ndigits=3)).check_hyperparameters()
    with pytest.raises(TypeError, match="Every: `called` must be None or an object such as functools"):
        Every(called=3).check_hyperparameters()


def test_options_from_an_array_of_a_search():
    Outer(mode=np.array(["fast"])[0], rate=np.float32(0.5)).check_hyperparameters()


def test_the_first_option_is_the_default():
    assert Every().option == 1
    assert Outer().mode == "slow"


def test_a_name_alone_is_a_tuple_of_one():
    assert as_names("mean") == ("mean",)
    assert as_names(["mean", "max"]) == ("mean", "max")


def test_long_values_are_cut_to_a_line():
    assert shown("x" * 98) == repr("x" * 98)
    assert shown("x" * 99) == "'" + "x" * 96 + "..."
    assert shown(np.zeros((2, 2))) == "array([[0., 0.], [0., 0.]])"
    with pytest.raises(ValueError, match=r"`whole` must be .*\.\.\.\.$") as error:
        Every(whole=list(range(1000))).check_hyperparameters()
    assert len(str(error.value)) < 200


GIVEN = {
    "np.float64": (np.float64(0.25), float),
    "np.float32": (np.float32(0.25), float),
    "np.float16": (np.float16(0.25), float),
    "np.longdouble": (np.longdouble(0.25), float),
    "0-d array": (np.array(0.25), float),
    "0-d tensor": (torch.tensor(0.25), float),
    "fraction": (Fraction(1, 4), float),
    "np.uint16": (np.uint16(320), int),
    "np.int64": (np.int64(320), int),
    "0-d array of whole numbers": (np.array(320), int),
    "0-d tensor of whole numbers": (torch.tensor(3), int),
}


@pytest.mark.parametrize("kind", GIVEN)
def test_scalars_of_grids_are_read_as_numbers_of_python(kind):
    value, python = GIVEN[kind]
    name = "whole" if python is int else "any_number"
    copied = clone(pickle.loads(pickle.dumps(Every(**{name: value}))))
    copied.check_hyperparameters()
    assert type(getattr(copied, name)) is python
    assert getattr(copied, name) == value
    every = Every(**{name: value})
    assert every.get_params()[name] is value
    assert every.set_params(whole=7).get_params()[name] is (value if name != "whole" else 7)


def test_texts_and_truths_of_numpy_are_read_as_those_of_python():
    every = Every(option=np.True_, other=np.str_("auto"), loose=np.str_("b"))
    every.check_hyperparameters()
    assert every.option is True
    assert (type(every.other), type(every.loose)) == (str, str)
    assert clone(every).get_params()["option"] is np.True_
    assert Every.option == 1, "the class shows the default"


@pytest.mark.parametrize("value", [np.array(2.0), np.uint8(2), torch.tensor(2.0), 10**400, Fraction(3, 2)])
def test_scalars_of_grids_out_of_range(value):
    for name in ("most", "below"):
        with pytest.raises(ValueError, match=f"`{name}` must be"):
            Every(**{name: value}).check_hyperparameters()


def test_a_subclass_that_changes_a_default_keeps_the_range():
    assert Child().rate == 0.25
    with pytest.raises(ValueError, match="Child: `rate` must be a number above 0 and at most 1, got 2"):
        Child(rate=2).check_hyperparameters()
    assert type(Child(rate=np.float32(0.5)).rate) is float


def test_the_mark_of_a_field():
    for value in (-1, np.int64(-1), "?", None, np.nan, pd.NA, 0.5):
        Every(unlabelled=value).check_hyperparameters()
    for value in ([-1], (), {}, abs, np.arange(2)):
        with pytest.raises(ValueError, match="Every: `unlabelled` must be a number, a text or None"):
            Every(unlabelled=value).check_hyperparameters()


@pytest.mark.parametrize("value", [1e31, -1e308, np.float64(1e38)])
def test_numbers_that_single_precision_cannot_hold_are_refused(value):
    with pytest.raises(ValueError, match=r"Every: `any_number` is larger than 1e\+30, which overflows in single"):
        Every(any_number=value).check_hyperparameters()
