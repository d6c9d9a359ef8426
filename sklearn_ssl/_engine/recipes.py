"""Copies of recipes, so that a net does not follow the parameters of the estimator that built it."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn


def with_own_recipes(build: Callable[..., nn.Module], **arguments: Any) -> partial:
    """Bind arguments to what builds a module, recipes among them as copies.

    The module may keep a recipe, such as its augmentation. Were it that of the estimator, then
    ``set_params(augmentation__sigma=...)`` would change a net that is fitted already.

    Parameters
    ----------
    build : callable
        A class, or a partial with arguments of its own.
    **arguments : dict
        Further arguments, for all that `build` has not bound itself. Modules among them are not copied, because the
        architecture does that.

    Returns
    -------
    build : functools.partial
        The same with all arguments bound.
    """
    bound = partial(build, **{**arguments, **getattr(build, "keywords", {})})
    return partial(bound.func, *bound.args, **{name: _own(value) for name, value in bound.keywords.items()})


def _own(value: Any) -> Any:
    return value if isinstance(value, nn.Module) else copy.deepcopy(value)
