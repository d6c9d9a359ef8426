import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer, SSLClassifier, VICRegTransformer
from sklearn_ssl.encoders import FCNEncoder
from sklearn_ssl.evaluation import _occlusion, occlusion
from sklearn_ssl.preprocessing import ChannelWise, FillMissing

L = 24


class Flatten(TransformerMixin, BaseEstimator):
    """Every value is a feature; padding is zero."""

    def fit(self, X, y=None):
        self.n_channels_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.nan_to_num(X).reshape(len(X), -1)


class SegmentMean(TransformerMixin, BaseEstimator):
    """The mean of channel 1 over the steps 10 to 14."""

    def fit(self, X, y=None):
        self.n_channels_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X[:, 1, 10:15].mean(axis=1, keepdims=True)


class Majority(ClassifierMixin, BaseEstimator):
    """Knows no scores."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return self.classes_[(X[:, 0] > 0).astype(int)]


def series(n=20, seed=0):
    x = np.random.default_rng(seed).normal(size=(n, 2, L))
    y = np.arange(n) % 2
    x[:, 1, 10:15] += np.where(y, 2, -2)[:, None]
    return x, np.array(["down", "up"])[y]


def tiny(**params):
    return RandomEncoderTransformer(encoder=FCNEncoder(width=4, kernel_sizes=(3,)), random_state=0, **params)


def naive_importance(f, x, window, step, replace):
    """Average over the patches that cover a step the change of f when the patch is replaced."""
    total, count = np.zeros(x.shape), np.zeros(x.shape)
    starts = sorted({*range(0, x.shape[1] - window, step), x.shape[1] - window})
    for channel in range(len(x)):
        for start in starts:
            occluded = x.copy()
            for t in range(start, start + window):
                occluded[channel, t] = replace(x[channel], t, start, start + window)
            change = f(x, occluded)
            for t in range(start, start + window):
                total[channel, t] += change
                count[channel, t] += 1
    return total / count


def bridge(row, t, start, end):
    if start == 0:
        return row[end]
    if end == len(row):
        return row[start - 1]
    share = (t - start + 1) / (end - start + 1)
    return (1 - share) * row[start - 1] + share * row[end]


REPLACEMENTS = {
    "mean": lambda row, *at: row.mean(),
    "zero": lambda row, *at: 0.0,
    "interpolate": bridge,
    1.5: lambda row, *at: 1.5,
}


def test_only_the_segment_and_channel_that_count_get_importance():
    X, y = series()
    model = make_pipeline(SegmentMean(), LogisticRegression()).fit(X, y)
    result = occlusion(model, X[:4], window=1)
    assert result.output == "probability"
    assert result.explained.tolist() == model.predict(X[:4]).tolist()
    elsewhere = np.ones((2, L), dtype=bool)
    elsewhere[1, 10:15] = False
    assert (result.importance[:, elsewhere] == 0).all()
    assert (result.importance[:, 1, 10:15] != 0).all()
    assert result.importance[:, 1, 10:15].mean() > 0


@pytest.mark.parametrize("baseline", REPLACEMENTS)
@pytest.mark.parametrize(("window", "step"), [(1, 1), (5, 2), (7, 7), (L - 1, 3)])
def test_a_linear_model_in_closed_form(baseline, window, step):
    X, _ = series()
    model = make_pipeline(Flatten(), LinearRegression()).fit(X, X[:, 0, 3] - X[:, 1, 7])
    weights = model[-1].coef_.reshape(2, L)
    expected = naive_importance(lambda x, o: abs((weights * (x - o)).sum()), X[0], window, step, REPLACEMENTS[baseline])
    result = occlusion(model, X[:1], window=window, step=step, baseline=baseline)
    assert result.output == "prediction"
    np.testing.assert_allclose(result.importance[0], expected, atol=1e-12)


def test_the_embedding_moves_by_a_relative_distance():
    X, _ = series()
    transformer = Flatten().fit(X)
    expected = naive_importance(
        lambda x, o: np.sqrt(((x - o) ** 2).sum() / (x**2).sum()), X[2], 4, 2, REPLACEMENTS["zero"]
    )
    result = occlusion(transformer, X[2], window=4, step=2, baseline="zero")
    assert result.output == "features"
    np.testing.assert_allclose(result.importance[0], expected, atol=1e-12)


def test_an_embedding_of_zeros_has_the_distance_itself():
    X, _ = series()
    result = occlusion(Flatten().fit(X), np.zeros((1, 2, L)), window=L, baseline=2.0)
    np.testing.assert_allclose(result.importance, np.sqrt(4 * L))


def test_several_targets():
    X, _ = series()
    model = make_pipeline(Flatten(), LinearRegression()).fit(X, np.stack([X[:, 0, 3], 2 * X[:, 1, 7]], axis=1))
    weights = model[-1].coef_.reshape(2, 2, L)
    expected = naive_importance(
        lambda x, o: np.linalg.norm((weights * (x - o)).sum(axis=(1, 2))), X[0], 3, 1, REPLACEMENTS["zero"]
    )
    np.testing.assert_allclose(occlusion(model, X[:1], window=3, step=1, baseline="zero").importance[0], expected)


def test_the_decision_function_where_there_are_no_probabilities():
    X, y = series()
    model = make_pipeline(Flatten(), RidgeClassifier()).fit(X, y)
    result = occlusion(model, X[:2], window=1, baseline="zero")
    weights = model[-1].coef_.reshape(2, L)
    signs = np.where(result.explained == "up", 1, -1)
    assert result.output == "decision"
    np.testing.assert_allclose(result.importance, signs[:, None, None] * weights * X[:2], atol=1e-12)


def test_a_vote_where_there_are_no_scores():
    X, y = series()
    model = make_pipeline(SegmentMean(), Majority()).fit(X, y)
    result = occlusion(model, X[:2], window=L, baseline=-np.sign(model[0].transform(X[:1]))[0, 0])
    assert result.output == "vote"
    assert set(np.unique(result.importance)) <= {0.0, 1.0}
    assert (result.importance[0, 1] == 1).all()
    assert (result.importance[:, 0] == 0).all()


class Thirds(Majority):
    def predict(self, X):
        return self.classes_[np.digitize(X[:, 0], (-1, 1))]


def test_a_vote_among_three_classes():
    X, _ = series()
    X[:3, 1, 10:15] = np.array([-3.0, 0.0, 3.0])[:, None]
    model = make_pipeline(SegmentMean(), Thirds()).fit(X, np.arange(20) % 3)
    result = occlusion(model, X[:3], window=L, baseline="zero")
    assert result.explained.tolist() == [0, 1, 2]
    assert result.importance[:, 1, 0].tolist() == [1, 0, 1]


def test_another_class_can_be_followed():
    X, y = series()
    model = make_pipeline(SegmentMean(), LogisticRegression()).fit(X, y)
    up = occlusion(model, X[:3], y=["up"] * 3)
    down = occlusion(model, X[:3], y=["down"] * 3)
    assert up.explained.tolist() == ["up"] * 3
    np.testing.assert_allclose(up.importance, -down.importance, atol=1e-12)


def test_blocks_change_nothing(monkeypatch):
    X, _ = series()
    model = make_pipeline(Flatten(), LinearRegression()).fit(X, X[:, 0, 3])
    whole = occlusion(model, X[:2], window=3).importance
    monkeypatch.setattr(_occlusion, "BLOCK_VALUES", 5 * 2 * L)
    np.testing.assert_allclose(occlusion(model, X[:2], window=3).importance, whole)


def test_short_series_are_occluded_inside_alone():
    X, _ = series()
    transformer = tiny().fit(X)
    ragged = [X[0], X[1][:, :9], X[2][:, :2]]
    result = occlusion(transformer, ragged, window=4, step=2)
    assert np.isnan(result.importance[1, :, 9:]).all()
    assert np.isfinite(result.importance[1, :, :9]).all()
    assert np.isfinite(result.importance[2, :, :2]).all()
    alone = occlusion(transformer, [X[1][:, :9]], window=4, step=2).importance[0]
    np.testing.assert_allclose(result.importance[1, :, :9], alone, rtol=1e-4, atol=1e-6)
    table = result.to_frame()
    assert table.columns.tolist() == ["case", "channel", "timepoint", "value", "importance"]
    assert len(table) == 2 * (L + 9 + 2)
    row = table.iloc[-1]
    assert row["importance"] == result.importance[2, 1, 1]
    assert row["value"] == X[2][1, 1]


def test_defaults_are_a_tenth_and_a_half():
    X, _ = series()
    transformer = Flatten().fit(np.zeros((2, 2, 100)))
    result = occlusion(transformer, np.pad(X[:1], ((0, 0), (0, 0), (0, 100 - L))))
    assert (result.window, result.step, result.baseline) == (10, 5, "mean")


def test_short_series_have_patches_of_one_step():
    X, _ = series()
    result = occlusion(Flatten().fit(X[:, :, :5]), X[:1, :, :5])
    assert (result.window, result.step) == (1, 1)


@pytest.mark.parametrize(
    ("row", "baseline", "expected"),
    [
        ([1.0, np.nan, 3.0, 8.0], "mean", 4.0),
        ([1.0, np.nan, 3.0, 8.0], "interpolate", [1 + 7 / 3, 1 + 14 / 3]),
        ([np.nan, 2.0, 4.0, np.nan], "interpolate", 3.0),  # nothing is known outside the patch
        ([np.nan] * 4, "mean", 0.0),
        ([np.nan] * 4, "interpolate", 0.0),
        ([1.0, 2.0, 3.0, 4.0], "zero", 0.0),
        ([1.0, 2.0, 3.0, 4.0], -2.5, -2.5),
    ],
)
def test_what_replaces_a_patch_of_a_channel_with_missing_values(row, baseline, expected):
    replaced = np.broadcast_to(_occlusion._replacement(np.array(row), slice(1, 3), baseline), 2)
    np.testing.assert_allclose(replaced, np.broadcast_to(expected, 2))


def test_two_dimensions_are_channels_or_cases():
    X, _ = series()
    assert occlusion(Flatten().fit(X), X[0]).importance.shape == (1, 2, L)
    assert occlusion(tiny().fit(X[:, 0]), X[:3, 0]).importance.shape == (3, 1, L)
    assert occlusion(make_pipeline(ChannelWise(StandardScaler()), tiny()).fit(X), X[0]).series.shape == (1, 2, L)


def test_a_classifier_with_its_own_encoder_knows_its_channels():
    X, y = series()
    model = SSLClassifier(tiny(), mode="probe", random_state=0).fit(X, y)
    assert occlusion(model, X[0], window=12).importance.shape == (1, 2, L)


def test_missing_values_stay_with_the_pipeline_that_fills_them():
    X, y = series()
    X[0, 0, 5:7] = np.nan
    model = make_pipeline(FillMissing(), tiny(), LogisticRegression()).fit(X, y)
    for baseline in ("mean", "interpolate"):
        assert np.isfinite(occlusion(model, X[:1], baseline=baseline).importance).all()


def test_a_search_a_clusterer_and_projections():
    X, y = series()
    grid = {"logisticregression__C": [1.0]}
    search = GridSearchCV(make_pipeline(tiny(), LogisticRegression()), grid, cv=2).fit(X, y)
    assert occlusion(search, X[:1], window=6).output == "probability"
    clusters = make_pipeline(tiny(), KMeans(2, n_init=1, random_state=0)).fit(X)
    assert occlusion(clusters, X[:1], window=6).output == "features"
    trained = VICRegTransformer(encoder=FCNEncoder(width=4, kernel_sizes=(3,)), max_epochs=1, random_state=0).fit(X)
    projected = occlusion(trained, X[:1], window=6, space="projections")
    assert projected.output == "projections"
    assert not np.allclose(projected.importance, occlusion(trained, X[:1], window=6).importance)
    np.testing.assert_array_equal(
        occlusion(trained.net_, X[:1], window=6).importance, occlusion(trained, X[:1], window=6).importance
    )


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"window": 0}, "`window` must be a whole number from 1 to 24"),
        ({"window": L + 1}, "got 25"),
        ({"window": 2.0}, "`window`"),
        ({"window": True}, "`window`"),
        ({"window": 4, "step": 5}, "`step` must be a whole number from 1 to 4"),
        ({"step": 0}, "`step`"),
        ({"baseline": "median"}, "`baseline`"),
        ({"baseline": np.nan}, "`baseline`"),
        ({"space": "latent"}, "`space`"),
        ({"space": "projections"}, "an estimator that predicts"),
        ({"y": ["up"]}, "one class for each of the 2 series"),
        ({"y": ["up", "sideways"]}, "sideways"),
    ],
)
def test_bad_parameters(params, match):
    X, y = series()
    model = make_pipeline(SegmentMean(), LogisticRegression()).fit(X, y)
    with pytest.raises(ValueError, match=match):
        occlusion(model, X[:2], **params)


def test_estimators_that_do_not_suit():
    X, _ = series()
    with pytest.raises(NotFittedError):
        occlusion(tiny(), X)
    with pytest.raises(ValueError, match="not a classifier"):
        occlusion(Flatten().fit(X), X[:1], y=["up"])
    with pytest.raises(TypeError, match="transformer"):
        occlusion(LogisticRegression().fit(X[:, 0], np.arange(20) % 2), X[:1])


def test_scores_are_one_column_for_each_class():
    _occlusion._check_scores("predict_proba", np.ones((4, 2)), 2)
    with pytest.raises(ValueError, match=r"`predict_proba` must return one column for each of the 2 classes.*\(4, 3\)"):
        _occlusion._check_scores("predict_proba", np.ones((4, 3)), 2)
