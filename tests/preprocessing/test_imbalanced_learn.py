"""Series inside pipelines of imbalanced-learn, as the guide describes."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer, SSLClassifier
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.preprocessing import ChannelWise

imblearn = pytest.importorskip("imblearn")
from imblearn.over_sampling import SMOTE, RandomOverSampler  # noqa: E402
from imblearn.pipeline import make_pipeline  # noqa: E402

SMALL = ResNetEncoder(depth=1, width=4)


def balanced(X, y):
    rows, _ = RandomOverSampler(random_state=0).fit_resample(np.arange(len(y))[:, None], y)
    return [X[row] for row in rows[:, 0]] if isinstance(X, list) else X[rows[:, 0]], y[rows[:, 0]]


@pytest.fixture
def unbalanced():
    X, y = make_waves(n_cases=48, n_channels=2, n_timepoints=30, n_classes=2, random_state=0)
    kept = np.flatnonzero((y == y[0]) | (np.arange(48) % 3 == 0))
    return X[kept], y[kept]


class Recorder(LogisticRegression):
    def fit(self, X, y, sample_weight=None):
        self.counts_ = np.unique(y, return_counts=True)[1]
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize("form", ["3-D", "list"])
def test_rows_of_series_are_drawn_before_the_transformer(unbalanced, form):
    X, y = unbalanced
    if form == "list":
        X = [series[:, : 20 + case % 7] for case, series in enumerate(X)]
    sampler = imblearn.FunctionSampler(func=balanced, validate=False)
    encoder = RandomEncoderTransformer(encoder=SMALL, random_state=0)
    model = make_pipeline(ChannelWise(StandardScaler()), sampler, encoder, Recorder())
    predicted = model.fit(X, y).predict(X)
    assert model[-1].counts_.tolist() == [(y == y[0]).sum()] * 2
    assert predicted.shape == y.shape  # nothing is drawn at predict
    assert cross_val_score(model, X, y, cv=2).shape == (2,)


def test_features_are_drawn_after_the_transformer(unbalanced):
    X, y = unbalanced
    encoder = RandomEncoderTransformer(encoder=SMALL, random_state=0)
    model = make_pipeline(encoder, StandardScaler(), SMOTE(k_neighbors=2, random_state=0), Recorder()).fit(X, y)
    assert model[-1].counts_.tolist() == [(y == y[0]).sum()] * 2
    features = model[:2].transform(X)
    assert_array_equal(model.predict(X), model[-1].predict(features))


def test_a_classifier_of_series_ends_the_pipeline(unbalanced):
    X, y = unbalanced
    sampler = imblearn.FunctionSampler(func=balanced, validate=False)
    transformer = RandomEncoderTransformer(encoder=SMALL, random_state=0)
    model = make_pipeline(sampler, SSLClassifier(transformer, random_state=0)).fit(X, y)
    assert model.predict_proba(X).shape == (len(y), 2)
