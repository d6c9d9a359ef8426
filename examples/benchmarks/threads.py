"""What two threads gain that share a fitted transformer, against what they gain on the bare encoder.

Each row has the time that one thread takes for some calls, divided by the time that two threads take for the same
calls. The first column is `transform` of a fitted transformer. The second is the encoder and its pooling alone, on the
same series, without anything of this library around it. Runs alternate, and a gain is the median over them. PyTorch
itself uses one thread. Run it with

    python examples/benchmarks/threads.py [--repeats 9] [--encoder ResNetEncoder] [--csv threads.csv]

On 64 series the ratio of the gains should be at least 0.9. On one series two threads should not be slower than one: a
gain of at least 1. A machine with fewer than two free cores shows neither.
"""

import argparse
import csv
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import torch

from sklearn_ssl import VICRegTransformer, encoders
from sklearn_ssl.datasets import make_waves

N_CALLS = {1: 100, 64: 8}


def fitted(encoder):
    """Return a fitted transformer and the series to transform."""
    X, _ = make_waves(n_cases=64, n_channels=3, n_timepoints=200, random_state=0)
    X = X.astype("float32")
    return VICRegTransformer(encoder=encoder, max_steps=2, random_state=0).fit(X), X


def seconds(call, n_calls, pool, n_threads):
    """Return the time of some calls that are shared by the threads of a pool."""

    def several():
        for _ in range(n_calls // n_threads):
            call()

    begin = time.perf_counter()
    for job in [pool.submit(several) for _ in range(n_threads)]:
        job.result()
    return time.perf_counter() - begin


def gains(calls, n_calls, repeats):
    """Return for each call the median gain of two threads over one."""
    found = {name: [] for name in calls}
    with ThreadPoolExecutor(2) as pool:
        for repeat in range(repeats + 1):  # the first round warms up
            for name, call in calls.items():
                gain = seconds(call, n_calls, pool, 1) / seconds(call, n_calls, pool, 2)
                if repeat > 0:
                    found[name].append(gain)
    return {name: statistics.median(each) for name, each in found.items()}


def measured(encoder, repeats):
    """Yield a row for each number of series."""
    transformer, X = fitted(encoder)
    module = transformer.net_.module_.eval()
    for n_series, n_calls in N_CALLS.items():
        series = X[:n_series]
        x = torch.from_numpy(series)

        def bare(x=x):
            with torch.inference_mode():
                module.features(x, None)

        calls = {"transform": lambda series=series: transformer.transform(series), "encoder": bare}
        gain = gains(calls, n_calls, repeats)
        yield {"series": n_series, **gain, "ratio": gain["transform"] / gain["encoder"]}


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--encoder", default="ResNetEncoder")
    parser.add_argument("--csv")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'series':>6} {'transform':>10} {'encoder':>8} {'ratio':>6}")
    rows = []
    for row in measured(getattr(encoders, options.encoder)(), options.repeats):
        print(f"{row['series']:>6} {row['transform']:>10.2f} {row['encoder']:>8.2f} {row['ratio']:>6.2f}", flush=True)
        rows.append(row)
    if options.csv:
        with open(options.csv, "w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
