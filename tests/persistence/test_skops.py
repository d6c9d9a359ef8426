"""What skops can store and what it cannot, as the user guide says."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer, SSLClassifier, VICRegTransformer
from sklearn_ssl.encoders import FCNEncoder, ResNetEncoder
from sklearn_ssl.persistence import load_encoder, load_predictor, save_encoder, save_predictor
from sklearn_ssl.preprocessing import ChannelWise, FillMissing

skops = pytest.importorskip("skops.io")

X = np.random.default_rng(0).normal(size=(12, 2, 20)).astype(np.float32)
y = np.arange(12) % 2


def through_skops(estimator):
    """Store and load an estimator, and trust the types of this package alone."""
    content = skops.dumps(estimator)
    types = skops.get_untrusted_types(data=content)
    assert all(name.startswith("sklearn_ssl.") for name in types)
    return skops.loads(content, trusted=types)


def untrained():
    return RandomEncoderTransformer(encoder=FCNEncoder(width=4), device="cpu", random_state=0)


def test_recipes_and_unfitted_transformers():
    loaded = through_skops(VICRegTransformer(encoder=ResNetEncoder(depth=1)))
    assert repr(loaded) == repr(VICRegTransformer(encoder=ResNetEncoder(depth=1)))


@pytest.mark.parametrize(
    "estimator", [ChannelWise(StandardScaler()), FillMissing()], ids=["ChannelWise", "FillMissing"]
)
def test_fitted_preprocessing(estimator):
    np.testing.assert_array_equal(through_skops(estimator.fit(X)).transform(X), estimator.transform(X))


@pytest.mark.parametrize("make", [untrained, lambda: SSLClassifier(untrained(), mode="probe", random_state=0)])
def test_fitted_nets_cannot_be_stored(make):
    with pytest.raises(Exception, match="Cannot directly construct TensorBase"):  # skops passes on an error of PyTorch
        skops.dumps(make().fit(X, y))


def test_the_encoder_by_itself_and_the_rest_by_skops(tmp_path):
    pipeline = make_pipeline(ChannelWise(StandardScaler()), untrained(), LogisticRegression()).fit(X, y)
    save_encoder(pipeline[1], tmp_path / "encoder.safetensors")
    before, after = through_skops(pipeline[:1]), through_skops(pipeline[2:])
    loaded = make_pipeline(*before, load_encoder(tmp_path / "encoder.safetensors", device="cpu"), *after)
    np.testing.assert_array_equal(loaded.predict_proba(X), pipeline.predict_proba(X))


def test_the_predictor_by_itself_and_the_rest_by_skops(tmp_path):
    classifier = SSLClassifier(untrained(), mode="probe", random_state=0)
    pipeline = make_pipeline(ChannelWise(StandardScaler()), classifier).fit(X, y)
    save_predictor(pipeline[-1], tmp_path / "predictor.safetensors")
    before = through_skops(pipeline[:-1])
    loaded = make_pipeline(*before, load_predictor(tmp_path / "predictor.safetensors", device="cpu"))
    np.testing.assert_array_equal(loaded.predict_proba(X), pipeline.predict_proba(X))
