"""The rows of `tasks.py`: the parts of the table, each with one method on one set with one seed, from one fit."""

import contextlib
import functools
import signal
import time
from typing import NamedTuple

import numpy as np
import torch
from aeon.distances import dtw_pairwise_distance
from archive_rows import (
    DTW,
    RAW,
    SKIPPED,
    WINDOW,
    dtw_cost,
    end_with_the_run,
    instance,
    series,
    warm,
)
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import euclidean_distances
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, StandardScaler
from task_damages import DAMAGES, LEFT, REPAIRED, damaged, preparation
from task_dense import segments_and_events
from task_judges import (
    OWN,
    RIDGE,
    Judged,
    anomalies,
    clustering,
    drawn,
    draws_of,
    few_labels,
    retrieval,
    ridge,
)

from sklearn_ssl import SSLClassifier
from sklearn_ssl.preprocessing import ChannelWise, Resample

KEY = ("set", "task", "method", "seed", "draw", "measure")
FIELDS = (*KEY, "value", "seconds", "error")
END = "end"  # the measure of the last row of a part: what there is to say of it, and that it need not be run again
FIT, TRANSFORM = "fit", "transform"
CLASSIFIER = "SSLClassifier"
LIKE_CLASSIFIER = "WCCN"  # has the same kernels to compile
UNIT = ", unit length"  # what follows the name of a method whose features are scaled so
WHITENED = ("WCCN", "ClosedFormVICReg")
SHARES = {"10 %": 0.1, "all": None}
UNKNOWN = -999  # no class of any set
CONVERGED = 0.95  # of the fall of the loss


class Data(NamedTuple):
    """Both parts of a set: series of one length, scaled by the training part, and their classes as numbers."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


class TooLongError(BaseException):
    """A fit took more time than it may. It is no Exception, so that no other code handles it."""


def rows_of(part, name, method, seed, options):
    """Return all rows of one part; the last one has the seconds of the whole, and the error if there was one."""
    torch.set_num_threads(1)
    end_with_the_run(options.run)
    key = {"set": name, "method": method, "seed": seed}
    rows, error = [], ""
    start = time.perf_counter()
    try:
        warm(LIKE_CLASSIFIER if method == CLASSIFIER else method.removesuffix(UNIT), options.device)
        last = time.perf_counter()
        for task, draw, measure, value in PARTS[part](name, method, seed, options):
            now = time.perf_counter()
            text = "" if np.isnan(value) else f"{value:.4f}".rstrip("0").rstrip(".")
            rows.append({**key, "task": task, "draw": draw, "measure": measure, "value": text, "error": ""})
            rows[-1]["seconds"], last = f"{now - last:.2f}", now
    except (Exception, TooLongError) as problem:
        what = str(problem) if isinstance(problem, TooLongError) else f"{type(problem).__name__}: {problem}"
        error = " ".join(what.split())[:300]
    seconds = f"{time.perf_counter() - start:.1f}"
    end = {"task": part, "draw": "", "measure": END, "value": "", "seconds": seconds, "error": error}
    return [*rows, {**key, **end}]


@contextlib.contextmanager
def within(seconds):
    """End a fit that takes more than so many seconds of the processor, whatever else the machine does meanwhile."""

    def end(*_):
        raise TooLongError(f"{SKIPPED}a fit takes more than {seconds:g} seconds")

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@functools.lru_cache(maxsize=64)
def data_of(name, folder):
    """Return a set, scaled channel by channel."""
    (X, y), (X_test, y_test), _ = series(name, folder)
    scaler = ChannelWise(StandardScaler()).fit(X)
    labels, y = np.unique(y, return_inverse=True)
    return Data(scaler.transform(X), y, scaler.transform(X_test), np.searchsorted(labels, y_test))


def made(method, seed, device):
    """Return the transformer or classifier that has this name, without its scaling."""
    if method == CLASSIFIER:
        return SSLClassifier().resolved("transformer").set_params(device=device, random_state=seed)
    return instance(method.removesuffix(UNIT), seed, device)


def scaling(method):
    """Return the scaling of a method's features that belongs to its row."""
    if method.endswith(UNIT) or method.startswith(WHITENED):
        return make_pipeline(StandardScaler(with_std=False), Normalizer())
    return FunctionTransformer() if method == RAW else StandardScaler()


def one_fit(name, method, seed, options):
    """Yield the tasks that need no more than one fit without labels: few labels, retrieval, clusters, anomalies."""
    data = data_of(name, options.data)
    model = made(method, seed, options.device)
    if not hasattr(model, "transform") and method != DTW:
        yield from classified(model, data, options)
        return
    judged = yield from distances(data, options) if method == DTW else embedding(model, method, data, options.limit)
    if method == CLASSIFIER:
        yield from classified(on_top(model, seed), data, options)
        return  # without labels it is its transformer
    yield from few_labels(judged, options.draws)
    yield from retrieval(judged)
    yield from clustering(judged, seed)
    yield from anomalies(judged, seed)


def classified(model, data, options):
    """Yield accuracies of a method that is a classifier; it is fitted for each draw of labels."""
    for task, draw, rows in draws_of(data.y, options.draws):
        with within(options.limit):
            fit_on(model, data, rows)
        yield task, draw, OWN, np.mean(model.predict(data.X_test) == data.y_test)


def on_top(transformer, seed):
    """Return a classifier that starts from a fitted transformer."""
    return SSLClassifier(FrozenEstimator(transformer), unlabelled=UNKNOWN, random_state=seed)


def fit_on(model, data, rows):
    """Fit a classifier on labelled rows; the package's own sees the other series too."""
    if isinstance(model, SSLClassifier):
        known = np.full(len(data.y), UNKNOWN)
        known[rows] = data.y[rows]
        return model.fit(data.X, known)
    return model.fit(data.X[rows], data.y[rows])


def distances(data, options):
    """Yield the seconds, and return the distances under dynamic time warping."""
    cost = dtw_cost(np.concatenate([data.X, data.X_test]), data.X_test)
    if cost > options.dtw_cost:
        raise TooLongError(f"{SKIPPED}{cost:.1e} cells of DTW matrices")
    to_train, among = (dtw_pairwise_distance(data.X_test, X, window=WINDOW) for X in (data.X, data.X_test))
    yield TRANSFORM, "", TRANSFORM, np.nan
    return Judged(data.y, data.y_test, to_train, among)


def embedding(model, method, data, limit):
    """Yield the seconds and the number of features, and return the features, scaled, and their distances."""
    with within(limit):
        model.fit(data.X)
    yield FIT, "", FIT, np.nan
    train, test = np.asarray(model.transform(data.X)), np.asarray(model.transform(data.X_test))
    yield TRANSFORM, "", "features", train.shape[1]
    errors = model.reconstruction_error(data.X_test) if hasattr(model, "reconstruction_error") else None
    scaler = scaling(method).fit(train)
    train, test = scaler.transform(train), scaler.transform(test)
    to_train, among = euclidean_distances(test, train), euclidean_distances(test)
    return Judged(data.y, data.y_test, to_train, among, train, test, errors)


def transfer(name, method, seed, options):
    """Yield accuracies of ridge after fits on other sets, for a set of one channel resampled to their lengths."""
    data = data_of(name, options.data)
    if data.X.shape[1] > 1:
        return
    for source in options.sources:
        if source == name:
            continue
        model, length = donor(source, method, seed, options)
        train, test = (np.asarray(model.transform(Resample(length).fit_transform(X))) for X in (data.X, data.X_test))
        scaler = scaling(method).fit(train)
        train, test = scaler.transform(train), scaler.transform(test)
        for task, draw, rows in draws_of(data.y, options.draws):
            accuracy = ridge().fit(train[rows], data.y[rows]).score(test, data.y_test)
            yield f"transfer from {source}, {task}", draw, RIDGE, accuracy


def donor(source, method, seed, options):
    """Return a method fitted on another set, and the length of its series; many targets share one fit."""
    found = _donor(source, method, seed, options.data, options.device, options.limit)
    if isinstance(found, BaseException):
        raise found
    return found


@functools.lru_cache(maxsize=64)
def _donor(source, method, seed, folder, device, limit):
    data, model = data_of(source, folder), made(method, seed, device)
    try:
        with within(limit):
            return model.fit(data.X), data.X.shape[2]
    except (Exception, TooLongError) as problem:
        return problem  # it would be the same for the next target


def fine_tuning(name, method, seed, options):
    """Yield accuracies after fine-tuning a method's encoder with shares of the labels; other features get a ridge."""
    data = data_of(name, options.data)
    model = made(method, seed, options.device)
    judged = yield from embedding(model, method, data, options.limit)
    for share, number in SHARES.items():
        rows = drawn(data.y, number, seed)
        if hasattr(model, "net_"):
            with within(options.limit):
                accuracy = np.mean(fit_on(on_top(model, seed), data, rows).predict(data.X_test) == data.y_test)
        else:
            accuracy = ridge().fit(judged.train[rows], data.y[rows]).score(judged.test, data.y_test)
        yield f"fine-tuning, labels: {share}", "", "accuracy", accuracy


def dense(name, method, seed, options):
    """Yield F1 of steps and of events in recordings joined from series."""
    data = data_of(name, options.data)
    model = made(method, seed, options.device)
    with within(options.limit):
        model.fit(data.X)
    yield FIT, "", FIT, np.nan
    yield from segments_and_events(model, data, seed)


def preprocessing(name, method, seed, options):
    """Yield accuracy, steps until the loss has nearly fallen, and seconds, with each damage left and repaired."""
    data = data_of(name, options.data)
    for damage in DAMAGES:
        X, X_test = damaged(data, damage, seed)
        for how in (LEFT, REPAIRED):
            start = time.perf_counter()
            prepare = preparation(damage, how).fit(X)
            model = made(method, seed, options.device)
            with within(options.limit):
                train = np.asarray(model.fit_transform(prepare.transform(X)))
            seconds = time.perf_counter() - start
            scaler = scaling(method).fit(train)
            probe = ridge().fit(scaler.transform(train), data.y)
            test = scaler.transform(np.asarray(model.transform(prepare.transform(X_test))))
            task = f"preprocessing, {damage} {how}"
            yield task, "", "accuracy", probe.score(test, data.y_test)
            yield task, "", "seconds", seconds
            if getattr(model, "loss_curve_", ()):
                yield task, "", "steps", steps_to_converge(model)


def steps_to_converge(model):
    """Return the number of steps after which the training loss has made nearly all of its fall."""
    losses = np.asarray(model.loss_curve_, dtype=float)
    there = losses <= losses[0] - CONVERGED * (losses[0] - losses.min())
    return (1 + there.argmax()) * model.net_.steps_ / len(losses)


PARTS = {
    "one fit": one_fit,
    "transfer": transfer,
    "fine-tuning": fine_tuning,
    "dense": dense,
    "preprocessing": preprocessing,
}
