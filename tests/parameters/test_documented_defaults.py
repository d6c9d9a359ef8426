"""Every parameter is documented, with the default that it has."""

import ast
import contextlib
import dataclasses
import inspect
import re

import pytest
from declared import MODULES, concrete_classes, documented


def public_functions():
    """Return the public functions, and the public methods of all public classes."""
    own = {obj for module in MODULES for obj in vars(module).values() if callable(obj) and hasattr(obj, "__qualname__")}
    own = {obj for obj in own if obj.__module__.startswith("sklearn_ssl.") and not obj.__name__.startswith("_")}
    members = [member for obj in own if isinstance(obj, type) for member in vars(obj).values()]
    found = {inspect.unwrap(getattr(member, "__func__", member)) for member in [*own, *members] if callable(member)}
    functions = [obj for obj in found if inspect.isfunction(obj) and not obj.__name__.startswith("_")]
    return sorted(functions, key=lambda function: (function.__module__, function.__qualname__))


def check_default(entry, text, value):
    """Compare a documented default with the value, and return whether it is a literal."""
    try:
        default = ast.literal_eval(text)
    except (ValueError, SyntaxError):  # it names an object
        return False
    assert (type(default), default) == (type(value), value), entry
    return True


@pytest.mark.parametrize("cls", concrete_classes(), ids=lambda cls: cls.__name__)
def test_parameters_of_classes(cls):
    for field in dataclasses.fields(cls):
        entry, text = documented(inspect.cleandoc(cls.__doc__), field.name)
        if entry is None:
            assert not getattr(cls, "__final__", False), f"{field.name} is not documented"  # else a child documents it
        elif text is None:
            assert field.default in (dataclasses.MISSING, None), entry
        else:
            assert check_default(entry, text, field.default)


def test_default_recipes():
    names = {name: value for module in MODULES for name, value in vars(module).items() if not name.startswith("__")}
    n_recipes = 0
    for cls in concrete_classes():
        for field in dataclasses.fields(cls):
            entry = re.search(rf"^{field.name} : .*\n(?:(?:    .*)?\n)*", inspect.cleandoc(cls.__doc__), re.MULTILINE)
            code = entry and re.search(r"None is\s[^.`]*``(\w+\([^`]*\))``", entry[0])
            if code and field.metadata.get("recipe"):
                with contextlib.suppress(NameError):  # some are described in several steps
                    assert repr(eval(" ".join(code[1].split()), names)) == repr(field.metadata["recipe"]()), entry[0]
                    n_recipes += 1
    assert n_recipes > 80


def test_parameters_of_functions():
    n_literals = 0
    for function in public_functions():
        for parameter in inspect.signature(function).parameters.values():
            entry, text = documented(inspect.getdoc(function) or "", parameter.name)
            if text is not None:
                n_literals += check_default(f"{function.__qualname__}: {entry}", text, parameter.default)
    assert n_literals > 200
