"""What `RocketEncoder` costs next to aeon's MiniRocket, MultiRocket and Hydra: CPU time of one transform, one thread.

The encoder gets the dilations, channels and thresholds that aeon's transform learnt, so both compute the same features,
and the table shows by how much they differ. Runs alternate, and a ratio is the median over pairs. MultiRocket is
compared in time only, because aeon shifts the differences by one step; so is Hydra, which has as many kernels in both
but others. All is compiled before. Run it with

    python examples/benchmarks/rocket.py [--repeats 5] [--multirocket]
"""

import argparse
import os
import statistics
import time

os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"  # read when the libraries are imported

import numpy as np
import torch
from aeon.transformations.collection.convolution_based import HydraTransformer, MiniRocket, MultiRocket

from sklearn_ssl.encoders import RocketEncoder

SHAPES = [(120, 3, 315), (1000, 9, 128), (300, 1, 500)]
MULTI = RocketEncoder(n_features=8 * 1428, poolings=("ppv", "lspv", "mpv", "mipv"), differences=True, standardise=False)


def random_walks(shape):
    """Return the series."""
    return np.random.default_rng(0).normal(size=shape).cumsum(-1).astype(np.float32)


def seconds(function, x):
    """Return CPU time and result."""
    start = time.process_time()
    result = function(x)
    return time.process_time() - start, np.asarray(result)


def encoder_like(rocket, n_channels, backend):
    """Return an encoder with what aeon's MiniRocket learnt."""
    encoder = RocketEncoder(standardise=False, backend=backend).build(n_channels).eval()
    encoder.kernels[0].take_parameters(*rocket.parameters)
    return encoder


def hydra_like(hydra, x):
    """Return what gives Hydra's features with as many groups of kernels as aeon's has, (B, F, 1)."""
    n_groups = 64 * hydra._hydra.num_dilations
    encoder = RocketEncoder(n_features=84, n_groups=n_groups, standardise=False).build(x.shape[1]).eval()
    encoder.adapt(x)

    def features(x):
        seen = (x, x.diff(dim=2))
        return torch.cat([kernels(one, None) for kernels, one in zip(encoder.competing, seen, strict=True)], 1)[
            ..., None
        ]

    return features


def compare(name, shape, theirs, ours, repeats, *, same):
    """Print a row: aeon's seconds, and those of the encoder relative to them."""
    X = random_walks(shape)
    x = torch.from_numpy(X)
    for function, some in ((theirs, X[:2]), (ours, x[:2])):
        function(some)
    torch.set_num_threads(1)  # aeon's threads change it
    pairs = []
    for _ in range(repeats):
        aeon_seconds, expected = seconds(theirs, X)
        torch.set_num_threads(1)
        own_seconds, features = seconds(lambda x: ours(x).squeeze(2), x)
        pairs.append((aeon_seconds, own_seconds))
    ratio = statistics.median(own / aeon for aeon, own in pairs)
    differ = f"{np.abs(features - expected).max():.1e}" if same else "-"
    size = " x ".join(map(str, shape))
    print(
        f"{size:15} {name:20} {statistics.median(aeon for aeon, _ in pairs):8.2f} {ratio:8.2f} {differ:>12}", flush=True
    )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--multirocket", action="store_true", help="MultiRocket as well, which takes minutes to compile"
    )
    arguments = parser.parse_args()
    print(f"{'series':15} {'encoder':20} {'aeon, s':>8} {'ratio':>8} {'difference':>12}")
    for shape in SHAPES:
        rocket = MiniRocket(random_state=0).fit(random_walks(shape))
        for backend in ("numba", "torch"):
            encoder = encoder_like(rocket, shape[1], backend)
            compare(f'backend="{backend}"', shape, rocket.transform, encoder, arguments.repeats, same=True)
        X = random_walks(shape)
        hydra = HydraTransformer(random_state=0).fit(X)
        ours = hydra_like(hydra, torch.from_numpy(X))
        compare("Hydra", shape, hydra.transform, ours, arguments.repeats, same=False)
        if arguments.multirocket:
            multi = MultiRocket(n_kernels=1428, random_state=0).fit(X)
            encoder = MULTI.build(shape[1]).eval()
            encoder.adapt(torch.from_numpy(X))
            compare("MultiRocket", shape, multi.transform, encoder, arguments.repeats, same=False)


if __name__ == "__main__":
    main()
