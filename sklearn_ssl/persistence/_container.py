"""Safetensors files with a description in JSON and a fingerprint of everything."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch

from sklearn_ssl._engine.whole_files import expanded, remove_abandoned, write_whole
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl._version import __version__
from sklearn_ssl.persistence._layout import Form, check_finite

FORMAT = 1
KEY = "sklearn_ssl"
MOST_CHANNELS = 1 << 16
Tensors = dict[str, torch.Tensor]
Plan = Callable[[dict[str, Any], dict[str, Form]], Callable[[Tensors], Any]]


def write(path: str | os.PathLike, description: dict[str, Any], tensors: Tensors) -> None:
    """Write a file. It is replaced as a whole."""
    path = expanded(path)
    description = {"format": FORMAT, "library": __version__, **description}
    description["digest"] = digest_of(description, tensors)
    content = safetensors.torch.save(tensors, metadata={KEY: json.dumps(description)})
    write_whole(path, lambda file: file.write(content))
    remove_abandoned(path.parent)


def read(path: str | os.PathLike, kind: str, plan: Plan) -> Any:
    """Read a file.

    Parameters
    ----------
    path : str or path-like
        The file.
    kind : str
        What the file should hold, for messages.
    plan : callable
        Gets the description and the forms of all tensors, before any number is read. It raises a ValueError if they do
        not fit, and returns the function that makes the result of the tensors.

    Returns
    -------
    result : object
        The result of that function. All tensors that it gets are finite.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If it cannot be read as what it should be.
    """
    path = expanded(path)
    open(path, "rb").close()  # raises an OSError if there is no such file
    try:
        tensors, build = _read(path, plan)
        check_finite(tensors)
        return build(tensors)
    except (safetensors.SafetensorError, ValueError, TypeError, LookupError, RuntimeError, MemoryError) as error:
        article = "an" if kind == "encoder" else "a"
        raise ValueError(
            f"`path`: {path} cannot be read as {article} {kind} ({reason_of(error)}). Give a file that save_{kind} of "
            "this version of sklearn_ssl, or of an earlier one, has written and that is undamaged."
        ) from error


def _read(path: Path, plan: Plan) -> tuple[Tensors, Callable[[Tensors], Any]]:
    with safetensors.safe_open(os.fspath(path), framework="pt") as file:
        description, names = _described_in(file.metadata()), list(file.keys())
        digest = description.pop("digest", None)
        build = plan(description, {name: _form(file.get_slice(name)) for name in names})
        tensors = {name: file.get_tensor(name).clone() for name in names}
    if digest != digest_of(description, tensors):
        raise ValueError("its content has changed since it was written")
    return tensors, build


def _form(part: Any) -> Form:
    return Form(tuple(part.get_shape()), part.get_dtype())


def digest_of(description: dict[str, Any], tensors: Tensors) -> str:
    """Return a fingerprint of the whole content of a file. It detects damage, not forgery."""
    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode())
    for name in sorted(tensors):
        array = tensors[name].numpy()
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _described_in(metadata: dict[str, str] | None) -> dict[str, Any]:
    if not metadata or KEY not in metadata:
        raise ValueError("sklearn_ssl did not write this safetensors file")
    try:
        description = json.loads(metadata[KEY])
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError("its description is not valid JSON") from error
    known = description.get("format") if isinstance(description, dict) else None
    if isinstance(known, bool) or not isinstance(known, int) or known < 1:
        raise ValueError("its description names no format")
    if known > FORMAT:
        raise ValueError(
            f"it was written by version {shown(description.get('library'))} in format {shown(known)}, but this "
            f"version, {__version__}, reads formats up to {FORMAT}"
        )
    return description


def columns_of(estimator: Any) -> dict[str, Any]:
    """Return the number and the names of the columns of 2-D input, if they are known."""
    known: dict[str, Any] = {}
    if hasattr(estimator, "n_features_in_"):
        known["n_features_in"] = int(estimator.n_features_in_)
    if hasattr(estimator, "feature_names_in_"):
        known["feature_names_in"] = [str(name) for name in estimator.feature_names_in_]
    return known


def fitted_columns(description: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes that hold the number and the names of the columns of 2-D input."""
    columns: dict[str, Any] = {}
    if "n_features_in" in description:
        columns["n_features_in_"] = whole(description, "n_features_in")
    if "feature_names_in" in description:
        names, n_columns = description["feature_names_in"], columns.get("n_features_in_", 0)
        if not isinstance(names, list) or len(names) != n_columns or {type(name) for name in names} - {str}:
            raise ValueError("its feature_names_in are not one name for each column")
        columns["feature_names_in_"] = np.asarray(names, dtype=object)
    return columns


def whole(description: dict[str, Any], name: str, most: int = 1 << 40) -> int:
    """Return a whole number of a description, which must be at least 1 and at most `most`."""
    value = description.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise ValueError(f"its {name} is {shown(value)}")
    return value


def reason_of(error: BaseException) -> str:
    """Return the message of an error in one line."""
    return " ".join((str(error) or type(error).__name__).split())[:300].rstrip(".")
