"""The common part of the readers of published data sets."""

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import Bunch

from sklearn_ssl._parameters.ranges import Options
from sklearn_ssl._parameters.shown import on_one_line, shown


class Part(NamedTuple):
    """One split of a data set."""

    X: np.ndarray
    y: np.ndarray
    groups: np.ndarray


def splits_of(split: str | None) -> list[str]:
    """Return the names of the splits to read. None is both."""
    if split is not None and split not in Options(("train", "test")):
        raise ValueError(f"`split` must be 'train', 'test' or None for both, got {shown(split)}.")
    return ["train", "test"] if split is None else [split]


def find_npz(path: Path, name: str) -> Path | None:
    """Return the packed file: `path` itself, or the file `name` in it or in its folder `name`. None if it is absent."""
    if path.is_file() and path.suffix == ".npz":
        return path
    places = (path / f"{name}.npz", path / name / f"{name}.npz")
    return next((place for place in places if place.is_file()), None)


def read_npz(file: Path, names: Collection[str]) -> dict[str, np.ndarray]:
    """Return the named arrays of a packed file. None of them is an array of objects, which could run code."""
    with reading(file), open(file, "rb") as content, np.load(content) as packed:
        missing = sorted(set(names) - set(packed.files))
        arrays = {name: packed[name] for name in names if name not in missing}
    if missing:
        raise ValueError(
            f"{file} is not the packed form of this data set: it holds no {', '.join(missing)}. Give another path."
        )
    return arrays


@contextlib.contextmanager
def reading(file: Path) -> Iterator[None]:
    """Turn the errors of whatever parses a file into one that names the file."""
    try:
        yield
    except Exception as error:  # a damaged file can make any part of a parser fail
        raise unreadable(file, on_one_line(error, 200) or type(error).__name__) from error


def unreadable(file: Path, reason: str) -> ValueError:
    """Return the error for a file whose content is not as described."""
    return ValueError(
        f"{file} cannot be read ({reason.rstrip('.')}). It is damaged or another kind of file: download it again, "
        "or give another path."
    )


def real(file: Path, name: str, values: Any, n_dimensions: int) -> np.ndarray:
    """Return values of a file as an array, if they are finite real numbers in so many dimensions."""
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        raise unreadable(file, f"{name} must be real numbers, and is {array.dtype}")
    if array.ndim != n_dimensions:
        raise unreadable(file, f"{name} must have {n_dimensions} dimensions, and has the shape {array.shape}")
    if not np.isfinite(array).all():
        raise unreadable(file, f"{name} has values that are NaN or infinite")
    return array


def positive(file: Path, name: str, value: Any) -> float:
    """Return a number of a file, if it is above 0."""
    number = float(real(file, name, value, 0))
    if number <= 0:
        raise unreadable(file, f"{name} must be above 0, and is {number}")
    return number


def texts(file: Path, name: str, values: np.ndarray) -> list[str]:
    """Return the texts of a one-dimensional array of a file. Whole numbers become texts."""
    if values.dtype.kind not in "Uiu" or values.ndim != 1:
        raise unreadable(file, f"{name} must be a list of names, and is {values.dtype} of shape {values.shape}")
    return [str(value) for value in values.tolist()]


def named(file: Path, numbers: Iterable[str], name_of: Mapping[str, str]) -> np.ndarray:
    """Return the names of classes that a file gives by numbers."""
    numbers = list(numbers)
    unknown = sorted(set(numbers) - name_of.keys())
    if unknown:
        raise unreadable(file, f"it has the classes {shown(unknown)}, which have no name")
    return np.array([name_of[number] for number in numbers])


def checked(file: Path, part: Part) -> Part:
    """Return a part of a file, if there are as many targets and groups as windows."""
    lengths = {name: len(values) for name, values in part._asdict().items()}
    if len(set(lengths.values())) > 1:
        raise unreadable(file, f"X, y and groups must have equally many rows, and have {list(lengths.values())}")
    return part


def bunch(read: Callable[[str], Part], split: str | None, return_X_y: bool, **about: Any) -> Any:
    """Read the splits and return them together as a `Bunch`, or as X and y."""
    parts = [read(name) for name in splits_of(split)]
    shapes = {part.X.shape[1:] for part in parts}
    if len(shapes) > 1 or len(about["channels"]) != parts[0].X.shape[1]:
        raise ValueError(
            f"The windows have the shapes {sorted(shapes)}, and there are {len(about['channels'])} names of channels. "
            "They must agree: download the data set again, or give another path."
        )
    X = np.asarray(np.concatenate([part.X for part in parts]), np.float32)
    y = np.concatenate([part.y for part in parts])
    if return_X_y:
        return X, y
    return Bunch(X=X, y=y, groups=np.concatenate([part.groups for part in parts]), **about)
