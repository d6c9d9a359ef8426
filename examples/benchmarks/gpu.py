"""What a GPU does with the library, in at most eight minutes: correctness of every method, speed and memory.

The script makes its series itself, reads no files and downloads nothing. Next to what the package imports, which is
PyTorch, skorch, scikit-learn and pandas, it uses pytest where that is there. Run it with

    python examples/benchmarks/gpu.py --csv gpu.csv
    python examples/benchmarks/gpu.py --device cpu --quick  # all of it, small, where there is no GPU

Parts, which ``--parts`` chooses from:

* ``tests``: the test files that touch devices.
* ``methods``: one fit of each method. Its first losses must be those of the CPU with the same random numbers, all its
  tensors must be on the device, and its features finite. On CUDA devices the warnings of PyTorch about waiting are
  counted for one step.
* ``step``: the time of a step against a bare PyTorch loop, and the share of it in which the device computes.
* ``arithmetic``: bfloat16 against float32, and ``torch.compile`` against none.
* ``throughput``: series per second of fit and transform, and peak memory.
* ``pickles``: a fitted estimator is read and used by a process that has no GPU.

A part that fails is a row as well, and a part for which no time is left is left out.
"""

import argparse
import contextlib
import importlib.util
import os
import pickle
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from growing_table import GrowingTable, as_line
from overhead import bare_fit, library_fit, make_data
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from sklearn_ssl import SimCLRTransformer
from sklearn_ssl.base import SSLTransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.testing import _target, all_estimators, cheap_instance

FIELDS = ("part", "case", "measure", "value")
ROOT = Path(__file__).parents[2]
TESTS = ["tests/engine/test_devices.py", "tests/engine/test_accelerators.py", "tests/test_gpu.py"]
SIZES = {"7352 x 9 x 128": (7352, 9, 128), "100000 x 1 x 512": (100_000, 1, 512)}
QUICK_SIZES = {"96 x 9 x 128": (96, 9, 128), "64 x 1 x 512": (64, 1, 512)}
FIRST_LOSSES = 3
LEFT_OVER = "from sys import argv; import numpy, pickle; one, X, H = pickle.load(open(argv[1], 'rb'))"


class HostDraws(TorchDispatchMode):
    """A block in which the random numbers of a device are those that the CPU would draw."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Run an operation, on the CPU if it draws."""
        kwargs = dict(kwargs or {})
        devices = [one.device for one in args if isinstance(one, torch.Tensor)] + [kwargs.get("device")]
        device = next((one for one in devices if one is not None), torch.device("cpu"))
        if torch.Tag.nondeterministic_seeded not in func.tags or torch.device(device).type == "cpu":
            return func(*args, **kwargs)
        if "device" in kwargs:
            kwargs["device"] = torch.device("cpu")
        if func.overloadpacket.__name__.endswith("_"):
            filled = torch.empty_like(args[0], device="cpu")
            return args[0].copy_(func(filled, *tree_map_only(torch.Tensor, torch.Tensor.cpu, args[1:]), **kwargs))
        drawn = func(*tree_map_only(torch.Tensor, torch.Tensor.cpu, args), **kwargs)
        return tree_map_only(torch.Tensor, lambda one: one.to(device), drawn)


def synchronised(device):
    """Wait until a device has done all that it was given."""
    if device.type != "cpu":
        getattr(torch, device.type).synchronize()


def seconds(device, function, /, *arguments, **options):
    """Return the wall time of one call with all that it left to the device."""
    synchronised(device)
    start = time.perf_counter()
    function(*arguments, **options)
    synchronised(device)
    return time.perf_counter() - start


def test_rows(options):
    """Run the test files that touch devices."""
    if importlib.util.find_spec("pytest") is None:
        yield "all", "result", "pytest is not there"
        return
    chosen = ["-k", "SimCLR or fit_on or device or stream"] if options.quick else []
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS, *chosen]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **search_path()})
    yield "all", "result", found.stdout.strip().splitlines()[-1] if found.stdout else found.stderr.strip()[-200:]


def search_path():
    """Return the variable by which another process finds this package."""
    return {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}


def method_rows(options):
    """Fit each method once on the device and once on the CPU."""
    X, _ = make_waves(n_cases=32, n_timepoints=32, random_state=0)
    methods = [cls for _, cls in all_estimators() if issubclass(cls, SSLTransformer)]
    differences = []
    for cls in methods[:: 8 if options.quick else 1]:
        try:
            differences.append((yield from method_row(cls, X, options.device)))
        except Exception as error:
            yield cls.__name__, "error", f"{type(error).__name__}: {error}"[:200]
    yield "all", "methods", f"{len(differences)}"
    yield "all", "largest relative difference of the first losses", f"{max(differences, default=np.nan):.1e}"


def method_row(cls, X, device):
    """Yield what one method does that it should not, and return the difference of its first losses."""
    fits = []
    for where in ("cpu", device):
        with HostDraws(), waits(device) as found:
            fits.append(small(cls, where).fit(X, _target(cls(), X)))
    one, losses = fits[-1], [losses_of(fit) for fit in fits]
    elsewhere = [name for name, value in tensors_of(one) if value.device.type != device.type]
    if elsewhere:
        yield cls.__name__, "tensors on the CPU", " ".join(elsewhere)[:200]
    if not np.isfinite(one.transform(X)).all():
        yield cls.__name__, "features", "not finite"
    if found:
        yield cls.__name__, "waits in a fit of four steps", str(len(found))
    difference = np.abs(np.subtract(*losses)).max() / max(np.abs(losses).max(), 0.5)
    if difference > 1e-3:
        yield cls.__name__, "relative difference of the first losses", f"{difference:.1e}"
    return difference


def small(cls, device):
    """Return a method that makes four small steps on a device, in float32, and so do its first stages."""
    one = cheap_instance(cls).set_params(batch_size=8)
    stages = [getattr(one, name) for name in getattr(cls, "_stages", ())]
    for part in (one, *stages):
        part.set_params(device=device, **({"precision": "float32"} if "precision" in part.get_params() else {}))
    return one


def losses_of(fitted):
    """Return the losses of the first steps."""
    return fitted.net_.history[0, "batches", :FIRST_LOSSES, "train_loss"]


def tensors_of(fitted):
    """Return names and tensors of a fitted estimator's module."""
    state = fitted.net_.module_.state_dict().items()
    return [(name, value) for name, value in state if not name.endswith("_extra_state")]


@contextlib.contextmanager
def waits(device):
    """Run a block and collect PyTorch's warnings about operations for which the host waits."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", message=".*synchronizing.*")
        if device.type == "cuda":
            torch.cuda.set_sync_debug_mode("warn")
        try:
            yield found
        finally:
            if device.type == "cuda":
                torch.cuda.set_sync_debug_mode("default")


def step_rows(options):
    """Compare steps with those of a bare loop, and measure for how much of them the device computes."""
    for size, (X, batch_size, steps) in sized(options):
        ms = {}
        for name, fit in (("bare", bare_fit), ("fit", library_fit)):
            ms[name] = ms_per_step(options, fit, X, "SimCLR", batch_size, steps, device=options.device)
            yield size, f"ms per step, {name}", f"{ms[name]:.2f}"
        yield size, "fit against bare", f"{ms['fit'] / ms['bare']:.3f}"
        yield size, "share of a fit in kernels", f"{share_in_kernels(options.device, X, batch_size, steps):.2f}"


def sized(options):
    """Yield the name of each size, its series, the series of a batch and the steps to measure."""
    for size, shape in (QUICK_SIZES if options.quick else SIZES).items():
        yield size, (make_data(shape), 16 if options.quick else 256, 2 if options.quick else 40)


def ms_per_step(options, fit, X, method, batch_size, steps, **where):
    """Return the median time of further steps: what a fit does once is subtracted."""
    times = []
    fit(X, method, batch_size, steps, **where)
    for _ in range(1 if options.quick else 3):
        few, many = (seconds(options.device, fit, X, method, batch_size, n, **where) for n in (steps, 3 * steps))
        times.append((many - few) / (2 * steps))
    return 1e3 * statistics.median(times)


def share_in_kernels(device, X, batch_size, steps):
    """Return the time of kernels of a fit, of operations on the CPU, as a share of its wall time."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profile:
        wall = seconds(device, library_fit, X, "SimCLR", batch_size, steps, device=device)
    measured = "self_cpu_time_total" if device.type == "cpu" else "self_device_time_total"
    kernels = sum(getattr(event, measured) for event in profile.key_averages() if is_kernel(event, device))
    return kernels / 1e6 / wall


def is_kernel(event, device):
    """Tell whether an event of the profiler is work of the device."""
    if device.type == "cpu":
        return event.key.startswith("aten::")
    return event.device_type == torch.autograd.DeviceType.CUDA


def arithmetic_rows(options):
    """Measure steps with other arithmetic, and with a compiled module."""
    # The quick run compiles nothing: that takes minutes and wants a C++ compiler. It goes through the same calls.
    backend = {"compile__backend": "eager"} if options.quick else {}
    cases = {
        "float32": {"precision": "float32"},
        "bf16": {"precision": "bf16"},
        "float32, compiled": {"precision": "float32", "net_params": {"compile": True, **backend}},
    }
    size, (X, batch_size, steps) = next(iter(sized(options)))
    first = {}
    for case, where in cases.items():
        where = {"device": options.device, **where}
        _, losses = library_fit(X, "SimCLR", batch_size, steps, **where)
        first[case] = losses[0]
        ms = ms_per_step(options, library_fit, X, "SimCLR", batch_size, steps, **where)
        yield f"{size}, {case}", "ms per step", f"{ms:.2f}"
        yield f"{size}, {case}", "first loss against float32", f"{first[case] / first['float32'] - 1:.1e}"


def throughput_rows(options):
    """Measure series per second, and peak memory, with the defaults."""
    for size, (X, batch_size, steps) in sized(options):
        forget_peak(options.device)
        one = SimCLRTransformer(device=options.device, batch_size=batch_size, max_steps=steps, random_state=0)
        one.fit(X)
        fit = seconds(options.device, one.fit, X)
        yield size, "series per second, fit", f"{steps * batch_size / fit:.0f}"
        yield size, "peak MiB, fit", f"{peak_mib(options.device):.0f}"
        one.transform(X[:1000])
        forget_peak(options.device)
        yield size, "series per second, transform", f"{len(X) / seconds(options.device, one.transform, X):.0f}"
        yield size, "peak MiB, transform", f"{peak_mib(options.device):.0f}"


def forget_peak(device):
    """Measure the peak of memory from now on; of the CPU it is that of the process."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()


def peak_mib(device):
    """Return the peak of memory on the device; of the process if it is the CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def pickle_rows(options):
    """Let a process without a GPU read and use what was fitted here."""
    X = make_data((64, 3, 64))
    one = SimCLRTransformer(device=options.device, max_steps=4, precision="float32", random_state=0).fit(X)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "fitted")
        path.write_bytes(pickle.dumps((one, X, one.transform(X))))
        check = f"{LEFT_OVER}; print(abs(one.transform(X) - H).max() / abs(H).max(), one.net_.device)"
        environment = {**os.environ, **search_path(), "CUDA_VISIBLE_DEVICES": ""}
        command = [sys.executable, "-W", "ignore", "-c", check, str(path)]
        found = subprocess.run(command, capture_output=True, text=True, env=environment)
    yield "SimCLR", "largest relative difference, and device there", found.stdout.strip() or found.stderr[-300:]


PARTS = {
    "tests": test_rows,
    "methods": method_rows,
    "step": step_rows,
    "throughput": throughput_rows,
    "arithmetic": arithmetic_rows,
    "pickles": pickle_rows,
}


def rows_of(part, options):
    """Yield the rows of a part until the time is up; an error is one more row."""
    start = time.perf_counter()
    try:
        for case, measure, value in PARTS[part](options):
            yield dict(zip(FIELDS, (part, case, measure, value), strict=True))
            if time.perf_counter() > options.end:
                raise TimeoutError("the time is up")
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        yield dict(zip(FIELDS, (part, "all", "error", text), strict=True))
    yield dict(zip(FIELDS, (part, "all", "seconds", f"{time.perf_counter() - start:.1f}"), strict=True))


def options_of(arguments):
    """Return the options that were given on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", type=torch.device, default=torch.device("cuda"))
    parser.add_argument("--parts", nargs="+", default=[*PARTS], choices=[*PARTS])
    parser.add_argument("--minutes", type=float, default=8.0, help="no part begins or goes on after them")
    parser.add_argument("--quick", action="store_true", help="small series, few methods and few steps")
    parser.add_argument("--csv", type=Path, default=None, help="also write the rows to this file, as they come")
    options = parser.parse_args(arguments)
    options.end = time.perf_counter() + 60 * options.minutes
    return options


def main(arguments=None):
    """Print the rows of all parts."""
    options = options_of(arguments)
    table = None if options.csv is None else GrowingTable(options.csv, FIELDS, FIELDS[:3])
    for part in options.parts:
        if time.perf_counter() > options.end:
            break
        for row in rows_of(part, options):
            print(as_line(row), flush=True)
            if table is not None:
                table.append(row)


if __name__ == "__main__":
    main()
