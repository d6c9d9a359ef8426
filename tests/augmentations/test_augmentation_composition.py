"""Compositions: order, parameters at any depth, names of steps and probabilities."""

import pickle

import joblib
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from sklearn_ssl.augmentations import Augmentation, Compose, Jitter, OneOf, Permutation, RandomApply, Scaling, SignFlip


class Add(Augmentation):
    amount: float = 1.0

    def draw(self, x, lengths):
        return {"share": torch.rand(len(x))}

    def apply(self, x, lengths, draws):
        return x + self.amount


class Double(Augmentation):
    def draw(self, x, lengths):
        return {}

    def apply(self, x, lengths, draws):
        return 2 * x


def nested():
    return Compose(first=Jitter(), then=OneOf(a=Compose(deep=RandomApply(Scaling())), b=SignFlip()))


def test_steps_are_applied_in_order():
    x = torch.ones(1, 1, 1)
    assert Compose(add=Add(), double=Double())(x).item() == 4
    assert Compose(double=Double(), add=Add())(x).item() == 3
    assert Compose(double=Double(), off=None, also="passthrough", add=Add())(x).item() == 3


def test_steps_do_not_share_draws():
    x = torch.zeros(3, 2, 50)
    draws = Compose(a=Jitter(), b=Jitter()).draw(x, torch.full((3,), 50))
    assert not torch.equal(draws["a"]["noise"], draws["b"]["noise"])


def test_composition_is_the_composition_of_what_is_drawn_in_turn():
    x = torch.randn(4, 2, 30)
    first, second = Permutation(), Scaling()
    torch.manual_seed(5)
    y = Compose(first=first, second=second)(x)
    torch.manual_seed(5)
    assert torch.equal(y, second(first(x)))


@pytest.mark.parametrize("make", [Compose, OneOf])
def test_clone_keeps_the_steps(make):
    original = make(jitter=Jitter(sigma=0.3), off=None, passed="passthrough")
    copy = clone(original)
    assert list(copy.steps) == ["jitter", "off", "passed"]
    assert copy.steps["jitter"] is not original.steps["jitter"]
    assert copy.steps["jitter"].sigma == 0.3
    copy.set_params(jitter__sigma=0.9, off=Scaling())
    assert original.steps["jitter"].sigma == 0.3
    assert original.steps["off"] is None


def test_parameters_at_any_depth():
    composition = nested()
    assert composition.get_params(deep=False) == {
        "first": composition.steps["first"],
        "then": composition.steps["then"],
    }
    assert {"first__sigma", "then__a__deep__augmentation__sigma", "then__probabilities"} <= set(
        composition.get_params()
    )
    composition.set_params(first__sigma=0.7, then__a__deep__augmentation__sigma=0.8, then__probabilities=(0.5, 0.5))
    params = composition.get_params()
    assert params["first__sigma"] == 0.7
    assert params["then__a__deep__augmentation__sigma"] == 0.8
    assert params["then__probabilities"] == (0.5, 0.5)


def test_every_parameter_can_be_set_to_itself():
    composition = nested()
    before = repr(composition)
    composition.set_params(**composition.get_params())
    assert repr(composition) == before


def test_a_grid_replaces_and_switches_off_steps():
    grid = ParameterGrid(
        [
            {"order": [None, "passthrough"], "jitter__sigma": [0.1, 0.2]},
            {"jitter": [Scaling()], "jitter__sigma": [0.3], "order__n_segments": [2]},
        ]
    )
    seen = []
    for params in grid:
        composition = clone(Compose(jitter=Jitter(), order=Permutation())).set_params(**params)
        composition(torch.randn(2, 1, 9))
        seen.append((type(composition.steps["jitter"]).__name__, composition.steps["jitter"].sigma))
    assert sorted(seen) == [("Jitter", 0.1), ("Jitter", 0.1), ("Jitter", 0.2), ("Jitter", 0.2), ("Scaling", 0.3)]


def test_replacing_a_step_keeps_the_order():
    composition = Compose(a=Add(), b=Double()).set_params(a=Add(amount=5.0))
    assert list(composition.steps) == ["a", "b"]
    assert composition(torch.zeros(1, 1, 1)).item() == 10


@pytest.mark.parametrize("name", ["unheard_of", "unheard_of__sigma", "jitter__unheard_of"])
@pytest.mark.parametrize("make", [Compose, OneOf])
def test_unknown_parameters(make, name):
    composition = make(jitter=Jitter())
    with pytest.raises(ValueError, match="unheard_of"):
        composition.set_params(**{"jitter": Scaling(), name: 1})


def test_parameters_of_a_step_that_is_switched_off():
    for off in (None, "passthrough"):
        with pytest.raises(ValueError, match=rf"'jitter__sigma' for Compose: 'jitter' is {off!r}"):
            Compose(jitter=off).set_params(jitter__sigma=0.1)
    with pytest.raises(ValueError, match="probabilities__sigma"):
        OneOf(a=Jitter()).set_params(probabilities__sigma=0.1)
    assert Compose(jitter=None).set_params(jitter=Jitter(), jitter__sigma=0.4).steps["jitter"].sigma == 0.4


@pytest.mark.parametrize("name", ["apply", "draw", "steps", "named", "get_params", "p", "lengths"])
def test_a_step_can_have_any_name(name):
    composition = clone(Compose(**{name: Jitter()})).set_params(**{f"{name}__sigma": 0.0})
    assert composition(torch.ones(1, 1, 2)).sum() == 2


def test_steps_are_shown():
    assert repr(Compose(a=Jitter(sigma=0.3), b=None)) == "Compose(a=Jitter(sigma=0.3), b=None)"
    assert repr(OneOf(a=Jitter())) == "OneOf(a=Jitter())"
    assert repr(OneOf(a=Jitter(), probabilities=(1.0,))) == "OneOf(a=Jitter(), probabilities=(1.0,))"
    assert repr(RandomApply(Jitter())) == "RandomApply(augmentation=Jitter())"
    assert repr(Compose(z=Jitter(), a=Scaling())) == "Compose(z=Jitter(), a=Scaling())"
    assert repr(Compose(z=nested(), a=nested())).splitlines()[:3] == [
        "Compose(",
        "    z=Compose(",
        "        first=Jitter(),",
    ]
    html = nested()._repr_html_()
    assert "Compose" in html
    assert "first__sigma" in html


def test_equal_compositions_have_equal_hashes():
    assert joblib.hash(nested()) == joblib.hash(clone(nested())) == joblib.hash(pickle.loads(pickle.dumps(nested())))
    assert joblib.hash(nested()) != joblib.hash(nested().set_params(first__sigma=0.9))


@pytest.mark.parametrize("bad", [3, Jitter, "jitter", lambda x: x])
@pytest.mark.parametrize("make", [Compose, OneOf])
def test_steps_must_be_augmentations(make, bad):
    composition = make(good=Jitter(), wrong=bad)
    for check in (composition.check_hyperparameters, lambda: composition(torch.zeros(1, 1, 2))):
        with pytest.raises(TypeError, match=rf"{make.__name__}: step 'wrong' must be an Augmentation"):
            check()


def test_parameters_can_be_read_and_set_while_a_step_is_wrong():
    composition = Compose(a=Jitter, b=Scaling())
    assert set(composition.get_params()) == {"a", "b", "b__sigma"}
    composition.set_params(a=Jitter(), b__sigma=0.5).check_hyperparameters()


def test_a_failed_change_changes_nothing():
    composition = Compose(a=Jitter(), b=None)
    for wrong in ("unheard_of", "b__sigma"):
        with pytest.raises(ValueError, match=wrong):
            composition.set_params(**{"a": Scaling(), wrong: 1})
    assert repr(composition) == "Compose(a=Jitter(), b=None)"


def test_a_class_in_place_of_an_augmentation_is_explained():
    with pytest.raises(TypeError, match=r"Call the class: Jitter\(\)"):
        RandomApply(Jitter)(torch.zeros(1, 1, 2))


def test_the_names_of_steps_have_no_double_underscores():
    with pytest.raises(ValueError, match="a__b"):
        Compose(a__b=Jitter()).check_hyperparameters()


def test_steps_are_checked_at_any_depth():
    with pytest.raises(ValueError, match=r"Scaling: `sigma` must be a number at least 0, got -1"):
        nested().set_params(then__a__deep__augmentation__sigma=-1).check_hyperparameters()


def test_one_of_takes_each_step_with_its_probability():
    x = torch.zeros(5000, 1, 1)
    y = OneOf(a=Add(amount=1.0), b=None, c=Add(amount=2.0), probabilities=(0.2, 0.5, 0.3))(x)
    values, counts = y.unique(return_counts=True)
    assert values.tolist() == [0, 1, 2]
    assert (counts / 5000).tolist() == pytest.approx([0.5, 0.2, 0.3], abs=0.03)
    even = OneOf(a=Add(amount=1.0), b=None)(x)
    assert even.mean().item() == pytest.approx(0.5, abs=0.03)


def test_one_of_never_takes_a_step_of_probability_zero():
    x = torch.zeros(2000, 1, 1)
    for shares, expected in [((0.0, 1.0), 2.0), ((1.0, 0.0), 1.0)]:
        assert (OneOf(a=Add(amount=1.0), b=Add(amount=2.0), probabilities=shares)(x) == expected).all()


@pytest.mark.parametrize("probabilities", [(1.0,), (0.5, 0.6), (1.5, -0.5), (0.5, float("nan")), (), 1.0, ("a", "b")])
def test_probabilities_must_fit_the_steps(probabilities):
    with pytest.raises(ValueError, match=r"`probabilities` must be 2 numbers"):
        OneOf(a=Jitter(), b=Scaling(), probabilities=probabilities).check_hyperparameters()


def test_one_of_nothing():
    with pytest.raises(ValueError, match="at least one augmentation"):
        OneOf()(torch.zeros(1, 1, 2))


def test_random_apply_takes_its_augmentation_by_position():
    some = RandomApply(Add(), p=0.3)
    assert some(torch.zeros(5000, 1, 1)).mean().item() == pytest.approx(0.3, abs=0.03)
    with pytest.raises(ValueError, match=r"RandomApply: `p` must be"):
        RandomApply(Add(), p=1.3)(torch.zeros(1, 1, 1))
    with pytest.raises(TypeError, match="RandomApply: `augmentation` must be an Augmentation, got 3"):
        RandomApply(3)(torch.zeros(1, 1, 1))
