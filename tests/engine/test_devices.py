from types import SimpleNamespace

import pytest
import torch

from sklearn_ssl._engine.device import _of_process, resolved_device, resolved_precision
from sklearn_ssl._processes.team import team_of_block


@pytest.mark.parametrize("device", ["meta", "cuda:99", "tpu", 3.5, None])
def test_devices_that_hold_no_values_here_are_refused(device):
    with pytest.raises(ValueError, match=r'`device` must be .* accelerator of this machine.* got .* device="auto"'):
        resolved_device(device)


def test_devices_that_are_here():
    assert resolved_device("cpu") == resolved_device(torch.device("cpu")) == torch.device("cpu")
    resolved_device("auto")


def test_mps_is_chosen_unless_several_processes_train(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch, "empty", lambda size, device: torch.zeros(size))  # the device is not on this machine
    assert resolved_device("auto") == torch.device("mps")
    with team_of_block(SimpleNamespace()):
        assert resolved_device("auto") == torch.device("cpu")


@pytest.mark.parametrize("device", ["cpu", "cuda:2"])
def test_a_process_computes_where_it_is_told(device):
    assert _of_process(torch.device(device)) == torch.device(device)


def test_a_process_without_a_number_has_the_first_gpu(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert _of_process(torch.device("cuda")) == torch.device("cuda", 0)


@pytest.mark.parametrize(("precision", "expected"), [("auto", "float32"), ("bf16", "bf16"), ("float32", "float32")])
def test_arithmetic_on_the_cpu(precision, expected):
    assert resolved_precision(precision, torch.device("cpu")) == expected
