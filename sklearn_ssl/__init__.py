"""Self-supervised learning for time series as scikit-learn estimators."""

import ast
import importlib
import pkgutil
from pathlib import Path
from typing import Any

from sklearn_ssl import _moved
from sklearn_ssl._version import __version__ as __version__

_moved.install()

# To import all methods takes long, and a script needs few of them. So a name is imported when it is first used. The
# stub names every public name and its module once, and type checkers read the same file.
_STUB = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
_MODULES = {alias.name: node.module for node in _STUB.body if isinstance(node, ast.ImportFrom) for alias in node.names}

__all__ = sorted(name for name in _MODULES if not name.startswith("_"))


def __getattr__(name: str) -> Any:
    """Import a public name or a part of the package."""
    if name in __all__:
        value = getattr(importlib.import_module(str(_MODULES[name])), name)
        globals()[name] = value
        return value
    if name in _parts():
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__} has no attribute {name}", name=name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_parts()})


def _parts() -> set[str]:
    return {module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")}
