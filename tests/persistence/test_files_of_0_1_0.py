"""Files that version 0.1.0 wrote: encoders and ONNX graphs are read, pickles are refused in one sentence."""

import importlib.util
import pickle
import pkgutil
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest

import sklearn_ssl
from sklearn_ssl import _moved
from sklearn_ssl._engine.checkpoint import EpochCheckpoint
from sklearn_ssl.persistence import load_encoder

FILES = Path(__file__).parent / "files_of_0_1_0"
PICKLE = FILES / "fitted.pickle"


@pytest.fixture(scope="module")
def expected():
    return np.load(FILES / "series_and_features.npz")


def test_the_encoder_gives_the_same_features(expected):
    loaded = load_encoder(FILES / "encoder.safetensors", device="cpu")
    np.testing.assert_array_equal(loaded.transform(expected["series"]), expected["features"])


def test_the_graph_gives_the_same_features(expected):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(FILES / "encoder.onnx", providers=["CPUExecutionProvider"])
    (features,) = session.run(["features"], {"x": expected["series"]})
    np.testing.assert_allclose(features, expected["features"], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(features, expected["onnx_features"], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("load", [joblib.load, lambda path: pickle.loads(path.read_bytes())], ids=["joblib", "pickle"])
def test_a_pickle_is_refused_with_a_remedy(load):
    with pytest.raises(ImportError, match=r"methods\.vicreg has moved: an earlier version.*Fit.*save_encoder") as info:
        load(PICKLE)
    assert info.value.name == "sklearn_ssl.methods.vicreg"


def test_a_checkpoint_is_refused_with_a_remedy():
    message = (
        r"fitted\.pickle cannot be read \(.* an earlier version of sklearn_ssl .*\)\. Remove it to start afresh\.$"
    )
    with pytest.raises(ValueError, match=message):
        EpochCheckpoint(PICKLE).load()


def test_modules_that_moved_are_gone():
    # One that comes back must leave the list: other finders would find it, and the list would be wrong.
    found = {module.name for module in pkgutil.walk_packages(sklearn_ssl.__path__, "sklearn_ssl.")}
    assert "sklearn_ssl.methods.joint_embedding.vicreg" in found
    assert not {f"sklearn_ssl.{name}" for name in _moved.MOVED} & found


@pytest.mark.parametrize("name", sorted(_moved.MOVED))
def test_every_former_module_is_named(name):
    with pytest.raises(ImportError, match=f"module sklearn_ssl.{name} has moved"):
        importlib.import_module(f"sklearn_ssl.{name}")


@pytest.mark.parametrize("name", ["sklearn_ssl._never_there", "sklearn_ssl.methods.vicreg2", "_net", "sklearn._net"])
def test_other_modules_are_only_absent(name):
    assert importlib.util.find_spec(name) is None
    with pytest.raises(ModuleNotFoundError, match=f"No module named '{name}'"):
        importlib.import_module(name)


def test_former_modules_are_no_attributes():
    assert not hasattr(sklearn_ssl, "_net")
    assert importlib.util.find_spec("sklearn_ssl._engine.net") is not None


def test_the_finder_comes_last_and_once():
    _moved.install()
    assert sys.meta_path.count(_moved.MovedModules) == 1
    assert sys.meta_path.index(_moved.MovedModules) >= 3  # after those for built-in and frozen modules and for paths
