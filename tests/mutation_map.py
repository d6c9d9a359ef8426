"""Which test passes which line of the package, measured in forks of one process, each in a copy of the tree."""

import contextlib
import gzip
import hashlib
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

TREE = Path(__file__).resolve().parent.parent
PACKAGE = "sklearn_ssl"
IGNORED = shutil.ignore_patterns(
    *(".git", ".venv*", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info", "_build", "build", "dist", "generated")
)
IMPORTED_ONCE = (
    *("numpy", "scipy.stats", "scipy.signal", "torch", "torch._dynamo", "pandas", "matplotlib.pyplot", "skorch"),
    *("aeon.transformations.collection", "aeon.datasets", "sklearn.utils.discovery", "sklearn.utils.estimator_checks"),
    *("sklearn.ensemble", "sklearn.pipeline", "sklearn.manifold", "sklearn.decomposition", "sklearn.svm", "hypothesis"),
    *("safetensors.torch", "numba", "onnxruntime", "onnxscript", "pywt", "statsmodels.tsa.seasonal", "coverage"),
    *("rich", "joblib"),
)
ENVIRONMENT = {"SCIPY_ARRAY_API": "1", "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", "COVERAGE_CORE": "ctrace"}
COLLECTION = -1  # stands for a line that runs while the tests of a file are collected
LARGEST_PART = 300  # tests that are measured in one process
START_SECONDS = 90.0
FAILED_FORK = 70  # exit code
MEMORY = 8 * 2**30
QUIET = ["-q", "-x", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=short"]
QUIET += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # hypothesis is imported before


# ------------------------------------------------------------------------------------------------------ processes


@dataclass
class Task:
    """Work for a fork: `run(tree, report)` there, and then `finished(code, tree, report)` here."""

    run: Callable[[Path, Path], int]
    finished: Callable[[int, Path, Path], "Task | None"]
    prepare: Callable[[Path], None] = lambda tree: None


class Workers:
    """Copies of the tree, in each of which one fork at a time runs tests."""

    def __init__(self, n_jobs: int, folder: Path) -> None:
        self.trees = [folder / f"copy{number}" for number in range(n_jobs)]
        for tree in self.trees:
            shutil.copytree(TREE, tree, ignore=IGNORED)
        self.running: dict[int, tuple[Path, Path, Task]] = {}

    def work(self, tasks: Iterable[Task]) -> None:
        """Run the tasks; what `finished` returns is the next one in the same copy."""
        waiting = iter(tasks)
        free = list(self.trees)
        while True:
            while free and (task := next(waiting, None)) is not None:
                self._start(task, free.pop())
            if not self.running:
                return
            pid, status = os.wait()
            if pid not in self.running:
                continue
            tree, report, task = self.running.pop(pid)
            _kill_group(pid)
            following = task.finished(os.waitstatus_to_exitcode(status), tree, report)
            if following is None:
                free.append(tree)
            else:
                self._start(following, tree)

    def _start(self, task: Task, tree: Path) -> None:
        report = tree.parent / f"{tree.name}.report"
        report.write_text("")
        task.prepare(tree)
        pid = os.fork()
        if pid == 0:
            _in_fork(task, tree, report)
        self.running[pid] = tree, report, task

    def stop(self) -> None:
        """End all that runs."""
        for pid in self.running:
            _kill_group(pid)
            os.waitpid(pid, 0)


def _kill_group(pid: int) -> None:
    """End a fork with what it has started, which may live on when it has ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _in_fork(task: Task, tree: Path, report: Path) -> None:
    code = FAILED_FORK
    try:
        os.setsid()
        output = os.open(f"{report}.output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # which ends the process even in the middle of a library
        signal.signal(signal.SIGINT, signal.default_int_handler)  # tests press Ctrl-C
        signal.setitimer(signal.ITIMER_REAL, START_SECONDS)
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        os.chdir(tree)
        os.environ["PYTHONPATH"] = str(tree)
        sys.path.insert(0, str(tree))
        for name in ("mutation_kinds", "mutation_map"):
            sys.modules.pop(name)  # the copy has its own
        code = task.run(tree, report)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def import_once() -> None:
    """Import here what every fork needs and no mutation changes."""
    os.environ.update(ENVIRONMENT)
    sys.path[:] = [one for one in sys.path if Path(one).resolve() not in (TREE, TREE / "tests")]
    for name in IMPORTED_ONCE:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    import torch

    torch.set_num_threads(1)
    assert PACKAGE not in sys.modules


def run_pytest(tree: Path, files: Iterable[str], *plugins: Any, options: Iterable[str] = ()) -> int:
    """Run pytest in this process on test files of a tree."""
    seed = ["--hypothesis-seed=0"] if "hypothesis" in sys.modules else []
    places = [f"--rootdir={tree}", f"--basetemp={tree}.tmp"]
    return int(pytest.main([*QUIET, *seed, *places, *options, *files], plugins=list(plugins)))


# ------------------------------------------------------------------------------------- which test passes which line


class Collected:
    """Plugin that writes down which tests there are."""

    def __init__(self, report: Path) -> None:
        self.report = report

    def pytest_collection_finish(self, session) -> None:
        self.report.write_text(json.dumps([item.nodeid for item in session.items]))


class Measured:
    """Plugin that measures what lines the tests of one file pass, and how long they take."""

    def __init__(self, coverage, names: list[str]) -> None:
        self.coverage = coverage
        self.names = set(names)
        self.seconds: Counter = Counter()
        self.failed: set[str] = set()
        self.fixtures: dict[str, set[str]] = {}

    def pytest_collection_modifyitems(self, items: list) -> None:
        items[:] = [item for item in items if item.nodeid in self.names]
        self.fixtures = {item.nodeid: set(getattr(item, "fixturenames", ())) for item in items}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        signal.setitimer(signal.ITIMER_REAL, 600)
        self.coverage.switch_context(item.nodeid)
        result = yield
        self.coverage.switch_context("")
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef, request):
        shared = fixturedef.scope != "function"
        if shared:
            self.coverage.switch_context(f"fixture {fixturedef.argname}")
        result = yield
        if shared:
            self.coverage.switch_context(request._pyfuncitem.nodeid)
        return result

    def pytest_runtest_logreport(self, report) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed.add(report.nodeid)


def measure(tree: Path, report: Path, names: list[str]) -> int:
    """Write the lines that these tests of one file pass."""
    from coverage import Coverage

    coverage = Coverage(data_file=None, config_file=False, source=[f"{tree}/{PACKAGE}"])
    coverage.start()
    plugin = Measured(coverage, names)
    options = ["--maxfail=1000000"]
    code = run_pytest(tree, [names[0].split("::")[0]], plugin, options=options)
    coverage.stop()
    data = coverage.get_data()
    tests = [name for name in plugin.fixtures if name not in plugin.failed]
    numbers = {"": [COLLECTION], **{name: [number] for number, name in enumerate(tests)}}
    for fixture in set().union(*plugin.fixtures.values()):
        numbers[f"fixture {fixture}"] = [i for i, name in enumerate(tests) if fixture in plugin.fixtures[name]]
    groups = {}
    for path in data.measured_files():
        passed = defaultdict(list)
        for line, contexts in data.contexts_by_lineno(path).items():
            passed[tuple(sorted({i for one in contexts for i in numbers.get(one, ())}))].append(line)
        groups[str(Path(path).relative_to(tree))] = [(lines, those) for those, lines in passed.items()]
    seconds = [round(plugin.seconds[name], 4) for name in tests]
    known = {"tests": tests, "seconds": seconds, "groups": groups, "failed": sorted(plugin.failed)}
    report.write_text(json.dumps(known))
    return code


class Map:
    """What lines every test passes, kept in a file and measured again where tests or package have changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: dict[str, str] = {}
        self.measured: dict[str, dict] = {}
        if path.exists():
            known = json.loads(gzip.decompress(path.read_bytes()))
            self.files, self.measured = known["files"], known["measured"]

    def update(self, workers: Workers) -> None:
        """Measure what is new."""
        tree = workers.trees[0]
        now = {name: hashlib.sha1((tree / name).read_bytes()).hexdigest() for name in _files(tree)}
        collected: list[str] = []
        workers.work(self._collection(workers, collected))
        tests = defaultdict(list)
        for name in collected:
            tests[name.split("::")[0]].append(name)
        changed = {name for name in {*now, *self.files} if now.get(name) != self.files.get(name)}
        stale = [name for name in tests if self._is_stale(name, tests[name], changed)]
        self.measured = {name: one for name, one in self.measured.items() if name in tests and name not in stale}
        started, parts = time.monotonic(), []
        for name in sorted(stale, key=lambda name: -len(tests[name])):
            count = -(-len(tests[name]) // LARGEST_PART)
            parts += [(name, tests[name][first::count]) for first in range(count)]
        if parts:
            print(f"Measuring the tests of {len(stale)} files.", flush=True)
            _coverage_or_exit()
        self.files = now
        try:
            workers.work(self._task(name, names) for name, names in parts)
        finally:
            if parts:
                self.save()
        if parts:
            print(f"Measured in {time.monotonic() - started:.0f} s.", flush=True)

    def save(self) -> None:
        """Write the file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        known = {"files": self.files, "measured": self.measured}
        self.path.write_bytes(gzip.compress(json.dumps(known).encode(), 3))

    def _is_stale(self, name: str, tests: list[str], changed: set[str]) -> bool:
        known = self.measured.get(name)
        if known is None or name in changed or known["collected"] != sorted(tests):
            return True
        groups = [group for part in known["parts"] for path in changed for group in part["groups"].get(path, ())]
        return any(max(those, default=COLLECTION) > COLLECTION for _, those in groups)

    def _collection(self, workers: Workers, collected: list[str]) -> Iterator[Task]:
        """Collect in every copy, which also leaves compiled tests in it."""

        def finished(code: int, tree: Path, report: Path) -> None:
            if code:
                sys.exit(f"The tests cannot be collected:\n{Path(f'{report}.output').read_text()[-3000:]}")
            collected[:] = json.loads(report.read_text())

        def run(tree: Path, report: Path) -> int:
            return run_pytest(tree, (), Collected(report), options=["--collect-only"])

        return (Task(run, finished) for _ in workers.trees)

    def _task(self, name: str, names: list[str]) -> Task:
        def finished(code: int, tree: Path, report: Path) -> None:
            text = report.read_text()
            if not text:
                print(f"{name}: no result (exit code {code})\n{Path(f'{report}.output').read_text()[-2000:]}")
                return
            part = json.loads(text)
            if part["failed"]:
                print(f"Fail without a mutation: {', '.join(part['failed'])}", flush=True)
            known = self.measured.setdefault(name, {"parts": [], "collected": []})
            known["collected"] = sorted([*known["collected"], *names])
            known["parts"].append(part)

        return Task(lambda tree, report: measure(tree, report, names), finished)

    def tests(self, path: str, first: int, last: int) -> tuple[dict[str, float], dict[str, float]]:
        """Return the tests that pass one of these lines, and one of each file whose collection does; with seconds."""
        found, others = {}, {}
        for known in self.measured.values():
            for part in known["parts"]:
                numbers = set()
                for lines, those in part["groups"].get(path, ()):
                    if any(first <= line <= last for line in lines):
                        numbers.update(those)
                seconds = dict(zip(part["tests"], part["seconds"], strict=True))
                if COLLECTION in numbers and seconds:
                    fastest = min(seconds, key=seconds.__getitem__)
                    others[fastest] = seconds[fastest]
                found.update((part["tests"][i], part["seconds"][i]) for i in numbers - {COLLECTION})
        return found, others

    def seconds(self, files: Iterable[str]) -> dict[str, float]:
        """Return what every test of these files takes."""
        parts = [part for file in files if file in self.measured for part in self.measured[file]["parts"]]
        return {name: seconds for part in parts for name, seconds in zip(part["tests"], part["seconds"], strict=True)}

    def count(self, file: str) -> int:
        """Count the tests of a test file."""
        return len(self.measured[file]["collected"])


def _files(tree: Path) -> list[str]:
    found = [path for place in (PACKAGE, "tests", "docs") for path in (tree / place).rglob("*")]
    return sorted(str(path.relative_to(tree)) for path in found if path.suffix in (".py", ".rst") and path.is_file())


def _coverage_or_exit() -> None:
    if "coverage" not in sys.modules:
        sys.exit("Measuring takes the package coverage: pip install coverage")
