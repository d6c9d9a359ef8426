"""Interrupt and kill fits at random moments, start them again, and compare with fits that nobody disturbed.

    python tests/kills.py --seed 0 -n 60

Every trial forks a process that runs one of four fits with checkpoints: a transformer, a classifier that pretrains
before its head, a Pipeline that caches its steps, and a search. SIGINT or SIGKILL hits it after a random time, or at a
random call of an aim: a step of training, a callback, the writing of a checkpoint. Then the fit runs again. A trial
fails if a checkpoint of a finished epoch is lost, if the second fit does not end with the same values to the last bit,
or if a file is left that a finished fit should have removed. It takes a Unix.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from shared import small
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback

from sklearn_ssl import SSLClassifier
from sklearn_ssl._engine import checkpoint as checkpoints
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl.datasets import make_waves

X, y = make_waves(n_cases=48, n_channels=2, n_timepoints=40, random_state=0)
SIGNALS = {"SIGINT": signal.SIGINT, "SIGKILL": signal.SIGKILL}
SAVED, DONE = "saved", "done"


class Passing(Callback):
    """A callback of a user."""

    def on_epoch_end(self, net, **kwargs):
        """Do nothing, slowly enough to be hit."""
        np.sort(np.random.default_rng(0).normal(size=20_000))


def transformer(folder: Path):
    """Return a transformer whose fit takes part of a second."""
    return small(max_epochs=12, checkpoint=folder / "checkpoints", net_params={"callbacks": [Passing()]})


def classifier() -> LogisticRegression:
    """Return a classifier that converges on features that are not scaled."""
    return LogisticRegression(C=1e-3, max_iter=1000)


def fit_transformer(folder: Path) -> np.ndarray:
    """Fit a transformer alone."""
    return transformer(folder).fit(X).transform(X)


def fit_classifier(folder: Path) -> np.ndarray:
    """Pretrain, and fit a head."""
    return SSLClassifier(transformer(folder), max_epochs=3, random_state=0).fit(X, y).predict_proba(X)


def fit_pipeline(folder: Path) -> np.ndarray:
    """Fit a Pipeline whose first step is cached."""
    pipeline = make_pipeline(transformer(folder), classifier(), memory=str(folder / "cache")).fit(X, y)
    assert pipeline[0].n_iter_ == 12, "half a fit came out of the cache"
    return pipeline.predict_proba(X)


def fit_search(folder: Path) -> np.ndarray:
    """Search two values."""
    pipeline = make_pipeline(transformer(folder), classifier())
    search = GridSearchCV(pipeline, {"simclrtransformer__temperature": [0.1, 0.5]}, cv=2, error_score="raise")
    search.fit(X, y)
    return np.concatenate([search.cv_results_["mean_test_score"], search.predict_proba(X).ravel()])


FITS = {"transformer": fit_transformer, "classifier": fit_classifier, "pipeline": fit_pipeline, "search": fit_search}
AIMS = {
    "a step": (SSLNet, "train_step"),
    "a callback": (Passing, "on_epoch_end"),
    "the writing of a checkpoint": (checkpoints.EpochCheckpoint, "on_epoch_end"),
    "the replacing of a checkpoint": (os, "replace"),
}


def forked(work: Callable[[], None]) -> int:
    """Start work in a forked process and return its number."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except KeyboardInterrupt:
            os._exit(130)
        except BaseException as error:
            print(f"    {type(error).__name__}: {error}", file=sys.stderr)
            os._exit(1)
    return child


def ended(child: int) -> int:
    """Wait for a process and return its exit status, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run(fit: Callable[[Path], np.ndarray], folder: Path) -> None:
    """Fit, and write the hash of the result to a file."""
    result = hashlib.sha256(np.ascontiguousarray(fit(folder)).tobytes()).hexdigest()
    (folder / DONE).write_text(result)


def with_record(folder: Path) -> None:
    """Append a line to a file for each checkpoint that is written."""
    write = checkpoints.EpochCheckpoint.on_epoch_end

    def write_and_record(checkpoint, net, **kwargs):
        write(checkpoint, net, **kwargs)
        with (folder / SAVED).open("a") as file:
            file.write(f"{checkpoint.path.name} {net.epochs_}\n")

    checkpoints.EpochCheckpoint.on_epoch_end = write_and_record


def with_aim(aim: str, call: int, number: int) -> None:
    """Send a signal to this process within the given call of an aim."""
    owner, name = AIMS[aim]
    function = getattr(owner, name)
    calls = 0

    def hit(*arguments, **keywords):
        nonlocal calls
        calls += 1
        if calls == call:
            os.kill(os.getpid(), number)
        return function(*arguments, **keywords)

    setattr(owner, name, hit)


def lost(folder: Path) -> str | None:
    """Tell which checkpoint is behind the epochs that were saved, or None."""
    saved: dict[str, int] = {}
    if (folder / SAVED).exists():
        for line in (folder / SAVED).read_text().splitlines():
            name, epoch = line.split()
            saved[name] = int(epoch)
    for name, epoch in saved.items():
        path = folder / "checkpoints" / name
        stored = checkpoints.EpochCheckpoint(path).load() if path.exists() else None
        if epoch < 12 and (stored is None or stored.epochs_ < epoch):
            return f"epoch {epoch} of {name[:8]} is lost"
    return None


def left_over(folder: Path) -> str | None:
    """Tell which file a finished fit has left, or None."""
    files = sorted(path.name for path in (folder / "checkpoints").iterdir())
    return f"left over: {', '.join(files)}" if files else None


def trial(name: str, hit: str, moment: float | int, number: int, expected: str) -> str | None:
    """Disturb one fit and repeat it. Return what went wrong."""
    folder = Path(tempfile.mkdtemp(prefix="kills-"))

    def disturbed():
        with_record(folder)
        if hit in AIMS:
            with_aim(hit, int(moment), number)
        run(FITS[name], folder)

    try:
        child = forked(disturbed)
        if hit not in AIMS:
            time.sleep(moment)
            os.kill(child, number)
        status = ended(child)
        if status not in (0, 130, -number):
            return f"the disturbed fit ended with {status}"
        fault = None if status == 0 else lost(folder)
        (folder / DONE).unlink(missing_ok=True)
        if fault is None and ended(forked(lambda: run(FITS[name], folder))) != 0:
            fault = "the second fit failed"
        if fault is None and (folder / DONE).read_text() != expected:
            fault = "the second fit has other values"
        return fault or left_over(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def undisturbed(name: str) -> tuple[str, float]:
    """Return the hash and the seconds of a fit that nobody disturbs."""
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    start = time.monotonic()
    assert ended(forked(lambda: run(FITS[name], folder))) == 0
    seconds = time.monotonic() - start
    result = (folder / DONE).read_text()
    shutil.rmtree(folder)
    return result, seconds


def main() -> None:
    """Run the trials and print what failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-n", type=int, default=60, help="random moments for each signal, and as many aimed ones")
    options = parser.parse_args()
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which the background of a shell ignores
    chance = random.Random(options.seed)
    expected = {name: undisturbed(name) for name in FITS}
    counts, faults = Counter(), []
    for signal_name, number in SIGNALS.items():
        for aimed in (False, True):
            for index in range(options.n):
                name = list(FITS)[index % len(FITS)]
                result, seconds = expected[name]
                hit = chance.choice(list(AIMS)) if aimed else "a moment"
                moment = chance.randint(1, 12) if aimed else chance.uniform(0, seconds)
                fault = trial(name, hit, moment, number, result)
                counts[signal_name, hit] += 1
                if fault is not None:
                    faults.append(f"{signal_name} in {hit} ({moment:.3g}) of the {name}: {fault}")
                    print(faults[-1], flush=True)
    for (signal_name, hit), count in sorted(counts.items()):
        print(f"{count:4} x {signal_name} in {hit}")
    print(f"seed {options.seed}: {sum(counts.values())} trials, {len(faults)} failed")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
