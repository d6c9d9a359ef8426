"""Export of encoders, classifiers and regressors to ONNX."""

import contextlib
import copy
import importlib
import logging
import os
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from sklearn_ssl._engine.whole_files import expanded, remove_abandoned, write_whole
from sklearn_ssl._parameters.arguments import check_whole_number
from sklearn_ssl.architectures._base import pooled_features
from sklearn_ssl.persistence._onnx_graph import with_labels, without_traces
from sklearn_ssl.persistence._parts import has_head, parts_of, predictor_module_of
from sklearn_ssl.persistence._pretrained import MappedPooling

TOLERANCES = {"features": 1e-4, "probabilities": 1e-5, "predictions": 1e-5}
FEW = 0.005  # share of values that may differ more: a rounding error across zero changes a share of positive values
PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def export_onnx(estimator: Any, path: str | os.PathLike, *, n_timepoints: int) -> None:
    """Write a fitted transformer, classifier or regressor as an ONNX model, and check it.

    The model has one input ``x`` (batch, channels, n_timepoints), float32. The batch may have any size. All series have
    `n_timepoints` steps, without padding. The outputs are

    - of a transformer: ``features`` (batch, F), the result of `transform` in float32 arithmetic;
    - of a classifier: ``label`` (batch,), the classes that `predict` gives, ``probabilities`` (batch, K) in the order
      of ``classes_``, and ``features``, which the head gets;
    - of a regressor: ``predictions``, with the shape that `predict` gives, and ``features``.

    Before the file is written, onnxruntime runs the model on random series and compares its outputs with those of
    PyTorch. Features must agree to 1e-4, probabilities to 1e-5, and predictions to 1e-5 of the targets' scale.

    Parameters
    ----------
    estimator : transformer, classifier or regressor of this package
        It must be fitted.
    path : str or path-like
        The file. It is replaced as a whole.
    n_timepoints : int
        Number of time steps of the series, at least 1. Recurrent layers are unrolled: for `GRUEncoder` the size of the
        model and the time of the export, about a second per step, are proportional to it. For `RocketEncoder` the
        model grows with its logarithm and with the number of channels of a kernel, and the export takes minutes.

    Raises
    ------
    ImportError
        If onnx, onnxscript or onnxruntime is missing: ``pip install onnx onnxscript onnxruntime``.
    sklearn.exceptions.NotFittedError, TypeError
        If the estimator is not fitted or has no encoder.
    ValueError
        If `n_timepoints` is out of range, if the encoder does something that ONNX cannot express, or if the outputs of
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
    graph = _graph_of(estimator)
    check_whole_number("n_timepoints", n_timepoints, least=1)
    path = expanded(path)
    _check_installed()
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, int(estimator.n_channels_in_), int(n_timepoints), generator=generator)  # (B, C, L)
    model = without_traces(_exported(graph, x))
    if graph.classes is not None:
        model = with_labels(model, graph.classes)
    content = model.SerializeToString()
    _check_agreement(graph, content, x)
    write_whole(path, lambda file: file.write(content))
    remove_abandoned(path.parent)


class _Graph(NamedTuple):
    """What is exported: a module, the names of its outputs, and the classes that it tells apart, if any."""

    module: Any
    outputs: tuple[str, ...]
    classes: np.ndarray | None = None


def _graph_of(estimator: Any) -> _Graph:
    if not has_head(estimator):
        return _Graph(_PooledEncoder(estimator).cpu().float().eval(), ("features",))
    module = copy.deepcopy(predictor_module_of(estimator)).cpu().float().eval()
    if hasattr(estimator, "classes_"):
        return _Graph(_Classifying(module), ("probabilities", "features"), np.asarray(estimator.classes_))
    mean, scale = estimator.target_mean_, estimator.target_scale_
    return _Graph(_Regressing(module, mean, scale), ("predictions", "features"))


class _PooledEncoder(nn.Module):
    """Computes the same as `transform` for series without padding, with a copy of the weights."""

    def __init__(self, transformer: Any) -> None:
        super().__init__()
        encoder, pooling, linear = parts_of(transformer)
        self.encoder: nn.Module = copy.deepcopy(encoder)
        self.pooling = MappedPooling(copy.deepcopy(pooling), **linear) if linear else copy.deepcopy(pooling)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (pooled_features(self.encoder, self.pooling, x, None),)


class _Classifying(nn.Module):
    """Computes the probabilities of the classes, and the features, of series without padding."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.predictor: Any = module
        self.encoder = module.encoder

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        h = self.predictor.features(x)  # (B, F)
        return self.predictor.outputs_of(h).softmax(1), h


class _Regressing(nn.Module):
    """Computes the predictions, and the features, of series without padding."""

    def __init__(self, module: Any, mean: np.ndarray, scale: np.ndarray) -> None:
        super().__init__()
        self.predictor: Any = module
        self.encoder = module.encoder
        self.shape = np.shape(mean)
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.float32))
        self.register_buffer("target_scale", torch.as_tensor(scale, dtype=torch.float32))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        h = self.predictor.features(x)  # (B, F)
        outputs = self.predictor.outputs_of(h)  # (B, K)
        outputs = outputs if self.shape else outputs.squeeze(1)
        return outputs * self.target_scale + self.mean, h


def _check_installed() -> None:
    for name in PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise ImportError(
                f"export_onnx needs {', '.join(PACKAGES)}, but {name} cannot be imported ({error}). "
                f"Install them by: pip install {' '.join(PACKAGES)}"
            ) from error


def _exported(graph: _Graph, x: torch.Tensor) -> Any:
    try:
        with _quiet(), torch.no_grad():
            program = torch.export.export(graph.module, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
            model = torch.onnx.export(
                program, dynamo=True, input_names=["x"], output_names=list(graph.outputs), verbose=False
            )
        assert model is not None
        return model.model_proto
    except ImportError as error:
        raise ImportError(
            f"The installed onnxscript does not fit PyTorch {torch.__version__} ({error}). Install a later one by: "
            "pip install --upgrade onnxscript"
        ) from error
    except Exception as error:  # the exporters pass on any error of a layer
        raise ValueError(
            f"`estimator` has an encoder, {type(graph.module.encoder).__name__}, that cannot be exported to ONNX "
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


def _check_agreement(graph: _Graph, content: bytes, x: torch.Tensor) -> None:
    with torch.no_grad():
        expected = dict(zip(graph.outputs, (values.numpy() for values in graph.module(x)), strict=True))
    run = _session(content).run
    for rows in (slice(None), slice(0, 1)):
        found = run(list(graph.outputs), {"x": x[rows].numpy()})
        for name, values in zip(graph.outputs, found, strict=True):
            _check_close(graph, name, values, expected[name][rows])


def _check_close(graph: _Graph, name: str, found: np.ndarray, expected: np.ndarray) -> None:
    tolerance = TOLERANCES[name]
    scale = graph.module.target_scale.numpy() if name == "predictions" else 1.0
    agrees = np.isclose(found / scale, expected / scale, rtol=tolerance, atol=tolerance)
    if found.shape != expected.shape or agrees.mean() < 1 - FEW:
        raise ValueError(
            f"The ONNX model does not compute the same as PyTorch: {np.sum(~agrees)} of {agrees.size} {name} differ, "
            f"by up to {np.abs(found - expected).max():.2g}. Nothing was written. Use another encoder, or joblib.dump."
        )


def _session(content: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
