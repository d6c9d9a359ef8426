"""Annotated fields are the hyper-parameters: the base of every estimator and recipe."""

import dataclasses
import math
import numbers
from collections.abc import Callable
from typing import Any, Self, dataclass_transform

from sklearn.base import BaseEstimator
from torch import nn

from sklearn_ssl._parameters.docs import inherit_parameter_docs
from sklearn_ssl._parameters.module_value import ModuleValue

# The parameters are called `default` and `default_factory` because type checkers look for these names.


def recipe(default_factory: Callable[..., Any], needs: str | None = None) -> Any:
    """Declare a field that holds a recipe.

    Parameters
    ----------
    default_factory : callable
        ``default_factory()`` is what None stands for.
    needs : str or None, default=None
        Name of a method that every recipe in this field has.
    """
    return dataclasses.field(default=None, metadata={"recipe": default_factory, "needs": needs})


def number(default: Any, *, above=None, least=None, most=None, below=None, integer=False, or_else=()) -> Any:
    """Declare a numeric field with its range; `or_else` lists the other values that are allowed."""
    limit = _Range(above=above, least=least, most=most, below=below, integer=integer, or_else=tuple(or_else))
    return dataclasses.field(default=default, metadata={"allowed": limit})


def choice(*options: Any, default: Any = None) -> Any:
    """Declare a field that takes one of a few values."""
    default = options[0] if default is None else default
    return dataclasses.field(default=default, metadata={"allowed": _Options(options)})


def positional(field: Any) -> Any:
    """Let a field, as `number`, `choice` or `recipe` declare it, be given without its name."""
    field.kw_only = False
    return field


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Range:
    above: float | None
    least: float | None
    most: float | None
    below: float | None
    integer: bool
    or_else: tuple

    def __contains__(self, value: Any) -> bool:
        if any(value is other or (isinstance(other, str) and value == other) for other in self.or_else):
            return True
        if isinstance(value, bool) or not isinstance(value, numbers.Integral if self.integer else numbers.Real):
            return False
        value = float(value)
        return bool(
            (self.above is None or value > self.above)
            and (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.below is None or value < self.below)
            and math.isfinite(value)
        )

    def __str__(self) -> str:
        bounds = [("above", self.above), ("at least", self.least), ("at most", self.most), ("below", self.below)]
        words = " and ".join(f"{word} {bound}" for word, bound in bounds if bound is not None)
        kind = "a whole number" if self.integer else "a number"
        return " or ".join([f"{kind} {words}".strip(), *(repr(other) for other in self.or_else)])


@dataclasses.dataclass(frozen=True)
class _Options:
    options: tuple

    def __contains__(self, value: Any) -> bool:
        return any(isinstance(value, type(option)) and value == option for option in self.options)  # also numpy.str_

    def __str__(self) -> str:
        return "one of " + ", ".join(repr(option) for option in self.options)


@dataclass_transform(
    kw_only_default=True, eq_default=False, field_specifiers=(recipe, number, choice, dataclasses.field)
)
class Hyperparameters(BaseEstimator):
    """Base of everything that has hyper-parameters: its annotated fields are its constructor's parameters.

    A subclass writes ``name: type = default`` and gets a real signature, `get_params`, `set_params` and `clone`.
    Parameters that the subclass does not document itself are documented by its parents.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclasses.dataclass(kw_only=True, eq=False, repr=False)(cls)
        inherit_parameter_docs(cls)

    def resolved(self, name: str) -> Any:
        """Return the value of a field, with its default recipe in place of None."""
        value = getattr(self, name)
        default = self._default_recipe(name)
        return default() if value is None and default is not None else value

    def set_params(self, **params: Any) -> Self:
        """Set parameters, also nested ones such as ``encoder__depth`` while ``encoder`` is None.

        Parameters
        ----------
        **params : dict
            Names and values. A nested name whose outer field is None is set on that field's default recipe.

        Returns
        -------
        self : object
            This object.

        Raises
        ------
        ValueError
            If a name is not a parameter.
        """
        for outer in {name.partition("__")[0] for name in params if "__" in name}:
            default = self._default_recipe(outer)
            if default is not None and params.get(outer, getattr(self, outer)) is None:
                params = {**params, outer: default()}
        return super().set_params(**params)

    def check_hyperparameters(self) -> None:
        """Raise a ValueError naming the first parameter outside its range, here or in a nested recipe."""
        for field in dataclasses.fields(self):
            value, allowed = getattr(self, field.name), field.metadata.get("allowed")
            if allowed is not None and value not in allowed:
                raise ValueError(f"{type(self).__name__}: `{field.name}` must be {allowed}, got {value!r}.")
            needs = field.metadata.get("needs")
            if needs is not None and value is not None and (isinstance(value, type) or not hasattr(value, needs)):
                where, example = f"{type(self).__name__}: `{field.name}`", field.metadata["recipe"]()
                raise TypeError(f"{where} must be None or an object such as {example!r}, got {value!r}.")
            if isinstance(value, Hyperparameters):
                value.check_hyperparameters()

    def _default_recipe(self, name: str) -> Callable[[], Any] | None:
        field = type(self).__dataclass_fields__.get(name)
        return None if field is None else field.metadata.get("recipe")

    def __getstate__(self) -> dict:
        # A module inside a hyper-parameter is stored by value, so that joblib.hash sees weights and not addresses.
        names = type(self).__dataclass_fields__
        return {
            key: ModuleValue.of(value) if key in names and isinstance(value, nn.Module) else value
            for key, value in super().__getstate__().items()
        }

    def __setstate__(self, state: dict) -> None:
        super().__setstate__(
            {key: value.build() if isinstance(value, ModuleValue) else value for key, value in state.items()}
        )
