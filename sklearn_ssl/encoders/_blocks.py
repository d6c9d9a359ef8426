"""The parts that convolutional encoders share.

Tensors have the shape (B, D, L), but the D features of a step lie next to each other in memory ("channels last"). Long
and dilated convolutions, max-pooling and batch normalisation are faster on a CPU in this layout.

Every part leaves zeros at the padded steps. So the next convolution sees zeros beyond the end of a series, with and
without padding. No part works in place: most of these tensors are views, for which that is slower.
"""

import torch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl._input.padding import zero_padding
from sklearn_ssl._parameters.hyperparameters import choice
from sklearn_ssl._processes.norms import is_shared_pass, summed
from sklearn_ssl.encoders._base import Encoder


class ConvolutionalEncoder(Encoder):
    """Base of the recipes of convolutional encoders.

    Parameters
    ----------
    norm : {"batch", "layer", "none"}, default="batch"
        Layer after each convolution: batch normalisation over the observed steps of the batch, layer normalisation
        over the features of each step, or no layer.
    """

    norm: str = choice("batch", "layer", "none", default="batch")


class SameConv1d(nn.Conv1d):
    """Convolution that keeps the number of steps, or takes every `stride`-th step of that.

    A kernel of odd size looks as far ahead as back. A kernel of even size looks one tap further ahead.
    """

    def __init__(
        self, n_in: int, n_out: int, kernel_size: int = 1, *, dilation: int = 1, stride: int = 1, bias: bool = True
    ) -> None:
        super().__init__(n_in, n_out, kernel_size, dilation=dilation, stride=stride, bias=bias)

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        """Map (B, n_in, L) to (B, n_out, L'), where L' is L divided by the stride, rounded up."""
        (size,), (dilation,), (stride,) = self.kernel_size, self.dilation, self.stride
        centre = (size - 1) // 2
        reach = (h.shape[2] - 1) // dilation  # a tap further from the centre meets only zeros
        before, after = min(centre, reach), min(size - 1 - centre, reach)
        taps = self.weight[:, :, centre - before : centre + after + 1].unsqueeze(2)  # (n_out, n_in, 1, taps)
        h = h.unsqueeze(2).contiguous(memory_format=torch.channels_last)  # (B, n_in, 1, L)
        if after > before:
            h = F.pad(h, (0, (after - before) * dilation))
        h = F.conv2d(h, taps, self.bias, (1, stride), padding=(0, before * dilation), dilation=(1, dilation))
        return h.squeeze(2)  # (B, n_out, L')


class MaskedBatchNorm1d(nn.BatchNorm1d):
    r"""Batch normalisation over the observed steps of a batch.

    With m the mask, n the number of observed steps, and sums over the batch and time,

    .. math:: \mu_d = \tfrac{1}{n} \sum m_{bl} h_{bdl}, \quad
              \sigma_d^2 = \tfrac{1}{n} \sum m_{bl} (h_{bdl} - \mu_d)^2, \quad
              h'_{bdl} = m_{bl} \Big(\gamma_d \frac{h_{bdl} - \mu_d}{\sqrt{\sigma_d^2 + \epsilon}} + \beta_d\Big).

    Without a mask it is `torch.nn.BatchNorm1d`.
    """

    def forward(self, h: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Normalise h (B, D, L), given the observed steps (B, L)."""
        rows = h.transpose(1, 2).flatten(0, 1)  # (B L, D)
        if mask is not None and self.training:
            rows = self._normalise_observed(rows, mask.flatten())
        else:
            rows = super().forward(rows)
        h = rows.unflatten(0, (h.shape[0], h.shape[2])).transpose(1, 2)  # (B, D, L)
        return h if self.training else zero_padding(h, mask)

    def _normalise_observed(self, rows: torch.Tensor, observed: torch.Tensor) -> torch.Tensor:
        """Normalise the observed rows and set the others to zero."""
        if _may_gather(rows):
            places = observed.nonzero().squeeze(1)  # (n,)
            if len(places) > 1 or is_shared_pass():
                normalised = super().forward(rows.index_select(0, places))
                return normalised.new_zeros(rows.shape).index_copy(0, places, normalised)
        return self._normalise_by_arithmetic(rows, observed.unsqueeze(1))

    def _normalise_by_arithmetic(self, rows: torch.Tensor, observed: torch.Tensor) -> torch.Tensor:
        n = summed(observed.sum()).clamp(min=1)
        wide = rows.to(torch.promote_types(rows.dtype, torch.float32)) * observed
        mean = summed(wide.sum(0)) / n
        centred = (wide - mean) * observed
        variance = summed(centred.square().sum(0)) / n
        self._follow(mean, variance, n)
        normalised = torch.addcmul(self.bias, centred, self.weight * (variance + self.eps).rsqrt())
        return (normalised * observed).to(rows.dtype)

    @torch.no_grad()
    def _follow(self, mean: torch.Tensor, variance: torch.Tensor, n: torch.Tensor) -> None:
        """Move the running statistics. As in PyTorch, the variance is the unbiased one."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        rate = 1 / self.num_batches_tracked.float() if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, rate)
        self.running_var.lerp_(variance * n / (n - 1).clamp(min=1), rate)


def _may_gather(rows: torch.Tensor) -> bool:
    """Tell whether gathering rows is faster. A GPU would wait for their number, and a compiler does not know it."""
    return rows.device.type == "cpu" and not torch.compiler.is_compiling()


class StepNorm(nn.LayerNorm):
    """Layer normalisation over the features of each step."""

    def forward(self, h: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Normalise h (B, D, L), given the observed steps (B, L)."""
        return zero_padding(super().forward(h.transpose(1, 2)).transpose(1, 2), mask)


class NoNorm(nn.Module):
    """No normalisation. It sets padded steps to zero."""

    def forward(self, h: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Return h (B, D, L), given the observed steps (B, L)."""
        return zero_padding(h, mask)


def build_norm(norm: str, width: int) -> nn.Module:
    """Build the normalisation with this name for maps of `width` features."""
    return {"batch": lambda: MaskedBatchNorm1d(width), "layer": lambda: StepNorm(width), "none": NoNorm}[norm]()


class ConvNorm(nn.Module):
    """Convolution, then normalisation: (B, n_in, L) to (B, n_out, L)."""

    def __init__(self, n_in: int, n_out: int, kernel_size: int = 1, *, dilation: int = 1, norm: str) -> None:
        super().__init__()
        self.conv = SameConv1d(n_in, n_out, kernel_size, dilation=dilation, bias=norm == "none")
        self.norm = build_norm(norm, n_out)

    def forward(self, h: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Map h (B, n_in, L) to (B, n_out, L), given the observed steps (B, L)."""
        return self.norm(self.conv(h), mask)
