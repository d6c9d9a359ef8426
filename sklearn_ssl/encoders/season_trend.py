"""An encoder whose features are split into trend and season."""

import math
import typing

import torch
from torch import nn
from torch.nn import functional as F

from sklearn_ssl._input.padding import resize_mask, zero_padding
from sklearn_ssl._parameters.hyperparameters import number, recipe
from sklearn_ssl.encoders._base import Encoder, EncoderModule
from sklearn_ssl.encoders.tcn import TCNEncoder


def plain_tcn() -> TCNEncoder:
    """Return the network under trend and season."""
    return TCNEncoder(dropout=0.0)


@typing.final
class SeasonTrendEncoder(Encoder):
    r"""The features of an encoder, split into trend and season, as in CoST.

    With :math:`h_t` the features of the inner encoder at step t = 0, ..., n - 1, the trend is the mean of M causal
    convolutions with kernels of 1, 2, 4, ... steps,

    .. math:: \text{trend}_t = \frac{1}{M} \sum_{i=0}^{M-1} \Bigl( b_i + \sum_{j=0}^{2^i - 1} A_{ij} h_{t-j} \Bigr),

    where :math:`h_t` is 0 for t < 0. The season of a series of `length` steps is the inverse Fourier transform of

    .. math:: V_k \hat h_k + v_k, \qquad k = 0, 1, \dots,

    with :math:`\hat h` the Fourier transform of h and k the number of periods in the series. The matrices
    :math:`A_{ij}` and the vectors :math:`b_i` are learnt, and so are the complex matrices :math:`V_k` and vectors
    :math:`v_k`. A shorter series is continued by zeros, so that all series have the same frequencies. A longer series
    is cut into windows of `length` steps, the last one continued by zeros; the season of a step is that of its window.
    The authors' layer takes series of `length` steps only, and they encode longer recordings in such windows.

    The last map has the trend and then the season. The trend of a step depends on no later step of h, but h does.
    The encoder cannot be exported to ONNX.

    Parameters
    ----------
    encoder : Encoder, default=None
        Recipe of the inner encoder. It may be given by position. None is ``TCNEncoder(dropout=0.0)``.
    width : int, default=160
        Number of features of the trend, and of the season.
    n_kernels : int, default=8
        M. The longest kernel has :math:`2^{M - 1}` steps.
    length : int, default=201
        Number of time steps of the windows of the season. There are weights for half as many frequencies.
    dropout : float, default=0.1
        Share of the values of the season that are set to zero in training.

    References
    ----------
    Woo, G., Liu, C., Sahoo, D., Kumar, A. and Hoi, S. (2022). CoST: contrastive learning of disentangled
    seasonal-trend representations for time series forecasting. ICLR. https://arxiv.org/abs/2202.01575

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.encoders import ResNetEncoder, SeasonTrendEncoder
    >>> recipe = SeasonTrendEncoder(ResNetEncoder(depth=1, width=8), width=6, n_kernels=3, length=50)
    >>> encoder = recipe.build(n_channels=3)
    >>> encoder(torch.zeros(2, 3, 50)).shape
    torch.Size([2, 12, 50])
    """

    encoder: typing.Any = recipe(default_factory=plain_tcn, needs="build", kw_only=False)
    width: int = number(default=160, least=1, integer=True)
    n_kernels: int = number(default=8, least=1, most=16, integer=True)
    length: int = number(default=201, least=1, integer=True)
    dropout: float = number(default=0.1, least=0, below=1)

    def _module(self, n_channels: int) -> EncoderModule:
        inner = self.resolved("encoder").build(n_channels)
        trend = Trend(inner.widths[-1], self.width, self.n_kernels)
        return SeasonTrend(inner, trend, Season(inner.widths[-1], self.width, self.length, self.dropout))


class SeasonTrend(EncoderModule):
    """The module that `SeasonTrendEncoder` builds.

    Parameters
    ----------
    encoder : EncoderModule
        Inner encoder.
    trend : Trend
        Maps its last map (B, D, L') to the trend (B, W, L').
    season : Season
        Maps it to the season (B, W, L').
    """

    def __init__(self, encoder: EncoderModule, trend: "Trend", season: "Season") -> None:
        super().__init__([*encoder.widths, trend.width + season.width], encoder.stride)
        self.pools_over_time = encoder.pools_over_time
        self.encoder = encoder
        self.trend = trend
        self.season = season

    def adapt(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> None:
        """Adapt the inner encoder."""
        self.encoder.adapt(x, mask)

    def stages(self) -> list[list[nn.Module]]:
        """Return the stages of the inner encoder, and then trend and season."""
        return [*self.encoder.stages(), [self.trend, self.season]]

    def layers(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Return the maps of the inner encoder, and the trend with the season."""
        maps = self.encoder.layers(x, mask)
        h = maps[-1]
        observed = None if mask is None else resize_mask(mask, h.shape[2])  # (B, L')
        both = torch.cat([part(h).transpose(1, 2) for part in (self.trend, self.season)], dim=2)  # (B, L', 2 W)
        return [*maps, zero_padding(both.transpose(1, 2), observed)]


class Trend(nn.Module):
    """The mean of causal convolutions with kernels of 1, 2, 4, ... steps.

    Parameters
    ----------
    n_in : int
        Number of features D of the map.
    width : int
        Number of features W of the trend.
    n_kernels : int
        Number of convolutions.
    """

    def __init__(self, n_in: int, width: int, n_kernels: int) -> None:
        super().__init__()
        self.width = width
        self.convolutions = nn.ModuleList(nn.Conv1d(n_in, width, 2**i) for i in range(n_kernels))

    def last(self, h: torch.Tensor) -> torch.Tensor:
        """Return the trend at the last step of a map: (B, D, L) to (B, W). It costs a fraction of the whole trend."""
        h = F.pad(h, (max(self._reach - h.shape[2], 0), 0))
        each = [F.linear(h[:, :, -len(w[0, 0]) :].flatten(1), w.flatten(1), b) for w, b in self._weights()]
        return torch.stack(each).mean(0)

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        """Return the trend at every step of a map: (B, D, L) to (B, W, L).

        The sum of the kernels is one long kernel. Its convolution is a product of Fourier transforms.
        """
        kernel = sum(F.pad(w.flip(2), (0, self._reach - w.shape[2])) for w, _ in self._weights())  # (W, D, reach)
        bias = torch.stack([b for _, b in self._weights()]).mean(0)
        n_steps = h.shape[2] + self._reach - 1  # so that the end does not reach the beginning
        of_kernel = torch.fft.rfft(kernel / len(self.convolutions), n_steps).permute(2, 1, 0)  # (K, D, W)
        product = torch.fft.rfft(_wide(h), n_steps).permute(2, 0, 1) @ of_kernel  # (K, B, W)
        return torch.fft.irfft(product.permute(1, 2, 0), n_steps)[:, :, : h.shape[2]] + bias[:, None]

    @property
    def _reach(self) -> int:
        return 2 ** (len(self.convolutions) - 1)

    def _weights(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        return [(one.weight, one.bias) for one in self.convolutions]  # type: ignore[misc]


class Season(nn.Module):
    """A linear map of the Fourier transform of windows of a map, another one at each frequency.

    Parameters
    ----------
    n_in : int
        Number of features D of the map.
    width : int
        Number of features W of the season.
    length : int
        Number of steps of a window.
    dropout : float
        Share of the values that are set to zero in training.

    Attributes
    ----------
    weight : Tensor of shape (K, D, W, 2)
        Real and imaginary parts of the matrices.
    bias : Tensor of shape (K, W, 2)
        Real and imaginary parts of what is added.
    """

    def __init__(self, n_in: int, width: int, length: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.length = length
        bound = 1 / math.sqrt(2 * n_in)  # so that the season is as large as the output of a linear layer
        self.weight = nn.Parameter(torch.empty(length // 2 + 1, n_in, width, 2).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(length // 2 + 1, width, 2).uniform_(-bound, bound))
        self.dropout = nn.Dropout(dropout)

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        """Return the season of a map, 0 where padded: (B, D, L) to (B, W, L)."""
        n_windows = -(-h.shape[2] // self.length)
        windows = F.pad(_wide(h), (0, n_windows * self.length - h.shape[2])).unflatten(2, (n_windows, -1))
        spectrum = torch.fft.rfft(windows).permute(3, 0, 2, 1).flatten(1, 2)  # (K, B N, D)
        weight, bias = torch.view_as_complex(self.weight), torch.view_as_complex(self.bias)
        changed = spectrum @ weight + bias[:, None]  # (K, B N, W)
        season = torch.fft.irfft(changed.permute(1, 2, 0), self.length).unflatten(0, (-1, n_windows))
        return self.dropout(season.transpose(1, 2).flatten(2)[:, :, : h.shape[2]])


def _wide(h: torch.Tensor) -> torch.Tensor:
    """Return h in a precision that Fourier transforms have on every device."""
    return h if h.dtype == torch.float64 else h.float()
