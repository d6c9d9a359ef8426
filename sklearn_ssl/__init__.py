"""Self-supervised learning for time series as scikit-learn estimators."""

from sklearn_ssl.methods.barlow_twins import BarlowTwinsTransformer
from sklearn_ssl.methods.random_encoder import RandomEncoderTransformer
from sklearn_ssl.methods.simclr import SimCLRTransformer
from sklearn_ssl.methods.vicreg import VICRegTransformer

__version__ = "0.1.0"

__all__ = [
    "BarlowTwinsTransformer",
    "RandomEncoderTransformer",
    "SimCLRTransformer",
    "VICRegTransformer",
]
