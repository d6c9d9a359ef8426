"""Files that are replaced as a whole."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO


def write_whole(path: str | os.PathLike, write: Callable[[BinaryIO], Any]) -> None:
    """Write a file such that at every moment it is either as it was before or complete.

    The content goes into a file with another name in the same folder, and that file then takes the place of `path`.
    If anything goes wrong, the other file is removed.

    Parameters
    ----------
    path : str or path-like
        The file.
    write : callable
        Writes the content into the open binary file that it is given.
    """
    path = Path(path)
    unfinished = path.with_name(f".unfinished-{secrets.token_hex(8)}")
    try:
        with open(unfinished, "xb") as file:
            write(file)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
