"""What the script for GPUs is built from."""

import importlib
import time
from types import SimpleNamespace

import pytest
import torch

from sklearn_ssl import InstDiscTransformer
from sklearn_ssl.datasets import make_waves

CPU = torch.device("cpu")
X, _ = make_waves(n_cases=32, n_timepoints=32, random_state=0)


@pytest.fixture
def gpu():
    return importlib.import_module("gpu")


@pytest.mark.parametrize(
    "draw", [lambda: torch.rand(3, device="meta"), lambda: torch.ones(3, device="meta").uniform_()]
)
def test_random_numbers_of_a_device_are_those_of_the_cpu(gpu, draw):
    torch.manual_seed(0)
    torch.rand(3)
    expected = torch.rand(1)
    torch.manual_seed(0)
    with gpu.HostDraws():
        assert draw().device.type == "meta"
    assert torch.rand(1) == expected


def test_a_method_that_does_what_it_should_gives_no_row(gpu):
    rows = gpu.method_row(InstDiscTransformer, X, CPU)
    with pytest.raises(StopIteration) as end:
        next(rows)
    assert end.value.value == 0


def test_tensors_that_are_elsewhere_are_named(gpu, monkeypatch):
    monkeypatch.setattr(gpu, "small", lambda cls, device, make=gpu.small: make(cls, "cpu"))
    _, measure, names = next(gpu.method_row(InstDiscTransformer, X, torch.device("meta")))
    assert measure == "tensors on the CPU"
    assert "bank" in names


def test_errors_and_the_end_of_the_time_are_rows(gpu, monkeypatch):
    def rows(options):
        yield "one", "measure", "1"
        raise ValueError("two\nlines")

    monkeypatch.setitem(gpu.PARTS, "step", rows)
    for left, error in ((60, "ValueError: two lines"), (-1, "TimeoutError: the time is up")):
        first, failed, last = gpu.rows_of("step", SimpleNamespace(end=time.perf_counter() + left))
        assert first == {"part": "step", "case": "one", "measure": "measure", "value": "1"}
        assert (failed["value"], last["measure"]) == (error, "seconds")


def test_the_share_of_kernels_is_one_of_the_time(gpu):
    assert 0.2 < gpu.share_in_kernels(CPU, gpu.make_data((16, 2, 32)), 8, 2) < 1.1


def test_a_pickle_crosses(gpu):
    ((_, _, value),) = gpu.pickle_rows(SimpleNamespace(device=CPU))
    assert value == "0.0 cpu"
