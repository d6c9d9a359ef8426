"""What the script about the cost of several processes is built from."""

import importlib

import pytest
import torch
import torch.distributed as dist


@pytest.fixture
def distributed(monkeypatch):
    monkeypatch.setattr(dist, "all_reduce", lambda tensor, **group: None)
    monkeypatch.setattr(dist, "all_gather", lambda tensors, tensor, **group: None)
    return importlib.import_module("distributed")


def rows(distributed, numbers):
    names = ("batch size", "processes", "cpu ms", "bytes gathered", "bytes summed", "messages")
    return {(str(one[0]), str(one[1])): dict(zip(names, map(str, one), strict=True)) for one in numbers}


def test_what_is_split_and_what_is_not(distributed, monkeypatch):
    monkeypatch.setattr(distributed, "GPU_SPEED", 10)
    monkeypatch.setattr(distributed, "LATENCY", {8: 1e-3})
    monkeypatch.setattr(distributed, "BANDWIDTH", {8: 1e3})
    measured = rows(distributed, [(64, 1, 100, 0, 0, 0), (64, 2, 60, 16, 32, 2)])
    computing, communication = distributed.modelled(measured["64", "1"], measured["64", "2"], 8)
    assert computing == pytest.approx((20 + 80 / 8) / 10)
    assert communication == pytest.approx(1e3 * ((2 * 32 + 2 * 16) * 7 / 8 / 1e3) + 2)


def test_where_communication_takes_over(distributed):
    measured = [(n, 1, n, 0, 0, 0) for n in (64, 128)] + [(n, 2, n / 2, 0, 0, 10) for n in (64, 128)]
    at = distributed.lines_through(rows(distributed, measured))
    assert at(1000)[1]["cpu ms"] == pytest.approx(500)
    size = distributed.even_batch_size(at, 8)  # n / 8 / 200 ms against 10 messages of 20 microseconds
    assert size / 2 <= 0.2 * 8 * 200 < size


def test_bytes_are_counted(distributed):
    sent = distributed.Sent()
    dist.all_reduce(torch.zeros(3), group=None)
    dist.all_gather([], torch.zeros(5), group=None)
    assert (sent.summed, sent.gathered, sent.messages) == (12, 20, 2)


def test_a_row_of_one_process(distributed, monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    row = distributed.fitted_row(8, 2)
    assert set(row) == set(distributed.FIELDS)
    assert (row["processes"], row["messages"]) == (1, 0)
    assert float(row["ms per step"]) > 0
