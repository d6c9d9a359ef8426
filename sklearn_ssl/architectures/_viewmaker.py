"""Views that a network makes, and that are as hard as they may be."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl._input.padding import observed_mask, zero_padding
from sklearn_ssl.architectures._critic import check_passes_gradients
from sklearn_ssl.architectures._siamese import SiameseArchitecture
from sklearn_ssl.encoders._blocks import SameConv1d

N_BLOCKS, WIDTH, KERNEL_SIZE = 3, 32, 5
SMALLEST = 1e-4  # added to the mean change by which a change is divided
SMALLEST_VARIANCE = 1e-5


class ViewmakerArchitecture(SiameseArchitecture):
    """A network makes bounded changes of series, and the gradient of its weights is reversed.

    So the loss that the encoder minimises is maximised by the network.

    Parameters
    ----------
    epsilon : float
        Mean absolute change, in standard deviations of each channel.
    view_weight : float
        What the reversed gradient is multiplied by.
    **siamese : dict
        Parameters of `SiameseArchitecture`.

    Attributes
    ----------
    maker : ViewMaker
        Makes the changes.
    """

    def __init__(
        self, *, epsilon: float, view_weight: float, n_channels: int, n_timepoints: int, **siamese: Any
    ) -> None:
        super().__init__(n_channels=n_channels, n_timepoints=n_timepoints, **siamese)
        for one in self.augmentation if isinstance(self.augmentation, tuple) else (self.augmentation,):
            check_passes_gradients(one, n_channels, n_timepoints)
        self.view_weight = view_weight
        self.maker = ViewMaker(n_channels, epsilon)

    def adapt(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> None:
        """Learn the deviations of the channels from series x (N, C, L), besides what the encoder sets."""
        super().adapt(x, lengths)
        self.maker.learn_deviation(x, lengths)

    def changed(self, x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        """Return series with changes whose gradient is reversed: (V B, C, L) to the same shape."""
        change = self.maker.change(x, lengths, self.maker.draw(x))
        return x + reversed_gradient(change, self.view_weight)


class ViewMaker(nn.Module):
    """A residual network that makes a bounded change of each series from the series and from noise.

    Parameters
    ----------
    n_channels : int
        Number of channels C.
    epsilon : float
        Mean absolute change, in standard deviations of each channel.
    """

    deviation: torch.Tensor

    def __init__(self, n_channels: int, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.first = SameConv1d(n_channels + 1, WIDTH, KERNEL_SIZE)
        self.blocks = nn.ModuleList(NoisyBlock(WIDTH, KERNEL_SIZE) for _ in range(N_BLOCKS))
        self.last = SameConv1d(WIDTH, n_channels, KERNEL_SIZE)
        self.register_buffer("deviation", torch.ones(n_channels))

    @torch.no_grad()
    def learn_deviation(self, x: torch.Tensor, lengths: torch.Tensor | None) -> None:
        """Set the deviation of each channel over all observed values of series x (N, C, L)."""
        mask = torch.ones_like(x[:, :1]) if lengths is None else observed_mask(lengths, x.shape[2])[:, None]
        n_values = mask.sum()
        mean = (x * mask).sum((0, 2)) / n_values  # (C,)
        variance = ((x - mean[:, None]).square() * mask).sum((0, 2)) / n_values
        self.deviation.copy_(variance.sqrt())

    def draw(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Draw a channel of noise for the first layer and for each block."""
        return {"noise": torch.rand(len(x), 1 + N_BLOCKS, x.shape[2], device=x.device, dtype=x.dtype)}

    def change(self, x: torch.Tensor, lengths: torch.Tensor | None, draws: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the change of each series: x (B, C, L) to (B, C, L), 0 at padded steps."""
        mask = torch.ones_like(x[:, 0]) if lengths is None else observed_mask(lengths, x.shape[2]).to(x.dtype)  # (B, L)
        first, *others = draws["noise"].to(x.dtype).split(1, dim=1)  # each (B, 1, L)
        h = F.relu(self.first(zero_padding(torch.cat([x, first], 1), mask)))  # (B, D, L)
        for block, noise in zip(self.blocks, others, strict=True):
            h = block(h, noise, mask)
        change = zero_padding(torch.tanh(self.last(zero_padding(h, mask))), mask)
        size = change.abs().sum((1, 2)) / (mask.sum(1) * x.shape[1])  # (B,)
        return change * self.deviation[:, None] * (self.epsilon / (size + SMALLEST))[:, None, None]

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None, draws: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the changed series, (B, C, L)."""
        return x + self.change(x, lengths, draws)


class NoisyBlock(nn.Module):
    """Two convolutions with a shortcut. A channel of noise is added to what the first one sees."""

    def __init__(self, width: int, kernel_size: int) -> None:
        super().__init__()
        self.first = SameConv1d(width + 1, width, kernel_size)
        self.second = SameConv1d(width, width, kernel_size)

    def forward(self, h: torch.Tensor, noise: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Map (B, D, L) to (B, D, L), given noise (B, 1, L) and 1 at observed steps (B, L)."""
        f = F.relu(normalised(self.first(zero_padding(torch.cat([h, noise], 1), mask)), mask))
        return h + normalised(self.second(zero_padding(f, mask)), mask)


def normalised(h: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Scale each feature of each series (B, D, L) to mean 0 and variance 1 over its observed steps (B, L)."""
    n_steps = mask.sum(1)[:, None, None]
    mean = zero_padding(h, mask).sum(2, keepdim=True) / n_steps
    variance = zero_padding((h - mean).square(), mask).sum(2, keepdim=True) / n_steps
    return (h - mean) * (variance + SMALLEST_VARIANCE).rsqrt()


def reversed_gradient(values: torch.Tensor, weight: float) -> torch.Tensor:
    """Return the same values. Their gradient is multiplied by minus the weight on its way back."""
    held = values.detach()
    return held + weight * (held - values)
