"""The common part of the readers of published data sets."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import Bunch

from sklearn_ssl._parameters.shown import shown


class Part(NamedTuple):
    """One split of a data set."""

    X: np.ndarray
    y: np.ndarray
    groups: np.ndarray


def splits_of(split: str | None) -> list[str]:
    """Return the names of the splits to read. None is both."""
    if split not in ("train", "test", None):
        raise ValueError(f"`split` must be 'train', 'test' or None for both, got {shown(split)}.")
    return ["train", "test"] if split is None else [split]


def find_npz(path: Path, name: str) -> Path | None:
    """Return the packed file: `path` itself, or the file `name` in it or in its folder `name`. None if it is absent."""
    if path.is_file() and path.suffix == ".npz":
        return path
    places = (path / f"{name}.npz", path / name / f"{name}.npz")
    return next((place for place in places if place.is_file()), None)


def read_npz(file: Path, names: Collection[str]) -> dict[str, np.ndarray]:
    """Return the named arrays of a packed file."""
    with np.load(file) as packed:
        missing = sorted(set(names) - set(packed.files))
        if missing:
            raise ValueError(
                f"{file} is not the packed form of this data set: it holds no {', '.join(missing)}. Give another path."
            )
        return {name: packed[name] for name in names}


def bunch(read: Callable[[str], Part], split: str | None, return_X_y: bool, **about: Any) -> Any:
    """Read the splits and return them together as a `Bunch`, or as X and y."""
    parts = [read(name) for name in splits_of(split)]
    X = np.concatenate([part.X for part in parts]).astype(np.float32, copy=False)
    y = np.concatenate([part.y for part in parts])
    if return_X_y:
        return X, y
    return Bunch(X=X, y=y, groups=np.concatenate([part.groups for part in parts]), **about)
