"""The loops of the fixed kernels and of the competing kernels, compiled by Numba.

Sixteen series are treated at once. Their values at one step lie next to each other, so that one instruction of the
processor handles several series, also where a step depends on the step before. A block of steps goes through the whole
computation while it is in the processor's first cache. Sums over a block are single precision, sums over blocks double.

The innermost loops have a form that LLVM turns into such instructions: over `LANES` series, with few arrays.
"""

from collections.abc import Callable

import numba
import numpy as np

from sklearn_ssl._input.collections import SIDE_BY_SIDE

LANES = SIDE_BY_SIDE  # series that are treated at once
UNROLLED = 4  # steps that are added up in registers before the sums go back to the memory
FIXED_BLOCK, COMPETING_BLOCK = 128, 32  # steps, both multiples of `UNROLLED`
ZERO, ONE, THREE, INFINITE = (np.float32(value) for value in (0, 1, 3, np.inf))


def _compiled(function: Callable) -> Callable:
    """Compile at the first call, and store the result for other processes where a folder can be written."""
    # No series has NaN, and no sum is reordered, so the flags change no value except by the rounding of a product.
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nnan", "nsz"}}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:
        return numba.njit(**options)(function)


@_compiled
def _side_by_side(x, reach, padded):
    """Copy up to 16 series x (B, C, L) into (C, L + 2 reach, 16), which is zero before and after them."""
    for channel in range(x.shape[1]):
        for case in range(LANES):
            for step in range(x.shape[2]):
                padded[channel, reach + step, case] = x[case, channel, step] if case < len(x) else ZERO


@_compiled
def _centre_of(padded, dilation, reach, centre):
    """Write minus the sum of the nine steps that a kernel reads into (C, L, 16), from the middle one outwards."""
    for channel in range(len(centre)):
        flat, result = padded[channel].ravel(), centre[channel].ravel()
        middle = flat[reach * LANES :]
        for place in range(len(result)):
            result[place] = -middle[place]
        for tap in range(9):
            if tap != 4:
                step = flat[(reach + (tap - 4) * dilation) * LANES :]
                for place in range(len(result)):
                    result[place] -= step[place]


@_compiled
def _convolve(thrice, centre, channels, taps, dilation, start, convolved):
    """Write a kernel's convolution from step `start` on, summed over its channels, into (n, 16).

    The sums have the order of those in PyTorch, so that a flat stretch exceeds a threshold here if it does there.
    """
    result = convolved.ravel()
    reach = (thrice.shape[1] - centre.shape[1]) // 2
    for number in range(len(channels)):
        channel = channels[number]
        if channel == len(centre):
            break
        flat = thrice[channel].ravel()
        one = flat[(reach + start + (taps[0] - 4) * dilation) * LANES :]
        two = flat[(reach + start + (taps[1] - 4) * dilation) * LANES :]
        three = flat[(reach + start + (taps[2] - 4) * dilation) * LANES :]
        nine = centre[channel].ravel()[start * LANES :]
        if number == 0:
            for place in range(len(result)):
                result[place] = one[place] + nine[place] + two[place] + three[place]
        else:
            for place in range(len(result)):
                result[place] += one[place] + nine[place] + two[place] + three[place]


@_compiled
def _count(convolved, biases, sums):
    """Write the number of steps of (n', 16) above each threshold to the first row of sums (n, 5, 16)."""
    for start in range(0, len(convolved), UNROLLED):
        for i in range(len(biases)):
            bias = biases[i]
            for case in range(LANES):
                count = sums[i, 0, case]
                for step in range(start, start + UNROLLED):
                    count += ONE if convolved[step, case] > bias else ZERO
                sums[i, 0, case] = count


@_compiled
def _sum(convolved, bias, last, sums):
    """Add what all poolings need of (n', 16) for one threshold to sums (5, 16).

    The rows are the number of steps above the threshold, the sum of their places, the sum of their excess, the latest
    step below the threshold, and the longest stretch so far. Steps after `last` are minus infinity.
    """
    for start in range(0, len(convolved), UNROLLED):
        for case in range(LANES):
            count, places, excess = sums[0, case], sums[1, case], sums[2, case]
            latest, longest = sums[3, case], sums[4, case]
            for step in range(start, start + UNROLLED):
                value, place = convolved[step, case], np.float32(min(step, last))
                longest = max(longest, place - latest)
                if value < bias:
                    latest = place
                if value > bias:
                    count += ONE
                    places += place
                    excess += value - bias
            sums[0, case], sums[1, case], sums[2, case] = count, places, excess
            sums[3, case], sums[4, case] = latest, longest


@_compiled
def _of_kernel(arrays, kernel, window, biases, convolved, all_poolings, sums, totals):
    """Sum up a kernel over a window of steps for thresholds (n,), into totals (n, 4, 16)."""
    thrice, centre = arrays
    channels, taps, dilation = kernel
    start, size = window
    totals[:], sums[:] = 0, 0
    for block in range(0, size, len(convolved)):
        n = min(size - block, len(convolved))
        filled = (n + UNROLLED - 1) // UNROLLED * UNROLLED
        _convolve(thrice, centre, channels, taps, dilation, start + block, convolved[:n])
        convolved[n:filled] = -INFINITE
        sums[:, :3] = 0
        if all_poolings:
            for i in range(len(biases)):
                _sum(convolved[:filled], biases[i], n - 1, sums[i])
        else:
            _count(convolved[:filled], biases, sums)
        for i in range(len(biases)):
            for case in range(LANES):
                totals[i, 0, case] += sums[i, 0, case]
                totals[i, 1, case] += sums[i, 1, case] + block * sums[i, 0, case]
                totals[i, 2, case] += sums[i, 2, case]
                totals[i, 3, case] = sums[i, 4, case]
                sums[i, 3, case] -= len(convolved)


@_compiled
def _write(totals, size, rows, start, out):
    """Write the poolings of totals (n, 4, 16) to out (B, P, F) from feature `start` on; `rows` has their places."""
    size = np.float32(size)
    for case in range(len(out)):
        for i in range(len(totals)):
            count, places = np.float32(totals[i, 0, case]), np.float32(totals[i, 1, case])
            at_least_one = max(count, ONE)
            if rows[0] >= 0:
                out[case, rows[0], start + i] = count / size
            if rows[1] >= 0:
                out[case, rows[1], start + i] = np.float32(totals[i, 2, case]) / at_least_one
            if rows[2] >= 0:
                out[case, rows[2], start + i] = places / at_least_one if count > 0 else -ONE
            if rows[3] >= 0:
                out[case, rows[3], start + i] = totals[i, 3, case]


@_compiled
def fixed_kernels(x, reach, taps, plan, channels, biases, rows, out):
    """Pool the convolutions of series with the 84 kernels.

    Parameters
    ----------
    x : float32 array of shape (B, C, L)
        The series.
    reach : int
        Largest number of steps that a kernel sees before and after a step.
    taps : int array of shape (84, 3)
        The three places where each kernel has the weight 2.
    plan : int array of shape (n_dilations, 2)
        The dilations, each with its number of thresholds per kernel.
    channels : int array of shape (n_dilations, 84, n)
        The channels that each kernel sees. Places that are left are filled with C.
    biases : float32 array of shape (F,)
        The thresholds.
    rows : int array of shape (4,)
        The places of "ppv", "mpv", "mipv" and "lspv" among the P poolings, -1 for those that are not wanted.
    out : float32 array of shape (B, P, F)
        Where the features are written.
    """
    n_channels, n_steps = x.shape[1:]
    padded = np.zeros((n_channels, n_steps + 2 * reach, LANES), np.float32)
    centre = np.empty((n_channels, n_steps, LANES), np.float32)
    convolved = np.empty((FIXED_BLOCK, LANES), np.float32)
    most = len(biases) // len(taps)
    sums, totals = np.empty((most, 5, LANES), np.float32), np.empty((most, 4, LANES))
    all_poolings = rows[1] >= 0 or rows[2] >= 0 or rows[3] >= 0
    for first in range(0, len(x), LANES):
        _side_by_side(x[first : first + LANES], reach, padded)
        thrice = THREE * padded
        start = 0
        for place in range(len(plan)):
            dilation, n = min(plan[place, 0], n_steps), plan[place, 1]
            _centre_of(padded, dilation, reach, centre)
            for kernel in range(len(taps)):
                margin = (place + kernel) % 2 * 4 * plan[place, 0]
                margin = margin if n_steps > 2 * margin else 0
                window, some = (margin, n_steps - 2 * margin), biases[start : start + n]
                one = channels[place, kernel], taps[kernel], dilation
                _of_kernel((thrice, centre), one, window, some, convolved, all_poolings, sums[:n], totals[:n])
                _write(totals[:n], window[1], rows, start, out[first : first + LANES])
                start += n


@_compiled
def _mixed(padded, channels, series, largest):
    """Write the sum of channels, each as often as `channels` (C,) says, to (n, 16), and its largest value to (16,)."""
    result = series.ravel()
    result[:] = 0
    for channel in range(len(channels)):
        times = channels[channel]
        if times > 0:
            one = padded[channel].ravel()
            for place in range(len(result)):
                result[place] += times * one[place]
    largest[:] = 0
    for step in range(len(series)):
        for case in range(LANES):
            largest[case] = max(largest[case], abs(series[step, case]))


@_compiled
def _convolve_with(series, weights, dilation, start, convolved):
    """Write the convolution of (n', 16) with nine weights from step `start` on into (n, 16)."""
    w0, w1, w2, w3, w4 = weights[0], weights[1], weights[2], weights[3], weights[4]
    w5, w6, w7, w8 = weights[5], weights[6], weights[7], weights[8]
    flat, stride = series.ravel()[start * LANES :], dilation * LANES
    s0, s1, s2, s3, s4 = flat, flat[stride:], flat[2 * stride :], flat[3 * stride :], flat[4 * stride :]
    s5, s6, s7, s8 = flat[5 * stride :], flat[6 * stride :], flat[7 * stride :], flat[8 * stride :]
    result = convolved.ravel()
    for i in range(len(result)):
        first = w1 * s1[i] + w0 * s0[i] + w2 * s2[i] + w3 * s3[i] + w4 * s4[i]
        result[i] = first + w5 * s5[i] + w6 * s6[i] + w7 * s7[i] + w8 * s8[i]


@_compiled
def _extremes(convolved, n, limit):
    """Write the smallest and the largest of the first eight rows of (10, n', 16) to the last two, in n steps.

    In the steps that are zero up to rounding, and after n, no row is as small or as large as what is written.
    """
    for step in range(n):
        for case in range(LANES):
            high = low = convolved[0, step, case]
            for row in range(1, 8):
                high = max(high, convolved[row, step, case])
                low = min(low, convolved[row, step, case])
            is_flat = max(high, -low) <= limit[case]
            convolved[8, step, case] = -INFINITE if is_flat else low
            convolved[9, step, case] = INFINITE if is_flat else high
    convolved[8, n:] = -INFINITE
    convolved[9, n:] = INFINITE


@_compiled
def _sum_wins(convolved, sums):
    """Write the sum of the values that win, and the number of the smallest ones, to sums (2, 8, 16)."""
    sums[:] = 0
    for start in range(0, convolved.shape[1], UNROLLED):
        for row in range(8):
            for case in range(LANES):
                largest, smallest = sums[0, row, case], sums[1, row, case]
                for step in range(start, start + UNROLLED):
                    value = convolved[row, step, case]
                    largest += value if value >= convolved[9, step, case] else ZERO
                    smallest += ONE if value <= convolved[8, step, case] else ZERO
                sums[0, row, case], sums[1, row, case] = largest, smallest


@_compiled
def competing_kernels(x, reach, dilations, weights, channels, rounding, out):
    """Let the kernels of each group compete for the steps of series.

    Parameters
    ----------
    x : float32 array of shape (B, C, L)
        The series.
    reach : int
        Largest number of steps that a kernel sees before and after a step.
    dilations : int array of shape (G,)
        The dilation of each group.
    weights : float32 array of shape (G, 8, 9)
        The kernels.
    channels : float32 array of shape (G, C)
        How many times each channel is in the sum that a group sees.
    rounding : float32
        Up to this share of the largest value of a series, a convolution counts as zero.
    out : float32 array of shape (B, G, 2, 8)
        Where the features are written.
    """
    n_steps = x.shape[2]
    padded = np.zeros((x.shape[1], n_steps + 2 * reach, LANES), np.float32)
    series, largest = np.empty_like(padded[0]), np.empty(LANES, np.float32)
    convolved, sums = np.zeros((10, COMPETING_BLOCK, LANES), np.float32), np.empty((2, 8, LANES), np.float32)
    for first in range(0, len(x), LANES):
        _side_by_side(x[first : first + LANES], reach, padded)
        for group in range(len(dilations)):
            dilation = min(dilations[group], n_steps)
            _mixed(padded, channels[group], series, largest)
            totals = np.zeros((2, 8, LANES))
            for start in range(0, n_steps, COMPETING_BLOCK):
                n = min(COMPETING_BLOCK, n_steps - start)
                for kernel in range(8):
                    origin = reach - 4 * dilation + start
                    _convolve_with(series, weights[group, kernel], dilation, origin, convolved[kernel, :n])
                _extremes(convolved, n, rounding * largest)
                _sum_wins(convolved, sums)
                totals += sums
            for case in range(min(LANES, len(x) - first)):
                for row in range(8):
                    mean = np.float32(max(totals[0, row, case], 0)) / np.float32(n_steps)
                    out[first + case, group, 0, row] = np.sqrt(mean)
                    out[first + case, group, 1, row] = np.sqrt(np.float32(totals[1, row, case]) / np.float32(n_steps))
