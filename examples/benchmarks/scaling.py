"""Time and peak memory of `fit` and `transform` against number of series, length and channels; data beyond the memory.

`fit` is one epoch, so that its cost should grow with the data and no faster. Every point is a process of its own, so
that its peak of resident memory is its own too. What counts is the memory beyond the process before the series were
made, the series themselves and the features returned. Slopes are those of straight lines through the points in log-log
scale: 1 is linear, 0 is flat. Run it with

    python examples/benchmarks/scaling.py --csv scaling.csv --slopes scaling_slopes.csv --figure scaling.png

Then, on Linux, files four times larger than the memory that the process may take are fitted and transformed: a memory
map; a store of zarr, behind three steps of a Pipeline; and windows of one long recording, behind the same steps. Their
features are written to a file. The limit is one on private writable memory (RLIMIT_DATA), set to what the process has
after a fit of 64 series, plus the allowance. It leaves out pages of the mapped file that the kernel keeps in memory
while there is room, and drops when there is none; a limit on address space would count the whole file. As a check that
the limit bites, the process tries to copy the series into memory first, and must fail. The peak of anonymous resident
memory (RssAnon), watched by a thread, is in the table too.
"""

import argparse
import contextlib
import csv
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import torch
from growing_table import GrowingTable
from methods_by_name import make_method
from sklearn.pipeline import make_pipeline

from sklearn_ssl.datasets import OnDisk, write_features
from sklearn_ssl.preprocessing import ChannelWise, ClipOutliers, FillMissing, window_recordings

AXES = {  # the axis that varies, its place in the shape, shape of the rest, ratio between points
    "series": (0, (0, 1, 64), 4),
    "length": (2, (64, 1, 0), 4),
    "channels": (1, (256, 0, 128), 3),
}
LARGEST = (200_000, 10_000, 100)
POINTS = 4
OPERATIONS = ("fit", "transform")
MAPPED_SERIES = (32, 512)  # channels and time steps; 64 KiB a series in float32
MAPPED_BATCH = 32
FORMS = ("memory map", "zarr", "windows")
KEY = ("axis", "size", "method", "operation")
MEASURES = ("seconds", "peak MiB", "data MiB", "features MiB", "beyond MiB")
FIELDS = (*KEY, *MEASURES, "error")
MIB = 2**20


def main():
    """Fill the table, print slopes, draw them, and work beyond the memory."""
    options = parsed_options()
    if options.child:
        torch.set_num_threads(options.threads)
        kind, *arguments = json.loads(options.child)
        print(json.dumps({"point": measured, "stored": stored}[kind](*arguments)))
        return
    for method in options.methods:
        make_method(method)  # a name that is unknown shows before any work
    table = GrowingTable(options.csv, FIELDS, KEY)
    for key in points(options):
        if key not in table.rows():
            row = dict(zip(KEY, key, strict=True)) | in_child(["point", *key], options.threads)
            table.append(row)
            print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    rows = [row for key, row in table.rows().items() if key in points(options) and not row["error"]]
    lines = slopes(rows)
    for line in lines:
        print("  ".join(f"{name} {value}" for name, value in line.items()))
    if options.slopes and lines:
        write(lines, options.slopes)
    if options.figure and lines:
        draw(rows, options.figure)
    if options.memory:
        beyond_memory(options)


def parsed_options():
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", default=["RandomEncoder", "VICReg"])
    parser.add_argument("--axes", nargs="*", choices=AXES, default=list(AXES))
    parser.add_argument(
        "--largest", nargs=3, type=int, default=LARGEST, metavar=tuple(AXES), help="largest sizes on the axes"
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--csv", type=Path, default="scaling.csv")
    parser.add_argument("--slopes", type=Path, help="also write the slopes to this file")
    parser.add_argument("--figure", help="draw the points to this file")
    parser.add_argument("--memory", type=int, default=512, help="MiB allowed for stored data; 0 leaves this part out")
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=FORMS, help="forms of the stored data")
    parser.add_argument("--factor", type=float, default=4.0, help="stored data over allowed memory")
    parser.add_argument("--folder", help="where the data are stored; default: the system's temporary folder")
    parser.add_argument("--mapped-csv", type=Path, help="also write the table of stored data to this file")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def points(options):
    """Return the keys of all points, as the file has them."""
    return [
        (axis, str(size), method, operation)
        for axis, largest in zip(AXES, options.largest, strict=True)
        if axis in options.axes
        for size in sizes(axis, largest)
        for method in options.methods
        for operation in OPERATIONS
    ]


def sizes(axis, largest):
    """Return the sizes on an axis, each a fixed multiple of the one before."""
    ratio = AXES[axis][2]
    return [max(2, round(largest / ratio**step)) for step in reversed(range(POINTS))]


def in_child(work, threads):
    """Do something in a process of its own and return what it found, or what went wrong."""
    command = [sys.executable, __file__, "--threads", str(threads), "--child", json.dumps(work)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or [f"ended with code {done.returncode}"]
        return {**dict.fromkeys(MEASURES, ""), "error": reason[0]}
    return json.loads(done.stdout.splitlines()[-1]) | {"error": ""}


def measured(axis, size, method, operation):
    """Return seconds and memory of one operation on series of standard normal values."""
    place, shape, _ = AXES[axis]
    shape = tuple(int(size) if i == place else one for i, one in enumerate(shape))
    warm(method, shape[1])
    transformer = one_epoch(method)
    before = resident("VmRSS")
    X = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    if operation == "transform":
        transformer.fit(X[:64])
    forget_peak()
    start = time.perf_counter()
    features = transformer.fit(X) if operation == "fit" else transformer.transform(X)
    seconds = time.perf_counter() - start
    peak, data = resident("VmHWM"), X.nbytes / MIB
    returned = 0.0 if operation == "fit" else features.nbytes / MIB
    values = (seconds, peak, data, returned, max(0.0, peak - before - data - returned))
    return {name: round(value, 3) for name, value in zip(MEASURES, values, strict=True)}


def one_epoch(method, **parameters):
    """Return a transformer that takes one pass over the series."""
    return make_method(method, max_epochs=1, random_state=0, device="cpu", **parameters)


def warm(method, n_channels):
    """Have libraries and kernels loaded before anything is measured."""
    X = np.random.default_rng(1).standard_normal((64, n_channels, 64), dtype=np.float32)
    one_epoch(method, batch_size=MAPPED_BATCH).fit(X).transform(X)


def resident(name):
    """Return a line of this process's memory in MiB; outside Linux always the peak."""
    status = Path("/proc/self/status")
    if not status.exists():
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (MIB if sys.platform == "darwin" else 1024)
    line = next(line for line in status.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024


def forget_peak():
    """Start the peak of resident memory again, where the system can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def slopes(rows):
    """Return the log-log slopes of time and of memory beyond the data, a line for each axis, method and operation."""
    lines = []
    for curve, found in curves(rows).items():
        if len(found) < 2:
            continue
        line = dict(zip(("axis", "method", "operation"), curve, strict=True))
        line["sizes"] = f"{found[0, 0]:.0f} to {found[-1, 0]:.0f}"
        line["slope, time"] = f"{slope(found[:, 0], found[:, 1]):.2f}"
        line["slope, memory beyond the data"] = f"{slope(found[:, 0], found[:, 2]):.2f}"
        line["seconds at the largest"] = f"{found[-1, 1]:.1f}"
        line["MiB beyond the data at the largest"] = f"{found[-1, 2]:.0f}"
        lines.append(line)
    return lines


def curves(rows):
    """Return arrays of size, seconds and MiB beyond the data (at least one) by axis, method and operation."""
    found = {}
    for row in sorted(rows, key=lambda row: int(row["size"])):
        values = (float(row["size"]), float(row["seconds"]), max(1.0, float(row["beyond MiB"])))
        found.setdefault((row["axis"], row["method"], row["operation"]), []).append(values)
    return {curve: np.array(values) for curve, values in found.items()}


def slope(x, y):
    """Return the slope of the straight line through the logarithms."""
    return np.polyfit(np.log(x), np.log(y), 1)[0]


def draw(rows, path):
    """Draw time and memory against every axis, with the slopes in the legends."""
    import matplotlib.pyplot as plt

    found = curves(rows)
    axes_drawn = list(dict.fromkeys(axis for axis, _, _ in found))
    figure, panels = plt.subplots(
        2, len(axes_drawn), figsize=(5 * len(axes_drawn), 8), sharex="col", layout="constrained", squeeze=False
    )
    methods = list(dict.fromkeys(method for _, method, _ in found))
    for (axis, method, operation), values in found.items():
        for column, name in ((1, "seconds"), (2, "MiB beyond series and features")):
            panel = panels[column - 1, axes_drawn.index(axis)]
            panel.loglog(
                values[:, 0],
                values[:, column],
                marker="o" if operation == "fit" else "s",
                linestyle="-" if operation == "fit" else "--",
                color=f"C{methods.index(method)}",
                label=f"{method}, {operation}: slope {slope(values[:, 0], values[:, column]):.2f}",
            )
            panel.set(
                ylabel=name, xlabel={"series": "number of series", "channels": "channels"}.get(axis, "time steps")
            )
    for panel in panels.flat:
        panel.grid(alpha=0.3, which="both")
        panel.legend(fontsize=8)
    figure.savefig(path, dpi=150)
    print(f"The picture of the slopes is in {path}.")


def beyond_memory(options):
    """Fit and transform series that memory has no room for, print and write what came out."""
    if not Path("/proc/self/status").exists():
        print("Stored data: left out, the limit needs Linux.")
        return
    lines = []
    for method, form in itertools.product(options.methods, options.forms):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            found = in_child(["stored", method, form, options.memory, options.factor, folder], options.threads)
        lines.append({"method": method, "form": form} | {name: value for name, value in found.items() if value != ""})
        print("  ".join(f"{name} {value}" for name, value in lines[-1].items()), flush=True)
    if options.mapped_csv:
        write(lines, options.mapped_csv)


def stored(method, form, allowed, factor, folder):
    """Return what fitting and transforming stored series takes under a limit on memory."""
    folder = Path(folder)
    X = stored_series(form, folder, int(allowed * factor))
    warm(method, X.shape[1])
    estimator = one_epoch(method, batch_size=MAPPED_BATCH)
    if form != "memory map":
        estimator = make_pipeline(FillMissing(), ClipOutliers(), ChannelWise(), estimator)
        write_features(estimator.fit(X[:64]), X[:64], folder / "features.npy")
    limit = int((resident("VmData") + allowed) * MIB)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    check_that_limit_bites(X)
    with PeakOfAnonymousMemory() as watch:
        start = time.perf_counter()
        estimator.fit(X)
        fitted = time.perf_counter()
        in_memory = form == "memory map"
        features = estimator.transform(X) if in_memory else write_features(estimator, X, folder / "features.npy")
        end = time.perf_counter()
    return {
        "series": " x ".join(map(str, X.shape)),
        "series MiB": round(X.nbytes / MIB),
        "allowed MiB": allowed,
        "most anonymous MiB taken": round(watch.grown),
        "features MiB of it": round(features.nbytes / MIB) if in_memory else 0,
        "fit seconds": round(fitted - start, 1),
        "transform seconds": round(end - fitted, 1),
    }


def stored_series(form, folder, size):
    """Store standard normal series of `size` MiB, block by block, and open them."""
    n_channels, length = MAPPED_SERIES
    n_series = size * MIB // (4 * n_channels * length)
    if form == "windows":
        recording = normal_values(folder / "recording.npy", (n_series * length, n_channels))
        return window_recordings([OnDisk(recording).T], length=length)[0]
    X = normal_values(folder / "series.npy", (n_series, n_channels, length))
    if form == "memory map":
        return X
    import zarr

    array = zarr.create_array(folder / "series.zarr", shape=X.shape, chunks=(16, *MAPPED_SERIES), dtype=X.dtype)
    for start in range(0, n_series, 256):
        array[start : start + 256] = X[start : start + 256]
    return OnDisk(array)


def normal_values(path, shape):
    """Write a file of standard normal values, block by block, and map it."""
    X = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    rng = np.random.default_rng(0)
    at_once = max(1, 16 * MIB // (4 * int(np.prod(shape[1:]))))
    for start in range(0, len(X), at_once):
        X[start : start + at_once] = rng.standard_normal(X[start : start + at_once].shape, dtype=np.float32)
    X.flush()
    return np.load(path, mmap_mode="r")


def check_that_limit_bites(X):
    """Raise if the series can be copied into memory."""
    try:
        np.array(X)
    except MemoryError:
        return
    raise RuntimeError("The series fit into the allowed memory, so that nothing is shown.")


class PeakOfAnonymousMemory:
    """Watch this process's anonymous resident memory; `grown` is the most that was added, in MiB."""

    def __enter__(self):
        self._before = self._peak = resident("RssAnon")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *raised):
        self._over.set()
        self._thread.join()
        self.grown = self._peak - self._before

    def _watch(self):
        while not self._over.wait(0.02):
            self._peak = max(self._peak, resident("RssAnon"))


def write(lines, path):
    """Write dictionaries as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for line in lines for name in line)))
        writer.writeheader()
        writer.writerows(lines)


if __name__ == "__main__":
    main()
