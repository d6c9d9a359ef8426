"""The rows of `archive.py`: one method, fitted on the training part of one set and judged once on its test part."""

import contextlib
import functools
import importlib
import os
import threading
import time
from pathlib import Path

import numpy as np
import torch
from aeon.classification.convolution_based import MultiRocketHydraClassifier
from aeon.classification.distance_based import KNeighborsTimeSeriesClassifier
from aeon.datasets import load_classification
from aeon.transformations.collection.convolution_based import MiniRocket
from aeon.transformations.collection.feature_based import Catch22
from authors_ts2vec import AuthorsTS2Vec
from methods_by_name import make_method
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import get_tags

from sklearn_ssl.datasets import load_ucihar, make_waves
from sklearn_ssl.evaluation import knn_probe, linear_probe, svm_probe
from sklearn_ssl.preprocessing import ChannelWise, FillMissing

SHIPPED = (
    "ACSF1",
    "ArrowHead",
    "BasicMotions",
    "GunPoint",
    "ItalyPowerDemand",
    "JapaneseVowels",
    "OSULeaf",
    "PickupGestureWiimoteZ",
)
MORE = (  # of one file each, in the folder "more"
    *("Chinatown", "DistalPhalanxOutlineCorrect", "FiftyWords", "Ham", "Herring", "LSST", "MiddlePhalanxTW"),
    *("MoteStrain", "PigAirwayPressure", "SmoothSubspace", "SonyAIBORobotSurface2", "TwoLeadECG", "Wine"),
)
HAR = "UCIHAR"
GENERATED = {"waves": make_waves}
N_GENERATED = (60, 400)  # series to fit on and to judge on
POOLED = "encoder=RocketEncoder(n_features=15792, poolings=('ppv', 'mpv', 'mipv', 'lspv'))"
THREE = "encoder=RocketEncoder(n_features=11844, poolings=('ppv', 'mpv', 'lspv'), n_groups=512)"
HYDRA = "encoder=RocketEncoder(n_groups=512)"
LAYER = "encoder=RocketEncoder(n_features=5040, poolings=('ppv', 'mpv', 'mipv', 'lspv'), n_groups=128, hidden=320)"
MAXIMA = "pooling=Pooling(statistics='max', layers='last')"
NAMED = {
    "WCCN without poolings": f"WCCN({HYDRA})",
    "ClosedFormVICReg without poolings": f"ClosedFormVICReg({HYDRA})",
    "WCCN without mean of indices": f"WCCN({THREE})",
    "WCCN without Hydra": f"WCCN({POOLED})",
    "WCCN(whitening=0.5) without Hydra": f"WCCN(whitening=0.5, {POOLED})",
    "ClosedFormVICReg without Hydra": f"ClosedFormVICReg({POOLED})",
    "VICReg on fixed features": f"VICReg({LAYER})",
    "untrained on fixed features": f"RandomEncoder({LAYER})",
    "untrained TS2Vec": f"RandomEncoder(encoder=TCNEncoder(latent_mask=0.5), {MAXIMA})",
    "untrained T-Loss": f"RandomEncoder(encoder=TCNEncoder(depth=10, width=40, n_features=320, dropout=0.0), {MAXIMA})",
    "untrained ResNet": "RandomEncoder(encoder=ResNetEncoder())",
    "untrained FCN": "RandomEncoder(encoder=FCNEncoder())",
    "untrained Inception, 6 x 32": "RandomEncoder(encoder=InceptionEncoder())",
}
OWN_ENCODER = {  # of methods whose network is not that of `RandomEncoder` at its defaults
    "TS2Vec": "untrained TS2Vec",
    "SoftCLT": "untrained TS2Vec",
    "TLoss": "untrained T-Loss",
    "TS2Vec by its authors": "untrained TS2Vec by its authors",
    "VICReg on fixed features": "untrained on fixed features",
}
WINDOW = 0.1
DTW = "1-NN DTW"
REFERENCES = {
    "MiniRocket": lambda seed: MiniRocket(random_state=seed),
    "MultiRocket-Hydra": lambda seed: MultiRocketHydraClassifier(random_state=seed),
    DTW: lambda seed: KNeighborsTimeSeriesClassifier(distance="dtw", distance_params={"window": WINDOW}),
}
RAW = "raw series"
PLAIN = {
    RAW: lambda: FunctionTransformer(as_rows),
    "catch22": lambda: make_pipeline(FunctionTransformer(np.float64), Catch22(replace_nans=True)),  # refuses float32
}
PUBLISHED = {"TS2Vec by its authors": None, "untrained TS2Vec by its authors": 0}  # training steps
PROBES = {"linear": linear_probe, "1-NN": knn_probe, "SVM": svm_probe}
KEY = ("set", "method", "seed")
SCORES = (*PROBES, "own")  # "own" is the accuracy of a method that is a classifier already
MEASURES = ("fit seconds", "transform seconds", "features")
FIELDS = (*KEY, *SCORES, *MEASURES, "input", "error")
SKIPPED = "skipped: "


def row_of(name, method, seed, options):
    """Return one row of the table; a failure is a row that says what failed."""
    torch.set_num_threads(1)
    end_with_the_run(options.run)
    row = {**dict.fromkeys(FIELDS, ""), "set": name, "method": method, "seed": seed}
    try:
        (X, y), (X_test, y_test), row["input"] = series(name, options.data)
        cost = dtw_cost(X, X_test)
        if method == DTW and cost > options.dtw_cost:
            return {**row, "error": f"{SKIPPED}{cost:.1e} cells of DTW matrices"}
        warm(method, options.device)
        model = make_pipeline(ChannelWise(StandardScaler()), instance(method, seed, options.device))
        measure = embedded if hasattr(model, "transform") else classified
        return {**row, **measure(model, X, y, X_test, y_test, options.probes)}
    except Exception as error:
        message = " ".join(f"{type(error).__name__}: {error}".split())
        return {**row, "error": message[:300]}


@functools.cache
def end_with_the_run(run):
    """See to it that this worker does not outlive a run that is killed; None where others see to it."""

    def watch():
        while os.getppid() == run:
            time.sleep(1)
        os._exit(1)

    if run not in (None, os.getpid()):
        threading.Thread(target=watch, daemon=True).start()


def instance(method, seed, device):
    """Return the estimator that has this name."""
    if method in REFERENCES:
        return REFERENCES[method](seed)
    if method in PLAIN:
        return PLAIN[method]()
    if method in PUBLISHED:
        return AuthorsTS2Vec(PUBLISHED[method], device=device, random_state=seed)
    if ":" in method.partition("(")[0]:
        return GivenEmbedding(method)
    return make_method(NAMED.get(method, method), random_state=seed, device=device)


def as_rows(X):
    """Return every series as one row, channel after channel."""
    return np.reshape(X, (len(X), -1))


class GivenEmbedding(TransformerMixin, BaseEstimator):
    """An embedding that anybody wrote, such as that of a pretrained model.

    Parameters
    ----------
    where : str
        ``module:function``. The function turns series of shape (cases, channels, steps) into features of shape (cases,
        features). Python must find the module: name its folder in the environment variable PYTHONPATH.
    """

    def __init__(self, where):
        self.where = where

    def fit(self, X, y=None):
        """Look the function up."""
        module, _, name = self.where.partition(":")
        self.function_ = getattr(importlib.import_module(module), name)
        return self

    def transform(self, X):
        """Return what the function returns."""
        return np.asarray(self.function_(X))


def embedded(model, X, y, X_test, y_test, probes):
    """Return what a row says of a transformer; both parts count as transformed."""
    needs_labels = get_tags(model[-1]).target_tags.required  # CLIP takes them as texts
    start = time.perf_counter()
    model.fit(X, y.astype(str) if needs_labels else None)
    fitted = time.perf_counter()
    features, unseen = np.asarray(model.transform(X)), np.asarray(model.transform(X_test))
    end = time.perf_counter()
    scores = {
        name: PROBES[name](None, features, y, X_test=unseen, y_test=y_test, task="classification").score
        for name in probes
    }
    return {
        **{name: f"{score:.4f}" for name, score in scores.items()},
        "fit seconds": f"{fitted - start:.2f}",
        "transform seconds": f"{end - fitted:.2f}",
        "features": features.shape[1],
    }


def classified(model, X, y, X_test, y_test, probes):
    """Return what a row says of a classifier; for "transform seconds" it predicts the test part."""
    start = time.perf_counter()
    model.fit(X, y)
    fitted = time.perf_counter()
    score = model.score(X_test, y_test)
    end = time.perf_counter()
    return {
        "own": f"{score:.4f}",
        "fit seconds": f"{fitted - start:.2f}",
        "transform seconds": f"{end - fitted:.2f}",
    }


@functools.lru_cache(maxsize=64)
def series(name, folder):
    """Return both parts of a set as arrays without gaps and of one length, and what was done to them."""
    if name in GENERATED:
        fit, judged = (GENERATED[name](n_cases=n, random_state=seed) for seed, n in enumerate(N_GENERATED))
        return fit, judged, "as is"
    (X, y), (X_test, y_test) = (published(name, split, folder) for split in ("train", "test"))
    lengths = {np.shape(one)[1] for part in (X, X_test) for one in part}
    has_gaps = any(np.isnan(one).any() for part in (X, X_test) for one in part)
    done = ["filled"] * has_gaps + ["padded"] * (len(lengths) > 1)
    if done:
        longest = max(np.shape(one)[1] for one in X)
        filler = FillMissing(method="linear", padding="fill").fit(of_length(X, longest))
        X, X_test = (filler.transform(of_length(part, longest)) for part in (X, X_test))
    return (X, y), (X_test, y_test), ", ".join(done) or "as is"


def published(name, split, folder):
    """Return the series of one part of a set, as published, and their labels."""
    if name == HAR:
        return load_ucihar(Path(folder) / HAR, split=split, return_X_y=True)
    if name in MORE:
        with np.load(Path(folder) / "more" / f"{name}.npz") as arrays:
            return arrays[f"X_{split}"], arrays[f"y_{split}"]
    return load_classification(name, split=split, extract_path=None if name in SHIPPED else folder)


def of_length(X, n_timepoints):
    """Return series as one array, short ones with NaN at their ends, long ones cut."""
    values = np.full((len(X), len(X[0]), n_timepoints), np.nan)
    for case, one in enumerate(X):
        values[case, :, : one.shape[1]] = one[:, :n_timepoints]
    return values


def dtw_cost(X, X_test):
    """Return the number of cells that 1-NN DTW computes, times channels."""
    _, n_channels, n_timepoints = X.shape
    band = min(n_timepoints, 2 * WINDOW * n_timepoints + 1)
    return len(X) * len(X_test) * n_channels * n_timepoints * band


@functools.cache
def warm(method, device):
    """Run a method on a few short series, so that no row's seconds have a compiler or an import in them."""
    X = np.random.default_rng(0).normal(size=(16, 2, 50))
    for n_channels in (1, 2):
        model = instance(method, 0, device)
        steps = {"max_epochs", "n_iters"} & set(model.get_params(deep=False))
        model.set_params(**dict.fromkeys(steps, 1))
        with contextlib.suppress(Exception):  # the row itself will say what is wrong
            model.fit(X[:, :n_channels], np.arange(16) % 2)
            getattr(model, "transform", getattr(model, "predict", None))(X[:, :n_channels])
