"""What CLIP promises: one space of series and texts, neighbours both ways, and every form of what goes with series."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from small_paired import DESCRIPTIONS, FRESH, FRESH_Y, OF_SERIES, TEXTS, X, Y, small, taught

from sklearn_ssl import S4LClassifier, SSLClassifier
from sklearn_ssl._input.collections import collection_of
from sklearn_ssl.architectures import Batch, PairedArchitecture
from sklearn_ssl.encoders import FCNEncoder
from sklearn_ssl.losses import clip_loss
from sklearn_ssl.projectors import MLPProjector

ROWS = np.argsort(Y, kind="stable")[::5]  # three series of each wave
FEW, FEW_TEXTS = X[ROWS], OF_SERIES[ROWS]


@pytest.fixture(scope="module")
def clip():
    return taught()


@pytest.fixture(scope="module")
def of_table():
    table = pd.DataFrame({"place": ["left", None] * 6, "age": np.arange(12) // 2 * 10.0, "old": [True, False] * 6})
    return small().fit(FEW, table), table


# --- what is learnt ---


def test_fresh_series_are_found_by_their_texts(clip):
    _, indices = clip.neighbors(TEXTS, FRESH, n_neighbors=5)
    assert (FRESH_Y[indices] == np.arange(4)[:, None]).mean() > 0.8
    _, best = clip.text_neighbors(FRESH, TEXTS, n_neighbors=1)
    assert (best[:, 0] == FRESH_Y).mean() > 0.9
    assert (clip.similarity(FRESH, TEXTS).argmax(axis=1) == best[:, 0]).all()


def test_shuffled_texts_teach_nothing():
    places = pd.Series(Y).groupby(Y).cumcount().to_numpy()  # the series of each wave have all texts, in turns
    wrong = taught(TEXTS[(Y + places) % 4], max_steps=20)
    assert (wrong.similarity(FRESH, TEXTS).argmax(axis=1) == FRESH_Y).mean() < 0.5


def test_every_series_meets_its_own_text(monkeypatch):
    seen, forward = [], PairedArchitecture.forward

    def watched(self, batch):
        seen.append((batch.x[:, 0, 0], batch.companion["text"][:, 0], batch.companion["group"]))
        return forward(self, batch)

    monkeypatch.setattr(PairedArchitecture, "forward", watched)
    numbers = np.random.RandomState(0).permutation(23)  # one for each series
    series = np.repeat(numbers[:, None, None], 16, axis=2) + np.linspace(0, 0.1, 16)
    small(batch_size=8).fit(series, numbers)
    first, text, group = (torch.cat(parts) for parts in zip(*seen, strict=True))
    assert sorted(first.tolist()) == list(range(23))
    assert_allclose(text * numbers.std() + numbers.mean(), first, atol=1e-5)  # a column of numbers is standardised
    assert_array_equal(numbers[group], first)


def test_the_loss_is_that_of_the_projections():
    transformer = small(max_epochs=0).fit(FEW, FEW_TEXTS)
    module = transformer.net_.module_
    companion = transformer._companion(FEW_TEXTS, collection_of(FEW), reset=False)
    z, t, groups, scale = module(transformer.net_.series(collection_of(FEW), companion)[torch.arange(12)])
    assert_array_equal(np.unique(FEW_TEXTS)[groups], FEW_TEXTS)
    assert float(scale.detach()) == pytest.approx(1 / 0.07)
    embedded = torch.nn.functional.normalize(t)
    assert_allclose(embedded.detach(), transformer.embed_text(FEW_TEXTS), atol=1e-6)
    assert_allclose(clip_loss(z, t, groups, scale).detach(), transformer._loss()(z, t, groups, scale).detach())
    assert transformer.collapsed_loss_ == pytest.approx((math.log(4) + math.log(12)) / 2)


def test_the_texts_of_two_fits_do_not_share_a_checkpoint(tmp_path):
    losses = [small(checkpoint=tmp_path).fit(FEW, y).loss_curve_ for y in (FEW_TEXTS, FEW_TEXTS[::-1])]
    assert losses[0] != losses[1]
    contents = [small().fit(FEW, y).companion_encoder_.fit(y, 12).content() for y in (FEW_TEXTS, FEW_TEXTS[::-1])]
    assert contents[0] != contents[1]


# --- the temperature ---


@pytest.fixture
def architecture():
    views = {"augmentation": lambda x, lengths: x, "projector": MLPProjector(width=4)}
    texts = {"text_projector": MLPProjector(width=6), "n_text_features": 3}
    shape = {"encoder": FCNEncoder(width=4), "pooling": None, "n_channels": 1, "n_timepoints": 8}
    return PairedArchitecture(**views, **texts, **shape)


@pytest.mark.parametrize(("direction", "end"), [(-1, 100), (1, 1)])
def test_the_scale_stays_in_its_range_and_comes_back(architecture, direction, end):
    optimizer = torch.optim.SGD([architecture.log_scale], lr=1.0)
    for _ in range(50):
        optimizer.zero_grad()
        (direction * architecture.log_scale).backward()
        optimizer.step()
        architecture.after_step()
    assert float(architecture.scale.detach()) == pytest.approx(end)
    optimizer.zero_grad()
    (-direction * architecture.scale).backward()
    assert architecture.log_scale.grad != 0


def test_the_scale_after_fifty_steps_of_rate_one():
    transformer = small(max_steps=50, net_params={"optimizer__param_groups": [("log_scale", {"lr": 1.0})]})
    assert 1 <= transformer.fit(X, OF_SERIES).scale_ <= 100.0001


def test_a_fixed_temperature_stays():
    transformer = small(temperature=0.2, learn_temperature=False).fit(FEW, FEW_TEXTS)
    assert transformer.scale_ == pytest.approx(5)
    assert small(temperature=0.2).fit(FEW, FEW_TEXTS).scale_ != pytest.approx(5, abs=1e-6)


def test_only_the_scale_is_free_of_decay():
    net = small(weight_decay=0.5, max_epochs=0).fit(FEW, FEW_TEXTS).net_
    free = [group for group in net.optimizer_.param_groups if group["weight_decay"] == 0]
    assert len(free) == 1
    assert free[0]["params"][0] is net.module_.log_scale
    assert len(free[0]["params"]) == 1


def test_text_projections_are_as_wide_as_those_of_series(architecture):
    batch = Batch(torch.randn(5, 1, 8), companion={"text": torch.randn(5, 3), "group": torch.arange(5)})
    z, t, _, _ = architecture(batch)
    assert z.shape == t.shape == (5, 4)
    transformer = small(text_projector=MLPProjector(depth=0))
    with pytest.raises(
        ValueError, match=r"`text_projector` has no layers, so vectors of 11 values .* 8. Set its `depth`"
    ):
        transformer.fit(FEW, FEW_TEXTS)


def test_few_texts_need_few_directions_and_no_warning():
    transformer = taught(TEXTS[Y // 2], max_steps=20)  # a warning would be an error
    assert not dict(transformer.net_.callbacks_)["collapse"].collapsed_


@pytest.mark.parametrize("others", [{"callbacks": "disable"}, {"callbacks__collapse": None}, {"callbacks": []}])
def test_users_change_callbacks_of_which_it_sets_a_parameter(others):
    net = small(net_params=others).fit(FEW, FEW_TEXTS).net_
    monitor = dict(net.callbacks_).get("collapse")
    assert monitor is None if "disable" in others.values() or None in others.values() else monitor.ranks_ == {}


# --- one space ---


def test_vectors_have_length_one(clip):
    for vectors, n in ((clip.embed(FRESH), 100), (clip.embed_text(TEXTS), 4)):
        assert vectors.shape == (n, 128)
        assert vectors.dtype == np.float32
        assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_similarities_are_scaled_cosines(clip):
    expected = clip.scale_ * clip.embed(FRESH) @ clip.embed_text(TEXTS).T
    assert_allclose(clip.similarity(FRESH, TEXTS), expected)
    similarities, indices = clip.neighbors(TEXTS[:2], FRESH, 3)
    assert similarities.shape == indices.shape == (2, 3)
    assert_allclose(similarities, np.sort(expected.T[:2], axis=1)[:, :-4:-1], rtol=1e-5)
    assert_allclose(np.take_along_axis(expected.T[:2], indices, axis=1), similarities, rtol=1e-5)
    of_vectors = clip.neighbors(TEXTS[:2], embeddings=clip.embed(FRESH), n_neighbors=3)
    assert_array_equal(of_vectors[1], indices)


def test_places_of_texts_do_not_matter(clip):
    vectors = clip.embed_text(TEXTS)
    assert_allclose(clip.embed_text([*TEXTS[::-1], TEXTS[0]]), vectors[[3, 2, 1, 0, 0]], atol=1e-6)


def test_series_of_other_lengths(clip):
    ragged = [series[:, : 20 + case] for case, series in enumerate(FRESH[:5])]
    alone = np.concatenate([clip.embed(series[None]) for series in ragged])
    assert_allclose(clip.embed(ragged), alone, atol=1e-5)


def test_features_are_those_of_the_encoder(clip):
    module = clip.net_.module_
    with torch.no_grad():
        features = module.features(torch.from_numpy(FRESH[:4]))
    assert_allclose(clip.transform(FRESH[:4]), features, rtol=1e-4, atol=1e-5)


def test_questions_that_have_no_answer(clip):
    with pytest.raises(ValueError, match="Give either the series `X` or their `embeddings`"):
        clip.neighbors(TEXTS)
    with pytest.raises(ValueError, match="Give either the series `X` or their `embeddings`"):
        clip.neighbors(TEXTS, FRESH, embeddings=clip.embed(FRESH))
    with pytest.raises(ValueError, match=r"`embeddings` must have the shape \(n_cases, 128\).* got \(2, 3\)"):
        clip.neighbors(TEXTS, embeddings=np.zeros((2, 3)))
    for n_neighbors in (0, 5, 1.5):
        with pytest.raises(
            ValueError, match="`n_neighbors` must be a whole number from 1 to 4, the number that there are"
        ):
            clip.text_neighbors(FRESH, TEXTS, n_neighbors)
    for method in ("embed", "embed_text"):
        with pytest.raises(NotFittedError):
            getattr(small(), method)(TEXTS)
    with pytest.raises(NotFittedError):
        _ = small().scale_


# --- forms of what goes with series ---


def test_labels_with_descriptions_are_their_texts(clip):
    described = taught(Y, descriptions=DESCRIPTIONS)
    assert_array_equal(described.embed(FRESH), clip.embed(FRESH))
    assert_array_equal(described.embed_text([3, 0]), clip.embed_text(TEXTS[[3, 0]]))
    assert_array_equal(described.embed_text(["sine wave"]), clip.embed_text(["sine wave"]))
    names = dict(zip("abcd", TEXTS, strict=True))
    named = small(descriptions=names).fit(FEW, np.array(list("abcd"))[Y[ROWS]])
    assert_array_equal(named.embed_text(["b", TEXTS[1]]), named.embed_text([TEXTS[1]] * 2))


def test_a_table_of_metadata(of_table):
    transformer, table = of_table
    assert transformer.companion_encoder_.columns == ["place", "age", "old"]
    assert transformer.companion_encoder_.n_features == 2 + 1 + 2  # two places, one number, two truth values
    vectors = transformer.embed_text(table)
    assert_array_equal(transformer.embed_text(table[["old", "age", "place"]]), vectors)
    assert transformer.embed_text(pd.DataFrame({"place": ["up"], "age": [3.0], "old": [True]})).shape == (1, 8)
    values = small().fit(FEW, table.to_numpy(dtype=object))
    assert_array_equal(values.embed_text(table.to_numpy(dtype=object)), vectors)


def as_array(table):
    return table.to_numpy()


def test_columns_of_a_table_have_the_order_of_the_fit():
    table = pd.DataFrame({"a": np.arange(12.0), "b": np.ones(12)})
    transformer = small(text_encoder=as_array).fit(FEW, table)
    assert_array_equal(transformer.embed_text(table[["b", "a"]]), transformer.embed_text(table))


def test_numbers_are_a_column():
    numbers = np.linspace(0, 1, 12)
    expected = small().fit(FEW, numbers[:, None]).embed_text(numbers[:, None])
    for y in (numbers, numbers.tolist(), numbers.astype(object), pd.Series(numbers, index=range(5, 17))):
        assert_array_equal(small().fit(FEW, y).embed_text(y), expected)


def lengths(texts):
    """Encode texts by their number of letters and whether they have a number in them."""
    return np.array([[len(text), "3" in text] for text in texts], dtype=float)


def sparse_lengths(texts):
    return csr_matrix(lengths(texts))


@pytest.mark.parametrize(
    ("encoder", "width"),
    [
        (CountVectorizer(analyzer="char"), None),
        (HashingVectorizer(n_features=32), 32),
        (lengths, 2),
        (sparse_lengths, 2),
    ],
)
def test_text_encoders(encoder, width):
    transformer = small(text_encoder=encoder).fit(FEW, FEW_TEXTS)
    assert width in (None, transformer.companion_encoder_.n_features)
    assert transformer.companion_encoder_.encoder is not encoder or callable(encoder)
    again = pickle.loads(pickle.dumps(transformer))
    assert_array_equal(again.embed_text(TEXTS), transformer.embed_text(TEXTS))
    assert transformer.partial_fit(FEW, FEW_TEXTS).net_.epochs_ == 2


def test_an_encoder_sees_each_text_once():
    calls = []

    def counted(texts):
        calls.append(list(texts))
        return lengths(texts)

    transformer = small(text_encoder=counted, descriptions=DESCRIPTIONS).fit(X, Y)
    assert calls == [sorted(TEXTS)]
    transformer.partial_fit(X[:3], [2, 0, 2])
    assert calls[1:] == [sorted(TEXTS[[0, 2]])]
    transformer.embed_text(["a 3", "b", "a 3"])
    assert calls[2:] == [["a 3", "b"]]


def test_many_words_become_their_main_directions():
    many = [" ".join(f"w{case}x{word}" for word in range(60)) + " wave" for case in range(12)]
    transformer = small().fit(FEW, many)
    assert transformer.companion_encoder_.n_features == 12
    few = small().fit(FEW, [" ".join(text.split()[:40]) for text in many])
    assert few.companion_encoder_.n_features == 480


def test_texts_with_the_same_words_are_one_text():
    swapped = np.where(np.arange(12) % 2, FEW_TEXTS, [" ".join(text.split()[::-1]) for text in FEW_TEXTS])
    transformer, other = (small(text_encoder=CountVectorizer()).fit(FEW, texts) for texts in (FEW_TEXTS, swapped))
    assert other.companion_encoder_.n_distinct == 4
    assert_array_equal(transformer.transform(FEW), other.transform(FEW))


def test_the_sign_of_a_number_is_read():
    transformer = small().fit(FEW, np.where(np.arange(12) % 2, "rest -1", "rest 1"))
    assert {"-1", "1"} < set(transformer.companion_encoder_.encoder.vocabulary_)


def test_partial_fit_keeps_the_words_of_the_first_call():
    transformer = small().partial_fit(FEW, FEW_TEXTS)
    words = transformer.companion_encoder_.encoder.vocabulary_
    transformer.partial_fit(FEW, ["sine of the unknown"] * 12)  # one text alone is enough to go on
    assert transformer.companion_encoder_.encoder.vocabulary_ == words
    assert np.isfinite(transformer.loss_curve_).all()
    assert transformer.companion_encoder_.n_distinct == 4


# --- bad input ---


def test_texts_that_have_one_vector_cannot_be_told_apart():
    with pytest.raises(ValueError, match=r"gives all 2 texts of y the same vector, that of 'down up'.*differ in words"):
        small().fit(FEW, ["up down", "down up"] * 6)


TABLE = pd.DataFrame({"age": [1.0, 2.0, 3.0]})
BAD = {
    "nothing": (None, ValueError, "requires y to be passed, but the target y is None: give a text or a row"),
    "one text": ("walk", TypeError, r"`y` is one text, 'walk'. Give a list of texts, such as \['walk'\]"),
    "too few": (["a b", "cd"], ValueError, "inconsistent numbers of samples"),
    "an empty text": (["up", " ", "down"], ValueError, "`y` has no text in row 1, got ' '. Write one, or leave it out"),
    "None": (["up", "down", None], ValueError, "`y` has no text in row 2, got None"),
    "NaN": (np.array([np.nan, "up", "down"], dtype=object), ValueError, "`y` has no text in row 0, got nan"),
    "a number": (["up", 3, "down"], TypeError, "got 3 in row 1. If it has labels, give `descriptions`"),
    "equal texts": (["up"] * 3, ValueError, "y has one text or row only, 'up', so there is nothing to tell apart"),
    "no words": (["!", "?", "."], ValueError, "`text_encoder` failed on `y`: empty vocabulary"),
    "an unknown word": (
        ["up", "down", "!"],
        ValueError,
        "No word of the text '!' of `y` is known from the texts of fit",
    ),
    "three dimensions": (np.zeros((3, 1, 1)), ValueError, r"one text or one row per series, got the shape \(3, 1, 1\)"),
    "a missing number": ([1.0, np.nan, 2.0], ValueError, "`y` has nan in row 1 of the column '0'.*SimpleImputer"),
    "an infinite number": (TABLE.replace(3.0, np.inf), ValueError, "`y` has inf in row 2 of the column 'age'"),
    "mixed cells": (
        TABLE.assign(b=["x", 1, "y"]),
        ValueError,
        "values of several kinds in the column 'b', such as 'x'",
    ),
    "nested cells": (TABLE.assign(b=[[1], [2], [3]]), ValueError, "values of several kinds in the column 'b'"),
    "equal columns": (TABLE.assign(b=1).set_axis(["b", "b"], axis=1), ValueError, r"different names, got \['b', 'b'\]"),
    "no column": (TABLE[[]], ValueError, r"different names, got \[\]"),
    "lists": ([["up"], ["a", "b"], []], (ValueError, TypeError), "."),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_go_with_series(what):
    y, kind, message = BAD[what]
    transformer = small().fit(FEW, FEW_TEXTS)
    before = dict(vars(transformer))
    with pytest.raises(kind, match=message):
        transformer.fit(X[:3], y)
    assert vars(transformer) == before


LABELS = {0: "up", 1: "down"}


@pytest.mark.parametrize(
    ("descriptions", "y", "kind", "message"),
    [
        (LABELS, [0, 1, 5], ValueError, r"no text for the label\(s\) \[5\] of `y`. Add one for each, or leave"),
        (LABELS, ["0", "1", "up"], ValueError, r"no text for the label\(s\) \['0', '1', 'up'\]"),
        (["up", "down"], [0, 1, 0], TypeError, "`descriptions` must be a dictionary such as"),
        ({}, [0, 1, 0], TypeError, "`descriptions` must be a dictionary such as"),
        ({0: "up", 1: ""}, [0, 1, 0], ValueError, "must have a text for each label, got '' for 1"),
        ({0: "up", 1: None}, [0, 1, 0], ValueError, "must have a text for each label, got None for 1"),
        (LABELS, [0, 1, [0]], (TypeError, ValueError), "."),
    ],
)
def test_labels_and_descriptions_that_do_not_fit(descriptions, y, kind, message):
    with pytest.raises(kind, match=message):
        small(descriptions=descriptions).fit(X[:3], y)


def flat(texts):
    return np.zeros(len(texts))


def one_row(texts):
    return np.ones((1, 3))


def infinite(texts):
    return np.full((len(texts), 2), np.inf)


def wide(texts):
    return csr_matrix((len(texts), 4097))


@pytest.mark.parametrize(
    ("encoder", "kind", "message"),
    [
        (flat, ValueError, r"an array of shape \(4, n_values\), got \(4,\)"),
        (one_row, ValueError, r"an array of shape \(4, n_values\), got \(1, 3\)"),
        (infinite, ValueError, "`text_encoder` returned NaN or infinite values"),
        (wide, ValueError, "returns 4097 values per text.*TruncatedSVD.*HashingVectorizer"),
        (HashingVectorizer(), ValueError, "returns 1048576 values per text"),
        (CountVectorizer, TypeError, r"`text_encoder` must be a transformer such as TfidfVectorizer\(\), a function"),
        ("tfidf", TypeError, "a function or None, got 'tfidf'"),
        (FunctionTransformer(np.asarray), ValueError, "`text_encoder`"),
    ],
)
def test_text_encoders_that_return_something_else(encoder, kind, message):
    with pytest.raises(kind, match=message):
        small(text_encoder=encoder).fit(FEW, FEW_TEXTS)


def test_questions_of_another_form(clip, of_table):
    with pytest.raises(ValueError, match="No word of the text 'circle' of `texts` is known"):
        clip.similarity(FRESH, ["sine", "circle"])
    with pytest.raises(ValueError, match="`texts` has rows of metadata, and the transformer was fitted with texts"):
        clip.embed_text([1, 2])
    with pytest.raises(ValueError, match=r"`texts` is empty. Give at least one"):
        clip.embed_text([])
    with pytest.raises(TypeError, match=r"`texts` is one text, 'sine'. Give a list of texts"):
        clip.neighbors("sine", FRESH)
    transformer, table = of_table
    with pytest.raises(ValueError, match="`texts` has texts, and the transformer was fitted with rows of metadata"):
        transformer.embed_text(["left"])
    for other in (table[["age"]], table.assign(more=1), table.rename(columns={"age": "years"})):
        with pytest.raises(ValueError, match=r"`texts` has the columns .* was fitted with \['place', 'age', 'old'\]"):
            transformer.embed_text(other)
    with pytest.raises(ValueError, match="`y` has texts"):
        transformer.partial_fit(FEW, FEW_TEXTS)


# --- together with scikit-learn ---


def test_one_y_serves_both_steps_of_a_pipeline():
    pipeline = Pipeline([("clip", small(descriptions=DESCRIPTIONS)), ("knn", KNeighborsClassifier(1))])
    search = GridSearchCV(pipeline, {"clip__projector__width": [4, 8]}, cv=2).fit(X, Y)
    assert search.best_estimator_["clip"].descriptions == DESCRIPTIONS
    assert search.score(X, Y) > 0.9


def test_predictors_take_it_fitted(clip):
    classifier = SSLClassifier(FrozenEstimator(clip), mode="probe", random_state=0).fit(X, Y)
    assert classifier.score(FRESH, FRESH_Y) > 0.9
    for cls in (SSLClassifier, S4LClassifier):
        with pytest.raises(TypeError, match=r"Fit it first, and give.*FrozenEstimator\(transformer\)"):
            cls(small()).fit(X, Y)
    with pytest.raises(TypeError, match="`transformer` needs texts or metadata in each step"):
        S4LClassifier(FrozenEstimator(clip)).fit(X, Y)


def test_descriptions_of_a_fit_stay():
    descriptions = dict(DESCRIPTIONS)
    transformer = small(descriptions=descriptions).fit(FEW, Y[ROWS])
    descriptions[0] = "saw-tooth"
    assert_array_equal(transformer.embed_text([0]), transformer.embed_text([TEXTS[0]]))
