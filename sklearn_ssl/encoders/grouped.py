"""An encoder of its own for each group of channels, such as the axes of one sensor."""

import math
import typing
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from sklearn_ssl._input.padding import resize_mask, zero_padding
from sklearn_ssl._parameters.hyperparameters import choice, recipe
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl._processes.norms import summed
from sklearn_ssl.encoders._attention import CrossBlock, position_codes
from sklearn_ssl.encoders._base import Encoder, EncoderModule
from sklearn_ssl.encoders.inception import small_inception

KEPT = 0.9  # share of the mean features that stays in each step
MOST_HEADS = 4


@typing.final
class GroupedEncoder(Encoder):
    r"""An encoder of its own for each group of channels. Their features are joined step by step.

    Use it where channels come from several sensors, or where some channels are numbers that do not change with time,
    such as the age of a person. With `attended`, the features of the last layer are first mixed by cross-attention:
    every step of a group asks all steps of the other groups what they have to say. With queries q from a group and keys
    k and values v from the other groups, a step becomes

    .. math:: h_t + \sum_s \operatorname{softmax}_s(q_t^\top k_s / \sqrt{d})\, v_s

    and then passes a feed-forward part, each with a normalisation before.

    A group is missing in a series if all its values there are 0. Its features are then replaced by the means of its
    features over the training steps, which say nothing about the series.

    Parameters
    ----------
    encoder : Encoder, default=None
        Recipe of the encoders, one for each group. It may be given by position. None is
        ``InceptionEncoder(depth=3, width=16, bottleneck=16)``.
    groups : list of lists of int or None, default=None
        The channels of each group, counted from 0. A channel in no group is not used. None takes each channel as a
        group.
    attended : bool, default=False
        Whether groups attend to each other. The number of heads is 4, or less if the width is no multiple of 4.

    References
    ----------
    Tsai, Y.-H. H., Bai, S., Liang, P. P., Kolter, J. Z., Morency, L.-P. and Salakhutdinov, R. (2019). Multimodal
    transformer for unaligned multimodal language sequences. ACL.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.encoders import GroupedEncoder, ResNetEncoder
    >>> encoder = GroupedEncoder(ResNetEncoder(depth=1, width=8), groups=[[0, 1, 2], [3]]).build(n_channels=4)
    >>> encoder(torch.zeros(2, 4, 50)).shape
    torch.Size([2, 16, 50])
    """

    encoder: Any = recipe(default_factory=small_inception, needs="build", kw_only=False)
    groups: Any = None
    attended: bool = choice(False, True, default=False)

    def _module(self, n_channels: int) -> EncoderModule:
        groups = checked_groups(self.groups, n_channels)
        return ChannelGroups([self.resolved("encoder").build(len(one)) for one in groups], groups, self.attended)


class ChannelGroups(EncoderModule):
    """The module that `GroupedEncoder` builds.

    Parameters
    ----------
    encoders : list of EncoderModule
        The encoder of each group.
    groups : list of lists of int
        The channels of each group.
    attended : bool
        Whether groups attend to each other.

    Attributes
    ----------
    group_widths : list of list of int
        For each layer the number of features of each group.
    """

    def __init__(self, encoders: Sequence[EncoderModule], groups: list[list[int]], attended: bool) -> None:
        self.group_widths = [list(of_layer) for of_layer in zip(*(one.widths for one in encoders), strict=True)]
        super().__init__([sum(of_layer) for of_layer in self.group_widths], encoders[0].stride)
        self.pools_over_time = encoders[0].pools_over_time
        self.groups = groups
        self.encoders = nn.ModuleList(encoders)
        mixed = self.group_widths[-1] if attended and len(groups) > 1 else []
        self.mixers = nn.ModuleList(CrossBlock(width, math.gcd(MOST_HEADS, width), 2 * width) for width in mixed)
        for group, channels in enumerate(groups):  # on the device, which would wait for lists of the host
            self.register_buffer(f"channels_{group}", torch.tensor(channels), persistent=False)
        for layer, width in enumerate(self.widths):
            self.register_buffer(f"mean_{layer}", torch.zeros(width))

    def present(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Tell which groups are not missing in x (B, C, L): (B, G)."""
        has_value = (x != 0) if mask is None else (x != 0) & mask[:, None]  # (B, C, L)
        return torch.stack([self.of_group(has_value, group).flatten(1).any(dim=1) for group in self._numbers], dim=1)

    def of_group(self, x: torch.Tensor, group: int) -> torch.Tensor:
        """Return the channels of a group: x (B, C, L) to (B, c, L)."""
        return x.index_select(1, self.get_buffer(f"channels_{group}"))

    @property
    def _numbers(self) -> range:
        return range(len(self.groups))

    def adapt(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> None:
        """Adapt the encoders, and take the mean features of each group."""
        for group, encoder in enumerate(self.encoders):
            encoder.adapt(self.of_group(x, group), mask)  # type: ignore[operator]
        with torch.no_grad():
            self._follow(self._joined(x, mask), self.present(x, mask), mask, kept=0.0)

    def stages(self) -> list[list[nn.Module]]:
        """Return the stages of the encoders, those of one height together, and then the attention."""
        of_encoders: list[list[list[nn.Module]]] = [one.stages() for one in self.encoders]  # type: ignore[operator]
        together = [[part for stage in level for part in stage] for level in zip(*of_encoders, strict=True)]
        return [*together, list(self.mixers)] if len(self.mixers) else together

    def layers(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Return for each layer the maps of all groups, joined."""
        maps, present = self._joined(x, mask), self.present(x, mask)
        if self.training:
            self._follow(maps, present, mask, KEPT)
        maps = [self._filled(layer, h, present, mask) for layer, h in enumerate(maps)]
        if len(self.mixers):
            maps[-1] = self._mixed(maps[-1], mask)
        return maps

    def _joined(self, x: torch.Tensor, mask: torch.Tensor | None) -> list[torch.Tensor]:
        maps = [one.layers(self.of_group(x, group), mask) for group, one in enumerate(self.encoders)]  # type: ignore[operator]
        return [
            _steps_last(torch.cat([h.transpose(1, 2) for h in of_layer], 2)) for of_layer in zip(*maps, strict=True)
        ]

    def _of_features(self, layer: int, present: torch.Tensor) -> torch.Tensor:
        """Return for each feature of a layer whether its group is present, (B, D, 1)."""
        widths = self.group_widths[layer]
        return torch.cat([present[:, group, None].expand(-1, width) for group, width in enumerate(widths)], 1)[
            :, :, None
        ]

    @torch.no_grad()
    def _follow(self, maps: list[torch.Tensor], present: torch.Tensor, mask: torch.Tensor | None, kept: float) -> None:
        """Let the means follow those of the observed steps at which a group is present."""
        for layer, h in enumerate(maps):
            counted = self._of_features(layer, present).expand_as(h)  # (B, D, L')
            if mask is not None:
                counted = counted & resize_mask(mask, h.shape[2])[:, None]
            n = summed(counted.sum(dim=(0, 2)))  # (D,)
            mean = self.get_buffer(f"mean_{layer}")
            now = summed(torch.where(counted, h, 0).to(mean.dtype).sum(dim=(0, 2))) / n.clamp(min=1)
            mean.copy_(torch.where(n > 0, kept * mean + (1 - kept) * now, mean))

    def _filled(self, layer: int, h: torch.Tensor, present: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        mean = self.get_buffer(f"mean_{layer}").to(h.dtype)[:, None]  # (D, 1)
        filled = torch.where(self._of_features(layer, present).transpose(1, 2), h.transpose(1, 2), mean.T)  # (B, L', D)
        return zero_padding(_steps_last(filled), None if mask is None else resize_mask(mask, h.shape[2]))

    def _mixed(self, h: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Let each group attend to the others."""
        n_steps = h.shape[2]
        observed = torch.ones(len(h), n_steps, dtype=torch.bool, device=h.device)
        observed = observed if mask is None else resize_mask(mask, n_steps)
        tokens = h.transpose(1, 2).split(self.group_widths[-1], dim=2)  # each (B, L', D)
        places = position_codes(n_steps, tokens[0].shape[2], h.device).to(h.dtype)  # (L', D)
        n_others = len(tokens) - 1
        # A series without an observed step attends to all, so that nothing becomes NaN.
        attended = (observed | ~observed.any(dim=1, keepdim=True)).repeat(1, n_others)[:, None, None]  # (B, 1, 1, N)
        mixed = []
        for group, (mixer, queries) in enumerate(zip(self.mixers, tokens, strict=True)):
            memory = torch.cat([one for other, one in enumerate(tokens) if other != group], dim=1)  # (B, N, D)
            mixed.append(mixer(queries, places, memory, places.repeat(n_others, 1), attended))
        return zero_padding(_steps_last(torch.cat(mixed, dim=2)), None if mask is None else observed)


def _steps_last(h: torch.Tensor) -> torch.Tensor:
    """Return h (B, L', D) as a map (B, D, L') in which the features of a step lie next to each other."""
    return h.contiguous().transpose(1, 2)


def checked_groups(groups: Any, n_channels: int) -> list[list[int]]:
    """Return the channels of each group.

    Raises
    ------
    TypeError, ValueError
        If the groups are not lists of different channels of the series.
    """
    if groups is None:
        return [[channel] for channel in range(n_channels)]
    is_list = isinstance(groups, (Sequence, np.ndarray)) and not isinstance(groups, str)
    if not is_list or not len(groups) or not all(isinstance(one, (Sequence, np.ndarray)) for one in groups):
        raise TypeError(f"`groups` must be lists of channels, such as [[0, 1, 2], [3, 4, 5]], got {shown(groups)}.")
    lists = [[*one] for one in groups]
    channels = [channel for one in lists for channel in one]
    whole = all(isinstance(one, (int, np.integer)) and not isinstance(one, bool) for one in channels)
    if not all(lists) or not whole or not all(0 <= one < n_channels for one in channels):
        raise ValueError(
            f"`groups` must have whole numbers from 0 to {n_channels - 1}, the channels of the series, and none may be "
            f"empty, got {shown(groups)}."
        )
    if len(set(channels)) < len(channels):
        raise ValueError(f"`groups` has a channel twice: {shown(groups)}. Leave it in one group.")
    return [[int(channel) for channel in one] for one in lists]
