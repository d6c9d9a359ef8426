"""Encoders in safetensors files."""

import hashlib
import json
import os
from typing import Any, NamedTuple

import numpy as np
import safetensors
import safetensors.torch
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_ssl._engine.device import resolved_device
from sklearn_ssl._engine.whole_files import write_whole
from sklearn_ssl._version import __version__
from sklearn_ssl.architectures import Architecture, ClosedFormArchitecture
from sklearn_ssl.encoders import EncoderModule
from sklearn_ssl.persistence._description import ENCODERS, POOLINGS, SMALL, described, recipe_from
from sklearn_ssl.persistence._pretrained import LearntPooling, MappedPooling, PretrainedTransformer, fitted_on
from sklearn_ssl.pooling import Pooling, PoolingModule

FORMAT = 1
KEY = "sklearn_ssl"
PRECISIONS = ("auto", "float32", "bf16")


def save_encoder(transformer: Any, path: str | os.PathLike) -> None:
    """Write the encoder and pooling of a fitted transformer into a file that is safe to load.

    It is a safetensors file: weights, and a description in JSON of the recipe, the pooling, the channels and the
    version of the library. Loading it runs no code from the file. What only training needs (projector, queue, teacher,
    optimiser, history) is left out; to go on with `partial_fit`, use joblib or pickle.

    Parameters
    ----------
    transformer : transformer, classifier or regressor of this package
        Fitted, with an encoder that is built by a recipe of `sklearn_ssl.encoders`. Of a classifier or regressor, the
        encoder as it was fine-tuned is stored without the head.
    path : str or path-like
        The file. It is replaced as a whole, once all has been written: whatever goes wrong, a file that was there
        before stays as it is.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the transformer is not fitted.
    TypeError
        If it has no encoder, or its `transform` does more than encode, pool and map linearly.
    ValueError
        If its encoder or pooling is not one of this package, or an encoder is not as its recipe builds it.

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

    The loaded encoder as the start of another training:

    >>> other = VICRegTransformer(encoder=loaded.net_.module_.encoder, max_epochs=1, random_state=0).fit(X)
    """
    parts = parts_of(transformer)
    description = {
        "format": FORMAT,
        "library": __version__,
        "method": type(transformer).__name__,
        "encoder": described(_recipe_of(parts.encoder), ENCODERS),
        "pooling": described(_pooling_recipe(parts.pooling), POOLINGS),
        "n_channels": int(transformer.n_channels_in_),
        "precision": getattr(transformer, "precision", "auto"),
        **_columns(transformer),
    }
    tensors = _tensors(parts)
    _check_as_built(parts.encoder, transformer.n_channels_in_)
    description["digest"] = _digest(description, tensors)
    content = safetensors.torch.save(tensors, metadata={KEY: json.dumps(description)})
    write_whole(path, lambda file: file.write(content))


def load_encoder(path: str | os.PathLike, *, device: Any = "auto") -> PretrainedTransformer:
    """Read an encoder that `save_encoder` wrote.

    Nothing in the file is run: it names recipes of this package and their parameters, which are checked, and holds
    numbers.

    Parameters
    ----------
    path : str or path-like
        The file.
    device : str or torch.device, default="auto"
        Where to compute; "auto" is CUDA where there is one, else MPS, else the CPU. It need not be the device on which
        the encoder was trained.

    Returns
    -------
    transformer : PretrainedTransformer
        Fitted: `transform` gives what it gave before, to the last bit on the same device. `transformer.encoder` is the
        encoder, to be given to another transformer.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If the file is damaged, is something else, or comes from a later version of the library; or if there is no such
        device.
    """
    resolved_device(device)
    with open(path, "rb") as file:
        file.read(1)
    try:
        description, tensors = _read(path)
        encoder, pooling = _rebuilt(description, tensors)
        n_channels, columns = description["n_channels"], _fitted_columns(description)
        transformer = PretrainedTransformer(
            encoder=encoder, pooling=pooling, device=device, precision=description["precision"]
        )
        return fitted_on(transformer, n_channels, columns)
    except (safetensors.SafetensorError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ValueError(
            f"`path`: {path} cannot be read as an encoder ({_reason(error)}). Give a file that save_encoder of "
            "this version of sklearn_ssl, or an earlier one, has written and that is undamaged."
        ) from error


class Parts(NamedTuple):
    """What `transform` applies, one after the other."""

    encoder: Any
    pooling: nn.Module
    linear: dict[str, torch.Tensor]  # "mean" and "weights" of a map of the pooled features, or nothing


def parts_of(transformer: Any) -> Parts:
    """Return encoder, pooling and linear map of a fitted transformer.

    Raises
    ------
    sklearn.exceptions.NotFittedError, TypeError
        If the transformer is not fitted, has no encoder, or does more than encode and pool.
    """
    check_is_fitted(transformer)
    module = getattr(getattr(transformer, "net_", None), "module_", None)
    architecture = getattr(module, "backbone", module)  # a fine-tuned module has it and a head
    if not isinstance(architecture, Architecture):
        raise TypeError(
            "`transformer` must be a fitted transformer, classifier or regressor of sklearn_ssl, the step of a "
            f'Pipeline for example (pipeline["ssl"]), got {transformer!r}.'
        )
    if type(architecture).features not in (Architecture.features, ClosedFormArchitecture.features):
        raise TypeError(
            f"`transformer` has an architecture, {type(architecture).__name__}, whose features are more than pooled "
            "ones. Store the transformer with joblib.dump instead, and load it only where you trust the file."
        )
    encoder, pooling = architecture.encoder, architecture.pooling
    if isinstance(pooling, MappedPooling):
        return Parts(encoder, pooling.pooling, {"mean": pooling.mean, "weights": pooling.weights})
    linear = isinstance(architecture, ClosedFormArchitecture)
    return Parts(
        encoder, pooling, {name: getattr(architecture, name) for name in ("mean", "weights")} if linear else {}
    )


def _recipe_of(encoder: nn.Module) -> Any:
    recipe = getattr(encoder, "recipe", None)
    if recipe is None:
        raise ValueError(
            "`transformer` has an encoder that no recipe built: only those of sklearn_ssl.encoders can be stored in a "
            f"file that is safe to load, got {type(encoder).__name__}. Store the transformer with joblib.dump instead, "
            "and load it only where you trust the file."
        )
    return recipe


def _pooling_recipe(pooling: nn.Module) -> Any:
    if not isinstance(pooling, PoolingModule):
        raise ValueError(
            f"`transformer` has a pooling that is not sklearn_ssl.pooling.Pooling, got {type(pooling).__name__}. Store "
            "the transformer with joblib.dump instead, and load it only where you trust the file."
        )
    return Pooling(statistics=pooling.statistics, layers="all" if pooling.every_layer else "last")


def _columns(transformer: Any) -> dict[str, Any]:
    """Return what is known of the columns of 2-D input."""
    known: dict[str, Any] = {}
    if hasattr(transformer, "n_features_in_"):
        known["n_features_in"] = int(transformer.n_features_in_)
    if hasattr(transformer, "feature_names_in_"):
        known["feature_names_in"] = [str(name) for name in transformer.feature_names_in_]
    return known


def _tensors(parts: Parts) -> dict[str, torch.Tensor]:
    """Return all numbers by name, each in memory of its own."""
    named = {
        **{f"encoder.{name}": value for name, value in parts.encoder.state_dict().items()},
        **{f"pooling.{name}": value for name, value in parts.pooling.state_dict().items()},
        **{f"linear.{name}": value for name, value in parts.linear.items()},
    }
    return {name: value.detach().cpu().contiguous().clone() for name, value in named.items()}


def _check_as_built(encoder: EncoderModule, n_channels: int) -> None:
    """Raise where the recipe would build something else, because a layer was exchanged for example."""
    try:
        _built(encoder.recipe, n_channels, encoder.state_dict())
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            f"`transformer` has an encoder that is not as its recipe {encoder.recipe!r} builds it "
            f"({_reason(error)}). Store the transformer with joblib.dump instead."
        ) from error


def _built(recipe: Any, n_channels: int, state: dict[str, torch.Tensor]) -> EncoderModule:
    """Build a recipe and give it weights; names and shapes must be the same."""
    with torch.random.fork_rng(devices=[]):
        module = recipe.build(n_channels)
    module.load_state_dict({name: value.cpu() for name, value in state.items()})
    return module


def _digest(description: dict[str, Any], tensors: dict[str, torch.Tensor]) -> str:
    """Return a fingerprint of all that a file says; it finds damage, not forgery."""
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
        raise ValueError("its content is not what was written")
    return description, tensors


def _described_in(metadata: dict[str, str] | None) -> dict[str, Any]:
    if not metadata or KEY not in metadata:
        raise ValueError("it is a safetensors file of another origin")
    try:
        description = json.loads(metadata[KEY])
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError("its description is no JSON") from error
    known = description.get("format") if isinstance(description, dict) else None
    if not isinstance(known, int) or known < 1:
        raise ValueError("its description names no format")
    if known > FORMAT:
        raise ValueError(
            f"it was written by version {description.get('library')} in format {known}, and this version, "
            f"{__version__}, reads format {FORMAT}"
        )
    return description


def _rebuilt(description: dict[str, Any], tensors: dict[str, torch.Tensor]) -> tuple[EncoderModule, Any]:
    n_values = sum(value.numel() for value in tensors.values())
    n_channels = _whole(description, "n_channels", n_values)
    if description["precision"] not in PRECISIONS:
        raise ValueError(f"its precision is {description['precision']!r}")
    encoder_recipe = recipe_from(description["encoder"], ENCODERS, n_values)
    encoder = _built(encoder_recipe, n_channels, _below("encoder", tensors)).eval()
    recipe = recipe_from(description["pooling"], POOLINGS, n_values)
    pooling = recipe.build(encoder.widths)
    pooling.load_state_dict(_below("pooling", tensors))
    linear = _below("linear", tensors)
    pooled = tuple(recipe.n_features_of_layers(encoder.widths))
    if linear:
        return encoder, _mapped(pooling, sum(pooled), **linear)
    return encoder, LearntPooling(module=pooling, widths=pooled) if len(pooling.queries) else recipe


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
            raise ValueError("its feature_names_in are not a name for each column")
        columns["feature_names_in_"] = np.asarray(names, dtype=object)
    return columns


def _whole(description: dict[str, Any], name: str, n_values: int = 1 << 40) -> int:
    value = description.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= max(n_values, SMALL):
        raise ValueError(f"its {name} is {value!r}")
    return value


def _reason(error: BaseException) -> str:
    return " ".join((str(error) or type(error).__name__).split())[:300].rstrip(".")
