"""Reader of UCI HAR: activities from a smartphone."""

import functools
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_ssl._engine.whole_files import expanded
from sklearn_ssl.datasets._published import (
    Part,
    bunch,
    checked,
    find_npz,
    named,
    positive,
    read_npz,
    reading,
    real,
    texts,
    unreadable,
)

_CHANNELS = [f"{sensor}_{axis}" for sensor in ("body_acc", "body_gyro", "total_acc") for axis in "xyz"]

_DESCR = """Human activity recognition using smartphones (UCI HAR)

Thirty volunteers, six activities, a smartphone at the waist. Windows of 2.56 s (128 time steps at 50 Hz) that overlap
by half: 7,352 from 21 volunteers for training and 2,947 from 9 others for testing.
Channels: acceleration without gravity (body_acc) and with it (total_acc), in g, and angular velocity (body_gyro), in
radians per second, along three axes.
Classes: WALKING, WALKING_UPSTAIRS, WALKING_DOWNSTAIRS, SITTING, STANDING, LAYING.
Groups: the number of the volunteer. The windows are sorted by it.
"""


def load_ucihar(path: str | os.PathLike, split: str | None = None, *, return_X_y: bool = False) -> Any:
    """Read the UCI HAR data set: smartphone recordings of six activities.

    This function downloads nothing. Download the files from the UCI Machine Learning Repository, "Human Activity
    Recognition Using Smartphones" (https://doi.org/10.24432/C54S4K), and unpack them. The function reads the windows of
    the inertial signals, not the 561 hand-made features that come with them.

    Parameters
    ----------
    path : str or path-like
        The unpacked folder ``UCI HAR Dataset``, or the folder that contains it. Or a packed copy ``UCIHAR.npz``, or the
        folder that contains it. The copy has the arrays ``X_train`` (whole numbers, to be multiplied by ``scale``),
        ``y_train`` and ``subject_train``, the same three for ``test``, ``classes`` (such as ``1=WALKING``) and
        ``channels``.
    split : {"train", "test"} or None, default=None
        The published split to read. None reads both, training windows first.
    return_X_y : bool, default=False
        Whether to return only ``(X, y)``.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        X : ndarray of shape (n_cases, 9, 128)
            The windows, float32.
        y : ndarray of shape (n_cases,)
            The names of the activities.
        groups : ndarray of shape (n_cases,)
            The numbers of the volunteers, for splitting by person.
        channels : list of str
            The names of the channels.
        sampling_rate : float
            50.0, in Hz.
        DESCR : str
            A description of the data set.
    (X, y) : tuple of ndarray
        If `return_X_y` is True.

    Raises
    ------
    FileNotFoundError
        If `path` contains neither form of the data set, or if one of its files is missing.
    ValueError
        If `split` is unknown, or if a file is damaged or has another form than described.

    References
    ----------
    Anguita, D., Ghio, A., Oneto, L., Parra, X. and Reyes-Ortiz, J. L. (2013). A public domain dataset for human
    activity recognition using smartphones. ESANN.

    Examples
    --------
    >>> from sklearn_ssl.datasets import load_ucihar
    >>> data = load_ucihar("UCI HAR Dataset", split="train")  # doctest: +SKIP
    >>> data.X.shape  # doctest: +SKIP
    (7352, 9, 128)
    """
    path = expanded(path)
    packed = find_npz(path, "UCIHAR")
    channels = _CHANNELS if packed is None else texts(packed, "channels", read_npz(packed, ["channels"])["channels"])
    read = functools.partial(_read_packed, packed) if packed else functools.partial(_read_published, _folder(path))
    return bunch(read, split, return_X_y, channels=list(channels), sampling_rate=50.0, DESCR=_DESCR)


def _read_packed(file: Path, split: str) -> Part:
    names = [f"X_{split}", f"y_{split}", f"subject_{split}"]
    arrays = read_npz(file, [*names, "scale", "classes"])
    values, labels, subjects = (arrays[name] for name in names)
    scale = np.float32(positive(file, "scale", arrays["scale"]))
    with reading(file):
        name_of = dict(name.split("=") for name in arrays["classes"].tolist())
    y = named(file, texts(file, names[1], labels), name_of)
    return checked(file, Part(real(file, names[0], values, 3) * scale, y, _whole(file, names[2], subjects)))


def _read_published(folder: Path, split: str) -> Part:
    signals = [folder / split / "Inertial Signals" / f"{channel}_{split}.txt" for channel in _CHANNELS]
    windows = [_read_table(file, np.float32) for file in signals]
    truth, people = folder / split / f"y_{split}.txt", folder / split / f"subject_{split}.txt"
    labels, subjects = (_read_table(file, np.int64)[:, 0] for file in (truth, people))
    _check_equally_long(folder / split, (*windows, labels, subjects))
    names = folder / "activity_labels.txt"
    with reading(names):
        name_of = dict(line.split() for line in names.read_text().splitlines() if line.strip())
    with reading(folder / split):
        X = np.stack(windows, axis=1)
    return Part(X, named(truth, map(str, labels.tolist()), name_of), subjects)


def _whole(file: Path, name: str, values: np.ndarray) -> np.ndarray:
    numbers = real(file, name, values, 1)
    if (numbers != np.round(numbers)).any():
        raise unreadable(file, f"{name} must be whole numbers")
    return numbers.astype(np.int64)


def _check_equally_long(folder: Path, tables: tuple[np.ndarray, ...]) -> None:
    lengths = sorted({len(rows) for rows in tables})
    if len(lengths) > 1:
        raise ValueError(f"The files in {folder} must have equally many rows, got {lengths}. Unpack them again.")


def _read_table(file: Path, dtype: type) -> np.ndarray:
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing. Unpack the whole archive of UCI HAR again.")
    with reading(file), warnings.catch_warnings():
        warnings.simplefilter("error")  # an empty file is but a warning
        table: np.ndarray = np.loadtxt(file, dtype=dtype, ndmin=2)
    return real(file, "the table", table, 2)


def _folder(path: Path) -> Path:
    marks = [path / "activity_labels.txt", *sorted(path.glob("*/activity_labels.txt"))]
    folder = next((mark.parent for mark in marks if mark.is_file()), None)
    if folder is None:
        raise FileNotFoundError(
            f"No UCI HAR data in {path}: expected the unpacked folder 'UCI HAR Dataset' with activity_labels.txt, "
            "train and test, or the file UCIHAR.npz. Download https://doi.org/10.24432/C54S4K, unpack it and pass the "
            "folder."
        )
    return folder
