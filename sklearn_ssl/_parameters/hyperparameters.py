"""Annotated fields are the hyper-parameters: the base of every estimator and recipe."""

import dataclasses
import inspect
import math
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Self, dataclass_transform

from torch import nn

from sklearn_ssl._parameters.docs import inherit_parameter_docs
from sklearn_ssl._parameters.module_value import ModuleValue
from sklearn_ssl._parameters.python_values import ReadAsPython
from sklearn_ssl._parameters.ranges import Mark, Names, Options, Range, WholeNumbers
from sklearn_ssl._parameters.scikit_learn import BaseEstimator
from sklearn_ssl._parameters.shown import shown

LARGEST = 1e30

# Type checkers look for the names `default` and `default_factory`.


def recipe(
    default_factory: Callable[..., Any], needs: str | None = None, several: bool = False, kw_only: bool = True
) -> Any:
    """Declare a field that holds a recipe or another object with parameters of its own.

    Parameters
    ----------
    default_factory : callable
        Makes the default. None in the field means ``default_factory()``.
    needs : str or None, default=None
        Name of a method that every object in this field must have. None allows any object.
    several : bool, default=False
        Whether the field may hold a tuple of such objects instead of one.
    kw_only : bool, default=True
        Whether the field must be given by its name.

    Returns
    -------
    field : dataclasses.Field
        A field with the default None.
    """
    metadata = {"recipe": default_factory, "needs": needs, "several": several}
    return dataclasses.field(default=None, metadata=metadata, kw_only=kw_only)


def function(default: Callable[..., Any], **arguments: Any) -> Any:
    """Declare a field that holds a function.

    Parameters
    ----------
    default : callable
        The function. None in the field means ``functools.partial(default, **arguments)``.
    **arguments : dict
        Keyword arguments of the default.

    Returns
    -------
    field : dataclasses.Field
        A field with the default None.
    """
    return recipe(default_factory=partial(partial, default, **arguments), needs="__call__")


def number(
    default: Any, *, above=None, least=None, most=None, below=None, integer=False, or_else=(), kw_only: bool = True
) -> Any:
    """Declare a field that holds a finite number in a range.

    Parameters
    ----------
    default : object
        The default.
    above, least : float or None, default=None
        The number must be greater than `above`, and at least `least`.
    most, below : float or None, default=None
        The number must be at most `most`, and less than `below`.
    integer : bool, default=False
        Whether the number must be whole.
    or_else : sequence of object, default=()
        Other values that are allowed, such as None or "auto".
    kw_only : bool, default=True
        Whether the field must be given by its name.

    Returns
    -------
    field : dataclasses.Field
        A field that `Hyperparameters.check_hyperparameters` checks.
    """
    limit = Range(above=above, least=least, most=most, below=below, integer=integer, or_else=tuple(or_else))
    return dataclasses.field(default=default, metadata={"allowed": limit}, kw_only=kw_only)


def choice(*options: Any, default: Any) -> Any:
    """Declare a field that holds one of a few values.

    Parameters
    ----------
    *options : object
        The values.
    default : object
        The default, one of them.

    Returns
    -------
    field : dataclasses.Field
        A field that `Hyperparameters.check_hyperparameters` checks.
    """
    return dataclasses.field(default=default, metadata={"allowed": Options(options)})


def names(*options: str, default: tuple[str, ...], distinct: bool = True) -> Any:
    """Declare a field that holds one name or a tuple of names. `as_names` reads it.

    Parameters
    ----------
    *options : str
        The names that are allowed.
    default : tuple of str
        The default.
    distinct : bool, default=True
        Whether each name may occur only once.

    Returns
    -------
    field : dataclasses.Field
        A field that `Hyperparameters.check_hyperparameters` checks.
    """
    return dataclasses.field(default=default, metadata={"allowed": Names(options, distinct)})


def whole_numbers(default: tuple[int, ...], *, least: int = 1, empty: bool = False) -> Any:
    """Declare a field that holds a tuple of whole numbers.

    Parameters
    ----------
    default : tuple of int
        The default.
    least : int, default=1
        Every number must be at least this.
    empty : bool, default=False
        Whether the tuple may be empty.

    Returns
    -------
    field : dataclasses.Field
        A field that `Hyperparameters.check_hyperparameters` checks.
    """
    return dataclasses.field(default=default, metadata={"allowed": WholeNumbers(least, empty)})


def mark(default: Any) -> Any:
    """Declare a field that holds the label of series whose class is unknown.

    Parameters
    ----------
    default : number, str or None
        The default.

    Returns
    -------
    field : dataclasses.Field
        A field that `Hyperparameters.check_hyperparameters` checks.
    """
    return dataclasses.field(default=default, metadata={"allowed": Mark()})


@dataclass_transform(
    kw_only_default=True,
    eq_default=False,
    field_specifiers=(recipe, function, number, choice, names, whole_numbers, mark, dataclasses.field),
)
class Hyperparameters(BaseEstimator):
    """Base of everything that has hyper-parameters: its annotated fields are its constructor's parameters.

    A subclass writes ``name: type = default`` for each parameter. It then has a constructor with this signature,
    `get_params`, `set_params` and `clone`. Parameters that its docstring leaves out are documented by its parents.
    """

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _inherit_ranges(cls)
        dataclasses.dataclass(kw_only=True, eq=False, repr=False)(cls)
        _read_as_python(cls)
        inherit_parameter_docs(cls)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters as they were given.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add the parameters of nested objects, such as ``encoder__depth``.

        Returns
        -------
        params : dict
            Values by name. As attributes, NumPy's scalars in them are Python's.
        """
        params = super().get_params(deep)
        return {name: vars(self).get(name, value) for name, value in params.items()}

    def resolved(self, name: str) -> Any:
        """Return the value of a field. If it is None and the field has a default recipe, return that recipe."""
        value = getattr(self, name)
        default = self._default_recipe(name)
        return default() if value is None and default is not None else value

    def set_params(self, **params: Any) -> Self:
        """Set parameters, also nested ones such as ``encoder__depth`` while ``encoder`` is None.

        Parameters
        ----------
        **params : dict
            Names and values. For a nested name whose outer field is None, the outer field first gets its default
            recipe.

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
        """Check all parameters, those of nested recipes too.

        Raises
        ------
        ValueError
            If a parameter is outside its range. The message names the first such parameter.
        TypeError
            If a parameter lacks the method that it needs.
        """
        for field in type(self).__dataclass_fields__.values():
            value = getattr(self, field.name)
            self._check_value(field, value)
            for one in value if isinstance(value, (tuple, list)) else (value,):
                if isinstance(one, Hyperparameters):
                    one.check_hyperparameters()

    def _check_value(self, field: dataclasses.Field, value: Any) -> None:
        where = f"{type(self).__name__}: `{field.name}`"
        allowed, needs = field.metadata.get("allowed"), field.metadata.get("needs")
        if isinstance(value, float) and LARGEST < abs(value) < math.inf:
            raise ValueError(f"{where} is larger than {LARGEST:g}, which overflows in single precision: {value:g}.")
        if allowed is not None and value not in allowed:
            raise ValueError(f"{where} must be {allowed}, got {shown(value)}.")
        if needs is not None and value is not None:
            parts = value if field.metadata.get("several") and isinstance(value, (tuple, list)) else (value,)
            if not parts or any(isinstance(one, type) or not hasattr(one, needs) for one in parts):
                example = field.metadata["recipe"]()
                raise TypeError(f"{where} must be None or an object such as {shown(example)}, got {shown(value)}.")

    def _default_recipe(self, name: str) -> Callable[[], Any] | None:
        field = type(self).__dataclass_fields__.get(name)
        return None if field is None else field.metadata.get("recipe")

    def __getstate__(self) -> dict:
        # A module inside a hyper-parameter is stored by value, so that joblib.hash sees weights and not addresses.
        fields = type(self).__dataclass_fields__
        return {
            key: ModuleValue.of(value) if key in fields and isinstance(value, nn.Module) else value
            for key, value in super().__getstate__().items()
        }

    def __setstate__(self, state: dict) -> None:
        super().__setstate__(
            {key: value.build() if isinstance(value, ModuleValue) else value for key, value in state.items()}
        )


def _inherit_ranges(cls: type) -> None:
    """Keep the range of a field of which a subclass changes the default in one line."""
    inherited = getattr(cls, "__dataclass_fields__", {})
    for name in inspect.get_annotations(cls):
        default = vars(cls).get(name, dataclasses.MISSING)
        if name in inherited and not isinstance(default, dataclasses.Field) and default is not dataclasses.MISSING:
            setattr(cls, name, dataclasses.field(default=default, metadata=inherited[name].metadata))


def _read_as_python(cls: type) -> None:
    """Let the checked fields that a class declares be read as Python's own numbers and texts."""
    for name in inspect.get_annotations(cls):
        field = cls.__dataclass_fields__.get(name)  # type: ignore[attr-defined]
        if field is not None and "allowed" in field.metadata:
            setattr(cls, name, ReadAsPython(name, field.default))
