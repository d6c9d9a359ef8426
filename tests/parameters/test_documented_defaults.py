"""Every parameter is documented, with the default that its field has."""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re

import pytest

import sklearn_ssl
from sklearn_ssl._parameters.hyperparameters import Hyperparameters


def subclasses(cls):
    for child in cls.__subclasses__():
        yield child
        yield from subclasses(child)


def public_classes():
    for module in pkgutil.walk_packages(sklearn_ssl.__path__, "sklearn_ssl."):
        importlib.import_module(module.name)
    found = {cls for cls in subclasses(Hyperparameters) if cls.__module__.startswith("sklearn_ssl.")}
    return sorted((cls for cls in found if not inspect.isabstract(cls)), key=lambda cls: cls.__qualname__)


@pytest.mark.parametrize("cls", public_classes(), ids=lambda cls: cls.__name__)
def test_parameters_are_documented_with_their_defaults(cls):
    doc = inspect.cleandoc(cls.__doc__)
    for field in dataclasses.fields(cls):
        entry = re.search(rf"^{field.name} : (.*)$", doc, re.MULTILINE)
        if entry is None:
            assert not getattr(cls, "__final__", False), f"{field.name} is not documented"
            continue  # a parent leaves it to its children
        documented = re.search(r"default=(.*)$", entry[1])
        if documented is None:
            assert field.default in (dataclasses.MISSING, None), entry[0]
        else:
            default = ast.literal_eval(documented[1])
            assert (type(default), default) == (type(field.default), field.default), entry[0]
