"""Encoder and pooling as an ONNX model."""

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
from sklearn_ssl.persistence._file import parts_of
from sklearn_ssl.persistence._pretrained import MappedPooling

TOLERANCE = 1e-4
FEW = 0.005  # of the features; a share of positive values jumps where rounding moves a value across zero
PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def export_onnx(transformer: Any, path: str | os.PathLike, *, n_timepoints: int) -> None:
    """Write the encoder and pooling of a fitted transformer as an ONNX model, and check it.

    The model has one input ``x`` (batch, channels, n_timepoints), float32, and one output ``features`` (batch, F),
    which is what `transform` returns in float32 arithmetic. The batch may have any size. Padding is not part of it: all
    series have `n_timepoints` steps.

    Before the file takes its place, onnxruntime runs the model on random series. Features have to agree with those of
    PyTorch to 1e-4.

    Parameters
    ----------
    transformer : transformer, classifier or regressor of this package
        Fitted. Of a classifier or regressor, the features in front of the head are exported.
    path : str or path-like
        The file, which is replaced as a whole.
    n_timepoints : int
        Number of time steps of the series, from 1 up. Recurrent layers are unrolled: for `GRUEncoder` the model grows
        in proportion to it, and so does the time to export, about a second for a step. The model of
        `RocketEncoder` grows with the logarithm of it and with the channels that a kernel sees; it takes minutes.

    Raises
    ------
    ImportError
        If onnx, onnxscript or onnxruntime is missing: ``pip install sklearn-ssl[onnx]``.
    sklearn.exceptions.NotFittedError, TypeError
        If the transformer is not fitted or has no encoder.
    ValueError
        If `n_timepoints` is out of range, the encoder does something that ONNX cannot express, or the model's features
        are not those of PyTorch. A file that was there before stays as it is.

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
        raise ValueError(f"`n_timepoints` must be a whole number at least 1, got {n_timepoints!r}.")
    _check_installed()
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, int(transformer.n_channels_in_), int(n_timepoints), generator=generator)  # (B, C, L)
    content = _exported(module, x)
    _check_agreement(module, content, x)
    write_whole(path, lambda file: file.write(content))


class _PooledEncoder(nn.Module):
    """What `transform` computes of series without padding, on weights of its own."""

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
                f"export_onnx needs {', '.join(PACKAGES)}, and {name} cannot be imported ({error}). "
                "Install them: pip install sklearn-ssl[onnx]."
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
    except Exception as error:  # PyTorch's exporters raise whatever the layer raises that they come to
        raise ValueError(
            f"`transformer` has an encoder, {type(module.encoder).__name__}, that cannot be exported to ONNX "
            f"({str(error).splitlines()[0][:200]})."
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence what the exporter says of its own parts."""
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
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = module(x).numpy()
    for rows in (slice(None), slice(0, 1)):
        (features,) = session.run(None, {"x": x[rows].numpy()})
        agrees = np.isclose(features, expected[rows], rtol=TOLERANCE, atol=TOLERANCE)
        if agrees.mean() < 1 - FEW:
            raise ValueError(
                f"The ONNX model does not compute what PyTorch does: {np.sum(~agrees)} of {agrees.size} features "
                f"differ, by up to {np.abs(features - expected[rows]).max():.2g}. Nothing was written."
            )
