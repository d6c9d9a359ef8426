import sys

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_ssl import ClosedFormVICRegTransformer, RandomEncoderTransformer, VICRegTransformer
from sklearn_ssl.encoders import (
    ChannelIndependentEncoder,
    FCNEncoder,
    GRUEncoder,
    InceptionEncoder,
    RocketEncoder,
    TCNEncoder,
    TransformerEncoder,
)
from sklearn_ssl.persistence import export_onnx, load_encoder, save_encoder
from sklearn_ssl.persistence._onnx import _PooledEncoder
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.projectors import MLPProjector

UNTRAINED = {"random_state": 0, "device": "cpu"}

# An export takes seconds, so that these graphs are small and each kind of layer and pooling is in one of them only.
TRANSFORMERS = {
    "transformer": RandomEncoderTransformer(
        encoder=TransformerEncoder(depth=1, width=4, n_heads=2, window=2),
        pooling=Pooling(statistics="max"),
        **UNTRAINED,
    ),
    "gru": RandomEncoderTransformer(
        encoder=GRUEncoder(depth=1, width=3), pooling=Pooling(statistics="max"), **UNTRAINED
    ),
    "channels": RandomEncoderTransformer(
        encoder=ChannelIndependentEncoder(FCNEncoder(width=4, kernel_sizes=(3,), norm="layer")),
        pooling=Pooling(statistics=("last", "attention")),
        **UNTRAINED,
    ),
    "rocket": RandomEncoderTransformer(
        encoder=RocketEncoder(
            n_features=252, poolings=("mpv", "mipv", "lspv"), n_groups=1, standardise=False, hidden=3
        ),
        pooling=Pooling(statistics="mean"),
        **UNTRAINED,
    ),
    "closed form": ClosedFormVICRegTransformer(
        encoder=TCNEncoder(depth=1, width=4, n_features=6), n_components=3, **UNTRAINED
    ),
}
SMALL = FCNEncoder(width=4, kernel_sizes=(4, 3))


def series(n_cases=12, n_timepoints=9):
    return np.random.default_rng(0).normal(size=(n_cases, 2, n_timepoints)).astype(np.float32)


def run(path, X):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["features"], {"x": X})[0]


@pytest.fixture
def _onnx():
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name)


@pytest.mark.usefixtures("_onnx")
@pytest.mark.parametrize("transformer", TRANSFORMERS.values(), ids=TRANSFORMERS.keys())
def test_features_are_those_of_pytorch(transformer, tmp_path):
    n_timepoints = 2 if isinstance(transformer.encoder, GRUEncoder) else 9  # its steps are unrolled
    X = series(n_timepoints=n_timepoints)
    transformer = clone(transformer).fit(X)
    state = torch.get_rng_state()
    export_onnx(transformer, tmp_path / "encoder.onnx", n_timepoints=n_timepoints)
    assert torch.get_rng_state().equal(state)
    for Z in (X, X[:1], np.concatenate([X, 3 * X, -X])):
        np.testing.assert_allclose(run(tmp_path / "encoder.onnx", Z), transformer.transform(Z), rtol=1e-4, atol=1e-4)
    assert [file.name for file in tmp_path.iterdir()] == ["encoder.onnx"]


def test_kernels_of_one_channel_are_exported_as_they_are():
    x = torch.from_numpy(series()[:, :1])
    encoder = RocketEncoder(n_features=84)
    transformer = RandomEncoderTransformer(encoder=encoder, **UNTRAINED).fit(x.numpy())
    module = _PooledEncoder(transformer).eval()
    exported = torch.export.export(module, (x,)).module()
    np.testing.assert_allclose(exported(x).numpy(), transformer.transform(x.numpy()), rtol=1e-6)


@pytest.mark.usefixtures("_onnx")
def test_after_training_and_loading(tmp_path):
    X = series()
    trained = VICRegTransformer(
        encoder=InceptionEncoder(depth=3, width=2, bottleneck=2, kernel_sizes=(4,)),
        projector=MLPProjector(width=8),
        max_epochs=2,
        batch_size=8,
        random_state=0,
    ).fit(X)
    save_encoder(trained, tmp_path / "encoder.safetensors")
    export_onnx(load_encoder(tmp_path / "encoder.safetensors"), tmp_path / "encoder.onnx", n_timepoints=9)
    np.testing.assert_allclose(run(tmp_path / "encoder.onnx", X), trained.transform(X), rtol=1e-4, atol=1e-4)


class _Spectral(torch.nn.Module):
    """A module for which ONNX has no operator."""

    def __init__(self, n_channels):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.scale * torch.linalg.svdvals(x).unsqueeze(2)


@pytest.mark.usefixtures("_onnx")
def test_what_onnx_cannot_express_leaves_the_file_that_was_there(tmp_path):
    path = tmp_path / "encoder.onnx"
    path.write_bytes(b"before")
    transformer = RandomEncoderTransformer(encoder=_Spectral, random_state=0).fit(series())
    with pytest.raises(ValueError, match="_Spectral, that cannot be exported to ONNX"):
        export_onnx(transformer, path, n_timepoints=9)
    assert path.read_bytes() == b"before"


class _InTraining(torch.nn.Module):
    """A module whose features are others whenever it is asked."""

    def __init__(self, n_channels):
        super().__init__()
        self.convolution = torch.nn.Conv1d(n_channels, 3, 1)

    def forward(self, x):
        return self.convolution(x) * (2.0 if torch.compiler.is_exporting() else 1.0)


@pytest.mark.usefixtures("_onnx")
def test_a_model_that_computes_something_else_is_not_written(tmp_path):
    transformer = RandomEncoderTransformer(encoder=_InTraining, random_state=0).fit(series())
    with pytest.raises(ValueError, match="does not compute the same as PyTorch"):
        export_onnx(transformer, tmp_path / "encoder.onnx", n_timepoints=9)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_named(tmp_path, monkeypatch, missing):
    for name in ("onnx", "onnxscript", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, type(sys)(name))
    monkeypatch.setitem(sys.modules, missing, None)
    transformer = RandomEncoderTransformer(encoder=SMALL, random_state=0).fit(series())
    with pytest.raises(ImportError, match=rf"{missing} cannot be imported.*sklearn-ssl\[onnx\]"):
        export_onnx(transformer, tmp_path / "encoder.onnx", n_timepoints=9)


@pytest.mark.parametrize("n_timepoints", [0, -3, 2.5, True, "9", None])
def test_number_of_time_steps_out_of_range(tmp_path, n_timepoints):
    transformer = RandomEncoderTransformer(encoder=SMALL, random_state=0).fit(series())
    with pytest.raises(ValueError, match="`n_timepoints` must be a whole number of at least 1"):
        export_onnx(transformer, tmp_path / "encoder.onnx", n_timepoints=n_timepoints)


def test_unfitted(tmp_path):
    with pytest.raises(NotFittedError):
        export_onnx(VICRegTransformer(), tmp_path / "encoder.onnx", n_timepoints=9)
