"""Modules that turn a batch of series into the tensors that a loss compares; all training state lives here."""

from sklearn_ssl.architectures._base import Architecture
from sklearn_ssl.architectures._momentum import BootstrapArchitecture, MomentumArchitecture
from sklearn_ssl.architectures._predictor import PredictorArchitecture
from sklearn_ssl.architectures._siamese import SiameseArchitecture

__all__ = [
    "Architecture",
    "BootstrapArchitecture",
    "MomentumArchitecture",
    "PredictorArchitecture",
    "SiameseArchitecture",
]
