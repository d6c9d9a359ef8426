"""Series in pieces, so that those on disk are never in memory as a whole."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from sklearn_ssl._input.collections import Collection
from sklearn_ssl.preprocessing._gaps import missing_channel

_VALUES_IN_CACHE = 3 << 17
_DIGIT_BITS = 11


def series_in_cache(collection: Collection) -> Iterator[slice]:
    """Yield slices of series. Each has so few series that their table stays in the processor's cache."""
    n_cases = max(1, _VALUES_IN_CACHE // (collection.n_channels * collection.n_timepoints))
    for start in range(0, len(collection), n_cases):
        yield slice(start, start + n_cases)


def pieces(collection: Collection) -> Iterator[Collection]:
    """Yield all series in memory, a few at a time. The pieces are the same for series on disk."""
    yield from map(collection.read, series_in_cache(collection))


class ChannelStatistics(NamedTuple):
    """What is known of the observed values of each channel (C,): their number, their mean and their range."""

    n_observed: np.ndarray
    mean: np.ndarray
    smallest: np.ndarray
    largest: np.ndarray


def channel_statistics(collection: Collection) -> ChannelStatistics:
    """Return the statistics of each channel.

    Raises
    ------
    ValueError
        If a channel is missing in every series.
    """
    parts = [_statistics(piece.values) for piece in pieces(collection)]
    counts, totals, smallest, largest = map(np.stack, zip(*parts, strict=True))
    count = counts.sum(axis=0)
    if (count == 0).any():
        raise missing_channel(int(np.argmin(count)))
    return ChannelStatistics(count, totals.sum(axis=0) / count, np.fmin.reduce(smallest), np.fmax.reduce(largest))


def _statistics(values: np.ndarray) -> tuple[Any, ...]:
    observed = ~np.isnan(values)
    total = np.sum(values, axis=(0, 2), where=observed, dtype=np.float64)
    count = np.count_nonzero(observed, axis=(0, 2))
    return count, total, np.fmin.reduce(values, axis=(0, 2)), np.fmax.reduce(values, axis=(0, 2))


def channel_variances(collection: Collection, known: ChannelStatistics) -> np.ndarray:
    """Return the mean squared distance of the observed values of each channel from their mean (C,)."""
    total = np.zeros(collection.n_channels)
    for piece in pieces(collection):
        total += np.nansum((piece.values - known.mean[:, None]) ** 2, axis=(0, 2), dtype=np.float64)
    return total / known.n_observed


def channel_quantiles(collection: Collection, share: float) -> np.ndarray:
    """Return a quantile of the observed values of each channel (C,), interpolated as `numpy.quantile` does.

    It is exact. The digits of the two values next to it are found one after the other, with a pass over the series for
    each, so that no channel has to be in memory as a whole.
    """
    place = share * (channel_statistics(collection).n_observed - 1)
    below = np.floor(place).astype(np.int64)
    first, second = _of_ranks(collection, np.stack([below, np.ceil(place).astype(np.int64)]))
    return first + (second - first) * (place - below)


def _of_ranks(collection: Collection, ranks: np.ndarray) -> np.ndarray:
    """Return the values of some ranks (T, C) among the observed values of their channels, in float64."""
    dtype = collection.read(slice(1)).values.dtype
    n_bits = 8 * dtype.itemsize
    ranks, found = ranks.copy(), np.zeros(ranks.shape, np.uint64)
    for shift in range(n_bits - _DIGIT_BITS, -_DIGIT_BITS, -_DIGIT_BITS):
        bits = min(_DIGIT_BITS, _DIGIT_BITS + shift)
        counts = _digit_counts(collection, found, max(shift, 0), bits)  # (T, C, 2 ** bits)
        until = counts.cumsum(axis=2)
        digit = (until <= ranks[:, :, None]).sum(axis=2)
        ranks -= np.take_along_axis(until - counts, digit[:, :, None], axis=2)[:, :, 0]
        found = (found << np.uint64(bits)) | digit.astype(np.uint64)
    return _value_of(found, dtype)


def _digit_counts(collection: Collection, found: np.ndarray, shift: int, bits: int) -> np.ndarray:
    """Count how often each digit follows the digits that were found (T, C)."""
    counts = np.zeros((*found.shape, 1 << bits), np.int64)
    for piece in pieces(collection):
        for channel in range(collection.n_channels):
            values = piece.values[:, channel]
            digits = _ordered(values[~np.isnan(values)]) >> np.uint64(shift)
            before, digits = digits >> np.uint64(bits), digits & np.uint64((1 << bits) - 1)
            for target, prefix in enumerate(found[:, channel]):
                here = digits[before == prefix].astype(np.intp)
                counts[target, channel] += np.bincount(here, minlength=1 << bits)
    return counts


def _ordered(values: np.ndarray) -> np.ndarray:
    """Return whole numbers in the order of floating-point numbers: the bits, with those of negative ones turned."""
    n_bits = 8 * values.dtype.itemsize
    bits = values.view(f"u{values.dtype.itemsize}")
    sign = bits.dtype.type(1 << (n_bits - 1))
    return np.where(bits & sign, ~bits, bits | sign).astype(np.uint64)


def _value_of(ordered: np.ndarray, dtype: np.dtype) -> np.ndarray:
    bits = ordered.astype(f"u{dtype.itemsize}")
    sign = bits.dtype.type(1 << (8 * dtype.itemsize - 1))
    return np.where(bits & sign, bits & ~sign, ~bits).view(dtype).astype(np.float64)
