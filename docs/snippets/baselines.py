"""Accuracy of features that nothing was learnt for: untrained encoders and MiniRocket, with a ridge classifier.

Run as ``python baselines.py FOLDER``, where FOLDER holds the data sets or is where aeon downloads them to.
"""

import sys

import numpy as np
from aeon.datasets import load_classification
from aeon.transformations.collection.convolution_based import MiniRocket
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer
from sklearn_ssl.encoders import FCNEncoder, InceptionEncoder, ResNetEncoder
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.preprocessing import ChannelWise

SETS = ["UWaveGestureLibrary", "Epilepsy", "RacketSports", "ERing", "Libras", "CBF", "ECG200", "SwedishLeaf"]
SEEDS = range(3)
MEAN = Pooling(statistics="mean", layers="last")
THREE = Pooling(statistics=("mean", "max", "std"), layers="last")
ALL = Pooling(statistics=("mean", "max", "std", "ppv"), layers="all")
FEATURES = {
    "ResNet, mean": lambda seed: untrained(ResNetEncoder(), MEAN, seed),
    "ResNet, three": lambda seed: untrained(ResNetEncoder(), THREE, seed),
    "ResNet, all": lambda seed: untrained(ResNetEncoder(), ALL, seed),
    "FCN, all": lambda seed: untrained(FCNEncoder(), ALL, seed),
    "Inception, all": lambda seed: untrained(InceptionEncoder(), ALL, seed),
    "MiniRocket": lambda seed: MiniRocket(random_state=seed),
}


def untrained(encoder, pooling, seed):
    """Scale each channel, and apply an encoder as initialised."""
    transformer = RandomEncoderTransformer(encoder=encoder, pooling=pooling, device="cpu", random_state=seed)
    return make_pipeline(ChannelWise(StandardScaler()), transformer)


def accuracy(features, train, test):
    """Return the accuracy on the test split of a ridge classifier on standardised features."""
    classifier = RidgeClassifierCV(alphas=np.logspace(-3, 3, 10))
    return make_pipeline(features, StandardScaler(), classifier).fit(*train).score(*test)


def main(folder):
    """Print a row for every data set: the mean over the seeds."""
    print("set", *FEATURES, sep=" | ")
    for name in SETS:
        train, test = (load_classification(name, split=split, extract_path=folder) for split in ("train", "test"))
        means = [np.mean([accuracy(build(seed), train, test) for seed in SEEDS]) for build in FEATURES.values()]
        print(name, *(f"{mean:.3f}" for mean in means), sep=" | ", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
