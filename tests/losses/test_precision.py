"""What the contract of all losses cannot see of the decorator."""

import contextlib

import pytest
import torch

from sklearn_ssl.losses import in_full_precision

HALF = torch.ones(2, dtype=torch.float16)


@in_full_precision
def received(*args, **kwargs):
    """Return the arguments."""
    return (*args, *kwargs.values())


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(torch.float16, torch.float32), (torch.bfloat16, torch.float32)]
    + [(dtype, dtype) for dtype in (torch.float32, torch.float64, torch.int64, torch.bool, torch.complex64)],
)
def test_only_half_precision_is_converted(dtype, expected):
    value = torch.ones(2).to(dtype)
    assert [argument.dtype for argument in received(value, named=value)] == [expected] * 2


@pytest.mark.parametrize("kind", [list, tuple])
def test_tensors_of_a_list_are_converted(kind):
    (argument,) = received(kind([HALF, kind([HALF]), 3]))
    assert type(argument) is kind
    assert argument[0].dtype == argument[1][0].dtype == torch.float32
    assert argument[2] == 3


def test_other_arguments_stay_the_same_objects():
    settings, single = {"z": HALF}, torch.ones(2)
    arguments = received(settings, None, single, weight=0.5)
    assert arguments[0] is settings
    assert arguments[1] is None
    assert arguments[2] is single
    assert arguments[3] == 0.5


@pytest.mark.parametrize(
    ("args", "kwargs", "device"),
    [
        ((0.5, torch.ones(1, device="meta")), {}, "meta"),
        (([torch.ones(1, device="meta")],), {"z": torch.ones(1)}, "meta"),
        ((), {"z": torch.ones(1, device="meta")}, "meta"),
        ((0.5,), {}, "cpu"),
    ],
)
def test_autocast_is_off_on_the_device_of_the_first_tensor(monkeypatch, args, kwargs, device):
    calls = []

    def autocast(device, enabled):
        calls.append((device, enabled))
        return contextlib.nullcontext()

    monkeypatch.setattr(torch, "autocast", autocast)
    received(*args, **kwargs)
    assert calls == [(device, False)]


def test_gradients_come_back_in_the_precision_of_the_inputs():
    z = HALF.clone().requires_grad_()
    in_full_precision(lambda z: (300 * z).square().sum())(z).backward()
    assert z.grad.dtype == torch.float16


def test_name_and_documentation_stay():
    assert received.__name__ == "received"
    assert received.__doc__ == "Return the arguments."
