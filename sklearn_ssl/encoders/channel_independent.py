"""One encoder that is applied to each channel separately."""

import typing
from collections.abc import Sequence

import torch
from torch import nn

from sklearn_ssl._parameters.hyperparameters import names, recipe
from sklearn_ssl._parameters.ranges import as_names
from sklearn_ssl.encoders._base import Encoder, EncoderModule
from sklearn_ssl.encoders.inception import small_inception

_AGGREGATIONS = {"mean": lambda h: h.mean(1), "max": lambda h: h.amax(1)}


@typing.final
class ChannelIndependentEncoder(Encoder):
    r"""One encoder that is applied to each channel separately. Its features are then aggregated over the channels.

    With f the inner encoder and x_c, c = 1, ..., C, the channels of a series, the features of step t are

    .. math:: \operatorname{mean}_c f(x_c)_t \quad \text{and} \quad \max_c f(x_c)_t

    one after the other. Neither their number nor any weight depends on the number of channels. Their values do not
    depend on the order of the channels. So a module that was trained on series of three channels takes series of nine.

    The encoder does not see how channels relate to each other. For example, it may not notice that one channel rises
    later than another. A series of C channels costs as much as C series of one channel.

    Parameters
    ----------
    encoder : Encoder, default=None
        Recipe of the inner encoder. None is ``InceptionEncoder(depth=3, width=16, bottleneck=16)``.
    aggregation : str or tuple of str, default=("mean", "max")
        One or both of "mean" and "max". With both there are twice as many features as the inner encoder has.

    References
    ----------
    Nie et al. (2023). A time series is worth 64 words: long-term forecasting with transformers. ICLR.
    https://arxiv.org/abs/2211.14730. The paper treats channels separately, too. It forecasts each and aggregates none.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.encoders import ChannelIndependentEncoder, ResNetEncoder
    >>> encoder = ChannelIndependentEncoder(ResNetEncoder(depth=2, width=8)).build(n_channels=3)
    >>> encoder(torch.zeros(2, 3, 50)).shape
    torch.Size([2, 32, 50])
    >>> encoder(torch.zeros(2, 9, 50)).shape
    torch.Size([2, 32, 50])
    """

    encoder: typing.Any = recipe(default_factory=small_inception, needs="build", kw_only=False)
    aggregation: str | tuple[str, ...] = names(*_AGGREGATIONS, default=("mean", "max"))

    def _module(self, n_channels: int) -> EncoderModule:
        return ChannelIndependent(self.resolved("encoder").build(1), as_names(self.aggregation))


class ChannelIndependent(EncoderModule):
    """The module that `ChannelIndependentEncoder` builds.

    Parameters
    ----------
    encoder : EncoderModule
        Inner encoder, for series of one channel.
    aggregation : sequence of str
        One or both of "mean" and "max".
    """

    def __init__(self, encoder: EncoderModule, aggregation: Sequence[str]) -> None:
        super().__init__([len(aggregation) * width for width in encoder.widths], encoder.stride)
        self.encoder = encoder
        self.aggregation = tuple(aggregation)
        self.pools_over_time = encoder.pools_over_time

    def adapt(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> None:
        """Adapt the inner encoder to the channels, each as a series of its own."""
        self.encoder.adapt(*_channels_as_series(x, mask))

    def stages(self) -> list[list[nn.Module]]:
        """Return the stages of the inner encoder."""
        return self.encoder.stages()

    def layers(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Return the aggregated map of each layer of the inner encoder."""
        maps = self.encoder.layers(*_channels_as_series(x, mask))  # each (B C, D_i, L')
        return [self._aggregated(h.transpose(1, 2).unflatten(0, x.shape[:2])) for h in maps]

    def _aggregated(self, h: torch.Tensor) -> torch.Tensor:
        """Aggregate h (B, C, L', D) over its channels: (B, n D, L')."""
        return torch.cat([_AGGREGATIONS[name](h) for name in self.aggregation], 2).transpose(1, 2)


def _channels_as_series(x: torch.Tensor, mask: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return x (B, C, L) as B C series of one channel, with their mask."""
    observed = None if mask is None else mask.repeat_interleave(x.shape[1], 0)  # (B C, L)
    return x.flatten(0, 1).unsqueeze(1), observed
