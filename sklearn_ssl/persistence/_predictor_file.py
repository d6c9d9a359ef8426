"""Classifiers and regressors in files that are safe to load."""

import os
from functools import partial
from typing import Any

import numpy as np
import torch

from sklearn_ssl._engine.device import resolved_device
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.persistence._container import Tensors, fitted_columns, read, whole, write
from sklearn_ssl.persistence._description import INSTEAD
from sklearn_ssl.persistence._encoder_plan import EncoderPlan
from sklearn_ssl.persistence._file import check_as_built, described_encoder
from sklearn_ssl.persistence._layout import Form, check_finite, check_forms, filled, forms_of
from sklearn_ssl.persistence._parts import parts_of, predictor_module_of
from sklearn_ssl.persistence._predictor_module import BY_LENGTH, PredictorModule, built_head, described_head
from sklearn_ssl.persistence._pretrained_predictors import (
    NUMBER_TYPES,
    PretrainedClassifier,
    PretrainedPredictor,
    PretrainedRegressor,
)

TEXT = "str"
KINDS = {"b": bool, "i": int, "u": int, "f": float, "U": str}  # of labels, by the kind of their array
LABEL_TYPES = {TEXT, *(np.dtype(code).name for code in "?bhilqBHILQefd")}
TARGET_TYPES = ("F32", "F64")


def save_predictor(predictor: Any, path: str | os.PathLike) -> None:
    """Write a fitted classifier or regressor into a file that is safe to load.

    The file is a safetensors file, as `save_encoder` writes it, with the head and the classes, or the scale of the
    targets, in addition. Loading it runs no code from the file. What only training needs is left out. To continue with
    `partial_fit`, use joblib or pickle.

    Parameters
    ----------
    predictor : classifier or regressor of this package
        `SSLClassifier`, `SSLRegressor`, `S4LClassifier`, `RobustSSLClassifier`, or what `load_predictor` has returned.
        It must be fitted, and a recipe of `sklearn_ssl.encoders` must have built its encoder.
    path : str or path-like
        The file. It is replaced as a whole once everything has been written.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the predictor is not fitted.
    TypeError
        If it has no head.
    ValueError
        If its encoder, pooling or head is not one of this package, if its classes are neither numbers nor texts, or if
        a weight is NaN or infinite.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_ssl import RandomEncoderTransformer, SSLRegressor
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.persistence import load_predictor, save_predictor
    >>> X, y = make_waves(n_cases=40, random_state=0)
    >>> regressor = SSLRegressor(RandomEncoderTransformer(), mode="probe", random_state=0).fit(X, y + 0.5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_predictor(regressor, Path(folder) / "waves.safetensors")
    ...     loaded = load_predictor(Path(folder) / "waves.safetensors")
    >>> bool((loaded.predict(X) == regressor.predict(X)).all())
    True
    """
    module, parts = predictor_module_of(predictor), parts_of(predictor)
    description = {**described_encoder(predictor, parts), "precision": precision_of(predictor)}
    check_as_built(description, parts)
    target, numbers = _described_target(predictor)
    description |= {"head": described_head(module.head), "target": target}
    others = {f"head.{name}": value for name, value in module.head.state_dict().items()}
    others |= {"standard.shift": module.shift, "standard.scale": module.scale, **numbers}
    others = {name: value.cpu().contiguous() for name, value in others.items()}
    check_finite(others)
    write(path, description, {**parts.tensors(), **others})


def load_predictor(path: str | os.PathLike, *, device: Any = "auto") -> PretrainedPredictor:
    """Read a classifier or regressor that `save_predictor` wrote.

    No code from the file is run, and nothing is built before names, shapes and types of all numbers have been compared
    with what the file describes.

    Parameters
    ----------
    path : str or path-like
        The file.
    device : str or torch.device, default="auto"
        Where to compute. "auto" is CUDA if there is one, else MPS if there is one, else the CPU.

    Returns
    -------
    predictor : PretrainedClassifier or PretrainedRegressor
        It is fitted, and can be the last step of a Pipeline. On the same device it predicts the same as the stored
        predictor to the last bit. It cannot be trained further.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If the file is damaged, if it is another kind of file, if a later version of the library wrote it, or if there
        is no such device.
    """
    resolved_device(device)
    return read(path, "predictor", partial(_planned, device=device))


def precision_of(predictor: Any) -> str:
    """Return the arithmetic that a predictor asks for: its own, or that of the transformer from which it started."""
    return getattr(getattr(predictor, "transformer_", predictor), "precision", "auto")


def _described_target(predictor: Any) -> tuple[dict[str, Any], Tensors]:
    """Return what turns outputs into predictions: values that JSON knows, and numbers."""
    if not hasattr(predictor, "classes_"):
        mean, scale = np.asarray(predictor.target_mean_), np.asarray(predictor.target_scale_)
        numbers = {"target.mean": torch.tensor(mean), "target.scale": torch.tensor(scale)}
        return {"type": predictor.target_type_}, numbers
    classes = np.asarray(predictor.classes_)
    if classes.dtype.kind not in KINDS or (classes.dtype.kind != "U" and classes.dtype.name not in LABEL_TYPES):
        raise ValueError(
            f"`predictor` has classes of {classes.dtype}, which cannot be stored. Fit it on labels that are numbers or "
            f"texts. {INSTEAD}"
        )
    return {"classes": classes.tolist(), "type": TEXT if classes.dtype.kind == "U" else classes.dtype.name}, {}


def _planned(description: dict[str, Any], forms: dict[str, Form], device: Any) -> Any:
    if "head" not in description:
        raise ValueError("it holds no head, but an encoder alone, which load_encoder reads")
    plan = EncoderPlan.of(description, forms)
    n_features = sum(plan.n_features_of_layers)
    with torch.device("meta"):
        head = built_head(n_features, **_checked_head(description["head"]))
    expected = {**plan.forms(), **forms_of("head", head)}
    expected |= {f"standard.{name}": Form((n_features,), "F32") for name in ("shift", "scale")}
    target = description.get("target")
    n_outputs = description["head"]["n_outputs"]
    if isinstance(target, dict) and target.keys() == {"type"}:
        classes = None
        _check_number_type(target["type"])
        expected |= {name: _target_form(forms, n_outputs) for name in ("target.mean", "target.scale")}
    else:
        classes = _checked_classes(target, n_outputs)
    check_forms(forms, expected)
    return partial(_loaded, plan=plan, head=head, classes=classes, description=description, device=device)


def _loaded(
    tensors: Tensors, plan: EncoderPlan, head: Any, classes: Any, description: dict[str, Any], device: Any
) -> PretrainedPredictor:
    encoder, pooling = plan.filled_modules(tensors)
    shift, scale = tensors["standard.shift"], tensors["standard.scale"]
    module = PredictorModule(encoder, pooling, shift, scale, filled(head, "head", tensors)).eval()
    common = {"module": module, "device": device, "precision": plan.precision}
    if classes is not None:
        predictor: PretrainedPredictor = PretrainedClassifier(classes=classes, **common)
    else:
        mean, spread = tensors["target.mean"].numpy(), tensors["target.scale"].numpy()
        number_type = description["target"]["type"]
        predictor = PretrainedRegressor(target_mean=mean, target_scale=spread, target_type=number_type, **common)
    predictor.check_hyperparameters()
    predictor.net_ = predictor._build_net()
    predictor.n_channels_in_ = plan.n_channels
    for name, value in fitted_columns(description).items():
        setattr(predictor, name, value)
    return predictor


def _check_number_type(name: Any) -> None:
    if not isinstance(name, str) or name not in NUMBER_TYPES:
        raise ValueError(f"its numbers have the type {shown(name)}")


def _checked_head(described: Any) -> dict[str, Any]:
    if not isinstance(described, dict) or described.keys() != {"n_outputs", "width", "normalised"}:
        raise ValueError("it describes no head")
    whole(described, "n_outputs")
    if described["width"] is not None:
        whole(described, "width")
    if not isinstance(described["normalised"], bool) and described["normalised"] != BY_LENGTH:
        raise ValueError(f"its head is {shown(described)}")
    return described


def _checked_classes(described: Any, n_outputs: int) -> np.ndarray:
    if not isinstance(described, dict) or described.keys() != {"classes", "type"}:
        raise ValueError("it describes no classes")
    values, name = described["classes"], described["type"]
    if not isinstance(name, str) or name not in LABEL_TYPES:
        raise ValueError(f"its classes are of the type {shown(name)}")
    kind = KINDS["U" if name == TEXT else np.dtype(name).kind]
    if not isinstance(values, list) or len(values) != n_outputs or {type(value) for value in values} != {kind}:
        raise ValueError(f"its classes are not {shown(n_outputs)} labels of the type {name}")
    try:
        classes = np.array(values, dtype=None if name == TEXT else name)
    except OverflowError as error:
        raise ValueError(f"its classes are beyond the range of {name}") from error
    if not (classes[1:] > classes[:-1]).all():
        raise ValueError("its classes are not sorted")
    return classes


def _target_form(forms: dict[str, Form], n_outputs: int) -> Form:
    """Return the form that mean and scale of the targets must have, given those that they have."""
    shape, dtype = forms.get("target.mean", Form((), ""))
    return Form((n_outputs,) if shape or n_outputs > 1 else (), dtype if dtype in TARGET_TYPES else "F32")
