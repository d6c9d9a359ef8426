"""Encoders in safetensors files."""

import hashlib
import json
import os
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import nn

from sklearn_ssl._engine.device import resolved_device
from sklearn_ssl._engine.whole_files import write_whole
from sklearn_ssl._version import __version__
from sklearn_ssl.encoders import EncoderModule
from sklearn_ssl.persistence._description import ENCODERS, POOLINGS, SMALL, described, recipe_from
from sklearn_ssl.persistence._parts import INSTEAD, encoder_recipe_of, parts_of, pooling_recipe_of
from sklearn_ssl.persistence._pretrained import LearntPooling, MappedPooling, PretrainedTransformer, fitted_on

FORMAT = 1
KEY = "sklearn_ssl"
PRECISIONS = ("auto", "float32", "bf16")


def save_encoder(transformer: Any, path: str | os.PathLike) -> None:
    """Write the encoder and pooling of a fitted transformer into a file that is safe to load.

    The file is a safetensors file. It has the weights, and a description in JSON of the recipe, the pooling, the
    channels and the version of the library. Loading it runs no code from the file. The projector, queue, teacher,
    optimiser and history are left out, because only training needs them. To continue with `partial_fit`, use joblib or
    pickle.

    Parameters
    ----------
    transformer : transformer, classifier or regressor of this package
        It must be fitted, and a recipe of `sklearn_ssl.encoders` must have built its encoder. The head of a classifier
        or regressor is left out, and its encoder is stored as it was fine-tuned.
    path : str or path-like
        The file. It is replaced as a whole once everything has been written. If anything goes wrong, a file that was
        there before stays as it is.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the transformer is not fitted.
    TypeError
        If it has no encoder, or if its `transform` does more than encode, pool and map linearly.
    ValueError
        If its encoder or pooling is not one of this package, or if its encoder differs from the one that its recipe
        builds.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_ssl import VICRegTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.persistence import load_encoder, save_encoder
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> vicreg = VICRegTransformer(max_epochs=1, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "waves.safetensors"
    ...     save_encoder(vicreg, path)
    ...     loaded = load_encoder(path)
    >>> bool((loaded.transform(X) == vicreg.transform(X)).all())
    True

    Start another training from the loaded encoder:

    >>> other = VICRegTransformer(encoder=loaded.net_.module_.encoder, max_epochs=1, random_state=0).fit(X)
    """
    parts = parts_of(transformer)
    description = {
        "format": FORMAT,
        "library": __version__,
        "method": type(transformer).__name__,
        "encoder": described(encoder_recipe_of(parts.encoder), ENCODERS),
        "pooling": described(pooling_recipe_of(parts.pooling), POOLINGS),
        "n_channels": int(transformer.n_channels_in_),
        "precision": getattr(transformer, "precision", "auto"),
        **_columns(transformer),
    }
    _check_as_built(parts.encoder, transformer.n_channels_in_)
    tensors = parts.tensors()
    description["digest"] = _digest(description, tensors)
    content = safetensors.torch.save(tensors, metadata={KEY: json.dumps(description)})
    write_whole(path, lambda file: file.write(content))


def load_encoder(path: str | os.PathLike, *, device: Any = "auto") -> PretrainedTransformer:
    """Read an encoder that `save_encoder` wrote.

    No code from the file is run. The file has the names of recipes of this package, their parameters, which are
    checked, and numbers.

    Parameters
    ----------
    path : str or path-like
        The file.
    device : str or torch.device, default="auto"
        The device for `transform`. "auto" is CUDA if there is one, else MPS if there is one, else the CPU. It need not
        be the device on which the encoder was trained.

    Returns
    -------
    transformer : PretrainedTransformer
        It is fitted. On the same device, `transform` gives the features of the stored transformer to the last bit.
        `transformer.encoder` is the encoder, which can be given to another transformer.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If the file is damaged, if it is another kind of file, if a later version of the library wrote it, or if there
        is no such device.
    """
    resolved_device(device)
    with open(path, "rb") as file:  # raises an OSError if there is no such file
        file.read(1)
    try:
        description, tensors = _read(path)
        encoder, pooling = _rebuilt(description, tensors)
        transformer = PretrainedTransformer(
            encoder=encoder, pooling=pooling, device=device, precision=description["precision"]
        )
        return fitted_on(transformer, description["n_channels"], _fitted_columns(description))
    except (safetensors.SafetensorError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ValueError(
            f"`path`: {path} cannot be read as an encoder ({_reason(error)}). Give a file that save_encoder of "
            "this version of sklearn_ssl, or of an earlier one, has written and that is undamaged."
        ) from error


def _columns(transformer: Any) -> dict[str, Any]:
    """Return the number and the names of the columns of 2-D input, if they are known."""
    known: dict[str, Any] = {}
    if hasattr(transformer, "n_features_in_"):
        known["n_features_in"] = int(transformer.n_features_in_)
    if hasattr(transformer, "feature_names_in_"):
        known["feature_names_in"] = [str(name) for name in transformer.feature_names_in_]
    return known


def _check_as_built(encoder: EncoderModule, n_channels: int) -> None:
    """Raise a ValueError if the recipe builds another module, because a layer was replaced for example."""
    try:
        _built(encoder.recipe, n_channels, encoder.state_dict())
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            f"`transformer` has an encoder that is not as its recipe {encoder.recipe!r} builds it "
            f"({_reason(error)}). {INSTEAD}"
        ) from error


def _built(recipe: Any, n_channels: int, state: dict[str, torch.Tensor]) -> EncoderModule:
    """Build a recipe and load weights into it. Their names and shapes must be the same."""
    with torch.random.fork_rng(devices=[]):
        module = recipe.build(n_channels)
    module.load_state_dict({name: value.cpu() for name, value in state.items()})
    return module


def _digest(description: dict[str, Any], tensors: dict[str, torch.Tensor]) -> str:
    """Return a fingerprint of the whole content of a file. It detects damage, not forgery."""
    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode())
    for name in sorted(tensors):
        array = tensors[name].numpy()
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _read(path: str | os.PathLike) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    with safetensors.safe_open(os.fspath(path), framework="pt") as file:
        description, names = _described_in(file.metadata()), file.keys()
        tensors = {name: file.get_tensor(name).clone() for name in names}
    if description.pop("digest", None) != _digest(description, tensors):
        raise ValueError("its content has changed since it was written")
    return description, tensors


def _described_in(metadata: dict[str, str] | None) -> dict[str, Any]:
    if not metadata or KEY not in metadata:
        raise ValueError("save_encoder did not write this safetensors file")
    try:
        description = json.loads(metadata[KEY])
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError("its description is not valid JSON") from error
    known = description.get("format") if isinstance(description, dict) else None
    if not isinstance(known, int) or known < 1:
        raise ValueError("its description names no format")
    if known > FORMAT:
        raise ValueError(
            f"it was written by version {description.get('library')} in format {known}, but this version, "
            f"{__version__}, reads formats up to {FORMAT}"
        )
    return description


def _rebuilt(description: dict[str, Any], tensors: dict[str, torch.Tensor]) -> tuple[EncoderModule, Any]:
    n_values = sum(value.numel() for value in tensors.values())
    n_channels = _whole(description, "n_channels", n_values)
    if description["precision"] not in PRECISIONS:
        raise ValueError(f"its precision is {description['precision']!r}")
    recipe = recipe_from(description["encoder"], ENCODERS, n_values)
    encoder = _built(recipe, n_channels, _below("encoder", tensors)).eval()
    pooling = recipe_from(description["pooling"], POOLINGS, n_values)
    return encoder, _learnt_pooling(pooling, encoder.widths, tensors)


def _learnt_pooling(recipe: Any, widths: list[int], tensors: dict[str, torch.Tensor]) -> Any:
    pooling = recipe.build(widths)
    pooling.load_state_dict(_below("pooling", tensors))
    pooled, linear = tuple(recipe.n_features_of_layers(widths)), _below("linear", tensors)
    if linear:
        return _mapped(pooling, sum(pooled), **linear)
    return LearntPooling(module=pooling, widths=pooled) if len(pooling.queries) else recipe


def _mapped(pooling: nn.Module, n_pooled: int, mean: torch.Tensor, weights: torch.Tensor) -> LearntPooling:
    if mean.shape != (n_pooled,) or weights.ndim != 2 or weights.shape[1] != n_pooled:
        raise ValueError("the linear map does not fit the pooled features")
    return LearntPooling(module=MappedPooling(pooling, mean, weights), widths=(len(weights),))


def _below(part: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(f"{part}."): value for name, value in tensors.items() if name.startswith(f"{part}.")}


def _fitted_columns(description: dict[str, Any]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    if "n_features_in" in description:
        columns["n_features_in_"] = _whole(description, "n_features_in")
    if "feature_names_in" in description:
        names = description["feature_names_in"]
        if not isinstance(names, list) or [type(name) for name in names] != [str] * description.get("n_features_in", 0):
            raise ValueError("its feature_names_in are not one name for each column")
        columns["feature_names_in_"] = np.asarray(names, dtype=object)
    return columns


def _whole(description: dict[str, Any], name: str, n_values: int = 1 << 40) -> int:
    value = description.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= max(n_values, SMALL):
        raise ValueError(f"its {name} is {value!r}")
    return value


def _reason(error: BaseException) -> str:
    return " ".join((str(error) or type(error).__name__).split())[:300].rstrip(".")
