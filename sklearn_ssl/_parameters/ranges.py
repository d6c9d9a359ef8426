"""Ranges of values that a parameter may have."""

import dataclasses
import math
import numbers
from typing import Any

import pandas as pd


def as_names(value: Any) -> tuple[str, ...]:
    """Return the names in a field that `names` declares: a name alone is a tuple of one."""
    return (value,) if isinstance(value, str) else tuple(value)


@dataclasses.dataclass(frozen=True)
class Range:
    """Finite numbers between bounds, and other values that are allowed."""

    above: float | None = None
    least: float | None = None
    most: float | None = None
    below: float | None = None
    integer: bool = False
    or_else: tuple = ()

    def __contains__(self, value: Any) -> bool:
        if any(value is other or (isinstance(value, str) and value == other) for other in self.or_else):
            return True
        if isinstance(value, bool) or not isinstance(value, numbers.Integral if self.integer else numbers.Real):
            return False
        value = _as_float(value)
        if not math.isfinite(value):
            return False
        return bool(
            (self.above is None or value > self.above)
            and (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        bounds = [("above", self.above), ("at least", self.least), ("at most", self.most), ("below", self.below)]
        words = " and ".join(f"{word} {bound}" for word, bound in bounds if bound is not None)
        kind = "a whole number" if self.integer else "a number"
        return " or ".join([f"{kind} {words}".strip(), *(repr(other) for other in self.or_else)])


def _as_float(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:  # a whole number of more than 308 digits
        return math.inf


@dataclasses.dataclass(frozen=True)
class Options:
    """A few values."""

    options: tuple

    def __contains__(self, value: Any) -> bool:
        return any(isinstance(value, type(option)) and value == option for option in self.options)  # also numpy.str_

    def __str__(self) -> str:
        return "one of " + ", ".join(repr(option) for option in self.options)


@dataclasses.dataclass(frozen=True)
class Names:
    """One name, or a tuple of names."""

    options: tuple[str, ...]
    distinct: bool

    def __contains__(self, value: Any) -> bool:
        if not isinstance(value, (str, tuple, list)):
            return False
        given = as_names(value)
        known = all(isinstance(name, str) and name in self.options for name in given)
        return known and len(given) > 0 and not (self.distinct and len(set(given)) < len(given))

    def __str__(self) -> str:
        tuple_of = "a non-empty tuple of different ones of" if self.distinct else "a non-empty tuple of"
        return f"one of, or {tuple_of}, " + ", ".join(map(repr, self.options))


@dataclasses.dataclass(frozen=True)
class WholeNumbers:
    """Tuples of whole numbers."""

    least: int
    empty: bool

    def __contains__(self, value: Any) -> bool:
        if not isinstance(value, (tuple, list)):
            return False
        return (self.empty or len(value) > 0) and all(one in Range(least=self.least, integer=True) for one in value)

    def __str__(self) -> str:
        return f"a {'' if self.empty else 'non-empty '}tuple of whole numbers at least {self.least}"


class Mark:
    """All labels that can mark series whose class is unknown."""

    def __contains__(self, value: Any) -> bool:
        return value is None or isinstance(value, (str, numbers.Number)) or value is pd.NA

    def __str__(self) -> str:
        return "a number, a text or None"
