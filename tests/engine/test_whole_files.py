import os

import pytest

from sklearn_ssl._engine.whole_files import write_whole


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
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "missing" / "file", lambda file: file.write(b"after"))
