"""Waves with texts, and small transformers of pairs."""

import numpy as np

from sklearn_ssl import CLIPTransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import FCNEncoder
from sklearn_ssl.projectors import MLPProjector

TEXTS = np.array(
    ["sine wave, 3 cycles", "triangle wave, 4 cycles", "square wave, 5 cycles", "saw-tooth wave, 7 cycles"]
)
X, Y = make_waves(n_cases=60, n_channels=1, n_timepoints=64, random_state=0)
FRESH, FRESH_Y = make_waves(n_cases=100, n_channels=1, n_timepoints=64, random_state=1)
OF_SERIES = TEXTS[Y]
DESCRIPTIONS = dict(enumerate(TEXTS.tolist()))


def small(**parameters):
    """Return a transformer whose fit takes milliseconds."""
    known = {"encoder": FCNEncoder(width=4, kernel_sizes=(3,)), "projector": MLPProjector(width=8), "max_epochs": 1}
    return CLIPTransformer(**{**known, "batch_size": 20, "device": "cpu", "random_state": 0, **parameters})


def taught(y=OF_SERIES, **parameters):
    """Return a transformer that has learnt to tell the waves apart, in a second."""
    encoder = FCNEncoder(width=24, kernel_sizes=(15, 9))
    known = {"encoder": encoder, "projector": MLPProjector(), "max_steps": 50, "lr": 1e-2}
    return small(**{**known, **parameters}).fit(X, y)
