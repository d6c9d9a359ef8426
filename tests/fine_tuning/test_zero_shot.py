"""Classes by their descriptions, also without training series."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import CLIPTransformer, SimCLRTransformer, ZeroShotClassifier
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import FCNEncoder
from sklearn_ssl.evaluation import RetrievalScorer, retrieval_scorer
from sklearn_ssl.evaluation._retrieval import _reciprocal_ranks
from sklearn_ssl.preprocessing import ChannelWise
from sklearn_ssl.projectors import MLPProjector

X, Y = make_waves(n_cases=60, n_channels=1, n_timepoints=64, random_state=0)
FRESH, FRESH_Y = make_waves(n_cases=100, n_channels=1, n_timepoints=64, random_state=1)
TEXTS = {0: "sine wave, 3 cycles", 1: "triangle wave, 4 cycles", 2: "square wave, 5 cycles", 3: "saw-tooth, 7 cycles"}
NAMED = np.array(["slow sine", "slow saw", "fast sine", "fast saw"])


def clip(**parameters):
    small = {"encoder": FCNEncoder(width=24, kernel_sizes=(15, 9)), "batch_size": 20, "max_steps": 50, "lr": 1e-2}
    return CLIPTransformer(**{**small, "device": "cpu", "random_state": 0, **parameters})


def quick(**parameters):
    return clip(encoder=FCNEncoder(width=4, kernel_sizes=(3,)), projector=MLPProjector(width=4), max_steps=2)


def sines_and_saws(n, seed, classes=range(4)):
    """Return sines and saw-teeth, slow and fast, and their names."""
    random = np.random.RandomState(seed)
    kinds = np.repeat(list(classes), n)
    cycles = np.where(kinds < 2, 3, 9)[:, None] * random.uniform(0.9, 1.1, (len(kinds), 1))
    phase = cycles * np.arange(64) / 64 + random.rand(len(kinds), 1)
    waves = np.where(kinds[:, None] % 2 == 0, np.sin(2 * np.pi * phase), 2 * (phase % 1) - 1)
    return (waves + 0.1 * random.randn(*waves.shape))[:, None], NAMED[kinds]


@pytest.fixture(scope="module")
def classifier():
    return ZeroShotClassifier(clip(), descriptions=TEXTS).fit(X, Y)


def test_fresh_series_are_named(classifier):
    assert classifier.score(FRESH, FRESH_Y) > 0.9
    assert_array_equal(classifier.classes_, [0, 1, 2, 3])
    probabilities = classifier.predict_proba(FRESH)
    assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert_array_equal(probabilities.argmax(axis=1), classifier.predict(FRESH))


def test_series_that_overflow_are_refused(classifier):
    with pytest.raises(ValueError, match="NaN or infinite"):
        classifier.predict_proba(np.where(np.arange(64) == 3, 1e38, FRESH[:2]))


def test_a_score_has_weights_and_checked_classes(classifier):
    right = classifier.predict(FRESH) == FRESH_Y
    assert classifier.score(FRESH, np.where(right, FRESH_Y, -1), sample_weight=right) == 1
    with pytest.raises(ValueError, match=r"None or NaN|missing"):
        classifier.score(FRESH, [None, *FRESH_Y[1:]])
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        classifier.score(FRESH, FRESH_Y + 0.5)


def test_probabilities_are_those_of_the_similarities(classifier):
    transformer = classifier.transformer_
    expected = softmax(transformer.similarity(FRESH, list(TEXTS.values())), axis=1)
    assert_allclose(classifier.predict_proba(FRESH), expected, rtol=1e-3, atol=1e-6)


def test_a_class_without_series_is_named_by_what_its_words_mean_elsewhere():
    series, names = sines_and_saws(20, 0, classes=(0, 1, 2))
    classifier = ZeroShotClassifier(clip(), descriptions=dict(zip(NAMED, NAMED, strict=True)))
    fresh, names_of_fresh = sines_and_saws(30, 1, classes=(3,))
    predicted = classifier.fit(series, names).predict(fresh)
    assert_array_equal(classifier.classes_, sorted(NAMED))
    assert (predicted == names_of_fresh).mean() > 0.5  # chance is a quarter


@pytest.fixture(scope="module")
def with_new_classes():
    texts = {**TEXTS, 4: "slow sine wave", 5: "slow square wave"}
    return ZeroShotClassifier(clip(max_steps=20), descriptions=texts, novelty_level=0.2).fit(X, np.minimum(Y, 2))


def test_new_classes_share_the_probability_of_being_new(with_new_classes):
    z, own = with_new_classes, with_new_classes.transformer_.embed(X)
    cosines = z.transformer_.embed(FRESH[:30]) @ z.class_embeddings_.T
    found = z.predict_proba(FRESH[:30])
    for case, row in enumerate(cosines):
        nearest = row[:3].argmax()
        of_nearest = own[np.minimum(Y, 2) == nearest] @ z.class_embeddings_[nearest]
        new = 0.2 / (0.2 + np.mean([one < row[nearest] for one in of_nearest]))
        exponents = np.exp(z.transformer_.scale_ * row)
        expected = [*(1 - new) * exponents[:3] / exponents[:3].sum(), *new * exponents[3:] / exponents[3:].sum()]
        assert_allclose(found[case], expected, rtol=1e-3, atol=1e-6)
    assert_array_equal(z.predict(FRESH), z.predict_proba(FRESH).argmax(axis=1))


def test_a_higher_level_takes_more_series_for_new_ones(with_new_classes):
    one_new = with_new_classes.with_descriptions({**dict(list(TEXTS.items())[:3]), 4: "slow sine wave"})
    few, many = (one_new.set_params(novelty_level=level).predict(FRESH) == 4 for level in (0.05, 0.5))
    assert 0 < few.sum() < many.sum() < len(FRESH)
    assert not (few & ~many).any()


def test_without_a_level_there_is_no_test_of_novelty(with_new_classes):
    plain = clone(with_new_classes).set_params(
        novelty_level=0, transformer=FrozenEstimator(with_new_classes.transformer_)
    )
    plain.fit(X, np.minimum(Y, 2))
    similarities = plain.transformer_.similarity(FRESH, list(plain.descriptions_.values()))
    assert_allclose(plain.predict_proba(FRESH), softmax(similarities, axis=1), rtol=1e-3, atol=1e-6)
    unlabelled = clone(plain).set_params(novelty_level=0.2).fit(X)
    assert_allclose(unlabelled.predict_proba(FRESH), plain.predict_proba(FRESH), rtol=1e-5)


def test_new_classes_need_no_fit(classifier):
    transformer = classifier.transformer_
    other = classifier.with_descriptions({"round": "sine wave", "edgy": "square wave"})
    assert_array_equal(other.classes_, ["edgy", "round"])
    assert other.transformer_ is transformer
    assert other.descriptions == other.descriptions_
    assert_array_equal(classifier.classes_, [0, 1, 2, 3])
    assert classifier.descriptions == TEXTS
    two = np.isin(FRESH_Y, [0, 2])
    assert (other.predict(FRESH[two]) == np.where(FRESH_Y[two] == 0, "round", "edgy")).mean() > 0.9
    of_texts = classifier.with_descriptions(["sine wave", "square wave"])
    assert_array_equal(of_texts.predict(FRESH[two]) == "sine wave", other.predict(FRESH[two]) == "round")
    with pytest.raises(ValueError, match=r"No word of the text 'circle'"):
        classifier.with_descriptions(["sine", "circle"])


def test_prompts_are_averaged(classifier):
    fitted = FrozenEstimator(classifier.transformer_)
    prompts = ("{}", "{} of a wave", "square {}")
    prompted = ZeroShotClassifier(fitted, descriptions=TEXTS, prompts=prompts).fit(X)
    vectors = [classifier.transformer_.embed_text([one.format(text) for one in prompts]) for text in TEXTS.values()]
    mean = np.mean(vectors, axis=1)
    assert_allclose(
        prompted.class_embeddings_, mean / np.linalg.norm(mean, axis=1, keepdims=True), rtol=1e-4, atol=1e-6
    )


def test_series_take_turns_at_the_prompts(monkeypatch):
    seen, fit = [], CLIPTransformer.fit

    def watched(self, X, y=None):
        seen.extend(y)
        return fit(self, X, y)

    monkeypatch.setattr(CLIPTransformer, "fit", watched)
    ZeroShotClassifier(quick(), descriptions=TEXTS, prompts=("a {}", "the {}")).fit(X[:5], [0, 1, 2, 3, 0])
    assert seen == [f"{word} {TEXTS[row % 4]}" for row, word in enumerate(["a", "the", "a", "the", "a"])]


def test_labels_are_their_own_descriptions():
    classifier = ZeroShotClassifier(quick()).fit(X, Y)
    assert classifier.descriptions_ == {0: "0", 1: "1", 2: "2", 3: "3"}
    named = ZeroShotClassifier(quick()).fit(X, NAMED[Y])
    assert named.descriptions_ == dict(zip(NAMED, NAMED, strict=True))
    more = ZeroShotClassifier(quick(), descriptions=list(NAMED)).fit(X[:9], NAMED[:3].repeat(3))
    assert_array_equal(more.classes_, sorted(NAMED))


def test_a_frozen_transformer_is_used_as_it_is(classifier):
    frozen = FrozenEstimator(classifier.transformer_)
    other = clone(ZeroShotClassifier(frozen, descriptions=TEXTS)).fit(X)
    assert other.transformer_.net_ is classifier.transformer_.net_
    assert_array_equal(other.predict(FRESH), classifier.predict(FRESH))
    assert_array_equal(pickle.loads(pickle.dumps(other)).predict(FRESH), classifier.predict(FRESH))
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        ZeroShotClassifier(frozen).fit(X)
    with pytest.raises(NotFittedError):
        ZeroShotClassifier(FrozenEstimator(quick()), descriptions=TEXTS).fit(X)
    with pytest.raises(ValueError, match=r"X has 2 channel\(s\), but `transformer` was fitted on series with 1"):
        ZeroShotClassifier(frozen, descriptions=TEXTS).fit(np.concatenate([X, X], axis=1))


def test_in_a_search():
    search = GridSearchCV(
        ZeroShotClassifier(quick(), descriptions=TEXTS), {"transformer__projector__width": [2, 4]}, cv=2
    )
    assert search.fit(X, Y).best_estimator_.transformer_.projector.width in (2, 4)
    pipeline = make_pipeline(ChannelWise(StandardScaler()), ZeroShotClassifier(quick(), descriptions=TEXTS))
    assert pipeline.fit(X, Y).predict(X).shape == (60,)


@pytest.mark.parametrize(
    ("parameters", "y", "kind", "message"),
    [
        (
            {"descriptions": {0: "up", 1: "down"}},
            [0, 1, 2],
            ValueError,
            r"no text for the class\(es\) \[2\] of y. Add one",
        ),
        ({"descriptions": {0: "up", 1: "up"}}, [0, 1, 0], ValueError, "the same text for two classes"),
        ({"descriptions": ["up", "up"]}, ["up", "up", "up"], ValueError, r"has a text twice: \['up', 'up'\]"),
        ({"descriptions": {}}, [0, 1, 0], TypeError, "`descriptions` must be a dictionary"),
        ({"descriptions": "up"}, [0, 1, 0], TypeError, "`descriptions` must be a dictionary"),
        ({"descriptions": {0: "up", 1: " "}}, [0, 1, 0], ValueError, "must have a text for each label, got ' ' for 1"),
        ({}, [1, 1, 1], ValueError, "needs series of two classes or more, and y has one class only: 1"),
        ({}, [0.5, 1.5, 0.1], ValueError, "Unknown label type"),
        ({"prompts": ()}, [0, 1, 0], ValueError, r"`prompts` must be sentences with {} .*, got \(\)"),
        ({"prompts": ("a wave",)}, [0, 1, 0], ValueError, "`prompts` must be sentences with {}"),
        ({"prompts": 3}, [0, 1, 0], ValueError, "`prompts` must be sentences with {} .*, got 3"),
        ({"transformer": SimCLRTransformer()}, [0, 1, 0], TypeError, "must learn from series and texts.*got SimCLR"),
        (
            {"transformer": clip(descriptions=TEXTS)},
            [0, 1, 0],
            ValueError,
            "Give `descriptions` to ZeroShotClassifier alone",
        ),
    ],
)
def test_what_cannot_be_learnt(classifier, parameters, y, kind, message):
    other = clone(classifier).set_params(descriptions=None, transformer=quick()).set_params(**parameters)
    with pytest.raises(kind, match=message):
        other.fit(X[:3], y)
    assert not hasattr(other, "classes_")


def test_classes_must_differ_in_words_that_were_learnt(classifier):
    texts = {0: "sine wave", 1: "wave sine", 2: "square wave"}
    with pytest.raises(ValueError, match=r"classes \[0, 1\] have the same vector: \['sine wave', 'wave sine'\]"):
        classifier.with_descriptions(texts)
    assert len(classifier.classes_) == 4


def test_nothing_is_lost_by_a_fit_that_fails(classifier):
    before = dict(vars(classifier))
    with pytest.raises(ValueError, match="no text for"):
        classifier.fit(X, Y + 1)
    assert vars(classifier) == before
    with pytest.raises(ValueError, match="`descriptions` must have a text for each class, got None"):
        classifier.with_descriptions(None)


# --- retrieval ---


def test_retrieval_of_waves(classifier):
    texts = [TEXTS[one] for one in FRESH_Y]
    assert RetrievalScorer(measure="precision")(classifier.transformer_, FRESH, texts) > 0.8
    assert retrieval_scorer(classifier.transformer_, FRESH, texts) > 0.9
    wrong = [TEXTS[(one + 1) % 4] for one in FRESH_Y]
    assert RetrievalScorer(measure="precision")(classifier.transformer_, FRESH, wrong) < 0.2
    assert retrieval_scorer(classifier.transformer_, FRESH, wrong) < 0.6


def test_reciprocal_ranks():
    similarities = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [1.0, 1.0, 1.0]])
    assert_allclose(_reciprocal_ranks(similarities, np.array([0, 1, 2, 1])), [1, 1 / 2, 1 / 3, 1 / 2])


def test_precision_counts_as_many_series_as_a_text_has():
    similarities = np.array([[5.0, 0.0], [4.0, 9.0], [3.0, 8.0], [2.0, 7.0]])
    groups = np.array([0, 0, 1, 0])
    assert_allclose(RetrievalScorer(n_neighbors=2)._precisions(similarities, groups), [1, 0])
    assert_allclose(RetrievalScorer(n_neighbors=5)._precisions(similarities, groups), [2 / 3, 0])
    assert_allclose(RetrievalScorer(n_neighbors=1)._precisions(similarities[:, ::-1], groups), [1, 0])


def test_a_search_by_retrieval():
    pipeline = make_pipeline(ChannelWise(StandardScaler()), quick())
    grid = {"cliptransformer__projector__width": [4, 8]}
    search = GridSearchCV(pipeline, grid, scoring=retrieval_scorer, cv=2).fit(X, [TEXTS[one] for one in Y])
    assert 0 < search.best_score_ <= 1
    with pytest.raises(TypeError, match=r"must have learnt from series and texts, as CLIPTransformer\(\) does"):
        retrieval_scorer(SimCLRTransformer(max_epochs=0).fit(X), X, Y)
    with pytest.raises(ValueError, match="`measure` must be"):
        RetrievalScorer(measure="recall")(search, X, [TEXTS[one] for one in Y])
