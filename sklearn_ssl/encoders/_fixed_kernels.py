"""The 84 kernels of MiniRocket and the pooling of their convolutions, in PyTorch or compiled."""

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from sklearn_ssl._input.padding import observed_mask
from sklearn_ssl.encoders import _compiled_rocket
from sklearn_ssl.encoders._dilated import (
    CPU_BLOCK,
    GPU_BLOCK,
    LARGEST_DILATION,
    SIZE,
    NoSpace,
    Space,
    blocks,
    shifted,
)
from sklearn_ssl.encoders._kernel_pooling import POOLINGS, pooled, window_of

TAPS = np.array(list(itertools.combinations(range(SIZE), 3)))  # the three places where a kernel has the weight 2
N_KERNELS = len(TAPS)
PAIRS = np.array(list(itertools.combinations(range(SIZE - 1), 2)))  # the first two of these places
PAIR_OF_KERNEL = np.array([PAIRS.tolist().index(taps[:2]) for taps in TAPS.tolist()])
HALF = N_KERNELS // 2  # every second kernel leaves out a margin of the series
MOST_CHANNELS = 9  # largest number of channels that one kernel sees


class _Group(NamedTuple):
    """42 kernels that are pooled over the same steps. Kernels that see more channels come first."""

    kernels: np.ndarray
    slots: list[tuple[torch.Tensor, torch.Tensor]]  # for each j: rows for the j-th channel of the kernels that have one

    def summed(self, two: torch.Tensor, thrice: torch.Tensor, cut: slice, space: Space) -> torch.Tensor:
        """Return the convolutions (B, 42, n') in the steps of `cut`, summed over the channels of each kernel."""
        two, thrice = two[:, :, cut], thrice[:, :, cut]
        c = self._of_slot(0, two, thrice, space.take("c", *two.shape[:1], HALF, two.shape[2]), space)
        for j, (row, _) in enumerate(self.slots[1:], start=1):
            one = self._of_slot(j, two, thrice, space.take("one", *two.shape[:1], len(row), two.shape[2]), space)
            c[:, : len(row)].add_(one)
        return c

    def _of_slot(self, j: int, two: torch.Tensor, thrice: torch.Tensor, out: Any, space: Space) -> torch.Tensor:
        """Return the share (B, g, n') of the j-th channel, for the g kernels that have one."""
        row, third = self.slots[j]
        one = torch.index_select(two, 1, row, out=out)
        return one.add_(torch.index_select(thrice, 1, third, out=space.take("other", *one.shape)))

    def to(self, device: torch.device) -> "_Group":
        """Move the rows to a device."""
        return self._replace(slots=[(row.to(device), third.to(device)) for row, third in self.slots])


class _Lookup(NamedTuple):
    """The rows of intermediate results that the convolutions of one dilation are sums of."""

    first: torch.Tensor
    centre: torch.Tensor
    second: torch.Tensor
    groups: list[_Group]

    def to(self, device: torch.device) -> "_Lookup":
        """Move all rows to a device."""
        first, centre, second = (rows.to(device) for rows in self[:3])
        return _Lookup(first, centre, second, [group.to(device) for group in self.groups])


class FixedKernels(nn.Module):
    """The 84 kernels with several dilations and thresholds, and the pooling of their convolutions.

    Features are ordered by pooling, then by dilation, then by kernel, then by threshold.

    Parameters
    ----------
    n_channels : int
        Number of channels C of the series.
    per_kernel : int
        Number of thresholds of each kernel, over all dilations.
    max_dilations : int
        Largest number of dilations.
    poolings : sequence of str
        Names of the poolings.
    compiled : bool
        Whether to use compiled functions where they give the same features.

    Attributes
    ----------
    plan : list of (int, int)
        The dilations, each with its number of thresholds per kernel. Empty before `adapt`.
    channels : int array of shape (n_dilations, 84, n)
        The channels that each kernel sees. Places that are left are filled with C.
    biases : Parameter of shape (84 per_kernel,)
        The thresholds. They take no gradient.
    """

    def __init__(
        self, n_channels: int, per_kernel: int, max_dilations: int, poolings: tuple[str, ...], *, compiled: bool
    ) -> None:
        super().__init__()
        self.n_channels = n_channels
        self.per_kernel = per_kernel
        self.n_dilations = min(max_dilations, per_kernel)
        self.poolings = poolings
        self.compiled = compiled
        self.n_features = N_KERNELS * per_kernel * len(poolings)
        # Not a buffer, because PyTorch's optimisers refuse a module without parameters.
        self.biases = nn.Parameter(torch.zeros(N_KERNELS * per_kernel), requires_grad=False)
        self._arrange([], _draw_channels(self.n_dilations, n_channels))

    def adapt(self, x: torch.Tensor, lengths: torch.Tensor | None) -> None:
        """Take dilations and thresholds, once, from series (B, C, L) with `lengths` (B,) observed steps."""
        if self.plan:
            return
        longest = x.shape[2] if lengths is None else int(lengths.max())
        self._arrange(_plan(longest, self.per_kernel, self.n_dilations), self.channels)
        observed = torch.full((len(x),), x.shape[2]) if lengths is None else lengths.cpu()
        quantiles = _quantiles(len(self.biases)).split([N_KERNELS * n for _, n in self.plan])
        biases = []
        for place, ((_, n), part) in enumerate(zip(self.plan, quantiles, strict=True)):
            rows = torch.randint(len(x), (N_KERNELS,), device="cpu")  # a series for each kernel
            c = self._each_of_its_own(x[rows.to(x.device)], place)  # (84, L)
            biases.append(_quantiles_of(c.cpu(), observed[rows], part.view(N_KERNELS, n)).flatten())
        self.biases.copy_(torch.cat(biases))

    def take_parameters(
        self,
        n_channels_per_combination: np.ndarray,
        channel_indices: np.ndarray,
        dilations: np.ndarray,
        n_features_per_dilation: np.ndarray,
        biases: np.ndarray,
    ) -> None:
        """Take dilations, channels and thresholds from a fitted `MiniRocket` of aeon.

        Call it as ``take_parameters(*rocket.parameters)``. The features are then the same as those of the `MiniRocket`.

        Parameters
        ----------
        n_channels_per_combination : int array of shape (84 n_dilations,)
            Number of channels that each kernel sees, dilation after dilation.
        channel_indices : int array of shape (n,)
            These channels, kernel after kernel.
        dilations : int array of shape (n_dilations,)
            The dilations.
        n_features_per_dilation : int array of shape (n_dilations,)
            Number of thresholds of each kernel with each dilation.
        biases : float array of shape (84 per_kernel,)
            The thresholds.

        Raises
        ------
        ValueError
            If the encoder was built for another number of features, or for fewer channels or dilations.
        """
        if len(biases) != len(self.biases) or len(dilations) > self.n_dilations:
            raise ValueError(
                f"`biases` has {len(biases)} values for {len(dilations)} dilations; this encoder was built for "
                f"{len(self.biases)} and at most {self.n_dilations}. Set `n_features` and `max_dilations` accordingly."
            )
        if max(channel_indices) >= self.n_channels:
            raise ValueError(
                f"`channel_indices` has channel {max(channel_indices)}; this encoder was built for {self.n_channels}. "
                "Build it with the number of channels of the series."
            )
        channels = np.full_like(self.channels, self.n_channels)
        groups = np.split(channel_indices, np.cumsum(n_channels_per_combination)[:-1])
        for kernel, group in zip(channels.reshape(-1, channels.shape[2]), groups, strict=False):
            kernel[: len(group)] = group
        plan = [(int(dilation), int(n)) for dilation, n in zip(dilations, n_features_per_dilation, strict=True)]
        self._arrange(plan, channels)
        self.biases.copy_(torch.as_tensor(biases))

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        """Return the features (B, F) of series (B, C, L) with `lengths` (B,) observed steps, None if all are."""
        if self.compiled and _compiled_rocket.can_treat(x, lengths, max(dilation for dilation, _ in self._steps())):
            rows = [self.poolings.index(name) if name in self.poolings else -1 for name in POOLINGS]
            return _compiled_rocket.fixed_features(x, TAPS, self._steps(), self.channels, self.biases, rows)
        n_rows, space = self._workspace(x)
        return torch.cat([self._of_block(*block, space) for block in blocks(x, lengths, n_rows)])

    def get_extra_state(self) -> torch.Tensor:
        """Return plan and channels for the state dictionary, one row per dilation."""
        plan = np.zeros((self.n_dilations, 2), dtype=int)
        plan[: len(self.plan)] = np.reshape(self.plan, (-1, 2))
        return torch.from_numpy(np.concatenate([plan, self.channels.reshape(self.n_dilations, -1)], 1))

    def set_extra_state(self, state: torch.Tensor) -> None:
        """Take plan and channels from a state dictionary. They are checked, because it may come from anywhere."""
        rows, shape = state.cpu().numpy(), (self.n_dilations, 2 + self.channels[0].size)
        if rows.shape != shape or rows.dtype.kind != "i":
            raise ValueError(
                f"the kernels must be {shape} whole numbers, got {rows.shape} of {rows.dtype}. "
                "Load the state into an encoder that the same recipe built."
            )
        plan = [(dilation, n) for dilation, n in rows[:, :2].tolist() if n > 0]
        channels = rows[:, 2:].reshape(self.channels.shape).copy()
        self._check_possible(plan, channels)
        self._arrange(plan, channels)

    def _check_possible(self, plan: list[tuple[int, int]], channels: np.ndarray) -> None:
        """Raise if kernels would read channels or thresholds that do not exist."""
        seen = channels < self.n_channels
        first_ones = seen[:, :, 0].all() and (seen[:, :, :-1] >= seen[:, :, 1:]).all()
        in_range = (channels >= 0).all() and (channels <= self.n_channels).all()
        complete = not plan or sum(n for _, n in plan) == self.per_kernel
        if not (
            first_ones and in_range and complete and all(1 <= dilation <= LARGEST_DILATION for dilation, _ in plan)
        ):
            raise ValueError("the kernels' dilations or channels are impossible. The state is damaged.")

    def _arrange(self, plan: list[tuple[int, int]], channels: np.ndarray) -> None:
        """Take a plan and channels, and prepare the lookups and the order of the thresholds."""
        self.plan = plan
        self.channels = channels
        self._lookups = [_lookup(seen, self.n_channels) for seen in channels]
        places = np.split(np.arange(len(self.biases)), np.cumsum([N_KERNELS * n for _, n in self._steps()])[:-1])
        order = [
            part.reshape(N_KERNELS, -1)[group.kernels].ravel()
            for part, lookup in zip(places, self._lookups, strict=False)
            for group in lookup.groups
        ]
        self._order = torch.from_numpy(np.concatenate(order))  # the thresholds in the order of the groups
        self._original_order = self._order.argsort()

    def _steps(self) -> list[tuple[int, int]]:
        return self.plan or [(1, self.per_kernel)]

    def _of_block(self, x: torch.Tensor, lengths: torch.Tensor | None, space: Space) -> torch.Tensor:
        sizes = [HALF * n for _, n in self._steps() for _ in range(2)]
        biases = iter(self.biases[self._order.to(x.device)].split(sizes))
        parts = []
        for place, (dilation, n) in enumerate(self._steps()):
            lookup = self._lookups[place].to(x.device)
            convolved = _convolved(x, lookup, dilation, space)
            for parity, group in enumerate(lookup.groups):
                margin = (place + parity) % 2 * (SIZE // 2) * dilation
                window = window_of(lengths, x, margin)
                c = convolved(group, window.cut)  # (B, 42, n')
                if window.outside is not None:
                    c.add_(window.outside)
                thresholds = next(biases).view(HALF, n, 1)
                of_parts = [pooled(*part, thresholds, self.poolings, space) for part in window.parts(c.unsqueeze(2))]
                parts.append(torch.cat(of_parts))  # (B, P, 42 n)
        return torch.cat(parts, 2).index_select(2, self._original_order.to(x.device)).flatten(1)

    def _workspace(self, x: torch.Tensor) -> tuple[int, Space]:
        """Return the number of series to treat at once, and memory for their intermediate results."""
        if torch.compiler.is_exporting():
            return 1, NoSpace()
        alone = self.n_channels == 1
        widths = {
            "thrice": SIZE * self.n_channels,
            "two": max(len(lookup.first) for lookup in self._lookups),
            "c": N_KERNELS if alone else HALF,
            "one": HALF,
            "other": 0 if alone and "lspv" not in self.poolings else HALF,
        }
        block = CPU_BLOCK if x.device.type == "cpu" else GPU_BLOCK
        n_rows = min(max(1, block // (sum(widths.values()) * x.shape[2])), len(x))
        return n_rows, Space({name: x.new_empty(n_rows * width * x.shape[2]) for name, width in widths.items()})

    def _each_of_its_own(self, x: torch.Tensor, place: int) -> torch.Tensor:
        """Convolve series i = 0, ..., 83 with kernel i: (84, L)."""
        n_rows, space = self._workspace(x)
        own = x.new_empty(N_KERNELS, x.shape[2])
        for start in range(0, N_KERNELS, n_rows):
            block = x[start : start + n_rows]
            lookup = self._lookups[place].to(x.device)
            convolved = _convolved(block, lookup, self.plan[place][0], space)
            for group in lookup.groups:
                of_block = np.flatnonzero((group.kernels >= start) & (group.kernels < start + len(block)))
                c = convolved(group, slice(0, x.shape[2]))  # (B, 42, L)
                kernels = group.kernels[of_block]
                own[kernels] = c[kernels - start, of_block]
        return own


def _convolved(
    x: torch.Tensor, lookup: _Lookup, dilation: int, space: Space
) -> Callable[[_Group, slice], torch.Tensor]:
    """Return a function that gives the convolutions of x (B, C, L) with a group of kernels in a range of steps.

    A convolution is three times the sum of three steps, minus the sum of all nine. The sums always have the same order
    as in aeon's kernels. The order of a matrix product depends on the size of the batch: in a flat stretch of a series,
    where the convolution equals the threshold, rounding would let a step count in one batch and not in another.
    """
    steps = shifted(x, dilation)  # (B, C, 9, L)
    thrice = torch.mul(steps, 3.0, out=space.take("thrice", *steps.shape))
    centre = -steps[:, :, SIZE // 2]
    for i, step in enumerate(steps.unbind(2)):
        if i != SIZE // 2:
            centre.sub_(step)  # (B, C, L)
    thrice = thrice.flatten(1, 2)  # (B, 9 C, L)
    if x.shape[1] == 1 and not torch.compiler.is_exporting():
        c = _of_one_channel(thrice, centre, space)
        return lambda group, cut: c[:, group.kernels[0] :: 2, cut]
    two = torch.index_select(thrice, 1, lookup.first, out=space.take("two", x.shape[0], len(lookup.first), x.shape[2]))
    two.add_(centre.index_select(1, lookup.centre)).add_(thrice.index_select(1, lookup.second))
    return lambda group, cut: group.summed(two, thrice, cut, space)


def _of_one_channel(thrice: torch.Tensor, centre: torch.Tensor, space: Space) -> torch.Tensor:
    """Return the convolutions with all kernels, (B, 84, L). Kernels that share two of three steps are neighbours."""
    n_cases, _, n_steps = thrice.shape
    two, c = space.take("two", n_cases, SIZE - 2, n_steps), space.take("c", n_cases, N_KERNELS, n_steps)
    n_kernels = 0
    for first in range(SIZE - 2):
        seconds = slice(first + 1, SIZE - 1)
        of_first = two[:, : SIZE - 2 - first]
        torch.add(thrice[:, first : first + 1] + centre, thrice[:, seconds], out=of_first)
        for i, second in enumerate(range(first + 1, SIZE - 1)):
            n_thirds = SIZE - 1 - second
            thirds = thrice[:, second + 1 :]
            torch.add(of_first[:, i : i + 1], thirds, out=c[:, n_kernels : n_kernels + n_thirds])
            n_kernels += n_thirds
    return c


def _lookup(channels: np.ndarray, n_channels: int) -> _Lookup:
    """Return the rows that the convolutions of one dilation are sums of, given the channels (84, n) of the kernels."""
    codes = channels * len(PAIRS) + PAIR_OF_KERNEL[:, None]
    used = np.unique(codes[channels < n_channels])
    channel, pair = np.divmod(used, len(PAIRS))
    first, second = (torch.from_numpy(channel * SIZE + PAIRS[pair, i]) for i in range(2))
    numbers = (channels < n_channels).sum(1)
    groups = []
    for parity in range(2):
        kernels = np.arange(parity, N_KERNELS, 2)
        kernels = kernels[np.argsort(-numbers[kernels], kind="stable")]
        slots = []
        for j in range(numbers[kernels[0]]):
            seeing = kernels[numbers[kernels] > j]
            two, third = np.searchsorted(used, codes[seeing, j]), channels[seeing, j] * SIZE + TAPS[seeing, 2]
            slots.append((torch.from_numpy(two), torch.from_numpy(third)))
        groups.append(_Group(kernels, slots))
    return _Lookup(first, torch.from_numpy(channel), second, groups)


def _draw_channels(n_dilations: int, n_channels: int) -> np.ndarray:
    """Draw the channels of each kernel, (n_dilations, 84, n). Their number is log-uniform. `n_channels` means none."""
    most = min(n_channels, MOST_CHANNELS)
    if torch.get_default_device().type == "meta":  # a module without numbers, which are not worth a draw
        return np.where(np.arange(most) == 0, 0, np.full((n_dilations, N_KERNELS, most), n_channels))
    drawn = torch.rand(n_dilations, N_KERNELS, n_channels, device="cpu").topk(most).indices
    numbers = 2 ** (torch.rand(n_dilations, N_KERNELS, 1, device="cpu") * math.log2(most + 1))
    return torch.where(torch.arange(1, most + 1, device="cpu") <= numbers, drawn, n_channels).numpy()


def _plan(n_timepoints: int, per_kernel: int, n_dilations: int) -> list[tuple[int, int]]:
    """Return the dilations for series of `n_timepoints` steps, each with its number of thresholds per kernel."""
    largest = math.log2(max(n_timepoints - 1, SIZE - 1) / (SIZE - 1))
    drawn = np.logspace(0, largest, n_dilations, base=2).astype(int)
    dilations, repeats = np.unique(drawn, return_counts=True)
    numbers = (repeats * (per_kernel / n_dilations)).astype(int)
    missing = per_kernel - numbers.sum()
    numbers += missing // len(numbers)
    numbers[: missing % len(numbers)] += 1
    return list(zip(dilations.tolist(), numbers.tolist(), strict=True))


def _quantiles(n: int) -> torch.Tensor:
    """Return n places between 0 and 1 that are evenly spread: multiples of the golden ratio, modulo one."""
    golden = (1 + math.sqrt(5)) / 2
    places = torch.arange(1, n + 1, dtype=torch.float64, device="cpu") * golden % 1
    return places.float().double()


def _quantiles_of(values: torch.Tensor, lengths: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Return quantiles (K, n) of the first `lengths` (K,) steps of each row of values (K, L), interpolated linearly."""
    observed = observed_mask(lengths, values.shape[1])
    ascending = values.double().masked_fill(~observed, torch.inf).sort(1).values
    last = lengths.unsqueeze(1) - 1  # (K, 1)
    below = (places * last).floor().long()
    above = torch.minimum(below + 1, last)
    return torch.lerp(ascending.gather(1, below), ascending.gather(1, above), places * last - below)
