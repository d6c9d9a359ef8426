"""What several figures share: series with bursts, an encoder before and after training."""

import torch

from sklearn_ssl import RandomEncoderTransformer, VICRegTransformer
from sklearn_ssl.datasets import make_bursts
from sklearn_ssl.encoders import ResNetEncoder

torch.set_num_threads(1)
X, y = make_bursts(n_cases=150, n_timepoints=100, random_state=0)
X_test, y_test = make_bursts(n_cases=100, n_timepoints=100, random_state=1)
encoder = ResNetEncoder(depth=2, width=8)
untrained = RandomEncoderTransformer(encoder=encoder, random_state=0).fit(X)


def vicreg(**parameters):
    """Return a VICReg that is fitted for eight epochs, or as `parameters` say."""
    defaults = {"encoder": encoder, "max_epochs": 8, "batch_size": 32, "random_state": 0}
    return VICRegTransformer(**defaults | parameters).fit(X)
