"""Recipes as JSON: names of a fixed list, and plain values."""

import dataclasses
import inspect
import numbers
from collections.abc import Mapping
from typing import Any

from sklearn_ssl import encoders
from sklearn_ssl._parameters.hyperparameters import Hyperparameters
from sklearn_ssl.encoders import Encoder
from sklearn_ssl.pooling import Pooling

ENCODERS: dict[str, type] = {
    name: recipe
    for name, recipe in vars(encoders).items()
    if inspect.isclass(recipe) and issubclass(recipe, Encoder) and not inspect.isabstract(recipe)
}
POOLINGS: dict[str, type] = {"Pooling": Pooling}
PLAIN = (str, bool, int, float, type(None))
SMALL = 1 << 16  # as a size, such a number costs little memory


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
            f"{recipe!r}. Store the transformer with joblib.dump instead, and load it only where you trust the file."
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
    raise ValueError(f"{owner}: `{field}` cannot be stored, got {value!r}. Use a number, a text or a recipe.")


def recipe_from(description: Any, known: Mapping[str, type], n_values: int) -> Any:
    """Return the recipe that a description describes, and check its parameters.

    Parameters
    ----------
    description : object
        A result of `described`, or anything else that was in a file.
    known : dict of type
        The classes that the recipe may have, by name.
    n_values : int
        How many numbers the file has. In an honest description no size is larger.

    Raises
    ------
    ValueError, TypeError
        If the description does not describe a recipe of a known class with valid parameters.
    """
    if not isinstance(description, dict) or description.keys() != {"recipe", "parameters"}:
        raise ValueError("it has no recipe")
    name, parameters = description["recipe"], description["parameters"]
    if not isinstance(name, str) or name not in known or not isinstance(parameters, dict):
        raise ValueError(f"{name!r} is none of the recipes {', '.join(known)}")
    fields = {field.name for field in dataclasses.fields(known[name])}
    if not parameters.keys() <= fields:
        raise ValueError(f"{name} has no parameter {', '.join(sorted(parameters.keys() - fields))}")
    recipe = known[name](**{field: _from_json(value, n_values) for field, value in parameters.items()})
    recipe.check_hyperparameters()
    return recipe


def _from_json(value: Any, n_values: int) -> Any:
    if isinstance(value, dict):
        return recipe_from(value, ENCODERS, n_values)
    if isinstance(value, list) and all(isinstance(one, PLAIN) for one in value):
        return tuple(_from_json(one, n_values) for one in value)
    if isinstance(value, int) and value > max(n_values, SMALL):
        raise ValueError(f"a parameter is {value}, but the file has {n_values} numbers")
    if isinstance(value, PLAIN):
        return value
    raise ValueError(f"a parameter is {value!r}")
