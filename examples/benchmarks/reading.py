"""
What reading a long table costs compared with a sort of pandas
=======================================================

`as_collection` reads a table of a million rows, with 1,000 series, and pandas sorts the same table by series and time
and groups it by series. Both run in turn, in one process, so that a busy machine slows both. A row shows the medians of
their times and the median of the ratios of paired runs.

Options: ``python examples/benchmarks/reading.py --help``.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from sklearn_ssl.preprocessing import as_collection

LIMIT = 3.0


def table(n_rows: int, n_cases: int) -> pd.DataFrame:
    """Return a long table of two channels whose rows are sorted."""
    rng = np.random.default_rng(0)
    n_steps = n_rows // n_cases
    times = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.tile(np.arange(n_steps), n_cases), unit="s")
    return pd.DataFrame(
        {
            "id": np.repeat(np.arange(n_cases), n_steps),
            "t": times,
            "x": rng.normal(size=n_steps * n_cases),
            "y": rng.normal(size=n_steps * n_cases),
        }
    )


def kinds(n_rows: int, n_cases: int) -> dict[str, tuple[pd.DataFrame, dict]]:
    """Return tables of every kind, and the options with which they are read."""
    X = table(n_rows, n_cases)
    shuffled = X.sample(frac=1, random_state=0).reset_index(drop=True)
    names = X["id"].map("person {:04d}".format)
    states = np.array(["rest", "walk", "run"])[np.random.default_rng(1).integers(0, 3, len(X))]
    seconds = (X["t"] - X["t"].iloc[0]).dt.total_seconds()
    return {
        "numbers": (X.assign(t=seconds), {}),
        "dates": (X, {}),
        "dates, shuffled": (shuffled, {}),
        "dates with a zone": (X.assign(t=X["t"].dt.tz_localize("UTC").dt.tz_convert("Europe/Paris")), {}),
        "dates as text": (X.assign(t=X["t"].astype(str)), {}),
        "ids as text, shuffled": (shuffled.assign(id=shuffled["id"].map("person {:04d}".format)), {}),
        "ids as text": (X.assign(id=names), {}),
        "ids as objects": (X.assign(id=names.astype(object)), {}),
        "a text channel": (X.assign(state=states), {"categorical": "encode"}),
        "a text channel of objects": (X.assign(state=states.astype(object)), {"categorical": "encode"}),
        "numbers with missing": (X.convert_dtypes(), {}),
        "a regular grid": (X, {"freq": "1s"}),
        "melted": (X.iloc[: len(X) // 2].melt(["id", "t"], var_name="channel"), {"channel": "channel"}),
        "two columns of ids": (X.assign(day=X["t"].dt.hour), {"case": ["id", "day"]}),
    }


def sort_and_group(X: pd.DataFrame, case: list[str]) -> np.ndarray:
    """Sort by series and time, and add up every series."""
    return X.sort_values([*case, "t"]).groupby(case)["x" if "x" in X else "value"].sum().to_numpy()


def seconds(function: Callable, *args: object, **options: object) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    function(*args, **options)
    return time.perf_counter() - start


def main() -> None:
    """Print one row for every kind of table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--cases", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(f"{'table':28}{'as_collection':>14}{'pandas':>10}{'ratio':>8}")
    for name, (X, how) in kinds(options.rows, options.cases).items():
        how = {"case": ["id"], "time": "t"} | how
        pairs = [
            (seconds(as_collection, X, **how), seconds(sort_and_group, X, how["case"])) for _ in range(options.repeats)
        ]
        ours, theirs = np.median(pairs, axis=0)
        ratio = np.median([mine / other for mine, other in pairs])
        print(f"{name:28}{ours:12.2f} s{theirs:8.2f} s{ratio:8.2f}{'' if ratio <= LIMIT else '  above the limit'}")


if __name__ == "__main__":
    main()
