"""Train by one process or by several, with the same result.

    python examples/distributed/fit.py
    torchrun --nproc_per_node=2 examples/distributed/fit.py
    accelerate launch --multi_gpu --num_processes=2 examples/distributed/fit.py

Every process runs this script. Each makes the same series, calls `fit` and gets the same transformer. On GPUs each
process takes one.
"""

import argparse
import os
import time

from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import SimCLRTransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.preprocessing import ChannelWise


def main() -> None:
    """Fit, and let the first process print how well a linear classifier does on the features."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-cases", type=int, default=512)
    parser.add_argument("--max-steps", type=int, default=100)
    options = parser.parse_args()

    X, y = make_waves(n_cases=options.n_cases, n_timepoints=128, random_state=0)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    scaler = ChannelWise(StandardScaler()).fit(X_train)
    X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)

    n_processes = int(os.environ.get("WORLD_SIZE", 1))
    transformer = SimCLRTransformer(max_steps=options.max_steps, distributed=n_processes > 1, random_state=0, verbose=1)
    start = time.perf_counter()
    transformer.fit(X_train)
    seconds = time.perf_counter() - start

    if int(os.environ.get("RANK", 0)) == 0:
        classifier = RidgeClassifierCV().fit(transformer.transform(X_train), y_train)
        accuracy = classifier.score(transformer.transform(X_test), y_test)
        print(f"{n_processes} processes, {seconds:.1f} s, accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
