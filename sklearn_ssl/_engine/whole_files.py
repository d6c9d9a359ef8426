"""Files that are replaced as a whole."""

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from sklearn_ssl._parameters.shown import shown

try:
    import fcntl
except ImportError:  # Windows has no such locks, but it removes no file that is open
    fcntl = None  # type: ignore[assignment]

UNFINISHED = re.compile(r"\.unfinished-[0-9a-f]{16}")
REMEDIES = {
    errno.ENOSPC: "Free space on its disk, or choose a path on another one.",
    errno.EDQUOT: "Free space in your quota, or choose a path on another disk.",
    errno.EFBIG: "Choose a path on a disk that allows larger files.",
    errno.ENOENT: "Create its folder first, or choose another path.",
}
LONGEST_NAME = 255  # bytes of one name, in all common file systems


def expanded(path: Any, name: str = "path") -> Path:
    """Return a path in which "~" is replaced by the home folder.

    Parameters
    ----------
    path : str, bytes or path-like
        The path.
    name : str, default="path"
        Name of the parameter, for messages.

    Raises
    ------
    TypeError
        If `path` is no path.
    ValueError
        If it is empty, has a null character or a name that no file may have, or if there is no such home folder.
    """
    try:
        text = os.fsdecode(path)
    except TypeError as error:
        raise TypeError(f"`{name}` must be a path, such as 'folder/file', got {shown(path)}.") from error
    if not text or "\0" in text:
        raise ValueError(f"`{name}` must not be empty or have null characters, got {shown(path)}. Give another path.")
    if any(len(os.fsencode(part)) > LONGEST_NAME for part in Path(text).parts):
        raise ValueError(
            f"`{name}` has a name of more than {LONGEST_NAME} bytes, got {shown(path)}. Give a shorter one."
        )
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ValueError(f"`{name}`: {shown(text)} names no known home folder. Give the path without '~'.") from error


def write_whole(path: str | os.PathLike, write: Callable[[BinaryIO], Any]) -> None:
    """Write a file such that at every moment it is either as it was before or complete.

    The content goes into a file with another name in the same folder, and that file then takes the place of `path`.
    If anything goes wrong, the other file is removed. If the process is killed, `remove_abandoned` removes it later.

    Parameters
    ----------
    path : str or path-like
        The file.
    write : callable
        Writes the content into the open binary file that it is given.

    Raises
    ------
    OSError
        If the file cannot be written, because the disk is full for example. The message says what to do.
    """
    path = expanded(path)
    try:
        with _unfinished_file(path.parent) as unfinished:
            with open(unfinished, "wb") as file:
                write(file)
            os.replace(unfinished, path)
    except OSError as error:
        if error.errno is None:
            raise
        reason = f"{path} cannot be written ({error.strerror}), and is as it was before."
        raise OSError(error.errno, f"{reason} {REMEDIES.get(error.errno, 'Choose another path.')}") from error


def remove_abandoned(folder: Path) -> None:
    """Remove the files that killed writers left behind in a folder. The file of a living writer stays."""
    with contextlib.suppress(OSError):  # a folder that cannot be listed keeps them
        for entry in list(os.scandir(folder)):
            if UNFINISHED.fullmatch(entry.name):
                _remove_unless_held(entry.path)


@contextlib.contextmanager
def _unfinished_file(folder: Path) -> Iterator[Path]:
    """Create a file that `remove_abandoned` spares as long as this process writes it, and remove it in the end."""
    path, held = _created(folder)
    try:
        yield path
    finally:
        if held is not None:
            os.close(held)
        path.unlink(missing_ok=True)


def _created(folder: Path) -> tuple[Path, int | None]:
    """Return a new file, and the descriptor whose lock tells others that its writer lives."""
    while True:
        path = folder / f".unfinished-{secrets.token_hex(8)}"
        held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        if fcntl is None:
            os.close(held)
            return path, None
        with contextlib.suppress(OSError):  # without locks `remove_abandoned` removes nothing
            fcntl.flock(held, fcntl.LOCK_EX)
        if path.exists():
            return path, held
        os.close(held)  # another process has removed the file before it was locked


def _remove_unless_held(path: str) -> None:
    with contextlib.suppress(OSError):  # a living writer holds it, or it has just gone
        held = os.open(path, os.O_RDWR)
        try:
            if fcntl is not None:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(path)
        finally:
            os.close(held)
        if fcntl is None:
            os.unlink(path)
