"""Pooling of fixed convolutions: the steps that are pooled over, and the poolings."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch

from sklearn_ssl.encoders._dilated import Space

POOLED_BLOCK = 1 << 17  # number of values that are compared at once, so that they fit into a core's own cache


class Window(NamedTuple):
    """The steps that are pooled over."""

    cut: slice  # the n' steps that count for some series
    steps: torch.Tensor  # (B, 1, 1, n'), counted from 0 at the first step that counts, clipped to the window
    size: torch.Tensor  # (B, 1, 1), the number of steps that count
    outside: torch.Tensor | None  # (B, 1, n'), minus infinity at steps that do not count and 0 elsewhere

    def parts(self, c: torch.Tensor) -> Iterator[tuple[torch.Tensor, "Window"]]:
        """Split convolutions (B, 42, 1, n') into blocks of series, each with its window."""
        if torch.compiler.is_exporting() or c.device.type != "cpu":
            return iter([(c, self)])
        n_rows = max(1, POOLED_BLOCK // c[0].numel())
        of_c = c.split(n_rows)
        if self.outside is None:
            return zip(of_c, itertools.repeat(self))
        rows = zip(self.steps.split(n_rows), self.size.split(n_rows), strict=True)
        return zip(of_c, (self._replace(steps=steps, size=size) for steps, size in rows), strict=True)


# Each pooling is computed from sums (b, 42, n) over windows with `size` (b, 1, 1) steps.
_MEANS: dict[str, Callable[[dict[str, torch.Tensor], torch.Tensor], torch.Tensor]] = {
    "ppv": lambda sums, size: sums["count"] / size,
    "mpv": lambda sums, size: sums["excess"] / sums["count"].clamp(min=1),
    "mipv": lambda sums, size: torch.where(sums["count"] > 0, sums["steps"] / sums["count"].clamp(min=1), -1),
    "lspv": lambda sums, size: sums["stretch"],
}
POOLINGS = tuple(_MEANS)


def window_of(lengths: torch.Tensor | None, x: torch.Tensor, margin: int) -> Window:
    """Return the window of steps that leaves out a margin on both sides, unless no step would remain."""
    n_steps = x.shape[2]
    if lengths is None:
        start = margin if n_steps > 2 * margin else 0
        size = n_steps - 2 * start
        steps = torch.arange(size, device=x.device, dtype=x.dtype)
        return Window(slice(start, start + size), steps.view(1, 1, 1, -1), steps.new_full((1, 1, 1), size), None)
    starts = torch.where(lengths > 2 * margin, margin, 0).unsqueeze(1)  # (B, 1)
    sizes = lengths.unsqueeze(1) - 2 * starts  # (B, 1)
    steps = torch.arange(n_steps, device=x.device) - starts  # (B, L)
    outside = torch.where((steps >= 0) & (steps < sizes), 0.0, -torch.inf).unsqueeze(1)
    sizes = sizes.clamp(min=1)
    steps = torch.minimum(steps.clamp(min=0), sizes - 1).to(x.dtype)
    return Window(slice(0, n_steps), steps[:, None, None], sizes.to(x.dtype)[:, None], outside)


def pooled(
    c: torch.Tensor, window: Window, biases: torch.Tensor, poolings: tuple[str, ...], space: Space
) -> torch.Tensor:
    """Pool convolutions c (b, 42, 1, n') for thresholds (42, n, 1): (b, P, 42 n)."""
    at_once = biases.shape[1] if torch.compiler.is_exporting() else 1
    one = space.take("one", c.shape[0], biases.shape[0], at_once, c.shape[3])
    of_each = [_sums(c, window, some, poolings, one, space) for some in biases.split(at_once, 1)]
    sums = {name: torch.cat([of_some[name] for of_some in of_each], 2) for name in of_each[0]}  # (b, 42, n)
    return torch.stack([_MEANS[name](sums, window.size) for name in poolings], 1).flatten(2)


def _sums(
    c: torch.Tensor, window: Window, biases: torch.Tensor, poolings: tuple[str, ...], one: Any, space: Space
) -> dict[str, torch.Tensor]:
    """Return the sums that the poolings need for thresholds (42, k, 1), each (b, 42, k).

    `one` is memory for (b, 42, k, n') or None.
    """
    sums = {}
    if poolings != ("lspv",):
        # Comparing to and adding up floats is faster than booleans, and exact up to 2^24 steps.
        above = torch.gt(c, biases, out=one).to(c.dtype)
        sums["count"] = above.sum(3)
        if "mipv" in poolings:
            sums["steps"] = above.mul_(window.steps).sum(3)
        if "mpv" in poolings:
            sums["excess"] = torch.sub(c, biases, out=one).clamp_(min=0).sum(3)
    if "lspv" in poolings:
        below = torch.lt(c, biases, out=one).to(c.dtype)
        sums["stretch"] = _longest_stretch(below, window.steps, space)
    return sums


def _longest_stretch(below: torch.Tensor, steps: torch.Tensor, space: Space) -> torch.Tensor:
    """Return the largest distance between successive steps at which `below` (B, 42, n, n') is one: (B, 42, n).

    Steps outside of the window are below as well. Their numbers are clipped to the window, so they add no distance.
    """
    n_steps = below.shape[3]
    below.mul_(steps)  # the number of the step where it is below, else 0
    if torch.compiler.is_exporting():
        latest, spare = below, torch.empty_like(below)
    elif n_steps <= 1 << 15:  # short integers need half the memory
        both = space.take("other", 2, *below.shape, dtype=torch.int16)
        latest, spare, steps = both[0].copy_(below), both[1], steps.to(torch.int16)
    else:
        latest, spare = below, space.take("other", *below.shape)
    latest, spare = _running_maximum(latest, spare)
    if n_steps == 1:
        return torch.zeros_like(below[..., 0])
    return torch.sub(steps[..., 1:], latest[..., :-1], out=spare[..., 1:]).amax(3).to(below.dtype)


def _running_maximum(x: torch.Tensor, spare: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the largest value up to each step, and the other tensor. Both are overwritten.

    Each pass doubles the number of steps that a maximum covers, which is faster than `torch.cummax`.
    """
    width = 1
    while width < x.shape[-1]:
        spare[..., :width] = x[..., :width]
        torch.maximum(x[..., width:], x[..., :-width], out=spare[..., width:])
        x, spare = spare, x
        width *= 2
    return x, spare
