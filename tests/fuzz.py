"""Give every public estimator and function input of many kinds, most of them wrong, and report what is not handled.

    python tests/fuzz.py --seed 0
    python tests/fuzz.py --seed 3 --only SSLRegressor --parts fields

It is not part of the test run. These are findings:

* an error that comes neither from this package nor from scikit-learn's validation, or whose message is empty or long;
* NaN or infinite values in features and predictions, without an error;
* a call that takes more than 20 seconds of processor time;
* a change of the input, of the global generators of Python, NumPy and PyTorch, or of the estimator by a failed `fit` or
  by any `transform` or `predict`.

The script prints each finding once, with the number of kinds that lead to it, and exits with status 1 if there is one.
"""

import argparse
import collections
import contextlib
import copy
import inspect
import io
import os
import pickle
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import joblib
import numpy as np
import torch
from fuzz_kinds import N, bad_values, kinds_of_weight, kinds_of_X, kinds_of_y, series
from sklearn.base import clone, is_classifier, is_outlier_detector
from sklearn.utils import get_tags

import sklearn_ssl
from sklearn_ssl import augmentations, datasets, encoders, evaluation, fine_tuning, losses, persistence, preprocessing
from sklearn_ssl.base import Hyperparameters
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.projectors import MLPProjector
from sklearn_ssl.testing import all_estimators, cheap_instance

SECONDS = 20
LONGEST_MESSAGE = 1000
PACKAGE = str(Path(sklearn_ssl.__file__).parent)
VALIDATION = ("validation.py", "multiclass.py", "_param_validation.py", "class_weight.py", "_indexing.py")
VALIDATION += ("_tags.py", "_array_api.py")
CLEAR = (ValueError, TypeError, KeyError, AttributeError, ImportError, OSError, FloatingPointError, NotImplementedError)
LABELS = np.arange(N) % 2
KINDS_OF_X, KINDS_OF_Y, BAD_VALUES = 40, 36, 25  # for each estimator or function, and each parameter


class TooSlow(BaseException):
    """A call takes too long."""


class Findings:
    """What was found, each only once, and which kinds of input were tried.

    Trying every kind on every estimator would take hours. For each of them a few kinds are drawn, those first that were
    tried least for the same parameter, so that over all estimators and functions every kind is tried.
    """

    def __init__(self, seed):
        self.kinds = {}
        self.calls = 0
        self.tried = collections.Counter()
        self.rng = np.random.default_rng(seed)

    def draw(self, what, kinds, fewest, at_least=2):
        """Return names of kinds to try for `what`: until it has seen `fewest` of them, and then a few at random."""
        new = sum(self.tried[what, kind] == 0 for kind in kinds)
        number = max(at_least, fewest - (len(kinds) - new))
        drawn = sorted(self.rng.permutation(list(kinds)).tolist(), key=lambda kind: self.tried[what, kind])[:number]
        self.tried.update((what, kind) for kind in drawn)
        return drawn

    def n_tried(self, what):
        """Return how many kinds were tried for `what`."""
        return len({kind for one, kind in self.tried if one == what})

    def add(self, where, what, kind):
        """Note what happened where for a kind of input."""
        first = (where, what) not in self.kinds
        self.kinds.setdefault((where, what), []).append(kind)
        if first:
            print(f"{where} [{kind}]: {what}", flush=True)

    def report(self):
        """Print how many calls and findings there were."""
        fields = {what for what, _ in self.tried} - {"X", "y", "weight"}
        print(
            f"\n{self.calls} calls with {self.n_tried('X')} kinds of X, {self.n_tried('y')} of y, "
            f"{self.n_tried('weight')} of weights and {min(map(self.n_tried, fields), default=0)} or more bad values "
            f"of each of {len(fields)} parameters: {len(self.kinds)} findings"
        )
        for (where, what), kinds in sorted(self.kinds.items()):
            print(f"* {where}: {what}\n    {len(kinds)} kinds: {', '.join(kinds[:8])}")


def one_line(error):
    """Return the type and the message of an error, cut to a line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:150]}"


def blame(error):
    """Return what is wrong with an error, or None if it is clear."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    of_package = last.filename.startswith(PACKAGE)
    of_validation = f"{os.sep}sklearn{os.sep}" in last.filename and last.filename.endswith(VALIDATION)
    of_validation |= f"{os.sep}sklearn{os.sep}" in last.filename and last.name in ("set_params", "__init__", "check_cv")
    is_call = isinstance(error, TypeError) and "argument" in str(error) and "()" in str(error)
    if not isinstance(error, CLEAR) or not (of_package or of_validation or is_call):
        return f"raw error from {Path(last.filename).name}, {last.name}: {one_line(error)}"
    if not 10 <= len(str(error)) <= LONGEST_MESSAGE:
        return f"message of {len(str(error))} characters: {one_line(error)}"
    return None


@contextlib.contextmanager
def time_limit():
    """Raise TooSlow after the limit of processor time, or ten times as much on the clock of a busy machine."""

    def stop(*_):
        raise TooSlow

    clocks = {signal.SIGPROF: (signal.ITIMER_PROF, SECONDS), signal.SIGALRM: (signal.ITIMER_REAL, 10 * SECONDS)}
    before = {number: signal.signal(number, stop) for number in clocks}
    for clock, seconds in clocks.values():
        signal.setitimer(clock, seconds)
    try:
        yield
    finally:
        for clock, _ in clocks.values():
            signal.setitimer(clock, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def generators():
    """Return the states of the global generators."""
    return random.getstate(), np.random.get_state()[1].tobytes(), torch.get_rng_state().numpy().tobytes()  # noqa: NPY002


def digest(value):
    """Return something that changes with a value, or None where there is nothing to compare."""
    with contextlib.suppress(Exception):
        return joblib.hash(value)
    return None


def state(estimator):
    """Return the state of an estimator as bytes."""
    try:
        return pickle.dumps(sorted(vars(estimator).items()))
    except Exception:
        return repr(sorted((name, id(value)) for name, value in vars(estimator).items())).encode()


def call(findings, where, kind, function, /, *args, watched=None, **kwargs):
    """Call a function, note what is wrong, and return its result, or None after an error."""
    findings.calls += 1
    inputs = [value for value in (*args, *kwargs.values()) if isinstance(value, (np.ndarray, list, torch.Tensor))]
    before = [digest(value) for value in inputs]
    own, streams = (None if watched is None else state(watched)), generators()
    result, failed = None, False
    try:
        with time_limit(), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = function(*args, **kwargs)
    except TooSlow:
        findings.add(where, f"took more than {SECONDS} s", kind)
    except Exception as error:
        failed = True
        wrong = blame(error)
        if wrong:
            findings.add(where, wrong, kind)
    if [digest(value) for value in inputs] != before:
        findings.add(where, "changed its input", kind)
    if generators() != streams:
        findings.add(where, "used a global generator", kind)
    if watched is not None and (failed or not where.endswith("fit")) and state(watched) != own:
        findings.add(where, "changed the estimator", kind)
    return None if failed else result


def is_finite(output, *, missing_allowed):
    """Tell whether an output has no infinite values, and no NaN unless that is allowed."""
    for row in output if isinstance(output, list) else [output]:
        values = np.asarray(row)
        if values.dtype.kind == "f" and (np.isinf(values).any() or (not missing_allowed and np.isnan(values).any())):
            return False
    return True


def target_of(estimator):
    """Return targets that fit an estimator, or None."""
    if not get_tags(estimator).target_tags.required:
        return None
    return LABELS if is_classifier(estimator) else np.linspace(0, 1, N)


def quick(cls):
    """Return an instance whose fit takes milliseconds."""
    estimator = cheap_instance(cls)
    few = {name: 1 for name in ("max_epochs", "transformer__max_epochs") if name in estimator.get_params()}
    return estimator.set_params(**few)


def outputs_of(findings, estimator, name, kind, X):
    """Call all functions of a fitted estimator that take series, and look at what they return."""
    keeps_padding = name not in sklearn_ssl.__all__ or isinstance(estimator, sklearn_ssl.MaskedImputer)
    for function in ("transform", "predict", "predict_proba", "decision_function", "encode", "score_samples"):
        if hasattr(estimator, function):
            output = call(findings, f"{name}.{function}", kind, getattr(estimator, function), X, watched=estimator)
            if is_outlier_detector(estimator):
                continue  # a series without any value has the score minus infinity, as documented
            if output is not None and not is_finite(output, missing_allowed=keeps_padding or function == "encode"):
                findings.add(f"{name}.{function}", "NaN or infinite values", kind)


def fuzz_series(findings, name, cls, rng):
    """Fit on all kinds of series, and apply a fitted estimator to them."""
    fitted = quick(cls)
    y = target_of(fitted)
    call(findings, f"{name}.fit", "array", fitted.fit, series(rng), y)
    makers = kinds_of_X()
    for kind in findings.draw("X", makers, KINDS_OF_X, at_least=KINDS_OF_X):
        make = makers[kind]
        X = make(rng)
        outputs_of(findings, fitted, name, kind, X)
        fresh = copy.copy(fitted)
        targets = y
        if y is not None and kind.startswith("shape (") and np.ndim(X) > 0:
            targets = np.resize(y, np.shape(X)[0])
        if call(findings, f"{name}.fit", kind, fresh.fit, make(rng), targets, watched=fresh) is not None:
            outputs_of(findings, fresh, name, kind, make(rng))


def fuzz_targets(findings, name, cls, rng):
    """Fit on all kinds of targets and weights, and on random pairs of them."""
    if not hasattr(cls, "predict") or not get_tags(quick(cls)).target_tags.required:
        return
    X, targets, weights = series(rng), kinds_of_y(), kinds_of_weight()
    pairs = [(kind, "None") for kind in findings.draw("y", targets, len(targets), at_least=30)]
    pairs += [("classes", kind) for kind in findings.draw("weight", weights, len(weights), at_least=15)]
    pairs += [(str(rng.choice(list(targets))), str(rng.choice(list(weights)))) for _ in range(10)]
    fitted = quick(cls).fit(X, target_of(quick(cls)))
    for of_y, of_weight in pairs:
        kind = f"y {of_y}, weight {of_weight}"
        for function in ("fit", *(["partial_fit"] if hasattr(cls, "partial_fit") else [])):
            model = copy.copy(fitted)
            arguments = {"sample_weight": weights[of_weight](rng)}
            method = getattr(model, function)
            if call(findings, f"{name}.{function}", kind, method, X, targets[of_y](rng), watched=model, **arguments):
                outputs_of(findings, model, name, kind, X)
        call(
            findings,
            f"{name}.score",
            kind,
            fitted.score,
            X,
            targets[of_y](rng),
            weights[of_weight](rng),
            watched=fitted,
        )


def fuzz_fields(findings, name, cls, rng):
    """Fit with a bad value in each parameter, also in those of nested recipes."""
    X, base = series(rng), quick(cls)
    y = target_of(base)
    fitted = clone(base).fit(X, y)
    for field in base.get_params():
        values = bad_values()
        for kind in findings.draw(field, values, BAD_VALUES):
            value, model = values[kind], copy.deepcopy(fitted)
            if call(findings, f"{name}.set_params", f"{field}={kind}", model.set_params, **{field: value}) is None:
                continue
            where = f"{name}.fit({field})"
            if call(findings, where.removesuffix(")") + ") fit", kind, model.fit, X, y, watched=model) is not None:
                outputs_of(findings, model, name, f"{field}={kind}", X)


def recipes():
    """Yield all recipes that are no estimators."""
    for module in (encoders, augmentations):
        for one in module.__all__:
            cls = getattr(module, one)
            if inspect.isclass(cls) and issubclass(cls, Hyperparameters) and not inspect.isabstract(cls):
                yield one, cls
    yield "Pooling", Pooling
    yield "MLPProjector", MLPProjector


def used(recipe, rng):
    """Use a recipe on a few series."""
    recipe.check_hyperparameters()
    x = torch.tensor(series(rng), dtype=torch.float32)
    if hasattr(recipe, "apply"):
        with torch.random.fork_rng():
            return recipe(x).numpy()
    part = {"Pooling": "pooling", "MLPProjector": "projector"}.get(type(recipe).__name__, "encoder")
    model = cheap_instance(sklearn_ssl.SimCLRTransformer).set_params(max_steps=1, max_epochs=1, **{part: recipe})
    return model.fit(x).transform(x)


def fuzz_recipes(findings, pattern, rng):
    """Use each recipe with a bad value in each parameter."""
    for name, cls in recipes():
        if pattern not in name:
            continue
        fields = inspect.signature(cls).parameters
        needed = {field: 1 for field in fields if fields[field].default is inspect.Parameter.empty}
        for field in fields:
            values = bad_values()
            for kind in findings.draw(f"{name} {field}", values, BAD_VALUES):
                recipe = call(findings, f"{name}()", f"{field}={kind}", cls, **{**needed, field: values[kind]})
                if recipe is not None:
                    output = call(findings, f"{name}({field})", kind, used, recipe, rng)
                    if output is not None and not is_finite(output, missing_allowed=False):
                        findings.add(f"{name}({field})", "NaN or infinite values", kind)


def functions(rng):
    """Return valid calls of public functions: the function and its arguments by name."""
    X, y = series(rng), LABELS
    model = cheap_instance(sklearn_ssl.SimCLRTransformer).set_params(max_epochs=1).fit(X)
    classifier = quick(sklearn_ssl.SSLClassifier).fit(X, y)
    H = model.transform(X)
    probe = {"transformer": model, "X": X, "y": y}
    folder = Path(tempfile.mkdtemp())
    file = folder / "encoder.safetensors"
    persistence.save_encoder(model, file)
    calls = {
        "linear_probe": (evaluation.linear_probe, {**probe, "cv": 2}),
        "knn_probe": (evaluation.knn_probe, {**probe, "cv": 2}),
        "svm_probe": (evaluation.svm_probe, {**probe, "cv": 2}),
        "label_efficiency": (evaluation.label_efficiency, {**probe}),
        "collapse_report": (evaluation.collapse_report, {"transformer": model, "X": X}),
        "robustness_report": (evaluation.robustness_report, {"estimator": classifier, "X": X, "y": y}),
        "dissect": (evaluation.dissect, {**probe}),
        "embedding_importance": (evaluation.embedding_importance, {**probe}),
        "occlusion": (evaluation.occlusion, {**probe}),
        "weight_change": (evaluation.weight_change, {"predictor": classifier}),
        "rankme": (getattr(evaluation, "rankme", None), {"H": H}),
        "effective_rank": (getattr(evaluation, "effective_rank", None), {"H": H}),
        "alpha_req": (getattr(evaluation, "alpha_req", None), {"H": H}),
        "uniformity": (getattr(evaluation, "uniformity", None), {"H": H}),
        "spread": (getattr(evaluation, "spread", None), {"H": H}),
        "is_labelled": (fine_tuning.is_labelled, {"y": y}),
        "as_collection": (preprocessing.as_collection, {"X": X}),
        "as_labels": (preprocessing.as_labels, {"y": y}),
        "window_recordings": (preprocessing.window_recordings, {"X": X, "length": 8}),
        "aggregate_windows": (preprocessing.aggregate_windows, {"predictions": y, "groups": y}),
        "save_encoder": (
            persistence.save_encoder,
            {"transformer": model, "path": file},
        ),
        "load_encoder": (persistence.load_encoder, {"path": file}),
    }
    for name in datasets.__all__:
        if name.startswith("make_"):
            calls[name] = (getattr(datasets, name), {"n_cases": N, "random_state": 0})
        elif name.startswith("load_"):
            calls[name] = (getattr(datasets, name), {"folder": folder})
    return {name: one for name, one in calls.items() if one[0] is not None}


def fuzz_functions(findings, pattern, rng):
    """Call each function with all kinds of series and targets, and with a bad value in each other argument."""
    for name, (function, given) in functions(rng).items():
        if pattern not in name:
            continue
        names = list(inspect.signature(function).parameters)
        if not set(given) <= set(names):  # names of arguments have changed, and their order has not
            given = dict(zip(names, given.values(), strict=False))
        for argument in names:
            kinds = {kind: (lambda rng, value=value: value) for kind, value in bad_values().items()}
            what, number = f"{name} {argument}", BAD_VALUES
            if argument in ("X", "X_test", "recordings"):
                kinds, what, number = kinds_of_X(), "X", KINDS_OF_X
            if argument in ("y", "y_test", "groups", "predictions"):
                kinds, what, number = kinds_of_y(), "y", KINDS_OF_Y
            for kind in findings.draw(what, kinds, number, at_least=number):
                if (argument, kind) != ("random_state", "None"):  # None is NumPy's global generator, as in scikit-learn
                    call(findings, f"{name}({argument})", kind, function, **{**given, argument: kinds[kind](rng)})


def fuzz_losses(findings, pattern, rng):
    """Call each loss with bad tensors."""
    good = torch.tensor(rng.normal(size=(8, 4)), dtype=torch.float32)
    bad = {
        "array": good.numpy(),
        "one row": good[:1],
        "no row": good[:0],
        "no column": good[:, :0],
        "1-D": good[0],
        "3-D": good[None],
        "whole numbers": good.long(),
        "other width": good[:, :2],
        "None": None,
        "text": "z",
        "list": good.tolist(),
    }
    for name in losses.__all__:
        function = getattr(losses, name)
        if pattern not in name or not name.endswith("_loss") or name == "semi_supervised_loss":
            continue
        for kind, value in bad.items():
            call(findings, f"{name}", kind, function, value, good)
            call(findings, f"{name}", f"second {kind}", function, good, value)


PARTS = {"series": fuzz_series, "targets": fuzz_targets, "fields": fuzz_fields}
OTHERS = {"recipes": fuzz_recipes, "functions": fuzz_functions, "losses": fuzz_losses}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="draws series, targets and their pairs")
    parser.add_argument("--only", default="", help="a part of the names of estimators and functions")
    parser.add_argument("--parts", nargs="*", default=[*PARTS, *OTHERS], choices=[*PARTS, *OTHERS])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        tempfile.tempdir = folder
        findings = fuzz(arguments)
    sys.exit(len(findings.kinds) > 0)


def fuzz(arguments):
    """Run the parts that were asked for, in a temporary working directory, as paths are among the values of fields."""
    findings, start = Findings(arguments.seed), time.perf_counter()
    print(
        f"{len(kinds_of_X())} kinds of X, {len(kinds_of_y())} of y, {len(kinds_of_weight())} of weights, "
        f"{len(bad_values())} bad values"
    )
    for name, cls in all_estimators():
        for part in PARTS:
            if arguments.only in name and part in arguments.parts:
                PARTS[part](findings, name, cls, np.random.default_rng(arguments.seed))
    for part in OTHERS:
        if part in arguments.parts:
            OTHERS[part](findings, arguments.only, np.random.default_rng(arguments.seed))
    findings.report()
    print(f"{time.perf_counter() - start:.0f} s")
    return findings


if __name__ == "__main__":
    main()
