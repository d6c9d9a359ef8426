"""A message shows one line of a value, however long the value is, in every field of every public class."""

import inspect

import pytest

from sklearn_ssl import SimCLRTransformer, SSLClassifier, augmentations, encoders
from sklearn_ssl.base import Hyperparameters
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import FCNEncoder
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.projectors import MLPProjector
from sklearn_ssl.testing import all_estimators

LONGEST = 500
LONG = {
    "text": "word " * 1000,
    "list": [0.5] * 1000,
    "tuple of texts": ("mean",) * 1000,
    "dictionary": dict.fromkeys(range(1000)),
    "whole number": 10**1000,
}
RECIPES = [getattr(module, name) for module in (augmentations, encoders) for name in module.__all__]
CLASSES = [cls for _, cls in all_estimators()] + [Pooling, MLPProjector]
CLASSES += [
    cls for cls in RECIPES if inspect.isclass(cls) and issubclass(cls, Hyperparameters) and not inspect.isabstract(cls)
]
FREE = ["device", "random_state", "checkpoint", "net_params", "class_weight", "transformer", "augmentation"]
X, Y = make_waves(n_cases=8, n_classes=2, n_timepoints=24, random_state=0)


def _message(function, *arguments):
    """Return the message of the error that a function raises, or nothing."""
    try:
        function(*arguments)
    except (ValueError, TypeError, OSError) as error:
        return str(error)
    return ""


def _check(cls, parameters):
    cls(**parameters).check_hyperparameters()


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_checked_fields(cls):
    fields = [one for one in inspect.signature(cls).parameters.values() if one.kind != one.VAR_KEYWORD]
    needed = {one.name: one.name for one in fields if one.default is one.empty}
    for field in fields:
        for kind, value in LONG.items():
            assert len(_message(_check, cls, {**needed, field.name: value})) < LONGEST, (field, kind)


@pytest.mark.parametrize("field", FREE)
@pytest.mark.parametrize("kind", LONG)
def test_fields_that_fit_checks(field, kind):
    small = SSLClassifier(SimCLRTransformer(encoder=FCNEncoder(width=4), max_steps=1), max_steps=1)
    name = field if field in small.get_params(deep=False) else f"transformer__{field}"
    message = _message(small.set_params(**{name: LONG[kind]}).fit, X, Y)
    assert 0 < len(message) < LONGEST
