"""
What the preprocessing transformers cost compared with plain NumPy
===========================================================

Every transformer learns from and transforms the same synthetic series, 7,352 x 9 x 128 by default, next to a
straightforward vectorised NumPy version of the same operation. Both run in turn, in one process, so that a busy machine
slows both. A row shows the medians of their times and the median of the ratios of paired runs.

Options: ``python examples/benchmarks/preprocessing.py --help``. Nothing is written unless ``--csv`` is given.
"""

import argparse
import csv
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import savgol_coeffs
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sklearn_ssl.preprocessing import ChannelWise, ClipOutliers, FillMissing, SeriesWise, Smooth

LIMIT = 1.5
OVER_TRAINING_SET = {"axis": (0, 2), "keepdims": True}


def fill_forward(X: np.ndarray) -> np.ndarray:
    """Repeat the last observed value, then the next one at the start."""
    steps = np.arange(X.shape[2])
    source = np.maximum.accumulate(np.where(np.isnan(X), 0, steps), axis=2)
    filled = np.take_along_axis(X, source, axis=2)
    source = np.where(np.isnan(filled), X.shape[2] - 1, steps)[:, :, ::-1]
    return np.take_along_axis(filled, np.minimum.accumulate(source, axis=2)[:, :, ::-1], axis=2)


def fill_mean(X: np.ndarray) -> np.ndarray:
    """Put the mean of the channel into the gaps."""
    return np.where(np.isnan(X), np.nanmean(X, **OVER_TRAINING_SET), X)


def standardise(X: np.ndarray) -> np.ndarray:
    """Scale channels to mean 0 and standard deviation 1, passing over NaN."""
    return (X - np.nanmean(X, **OVER_TRAINING_SET)) / np.nanstd(X, **OVER_TRAINING_SET)


def standardise_complete(X: np.ndarray) -> np.ndarray:
    """Scale channels to mean 0 and standard deviation 1, knowing that there is no NaN."""
    return (X - X.mean(**OVER_TRAINING_SET)) / X.std(**OVER_TRAINING_SET)


def to_range(X: np.ndarray) -> np.ndarray:
    """Scale channels to the range from 0 to 1, passing over NaN."""
    low, high = np.nanmin(X, **OVER_TRAINING_SET), np.nanmax(X, **OVER_TRAINING_SET)
    return (X - low) / (high - low)


def standardise_series(X: np.ndarray) -> np.ndarray:
    """Scale every channel of every series by itself, passing over NaN."""
    return (X - np.nanmean(X, axis=2, keepdims=True)) / np.nanstd(X, axis=2, keepdims=True)


def clip_zscore(X: np.ndarray) -> np.ndarray:
    """Clip channels at three standard deviations, passing over NaN."""
    mean, reach = np.nanmean(X, **OVER_TRAINING_SET), 3 * np.nanstd(X, **OVER_TRAINING_SET)
    return np.clip(X, mean - reach, mean + reach)


def clip_iqr(X: np.ndarray) -> np.ndarray:
    """Clip channels at 1.5 interquartile ranges beyond the quartiles, passing over NaN."""
    first, third = np.nanquantile(X, [0.25, 0.75], **OVER_TRAINING_SET)
    reach = 1.5 * (third - first)
    return np.clip(X, first - reach, third + reach).astype(X.dtype)


def clip_hampel(X: np.ndarray) -> np.ndarray:
    """Clip at three scaled median absolute deviations around the median of seven steps; no NaN."""
    windows = sliding_window_view(np.pad(X, ((0, 0), (0, 0), (3, 3)), mode="reflect"), 7, axis=2)
    median = np.median(windows, axis=3)
    reach = 3 * 1.4826 * np.median(np.abs(windows - median[..., None]), axis=3)
    return np.clip(X, median - reach, median + reach)


def savgol(X: np.ndarray) -> np.ndarray:
    """Savitzky-Golay filter of eleven steps and degree two; no NaN."""
    weights = savgol_coeffs(11, 2, use="dot").astype(X.dtype)
    return sliding_window_view(np.pad(X, ((0, 0), (0, 0), (5, 5)), mode="edge"), 11, axis=2) @ weights


def comparisons(complete: np.ndarray, gappy: np.ndarray) -> Iterator[tuple[str, np.ndarray, Callable, object]]:
    """Yield the name of an operation, its input, its NumPy version and its transformer."""
    yield "fill forward", gappy, fill_forward, FillMissing()
    yield "fill mean", gappy, fill_mean, FillMissing(method="mean")
    yield "standard scale", gappy, standardise, ChannelWise(StandardScaler())
    yield "standard scale, no NaN", complete, standardise, ChannelWise(StandardScaler())
    yield (
        "standard scale, no NaN, NumPy not looking for it",
        complete,
        standardise_complete,
        ChannelWise(StandardScaler()),
    )
    yield "min-max scale", gappy, to_range, ChannelWise(MinMaxScaler())
    yield "standard scale per series", gappy, standardise_series, SeriesWise(StandardScaler())
    yield "clip zscore", gappy, clip_zscore, ClipOutliers()
    yield "clip iqr", gappy, clip_iqr, ClipOutliers(method="iqr")
    yield "clip hampel", complete, clip_hampel, ClipOutliers(method="hampel")
    yield "smooth savgol", complete, savgol, Smooth(method="savgol", window=11)


def seconds(function: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def measure(X: np.ndarray, plain: Callable, transformer, repeats: int) -> tuple[float, float, float]:
    """Return median milliseconds of NumPy and of the transformer, and the median ratio of paired runs."""
    pairs = np.array(
        [(seconds(lambda: plain(X)), seconds(lambda: transformer.fit_transform(X))) for _ in range(repeats + 1)]
    )[1:]  # the first pair warms up
    numpy_ms, transformer_ms = 1e3 * np.median(pairs, axis=0)
    return numpy_ms, transformer_ms, float(np.median(pairs[:, 1] / pairs[:, 0]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Time the preprocessing transformers next to plain NumPy.")
    parser.add_argument("--shape", type=int, nargs=3, default=(7352, 9, 128), help="series, channels, time steps")
    parser.add_argument("--missing", type=float, default=0.05, help="share of missing values where there are any")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--csv", type=Path, help="also write the table to this file")
    arguments = parser.parse_args()

    rng = np.random.default_rng(0)
    complete = rng.standard_normal(arguments.shape).astype(arguments.dtype)
    gappy = np.where(rng.random(arguments.shape) < arguments.missing, np.nan, complete).astype(arguments.dtype)
    rows = []
    print(f"{'operation':<50} {'NumPy ms':>9} {'sklearn_ssl ms':>14} {'ratio':>6}  at most {LIMIT}")
    for name, X, plain, transformer in comparisons(complete, gappy):
        numpy_ms, transformer_ms, ratio = measure(X, plain, transformer, arguments.repeats)
        verdict = "yes" if ratio <= LIMIT else "no"
        print(f"{name:<50} {numpy_ms:>9.1f} {transformer_ms:>14.1f} {ratio:>6.2f}  {verdict}", flush=True)
        rows.append([name, numpy_ms, transformer_ms, ratio])
    if arguments.csv is not None:
        with arguments.csv.open("w", newline="") as file:
            csv.writer(file).writerows([["operation", "numpy_ms", "sklearn_ssl_ms", "ratio"], *rows])


if __name__ == "__main__":
    main()
