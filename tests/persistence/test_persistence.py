import json
import os
import pickle
from functools import partial

import joblib
import numpy as np
import pandas as pd
import pytest
import safetensors
import safetensors.torch
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator
from skorch.exceptions import DeviceWarning

from sklearn_ssl import (
    BYOLTransformer,
    ClosedFormVICRegTransformer,
    MoCoTransformer,
    RandomEncoderTransformer,
    S4LClassifier,
    SSLClassifier,
    VICRegTransformer,
)
from sklearn_ssl.architectures import Architecture
from sklearn_ssl.base.untrained import UntrainedTransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import (
    ChannelIndependentEncoder,
    Encoder,
    EncoderModule,
    FCNEncoder,
    GRUEncoder,
    InceptionEncoder,
    ResNetEncoder,
    RocketEncoder,
    TCNEncoder,
    TransformerEncoder,
    adapt_channels,
)
from sklearn_ssl.persistence import PretrainedTransformer, load_encoder, save_encoder
from sklearn_ssl.persistence._container import KEY, digest_of
from sklearn_ssl.persistence._description import ENCODERS, described
from sklearn_ssl.persistence._layout import built_without_numbers, forms_of
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.projectors import MLPProjector
from sklearn_ssl.testing import ssl_checks

RECIPES = {
    "fcn": FCNEncoder(width=4, kernel_sizes=(np.int64(3), 2)),
    "resnet": ResNetEncoder(depth=np.int64(1), width=4),
    "inception": InceptionEncoder(depth=3, width=2),
    "tcn": TCNEncoder(depth=2, width=4, n_features=6, dropout=np.float32(0.1)),
    "transformer": TransformerEncoder(depth=1, width=8),
    "gru": GRUEncoder(width=4),
    "rocket": RocketEncoder(n_features=400, poolings=("ppv", "mpv"), differences=True),
    "rocket-hidden": RocketEncoder(n_features=84, hidden=4),
    "channels": ChannelIndependentEncoder(RocketEncoder(n_features=84), aggregation="max"),
    "channels-default": ChannelIndependentEncoder(),
}
POOLINGS = {
    "default": None,
    "one": Pooling(statistics="mean", layers="last"),
    "attention": Pooling(statistics=["max", "attention"]),
}
CHEAP = {"max_epochs": 2, "batch_size": 8, "device": "cpu", "random_state": 0}


def series(n_cases=12, n_channels=2, n_timepoints=40):
    return np.random.default_rng(0).normal(size=(n_cases, n_channels, n_timepoints)).astype(np.float32)


def vicreg(**parameters):
    parameters = {"encoder": ResNetEncoder(depth=1, width=4), "projector": MLPProjector(width=8), **parameters}
    return VICRegTransformer(**parameters, **CHEAP)


@pytest.fixture(scope="module")
def fitted():
    torch.set_num_threads(1)
    return vicreg().fit(series())


@pytest.fixture
def path(tmp_path, fitted):
    save_encoder(fitted, tmp_path / "encoder.safetensors")
    return tmp_path / "encoder.safetensors"


def saved_and_loaded(transformer, folder):
    save_encoder(transformer, folder / "encoder.safetensors")
    return load_encoder(str(folder / "encoder.safetensors"), device="cpu")


def assert_same(loaded, transformer, X):
    np.testing.assert_array_equal(loaded.transform(X), transformer.transform(X))
    np.testing.assert_array_equal(loaded.encode(X), transformer.encode(X))


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
def test_transform_is_the_same_to_the_last_bit(recipe, tmp_path):
    X = series()
    transformer = RandomEncoderTransformer(encoder=recipe, random_state=0, device="cpu").fit(X)
    loaded = saved_and_loaded(transformer, tmp_path)
    for Z in (X, X[:3, :, :7], [X[0, :, :9], X[1, :, :30]]):
        assert_same(loaded, transformer, Z)
    assert loaded.n_channels_in_ == 2
    assert loaded.get_feature_names_out().shape == (loaded.transform(X).shape[1],)


@pytest.mark.parametrize("pooling", POOLINGS.values(), ids=POOLINGS.keys())
def test_trained_encoders_and_every_pooling(pooling, tmp_path):
    X = series()
    transformer = vicreg(pooling=pooling).fit(X)
    queries = transformer.net_.module_.pooling.queries
    assert all(query.any() for query in queries)
    loaded = saved_and_loaded(transformer, tmp_path)
    assert_same(loaded, transformer, X)
    assert_same(clone(loaded).fit(X), transformer, X)
    assert_same(loaded.partial_fit(X), transformer, X)


def test_methods_with_a_teacher(tmp_path):
    X = series()
    transformer = BYOLTransformer(encoder=ResNetEncoder(depth=1, width=4), **CHEAP).fit(X)
    assert_same(saved_and_loaded(transformer, tmp_path), transformer, X)


def test_closed_forms_keep_their_linear_map(tmp_path):
    X = series()
    encoder = RocketEncoder(n_features=84)
    transformer = ClosedFormVICRegTransformer(encoder=encoder, device="cpu", random_state=0).fit(X)
    loaded = saved_and_loaded(transformer, tmp_path)
    assert_same(loaded, transformer, X)
    assert_same(clone(loaded).fit(X), transformer, X)
    assert_same(saved_and_loaded(loaded, tmp_path), transformer, X)


def test_classifiers_give_their_fine_tuned_encoder(tmp_path, fitted):
    X = series()
    classifier = SSLClassifier(vicreg(), max_epochs=2, random_state=0).fit(X, np.arange(len(X)) % 2)
    loaded = saved_and_loaded(classifier, tmp_path)
    expected = torch.cat(list(classifier.net_.represent(classifier.net_.series(_collection(X)), "features")))
    np.testing.assert_array_equal(loaded.transform(X), expected.numpy())
    assert not np.allclose(loaded.transform(X), fitted.transform(X))


def _collection(X):
    from sklearn_ssl._input.collections import Collection

    return Collection(X, None)


@pytest.mark.skipif(torch.cuda.is_available(), reason="what has a GPU need not do without")
@pytest.mark.parametrize(
    "make",
    [
        lambda: MoCoTransformer(encoder=FCNEncoder(width=4), max_epochs=1, random_state=0),
        lambda: ClosedFormVICRegTransformer(encoder=RocketEncoder(n_features=84), random_state=0),
        lambda: SSLClassifier(vicreg(), max_epochs=2, early_stopping=True, random_state=0),
        lambda: S4LClassifier(vicreg(), max_epochs=1, random_state=0),
    ],
    ids=["transformer", "closed form", "fine-tuned", "joint"],
)
def test_pickle_from_a_gpu_goes_on_without_one(make, monkeypatch):
    X, y = make_waves(n_cases=40, random_state=0)
    fitted = make().fit(X, y)
    expected = outputs(fitted, X)
    with monkeypatch.context() as elsewhere:
        # As PyTorch would write tensors of a GPU: all but the states of generators, which are bytes in main memory.
        place = torch.serialization.location_tag
        elsewhere.setattr(
            torch.serialization,
            "location_tag",
            lambda storage: place(storage) if storage.nbytes() == len(torch.get_rng_state()) else "cuda:0",
        )
        for net in (fitted.net_, getattr(fitted, "transformer_", fitted).net_):
            elsewhere.setattr(net, "device", "cuda")
        written = pickle.dumps(fitted)
    with pytest.warns(DeviceWarning, match="available"):
        loaded = pickle.loads(written)
    assert np.array_equal(outputs(loaded, X), expected)
    assert np.isfinite(outputs(loaded.partial_fit(X, y), X)).all()


def outputs(fitted, X):
    """Return features, or probabilities of a classifier."""
    return fitted.predict_proba(X) if hasattr(fitted, "predict_proba") else fitted.transform(X)


def test_what_was_loaded_can_be_stored_and_pickled_again(path, fitted, tmp_path):
    X, loaded = series(), load_encoder(path, device="cpu")
    assert_same(saved_and_loaded(loaded, tmp_path), fitted, X)
    assert_same(pickle.loads(pickle.dumps(loaded)), fitted, X)
    joblib.dump(loaded, tmp_path / "loaded.joblib")
    assert_same(joblib.load(tmp_path / "loaded.joblib"), fitted, X)


def test_it_starts_another_transformer(path, tmp_path):
    loaded = load_encoder(path)
    started = vicreg(encoder=loaded.encoder)
    further = started.fit(series())
    assert_same(saved_and_loaded(further, tmp_path), further, series())
    other = vicreg(encoder=adapt_channels(loaded.encoder, 5)).fit(series(n_channels=5))
    assert_same(saved_and_loaded(other, tmp_path), other, series(n_channels=5))


def test_channel_independent_encoders_that_moved(tmp_path):
    encoder = ChannelIndependentEncoder(ResNetEncoder(depth=1, width=4)).build(3)
    transformer = RandomEncoderTransformer(encoder=encoder, device="cpu").fit(series(n_channels=9))
    loaded = saved_and_loaded(transformer, tmp_path)
    assert loaded.n_channels_in_ == 9
    assert_same(loaded, transformer, series(n_channels=9))


def test_tables_keep_their_columns(tmp_path):
    X = pd.DataFrame(series()[:, 0]).add_prefix("t")
    transformer = vicreg().fit(X)
    loaded = saved_and_loaded(transformer, tmp_path)
    assert loaded.n_features_in_ == 40
    np.testing.assert_array_equal(loaded.transform(X), transformer.transform(X))
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.transform(X.add_prefix("other_"))


def test_loading_runs_no_code_and_draws_no_random_number(path, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("loading unpickled something")

    for module, name in ((pickle, "loads"), (pickle, "load"), (torch, "load"), (joblib, "load")):
        monkeypatch.setattr(module, name, refuse)
    state = torch.get_rng_state()
    load_encoder(path)
    assert torch.get_rng_state().equal(state)


def test_saving_changes_nothing(fitted, tmp_path):
    before, state = joblib.hash(fitted.net_.module_.state_dict()), torch.get_rng_state()
    save_encoder(fitted, tmp_path / "encoder.safetensors")
    assert joblib.hash(fitted.net_.module_.state_dict()) == before
    assert torch.get_rng_state().equal(state)


def test_the_description_can_be_read(path):
    with safetensors.safe_open(path, framework="np") as file:
        description = json.loads(file.metadata()[KEY])
    assert description["encoder"] == {
        "recipe": "ResNetEncoder",
        "parameters": {"norm": "batch", "depth": 1, "width": 4, "kernel_sizes": [7, 5, 3]},
    }
    assert description["n_channels"] == 2
    assert description["method"] == "VICRegTransformer"
    assert description["library"] == __import__("sklearn_ssl").__version__


def test_default_recipes_are_described_as_what_they_are(tmp_path):
    transformer = RandomEncoderTransformer(encoder=ChannelIndependentEncoder(), random_state=0).fit(series())
    save_encoder(transformer, tmp_path / "encoder.safetensors")
    with safetensors.safe_open(tmp_path / "encoder.safetensors", framework="np") as file:
        inner = json.loads(file.metadata()[KEY])["encoder"]["parameters"]["encoder"]
    assert inner["recipe"] == "InceptionEncoder"
    assert inner["parameters"]["width"] == 16


@pytest.mark.parametrize("stage", ["write", "replace"])
def test_an_error_while_saving_leaves_the_file_that_was_there(tmp_path, fitted, monkeypatch, stage):
    path, before = tmp_path / "encoder.safetensors", b"before"
    path.write_bytes(before)

    def fail(*args, **kwargs):
        raise OSError("no space left")

    if stage == "write":
        monkeypatch.setattr("safetensors.torch.save", fail)
    else:
        monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        save_encoder(fitted, path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("at", np.linspace(0, 1, 30, endpoint=False))
def test_one_wrong_bit_anywhere_is_found(path, at):
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= 4
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as an encoder"):
        load_encoder(path)
    assert path.read_bytes() == bytes(content)


@pytest.mark.parametrize("share", [0, 0.0005, 0.1, 0.5, 0.999])
def test_a_file_that_was_cut_off(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match="cannot be read as an encoder"):
        load_encoder(path)


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps([1, 2]),
        b"\x00" * 64,
        b"hello",
        safetensors.torch.save({"encoder.weight": torch.zeros(3)}),
        safetensors.torch.save({"encoder.weight": torch.zeros(3)}, metadata={"format": "pt"}),
        safetensors.torch.save({"x": torch.zeros(3)}, metadata={KEY: "not json"}),
        safetensors.torch.save({"x": torch.zeros(3)}, metadata={KEY: "[]"}),
        safetensors.torch.save({"x": torch.zeros(3)}, metadata={KEY: "[" * 100000}),
    ],
)
def test_files_of_another_origin(tmp_path, content):
    (tmp_path / "foreign").write_bytes(content)
    with pytest.raises(ValueError, match=r"foreign cannot be read as an encoder"):
        load_encoder(tmp_path / "foreign")


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_encoder(tmp_path / "missing.safetensors")
    with pytest.raises(IsADirectoryError):
        load_encoder(tmp_path)


def rewritten(path, changes=(), tensors=None):
    """Change the description of a file as a forger would, with the right digest."""
    with safetensors.safe_open(path, framework="pt") as file:
        description, names = json.loads(file.metadata()[KEY]), list(file.keys())
        tensors = {name: file.get_tensor(name).clone() for name in names} if tensors is None else tensors
    for *outer, last, value in changes:
        place = description
        for name in outer:
            place = place[name]
        place[last] = value
    del description["digest"]
    description["digest"] = digest_of(description, tensors)
    path.write_bytes(safetensors.torch.save(tensors, metadata={KEY: json.dumps(description)}))


def test_an_honest_change_is_read(path):
    rewritten(path, [("precision", "float32"), ("library", "0.0.7")])
    assert load_encoder(path).precision == "float32"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("encoder", "recipe", "os.system"), "'os.system' is none of the recipes"),
        (("encoder", "recipe", "Encoder"), "'Encoder' is none of the recipes"),
        (("encoder", "recipe", "Pooling"), "'Pooling' is none of the recipes"),
        (("encoder", "recipe", ["ResNetEncoder"]), "is none of the recipes"),
        (("encoder", "recipe", "FCNEncoder"), "FCNEncoder has no parameter 'depth'"),
        (("encoder", None), "it has no recipe"),
        (("encoder", "parameters", []), "is none of the recipes"),
        (("encoder", "parameters", "__class__", 3), "has no parameter '__class__'"),
        (("encoder", "parameters", "depth", -1), "`depth` must be"),
        (("encoder", "parameters", "depth", {"recipe": "ResNetEncoder", "parameters": {}}), "`depth` must be"),
        (("encoder", "parameters", "depth", 2), r"it has no tensor encoder\.blocks\.1\."),
        (("encoder", "parameters", "depth", 65), "its parameters make 195 layers, but its tensors allow 64"),
        (("encoder", "parameters", "width", 5), r"must be \(5, 2, 7\) of F32, and is \(4, 2, 7\) of F32"),
        (
            ("encoder", "parameters", "width", 10**12),
            "a parameter, width, is 1000000000000, but its tensors allow 1024",
        ),
        (("encoder", "parameters", "kernel_sizes", [7, [5]]), "a parameter, kernel_sizes, is"),
        (("encoder", "parameters", "kernel_sizes", [7, 10**12]), "a parameter, kernel_sizes, is 1000000000000"),
        (("encoder", "parameters", "kernel_sizes", [3] * 65), "its parameters make 65 layers"),
        (("encoder", "parameters", "norm", "layer"), "it has no tensor|which the recipe does not know"),
        (("pooling", "recipe", "LearntPooling"), "is none of the recipes"),
        (("pooling", "parameters", "statistics", ["median"]), "`statistics` must be"),
        (("pooling", "parameters", "statistics", ["attention"]), r"it has no tensor pooling\.queries\.0"),
        (("n_channels", 3), r"must be \(4, 3, 7\) of F32, and is \(4, 2, 7\) of F32"),
        (("n_channels", 10**12), "its n_channels is 1000000000000"),
        (("n_channels", True), "its n_channels is True"),
        (("precision", "float8"), "its precision is 'float8'"),
        (("precision", None), "its precision is None"),
        (("n_features_in", "many"), "its n_features_in is 'many'"),
        (("feature_names_in", 3), "feature_names_in"),
        (("feature_names_in", ["t1"]), "feature_names_in"),
        (("format", 2), r"written by version '0\.1\.0' in format 2"),
        (("format", True), "names no format"),
        (("format", "1"), "names no format"),
        (("format", 0), "names no format"),
    ],
)
def test_forged_descriptions_are_refused(path, change, reason):
    rewritten(path, [change])
    with pytest.raises(ValueError, match=reason):
        load_encoder(path)


def tensors_of(path):
    with safetensors.safe_open(path, framework="pt") as file:
        names = list(file.keys())
        return {name: file.get_tensor(name).clone() for name in names}


FIRST = "encoder.blocks.0.chain.0.conv.weight"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda tensors: {"encoder.more": torch.zeros(2)}, r"a tensor encoder\.more, which the recipe does not know"),
        (lambda tensors: {"more": torch.zeros(2)}, "a tensor more, which the recipe does not know"),
        (lambda tensors: {"head.weight": torch.zeros(2)}, r"a tensor head\.weight, which the recipe does not know"),
        (lambda tensors: {"linear.mean": torch.zeros(16)}, r"a tensor linear\.mean, which the recipe does not know"),
        (lambda tensors: {"linear.mean": torch.zeros(2), "linear.weights": torch.zeros(3, 2)}, r"linear\.mean must be"),
        (lambda tensors: {"linear.mean": torch.zeros(16), "linear.weights": torch.zeros(0, 16)}, r"linear\.mean"),
        (lambda tensors: {FIRST: tensors[FIRST].to(torch.int8)}, r"and is \(4, 2, 7\) of I8"),
        (lambda tensors: {FIRST: tensors[FIRST].to(torch.complex64)}, r"and is \(4, 2, 7\) of C64"),
        (lambda tensors: {FIRST: tensors[FIRST].double()}, r"and is \(4, 2, 7\) of F64"),
        (lambda tensors: {FIRST: tensors[FIRST].half()}, r"and is \(4, 2, 7\) of F16"),
        (lambda tensors: {FIRST: tensors[FIRST] * torch.nan}, "has values that are NaN or infinite"),
        (lambda tensors: {FIRST: tensors[FIRST] / 0}, "has values that are NaN or infinite"),
    ],
)
def test_forged_numbers_are_refused(path, change, reason):
    tensors = tensors_of(path)
    rewritten(path, tensors={**tensors, **change(tensors)})
    with pytest.raises(ValueError, match=reason):
        load_encoder(path)


def test_missing_numbers_are_refused(path):
    rewritten(path, tensors={name: value for name, value in tensors_of(path).items() if "running_mean" not in name})
    with pytest.raises(ValueError, match=r"it has no tensor .*running_mean"):
        load_encoder(path)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
def test_names_and_shapes_are_known_without_numbers(recipe):
    state = torch.get_rng_state()
    module = built_without_numbers(recipe, 3)
    assert torch.get_rng_state().equal(state)
    assert {weight.device.type for weight in (*module.parameters(), *module.buffers())} <= {"meta"}
    assert forms_of("encoder", module) == forms_of("encoder", recipe.build(3))


def test_nothing_is_built_that_does_not_fit(path, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("numbers were read, or made, before names and shapes were compared")

    rewritten(path, [("encoder", "parameters", "width", 1000)])
    with monkeypatch.context() as numbers:
        numbers.setattr("sklearn_ssl.persistence._container.digest_of", refuse)
        numbers.setattr("sklearn_ssl.persistence._layout.filled", refuse)
        with pytest.raises(ValueError, match="must be"):
            load_encoder(path)


def test_many_channels_cost_little_where_no_weight_depends_on_them(tmp_path, monkeypatch):
    encoder, path = ChannelIndependentEncoder(FCNEncoder(width=4)), tmp_path / "file"
    save_encoder(RandomEncoderTransformer(encoder=encoder, random_state=0, device="cpu").fit(series()), path)
    rewritten(path, [("n_channels", 50_000)])
    module, seen = type(encoder.build(2)), []
    layers = module.layers
    monkeypatch.setattr(module, "layers", lambda self, x, mask: seen.append(x.numel()) or layers(self, x, mask))
    assert load_encoder(path).n_channels_in_ == 50_000
    assert 0 < max(seen) < 10


def test_recipes_inside_of_each_other(path):
    inner = described(ResNetEncoder(depth=1, width=4), ENCODERS)
    for _ in range(4):
        inner = {"recipe": "ChannelIndependentEncoder", "parameters": {"encoder": inner}}
    rewritten(path, [("encoder", inner)])
    with pytest.raises(ValueError, match="more than 4 recipes are inside of each other"):
        load_encoder(path)


@pytest.mark.parametrize(
    ("place", "value"),
    [((0, 2), 99), ((0, 2), -1), ((0, 2), 2), ((0, 0), -3), ((0, 0), 10**7), ((0, 1), 7), ((slice(None), 1), 0)],
)
def test_forged_kernels_are_refused(tmp_path, place, value):
    transformer = RandomEncoderTransformer(encoder=RocketEncoder(n_features=252), random_state=0).fit(series())
    path = tmp_path / "rocket.safetensors"
    save_encoder(transformer, path)
    with safetensors.safe_open(path, framework="pt") as file:
        names = list(file.keys())
        tensors = {name: file.get_tensor(name).clone() for name in names}
    state = tensors["encoder.kernels.0._extra_state"]
    state[place] = value
    rewritten(path, tensors=tensors)
    if place == (slice(None), 1):  # an encoder that has not seen series yet is a possible one
        assert load_encoder(path).encoder.kernels[0].plan == []
    else:
        with pytest.raises(ValueError, match="dilations or channels are impossible"):
            load_encoder(path)


class _Foreign(torch.nn.Conv1d):
    def __init__(self, n_channels):
        super().__init__(n_channels, 4, 1)


class _OwnModule(EncoderModule):
    def __init__(self):
        super().__init__([2])

    def layers(self, x, mask=None):
        return [x]


class _OwnEncoder(Encoder):
    def _module(self, n_channels):
        return _OwnModule()


class _OwnPooling:
    def build(self, widths):
        return _FirstStep()

    def n_features(self, widths):
        return widths[-1]


class _FirstStep(torch.nn.Module):
    def forward(self, layers, mask=None):
        return layers[-1][:, :, 0]


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"encoder": _Foreign}, "no recipe built.*got _Foreign"),
        ({"encoder": _Foreign(2)}, "no recipe built.*got _Foreign"),
        ({"encoder": _OwnModule()}, "no recipe built.*got _OwnModule"),
        ({"encoder": _OwnEncoder()}, "Only recipes of sklearn_ssl.*_OwnEncoder"),
        ({"encoder": ChannelIndependentEncoder(_OwnEncoder())}, "Only recipes of sklearn_ssl.*_OwnEncoder"),
        ({"encoder": FCNEncoder(width=4), "pooling": _OwnPooling()}, "got _FirstStep"),
    ],
)
def test_foreign_parts_are_not_stored(parameters, reason, path):
    before = path.read_bytes()
    transformer = RandomEncoderTransformer(**parameters, random_state=0).fit(series())
    with pytest.raises(ValueError, match=f"(?s){reason}.*joblib.dump"):
        save_encoder(transformer, path)
    assert path.read_bytes() == before


class _Doubled(Architecture):
    def features(self, x, lengths=None):
        return 2 * super().features(x, lengths)


class _DoubledTransformer(UntrainedTransformer):
    def _architecture(self):
        return _Doubled


def test_features_that_are_more_than_pooled_are_not_stored(tmp_path):
    transformer = _DoubledTransformer(encoder=FCNEncoder(width=4), random_state=0).fit(series())
    with pytest.raises(TypeError, match="_Doubled, whose features are more than pooled ones"):
        save_encoder(transformer, tmp_path / "encoder.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_that_was_changed_is_not_stored(tmp_path):
    encoder = FCNEncoder(width=4).build(2)
    encoder.blocks[1].norm = torch.nn.Identity()
    encoder.blocks[1].norm.forward = lambda h, mask=None: h
    transformer = RandomEncoderTransformer(encoder=encoder).fit(series())
    with pytest.raises(ValueError, match="not as its recipe FCNEncoder"):
        save_encoder(transformer, tmp_path / "encoder.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_what_has_no_encoder_is_not_stored(tmp_path, fitted):
    path = tmp_path / "encoder.safetensors"
    with pytest.raises(NotFittedError):
        save_encoder(VICRegTransformer(), path)
    for wrong in (make_pipeline(fitted), None, fitted.net_):
        with pytest.raises(TypeError):
            save_encoder(wrong, path)
    with pytest.raises(FileNotFoundError):
        save_encoder(fitted, tmp_path / "missing" / "encoder.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_the_home_folder(fitted, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    save_encoder(fitted, "~/encoder.safetensors")
    assert_same(load_encoder("~/encoder.safetensors", device="cpu"), fitted, series())


@pytest.mark.parametrize("path", [None, 3, "", "a\0b"])
def test_what_is_no_path(fitted, path):
    for use in (partial(save_encoder, fitted), load_encoder):
        with pytest.raises((TypeError, ValueError), match="`path`"):
            use(path)


def test_unknown_device(path):
    with pytest.raises(ValueError, match="`device` must be"):
        load_encoder(path, device="abacus")


def pretrained(n_channels=1):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = ChannelIndependentEncoder(ResNetEncoder(depth=1, width=4)).build(n_channels)
    return PretrainedTransformer(encoder=encoder, device="cpu", random_state=0)


def test_sklearn_contract():
    expected = {"check_estimators_overwrite_params": "PyTorch pickles, and joblib hashes, a module with its addresses"}
    results = check_estimator(pretrained(), expected_failed_checks=expected, on_skip=None)
    assert {result["status"] for result in results} <= {"passed", "skipped", "xfail"}
    assert [result["check_name"] for result in results if result["status"] == "xfail"] == list(expected)


CHECKS = [check for check in ssl_checks(pretrained()) if check.func.__name__ != "check_round_trips"]  # is slow


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.func.__name__)
def test_series_contract(check):
    check()


@pytest.mark.parametrize("encoder", [None, ResNetEncoder(), "encoder.safetensors"])
def test_a_pretrained_transformer_needs_a_module(encoder):
    with pytest.raises(TypeError, match=r"must be a torch\.nn\.Module with weights"):
        PretrainedTransformer(encoder=encoder).fit(series())
