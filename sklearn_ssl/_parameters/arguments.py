"""Checks of the arguments of functions, which no field declares."""

import numbers
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._parameters.ranges import Options, Range
from sklearn_ssl._parameters.shown import shown

MOST = 2**31 - 1  # a larger number of anything neither fits into the memory nor ends in a lifetime


def check_whole_number(name: str, value: Any, *, least: int, most: int = MOST, what: str = "", none=False) -> None:
    """Raise a ValueError unless `value` is a whole number from `least` to `most`, or None if that is allowed."""
    if value not in Range(least=least, most=most, integer=True, or_else=(None,) if none else ()):
        too_many = isinstance(value, numbers.Integral) and int(value) > most
        bounds = f"from {least} to {most}{what}" if what or too_many else f"of at least {least}"
        raise ValueError(f"`{name}` must be a whole number {bounds}{' or None' if none else ''}, got {shown(value)}.")


def check_positive(name: str, value: Any) -> None:
    """Raise a ValueError unless `value` is a finite number above 0."""
    if value not in Range(above=0):
        raise ValueError(f"`{name}` must be a finite number above 0, got {shown(value)}.")


def check_not_negative(name: str, value: Any) -> None:
    """Raise a ValueError unless `value` is a finite number of at least 0."""
    if value not in Range(least=0):
        raise ValueError(f"`{name}` must be a finite number of at least 0, got {shown(value)}.")


def check_choice(name: str, value: Any, *options: Any) -> None:
    """Raise a ValueError unless `value` is one of a few texts."""
    if value not in Options(options):
        raise ValueError(f"`{name}` must be {Options(options)}, got {shown(value)}.")


def checked_random_state(random_state: Any) -> np.random.RandomState:
    """Return the random generator of a seed, of a generator, or of None, which is NumPy's global one.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    is_seed = isinstance(random_state, numbers.Integral) and 0 <= int(random_state) < 2**32
    if random_state is not None and not is_seed and not isinstance(random_state, np.random.RandomState):
        raise ValueError(
            "`random_state` must be a whole number of at least 0 and below 2**32, a numpy.random.RandomState or None, "
            f"got {shown(random_state)}."
        )
    return check_random_state(random_state)


def check_fitted(name: str, estimator: Any) -> None:
    """Raise a TypeError unless `estimator` is one, and a NotFittedError unless it is fitted."""
    if isinstance(estimator, type) or not hasattr(estimator, "fit"):
        raise TypeError(f"`{name}` must be a fitted estimator, got {shown(estimator)}.")
    check_is_fitted(estimator)


def check_flag(name: str, value: Any) -> None:
    """Raise a ValueError unless `value` is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"`{name}` must be True or False, got {shown(value)}.")
