import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import sklearn_ssl
from sklearn_ssl import (
    ClosedFormVICRegTransformer,
    RandomEncoderTransformer,
    S4LClassifier,
    SSLClassifier,
    SSLRegressor,
    VICRegTransformer,
)
from sklearn_ssl.encoders import (
    ChannelIndependentEncoder,
    FCNEncoder,
    GRUEncoder,
    InceptionEncoder,
    RocketEncoder,
    TCNEncoder,
    TransformerEncoder,
)
from sklearn_ssl.persistence import export_onnx, load_predictor, save_predictor
from sklearn_ssl.persistence._onnx import _PooledEncoder
from sklearn_ssl.persistence._onnx_graph import with_labels, without_traces
from sklearn_ssl.pooling import Pooling

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
TRAINED = InceptionEncoder(depth=3, width=2, bottleneck=2, kernel_sizes=(4,))


def series(n_cases=12, n_timepoints=9):
    return np.random.default_rng(0).normal(size=(n_cases, 2, n_timepoints)).astype(np.float32)


def run(path, X):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"x": X}), strict=True))


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
        outputs = run(tmp_path / "encoder.onnx", Z)
        assert list(outputs) == ["features"]
        np.testing.assert_allclose(outputs["features"], transformer.transform(Z), rtol=1e-4, atol=1e-4)
    assert [file.name for file in tmp_path.iterdir()] == ["encoder.onnx"]


def test_kernels_of_one_channel_are_exported_as_they_are():
    x = torch.from_numpy(series()[:, :1])
    encoder = RocketEncoder(n_features=84)
    transformer = RandomEncoderTransformer(encoder=encoder, **UNTRAINED).fit(x.numpy())
    module = _PooledEncoder(transformer).eval()
    exported = torch.export.export(module, (x,)).module()
    np.testing.assert_allclose(exported(x)[0].numpy(), transformer.transform(x.numpy()), rtol=1e-6)


Y = np.arange(12) % 3
PREDICTORS = {
    "texts": (SSLClassifier(RandomEncoderTransformer(encoder=SMALL, **UNTRAINED), mode="probe"), "abc"),
    "joint": (
        S4LClassifier(VICRegTransformer(encoder=TRAINED, device="cpu"), max_epochs=1, head_width=3, random_state=0),
        np.array([1, 5, 255], dtype=np.uint8),
    ),
}


@pytest.mark.usefixtures("_onnx")
@pytest.mark.parametrize(("classifier", "labels"), PREDICTORS.values(), ids=PREDICTORS.keys())
def test_classes_and_probabilities_are_those_of_pytorch(classifier, labels, tmp_path):
    X = series()
    fitted = clone(classifier).fit(X, np.array(list(labels))[Y])
    save_predictor(fitted, tmp_path / "predictor.safetensors")
    export_onnx(load_predictor(tmp_path / "predictor.safetensors"), tmp_path / "predictor.onnx", n_timepoints=9)
    for Z in (X, X[:1], -X):
        outputs = run(tmp_path / "predictor.onnx", Z)
        assert list(outputs) == ["label", "probabilities", "features"]
        assert outputs["label"].tolist() == fitted.predict(Z).tolist()
        np.testing.assert_allclose(outputs["probabilities"], fitted.predict_proba(Z), atol=1e-5, rtol=0)
    assert outputs["features"].shape == (12, fitted.net_.module_.n_features)


@pytest.mark.usefixtures("_onnx")
def test_numbers_are_those_of_pytorch_and_nothing_tells_of_the_machine(tmp_path):
    X, targets = series(), np.stack([Y + 0.5, 1000.0 * Y], axis=1)
    regressor = SSLRegressor(RandomEncoderTransformer(encoder=SMALL, **UNTRAINED), mode="probe").fit(X, targets)
    export_onnx(regressor, tmp_path / "predictor.onnx", n_timepoints=9)
    outputs = run(tmp_path / "predictor.onnx", X)
    assert list(outputs) == ["predictions", "features"]
    np.testing.assert_allclose(outputs["predictions"], regressor.predict(X), atol=1e-3, rtol=1e-5)
    content = (tmp_path / "predictor.onnx").read_bytes()
    for told in (str(Path(sklearn_ssl.__file__).parent), str(Path(torch.__file__).parent), ".py"):
        assert told.encode() not in content


@pytest.mark.parametrize(
    "classes", [np.array(["a", "é"]), np.array([1, 2]), np.array([False, True]), np.array([0.5, 1.5])], ids=str
)
def test_labels_of_every_type(classes):
    onnx = pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    values = onnx.helper.make_tensor_value_info("probabilities", onnx.TensorProto.FLOAT, ["batch", 2])
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["batch", 2])
    same = onnx.helper.make_node("Identity", ["x"], ["probabilities"], doc_string=__file__)
    opset = [onnx.helper.make_opsetid("", 18)]
    model = onnx.helper.make_model(onnx.helper.make_graph([same], "graph", [x], [values]), opset_imports=opset)
    model.ir_version = 10
    content = without_traces(with_labels(model, classes)).SerializeToString()
    assert __file__.encode() not in content
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    label, _ = session.run(None, {"x": np.array([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32)})
    assert label.tolist() == classes.tolist()


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
    with pytest.raises(ImportError, match=rf"{missing} cannot be imported.*pip install onnx onnxscript onnxruntime"):
        export_onnx(transformer, tmp_path / "encoder.onnx", n_timepoints=9)


@pytest.mark.usefixtures("_onnx")
def test_packages_that_do_not_fit_each_other(tmp_path, monkeypatch):
    def absent(*args, **kwargs):
        raise ImportError("No module named 'onnxscript.later'")

    monkeypatch.setattr(torch.onnx, "export", absent)
    transformer = RandomEncoderTransformer(encoder=SMALL, **UNTRAINED).fit(series())
    with pytest.raises(ImportError, match=r"onnxscript does not fit PyTorch .*onnxscript\.later.*--upgrade onnxscript"):
        export_onnx(transformer, tmp_path / "encoder.onnx", n_timepoints=9)


@pytest.mark.parametrize("n_timepoints", [0, -3, 2.5, True, "9", None])
def test_number_of_time_steps_out_of_range(tmp_path, n_timepoints):
    transformer = RandomEncoderTransformer(encoder=SMALL, random_state=0).fit(series())
    with pytest.raises(ValueError, match="`n_timepoints` must be a whole number of at least 1"):
        export_onnx(transformer, tmp_path / "encoder.onnx", n_timepoints=n_timepoints)


def test_unfitted(tmp_path):
    with pytest.raises(NotFittedError):
        export_onnx(VICRegTransformer(), tmp_path / "encoder.onnx", n_timepoints=9)
