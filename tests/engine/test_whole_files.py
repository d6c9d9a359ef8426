import errno
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from sklearn_ssl._engine import whole_files
from sklearn_ssl._engine.whole_files import expanded, remove_abandoned, write_whole

ABANDONED = ".unfinished-0123456789abcdef"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    return path


def test_the_new_content_replaces_the_old(path):
    write_whole(str(path), lambda file: file.write(b"after"))
    assert path.read_bytes() == b"after"
    assert os.listdir(path.parent) == ["file"]


def test_the_old_content_is_there_until_the_new_is_complete(path):
    def write(file):
        file.write(b"after")
        file.flush()
        assert path.read_bytes() == b"before"
        (unfinished,) = set(path.parent.iterdir()) - {path}  # in the same folder, so that replacing it is atomic
        assert unfinished.read_bytes() == b"after"

    write_whole(path, write)
    assert path.read_bytes() == b"after"


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
@pytest.mark.parametrize("stage", ["write", "replace"])
def test_an_error_leaves_the_old_content_and_nothing_else(path, error, stage, monkeypatch):
    def fail(*args):
        raise error

    if stage == "replace":
        monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(error):
        write_whole(path, fail if stage == "write" else lambda file: file.write(b"after"))
    assert path.read_bytes() == b"before"
    assert os.listdir(path.parent) == ["file"]


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing/file cannot be written .* Create its folder first"):
        write_whole(tmp_path / "missing" / "file", lambda file: file.write(b"after"))
    (tmp_path / "missing").mkdir()
    write_whole(tmp_path / "missing" / "file", lambda file: file.write(b"after"))


def test_a_folder_in_place_of_the_file(tmp_path):
    with pytest.raises(OSError, match=r"cannot be written .* Choose another path"):
        write_whole(tmp_path, lambda file: file.write(b"after"))


@pytest.mark.parametrize(("code", "remedy"), [(errno.ENOSPC, "Free space on its disk"), (errno.EDQUOT, "your quota")])
def test_a_full_disk(path, code, remedy):
    def fill(file):
        raise OSError(code, os.strerror(code))

    with pytest.raises(OSError, match=f"{path} cannot be written .*, and is as it was before. .*{remedy}") as info:
        write_whole(path, fill)
    assert info.value.errno == code
    assert os.listdir(path.parent) == ["file"]


def test_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_whole("~/file", lambda file: file.write(b"after"))
    assert (tmp_path / "file").read_bytes() == b"after"


@pytest.mark.parametrize(
    ("path", "error"),
    [(None, TypeError), (3, TypeError), (["file"], TypeError), ("", ValueError), ("a\0b", ValueError)]
    + [("~nobody-has-this-name/file", ValueError), ("x" * 100_000, ValueError)],
)
def test_what_is_no_path(path, error):
    with pytest.raises(error, match="`model`") as raised:
        expanded(path, "model")
    assert len(str(raised.value)) < 250


def test_the_file_of_a_killed_writer_is_removed(tmp_path):
    code = f"""
        import os, signal
        from sklearn_ssl._engine.whole_files import write_whole
        write_whole({str(tmp_path / "file")!r}, lambda file: os.kill(os.getpid(), signal.SIGKILL))
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    (tmp_path / ".unfinished-mine").write_text("another program's")
    remove_abandoned(tmp_path)
    assert not left.exists()
    assert os.listdir(tmp_path) == [".unfinished-mine"]


def test_the_file_of_a_living_writer_stays(path):
    (path.parent / ABANDONED).write_bytes(b"after a kill")

    def write(file):
        remove_abandoned(path.parent)
        assert len(os.listdir(path.parent)) == 2, "the living writer's file was removed, or the abandoned one was not"
        file.write(b"after")

    write_whole(path, write)
    assert path.read_bytes() == b"after"
    assert os.listdir(path.parent) == ["file"]


def test_a_file_that_is_removed_before_it_is_locked_is_made_again(path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    lock, seen = fcntl.flock, []

    def clean_up_first(descriptor, operation):
        if not seen:
            seen.append(operation)
            remove_abandoned(path.parent)
        return lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", clean_up_first)
    write_whole(path, lambda file: file.write(b"after"))
    assert path.read_bytes() == b"after"
    assert os.listdir(path.parent) == ["file"]


def test_systems_without_locks(path, monkeypatch):
    monkeypatch.setattr(whole_files, "fcntl", None)
    write_whole(path, lambda file: file.write(b"after"))
    assert path.read_bytes() == b"after"
    (path.parent / ABANDONED).write_bytes(b"after a kill")
    remove_abandoned(path.parent)
    assert os.listdir(path.parent) == ["file"]


def test_a_folder_that_is_missing_has_nothing_to_remove(tmp_path):
    remove_abandoned(tmp_path / "missing")
