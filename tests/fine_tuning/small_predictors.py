"""Series with few labels, small predictors, and a view that notes the series of training."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from sklearn_ssl import RobustSSLClassifier, S4LClassifier, SimCLRTransformer, SSLClassifier
from sklearn_ssl.augmentations import Jitter
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import FCNEncoder
from sklearn_ssl.projectors import MLPProjector

X, Y = make_waves(n_cases=60, n_classes=3, n_timepoints=40, random_state=0)
PARTLY = np.where(np.arange(60) < 24, Y, -1)


def simclr(**params):
    encoder = FCNEncoder(width=4)
    own = {"encoder": encoder, "projector": MLPProjector(width=8), "max_epochs": 1, "device": "cpu", "random_state": 0}
    return SimCLRTransformer(**{**own, **params})


def classifier(transformer=None, **params):
    return SSLClassifier(transformer or simclr(), **{"max_epochs": 2, "random_state": 0, **params})


def s4l(transformer=None, **params):
    return S4LClassifier(transformer or simclr(), **{"max_epochs": 2, "random_state": 0, **params})


def robust(transformer=None, **params):
    own = {"max_epochs": 2, "n_attack_steps": 1, "random_state": 0}
    return RobustSSLClassifier(transformer or simclr(), **{**own, **params})


def states_of(module):
    """Return copies of weights and buffers."""
    return {name: value.clone() for name, value in module.state_dict().items()}


def changed(before, after):
    """Name the weights and buffers that differ between two modules."""
    before, after = states_of(before), states_of(after)
    return {name for name in before if not torch.equal(before[name], after[name])}


def labels_of(model, y=PARTLY):
    return model.task_.labels(y, len(y), None)


def dataset_of(model, y=PARTLY):
    """Return the series on which a fitted model would train now."""
    return model._dataset(model.net_, model._checked(X[: len(y)], reset=False), labels_of(model, y))


def check_refused(model, params, y, error, message):
    """Fit a fitted model on bad input, after which it must be as before."""
    expected = model.predict_proba(X)
    with pytest.raises(error, match=message):
        model.set_params(**params).fit(X, y)
    assert_array_equal(model.predict_proba(X), expected)


class Watched(Jitter):
    """Jitter that notes the largest value of every batch that it varies, and the number of series."""

    largest = []
    sizes = []

    def apply(self, x, *args, **kwargs):
        Watched.largest.append(float(x.max()))
        Watched.sizes.append(len(x))
        return super().apply(x, *args, **kwargs)
