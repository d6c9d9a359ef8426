"""Sines with random phases, and what a small generator makes of them."""

import numpy as np

from sklearn_ssl import GANTransformer
from sklearn_ssl.encoders import StridedEncoder
from sklearn_ssl.generators import ConvGenerator
from sklearn_ssl.plotting import GeneratedDisplay

rng = np.random.RandomState(0)
phases, amplitudes = rng.uniform(0, 2 * np.pi, (128, 1, 1)), rng.uniform(0.5, 1.5, (128, 1, 1))
X = amplitudes * np.sin(2 * np.pi * np.arange(32) / 8 + phases) + 0.2 * rng.randn(128, 1, 32)
gan = GANTransformer(
    encoder=StridedEncoder(depth=3, width=8, norm="none"),
    generator=ConvGenerator(width=16),
    n_noise=32,
    penalty=1.0,
    max_steps=300,
    random_state=0,
).fit(X[:64])
GeneratedDisplay.from_estimator(gan, X[64:])
