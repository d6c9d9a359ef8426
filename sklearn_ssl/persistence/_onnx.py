"""Export of encoder and pooling to ONNX."""

import contextlib
import copy
import importlib
import logging
import numbers
import os
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from sklearn_ssl._engine.whole_files import write_whole
from sklearn_ssl.architectures._base import pooled_features
from sklearn_ssl.persistence._parts import parts_of
from sklearn_ssl.persistence._pretrained import MappedPooling

TOLERANCE = 1e-4
FEW = 0.005  # share of features that may differ more: a rounding error across zero changes a share of positive values
PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def export_onnx(transformer: Any, path: str | os.PathLike, *, n_timepoints: int) -> None:
    """Write the encoder and pooling of a fitted transformer as an ONNX model, and check it.

    The model has one input ``x`` (batch, channels, n_timepoints), float32, and one output ``features`` (batch, F). The
    output is the result of `transform` in float32 arithmetic. The batch may have any size. All series have
    `n_timepoints` steps, without padding.

    Before the file is written, onnxruntime runs the model on random series and compares its features with those of
    PyTorch. They must agree to 1e-4.

    Parameters
    ----------
    transformer : transformer, classifier or regressor of this package
        It must be fitted. For a classifier or regressor, the model returns the features that the head gets.
    path : str or path-like
        The file. It is replaced as a whole.
    n_timepoints : int
        Number of time steps of the series, at least 1. Recurrent layers are unrolled: for `GRUEncoder` the size of the
        model and the time of the export, about a second per step, are proportional to it. For `RocketEncoder` the
        model grows with its logarithm and with the number of channels of a kernel, and the export takes minutes.

    Raises
    ------
    ImportError
        If onnx, onnxscript or onnxruntime is missing: ``pip install sklearn-ssl[onnx]``.
    sklearn.exceptions.NotFittedError, TypeError
        If the transformer is not fitted or has no encoder.
    ValueError
        If `n_timepoints` is out of range, if the encoder does something that ONNX cannot express, or if the features of
        the model differ from those of PyTorch. A file that was there before then stays as it is.

    Examples
    --------
    >>> from sklearn_ssl import VICRegTransformer
    >>> from sklearn_ssl.persistence import export_onnx
    >>> export_onnx(VICRegTransformer(), "encoder.onnx", n_timepoints=100)
    Traceback (most recent call last):
        ...
    sklearn.exceptions.NotFittedError: This VICRegTransformer instance is not fitted yet. ...
    """
    module = _PooledEncoder(transformer).cpu().float().eval()
    if isinstance(n_timepoints, bool) or not isinstance(n_timepoints, numbers.Integral) or n_timepoints < 1:
        raise ValueError(f"`n_timepoints` must be a whole number of at least 1, got {n_timepoints!r}.")
    _check_installed()
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, int(transformer.n_channels_in_), int(n_timepoints), generator=generator)  # (B, C, L)
    content = _exported(module, x)
    _check_agreement(module, content, x)
    write_whole(path, lambda file: file.write(content))


class _PooledEncoder(nn.Module):
    """Computes the same as `transform` for series without padding, with a copy of the weights."""

    def __init__(self, transformer: Any) -> None:
        super().__init__()
        encoder, pooling, linear = parts_of(transformer)
        self.encoder: nn.Module = copy.deepcopy(encoder)
        self.pooling = MappedPooling(copy.deepcopy(pooling), **linear) if linear else copy.deepcopy(pooling)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return pooled_features(self.encoder, self.pooling, x, None)


def _check_installed() -> None:
    for name in PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise ImportError(
                f"export_onnx needs {', '.join(PACKAGES)}, but {name} cannot be imported ({error}). "
                "Install them by: pip install sklearn-ssl[onnx]"
            ) from error


def _exported(module: nn.Module, x: torch.Tensor) -> bytes:
    try:
        with _quiet(), torch.no_grad():
            program = torch.export.export(module, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
            model = torch.onnx.export(
                program, dynamo=True, input_names=["x"], output_names=["features"], optimize=True, verbose=False
            )
        assert model is not None
        return model.model_proto.SerializeToString()
    except Exception as error:  # the exporters pass on any error of a layer
        raise ValueError(
            f"`transformer` has an encoder, {type(module.encoder).__name__}, that cannot be exported to ONNX "
            f"({str(error).splitlines()[0][:200]}). Use another encoder, or joblib.dump."
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's warnings, which are about its own parts."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _check_agreement(module: nn.Module, content: bytes, x: torch.Tensor) -> None:
    with torch.no_grad():
        expected = module(x).numpy()
    run = _session(content).run
    for rows in (slice(None), slice(0, 1)):
        (features,) = run(None, {"x": x[rows].numpy()})
        agrees = np.isclose(features, expected[rows], rtol=TOLERANCE, atol=TOLERANCE)
        if agrees.mean() < 1 - FEW:
            raise ValueError(
                f"The ONNX model does not compute the same as PyTorch: {np.sum(~agrees)} of {agrees.size} features "
                f"differ, by up to {np.abs(features - expected[rows]).max():.2g}. Nothing was written. Use another "
                "encoder, or joblib.dump."
            )


def _session(content: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
