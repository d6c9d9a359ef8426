"""A module that has none of what the engine reads."""

import pytest

from sklearn_ssl.architectures._protocol import TrainableModule


class Bare(TrainableModule):
    pass


@pytest.mark.parametrize(
    ("call", "missing"),
    [
        (lambda module: module.n_features, "features"),
        (lambda module: module.forward(None), "training step"),
        (lambda module: module.features(None), "features"),
        (lambda module: module.feature_maps(None), "feature maps"),
    ],
)
def test_what_is_missing_is_named(call, missing):
    with pytest.raises(NotImplementedError, match=rf"Bare has no {missing}\."):
        call(Bare())


def test_nothing_is_fixed_before_training_and_nothing_follows_a_step():
    assert Bare().adapt(None) is None
    assert Bare().after_step() is None
