"""Masked autoencoders with a token for each channel and window."""

import dataclasses
from typing import Any

import torch

from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._masked import Hidden, MaskedAutoencoder
from sklearn_ssl.architectures._window_steps import shown_encoder
from sklearn_ssl.encoders.channel_transformer import ChannelTransformer


class ChannelAutoencoder(MaskedAutoencoder):
    """A masked autoencoder whose encoder has tokens for each channel.

    Parameters
    ----------
    **autoencoder : dict
        Parameters of `MaskedAutoencoder`.

    Raises
    ------
    TypeError
        If a token of the encoder holds several channels.
    """

    def __init__(self, **autoencoder: Any) -> None:
        super().__init__(**autoencoder)
        if not isinstance(self.encoder, ChannelTransformer):
            raise TypeError(
                "`encoder` must have tokens for each channel, such as ChannelTransformerEncoder(), got "
                f"{shown_encoder(self.encoder)}."
            )


class TubeArchitecture(ChannelAutoencoder):
    """A masked autoencoder that hides the same windows in all channels, so that no channel tells of another.

    Parameters
    ----------
    **autoencoder : dict
        Parameters of `ChannelAutoencoder`.

    Raises
    ------
    ValueError
        If `masking` hides channels apart.
    """

    def __init__(self, **autoencoder: Any) -> None:
        super().__init__(**autoencoder)
        if self.masking.channels == "apart":
            raise ValueError(
                '`masking` must hide windows in all channels at once, got channels="apart": a hidden window could be '
                'read off a channel that is like it. Set channels="together".'
            )


class ManySetsArchitecture(ChannelAutoencoder):
    """A masked autoencoder for series of several data sets, whose numbers of channels differ.

    A batch may have the companions "n_channels", (B,), the number of channels of each series, and "weight", (B,), the
    weight of its values in the loss. Further channels of a series are neither seen nor predicted.

    Parameters
    ----------
    **autoencoder : dict
        Parameters of `ChannelAutoencoder`.
    """

    def hidden_by(self, windows: torch.Tensor, batch: Batch) -> Hidden:
        """Complete hidden windows (B, G, T) by what follows from them."""
        hidden = super().hidden_by(windows, batch)
        n_channels = batch.companion.get("n_channels")
        if n_channels is None:
            return hidden
        channels = torch.arange(batch.x.shape[1], device=batch.x.device) < n_channels[:, None]  # (B, C)
        return dataclasses.replace(hidden, steps=hidden.steps & channels[:, :, None], channels=channels)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return predictions, targets, and the weights of the targets, each (B, C T, w)."""
        prediction, target, weight = super().forward(batch)
        of_series = batch.companion.get("weight")
        return prediction, target, weight if of_series is None else weight * of_series[:, None, None]
