"""What is done on accelerators that the machine of the tests does not have."""

import contextlib
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sklearn_ssl._engine.batches import SeriesDataset
from sklearn_ssl._engine.random_streams import forked_generators, generator_states, restore_generators, seeded_stream


@pytest.fixture(params=["cuda", "mps"])
def device(request):
    return torch.device(request.param)


@pytest.fixture
def generator(device, monkeypatch):
    """Return a generator in the place of that of the device; its state is the last seed."""
    generator = SimpleNamespace(state=torch.tensor(7))
    module = getattr(torch, device.type)
    monkeypatch.setattr(module, "manual_seed", lambda seed: setattr(generator, "state", torch.tensor(seed)))
    monkeypatch.setattr(module, "get_rng_state", lambda *of: generator.state)
    monkeypatch.setattr(module, "set_rng_state", lambda state, *of: setattr(generator, "state", state))
    monkeypatch.setattr(torch.cuda, "device", lambda of: contextlib.nullcontext())
    return generator


def test_a_stream_of_its_own_leaves_the_generator_of_the_device_as_it_was(device, generator):
    with seeded_stream(3, device):
        assert generator.state == 3
    assert generator.state == 7


def test_a_fork_goes_on_with_the_generator_of_the_device(device, generator):
    with forked_generators(device):
        assert generator.state == 7
        generator.state = torch.tensor(5)
    assert generator.state == 7


def test_a_stream_goes_on_where_it_was(device, generator):
    states = generator_states(device)
    assert states[device.type] == 7
    generator.state = torch.tensor(5)
    restore_generators({"cpu": states["cpu"]}, device)  # as stored where the device was missing
    assert generator.state == 5
    restore_generators(states, device)
    assert generator.state == 7


def test_the_generator_of_the_device_is_left_alone_on_the_cpu(generator):
    with seeded_stream(3, torch.device("cpu")):
        assert generator.state == 7
        assert set(generator_states(torch.device("cpu"))) == {"cpu"}


@pytest.mark.parametrize(
    ("free", "name", "fits"), [(404, "cuda", True), (403, "cuda", False), (10**9, "cuda", True), (10**9, "mps", False)]
)
def test_series_are_kept_on_the_gpu_if_they_take_less_than_a_quarter_of_what_is_free(free, name, fits, monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 10**10))
    collection = SimpleNamespace(values=np.zeros((5, 1, 5), dtype=np.float32))  # 100 bytes
    assert SeriesDataset._fits(SimpleNamespace(device=torch.device(name), collection=collection)) is fits


def test_series_that_are_kept_there_are_of_single_precision():
    collection = SimpleNamespace(values=np.zeros((5, 1, 5)))
    kept = SeriesDataset._resident(SimpleNamespace(device=torch.device("meta"), collection=collection))
    assert (kept.dtype, kept.device.type, kept.shape) == (torch.float32, "meta", (5, 1, 5))
