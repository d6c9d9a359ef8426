"""The step from whatever the user gives to features and views."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from shared import small
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer
from sklearn_ssl.augmentations import Jitter
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.evaluation import Representation, _representation
from sklearn_ssl.preprocessing import ChannelWise, OutlierFiltered
from sklearn_ssl.projectors import MLPProjector

X, Y = make_waves(n_cases=20, n_channels=2, n_timepoints=32, n_classes=2, random_state=0)
RAGGED = [series[:, : 32 - case % 5] for case, series in enumerate(X)]


@pytest.fixture(scope="module")
def transformer():
    return small(projector=MLPProjector(width=8), augmentation=Jitter(sigma=0.3), max_epochs=1).fit(X)


@pytest.fixture(scope="module")
def pipeline():
    steps = ChannelWise(StandardScaler()), small(RandomEncoderTransformer), PCA(2), LogisticRegression()
    return make_pipeline(*steps).fit(X, Y)


class Spread(TransformerMixin, BaseEstimator):
    """A transformer of series from elsewhere, with an augmentation of its own."""

    augmentation = Jitter(sigma=0.1)

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return np.std(X, axis=2)


def lengths_of(x, lengths):
    """Replace every value by the length of its series."""
    return torch.zeros_like(x) + lengths[:, None, None]


def test_an_embedding_stands_for_itself():
    H = np.random.default_rng(0).normal(size=(5, 3))
    representation = Representation.of(None)
    assert representation.embed(H) is not None
    assert_array_equal(representation.embed(H), H)
    assert representation.embed(H.astype(np.float32)).dtype == np.float32
    assert representation.embed(H.astype(int)).dtype == np.float64
    assert (representation.name, representation.net, representation.makes_views) == ("embedding", None, False)
    for given in (None, Jitter()):
        with pytest.raises(ValueError, match="Views are made of series, not of embeddings"):
            representation.embed_views(H, 2, augmentation=given)
    with pytest.raises(ValueError, match='`space` must be "features" here, since embedding has no projector'):
        representation.embed(H, "projections")


def test_a_transformer_and_its_net(transformer):
    of_transformer, of_net = Representation.of(transformer), Representation.of(transformer.net_)
    for representation in (of_transformer, of_net):
        assert representation.net is transformer.net_
        assert representation.before is representation.after is None
        assert representation.makes_views
        assert_array_equal(representation.embed(X), transformer.transform(X))
        with torch.no_grad():
            projections = transformer.net_.module_.eval().projections(torch.from_numpy(X).float())
        np.testing.assert_allclose(representation.embed(X, "projections"), projections, rtol=1e-5, atol=1e-6)
    assert (of_transformer.name, of_net.name) == ("SimCLRTransformer", "SSLNet")
    assert of_transformer.transformer is transformer
    assert isinstance(of_net.augmentation(), Jitter)


def test_the_steps_before_and_after(pipeline):
    representation = Representation.of(pipeline)
    assert representation.transformer is pipeline[1]
    assert representation.before.steps[0][1][0] is pipeline[0]
    assert [step for _, step in representation.after.steps[0][1].steps] == [pipeline[2], pipeline[3]]
    assert_array_equal(representation.series(X), pipeline[0].transform(X))
    assert_array_equal(representation.embed(X), pipeline[:2].transform(X))
    assert_array_equal(representation.after.predict(representation.embed(X)), pipeline.predict(X))
    collection = representation.collection(X)
    assert_array_equal(collection.values, pipeline[0].transform(X).astype(np.float32))
    assert (representation.net, representation.makes_views) == (pipeline[1].net_, False)


def test_pipelines_within_pipelines(pipeline):
    scale, embed, reduce, predict = (step for _, step in pipeline.steps)
    nested = make_pipeline(scale, make_pipeline(FrozenEstimator(embed), reduce), predict)
    representation = Representation.of(nested)
    assert representation.transformer is embed
    assert_array_equal(representation.embed(X), pipeline[:2].transform(X))
    assert_array_equal(representation.after.predict(representation.embed(X)), pipeline.predict(X))


def test_the_last_step_that_transforms_where_none_encodes():
    pipeline = make_pipeline(Spread(), StandardScaler(), PCA(1), LogisticRegression()).fit(X, Y)
    representation = Representation.of(pipeline)
    assert representation.transformer is pipeline[2]
    assert_array_equal(representation.embed(X), pipeline[:3].transform(X))


def test_searches_and_filters_are_looked_through(transformer):
    search = GridSearchCV(Spread(), {}, scoring=lambda estimator, X: 0.0, cv=2).fit(X)
    assert Representation.of(search).transformer is search.best_estimator_
    filtered = OutlierFiltered(small(RandomEncoderTransformer)).fit(X)
    assert Representation.of(filtered).transformer is filtered.estimator_
    search = GridSearchCV(Spread(), {}, scoring=lambda estimator, X: 0.0, cv=2, refit=False).fit(X)
    with pytest.raises(TypeError, match="refit=False has no fitted estimator"):
        Representation.of(search)


def test_unfitted_searches_and_filters():
    for estimator in (GridSearchCV(Spread(), {}), OutlierFiltered(small(RandomEncoderTransformer))):
        with pytest.raises(NotFittedError):
            Representation.of(estimator)


def test_views_by_hand(transformer):
    representation = Representation.of(transformer)
    views = representation.embed_views(X, 3, random_state=5)
    for v, seed in enumerate(np.random.RandomState(5).randint(2**31 - 1, size=3)):
        torch.manual_seed(int(seed))
        view = transformer.resolved("augmentation")(torch.from_numpy(X).float())
        assert_array_equal(views[:, v], transformer.transform(view.numpy()))
    given = representation.embed_views(X, 1, augmentation=Jitter(sigma=0.0), space="projections")
    assert_array_equal(given[:, 0], representation.embed(X, "projections"))


def test_views_of_padded_series_are_padded(transformer):
    representation = Representation.of(transformer)
    (view,) = _representation.random_views(representation.collection(RAGGED), lengths_of, 1, 0)
    assert view.dtype == np.float32
    for case, series in enumerate(RAGGED):
        n_steps = series.shape[1]
        assert (view[case, :, :n_steps] == n_steps).all()
        assert np.isnan(view[case, :, n_steps:]).all()
    same = representation.embed_views(RAGGED, 1, augmentation=Jitter(sigma=0.0))
    np.testing.assert_allclose(same[:, 0], transformer.transform(RAGGED), rtol=1e-4, atol=1e-5)


def test_views_are_made_in_batches_in_the_order_of_the_series(transformer, monkeypatch):
    monkeypatch.setattr(_representation, "INFERENCE_STEPS", 3 * 32)
    (view,) = _representation.random_views(Representation.of(transformer).collection(X), Jitter(sigma=0.0), 1, 0)
    assert_array_equal(view, X.astype(np.float32))


def test_a_transformer_from_elsewhere_with_an_augmentation():
    representation = Representation.of(Spread().fit(X))
    assert representation.name == "Spread"
    assert representation.augmentation() is Spread.augmentation
    assert representation.embed_views(X, 2).shape == (20, 2, 2)


def test_wrong_input_is_an_error(transformer, pipeline):
    representation = Representation.of(transformer)
    with pytest.raises(ValueError, match="X has 1 channels, but the transformer was fitted on 2"):
        representation.collection(X[:, :1])
    with pytest.raises(ValueError, match="`space` must be one of 'features', 'projections', got 'latent'"):
        representation.embed(X, "latent")
    with pytest.raises(ValueError, match="minimum of 21 is required"):
        representation.embed(X, min_cases=21)
    with pytest.raises(ValueError, match="the embedding contains NaN"):
        Representation.of(None).embed([[0.0, np.nan]])
    with pytest.raises(TypeError, match="`augmentation` must be an augmentation such as"):
        representation.augmentation(Jitter)
    with pytest.raises(ValueError, match="RandomEncoderTransformer makes no views by itself"):
        Representation.of(pipeline).augmentation()
    with pytest.raises(TypeError, match="give None as the transformer and the embedding as X"):
        Representation.of(LogisticRegression())
    with pytest.raises(TypeError, match=r"No step of the Pipeline transforms: \['logisticregression'\]"):
        Representation.of(make_pipeline(LogisticRegression().fit(X[:, 0], Y)))


@pytest.mark.parametrize("attributes", [{"represent": None}, {"module_": None}])
def test_half_a_net_is_none(attributes):
    with pytest.raises(TypeError):
        Representation.of(SimpleNamespace(**attributes))


def test_of_few_series_all_are_looked_at_as_they_are():
    X = np.zeros((5, 1, 4))
    assert _representation.some_cases(X, None, 0) is X
    assert _representation.some_cases(X, 5, 0) is X
    assert len(_representation.some_cases(X, 4, 0)) == 4
