"""Two and three processes train as one: losses, gradients, features, and what happens when one of them fails.

The processes are started once for each number of them, and fit everything.
"""

import multiprocessing
import pickle
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from one_of_several_processes import X, chosen_cases, simclr

from sklearn_ssl._processes.draws import NEVER_DRAW

SCRIPT = Path(__file__).parent / "one_of_several_processes.py"
TIME_OUT = 600
ALL = [(size, name) for size in (2, 3) for name in chosen_cases(size)]


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """Return a function that gives what each of so many processes found."""
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("the processes are forked")
    folder = tmp_path_factory.mktemp("processes")
    ports = [str(_free_port()) for _ in range(2)]
    subprocess.run([sys.executable, str(SCRIPT), str(folder), *ports], check=True, timeout=TIME_OUT)

    @cache
    def of_processes(size):
        found = [pickle.loads((folder / f"{size}.{rank}").read_bytes()) for rank in range(size)]
        assert not [one["error"] for one in found if "error" in one]
        return found

    return of_processes


@pytest.mark.parametrize(("size", "name"), ALL, ids=lambda value: str(value))
def test_several_processes_are_as_one(results, size, name):
    found = [one[name] for one in results(size)]
    assert all(one["state"] == found[0]["state"] for one in found), "the processes end with different weights"
    (differences,) = (one["differences"] for one in found if "differences" in one)
    of_loss, of_gradients, of_features = differences
    assert of_loss < 1e-6
    assert of_gradients < 1e-5
    assert of_features < 1e-5


MIXES = "`encoder` mixes the series of a batch"
FIRST_SAYS = {
    "other series": "ValueError: `distributed`: X of process 1",
    "other parameters": "ValueError: `distributed`: `lr` and `temperature` of process 1",
    "NaN in one": "failed, and so all stop. ValueError: Series 0 of X has zero time steps",
    "a process fails": "failed, and so all stop. OSError: the disk is full",
    "interrupted": "KeyboardInterrupt",
    "foreign mixes": MIXES,
}


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("case", FIRST_SAYS)
def test_all_processes_stop_with_a_reason(results, size, case):
    first, second, *others = (one["failures"]["messages"][case] for one in results(size))
    assert FIRST_SAYS[case] in first
    assert first.removeprefix("RuntimeError: Process 1 of 2 failed, and so all stop. ").partition(":")[0] != "no error"
    alone = {"a process fails": "OSError: the disk is full", "NaN in one": "ValueError: Series 0 of X has zero"}
    assert second.startswith(alone.get(case, first[:20]))
    assert all(one != "no error" for one in others)


def test_every_process_has_a_series_of_each_batch(results):
    message = "`batch_size` gives batches of 2 series, and 3 processes want at least one each. Set `batch_size` to 6"
    assert all(message in one["failures"]["messages"]["large world"] for one in results(3))


def test_a_process_that_dies_ends_the_others(results):
    first, second, third = results(3)
    assert "death" not in second  # it died itself
    assert all(one["death"].startswith("RuntimeError: Another process ended") for one in (first, third))


@pytest.mark.parametrize("size", [2, 3])
def test_processes_stop_after_the_same_step(results, size):
    found = [one["failures"] for one in results(size)]
    assert {one["steps"] for one in found} == {3}  # process 1 was interrupted after the second step
    assert {one["epochs"] for one in found} == {1}  # a callback of process 1 stopped after the first epoch


@pytest.mark.parametrize("size", [2, 3])
def test_a_failed_fit_leaves_the_one_before(results, size):
    assert all(one["failures"]["kept"] for one in results(size))


@pytest.mark.parametrize("size", [2, 3])
def test_second_derivatives_pass_the_gathered_rows(results, size):
    for one in results(size):
        assert max(one["failures"]["second derivatives"]) < 1e-5


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("what", ["no seed", "partial_fit", "checkpoint"])
def test_processes_agree(results, size, what):
    found = [one["failures"][what] for one in results(size)]
    assert all(one == found[0] for one in found)


@pytest.mark.parametrize("size", [2, 3])
def test_a_killed_fit_goes_on(results, size):
    rest, files, state, files_in_the_end = results(size)[0]["failures"]["checkpoint"]
    assert rest == ": the disk is full"
    assert (files, files_in_the_end) == (1, 0)
    assert state == results(size)[0]["failures"]["three epochs"]


@pytest.mark.parametrize("size", [2, 3])
def test_a_fitted_estimator_crosses_into_one_process(results, size):
    expected = simclr(distributed=False).fit(X)
    for one in results(size):
        loaded = pickle.loads(one["failures"]["pickle"])
        assert_allclose(loaded.transform(X), expected.transform(X), rtol=1e-2, atol=1e-2)
        assert loaded.set_params(distributed=False).partial_fit(X).n_iter_ == 3


def test_one_process_is_as_without_to_the_bit(monkeypatch):
    expected = simclr(distributed=False).fit(X).transform(X)
    for name, value in {"RANK": "0", "WORLD_SIZE": "1"}.items():
        monkeypatch.setenv(name, value)
    assert_array_equal(simclr().fit(X).transform(X), expected)


def test_without_a_launcher():
    with pytest.raises(ValueError, match="RANK and WORLD_SIZE are not set"):
        simclr().fit(X)


@pytest.mark.parametrize("name", sorted(NEVER_DRAW))
def test_functions_that_are_not_watched_never_draw(name):
    operations = getattr(torch.ops.aten, name, None)
    found = [] if operations is None else [getattr(operations, one) for one in operations.overloads()]
    assert not [one for one in found if torch.Tag.nondeterministic_seeded in one.tags]
