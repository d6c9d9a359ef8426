"""Features written to a file, piece by piece."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from sklearn_ssl._engine.whole_files import expanded, write_whole
from sklearn_ssl._input.collections import series_at_once
from sklearn_ssl._input.plain import plain

PIECE_BYTES = 1 << 24


def write_features(estimator: Any, X: Any, path: Any) -> np.ndarray:
    """Write the features of series that do not fit into memory.

    The features are those of ``estimator.transform(X)``. They are computed and written in pieces of at most 16 MiB of
    series, so neither series nor features are in memory as a whole. Any error leaves the file as it was.

    Parameters
    ----------
    estimator : transformer or Pipeline
        A fitted estimator with `transform`, which treats each series by itself.
    X : OnDisk, array or list of arrays
        The series.
    path : str or path-like
        The .npy file. It is replaced if it is there.

    Returns
    -------
    ndarray
        The features, mapped from the file and read-only. One row per series.

    Raises
    ------
    ValueError, TypeError
        If the path is not valid, `X` has no series, or `transform` refuses them or does not return a row for each.
    OSError
        If the file cannot be written.

    See Also
    --------
    OnDisk : Series that are read batch by batch.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_ssl import RandomEncoderTransformer
    >>> from sklearn_ssl.datasets import make_waves, write_features
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> encoder = RandomEncoderTransformer(random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     H = write_features(encoder, X, f"{folder}/H.npy")
    ...     bool((H == encoder.transform(X)).all())
    True
    """
    path = expanded(path)
    X = plain(X)
    if len(X) == 0:
        raise ValueError("X has no series. Give at least one.")
    write_whole(path, lambda file: _write(file, _features(estimator, X), len(X)))
    return np.load(path, mmap_mode="r")


def _features(estimator: Any, X: Any) -> Iterator[np.ndarray]:
    first = np.asarray(X[:1])
    longest = X.shape[-1] if hasattr(X, "shape") else max(np.shape(one)[-1] for one in X)
    at_once = series_at_once(longest)  # whole batches, so that features are those of one call to the last bit
    n_rows = at_once * max(1, PIECE_BYTES // (max(1, first.nbytes) * at_once))
    for start in range(0, len(X), n_rows):
        rows = X[start : start + n_rows]
        features = np.ascontiguousarray(estimator.transform(rows))
        if len(features) != len(rows):
            raise ValueError(
                f"`estimator` returned {len(features)} rows for {len(rows)} series. Give a transformer that returns "
                "one row per series."
            )
        yield features


def _write(file: BinaryIO, pieces: Iterator[np.ndarray], n_rows: int) -> None:
    first = next(pieces)
    shape = (n_rows, *first.shape[1:])
    header = {"descr": np.lib.format.dtype_to_descr(first.dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    file.write(first.data)
    for piece in pieces:
        file.write(piece.astype(first.dtype, copy=False).data)
