"""Projectors against loops, and their layers."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from sklearn_ssl.projectors import MLPProjector


@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
@pytest.mark.parametrize(
    ("depth", "linear_sizes"),
    [
        (0, []),
        (1, [(5, 8)]),
        (2, [(5, 8), (8, 8)]),
        (3, [(5, 8), (8, 8), (8, 8)]),
    ],
)
def test_layers(norm, depth, linear_sizes):
    recipe = MLPProjector(width=8, depth=depth, norm=norm)
    projector = recipe.build(5)
    linears = [part for part in projector.modules() if isinstance(part, nn.Linear)]
    assert [(linear.in_features, linear.out_features) for linear in linears] == linear_sizes
    kind = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm, "none": ()}[norm]
    n_norms = sum(isinstance(part, kind) for part in projector.modules())
    assert n_norms == (0 if norm == "none" else max(depth - 1, 0))
    z = projector(torch.randn(2, 5))
    assert z.shape == (2, recipe.n_outputs(5)) == (2, 8 if depth else 5)


def test_depth_0_is_the_identity():
    h = torch.randn(3, 5)
    assert MLPProjector(depth=0).build(5)(h).equal(h)


@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
def test_projection_equals_loops(norm):
    projector = MLPProjector(width=4, depth=3, norm=norm, output_width=2).build(3)
    h = torch.randn(6, 3)
    weights = [part for part in projector if isinstance(part, nn.Linear)]
    assert [linear.bias is None for linear in weights] == [norm != "none"] * 2 + [False]  # a norm has its own shift
    expected = h.numpy().astype(float)
    for i, linear in enumerate(weights):
        bias = 0 if linear.bias is None else linear.bias.detach().numpy()
        expected = np.array([linear.weight.detach().numpy() @ row + bias for row in expected])
        if i < 2:
            axis = {"batch": 0, "layer": 1, "none": None}[norm]
            if axis is not None:
                centred = expected - expected.mean(axis, keepdims=True)
                expected = centred / np.sqrt(expected.var(axis, keepdims=True) + 1e-5)
            expected = np.maximum(expected, 0)
    np.testing.assert_allclose(projector(h).detach().numpy(), expected, atol=1e-4)


def test_output_width():
    recipe = MLPProjector(width=16, output_width=4)
    assert recipe.n_outputs(5) == 4
    assert recipe.build(5)(torch.randn(2, 5)).shape == (2, 4)


def test_gradient_reaches_every_parameter():
    projector = MLPProjector(width=32, depth=3).build(5)
    (projector(torch.randn(8, 5)) * torch.randn(32)).sum().backward()
    for name, weight in projector.named_parameters():
        assert weight.grad.isfinite().all(), name
        assert weight.grad.any(), name


@pytest.mark.parametrize(
    ("parameter", "wrong", "right"),
    [
        ("width", 0, 1),
        ("width", 1.5, 2),
        ("depth", -1, 0),
        ("depth", 0.5, 1),
        ("norm", "group", "none"),
        ("output_width", 0, 1),
        ("output_width", 1.5, None),
    ],
)
def test_ranges_of_parameters(parameter, wrong, right):
    with pytest.raises(ValueError, match=f"MLPProjector: `{parameter}` must be"):
        MLPProjector(**{parameter: wrong}).build(5)
    MLPProjector(**{parameter: right}).build(5)


def test_clone_pickle_and_seed():
    recipe = MLPProjector(width=8, depth=3)
    h = torch.randn(4, 5)
    projections = []
    for copy in (clone(recipe), pickle.loads(pickle.dumps(recipe))):
        torch.manual_seed(1)
        projections.append(copy.build(5)(h))
    assert projections[0].equal(projections[1])
    assert recipe.set_params(depth=1).build(5)(h).shape == (4, 8)
