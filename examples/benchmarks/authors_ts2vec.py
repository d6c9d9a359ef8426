"""TS2Vec as its authors published it, as a transformer for `archive.py`.

Their code is not part of this package. Get it from https://github.com/zhihanyue/ts2vec and name its folder in the
environment variable TS2VEC.
"""

import importlib
import os
import random
import sys
from pathlib import Path

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin

VARIABLE = "TS2VEC"
SETTINGS = {"output_dims": 320, "batch_size": 8, "lr": 0.001, "max_train_length": 3000}  # as in their scripts


class AuthorsTS2Vec(TransformerMixin, BaseEstimator):
    """Train TS2Vec's network, features are its outputs' maxima over time.

    Parameters
    ----------
    n_iters : int or None, default=None
        Training steps. None is their rule: 200 for at most 100,000 numbers in the training part, 600 for more. With 0
        the network stays untrained.
    device : str, default="cpu"
        Where to train.
    random_state : int, default=0
        Seed of the global generators, which their code draws from.
    """

    def __init__(self, n_iters=None, device="cpu", random_state=0):
        self.n_iters = n_iters
        self.device = device
        self.random_state = random_state

    def fit(self, X, y=None):
        """Train on series of shape (cases, channels, steps) without gaps."""
        for seed in (random.seed, np.random.seed, torch.manual_seed):
            seed(self.random_state)
        self.model_ = authors_class()(input_dims=X.shape[1], device=self.device, **SETTINGS)
        self.model_.fit(steps_before_channels(X), n_iters=self.n_iters)
        return self

    def transform(self, X):
        """Return features of shape (cases, 320)."""
        return self.model_.encode(steps_before_channels(X), encoding_window="full_series")


def steps_before_channels(X):
    """Return a copy of the series in the form that their code takes, (cases, steps, channels)."""
    return np.ascontiguousarray(np.swapaxes(X, 1, 2))


def authors_class():
    """Return their class; its modules have names such as "utils", so their folder comes first."""
    folder = os.environ.get(VARIABLE)
    if not folder or not (Path(folder) / "ts2vec.py").is_file():
        raise FileNotFoundError(
            f"TS2Vec is not part of this package. Get its authors' code, https://github.com/zhihanyue/ts2vec, "
            f"and name its folder, which has ts2vec.py, in the environment variable {VARIABLE}; it is {folder!r}."
        )
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module("ts2vec").TS2Vec
