"""Masked autoencoders with a token for each channel and window."""

from typing import Any

from sklearn_ssl.architectures._masked import MaskedAutoencoder
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
