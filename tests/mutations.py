"""Measure how well the tests notice changes: apply small ones to the package, one at a time, and run the tests.

    python tests/mutations.py --seed 0 -n 150 --jobs 2

The first run measures which test passes which line, under `coverage`, and later ones measure again what has changed
since. A mutation is then tried on the tests that pass its line, in a copy of the tree. `--list` shows what would be
tried, and `--replay` tries single ones by their eight digits or ids. The file `equivalent_mutations.txt`, or another
that `--equivalent` names, has lines of the form ``id ## reason`` for those that change nothing that an input can show.

It takes a Unix, as the tests run in forks of one process that has PyTorch and the like imported.
"""

import argparse
import fnmatch
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from mutation_kinds import Collector, Mutation, changes, numbered
from mutation_map import FAILED_FORK, PACKAGE, TREE, Map, Task, Workers, import_once, run_pytest

READ_FIELDS = (
    "tests/parameters/test_documented_defaults.py",
    "tests/parameters/test_ranges.py",
)  # and pass no line of it
EQUIVALENT = Path(__file__).parent / "equivalent_mutations.txt"
FEW_SECONDS, PATIENCE = 15.0, 10.0  # a test may take that long, and that many times its usual time
WRITTEN = ("id", "path", "line", "function", "kind", "before", "after")  # to the file of results
WRITTEN += ("outcome", "by", "n_passing", "n_tests", "seconds")


# ------------------------------------------------------------------------------------------------------- mutations


class Chosen:
    """Plugin that runs the chosen tests in their order, ends those that take too long, and writes down what happens."""

    def __init__(self, seconds: dict[str, float], report: Path) -> None:
        self.seconds = seconds
        self.rank = {name: rank for rank, name in enumerate(seconds)}
        self.report = report.open("a", buffering=1)

    def pytest_collection_modifyitems(self, items: list) -> None:
        items[:] = sorted((i for i in items if i.nodeid in self.rank), key=lambda item: self.rank[item.nodeid])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        signal.setitimer(signal.ITIMER_REAL, FEW_SECONDS + PATIENCE * self.seconds[nodeid])
        print("started", nodeid, file=self.report)

    def pytest_runtest_logreport(self, report) -> None:
        if report.failed:
            print("failed", report.nodeid, file=self.report)

    def pytest_collectreport(self, report) -> None:
        if report.failed:
            print("failed", report.nodeid or "collection", file=self.report)


def run_chosen(tree: Path, report: Path, seconds: dict[str, float], *options: str) -> int:
    """Run tests, of which the seconds that each takes are known."""
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    files = dict.fromkeys(name.split("::")[0] for name in seconds)
    return run_pytest(tree, files, Chosen(seconds, report), options=options)


@dataclass
class Trial:
    """A mutation and what became of it."""

    mutation: Mutation
    after: str
    n_passing: int = 0
    batches: list[dict[str, float]] = field(default_factory=list)
    outcome: str = ""
    by: str = ""
    n_tests: int = 0
    seconds: float = 0.0

    def described(self) -> str:
        """Return what a reader needs to judge it."""
        one = self.mutation
        name = f"{one.path}:{one.line}  {one.kind} in {one.function or 'the module'}  [{one.short}]"
        tests = f"{self.n_tests} tests run, {self.n_passing} pass the line, {self.seconds:.0f} s"
        return f"{name}  {self.outcome} ({tests})\n    - {one.before}\n    + {self.after}\n    {one.id}"


class Mutations:
    """All mutations of a tree."""

    def __init__(self, tree: Path, only: str) -> None:
        paths = sorted((tree / PACKAGE).rglob("*.py"))
        self.sources = {str(path.relative_to(tree)): path.read_bytes() for path in paths}
        collectors = {path: Collector(path, source) for path, source in self.sources.items()}
        self.uses: dict[str, set] = defaultdict(set)
        for one in collectors.values():
            for name, places in one.uses.items():
                self.uses[name] |= places
        chosen = {path: list(numbered(collectors[path].found)) for path in fnmatch.filter(collectors, only)}
        self.found = {path: those for path, those in chosen.items() if those}
        self.weights = [collectors[path].statements for path in self.found]

    def chosen(self, options: argparse.Namespace) -> list[Mutation]:
        """Return those that the command line names, or a draw."""
        return self.named(options.replay) if options.replay else self.drawn(options.n, options.seed)

    def drawn(self, n: int, seed: int) -> list[Mutation]:
        """Draw a file by its length, a kind among those in it, and a mutation of this kind, `n` times."""
        chance = random.Random(seed)
        left = {path: list(those) for path, those in self.found.items()}
        drawn: list[Mutation] = []
        while len(drawn) < n and any(left.values()):
            path = chance.choices(list(left), self.weights)[0]
            if left[path]:
                kind = chance.choice(sorted({one.kind for one in left[path]}))
                one = chance.choice([one for one in left[path] if one.kind == kind])
                left[path].remove(one)
                drawn += [one] * changes(one, self.sources[path])
        return drawn

    def named(self, names: Iterable[str]) -> list[Mutation]:
        """Return those with these ids or digits."""
        known = {name: one for those in self.found.values() for one in those for name in (one.id, one.short)}
        unknown = [name for name in names if name not in known]
        if unknown:
            sys.exit(f"No such mutation: {', '.join(unknown)}")
        return [known[name] for name in names]

    def trial(self, one: Mutation, known: Map, budget: float) -> Trial:
        """Choose the tests of a mutation: those that pass its lines, or else some of those that pass its file."""
        lines = [place for part in one.lines for place in (self.uses[part] if isinstance(part, str) else [part])]
        found, others = passing(lines, known)
        found |= {} if one.in_function else known.seconds(READ_FIELDS)
        trial = Trial(one, one.after(self.sources[one.path]), len(found))
        if not found and not others:
            found, others = passing([(one.path, 1, 10**6)], known)
            budget /= 4
        trial.batches = batches(one.path, found, others, known, budget)
        return trial


def passing(places: Iterable[tuple[str, int, int]], known: Map) -> tuple[dict[str, float], dict[str, float]]:
    """Return the tests that pass some lines, and one of each file that runs them before its tests."""
    pairs = [known.tests(*place) for place in places]
    found = {name: seconds for pair in pairs for name, seconds in pair[0].items()}
    return found, {name: seconds for pair in pairs for name, seconds in pair[1].items() if name not in found}


def batches(path: str, found: dict, others: dict, known: Map, budget: float) -> list[dict[str, float]]:
    """Choose tests that take the seconds of the budget together, and one of every file at least; the closest first.

    Half of the budget is for the file's own examples and the tests in the folder of the same name, and the rest for the
    tests of every file in turn, with the first case of each function before all second ones, and fast ones before slow
    ones. Files most of whose tests pass the lines come first.
    """
    files: dict[str, list[str]] = defaultdict(list)
    for name in _functions_in_turn(found):
        files[name.split("::")[0]].append(name)
    ranks = {file: (-_closeness(path, file), -len(names) / known.count(file), file) for file, names in files.items()}
    order = sorted(files, key=ranks.__getitem__)
    close = [file for file in order if _closeness(path, file)] or order[:3]
    chosen = {names[0] for names in files.values()} | set(others)
    seconds = {**others, **found}
    spent = sum(seconds[name] for name in chosen)
    for limit, group in ((budget / 2, close), (budget, order)):
        for name in _in_turn([files[file] for file in group]):
            if name not in chosen and spent + seconds[name] <= limit:
                chosen.add(name)
                spent += seconds[name]
    first = {name: seconds[name] for file in close for name in files[file] if name in chosen}
    second = {name: seconds[name] for file in order if file not in close for name in files[file] if name in chosen}
    return [batch for batch in (first, {**second, **others}) if batch]


def _closeness(path: str, file: str) -> int:
    """Tell how close a test file is to a module: its own examples 2, the same folder or name 1, all others 0."""
    module, test = Path(path), Path(file)
    same_folder = len(module.parts) > 2 and test.parts[0] == "tests" and module.parts[1].strip("_") in test.parts[1:-1]
    same_name = test.stem.removeprefix("test_") == module.stem.strip("_")
    return 2 if path == file else int(same_folder or same_name)


def _functions_in_turn(found: dict[str, float]) -> list[str]:
    """Sort tests by their seconds, but of each function one case before the second of any: those notice the same."""
    cases: Counter = Counter()
    ranks = {}
    for name in sorted(found, key=lambda name: (found[name], name)):
        function = name.split("[")[0]
        ranks[name] = cases[function], found[name], name
        cases[function] += 1
    return sorted(found, key=ranks.__getitem__)


def _in_turn(lists: list[list[str]]) -> Iterator[str]:
    for rank in range(max(map(len, lists), default=0)):
        yield from (names[rank] for names in lists if rank < len(names))


def trial_task(trial: Trial, source: bytes, number: int, done: Callable[[Trial], None]) -> Task:
    """Make a task of a trial: its batches one after the other, until a test fails."""
    left = list(trial.batches)
    path = trial.mutation.path

    def prepare(tree: Path) -> None:
        nonlocal started, times
        started, times = time.monotonic(), (tree / path).stat()
        (tree / path).write_bytes(trial.mutation.apply(source))
        os.utime(tree / path, (times.st_atime, times.st_mtime + 10 + number))  # compiled code is then never taken over

    def run(tree: Path, report: Path) -> int:
        return run_chosen(tree, report, left[0]) if left else pytest.ExitCode.NO_TESTS_COLLECTED

    def finished(code: int, tree: Path, report: Path) -> Task | None:
        (tree / path).write_bytes(source)
        os.utime(tree / path, ns=(times.st_atime_ns, times.st_mtime_ns))
        events = [line.split(" ", 1) for line in report.read_text().splitlines()]
        trial.n_tests += sum(event == "started" for event, _ in events)
        trial.seconds += time.monotonic() - started
        trial.outcome, trial.by = _outcome(code, events)
        if trial.outcome == "no test" and trial.n_tests:
            trial.outcome = "survived"
        if trial.outcome == "error":
            print(Path(f"{report}.output").read_text()[-3000:])
        del left[:1]
        if trial.outcome == "survived" and left:
            return task
        done(trial)
        return None

    started, times = 0.0, os.stat(__file__)
    task = Task(run, finished, prepare)
    return task


def _outcome(code: int, events: list[list[str]]) -> tuple[str, str]:
    """Return what an exit code means, and the test that it is about."""
    failed = [name for event, name in events if event == "failed"]
    last = events[-1][1] if events else "collection"
    known = {0: "survived", pytest.ExitCode.NO_TESTS_COLLECTED: "no test", FAILED_FORK: "error"}
    if code in known:
        return known[code], ""
    return ("time-out", last) if code == -signal.SIGALRM else ("killed", failed[0] if failed else last)


# ------------------------------------------------------------------------------------------------------------ main


def reasons(path: Path) -> dict[str, str]:
    """Read the ids of mutations that change nothing, with the reasons."""
    lines = path.read_text().splitlines()
    pairs = [line.split(" ## ", 1) for line in lines if line.strip() and not line.startswith("#")]
    return {pair[0].strip(): pair[-1].strip() for pair in pairs}


def check_killers(trials: list[Trial], workers: Workers) -> None:
    """Say which of the tests that noticed a mutation fail without one too."""
    seconds = {name: seconds for one in trials for batch in one.batches for name, seconds in batch.items()}
    killers = {one.by: seconds[one.by] for one in trials if one.by in seconds}

    def finished(code: int, tree: Path, report: Path) -> None:
        failed = [line.split(" ", 1)[1] for line in report.read_text().splitlines() if line.startswith("failed")]
        if code:
            print(f"WARNING, these fail without a mutation too: {', '.join(failed) or code}")

    if killers:
        run = Task(lambda tree, report: run_chosen(tree, report, killers, "--maxfail=1000000"), finished)
        workers.work([run])


def summary(trials: list[Trial]) -> str:
    """Return one line with what became of the mutations."""
    count = Counter(one.outcome for one in trials)
    killed, survived = count["killed"] + count["time-out"], count["survived"] + count["no test"] + count["error"]
    share = 100 * survived / max(killed + survived, 1)
    return (
        f"{len(trials)} drawn, {killed} killed ({count['time-out']} by time-out), {survived} survived, "
        f"{count['equivalent']} equivalent: {share:.1f} % of those that change behaviour survive"
    )


def told(trials: list[Trial], output: Path | None) -> None:
    """Print the survivors and the summary, and write all trials if asked to."""
    for one in trials:
        if one.outcome in ("survived", "no test", "error"):
            print(one.described())
    print(summary(trials), flush=True)
    if output:
        known = [{"id": one.mutation.id, **vars(one.mutation), **vars(one)} for one in trials]
        output.write_text(json.dumps([{name: one[name] for name in WRITTEN} for one in known], indent=1))


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("-n", type=int, default=50, help="mutations to draw")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--only", default="*", help="pattern of the files to mutate, as sklearn_ssl/losses/*")
    parser.add_argument("--replay", nargs="+", metavar="ID", help="mutations to try instead of drawing")
    parser.add_argument("--list", action="store_true", help="print the mutations and try none")
    parser.add_argument("--budget", type=float, default=180.0, help="seconds of tests for a mutation")
    parser.add_argument("--thorough", action="store_true", help="all tests that pass the line, whatever they take")
    parser.add_argument("--equivalent", type=Path, default=EQUIVALENT, help="file of mutations that change nothing")
    parser.add_argument("--map", type=Path, default=TREE / "build" / "mutation_map.json.gz", help="what tests pass")
    parser.add_argument("--output", type=Path, help="JSON file for the results")
    return parser.parse_args(arguments)


def run(workers: Workers, options: argparse.Namespace, trials: list[Trial]) -> None:
    """Try mutations, and add each to `trials` when it is known what became of it."""
    mutations = Mutations(workers.trees[0], options.only)
    those = mutations.chosen(options)
    known = Map(options.map)
    known.update(workers)
    budget = float("inf") if options.thorough else options.budget
    harmless = reasons(options.equivalent)
    clock = time.monotonic()

    def done(trial: Trial) -> None:
        trials.append(trial)
        one = trial.mutation
        where = f"{one.path}:{one.line} {one.kind}"
        by = f"by {trial.by}" if trial.by else ""
        passed = time.monotonic() - clock
        print(f"{passed:5.0f} s {len(trials)}/{len(those)} {where}: {trial.outcome} {by}", flush=True)

    def tasks() -> Iterator[Task]:
        for number, one in enumerate(those):
            trial = mutations.trial(one, known, budget)
            if one.id in harmless:
                trial.outcome, trial.by = "equivalent", harmless[one.id]
                done(trial)
            else:
                yield trial_task(trial, mutations.sources[one.path], number, done)

    workers.work(tasks())


def main(arguments: list[str] | None = None) -> None:
    """Draw mutations, try them and print which survive."""
    options = parsed(arguments)
    if options.list:
        mutations = Mutations(TREE, options.only)
        for one in mutations.chosen(options):
            print(Trial(one, one.after(mutations.sources[one.path])).described())
        return
    trials: list[Trial] = []
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    import_once()
    with tempfile.TemporaryDirectory(prefix="mutations") as folder:
        workers = Workers(options.jobs, Path(folder))
        try:
            run(workers, options, trials)
            told(trials, options.output)
            check_killers(trials, workers)
        except KeyboardInterrupt:
            print("Interrupted.")
            told(trials, options.output)
        finally:
            workers.stop()


if __name__ == "__main__":
    main()
