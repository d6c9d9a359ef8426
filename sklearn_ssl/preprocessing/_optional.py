"""Packages that only some methods need."""

import importlib
from types import ModuleType


def optional_module(name: str, *, package: str, needed_by: str) -> ModuleType:
    """Import a module, or raise an ImportError that says how to install its package."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"{needed_by} needs {package}. Install it by: pip install {package}") from error
