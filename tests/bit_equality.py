"""Shows whether a change of the code changes what the package computes, to the last bit.

The script runs every public part of `sklearn_ssl` at small settings, and writes a hash of the exact bytes of each
result. Run it before and after a change that should change nothing, and compare the two files:

    python tests/bit_equality.py write before.json
    python tests/bit_equality.py write after.json
    python tests/bit_equality.py compare before.json after.json

It finds estimators, losses, augmentations and encoders by the public lists of names, so new ones are in it by
themselves. It imports public modules only, so the code may move behind them. A result that is an error is written as
such. Both files must come from the same machine with the same packages: hashes know no tolerance.
"""

import argparse
import contextlib
import copy
import dataclasses
import hashlib
import importlib
import inspect
import itertools
import json
import numbers
import pickle
import platform
import re
import sys
import tempfile
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors.torch
import sklearn
import torch
from sklearn.base import clone, is_classifier
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils import get_tags
from skorch.callbacks import Callback
from skorch.dataset import ValidSplit
from threadpoolctl import threadpool_limits

N_CASES, N_CHANNELS, N_STEPS = 18, 2, 32
OUTPUTS = ("transform", "encode", "predict", "predict_proba", "decision_function", "score_samples")
TIMES = ("dur", "batches")  # columns of a history that are no numbers of the training
LOSS_SHAPE = (8, 6)


# What is written


class Record:
    """The results so far, a hash or an error for each key."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def attempt(self, key: str, function: Callable[[], Any]) -> Any:
        """Call a function with seeded generators and return its result; write an error, and return None then."""
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return function()
        except Exception as error:
            self.values[key] = f"error: {type(error).__name__}: {first_line(error)}"
            return None

    def add(self, key: str, function: Callable[[], Any]) -> None:
        """Write the hash of what a function returns."""
        result = self.attempt(key, function)
        if key not in self.values:
            self.values[key] = hash_of(result)


def first_line(error: Exception) -> str:
    """Return the first line of a message without addresses in memory."""
    lines = str(error).splitlines() or [""]
    return re.sub(r"0x[0-9a-f]+", "0x", lines[0])


def hash_of(value: Any) -> str:
    """Return a hash of the exact bytes of arrays, numbers and text, and of lists, dicts and reports of such."""
    hasher = hashlib.blake2b(digest_size=16)
    for part in parts_of(value):
        hasher.update(len(part).to_bytes(8, "little"))
        hasher.update(part)
    return hasher.hexdigest()


def parts_of(value: Any) -> Iterator[bytes]:
    """Yield what the hash of a value is made of; an object of an unknown kind counts as an object and no more."""
    if isinstance(value, torch.Tensor):
        yield from parts_of_tensor(value)
    elif isinstance(value, pd.DataFrame):
        yield from parts_of({str(name): column.to_numpy() for name, column in value.items()})
    elif isinstance(value, np.ndarray):
        yield from parts_of_array(value)
    elif isinstance(value, (str, bool, type(None), numbers.Number)):
        yield f"{type(value).__name__} {value!r}".encode()
    elif isinstance(value, Mapping):
        yield from parts_of([[str(name), value[name]] for name in sorted(value, key=str)])
    elif isinstance(value, (list, tuple)):
        yield f"sequence {len(value)}".encode()
        for one in value:
            yield from parts_of(one)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from parts_of({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    else:
        yield b"object"


def parts_of_tensor(value: torch.Tensor) -> Iterator[bytes]:
    """Yield what the hash of a tensor is made of; NumPy has no bfloat16."""
    value = value.detach().cpu()
    yield str(value.dtype).encode()
    yield from parts_of_array((value.float() if value.dtype == torch.bfloat16 else value).numpy())


def parts_of_array(value: np.ndarray) -> Iterator[bytes]:
    """Yield what the hash of an array is made of."""
    yield f"array {value.dtype} {value.shape}".encode()
    if value.dtype == object:
        yield from parts_of(value.tolist())
    else:
        yield np.ascontiguousarray(value).tobytes()


def is_plain(value: Any) -> bool:
    """Tell whether a hash says all of a value."""
    return b"object" not in parts_of(value)


# Data and arguments


def public(name: str) -> Any:
    """Import a public module of the package, or the package itself."""
    return importlib.import_module(f"sklearn_ssl.{name}".rstrip("."))


def names_of(module: Any) -> list[str]:
    """Return the public names of a module."""
    return sorted(module.__all__)


def classes_of(module: Any, method: str) -> Iterator[tuple[str, type]]:
    """Yield the public classes of a module that have a method and can be instances."""
    for name in names_of(module):
        one = getattr(module, name)
        if inspect.isclass(one) and hasattr(one, method) and not inspect.isabstract(one):
            yield name, one


def series(n_cases: int = N_CASES, n_channels: int = N_CHANNELS, n_steps: int = N_STEPS, seed: int = 0) -> np.ndarray:
    """Make noisy waves, whose frequency depends on `labels`."""
    generator = np.random.default_rng(seed)
    phase = generator.uniform(0, 2 * np.pi, (n_cases, n_channels, 1))
    frequency = (2 + 2 * (np.arange(n_cases) % 3))[:, None, None]
    waves = np.sin(2 * np.pi * frequency * np.arange(n_steps) / n_steps + phase)
    return (waves + generator.normal(scale=0.3, size=waves.shape)).astype(np.float32)


def labels(n_cases: int = N_CASES) -> np.ndarray:
    """Return a class for each series."""
    return np.arange(n_cases) % 3


def values(n_cases: int = N_CASES) -> np.ndarray:
    """Return a target for each series."""
    return labels(n_cases) + np.linspace(0, 1, n_cases)


def some_labels() -> np.ndarray:
    """Return the classes of two thirds of the series, and -1 for the others."""
    return np.where(np.arange(N_CASES) % 6 < 2, -1, labels())


def unequal(X: np.ndarray) -> list[np.ndarray]:
    """Cut series to unequal lengths."""
    return [one[:, : N_STEPS - 4 * (case % 5)] for case, one in enumerate(X)]


def forms() -> dict[str, Any]:
    """Return the same series in every form that an estimator takes."""
    X = series()
    return {"2-D": X[:, 0], "3-D": X, "unequal": unequal(X)}


def forms_with_gaps() -> dict[str, Any]:
    """Return series in every form that preprocessing takes, in double precision where they have gaps."""
    X = series().astype(np.float64)
    X[::2, 0, 3:6] = np.nan
    X[1, 1, 20] = 50.0
    return {**forms(), "gaps": X, "unequal with gaps": unequal(X)}


def tensor(name: str, *shape: int) -> torch.Tensor:
    """Draw a tensor whose values depend on its name alone."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))


def with_known(cls: Callable, known: Mapping[str, Any], **given: Any) -> Any:
    """Make an instance with those of the known arguments that it has."""
    taken = {name: value for name, value in known.items() if name in inspect.signature(cls).parameters}
    return cls(**{**taken, **given})


def changed(default: Any) -> Any:
    """Return another number than a default, or None if that is no number."""
    if isinstance(default, bool):
        return not default
    if isinstance(default, int):
        return default + 2
    if isinstance(default, float):
        return 0.75 * default if default else 0.25
    return None


def options_of(function: Callable, more: list[dict[str, Any]] | tuple = ()) -> dict[str, dict[str, Any]]:
    """Return arguments by a label: none, each number changed by itself, and those given."""
    options: dict[str, dict[str, Any]] = {"default": {}}
    for name, parameter in inspect.signature(function).parameters.items():
        if changed(parameter.default) is not None:
            options[name] = {name: changed(parameter.default)}
    for one in more:
        options[", ".join(f"{name}={label_of(value)}" for name, value in one.items())] = one
    return options


def label_of(value: Any) -> str:
    """Return a text that tells a value of an option from others."""
    return str(value) if is_plain(value) else type(value).__name__


# Estimators


def small_encoder() -> Any:
    """Return a recipe of a small encoder."""
    return public("encoders").ResNetEncoder(depth=1, width=4)


def small_parameters() -> dict[str, Any]:
    """Return arguments that make any estimator small, by their names."""
    return {
        "encoder": small_encoder(),
        "projector": public("projectors").MLPProjector(width=8),
        "n_windows": 3,
        "n_crops": 1,
        "n_speeds": 3,
        "n_slices": 8,
        "n_prototypes": 8,
        "n_attack_steps": 1,
        "n_components": 6,
        "max_epochs": 2,
        "batch_size": 8,
        "device": "cpu",
        "random_state": 0,
    }


def small(name: str, **given: Any) -> Any:
    """Return a small estimator of the package by its name."""
    return with_known(getattr(public(""), name), small_parameters(), **given)


def small_predictor(name: str, **given: Any) -> Any:
    """Return a small classifier or regressor by its name."""
    transformer = given.pop("transformer", None) or small("SimCLRTransformer")
    return small(name, transformer=transformer, **{"lr": 1e-2, **given})


def fitted_transformer(**given: Any) -> Any:
    """Return a small fitted transformer."""
    return small("VICRegTransformer", **given).fit(series())


def fitted_classifier() -> Any:
    """Return a small fitted classifier."""
    return small_predictor("SSLClassifier").fit(series(), labels())


def target_of(estimator: Any) -> Any:
    """Return the target that an estimator needs."""
    if not get_tags(estimator).target_tags.required:
        return None
    return labels() if is_classifier(estimator) else values()


def add_estimator(record: Record, key: str, estimator: Any, X: Any, y: Any = None, **fit_params: Any) -> None:
    """Fit an estimator and write all that it gives, then once more after pickling, and after a partial fit."""
    y = target_of(estimator) if y is None else y
    fitted = record.attempt(f"{key}/fit", lambda: estimator.fit(X, y, **fit_params))
    if fitted is None:
        return
    add_outputs(record, key, fitted, X)
    add_attributes(record, key, fitted)
    add_training(record, key, fitted)
    add_again(record, f"{key}/pickled", fitted, X, lambda: pickle.loads(pickle.dumps(fitted)))
    if hasattr(fitted, "partial_fit"):
        add_again(record, f"{key}/partial_fit", fitted, X, lambda: copy.deepcopy(fitted).partial_fit(X, y))
        add_again(record, f"{key}/only partial_fit", fitted, X, lambda: clone(fitted).partial_fit(X, y))


def outputs_of(fitted: Any, X: Any) -> dict[str, Callable[[], Any]]:
    """Return what computes each output of a fitted estimator."""
    found = {name: partial(getattr(fitted, name), X) for name in OUTPUTS if hasattr(fitted, name)}
    if hasattr(fitted, "predict_frequency"):
        found["predict_frequency"] = partial(fitted.predict_frequency, X, 10.0)
    if hasattr(fitted, "get_feature_names_out"):
        found["feature names"] = fitted.get_feature_names_out
    return found


def add_outputs(record: Record, key: str, fitted: Any, X: Any) -> None:
    """Write all outputs of a fitted estimator."""
    for name, function in outputs_of(fitted, X).items():
        record.add(f"{key}/{name}", function)


def add_again(record: Record, key: str, fitted: Any, X: Any, make: Callable[[], Any]) -> None:
    """Write the first output of an estimator that is made from a fitted one."""
    made = record.attempt(key, make)
    for name in list(outputs_of(fitted, X))[:1] if made is not None else ():
        record.add(f"{key}/{name}", outputs_of(made, X)[name])


def add_attributes(record: Record, key: str, fitted: Any) -> None:
    """Write the fitted attributes that are plain values."""
    for name in sorted({*vars(fitted), *dir(type(fitted))}):
        if name.endswith("_") and not name.startswith("_"):
            with contextlib.suppress(Exception):
                value = getattr(fitted, name)
                if is_plain(value):
                    record.add(f"{key}/{name}", lambda value=value: value)


def add_training(record: Record, key: str, fitted: Any) -> None:
    """Write the weights of the encoder, and what was written down at each epoch and each step."""
    if not hasattr(fitted, "net_"):
        return
    record.add(f"{key}/weights", lambda: fitted.net_.module_.encoder.state_dict())
    history = fitted.net_.history
    for name in sorted(set(history[0]) - set(TIMES)) if len(history) else ():
        record.add(f"{key}/history/{name}", lambda name=name: [row[name] for row in history])
    if len(history):
        record.add(
            f"{key}/history/steps", lambda: [step.get("train_loss") for row in history for step in row["batches"]]
        )


def is_predictor(cls: type) -> bool:
    """Tell whether a class puts a head on the encoder of a transformer."""
    return "transformer" in inspect.signature(cls).parameters


def add_transformers(record: Record) -> None:
    """Write the results of every transformer of the package, small and by default."""
    for name, cls in classes_of(public(""), "transform"):
        for form, X in forms().items():
            made = record.attempt(f"{name}/{form}/made", partial(small, name))
            if made is not None:
                add_estimator(record, f"{name}/{form}", made, X)
        by_default = record.attempt(
            f"{name}/default/made", partial(with_known, cls, {"max_steps": 2, "random_state": 0})
        )
        if by_default is not None:
            add_estimator(record, f"{name}/default", by_default, series())


def add_transformer_options(record: Record) -> None:
    """Write the features and losses of every transformer with each of its numbers changed by itself."""
    for name, cls in classes_of(public(""), "transform"):
        for label, parameters in options_of(cls).items():
            if label not in {*small_parameters(), "verbose", "default"}:
                key = f"{name}/option {label}"
                fitted = record.attempt(f"{key}/fit", lambda name=name, p=parameters: small(name, **p).fit(series()))
                if fitted is not None:
                    record.add(f"{key}/transform", partial(fitted.transform, series()))
                    add_training(record, key, fitted)


def transformer_variants() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield names of transformers and parameters that take other paths through the code."""
    pooling, losses, augmentations = public("pooling").Pooling, public("losses"), public("augmentations")
    attention, mean = pooling(statistics=("max", "attention")), pooling(statistics="mean", layers="last")
    for shrinkage in (2.0, "auto"):
        yield "ClosedFormVICRegTransformer", {"shrinkage": shrinkage}
        yield "WCCNTransformer", {"shrinkage": shrinkage}
    yield "WCCNTransformer", {"whitening": 0.5, "rotated": False}
    yield "WCCNTransformer", {"max_view_cases": 10, "sketch_size": 8, "n_views": 2}
    yield "MoCoTransformer", {"queue_size": 16}
    yield "MoCoV2Transformer", {"queue_size": 16, "momentum": 0.5}
    yield "MultiViewTransformer", {"pair_loss": losses.ntxent_loss}
    yield "SwAVTransformer", {"n_prototypes": "auto", "n_crops": 2}
    yield "DINOTransformer", {"n_crops": 3, "crop_ratio": 0.7}
    yield "WMSETransformer", {"sub_batch": 4}
    yield "SimPerTransformer", {"similarity": partial(losses.periodic_similarity, kind="spectrum_cosine")}
    yield "SimPerTransformer", {"speed": augmentations.SpeedChange(slowest=0.8, fastest=1.2)}
    for parameters in (
        {"pooling": attention},
        {"training_pooling": mean},
        {"precision": "bf16"},
        {"max_epochs": 0},
        {"max_steps": 3},
        {"batch_size": "auto"},
        {"augmentation": augmentations.Compose(warp=augmentations.TimeWarp(), noise=augmentations.Jitter())},
        {"net_params": {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9}},
        {"net_params": {"train_split": ValidSplit(0.25, random_state=0)}},
        {"net_params": {"callbacks": "disable"}},
        {"encoder": partial(torch.nn.Conv1d, out_channels=3, kernel_size=3, padding=1)},
        {"encoder": small_encoder().build(N_CHANNELS)},
    ):
        yield "VICRegTransformer", parameters


def add_transformer_variants(record: Record) -> None:
    """Write the results of transformers with other parameters, and with each encoder."""
    for number, (name, parameters) in enumerate(transformer_variants()):
        key = f"{name}/{number} {', '.join(parameters)}"
        made = record.attempt(f"{key}/made", partial(small, name, **parameters))
        if made is not None:
            add_estimator(record, key, made, series())
    for name, recipe in small_encoders().items():
        for form, X in forms().items():
            add_estimator(record, f"VICRegTransformer of {name}/{form}", small("VICRegTransformer", encoder=recipe), X)


def predictor_variants() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield names of classifiers and regressors with parameters that take other paths through the code."""
    for name in ("SSLClassifier", "SSLRegressor"):
        for parameters in (
            {"mode": "gradual"},
            {"mode": "probe"},
            {"head_width": 5},
            {"penalty": 1.0},
            {"early_stopping": True, "validation_fraction": 0.4, "max_epochs": 4, "n_iter_no_change": 1},
            {"norm_statistics": "update"},
            {"n_frozen": 1, "layer_decay": 0.5},
            {"shrinkage": None},
            {"shrinkage": 0.1},
            {"pretrained": "keep", "transformer": fitted_transformer()},
            {"transformer": FrozenEstimator(fitted_transformer())},
            {"transformer": small("WCCNTransformer")},
            {"transformer": small("VICRegTransformer", encoder=small_encoders()["RocketEncoder"])},
        ):
            yield name, parameters
    yield "SSLClassifier", {"class_weight": "balanced"}
    yield "S4LClassifier", {"ssl_weight": 0.5, "labelled_batch_size": 4}
    yield "S4LClassifier", {"head_width": 5, "transformer": small("MoCoTransformer")}
    yield "RobustSSLClassifier", {"radius": 0.3, "n_attack_steps": 2}


def add_predictors(record: Record) -> None:
    """Write the results of every classifier and regressor."""
    for name, cls in classes_of(public(""), "predict"):
        if not is_predictor(cls):
            continue
        for form, X in forms().items():
            add_estimator(record, f"{name}/{form}", small_predictor(name), X)
        if is_classifier(cls()):
            add_estimator(record, f"{name}/some labels", small_predictor(name), series(), some_labels())
        weight = np.linspace(0.5, 1.5, N_CASES)
        add_estimator(record, f"{name}/weights", small_predictor(name), series(), sample_weight=weight)
        by_default = with_known(cls, {"random_state": 0}, max_epochs=1, batch_size=8)
        add_estimator(record, f"{name}/default", by_default, series())
    for number, (name, parameters) in enumerate(predictor_variants()):
        key = f"{name}/{number} {', '.join(parameters)}"
        made = record.attempt(f"{key}/made", partial(small_predictor, name, **parameters))
        if made is not None:
            add_estimator(record, key, made, series())


# Preprocessing


def preprocessing_options() -> dict[str, list[dict[str, Any]]]:
    """Return parameters of preprocessing that take other paths through the code, by class."""
    isolation = IsolationForest(n_estimators=5, random_state=0)
    return {
        "ChannelWise": [{"transformer": MinMaxScaler()}, {"transformer": PCA(1)}],
        "SeriesWise": [{"transformer": MinMaxScaler()}],
        "ClipOutliers": [
            {"method": method, "action": action}
            for method, action in itertools.product(("zscore", "iqr", "hampel"), ("clip", "nan", "interpolate"))
        ],
        "Decompose": [{"period": 8}, {"method": "stl", "period": 8}, {"method": "wavelet", "level": 1}],
        "FillMissing": [
            {"method": method, "padding": padding}
            for method, padding in itertools.product(
                ("forward", "linear", "spline", "constant", "mean"), ("keep", "fill")
            )
        ],
        "OutlierFiltered": [{"detector": isolation}, {"features": "summary", "detector": isolation}],
        "Smooth": [{"method": method} for method in ("exponential", "savgol", "median", "gaussian", "wavelet")],
        "ZScoreDetector": [{"spread": "mad"}],
    }


def preprocessing_calls() -> dict[str, list[tuple]]:
    """Return arguments of the functions of preprocessing, by name."""
    X, length = series(), {"length": 8}
    return {
        "window_recordings": [(X, labels(), None, length), (unequal(X), labels(), None, {"length": 8, "step": 3})],
        "aggregate_windows": [(values(), labels(), {}), (labels(), values() // 1, {"method": "vote"})],
        "as_collection": [(X, {}), (unequal(X), {}), (long_table(), {"case": "case", "time": "time"})],
        "as_labels": [(np.array([b"walk", b"run"]), {}), (labels(), {})],
    }


def long_table() -> pd.DataFrame:
    """Return series as a table with a row for each step."""
    X = series(n_cases=4)
    case, step = np.divmod(np.arange(4 * N_STEPS), N_STEPS)
    return pd.DataFrame({"case": case, "time": step[::-1], "first": X[case, 0, step], "second": X[case, 1, step]})


def add_preprocessing(record: Record) -> None:
    """Write the results of every class and function of preprocessing."""
    module, more, calls = public("preprocessing"), preprocessing_options(), preprocessing_calls()
    for name, cls in classes_of(module, "fit"):
        for label, parameters in options_of(cls, more.get(name, ())).items():
            for form, X in forms_with_gaps().items():
                made = record.attempt(f"{name}/{label}/{form}/made", partial(cls, **parameters))
                if made is not None:
                    add_estimator(record, f"{name}/{label}/{form}", made, X)
    for name in names_of(module):
        for number, (*arguments, keywords) in enumerate(calls.get(name, ())):
            record.add(f"{name}/{number}", partial(getattr(module, name), *arguments, **keywords))
    record.add("AsCollection/table", lambda: module.AsCollection(case="case").fit_transform(long_table()))


# What goes on around a training


class Death(Callback):
    """Ends a training with an error at the start of the third epoch, once it is told to."""

    armed = False

    def on_epoch_begin(self, net: Any, *args: Any, **kwargs: Any) -> None:
        """Raise the error."""
        if type(self).armed and len(net.history) == 3:
            raise ConnectionAbortedError


def monitored(callback: Any, **parameters: Any) -> Any:
    """Return a transformer whose training a callback watches."""
    return small("SimCLRTransformer", **{"max_epochs": 4, **parameters}, net_params={"callbacks": [("seen", callback)]})


def monitors() -> dict[str, Any]:
    """Return callbacks that score a net in training."""
    callbacks, X, y = public("callbacks"), series(seed=1), labels()
    probe, score = partial(callbacks.OnlineProbe, X, y), partial(callbacks.ScoreMonitor, X)
    return {
        "OnlineProbe": probe(),
        "OnlineProbe/linear": probe(probe="linear", every=2),
        "OnlineProbe/test": probe(X_test=series(seed=2), y_test=y, n_neighbors=2),
        "OnlineProbe/regression": callbacks.OnlineProbe(X, values(), restore_best=True),
        "OnlineProbe/estimator": probe(probe=LogisticRegression()),
        "OnlineProbe/patience": probe(patience=1, restore_best=True),
        "OnlineProbe/unequal": callbacks.OnlineProbe(unequal(X), y),
        **{f"ScoreMonitor/{name}": score(name) for name in ("rankme", "alpha_req", "lidar", "alignment", "uniformity")},
        "ScoreMonitor/training series": callbacks.ScoreMonitor(None),
        "ScoreMonitor/function": score(spread_of_features, name="spread", patience=1, restore_best=True),
    }


def spread_of_features(estimator: Any, X: Any, y: Any = None) -> float:
    """Return the mean standard deviation of the features."""
    return float(estimator.transform(X).std(axis=0).mean())


def add_callbacks(record: Record) -> None:
    """Write the results of trainings that callbacks watch, and of one that was killed and went on."""
    for name, callback in monitors().items():
        fitted = record.attempt(f"{name}/fit", lambda callback=callback: monitored(callback).fit(series()))
        if fitted is None:
            continue
        add_outputs(record, name, fitted, series())
        add_training(record, name, fitted)
        add_attributes(record, name, dict(fitted.net_.callbacks_)["seen"])
    record.add("checkpoint/none", lambda: monitored(Death(), max_epochs=5).fit_transform(series()))
    record.add("checkpoint/resumed", resumed_features)


def resumed_features() -> list[Any]:
    """Kill a training with a checkpoint, start it again, and return its features and how often it was called."""
    with tempfile.TemporaryDirectory() as folder:
        Death.armed = True
        with contextlib.suppress(ConnectionAbortedError):
            monitored(Death(), max_epochs=5, checkpoint=folder).fit(series())
        Death.armed = False
        n_files = len(list(Path(folder).iterdir()))
        features = monitored(Death(), max_epochs=5, checkpoint=folder).fit_transform(series())
        return [features, n_files, len(list(Path(folder).iterdir()))]


# Files


def stored_transformers() -> dict[str, Any]:
    """Return fitted transformers whose encoder can be stored."""
    attention = public("pooling").Pooling(statistics=("max", "attention"))
    fitted = {
        "attention": fitted_transformer(pooling=attention),
        "closed form": small("WCCNTransformer").fit(series()),
        "table": small("VICRegTransformer").fit(pd.DataFrame(series()[:, 0]).add_prefix("t")),
        "classifier": fitted_classifier(),
    }
    for name, recipe in small_encoders().items():
        fitted[name] = small("RandomEncoderTransformer", encoder=recipe).fit(series())
    return fitted


def add_files(record: Record) -> None:
    """Write what is in files of encoders, and the features of encoders that were loaded."""
    for name, fitted in stored_transformers().items():
        record.add(f"persistence/{name}", partial(stored_and_loaded, fitted))


def stored_and_loaded(fitted: Any) -> list[Any]:
    """Store an encoder, load it, and return its features, its feature maps and all numbers in the file."""
    persistence = public("persistence")
    X = series(n_channels=fitted.n_channels_in_)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encoder.safetensors"
        persistence.save_encoder(fitted, path)
        loaded = persistence.load_encoder(path, device="cpu")
        return [loaded.transform(X), loaded.encode(X), safetensors.torch.load_file(path)]


# Evaluation


def evaluation_options() -> dict[str, list[dict[str, Any]]]:
    """Return arguments of evaluation that take other paths through the code or are quick, by function."""
    test = {"X_test": series(seed=1), "y_test": labels()}
    pair = {"fractions": (0.5, 1.0), "n_draws": 2}
    quick = {"pgd_steps": 1, "corruptions": None, "severities": (0.1, 0.5)}
    return {
        "knn_probe": [test, {"n_neighbors": 3, "weights": "distance"}, {"y": values()}],
        "linear_probe": [test, {"y": values()}, {"transformer": None, "X": series()[:, 0]}],
        "svm_probe": [test, {"scale": True}],
        "label_efficiency": [pair, {**pair, **test}, {**pair, "probe": "knn"}],
        "robustness_report": [quick],
        "collapse_report": [{"max_cases": 10}],
        "dissect": [{"y": labels(), "n_segments": 2, "quantile": 0.8}, {"concepts": ["rising", "flat"]}],
        "occlusion": [{"space": "projections"}, {"baseline": "interpolate", "window": 8}],
        "concept_masks": [{"X": unequal(series())}],
        "embedding_importance": [{"groups": np.arange(16) % 4, "n_repeats": 2}],
        "lidar": [],
    }


def evaluation_arguments() -> dict[str, Any]:
    """Return what a function of evaluation is given, by the name of its parameter."""
    few = {"X": series(), "y": labels()}
    features = np.random.default_rng(0).normal(size=(30, 7)) * np.arange(1, 8)
    views = np.random.default_rng(1).normal(size=(3, 20, 5)) + 3 * np.random.default_rng(2).normal(size=(20, 5))
    return {
        **few,
        "H": features,
        "views": views,
        "transformer": fitted_transformer(),
        "estimator": fitted_transformer(),
        "model": fitted_classifier(),
    }


def fitted_pipeline() -> Any:
    """Return a fitted pipeline of a transformer and a classifier."""
    steps = (small("VICRegTransformer"), RidgeClassifier())
    return make_pipeline(*steps).fit(series(), labels())


def add_evaluation(record: Record) -> None:
    """Write the results of every function of evaluation, and of every scorer."""
    module, known, more = public("evaluation"), evaluation_arguments(), evaluation_options()
    for name in names_of(module):
        function = getattr(module, name)
        if inspect.isclass(function):
            if inspect.isabstract(function) or not (callable(function) and hasattr(function, "get_params")):
                continue  # what functions return
            for label, parameters in options_of(function, [{"space": "projections"}]).items():
                scorer = partial(lambda *given, make: make()(*given), make=partial(function, **parameters))
                record.add(f"{name}/{label}", partial(scorer, known["estimator"], known["X"]))
            continue
        needed = {**known, "estimator": fitted_pipeline()} if name == "embedding_importance" else known
        for label, options in enumerated([{}, *more.get(name, ())]):
            add_report(record, f"{name}/{label}", partial(function, **arguments_of(function, needed, options)))


def enumerated(options: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield arguments with a label."""
    for number, one in enumerate(options):
        yield f"{number} {', '.join(one)}".strip(), one


def arguments_of(function: Callable, known: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that a function must have, and the options."""
    needed = [name for name, one in inspect.signature(function).parameters.items() if one.default is one.empty]
    return {**{name: known[name] for name in needed}, **options}


def add_report(record: Record, key: str, function: Callable[[], Any]) -> None:
    """Write what a function returns, field by field and property by property if it is a report."""
    report = record.attempt(key, function)
    if not dataclasses.is_dataclass(report):
        record.values.setdefault(key, hash_of(report))
        return
    properties = [name for name, one in inspect.getmembers(type(report)) if isinstance(one, property)]
    for name in [*(field.name for field in dataclasses.fields(report)), *properties]:
        if not name.startswith("_"):
            record.add(f"{key}/{name}", partial(getattr, report, name))


# Losses


def loss_arguments() -> dict[str, Any]:
    """Return what a loss is given, by the name of its parameter or by "name of the loss.parameter"."""
    n, d = LOSS_SHAPE
    losses = public("losses")
    return {
        "views": [tensor(f"view {number}", n, d) for number in range(3)],
        "embeddings": [tensor(f"embedding {number}", n, d) for number in range(2)],
        "student": [tensor(f"student {number}", n, d) for number in range(4)],
        "teacher": [tensor(f"teacher {number}", n, d) for number in range(2)],
        "swav_loss.scores": [tensor(f"scores {number}", n, d).tanh() for number in range(5)],
        "center": tensor("center", d),
        "index": torch.arange(n),
        "bank": tensor("bank", n + 3, d),
        "queue": tensor("queue", n + 5, d),
        "logits": tensor("logits", n, n + 3),
        "weighted_cross_entropy.logits": tensor("logits", n, d),
        "directions": tensor("directions", 7, d),
        "covariance": tensor("covariance", d, d) @ tensor("covariance", d, d).T,
        "simper_loss.first": tensor("first", 3, 4, 12),
        "simper_loss.second": tensor("second", 3, 4, 12),
        "speeds": 1 + tensor("speeds", 3, 4).sigmoid(),
        "target": torch.arange(n) % d,
        "weighted_squared_error.target": tensor("target", n, d),
        "weight": tensor("weight", n).sigmoid(),
        "supervised": losses.weighted_cross_entropy,
        "self_supervised": losses.vicreg_loss,
        "pair_loss": losses.ntxent_loss,
    }


def loss_options() -> dict[str, list[dict[str, Any]]]:
    """Return further arguments of losses, by loss."""
    kinds = ("correlation", "spectrum_cosine", "spectrum_distance")
    similarity = public("losses").periodic_similarity
    return {
        "wmse_loss": [{"sub_batch": 4}],
        "periodic_similarity": [*({"kind": kind} for kind in kinds), {"kind": kinds[1], "band": (0.1, 0.3)}],
        "simper_loss": [{"similarity": partial(similarity, kind=kind)} for kind in kinds[1:]],
    }


def add_losses(record: Record) -> None:
    """Write the value and the gradient of every loss, for each precision and each option."""
    module, known, more = public("losses"), loss_arguments(), loss_options()
    for name in names_of(module):
        loss = getattr(module, name)
        for number, (label, options) in enumerate(options_of(loss, more.get(name, ())).items()):
            for dtype in (torch.float32, torch.float64, torch.bfloat16):
                key = f"losses/{name}/{number} {label}/{str(dtype).removeprefix('torch.')}"
                record.add(key, partial(value_and_gradient, loss, known, options, dtype))


def value_and_gradient(loss: Callable, known: Mapping[str, Any], options: Mapping[str, Any], dtype: Any) -> list[Any]:
    """Return the value of a loss and its gradient by all tensors that it is given."""
    leaves: list[torch.Tensor] = []
    given, several, keywords = [], [], dict(options)
    for name, parameter in inspect.signature(loss).parameters.items():
        if parameter.default is not parameter.empty:
            continue
        argument = as_leaves(known_for(loss.__name__, name, known), dtype, leaves)
        if parameter.kind is parameter.VAR_POSITIONAL:
            several = argument
        elif parameter.kind is parameter.KEYWORD_ONLY:
            keywords[name] = argument
        elif parameter.kind is not parameter.VAR_KEYWORD:
            given.append(argument)
    value = loss(*given, *several, **keywords)
    if value.requires_grad:
        (value * tensor("slope", *value.shape).to(value.dtype)).sum().backward()
    return [value, *(leaf.grad for leaf in leaves)]


def known_for(loss: str, parameter: str, known: Mapping[str, Any]) -> Any:
    """Return the argument of a loss; an unknown one is a batch of embeddings."""
    return known.get(f"{loss}.{parameter}", known.get(parameter, tensor(parameter, *LOSS_SHAPE)))


def as_leaves(argument: Any, dtype: torch.dtype, leaves: list[torch.Tensor]) -> Any:
    """Return copies of tensors in a precision that have gradients, and add them to a list."""
    if isinstance(argument, list):
        return [as_leaves(one, dtype, leaves) for one in argument]
    if not isinstance(argument, torch.Tensor) or not argument.is_floating_point():
        return argument
    leaves.append(argument.to(dtype).clone().requires_grad_())
    return leaves[-1]


# Augmentations


def augmentation_makers() -> dict[str, Callable[..., Any]]:
    """Return what makes an augmentation that needs arguments, by its name."""
    module = public("augmentations")
    steps = {"scaling": module.Scaling(), "shift": module.TimeShift(), "jitter": module.Jitter()}
    return {
        "Compose": partial(module.Compose, **steps),
        "OneOf": partial(module.OneOf, **steps),
        "RandomApply": partial(module.RandomApply, module.Jitter()),
    }


def augmentation_options() -> dict[str, list[dict[str, Any]]]:
    """Return further arguments of augmentations, by their names."""
    return {
        "Blockout": [{"kind": "rectangle", "ratio": 0.3}],
        "MagnitudeWarp": [{"kind": "curve"}],
        "TimeShift": [{"mode": "edge"}],
        "Rotation": [{"axes": ((2, 0, 1),)}],
        "OneOf": [{"probabilities": (0.2, 0.3, 0.5)}],
    }


def add_augmentations(record: Record) -> None:
    """Write what every augmentation makes of a batch, for each option."""
    module, makers, more = public("augmentations"), augmentation_makers(), augmentation_options()
    for name, cls in classes_of(module, "apply"):
        make = makers.get(name, cls)
        for number, (label, options) in enumerate(options_of(cls, more.get(name, ())).items()):
            for kind, (x, lengths) in batches().items():
                key = f"augmentations/{name}/{number} {label}/{kind}"
                record.add(key, partial(augmented, partial(make, **options), x, lengths))


def batches() -> dict[str, tuple[torch.Tensor, torch.Tensor | None]]:
    """Return batches of series with and without padding."""
    x, lengths = tensor("x", 6, 3, 40), torch.tensor([40, 33, 20, 7, 2, 1])
    return {
        "float32": (x, None),
        "float64": (x.double(), None),
        "bfloat16": (x.bfloat16(), None),
        "padded": (x * (torch.arange(40) < lengths[:, None])[:, None], lengths),
        "one channel": (x[:, :1], None),
    }


def augmented(make: Callable[[], Any], x: torch.Tensor, lengths: torch.Tensor | None) -> list[torch.Tensor]:
    """Return a view of a batch, and the next random number."""
    return [make()(x, lengths), torch.rand(1)]


# Encoders and what is on top of them


def small_encoders() -> dict[str, Any]:
    """Return a small recipe of every encoder."""
    module = public("encoders")
    known = {"depth": 1, "width": 4, "n_heads": 2, "window": 2, "bottleneck": 2}
    own = {
        "InceptionEncoder": {"depth": 3, "width": 2, "kernel_sizes": (4, 3)},
        "RocketEncoder": {"n_features": 4 * 84, "poolings": ("ppv", "mpv", "mipv", "lspv"), "n_groups": 2, "hidden": 3},
        "TCNEncoder": {"depth": 2, "n_features": 6},
        "ChannelIndependentEncoder": {"encoder": module.FCNEncoder(width=4, kernel_sizes=(3,))},
    }
    return {name: with_known(cls, known, **own.get(name, {})) for name, cls in classes_of(module, "build")}


def encoder_options() -> dict[str, list[dict[str, Any]]]:
    """Return further arguments of the small encoders, by their names."""
    norms = [{"norm": norm} for norm in ("batch", "layer", "none")]
    poolings = [{"poolings": pooling} for pooling in ("ppv", "mpv", "mipv", "lspv")]
    return {
        "ResNetEncoder": [*norms, {"depth": 3}],
        "FCNEncoder": norms,
        "InceptionEncoder": [*norms, {"depth": 6}],
        "TCNEncoder": [*norms, {"dropout": 0.0}],
        "GRUEncoder": [{"bidirectional": False}, {"depth": 2, "dropout": 0.2}],
        "TransformerEncoder": [{"window": 1}, {"depth": 2, "dropout": 0.0}],
        "ChannelIndependentEncoder": [{"aggregation": "mean"}, {"aggregation": ("mean", "max")}],
        "RocketEncoder": [
            *poolings,
            {"differences": True, "n_features": 2 * 4 * 84},
            {"n_groups": 4, "hidden": None},
            {"standardise": False},
            {"hidden": 4, "depth": 2},
            {"max_dilations": 2, "n_groups": 0},
        ],
    }


def add_encoders(record: Record) -> None:
    """Write weights, feature maps and gradients of every encoder, by default, small, and with each option."""
    module, more = public("encoders"), encoder_options()
    for name, recipe in small_encoders().items():
        made = {"default": type(recipe)(), "small": recipe}
        for label, parameters in enumerated(more.get(name, [])):
            made[label] = clone(recipe).set_params(**parameters)
        for label, one in made.items():
            for n_channels in (1, 3):
                add_encoder(record, f"encoders/{name}/{label}/{n_channels} channels", one, n_channels)
        record.add(f"encoders/{name}/more channels", partial(with_more_channels, recipe))
    x = tensor("mask", 5, 40) > 0
    for length in (40, 20, 7, 1):
        record.add(f"encoders/resize_mask/{length}", partial(module.resize_mask, x, length))


def add_encoder(record: Record, key: str, recipe: Any, n_channels: int) -> None:
    """Write the weights of an encoder, its feature maps, and its gradients."""
    module = record.attempt(f"{key}/built", partial(recipe.build, n_channels))
    if module is None:
        return
    x, lengths = tensor("x", 5, n_channels, 40), torch.tensor([40, 33, 20, 7, 1])
    mask = torch.arange(40) < lengths[:, None]
    record.attempt(f"{key}/adapted", partial(module.adapt, x, None))
    record.add(f"{key}/weights", lambda: [module.state_dict(), module.widths, module.stride])
    record.add(f"{key}/maps", lambda: module.eval().layers(x, None))
    record.add(f"{key}/masked", lambda: module.eval().layers(x * mask[:, None], mask))
    record.add(f"{key}/stages", lambda: [len(stage) for stage in public("encoders").stages(module)])
    record.add(f"{key}/gradients", partial(map_and_gradients, module.train(), x * mask[:, None], mask))


def with_more_channels(recipe: Any) -> Any:
    """Return the weights of an encoder that got two channels more."""
    return public("encoders").adapt_channels(recipe.build(3), 5).state_dict()


def map_and_gradients(module: torch.nn.Module, x: torch.Tensor, mask: torch.Tensor | None) -> list[Any]:
    """Return what a network gives in training, and its gradient by its weights."""
    h = module(x, mask)
    if h.requires_grad:
        (h * tensor("slope", *h.shape)).sum().backward()
    return [h, {name: weight.grad for name, weight in module.named_parameters()}, module.state_dict()]


def add_pooling(record: Record) -> None:
    """Write the value and the gradient of every pooling, with and without padding."""
    names = ("mean", "max", "std", "ppv", "last", "attention")
    statistics = [*names, ("mean", "max", "std", "ppv"), names]
    lengths = torch.tensor([20, 13, 5, 1])
    masks = {"all": None, "padded": torch.arange(20) < lengths[:, None]}
    for names_, layers, (kind, mask) in itertools.product(statistics, ("all", "last"), masks.items()):
        key = f"pooling/{names_ if isinstance(names_, str) else ' '.join(names_)}/{layers}/{kind}"
        record.add(key, partial(pooled, names_, layers, mask))


def pooled(statistics: Any, layers: str, mask: torch.Tensor | None) -> list[Any]:
    """Return pooled features of two maps and their gradient by the maps and the weights of the pooling."""
    recipe = public("pooling").Pooling(statistics=statistics, layers=layers)
    module = recipe.build([3, 5])
    for number, query in enumerate(module.parameters()):
        query.data.copy_(tensor(f"query {number}", *query.shape))
    maps = [tensor("coarse", 4, 3, 10).requires_grad_(), tensor("fine", 4, 5, 20).requires_grad_()]
    h = module(maps, mask)
    if h.requires_grad:
        (h * tensor("slope", *h.shape)).sum().backward()
    leaves = [*maps, *module.parameters()]
    return [h, recipe.n_features([3, 5]), *(leaf.grad for leaf in leaves)]


def add_projectors(record: Record) -> None:
    """Write what every projector gives, and its gradients."""
    module = public("projectors")
    for name, cls in inspect.getmembers(module, inspect.isclass):
        if cls.__module__.startswith("sklearn_ssl") and hasattr(cls, "build") and not inspect.isabstract(cls):
            norms = [{"norm": norm} for norm in ("layer", "none")]
            for label, options in options_of(cls, [*norms, {"depth": 0}, {"depth": 1}, {"output_width": 3}]).items():
                record.add(f"projectors/{name}/{label}", partial(projected, partial(cls, **options)))


def projected(make: Callable[[], Any]) -> list[Any]:
    """Return what a projector gives in training, and its gradients."""
    network = make().build(6)
    x = tensor("features", 8, 6).requires_grad_()
    z = network(x)
    (z * tensor("slope", *z.shape)).sum().backward()
    return [z, x.grad, {name: weight.grad for name, weight in network.named_parameters()}, network.state_dict()]


# Data sets and attacks


def add_datasets(record: Record) -> None:
    """Write the series of every data set that is drawn."""
    module = public("datasets")
    for name in names_of(module):
        if name.startswith("make_"):
            function = partial(getattr(module, name), random_state=0)
            record.add(f"datasets/{name}", partial(function, n_cases=7))
            record.add(f"datasets/{name}/more channels", partial(function, n_cases=5, n_channels=4, n_timepoints=200))
    record.add("datasets/make_waves/unequal", lambda: module.make_waves(n_cases=5, unequal_length=True, random_state=0))


def add_adversarial(record: Record) -> None:
    """Write what attacks make of a batch."""
    attack = public("adversarial").projected_gradient_descent
    x, mask = tensor("x", 4, 2, 12), torch.arange(12) < torch.tensor([[12], [9], [3], [1]])
    for label, options in {
        "default": {},
        "masked": {"mask": mask, "n_steps": 3},
        "fixed": {"random_start": False},
    }.items():
        record.add(f"adversarial/{label}", partial(attack, x, lambda z: z.sin().square().sum(), 0.3, **options))


SECTIONS: dict[str, Callable[[Record], None]] = {
    "losses": add_losses,
    "augmentations": add_augmentations,
    "encoders": add_encoders,
    "pooling": add_pooling,
    "projectors": add_projectors,
    "datasets": add_datasets,
    "adversarial": add_adversarial,
    "preprocessing": add_preprocessing,
    "transformers": add_transformers,
    "transformer_options": add_transformer_options,
    "transformer_variants": add_transformer_variants,
    "predictors": add_predictors,
    "callbacks": add_callbacks,
    "files": add_files,
    "evaluation": add_evaluation,
}


# The command line


def versions() -> dict[str, str]:
    """Return what the bytes depend on beside the package."""
    found = {module.__name__: module.__version__ for module in (np, sklearn, torch)}
    return {f"environment/{name}": version for name, version in {**found, "python": platform.python_version()}.items()}


def write(path: Path, sections: list[str]) -> int:
    """Run sections and write a file with a line for each key."""
    torch.set_num_threads(1)
    record = Record()
    for name in sections:
        start, before = time.perf_counter(), len(record.values)
        record.attempt(f"section/{name}", partial(SECTIONS[name], record))
        print(f"{name}: {len(record.values) - before} keys, {time.perf_counter() - start:.1f} s", flush=True)
    n_errors = sum(value.startswith("error: ") for value in record.values.values())
    path.write_text(json.dumps({**record.values, **versions()}, indent=0, sort_keys=True) + "\n")
    print(f"{len(record.values)} keys, of which {n_errors} are errors, of {public('').__file__}")
    return 0


def compare(before: Path, after: Path) -> int:
    """Print the keys that differ between two files, and return 1 if there are any."""
    old, new = json.loads(before.read_text()), json.loads(after.read_text())
    differing = [key for key in old if key in new and old[key] != new[key]]
    for key in differing:
        print(f"differs: {key}: {old[key]} -> {new[key]}")
    for key in sorted(old.keys() - new.keys()):
        print(f"only in {before}: {key}")
    for key in sorted(new.keys() - old.keys()):
        print(f"only in {after}: {key}")
    n_alone, n_common = len(old.keys() ^ new.keys()), len(old.keys() & new.keys())
    print(f"{n_common - len(differing)} keys are equal, {len(differing)} differ, {n_alone} are in one file only")
    return int(bool(differing or n_alone))


def main(argv: list[str] | None = None) -> int:
    """Write a file or compare two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    writer = commands.add_parser("write", help="run the package and write a file of hashes")
    writer.add_argument("file", type=Path)
    writer.add_argument("--sections", nargs="+", choices=list(SECTIONS), default=list(SECTIONS), help="all by default")
    comparer = commands.add_parser("compare", help="print what differs between two files")
    comparer.add_argument("before", type=Path)
    comparer.add_argument("after", type=Path)
    arguments = parser.parse_args(argv)
    if arguments.command == "compare":
        return compare(arguments.before, arguments.after)
    with threadpool_limits(1):
        return write(arguments.file, arguments.sections)


if __name__ == "__main__":
    sys.exit(main())
