import pytest
from torch import nn

from sklearn_ssl.architectures._base import default_pooling
from sklearn_ssl.encoders import ResNetEncoder, RocketEncoder
from sklearn_ssl.pooling import Pooling


@pytest.mark.parametrize(
    ("encoder", "expected"),
    [
        (nn.Identity(), Pooling()),  # a module that says nothing about it
        (ResNetEncoder(depth=1, width=4).build(1), Pooling()),
        (RocketEncoder(n_features=84).build(1), Pooling(statistics="mean", layers="last")),
    ],
)
def test_only_encoders_that_pool_by_themselves_are_averaged(encoder, expected):
    assert repr(default_pooling(encoder)) == repr(expected)
