"""Hydra: the random kernels of a group compete for the steps of a series."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl._input.padding import observed_mask
from sklearn_ssl.encoders import _compiled_rocket
from sklearn_ssl.encoders._dilated import CPU_BLOCK, GPU_BLOCK, LARGEST_DILATION, SIZE, blocks, shifted

GROUP_SIZE = 8  # number of kernels in a group
MOST_CHANNELS = 8  # largest number of channels that one group sees
ROUNDING = 1e-5  # up to this share of the largest value of a series, a convolution counts as zero


class CompetingKernels(nn.Module):
    """Groups of random kernels with several dilations. Each step of a series is won by one kernel of a group.

    Features are ordered by group, from the lowest dilation to the highest. A group has eight features of steps with
    the largest convolution, then eight of steps with the smallest.

    Parameters
    ----------
    n_channels : int
        Number of channels C of the series.
    n_groups : int
        Number of groups G over all dilations.
    compiled : bool
        Whether to use compiled functions where they give the same features.

    Attributes
    ----------
    dilations : int array of shape (G,)
        The dilation of each group, ascending. All are 1 before `adapt`.
    weights : Tensor of shape (G, 8, 9)
        The kernels, each with weights of sum 0 and absolute sum 1.
    channels : Tensor of shape (G, C)
        How many times each channel is in the sum that a group sees.
    """

    weights: torch.Tensor
    channels: torch.Tensor

    def __init__(self, n_channels: int, n_groups: int, *, compiled: bool = False) -> None:
        super().__init__()
        self.n_channels = n_channels
        self.compiled = compiled
        self.n_features = 2 * GROUP_SIZE * n_groups
        self.dilations = np.ones(n_groups, dtype=int)
        self.register_buffer("weights", torch.empty(n_groups, GROUP_SIZE, SIZE))
        self.register_buffer("channels", torch.empty(n_groups, n_channels))
        if not self.weights.is_meta:
            self.weights.copy_(_draw_weights(n_groups))
            self.channels.copy_(_draw_channels(n_groups, n_channels))

    def adapt(self, x: torch.Tensor, lengths: torch.Tensor | None) -> None:
        """Take dilations that suit series (B, C, L) with `lengths` (B,) observed steps."""
        longest = x.shape[2] if lengths is None else int(lengths.max())
        n_dilations = 1 + int(math.log2(max(longest - 1, SIZE - 1) / (SIZE - 1)))
        n_groups = len(self.dilations)
        self.dilations = 2 ** (np.arange(n_groups) * n_dilations // n_groups)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        """Return the features (B, F) of series (B, C, L) with `lengths` (B,) observed steps, None if all are."""
        if self.compiled and _compiled_rocket.can_treat(x, lengths, int(self.dilations[-1])):
            return _compiled_rocket.competing_features(x, self.dilations, self.weights, self.channels, ROUNDING)
        dilations, numbers = np.unique(self.dilations, return_counts=True)
        sizes = numbers.tolist()
        stages = list(zip(dilations.tolist(), self.weights.split(sizes), self.channels.split(sizes), strict=True))
        most = CPU_BLOCK if x.device.type == "cpu" else GPU_BLOCK
        n_rows = max(1, most // (max(sizes) * GROUP_SIZE * SIZE * x.shape[2]))
        return torch.cat([_of_block(*block, stages) for block in blocks(x, lengths, n_rows)])

    def get_extra_state(self) -> torch.Tensor:
        """Return the dilations, for the state dictionary."""
        return torch.from_numpy(self.dilations.copy())

    def set_extra_state(self, state: torch.Tensor) -> None:
        """Take dilations from a state dictionary. They are checked, because it may come from anywhere."""
        dilations = state.cpu().numpy()
        if dilations.shape != self.dilations.shape or dilations.dtype.kind != "i":
            raise ValueError(
                f"the groups of kernels must be {self.dilations.shape} whole numbers, got {dilations.shape} of "
                f"{dilations.dtype}. Load the state into an encoder that the same recipe built."
            )
        if dilations.min() < 1 or dilations.max() > LARGEST_DILATION or (np.diff(dilations) < 0).any():
            raise ValueError(
                f"the dilations of the groups of kernels must be at least 1 and ascending, and at most "
                f"{LARGEST_DILATION}. The file is damaged."
            )
        self.dilations = dilations.copy()


def _of_block(
    x: torch.Tensor, lengths: torch.Tensor | None, stages: list[tuple[int, torch.Tensor, torch.Tensor]]
) -> torch.Tensor:
    """Return the features (B, F) of a few series. A stage has a dilation and its groups' weights and channels."""
    n_steps = x.shape[2]
    observed = None if lengths is None else observed_mask(lengths, n_steps)[:, None, None]  # (B, 1, 1, L)
    size = n_steps if lengths is None else lengths.clamp(min=1).view(-1, 1)
    parts = [
        _wins(channels.to(x.dtype) @ x, weights.to(x.dtype), dilation, observed)  # (B, g, 2, 8)
        for dilation, weights, channels in stages
    ]
    return (torch.cat(parts, 1).flatten(1) / size).sqrt()


def _wins(x: torch.Tensor, weights: torch.Tensor, dilation: int, observed: torch.Tensor | None) -> torch.Tensor:
    """Let the kernels (g, 8, 9) of each group compete for the steps of its series x (B, g, L): (B, g, 2, 8).

    No kernel wins a step of a flat stretch, where all convolutions are zero up to rounding.
    """
    c = _convolved(x, weights, dilation)  # (B, g, 8, L)
    if observed is not None:
        c.mul_(observed)
    low, high = c.amin(2, keepdim=True), c.amax(2, keepdim=True)  # (B, g, 1, L)
    flat = torch.maximum(high, -low) <= (ROUNDING * x.abs().amax(2))[..., None, None]
    wins = torch.le(c, low.masked_fill_(flat, -torch.inf), out=torch.empty_like(c))
    smallest = wins.sum(3)  # (B, g, 8)
    wins = torch.ge(c, high.masked_fill_(flat, torch.inf), out=wins)
    largest = wins.mul_(c).sum(3).clamp(min=0)
    return torch.stack([largest, smallest], 2)


def _convolved(x: torch.Tensor, weights: torch.Tensor, dilation: int) -> torch.Tensor:
    """Convolve the series x (B, g, L) of each group with its kernels: (B, g, 8, L).

    The weights are added one by one, so that the order of the sums does not depend on the size of the batch.
    """
    steps, taps = shifted(x, dilation).unsqueeze(2), weights.unsqueeze(3)  # (B, g, 1, 9, L), (g, 8, 9, 1)
    c = steps[..., 0, :] * taps[..., 0, :]
    for i in range(1, SIZE):
        c.addcmul_(steps[..., i, :], taps[..., i, :])
    return c


def _draw_weights(n_groups: int) -> torch.Tensor:
    drawn = torch.randn(n_groups, GROUP_SIZE, SIZE, device="cpu")
    centred = drawn - drawn.mean(2, keepdim=True)
    return centred / centred.abs().sum(2, keepdim=True)


def _draw_channels(n_groups: int, n_channels: int) -> torch.Tensor:
    """Draw channels for each group, with replacement: half as many as there are, from two to eight. Count them."""
    number = 1 if n_channels == 1 else min(max(n_channels // 2, 2), MOST_CHANNELS)
    drawn = torch.randint(n_channels, (n_groups, number), device="cpu")
    return F.one_hot(drawn, n_channels).sum(1)
