"""Transformers by what one types: ``VICReg``, ``SimCLR(max_steps=300)``, ``RandomEncoder(encoder=ResNetEncoder())``."""

import ast
import inspect

from sklearn.base import TransformerMixin

import sklearn_ssl
from sklearn_ssl import augmentations, encoders, masking, pooling, projectors

SUFFIX = "Transformer"


def transformers():
    """Return every transformer that the package exports, by its name without the word Transformer."""
    exported = {name: getattr(sklearn_ssl, name) for name in sklearn_ssl.__all__}
    return {
        name.removesuffix(SUFFIX): cls
        for name, cls in exported.items()
        if inspect.isclass(cls) and issubclass(cls, TransformerMixin) and not inspect.isabstract(cls)
    }


def make_method(text, **where_taken):
    """Return the transformer that `text` describes; of `where_taken` it gets the parameters that it has."""
    method = _made(ast.parse(text, mode="eval").body, transformers())
    own = method.get_params(deep=False)
    return method.set_params(**{name: value for name, value in where_taken.items() if name in own})


def _made(node, classes):
    name = node if isinstance(node, ast.Name) else getattr(node, "func", None)
    if not isinstance(name, ast.Name):
        return ast.literal_eval(node)
    if name.id not in classes:
        raise ValueError(f"There is no {name.id!r} here. Known are {', '.join(sorted(classes))}.")
    arguments = [] if isinstance(node, ast.Name) else node.args
    named = [] if isinstance(node, ast.Name) else node.keywords
    recipes = _recipes()
    return classes[name.id](
        *(_made(one, recipes) for one in arguments), **{one.arg: _made(one.value, recipes) for one in named}
    )


def _recipes():
    modules = (augmentations, encoders, masking, pooling, projectors)
    found = [pair for module in modules for pair in inspect.getmembers(module, inspect.isclass)]
    return {name: cls for name, cls in found if hasattr(cls, "get_params") and not inspect.isabstract(cls)}
