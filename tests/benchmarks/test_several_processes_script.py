"""What the script about the cost of several processes is built from."""

import importlib

import pytest
import torch
import torch.distributed as dist


@pytest.fixture
def script(monkeypatch):
    monkeypatch.setattr(dist, "all_reduce", lambda tensor, **group: None)
    monkeypatch.setattr(dist, "all_gather", lambda tensors, tensor, **group: None)
    return importlib.import_module("several_processes")


def rows(script, numbers):
    names = ("batch size", "processes", "cpu ms", "bytes gathered", "bytes summed", "messages")
    return {(str(one[0]), str(one[1])): dict(zip(names, map(str, one), strict=True)) for one in numbers}


def test_what_is_split_and_what_is_not(script, monkeypatch):
    monkeypatch.setattr(script, "GPU_SPEED", 10)
    monkeypatch.setattr(script, "LATENCY", {8: 1e-3})
    monkeypatch.setattr(script, "BANDWIDTH", {8: 1e3})
    measured = rows(script, [(64, 1, 100, 0, 0, 0), (64, 2, 60, 16, 32, 2)])
    computing, communication = script.modelled(measured["64", "1"], measured["64", "2"], 8)
    assert computing == pytest.approx((20 + 80 / 8) / 10)
    assert communication == pytest.approx(1e3 * ((2 * 32 + 2 * 16) * 7 / 8 / 1e3) + 2)


def test_where_communication_takes_over(script):
    measured = [(n, 1, n, 0, 0, 0) for n in (64, 128)] + [(n, 2, n / 2, 0, 0, 10) for n in (64, 128)]
    at = script.lines_through(rows(script, measured))
    assert at(1000)[1]["cpu ms"] == pytest.approx(500)
    size = script.even_batch_size(at, 8)  # n / 8 / 200 ms against 10 messages of 20 microseconds
    assert size / 2 <= 0.2 * 8 * 200 < size


def test_bytes_are_counted(script):
    sent = script.Sent()
    dist.all_reduce(torch.zeros(3), group=None)
    dist.all_gather([], torch.zeros(5), group=None)
    assert (sent.summed, sent.gathered, sent.messages) == (12, 20, 2)


def test_a_row_of_one_process(script, monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    row = script.fitted_row(8, 2)
    assert set(row) == set(script.FIELDS)
    assert (row["processes"], row["messages"]) == (1, 0)
    assert float(row["ms per step"]) > 0
