import numpy as np
import pandas as pd
import pytest
import torch

from sklearn_ssl._parameters import arguments
from sklearn_ssl._parameters.shown import on_one_line, shown

WRONG = [-1, np.nan, np.inf, 10**400, 10**5000, 1j, None, "x", "x" * 999, (), {}, pd.NA, torch.ones(2), dict]
WRONG += [pd.DataFrame({"a": [1]}), np.array([1.0, 2.0])]
CHECKS = {
    "a whole number": lambda value: arguments.check_whole_number("n", value, least=1),
    "a finite number above 0": lambda value: arguments.check_positive("n", value),
    "a finite number of at least 0": lambda value: arguments.check_not_negative("n", value),
    "one of 'a', 'b'": lambda value: arguments.check_choice("n", value, "a", "b"),
    "True or False": lambda value: arguments.check_flag("n", value),
}


@pytest.mark.parametrize("value", WRONG, ids=lambda value: on_one_line(shown(value), 20))
@pytest.mark.parametrize("needed", CHECKS)
def test_wrong_values_are_named_on_one_line(needed, value):
    with pytest.raises(ValueError, match=f"`n` must be {needed}.*, got ") as raised:
        CHECKS[needed](value)
    assert len(str(raised.value)) < 250


@pytest.mark.parametrize("value", [1, np.int8(1), 2**31 - 1])
def test_whole_numbers(value):
    arguments.check_whole_number("n", value, least=1)
    arguments.check_whole_number("n", None, least=1, none=True)


@pytest.mark.parametrize("random_state", [-1, 2**32, 1.0, "x" * 999, [0.1] * 999, dict])
def test_wrong_random_states(random_state):
    with pytest.raises(ValueError, match="`random_state` must be a whole number of at least 0 and below"):
        arguments.checked_random_state(random_state)


class NoText:
    def __repr__(self):
        raise RuntimeError


def test_values_without_a_text_have_a_message():
    assert shown(NoText()) == "an object of the type NoText"
