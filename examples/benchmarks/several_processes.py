"""Seconds, bytes sent and memory of a step, by one process and by several, and what follows for many GPUs.

Each row is a fit of a process or processes of its own, with one thread each. Run it with

    python examples/benchmarks/several_processes.py --csv distributed.csv [--processes 1 2] [--batch-sizes 64 256 1024]
    python examples/benchmarks/several_processes.py --csv distributed.csv --model

A step of SimCLR with the default encoder is measured: 9 channels, 128 steps. Seconds are the lower quartile over the
steps, so that other work on the machine counts little. `cpu ms` is the time of the processor per step in process 0: it
leaves out what the process waits for. Bytes are the tensors that process 0 gives to collectives. ``--model`` writes no
row, and prints how long a step would take on more GPUs.
"""

import argparse
import os
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from growing_table import GrowingTable, as_line
from overhead import make_data
from skorch.callbacks import Callback

from sklearn_ssl import SimCLRTransformer

KEY = ("batch size", "processes")
FIELDS = (*KEY, "ms per step", "series per second", "cpu ms", "bytes gathered", "bytes summed", "messages", "peak MiB")
SHAPE = (9, 128)
WARM_UP = 3  # steps that are not measured

# What the model assumes of a cluster: a GPU is so many times as fast as the core that was measured, each message takes
# so long, and so many bytes per second pass a GPU's link, within a machine of eight GPUs and beyond it.
GPU_SPEED = 200
LATENCY = {8: 20e-6, 64: 60e-6}
BANDWIDTH = {8: 200e9, 64: 25e9}


class Clock(Callback):
    """Takes the time before each step."""

    def on_train_begin(self, net, **kwargs):
        """Begin."""
        self.wall, self.cpu = [], []

    def on_batch_begin(self, net, **kwargs):
        """Take the times."""
        self.wall.append(time.perf_counter())
        self.cpu.append(time.process_time())


class Sent:
    """Counts what this process gives to the collectives of `torch.distributed`."""

    def __init__(self):
        self.summed, self.gathered, self.messages = 0, 0, 0
        self._all_reduce, self._all_gather = dist.all_reduce, dist.all_gather
        dist.all_reduce, dist.all_gather = self.all_reduce, self.all_gather

    def all_reduce(self, tensor, *args, **kwargs):
        """Sum."""
        self.summed += tensor.nbytes
        self.messages += 1
        return self._all_reduce(tensor, *args, **kwargs)

    def all_gather(self, tensors, tensor, *args, **kwargs):
        """Gather."""
        self.gathered += tensor.nbytes
        self.messages += 1
        return self._all_gather(tensors, tensor, *args, **kwargs)


def fitted_row(batch_size, n_steps):
    """Fit in this process, which may be one of several, and return the row of the table."""
    torch.set_num_threads(1)
    n_processes = int(os.environ.get("WORLD_SIZE", 1))
    sent = Sent()
    X = make_data((4 * batch_size, *SHAPE))
    transformer = SimCLRTransformer(
        batch_size=batch_size,
        max_steps=n_steps + WARM_UP + 1,
        distributed=n_processes > 1,
        device="cpu",
        random_state=0,
        net_params={"callbacks": [("clock", Clock())]},
    ).fit(X)
    clock = dict(transformer.net_.callbacks_)["clock"]
    wall, cpu = (float(np.quantile(np.diff(times)[WARM_UP:], 0.25)) for times in (clock.wall, clock.cpu))
    per_step = [round(value / (n_steps + WARM_UP + 1)) for value in (sent.gathered, sent.summed, sent.messages)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    numbers = (f"{1e3 * wall:.1f}", f"{batch_size / wall:.0f}", f"{1e3 * cpu:.1f}", *per_step, f"{peak:.0f}")
    return dict(zip(FIELDS, (batch_size, n_processes, *numbers), strict=True))


def row_of(batch_size, n_processes, n_steps):
    """Start processes, let them fit, and return the row that the first one prints."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", __file__, "--child", str(batch_size), str(n_steps)]
    launcher = {"WORLD_SIZE": n_processes, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": 1}
    processes = []
    for rank in range(n_processes):
        own = {name: str(value) for name, value in {**launcher, "RANK": rank}.items()}
        processes.append(subprocess.Popen(command, env={**os.environ, **own}, stdout=subprocess.PIPE, text=True))
    printed = [one.communicate()[0] for one in processes]
    if any(one.returncode for one in processes):
        raise RuntimeError(f"A fit of {n_processes} processes failed.")
    return dict(zip(FIELDS, printed[0].split(), strict=True))


def modelled(alone, pair, n_gpus):
    """Return the milliseconds of computing and of communication in a step on so many GPUs.

    Parameters
    ----------
    alone, pair : dict
        The rows of one and of two processes.
    n_gpus : int
        Number of GPUs W.

    Returns
    -------
    computing, communication : float
        With c_1 and c_2 the times of the processor, a step of one process takes a + b, where the part b = 2 (c_1 - c_2)
        is split and the part a is not. So W processes compute for a + b / W. A sum of n bytes sends 2 n (W - 1) / W
        over the link of each GPU, and gathering n bytes in all n (W - 1) / W.
    """
    once, shared = float(alone["cpu ms"]), float(pair["cpu ms"])
    split = min(2 * (once - shared), once)  # not more, by an error of the measurement
    computing = (once - split + split / n_gpus) / GPU_SPEED
    n_bytes = 2 * float(pair["bytes summed"]) + 2 * float(pair["bytes gathered"])  # of 2 processes, each gave one half
    link = n_bytes * (n_gpus - 1) / n_gpus / BANDWIDTH[n_gpus]
    return computing, 1e3 * (link + float(pair["messages"]) * LATENCY[n_gpus])


def lines_through(rows):
    """Return a function that gives the rows of one and of two processes for any batch size, by straight lines."""
    sizes = sorted({int(size) for size, _ in rows})

    def at(batch_size):
        return [
            {
                name: np.polyval(np.polyfit(sizes, [float(rows[(str(n), count)][name]) for n in sizes], 1), batch_size)
                for name in ("cpu ms", "bytes summed", "bytes gathered", "messages")
            }
            for count in ("1", "2")
        ]

    return at


def even_batch_size(at, n_gpus):
    """Return the smallest power of two of series in a batch whose communication takes less than its computing.

    It is None if there is none: every GPU gets the features of the whole batch, but computes a share of it.
    """
    sizes = (2**power for power in range(4, 24))
    return next((size for size in sizes if np.subtract(*modelled(*at(size), n_gpus)) > 0), None)


def print_model(table):
    """Print how long a step takes by the model, for each batch size that was measured with one and two processes."""
    rows = table.rows()
    for n_gpus in LATENCY:
        size = even_batch_size(lines_through(rows), n_gpus)
        where = "with no batch size" if size is None else f"from {size} series per batch on"
        print(f"{n_gpus} GPUs: communication takes less than computing {where}")
    for batch_size in sorted({int(key[0]) for key in rows}):
        alone, pair = (rows[(str(batch_size), str(n))] for n in (1, 2))
        once = float(alone["cpu ms"]) / GPU_SPEED
        for n_gpus in LATENCY:
            computing, communication = modelled(alone, pair, n_gpus)
            faster = once / (computing + communication)
            print(
                f"batch size {batch_size}, {n_gpus} GPUs: {computing:.2f} ms computing, {communication:.2f} ms "
                f"communication, {faster:.1f} times as fast as one"
            )


def main():
    """Fill the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path, default="distributed.csv")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[64, 256, 1024])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--model", action="store_true", help="print what the rows of the table mean for many GPUs")
    parser.add_argument("--child", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        row = fitted_row(*options.child)
        if int(os.environ["RANK"]) == 0:
            print(*row.values())
        return
    table = GrowingTable(options.csv, FIELDS, KEY)
    if options.model:
        print_model(table)
        return
    for batch_size in options.batch_sizes:
        for n_processes in options.processes:
            row = row_of(batch_size, n_processes, options.steps)
            table.append(row)
            print(as_line(row), flush=True)


if __name__ == "__main__":
    main()
