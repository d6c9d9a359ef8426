import pytest
import torch

from sklearn_ssl._engine.device import resolved_device, resolved_precision


@pytest.mark.parametrize("device", ["meta", "cuda:99", "tpu", 3.5, None])
def test_devices_that_hold_no_values_here_are_refused(device):
    with pytest.raises(ValueError, match=r'`device` must be "auto", "cpu" or an accelerator of this machine.*got '):
        resolved_device(device)


def test_devices_that_are_here():
    assert resolved_device("cpu") == resolved_device(torch.device("cpu")) == torch.device("cpu")
    resolved_device("auto")


@pytest.mark.parametrize(("precision", "expected"), [("auto", "float32"), ("bf16", "bf16"), ("float32", "float32")])
def test_arithmetic_on_the_cpu(precision, expected):
    assert resolved_precision(precision, torch.device("cpu")) == expected
