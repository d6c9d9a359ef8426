"""The compiled kernels: the same features as in PyTorch, and what is left to PyTorch."""

import sys
import threading

import numba
import numpy as np
import pytest
import torch

from sklearn_ssl.encoders import RocketEncoder, _compiled_loops, _compiled_rocket
from sklearn_ssl.encoders._kernel_pooling import POOLINGS


def walks(*shape, seed=0):
    steps = np.random.default_rng(seed).normal(size=shape).cumsum(axis=-1)
    return torch.from_numpy(steps.astype(np.float32))


def pair(n_channels, n_steps, poolings=POOLINGS, n_features=84 * 12, **params):
    """Return encoders with the same kernels, compiled and in PyTorch."""
    recipe = RocketEncoder(n_features=n_features, poolings=poolings, standardise=False, **params)
    one, other = recipe.build(n_channels), recipe.set_params(backend="torch").build(n_channels)
    one.adapt(walks(20, n_channels, n_steps, seed=1))
    other.load_state_dict(one.state_dict())
    return one, other


def calls(monkeypatch):
    """Return the list of the shapes of series that the compiled functions get."""
    shapes, in_parts = [], _compiled_rocket._in_parts
    monkeypatch.setattr(_compiled_rocket, "_in_parts", lambda x, *rest: shapes.append(x.shape) or in_parts(x, *rest))
    return shapes


@pytest.mark.parametrize("n_channels", [1, 2, 12])
@pytest.mark.parametrize("n_steps", [1, 2, 8, 9, 17, 40, 131, 300])  # also more than one block of steps
def test_features_equal_those_in_pytorch(n_channels, n_steps, monkeypatch):
    compiled, in_pytorch = pair(n_channels, n_steps, n_features=84 * 4 * 2 * 9, differences=True, n_groups=14)
    x = walks(18, n_channels, n_steps)  # more series than are treated at once
    x[:4, :, n_steps // 3 : n_steps // 2] = 0.1  # flat: rounding decides
    shapes = calls(monkeypatch)
    features, expected = compiled(x), in_pytorch(x)
    assert len(shapes) == 4
    torch.testing.assert_close(features, expected, rtol=1e-5, atol=1e-5)
    of_fixed = (one[:, : 84 * 4 * 2 * 9].unflatten(1, (2, 4, -1)) for one in (features, expected))
    shares, expected_shares = (one[:, :, [0, 3]] for one in of_fixed)
    assert shares.equal(expected_shares)  # whole numbers of steps, so the convolutions are equal to the last bit


@pytest.mark.parametrize("poolings", ["ppv", "mpv", "mipv", "lspv", ("lspv", "ppv"), ("mipv", "mpv", "ppv")])
def test_any_poolings_in_any_order(poolings):
    compiled, in_pytorch = pair(3, 150, poolings)
    x = walks(5, 3, 150)
    torch.testing.assert_close(compiled(x), in_pytorch(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n_groups", [1, 2, 40])
def test_any_number_of_groups(n_groups, monkeypatch):
    compiled, in_pytorch = pair(3, 100, "ppv", 84, n_groups=n_groups)
    shapes, x = calls(monkeypatch), walks(5, 3, 100)
    torch.testing.assert_close(compiled(x), in_pytorch(x), rtol=1e-5, atol=1e-5)
    assert len(shapes) == 1 + min(n_groups, 2)


@pytest.mark.parametrize("n_steps", [20, 3000])
def test_series_of_another_length_than_those_of_adapt(n_steps):
    compiled, in_pytorch = pair(2, 90, n_groups=6)
    x = walks(3, 2, n_steps)
    torch.testing.assert_close(compiled(x), in_pytorch(x), rtol=1e-4, atol=1e-4)


def test_a_dilation_beyond_the_series():
    compiled, in_pytorch = pair(1, 900, n_groups=6)
    x = walks(3, 1, 5)
    torch.testing.assert_close(compiled(x), in_pytorch(x), rtol=1e-5, atol=1e-5)


def test_features_of_a_series_depend_on_it_alone():
    compiled, _ = pair(3, 60, n_groups=6)
    x = walks(40, 3, 60)
    together = compiled(x)
    assert torch.cat([compiled(part) for part in x.split(7)]).equal(together)
    assert compiled(x.transpose(0, 2).contiguous().transpose(0, 2)).equal(together)


def test_the_threads_of_pytorch_share_the_series(monkeypatch):
    compiled, _ = pair(1, 60, n_groups=6)
    x, names, kernels = walks(70, 1, 60), set(), _compiled_loops.fixed_kernels
    expected = compiled(x)

    def watched(*inputs):
        names.add((threading.current_thread().name, len(inputs[0])))
        kernels(*inputs)

    monkeypatch.setattr(_compiled_loops, "fixed_kernels", watched)
    torch.set_num_threads(2)
    assert compiled(x).equal(expected)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    assert sorted(number for _, number in names) == [22, 48]
    assert threading.current_thread().name not in {name for name, _ in names}


def test_padded_and_other_batches_are_left_to_pytorch(monkeypatch):
    compiled, in_pytorch = pair(3, 40, n_groups=4)
    shapes, x = calls(monkeypatch), walks(4, 3, 40)
    mask = torch.arange(40) < torch.tensor([40, 40, 40, 20]).unsqueeze(1)
    assert compiled(x, mask).equal(in_pytorch(x, mask))
    assert compiled.double()(x.double()).equal(in_pytorch.double()(x.double()))
    assert in_pytorch.float()(x).shape == (4, 84 * 12 + 64, 1)
    monkeypatch.setattr(_compiled_rocket, "MOST_VALUES", 16 * 3 * (3 * 40 + 16 * 4) - 1)
    assert compiled.float()(x).shape == (4, 84 * 12 + 64, 1)
    assert len(shapes) == 2  # the groups, whose largest dilation is 2
    compiled(walks(2, 3, 1025))
    assert len(shapes) == 2
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    compiled(x)
    assert len(shapes) == 2


@pytest.mark.parametrize("value", [1e30, np.inf, np.nan])
def test_what_overflows_is_left_to_pytorch(value):
    compiled, in_pytorch = pair(1, 40, n_groups=4)
    x = walks(2, 1, 40)
    x[0, 0, 20] = value
    torch.testing.assert_close(compiled(x), in_pytorch(x), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("missing", [True, False])
def test_without_numba_pytorch_computes_all(missing, monkeypatch):
    compiled, in_pytorch = pair(3, 40, n_groups=4)
    shapes, x = calls(monkeypatch), walks(2, 3, 40)
    if missing:
        monkeypatch.delattr("sklearn_ssl.encoders._compiled_loops")
        monkeypatch.setitem(sys.modules, "sklearn_ssl.encoders._compiled_loops", None)
    else:
        monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    _compiled_rocket._loops.cache_clear()
    assert compiled(x).equal(in_pytorch(x))
    assert not shapes
    monkeypatch.undo()
    _compiled_rocket._loops.cache_clear()
    torch.testing.assert_close(compiled(x), in_pytorch(x), rtol=1e-5, atol=1e-5)


def test_functions_are_compiled_where_nothing_can_be_stored(monkeypatch):
    made = []

    def njit(*, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        made.append(options)
        return lambda function: function

    monkeypatch.setattr(numba, "njit", njit)
    assert _compiled_loops._compiled(max) is max
    assert made[0]["nogil"]
