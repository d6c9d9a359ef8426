"""Reader of IEEEPPG: heart rate from the wrist."""

import functools
import os
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sklearn_ssl._engine.whole_files import expanded
from sklearn_ssl.datasets._published import (
    Part,
    bunch,
    checked,
    find_npz,
    positive,
    read_npz,
    reading,
    real,
    texts,
    unreadable,
)

_CHANNELS = ["ppg1", "ppg2", "acc_x", "acc_y", "acc_z"]
_WINDOW, _STEP = 1000, 250  # 8 s and 2 s at 125 Hz

_DESCR = """Heart rate from the wrist during exercise (IEEE Signal Processing Cup 2015)

Windows of 8 s (1,000 time steps at 125 Hz), one every 2 s, of recordings of about 5 minutes: 1,768 from 12 recordings
for training and 1,328 from 10 others for testing.
Channels: two photoplethysmograms and the acceleration along three axes, at the wrist.
Target: the heart rate in beats per minute, from an electrocardiogram recorded at the same time.
Groups: the name of the recording. Neighbouring windows overlap by 6 s, so split by recording.
"""


def load_ieeeppg(path: str | os.PathLike, split: str | None = None, *, return_X_y: bool = False) -> Any:
    """Read the IEEEPPG data set: heart rate from photoplethysmograms at the wrist.

    This function downloads nothing. The data set is published in two forms, and it reads both:

    - ``IEEEPPG_TRAIN.ts`` and ``IEEEPPG_TEST.ts`` of the time series extrinsic regression archive
      (https://doi.org/10.5281/zenodo.3902710). ``aeon.datasets.load_regression("IEEEPPG", extract_path=path)``
      downloads them. These files do not name the recordings. Windows that continue each other become one group, and the
      groups are named ``train_01`` and so on, in the order in which they first occur.
    - the recordings of the IEEE Signal Processing Cup 2015 as Matlab files, in any folders below `path`:
      ``DATA_01_TYPE01.mat`` with ``DATA_01_TYPE01_BPMtrace.mat`` and so on for training, ``TEST_S01_T01.mat`` with
      ``True_S01_T01.mat`` and so on for testing. They are cut into windows. The electrocardiogram is left out, because
      the heart rate was counted from it. The additional recording ``DATA_S04_T01.mat`` belongs to neither split of the
      archive and is not read.

    Parameters
    ----------
    path : str or path-like
        The folder with the files of either form, or the folder that contains a folder ``IEEEPPG`` with them. Or a
        packed copy ``IEEEPPG.npz``, or the folder that contains it. The copy has the arrays ``X_train``, ``y_train``
        and ``record_train``, the same three for ``test``, ``channels`` and ``fs`` (the sampling rate).
    split : {"train", "test"} or None, default=None
        The published split to read. None reads both, training windows first.
    return_X_y : bool, default=False
        Whether to return only ``(X, y)``.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        X : ndarray of shape (n_cases, 5, 1000)
            The windows, float32.
        y : ndarray of shape (n_cases,)
            The heart rates in beats per minute.
        groups : ndarray of shape (n_cases,)
            The names of the recordings, for splitting by recording.
        channels : list of str
            The names of the channels.
        sampling_rate : float
            125.0, in Hz.
        DESCR : str
            A description of the data set.
    (X, y) : tuple of ndarray
        If `return_X_y` is True.

    Raises
    ------
    FileNotFoundError
        If `path` contains no form of the data set, or if one of its files is missing.
    ValueError
        If `split` is unknown, or if a file has another form than described.

    References
    ----------
    Zhang, Z., Pi, Z. and Liu, B. (2015). TROIKA: A general framework for heart rate monitoring using wrist-type
    photoplethysmographic signals during intensive physical exercise. IEEE Transactions on Biomedical Engineering,
    62(2), 522-531.

    Tan, C. W., Bergmeir, C., Petitjean, F. and Webb, G. I. (2021). Time series extrinsic regression. Data Mining and
    Knowledge Discovery, 35, 1032-1060.

    Examples
    --------
    >>> from sklearn_ssl.datasets import load_ieeeppg
    >>> data = load_ieeeppg("IEEEPPG", split="train")  # doctest: +SKIP
    >>> data.X.shape  # doctest: +SKIP
    (1768, 5, 1000)
    """
    path = expanded(path)
    packed = find_npz(path, "IEEEPPG")
    channels, sampling_rate = _CHANNELS, 125.0
    if packed is not None:
        facts = read_npz(packed, ["channels", "fs"])
        channels, sampling_rate = texts(packed, "channels", facts["channels"]), positive(packed, "fs", facts["fs"])
    read = functools.partial(_read_packed, packed) if packed else functools.partial(_read_published, path)
    return bunch(read, split, return_X_y, channels=list(channels), sampling_rate=sampling_rate, DESCR=_DESCR)


def _read_packed(file: Path, split: str) -> Part:
    names = [f"X_{split}", f"y_{split}", f"record_{split}"]
    arrays = read_npz(file, names)
    X, y, records = (arrays[name] for name in names)
    y = real(file, names[1], y, 1).astype(np.float64)
    return checked(file, Part(real(file, names[0], X, 3), y, np.array(texts(file, names[2], records))))


def _read_published(path: Path, split: str) -> Part:
    archive_name = f"IEEEPPG_{split.upper()}.ts"
    for file in (path / archive_name, path / "IEEEPPG" / archive_name):
        if file.is_file():
            return _read_archive(file, split)
    parts = [_read_recording(file, truth) for file, truth in _matlab_files(path, split)]
    if not parts:
        raise FileNotFoundError(
            f"No {split} data of IEEEPPG in {path}: expected {archive_name}, the Matlab files of the IEEE Signal "
            "Processing Cup 2015, or IEEEPPG.npz. Download the first with "
            'aeon.datasets.load_regression("IEEEPPG", extract_path=path).'
        )
    return Part(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _matlab_files(path: Path, split: str) -> list[tuple[Path, Path]]:
    """Return the file of each recording of a split, and the file with its heart rates."""
    files = {file.stem: file for file in sorted(path.rglob("*.mat"))}
    recordings = {name: truth for name in files if (truth := _truth_of(name, split)) is not None}
    absent = sorted(truth for truth in recordings.values() if truth not in files)
    if absent:
        raise FileNotFoundError(f"{path} lacks the heart rates {', '.join(absent)} (.mat). Unpack the archive again.")
    return [(files[name], files[truth]) for name, truth in recordings.items()]


def _truth_of(name: str, split: str) -> str | None:
    """Return the name of the file with the heart rates of a recording. None if `name` is no recording of the split."""
    if split == "train" and name.startswith("DATA_") and "_TYPE" in name and not name.endswith("_BPMtrace"):
        return f"{name}_BPMtrace"
    if split == "test" and name.startswith("TEST_"):
        return f"True_{name.removeprefix('TEST_')}"
    return None


def _read_recording(file: Path, truth: Path) -> Part:
    signals = _matrix(file, "sig")[-len(_CHANNELS) :]  # in training, the first signal is the electrocardiogram
    heart_rate = _matrix(truth, "BPM0").ravel().astype(np.float64)
    if len(signals) < len(_CHANNELS):
        raise unreadable(file, f"sig must have {len(_CHANNELS)} signals, and has {len(signals)}")
    if signals.shape[1] < _WINDOW:
        raise ValueError(f"{file} must hold at least {_WINDOW} time steps, got {signals.shape[1]}. Remove it.")
    windows = np.lib.stride_tricks.sliding_window_view(signals, _WINDOW, axis=1)[:, ::_STEP]  # (5, n, 1000)
    n = min(windows.shape[1], len(heart_rate))  # windows without a heart rate are left out, and the reverse
    return Part(windows[:, :n].swapaxes(0, 1).astype(np.float32), heart_rate[:n], np.repeat(file.stem, n))


def _matrix(file: Path, name: str) -> np.ndarray:
    """Return a matrix of real numbers in a Matlab file."""
    with reading(file):
        content = loadmat(file)
    if name not in content:
        raise unreadable(file, f"it has no {name}")
    return real(file, name, content[name], 2)


def _read_archive(file: Path, split: str) -> Part:
    from aeon.datasets import load_from_ts_file  # imported here because it is slow

    with reading(file):
        X, y = load_from_ts_file(str(file))
        shape, rates = np.shape(X)[1:], y.astype(np.float64)
    if shape != (len(_CHANNELS), _WINDOW):
        raise ValueError(f"{file} must hold windows of shape (5, 1000), got {shape}. Download it again.")
    names = np.array([f"{split}_{number + 1:02d}" for number in _continued(X)])
    return Part(real(file, "X", X, 3).astype(np.float32), real(file, "y", rates, 1), names)


def _continued(X: np.ndarray) -> np.ndarray:
    """Return the number of the recording of each window.

    Two windows follow each other in a recording if the second begins with the last six seconds of the first.
    """
    starting_with = {window[:, :-_STEP].tobytes(): i for i, window in enumerate(X)}
    following = [starting_with.get(window[:, _STEP:].tobytes(), i) for i, window in enumerate(X)]
    links = coo_array((np.ones(len(X)), (np.arange(len(X)), following)), shape=(len(X), len(X)))
    return connected_components(links, directed=False)[1]
