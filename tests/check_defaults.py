"""Run scikit-learn's checks and the library's own on every public estimator at its defaults, but for few steps.

The test run uses cheap instances. This script is not part of it, as it takes some ten minutes:

    python tests/check_defaults.py
    python tests/check_defaults.py SSLRegressor WCCNTransformer

It prints a line per failed check, and exits with status 1 if there is one.
"""

import argparse
import os
import sys
import time
import warnings

os.environ["SCIPY_ARRAY_API"] = "1"  # before SciPy is imported: scikit-learn then skips no check

import torch
from sklearn.utils.estimator_checks import check_estimator

from sklearn_ssl.fine_tuning import JointClassifier
from sklearn_ssl.testing import all_estimators, expected_failed_checks, ssl_checks

STEPS = 3
STEPS_OF_JOINT = 60  # fewer do not fit scikit-learn's small sets as well as its checks ask


def at_defaults(cls):
    """Return an instance at its defaults that takes few steps."""
    estimator = cls()
    steps = STEPS_OF_JOINT if issubclass(cls, JointClassifier) else STEPS
    own = {"random_state": 0, "max_steps": steps}
    known = estimator.get_params(deep=False)
    if hasattr(estimator.resolved("transformer") if "transformer" in known else None, "max_steps"):
        own["transformer__max_steps"] = STEPS
    return estimator.set_params(**{name: value for name, value in own.items() if name.split("__")[0] in known})


def failures(estimator):
    """Yield the name of every failed check, and its error."""
    expected = expected_failed_checks(estimator)
    results = check_estimator(estimator, expected_failed_checks=expected, on_fail=None, on_skip=None)
    yield from ((one["check_name"], one["exception"]) for one in results if one["status"] == "failed")
    for check in ssl_checks(estimator):
        try:
            check()
        except Exception as error:
            yield check.func.__name__, error


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="estimators; all of them by default")
    names = parser.parse_args().names
    torch.set_num_threads(1)
    n_failed = 0
    for name, cls in all_estimators():
        if names and name not in names:
            continue
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # series of the checks are no time series: many are constant
            failed = list(failures(at_defaults(cls)))
        n_failed += len(failed)
        print(f"{name}: {len(failed)} failed, {time.perf_counter() - start:.0f} s", flush=True)
        for check, error in failed:
            print(f"    {check}: {type(error).__name__}: {' '.join(str(error).split())[:300]}", flush=True)
    sys.exit(n_failed > 0)


if __name__ == "__main__":
    main()
