"""Recipes as JSON: names of a fixed list, and plain values."""

import dataclasses
import inspect
import numbers
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

from sklearn_ssl import encoders
from sklearn_ssl._parameters.hyperparameters import Hyperparameters
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.encoders import Encoder
from sklearn_ssl.pooling import Pooling

ENCODERS: dict[str, type] = {
    name: recipe
    for name, recipe in vars(encoders).items()
    if inspect.isclass(recipe) and issubclass(recipe, Encoder) and not inspect.isabstract(recipe)
}
POOLINGS: dict[str, type] = {"Pooling": Pooling}
INSTEAD = "Store the estimator with joblib.dump instead, and load it only where you trust the file."
PLAIN = (str, bool, int, float, type(None))
SMALL_SIZE, FEW_LAYERS = 1024, 64  # a module of such a size, or of so many layers, costs little
MOST_LEVELS = 4


class Limits(NamedTuple):
    """What the parameters of a recipe can be at most, given the tensors that its module has.

    Attributes
    ----------
    size : int
        Largest whole number. Each size of a module is at most twice the longest side of one of its tensors.
    n_layers : int
        Largest product of the depth and the lengths of lists, such as kernel sizes. Each layer has a tensor.
    n_levels : int
        How many recipes can be inside of each other.
    """

    size: int
    n_layers: int
    n_levels: int = MOST_LEVELS

    @classmethod
    def of(cls, shapes: Iterable[tuple[int, ...]]) -> Self:
        """Return the limits for tensors of these shapes."""
        shapes = list(shapes)
        longest = max((side for shape in shapes for side in shape), default=0)
        return cls(max(2 * longest, SMALL_SIZE), max(len(shapes), FEW_LAYERS))

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Raise a ValueError if a module with these parameters has more, or larger, tensors than there are."""
        n_layers = 1
        for field, value in parameters.items():
            values = value if isinstance(value, list) else [value]
            largest = max((one for one in values if isinstance(one, int)), default=0)
            n_layers *= len(value) if isinstance(value, list) else largest if field == "depth" else 1
            if largest > self.size:
                raise ValueError(f"a parameter, {field}, is {shown(largest)}, but its tensors allow {self.size}")
        if n_layers > self.n_layers:
            raise ValueError(f"its parameters make {shown(n_layers)} layers, but its tensors allow {self.n_layers}")
        if self.n_levels < 1:
            raise ValueError(f"more than {MOST_LEVELS} recipes are inside of each other")


def described(recipe: Any, known: Mapping[str, type]) -> dict[str, Any]:
    """Return a recipe as values that JSON knows.

    Parameters
    ----------
    recipe : Hyperparameters
        The recipe.
    known : dict of type
        The classes that the recipe may have, by name.

    Raises
    ------
    ValueError
        If the recipe is not of a known class, or has a parameter that is neither a plain value nor a recipe.
    """
    name = type(recipe).__name__
    cls: Any = known.get(name)
    if cls is not type(recipe):
        raise ValueError(
            f"Only recipes of sklearn_ssl can be stored in a file that is safe to load ({', '.join(known)}), got "
            f"{shown(recipe)}. {INSTEAD}"
        )
    fields = [field.name for field in dataclasses.fields(recipe)]
    return {"recipe": name, "parameters": {field: _as_json(recipe.resolved(field), name, field) for field in fields}}


def _as_json(value: Any, owner: str, field: str) -> Any:
    if isinstance(value, Hyperparameters):
        return described(value, ENCODERS)
    if isinstance(value, (tuple, list)):
        return [_as_json(one, owner, field) for one in value]
    if value is None or isinstance(value, (bool, str)):
        return str(value) if isinstance(value, str) else value  # numpy.str_ becomes str
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    raise ValueError(f"{owner}: `{field}` cannot be stored, got {shown(value)}. Use a number, a text or a recipe.")


def recipe_from(description: Any, known: Mapping[str, type], limits: Limits) -> Any:
    """Return the recipe that a description describes, and check its parameters.

    Parameters
    ----------
    description : object
        A result of `described`, or anything else that was in a file.
    known : dict of type
        The classes that the recipe may have, by name.
    limits : Limits
        What the parameters can be at most. Without limits a short file could ask for a module of any size.

    Raises
    ------
    ValueError, TypeError
        If the description does not describe a recipe of a known class with valid parameters.
    """
    if not isinstance(description, dict) or description.keys() != {"recipe", "parameters"}:
        raise ValueError("it has no recipe")
    name, parameters = description["recipe"], description["parameters"]
    if not isinstance(name, str) or name not in known or not isinstance(parameters, dict):
        raise ValueError(f"{shown(name)} is none of the recipes {', '.join(known)}")
    fields = {field.name for field in dataclasses.fields(known[name])}
    if not parameters.keys() <= fields:
        raise ValueError(f"{name} has no parameter {shown(', '.join(sorted(parameters.keys() - fields)))}")
    limits.check(parameters)
    inside = limits._replace(n_levels=limits.n_levels - 1)
    recipe = known[name](**{field: _from_json(value, field, inside) for field, value in parameters.items()})
    recipe.check_hyperparameters()
    return recipe


def _from_json(value: Any, field: str, limits: Limits) -> Any:
    if isinstance(value, dict):
        return recipe_from(value, ENCODERS, limits)
    if isinstance(value, list) and all(isinstance(one, PLAIN) for one in value):
        return tuple(value)
    if isinstance(value, PLAIN):
        return value
    raise ValueError(f"a parameter, {field}, is {shown(value)}")
