"""What a closed form costs: its fit in passes of its encoder over the series, and its linear algebra.

A pass is one `transform` of the same encoder, untrained. Everything is timed in turns within one run, after a fit that
pays for imports and compilers; the least time of several counts. Run it with

    python examples/benchmarks/closed_form_cost.py
"""

import argparse
import time

import torch

from sklearn_ssl import ClosedFormVICRegTransformer, RandomEncoderTransformer, WCCNTransformer
from sklearn_ssl.datasets import make_waves

METHODS = {"WCCN": WCCNTransformer, "closed-form VICReg": ClosedFormVICRegTransformer}


def seconds(call):
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measured(method, X, repeats):
    """Return the least seconds of a pass, a fit, the linear algebra within it, and a transform."""
    plain = RandomEncoderTransformer(encoder=method.resolved("encoder"), device="cpu", random_state=0).fit(X)
    method.fit(X)
    with torch.no_grad():
        rounds = [
            (
                seconds(lambda: plain.transform(X)),
                seconds(lambda: method.fit(X)),
                seconds(method.net_.module_.settle),
                seconds(lambda: method.transform(X)),
            )
            for _ in range(repeats)
        ]
    return map(min, zip(*rounds, strict=True))


def main():
    """Print a line per method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs=3, default=(120, 3, 315), help="series, channels, time steps")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    n_cases, n_channels, n_timepoints = options.shape
    X, _ = make_waves(n_cases=n_cases, n_channels=n_channels, n_timepoints=n_timepoints, random_state=0)
    print(f"{n_cases} x {n_channels} x {n_timepoints}, {options.threads} threads")
    print(f"{'':<20}{'pass s':>9}{'fit s':>9}{'in passes':>11}{'algebra s':>11}{'transform s':>13}")
    for name, cls in METHODS.items():
        one_pass, fit, algebra, transform = measured(cls(device="cpu", random_state=0), X, options.repeats)
        print(f"{name:<20}{one_pass:>9.2f}{fit:>9.2f}{fit / one_pass:>11.1f}{algebra:>11.3f}{transform:>13.2f}")


if __name__ == "__main__":
    main()
