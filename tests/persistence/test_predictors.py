import json
import pickle
from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
import safetensors
import safetensors.torch
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from sklearn_ssl import (
    RandomEncoderTransformer,
    RobustSSLClassifier,
    S4LClassifier,
    SSLClassifier,
    SSLRegressor,
    VICRegTransformer,
    WCCNTransformer,
)
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ChannelIndependentEncoder, FCNEncoder, RocketEncoder
from sklearn_ssl.persistence import (
    PretrainedClassifier,
    PretrainedRegressor,
    load_encoder,
    load_predictor,
    save_encoder,
    save_predictor,
)
from sklearn_ssl.persistence._container import KEY, digest_of
from sklearn_ssl.persistence._description import _as_json
from sklearn_ssl.persistence._predictor_file import _described_target
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.preprocessing import ChannelWise

SMALL = FCNEncoder(width=4, kernel_sizes=(4, 3))
X, y = make_waves(n_cases=24, n_channels=2, n_timepoints=30, random_state=0)
X = X.astype(np.float32)
Y = np.stack([y + 0.5, 100.0 * y + 1], axis=1)


def untrained(encoder=SMALL, **parameters):
    return RandomEncoderTransformer(encoder=encoder, device="cpu", random_state=0, **parameters)


def vicreg():
    return VICRegTransformer(encoder=SMALL, max_epochs=1, device="cpu", random_state=0)


PREDICTORS = {
    "fine-tuned": (SSLClassifier(vicreg(), max_epochs=1, random_state=0), np.array(["a", "bb", "c", "d"])[y]),
    "hidden layer": (SSLClassifier(untrained(), max_epochs=1, head_width=5, random_state=0), y * 2.0),
    "two classes": (S4LClassifier(vicreg(), max_epochs=1, random_state=0), y > 1),
    "joint, hidden layer": (S4LClassifier(vicreg(), max_epochs=1, head_width=5, random_state=0), y),
    "robust": (RobustSSLClassifier(vicreg(), max_epochs=1, random_state=0), y.astype(np.uint8)),
    "some unknown": (SSLClassifier(untrained(), mode="probe", random_state=0), np.where(np.arange(24) < 12, y, -1)),
    "closed form": (SSLClassifier(WCCNTransformer(encoder=SMALL, device="cpu"), mode="probe", random_state=0), y),
    "attention": (
        SSLClassifier(untrained(pooling=Pooling(statistics=("max", "attention"))), mode="probe", random_state=0),
        y,
    ),
    "kernels": (SSLClassifier(untrained(RocketEncoder(n_features=84)), mode="probe", random_state=0), y),
    "numbers": (SSLRegressor(untrained(), mode="probe", random_state=0), 1000 + 3.1 * y),
    "single precision": (SSLRegressor(untrained(), mode="probe", random_state=0), (y + 0.5).astype(np.float32)),
    "two numbers": (SSLRegressor(untrained(), mode="probe", random_state=0), Y),
}


def results_of(predictor, series):
    """Return all that a predictor says of series, by the name of the method."""
    names = ("predict", "predict_proba", "predict_log_proba", "decision_function")
    return {name: getattr(predictor, name)(series) for name in names if hasattr(predictor, name)}


def assert_same(loaded, predictor, series=X):
    results = results_of(predictor, series)
    assert results_of(loaded, series).keys() == results.keys()
    for name, values in results_of(loaded, series).items():
        assert values.dtype == results[name].dtype
        np.testing.assert_array_equal(values, results[name])


def saved_and_loaded(predictor, folder):
    save_predictor(predictor, folder / "predictor.safetensors")
    return load_predictor(folder / "predictor.safetensors", device="cpu")


@pytest.mark.parametrize(("predictor", "target"), PREDICTORS.values(), ids=PREDICTORS.keys())
def test_predictions_are_the_same_to_the_last_bit(predictor, target, tmp_path):
    fitted = clone(predictor).fit(X, target)
    loaded = saved_and_loaded(fitted, tmp_path)
    for series in (X, X[:1], [X[0, :, :9], X[1]]):
        assert_same(loaded, fitted, series)
    assert_same(saved_and_loaded(loaded, tmp_path), fitted)
    assert_same(clone(loaded).fit(X, target), fitted)
    if hasattr(fitted, "classes_"):
        assert isinstance(loaded, PretrainedClassifier)
        assert loaded.classes_.dtype == fitted.classes_.dtype
    else:
        assert isinstance(loaded, PretrainedRegressor)


@pytest.fixture(scope="module")
def fitted():
    torch.set_num_threads(1)
    predictor, target = PREDICTORS["fine-tuned"]
    return clone(predictor).fit(X, target)


@pytest.fixture
def path(fitted, tmp_path):
    save_predictor(fitted, tmp_path / "predictor.safetensors")
    return tmp_path / "predictor.safetensors"


def test_it_predicts_in_a_pipeline(fitted, tmp_path):
    scaler = ChannelWise(StandardScaler()).fit(X)
    predictor = clone(fitted).fit(scaler.transform(X), PREDICTORS["fine-tuned"][1])
    pipeline = make_pipeline(scaler, saved_and_loaded(predictor, tmp_path))
    np.testing.assert_array_equal(pipeline.predict_proba(X), predictor.predict_proba(scaler.transform(X)))
    assert len(cross_val_score(pipeline, X, PREDICTORS["fine-tuned"][1], cv=2)) == 2


def test_it_is_pickled(path, fitted, tmp_path):
    loaded = load_predictor(path, device="cpu")
    assert_same(pickle.loads(pickle.dumps(loaded)), fitted)
    joblib.dump(loaded, tmp_path / "loaded.joblib")
    assert_same(joblib.load(tmp_path / "loaded.joblib"), fitted)


def test_tables_keep_their_columns(tmp_path):
    table = pd.DataFrame(X[:, 0]).add_prefix("t")
    predictor = SSLClassifier(untrained(), mode="probe", random_state=0).fit(table, y)
    loaded = saved_and_loaded(predictor, tmp_path)
    assert_same(loaded, predictor, table)
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.predict(table.add_prefix("other_"))


def test_the_encoder_alone_is_that_of_the_predictor(fitted, path, tmp_path):
    for predictor in (fitted, load_predictor(path, device="cpu")):
        save_encoder(predictor, tmp_path / "encoder.safetensors")
        features = load_encoder(tmp_path / "encoder.safetensors", device="cpu").transform(X)
        expected = torch.cat(list(fitted.net_.represent(fitted.net_.series(_collection()), "features")))
        np.testing.assert_array_equal(features, expected.numpy())


def _collection():
    from sklearn_ssl._input.collections import Collection

    return Collection(X, None)


def test_a_loaded_predictor_trains_nothing_and_says_what_does_not_fit(path, fitted):
    loaded = load_predictor(path, device="cpu")
    assert_same(loaded.fit(X[:3], None), fitted)
    with pytest.raises(ValueError, match=r"X has 1 channel\(s\), but `module` is for series with 2"):
        clone(loaded).fit(X[:, :1])
    assert_same(loaded, fitted)
    with pytest.raises(NotFittedError):
        clone(loaded).predict(X)
    with pytest.raises(ValueError, match="became NaN or infinite"):
        loaded.predict(X * np.float32(1e30))


def test_channel_independent_encoders_take_any_channels(tmp_path):
    encoder = ChannelIndependentEncoder(FCNEncoder(width=4, kernel_sizes=(3,)))
    loaded = saved_and_loaded(SSLClassifier(untrained(encoder), mode="probe", random_state=0).fit(X, y), tmp_path)
    assert clone(loaded).fit(X[:, :1]).predict(X[:, :1]).shape == (24,)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda loaded: PretrainedClassifier(), TypeError, r"`module` must be .* Call load_predictor"),
        (lambda loaded: PretrainedClassifier(module=loaded.module), ValueError, "`classes` must be 4 labels"),
        (lambda loaded: clone(loaded).set_params(classes=["a"]), ValueError, "`classes` must be 4 labels"),
        (lambda loaded: PretrainedRegressor(module=loaded.module), ValueError, "`target_mean` must be 4 numbers"),
        (lambda loaded: clone(loaded).set_params(device="abacus"), ValueError, "`device` must be"),
        (lambda loaded: clone(loaded).set_params(precision="float8"), ValueError, "`precision` must be"),
    ],
)
def test_bad_parameters(path, make, error, message):
    with pytest.raises(error, match=message):
        make(load_predictor(path)).fit(X)


def test_what_has_no_head_is_not_stored(tmp_path):
    path = tmp_path / "predictor.safetensors"
    with pytest.raises(NotFittedError):
        save_predictor(SSLClassifier(), path)
    with pytest.raises(TypeError, match=r"must be a fitted classifier or regressor .* Use save_encoder"):
        save_predictor(untrained().fit(X), path)
    with pytest.raises(TypeError, match=r"for example the last step pipeline\[-1\] of a Pipeline, got Pipeline"):
        save_predictor(make_pipeline(untrained()).fit(X), path)
    assert list(tmp_path.iterdir()) == []


def test_a_head_of_ones_own_is_not_stored(tmp_path, fitted):
    predictor = pickle.loads(pickle.dumps(fitted))
    predictor.net_.module_.head = torch.nn.Sequential(predictor.net_.module_.head, torch.nn.Tanh())
    with pytest.raises(ValueError, match=r"a head that cannot be stored.*joblib\.dump"):
        save_predictor(predictor, tmp_path / "predictor.safetensors")


def test_weights_that_are_not_finite_are_not_stored(tmp_path, fitted):
    predictor = pickle.loads(pickle.dumps(fitted))
    with torch.no_grad():
        predictor.net_.module_.head.weight[0, 0] = torch.nan
    with pytest.raises(ValueError, match=r"head\.weight has values that are NaN or infinite"):
        save_predictor(predictor, tmp_path / "predictor.safetensors")


def test_the_two_kinds_of_files_are_told_apart(path, fitted, tmp_path):
    with pytest.raises(ValueError, match="it holds a predictor, which load_predictor reads"):
        load_encoder(path)
    save_encoder(fitted, tmp_path / "encoder.safetensors")
    with pytest.raises(ValueError, match="an encoder alone, which load_encoder reads"):
        load_predictor(tmp_path / "encoder.safetensors")


def rewritten(path, change):
    """Change a file as a forger would, with the right digest. `change` gets the description and the tensors."""
    with safetensors.safe_open(path, framework="pt") as file:
        description, names = json.loads(file.metadata()[KEY]), list(file.keys())
        tensors = {name: file.get_tensor(name).clone() for name in names}
    change(description, tensors)
    del description["digest"]
    description["digest"] = digest_of(description, tensors)
    path.write_bytes(safetensors.torch.save(tensors, metadata={KEY: json.dumps(description)}))


@pytest.mark.parametrize(
    ("part", "value", "reason"),
    [
        ("head", None, "it describes no head"),
        ("head", {"n_outputs": 4}, "it describes no head"),
        ("head", {"n_outputs": True, "width": None, "normalised": False}, "its n_outputs is True"),
        ("head", {"n_outputs": 10**9, "width": None, "normalised": False}, "its classes are not 1000000000 labels"),
        ("head", {"n_outputs": 4, "width": 0, "normalised": False}, "its width is 0"),
        ("head", {"n_outputs": 4, "width": 10**9, "normalised": False}, "it has no tensor head.0.bias"),
        ("head", {"n_outputs": 4, "width": None, "normalised": 1}, "its head is"),
        ("head", {"n_outputs": 4, "width": None, "normalised": True}, "it has no tensor head.0"),
        ("target", {}, "it describes no classes"),
        ("target", {"type": "float32"}, "it has no tensor target.mean"),
        ("target", {"type": "float16"}, "its numbers have the type 'float16'"),
        ("target", {"type": ["float32"]}, "its numbers have the type"),
        ("target", {"classes": ["a"]}, "it describes no classes"),
        ("target", {"classes": ["a", "b", "c"], "type": "str"}, "its classes are not 4 labels of the type str"),
        ("target", {"classes": ["a", "b", "c", 3], "type": "str"}, "its classes are not 4 labels of the type str"),
        ("target", {"classes": ["a", "b", "d", "c"], "type": "str"}, "its classes are not sorted"),
        ("target", {"classes": [1, 2, 3, 300], "type": "uint8"}, "beyond the range of uint8"),
        ("target", {"classes": [1, 2, 3, True], "type": "int64"}, "not 4 labels of the type int64"),
        ("target", {"classes": [1.0, 2.0, 3.0, float("nan")], "type": "float64"}, "its classes are not sorted"),
        ("target", {"classes": ["a", "b", "c", "d"], "type": "object"}, "of the type 'object'"),
        ("target", {"classes": ["a", "b", "c", "d"], "type": "U999999999"}, "of the type 'U999999999'"),
        ("target", {"classes": ["a", "b", "c", "d"], "type": None}, "of the type None"),
    ],
)
def test_forged_descriptions_are_refused(path, part, value, reason):
    rewritten(path, lambda description, tensors: description.update({part: value}))
    with pytest.raises(ValueError, match=f"cannot be read as a predictor.*{reason}"):
        load_predictor(path)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("head.weight", torch.zeros(5, 32), r"head\.weight must be \(4, 32\) of F32, and is \(5, 32\) of F32"),
        ("head.weight", torch.zeros(4, 32).to(torch.int8), "of I8"),
        ("head.bias", torch.full((4,), torch.nan), "head.bias has values that are NaN or infinite"),
        ("standard.scale", torch.zeros(31), r"standard\.scale must be \(32,\)"),
        ("target.mean", torch.zeros(4), r"a tensor target\.mean, which the recipe does not know"),
        ("more", torch.zeros(4), "a tensor more, which the recipe does not know"),
    ],
)
def test_forged_numbers_are_refused(path, name, value, reason):
    rewritten(path, lambda description, tensors: tensors.update({name: value}))
    with pytest.raises(ValueError, match=reason):
        load_predictor(path)


@pytest.mark.parametrize("name", ["target.mean", "target.scale"])
@pytest.mark.parametrize("value", [torch.zeros(3), torch.zeros(2, dtype=torch.int64), torch.zeros(2, 1)])
def test_forged_scales_of_targets_are_refused(tmp_path, name, value):
    save_predictor(PREDICTORS["two numbers"][0].fit(X, Y), tmp_path / "file")
    rewritten(tmp_path / "file", lambda description, tensors: tensors.update({name: value}))
    with pytest.raises(ValueError, match=r"target\.\w+ must be \(2,\)"):
        load_predictor(tmp_path / "file")


@pytest.mark.parametrize("at", np.linspace(0, 1, 12, endpoint=False))
def test_one_wrong_bit_anywhere_is_found(path, at):
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= 2
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as a predictor"):
        load_predictor(path)


def test_loading_runs_no_code(path, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("loading unpickled something")

    for module, name in ((pickle, "loads"), (pickle, "load"), (torch, "load"), (joblib, "load")):
        monkeypatch.setattr(module, name, refuse)
    state = torch.get_rng_state()
    load_predictor(path)
    assert torch.get_rng_state().equal(state)


def test_an_encoder_that_was_changed_is_not_stored(tmp_path, fitted):
    predictor = pickle.loads(pickle.dumps(fitted))
    encoder = predictor.net_.module_.backbone.encoder
    encoder.blocks[-1].norm = torch.nn.Identity()
    with pytest.raises(ValueError, match="not as its recipe"):
        save_predictor(predictor, tmp_path / "predictor.safetensors")


@pytest.mark.parametrize("predictor", [SSLClassifier, SSLRegressor])
def test_tags_are_those_of_the_stored_predictor(predictor, tmp_path):
    stored = predictor(untrained(), mode="probe", random_state=0).fit(X, np.arange(len(X)) % 2)
    save_predictor(stored, tmp_path / "predictor.safetensors")
    tags = [get_tags(one) for one in (load_predictor(tmp_path / "predictor.safetensors"), stored)]
    assert tags[0].target_tags.multi_output == tags[1].target_tags.multi_output
    assert (tags[0].estimator_type, tags[0].input_tags) == (tags[1].estimator_type, tags[1].input_tags)


@pytest.mark.parametrize("classes", [np.array([1j, 2j]), np.array([1, "a"], dtype=object)])
def test_classes_that_are_neither_numbers_nor_texts_are_not_stored(classes):
    with pytest.raises(ValueError, match=r"`predictor` has classes of .*, which cannot be stored"):
        _described_target(SimpleNamespace(classes_=classes))


def test_values_that_are_no_numbers_texts_or_recipes_are_not_stored():
    with pytest.raises(ValueError, match="FCNEncoder: `width` cannot be stored, got <object"):
        _as_json(object(), "FCNEncoder", "width")
    assert _as_json((1, np.float32(0.5), None, True, np.str_("a")), "FCNEncoder", "width") == [1, 0.5, None, True, "a"]


def test_the_module_of_a_loaded_predictor_has_features_and_maps(path):
    module = load_predictor(path, device="cpu").module
    x = torch.zeros(2, X.shape[1], 20)
    assert module.features(x).shape == (2, module.n_features)
    assert module.feature_maps(x).shape[::2] == (2, 20)


def loaded(predictor, tmp_path):
    save_predictor(predictor, tmp_path / "predictor.safetensors")
    return load_predictor(tmp_path / "predictor.safetensors")


@pytest.mark.parametrize(
    ("labels", "unknown", "unlabelled"),
    [(y, -1, -1), (y.astype(str).astype(object), -1, -1), (y.astype(float), np.nan, -1), (y.astype(str), "?", "?")],
)
def test_score_of_a_classifier_leaves_out_series_without_a_label(labels, unknown, unlabelled, tmp_path):
    given = labels.copy()
    given[::2] = unknown
    original = SSLClassifier(untrained(), mode="probe", unlabelled=unlabelled, random_state=0).fit(X, labels)
    model = loaded(original, tmp_path).set_params(unlabelled=unlabelled)
    weight = np.arange(1.0, len(y) + 1)
    expected = np.average(model.predict(X[1::2]) == labels[1::2].astype(model.classes_.dtype), weights=weight[1::2])
    assert model.score(X, given, weight) == pytest.approx(expected)
    with pytest.raises(ValueError, match="no labelled series"):
        model.score(X[::2], given[::2])


def test_score_counts_the_mark_where_it_is_a_class(tmp_path):
    labels = np.where(y > 1, 1, -1)
    model = loaded(SSLClassifier(untrained(), mode="probe", unlabelled=None, random_state=0).fit(X, labels), tmp_path)
    assert model.score(X, labels) == np.mean(model.predict(X) == labels)


@pytest.mark.parametrize("targets", [Y, Y[:, 0]])
def test_score_of_a_regressor_leaves_out_unknown_targets(targets, tmp_path):
    original = SSLRegressor(untrained(), mode="probe", random_state=0).fit(X, targets)
    given = targets.copy()
    given[::3] = np.nan
    weight = np.arange(1.0, len(y) + 1)
    assert loaded(original, tmp_path).score(X, given, weight) == pytest.approx(original.score(X, given, weight))
