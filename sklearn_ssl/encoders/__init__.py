"""Encoders: recipes of networks that map series (B, C, L) to features (B, D, L')."""

from sklearn_ssl._input.padding import at_every_step, observed_mask, resize_mask, zero_padding
from sklearn_ssl.encoders._base import Encoder, EncoderModule, stages
from sklearn_ssl.encoders._channels import adapt_channels
from sklearn_ssl.encoders._tokens import TokenEncoderModule
from sklearn_ssl.encoders.channel_independent import ChannelIndependentEncoder
from sklearn_ssl.encoders.channel_transformer import ChannelTransformerEncoder
from sklearn_ssl.encoders.fcn import FCNEncoder
from sklearn_ssl.encoders.grouped import GroupedEncoder
from sklearn_ssl.encoders.gru import GRUEncoder
from sklearn_ssl.encoders.inception import InceptionEncoder
from sklearn_ssl.encoders.resnet import ResNetEncoder
from sklearn_ssl.encoders.rocket import RocketEncoder
from sklearn_ssl.encoders.season_trend import SeasonTrendEncoder
from sklearn_ssl.encoders.strided import StridedEncoder
from sklearn_ssl.encoders.tcn import TCNEncoder
from sklearn_ssl.encoders.transformer import TransformerEncoder

__all__ = [
    "ChannelIndependentEncoder",
    "ChannelTransformerEncoder",
    "Encoder",
    "EncoderModule",
    "FCNEncoder",
    "GRUEncoder",
    "GroupedEncoder",
    "InceptionEncoder",
    "ResNetEncoder",
    "RocketEncoder",
    "SeasonTrendEncoder",
    "StridedEncoder",
    "TCNEncoder",
    "TokenEncoderModule",
    "TransformerEncoder",
    "adapt_channels",
    "at_every_step",
    "observed_mask",
    "resize_mask",
    "stages",
    "zero_padding",
]
