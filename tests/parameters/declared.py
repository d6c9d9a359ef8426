"""The classes with fields, and what their docstrings say of a parameter."""

import importlib
import inspect
import pkgutil
import re

import sklearn_ssl
from sklearn_ssl._parameters.hyperparameters import Hyperparameters

FOUND = pkgutil.walk_packages(sklearn_ssl.__path__, "sklearn_ssl.")
MODULES = [importlib.import_module(module.name) for module in FOUND]


def subclasses(cls):
    for child in cls.__subclasses__():
        yield child
        yield from subclasses(child)


def concrete_classes():
    found = {cls for cls in subclasses(Hyperparameters) if cls.__module__.startswith("sklearn_ssl.")}
    return sorted((cls for cls in found if not inspect.isabstract(cls)), key=lambda cls: cls.__qualname__)


def documented(doc, name):
    """Return the entry of a parameter and the text of its default, None where there is no such thing."""
    entry = re.search(rf"^{name} : (.*)$", doc, re.MULTILINE)
    default = None if entry is None else re.search(r"default=(.*)$", entry[1])
    return entry and entry[0], default and default[1]
