"""What the benchmarks are built from: a table that outlives a kill, methods by name, equal input, means and ranks."""

import sys

import numpy as np
import pytest


@pytest.fixture
def table(tmp_path):
    from growing_table import GrowingTable

    def opened():
        return GrowingTable(tmp_path / "table.csv", ("set", "seed", "score"), ("set", "seed"))

    return opened


def test_rows_are_there_when_the_table_is_opened_again(table):
    table().append({"set": "A, b", "seed": 0, "score": 0.5})
    assert table().rows() == {("A, b", "0"): {"set": "A, b", "seed": "0", "score": "0.5"}}


@pytest.mark.parametrize("kept", range(1, 12))
def test_an_unfinished_last_line_is_cut_off(table, tmp_path, kept):
    table().append({"set": "A", "seed": 0, "score": 0.5})
    whole = (tmp_path / "table.csv").read_bytes()
    (tmp_path / "table.csv").write_bytes(whole + b"B,1,0.75\r\n"[:kept])
    table().append({"set": "B", "seed": 1, "score": 1.0})
    scores = {key: row["score"] for key, row in table().rows().items()}
    assert scores == {("A", "0"): "0.5", ("B", "1"): "1.0"}


def test_an_unfinished_header_is_written_again(table, tmp_path):
    (tmp_path / "table.csv").write_text("set,se")
    assert table().rows() == {}


def test_of_rows_with_the_same_key_the_last_counts(table):
    opened = table()
    for score in (0.1, 0.2):
        opened.append({"set": "A", "seed": 0, "score": score})
    assert opened.rows()["A", "0"]["score"] == "0.2"


def test_a_table_of_other_columns_is_refused(table, tmp_path):
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="columns"):
        table().rows()


def test_methods_by_name():
    from methods_by_name import make_method, transformers

    from sklearn_ssl import RandomEncoderTransformer, SimCLRTransformer
    from sklearn_ssl.encoders import ResNetEncoder

    assert transformers()["SimCLR"] is SimCLRTransformer
    plain = make_method("RandomEncoder", random_state=3, max_epochs=1)
    assert isinstance(plain, RandomEncoderTransformer)
    assert plain.random_state == 3
    nested = make_method("SimCLR(encoder=ResNetEncoder(width=8), temperature=0.5)", max_epochs=1)
    assert isinstance(nested.encoder, ResNetEncoder)
    assert (nested.encoder.width, nested.temperature, nested.max_epochs) == (8, 0.5, 1)


@pytest.mark.parametrize("text", ["NoMethod", "SimCLR(encoder=NoEncoder())", "print('hello')"])
def test_unknown_names_are_refused(text):
    from methods_by_name import make_method

    with pytest.raises(ValueError, match=r"There is no '(NoMethod|NoEncoder|print)'"):
        make_method(text)


def test_series_of_unequal_length_become_one_array():
    from archive_rows import of_length

    short, long = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0, 5.0, 6.0]])
    np.testing.assert_array_equal(of_length([short, long], 3), [[[1.0, 2.0, np.nan]], [[3.0, 4.0, 5.0]]])


@pytest.mark.parametrize(("name", "done"), [("ItalyPowerDemand", "as is"), ("JapaneseVowels", "padded")])
def test_both_parts_have_one_length_and_no_gaps(name, done):
    from archive_rows import series

    (X, y), (X_test, y_test), what = series(name, None)
    assert what == done
    assert X.shape[1:] == X_test.shape[1:]
    assert (len(X), len(X_test)) == (len(y), len(y_test))
    assert np.isfinite(X).all()
    assert np.isfinite(X_test).all()


def row(name, method, seed, linear="", own="", error=""):
    from archive_rows import FIELDS

    return {**dict.fromkeys(FIELDS, ""), "set": name, "method": method, "seed": seed, "error": error} | {
        "linear": linear,
        "own": own,
        "features": "8" if linear else "",
        "fit seconds": "1.0",
    }


def test_means_and_ranks():
    from archive import means

    rows = [
        *(row("A", "one", seed, linear=score) for seed, score in enumerate(("0.8", "0.6"))),
        row("B", "one", 0, linear="0.9"),
        *(row(name, "classifier", 0, own=score) for name, score in (("A", "0.75"), ("B", "0.8"))),
        row("A", "broken", 0, linear="1.0"),
        row("B", "broken", 0, error="ValueError: no"),
        row("A", "costly", 0, own="0.5"),
        row("B", "costly", 0, error="skipped: 1e13 cells"),
    ]
    table = means(rows, ["one", "classifier", "broken", "costly"]).set_index("method")
    assert list(table.index) == ["broken", "one", "classifier", "costly"]
    assert list(table["linear"]) == ["1.000", "0.800", "", ""]
    assert list(table["own"]) == ["", "", "0.775", "0.500"]
    assert list(table["rank, linear"]) == ["", "1.50", "1.50", ""]
    assert list(table["sets"]) == ["1 of 2", "2 of 2", "2 of 2", "1 of 2"]
    assert list(table["note"]) == ["1 failed", "", "", "1 skipped for cost"]
    assert list(table["seeds"]) == ["1", "2", "1", "1"]
    assert list(table["points to untrained"]) == [""] * 4


def test_a_method_is_compared_with_the_untrained_encoder_of_its_own_seeds():
    from archive import means

    rows = [
        *(row("A", "RandomEncoder", seed, linear=score) for seed, score in enumerate(("0.5", "0.9"))),
        *(row("B", "RandomEncoder", seed, linear=score) for seed, score in enumerate(("0.6", "0.6"))),
        row("A", "one", 0, linear="0.6"),
        row("B", "one", 0, linear="0.58"),
        *(row("A", "classifier", seed, own="0.8") for seed in range(2)),
    ]
    table = means(rows, ["RandomEncoder", "one", "classifier"]).set_index("method")
    columns = ["seeds", "points to untrained", "sets ahead", "sets behind"]
    assert list(table.loc["one", columns]) == ["1", "+4.0", "1", "1"]
    assert list(table.loc["classifier", columns]) == ["2", "+10.0", "1", "0"]
    assert list(table.loc["RandomEncoder", columns]) == ["2", "", "", ""]


def test_the_table_by_set_has_per_cent_and_says_what_was_padded():
    from archive import by_set

    rows = [
        *(row("A", "one", seed, linear=score) | {"input": "as is"} for seed, score in enumerate(("0.8", "0.6"))),
        row("B", "classifier", 0, own="0.8125") | {"input": "padded"},
        row("B", "one", 0, error="ValueError: no"),
    ]
    table = by_set(rows, ["one", "classifier"])
    assert list(table.columns) == ["method", "A", "B (padded)"]
    assert table.to_numpy().tolist() == [["one", "70.0", ""], ["classifier", "", "81.2"]]


def test_slopes():
    from scaling import slopes

    rows = [
        {"axis": "series", "size": str(n), "method": "m", "operation": "fit", "seconds": 2e-3 * n, "beyond MiB": 30.0}
        for n in (1000, 10, 100)
    ]
    (line,) = slopes(rows)
    assert (line["sizes"], line["slope, time"]) == ("10 to 1000", "1.00")
    assert abs(float(line["slope, memory beyond the data"])) == 0


def test_fine_tuning_and_the_bare_loop_make_the_same_steps(monkeypatch):
    import fine_tuning_speed as speed

    X = np.random.default_rng(0).normal(size=(70, 1, 30)).astype(np.float32)
    y = np.arange(70) % 4
    transformer = speed.RandomEncoderTransformer(device="cpu", random_state=0).fit(X)
    weights = transformer.net_.module_.state_dict()
    before = {name: value.clone() for name, value in weights.items()}
    sizes = []
    cross_entropy = speed.F.cross_entropy
    monkeypatch.setattr(speed.F, "cross_entropy", lambda a, b: sizes.append(len(b)) or cross_entropy(a, b))
    speed.bare_loop(transformer, X, y, epochs=2)
    monkeypatch.undo()
    frozen = speed.FrozenEstimator(transformer)
    fitted = speed.SSLClassifier(frozen, max_epochs=2, batch_size=speed.BATCH_SIZE, random_state=0).fit(X, y)
    assert len(sizes) == fitted.net_.steps_ == 6
    assert sum(sizes) == 2 * len(X)
    assert all(value.equal(weights[name]) for name, value in before.items()), "of the pretrained encoder"


THEIRS = """
import numpy as np

class TS2Vec:
    def __init__(self, input_dims, device, **settings):
        self.input_dims, self.settings = input_dims, settings

    def fit(self, train_data, n_iters):
        self.seen, self.n_iters, self.drawn = train_data, n_iters, np.random.rand()

    def encode(self, data, encoding_window):
        return data.max(axis=1) if encoding_window == "full_series" else None
"""


def test_authors_code_gets_steps_before_channels_and_the_seed(tmp_path, monkeypatch):
    from archive_rows import instance

    (tmp_path / "ts2vec.py").write_text(THEIRS)
    monkeypatch.setenv("TS2VEC", str(tmp_path))
    monkeypatch.setattr(sys, "path", list(sys.path))
    X = np.random.default_rng(0).normal(size=(5, 2, 7))
    models = [instance(name, 3, "cpu").fit(X) for name in ("TS2Vec by its authors", "untrained TS2Vec by its authors")]
    for model, n_iters in zip(models, (None, 0), strict=True):
        np.testing.assert_array_equal(model.transform(X), X.max(axis=2))
        np.testing.assert_array_equal(model.model_.seen, X.transpose(0, 2, 1))
        assert (model.model_.input_dims, model.model_.n_iters) == (2, n_iters)
    assert models[0].model_.drawn == models[1].model_.drawn


@pytest.mark.parametrize("folder", [None, "nowhere"])
def test_authors_code_that_is_missing_is_named_with_the_remedy(folder, monkeypatch):
    from archive_rows import instance

    monkeypatch.delenv("TS2VEC", raising=False)
    if folder:
        monkeypatch.setenv("TS2VEC", folder)
    with pytest.raises(FileNotFoundError, match=r"https://github.com/\S+, .* environment variable TS2VEC"):
        instance("TS2Vec by its authors", 0, "cpu").fit(np.zeros((5, 2, 7)))
