import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer
from sklearn_ssl.encoders import FCNEncoder
from sklearn_ssl.evaluation import embedding_importance
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.preprocessing import ChannelWise


def tiny(**params):
    return RandomEncoderTransformer(encoder=FCNEncoder(width=3, kernel_sizes=(5, 3, 3)), random_state=0, **params)


def series(n=40, seed=0):
    y = np.arange(n) % 2
    x = np.random.default_rng(seed).normal(size=(n, 2, 30)) * (1 + y[:, None, None])
    return x, np.array(["quiet", "loud"])[y]


def embedding(n=200, seed=0):
    H = np.random.default_rng(seed).normal(size=(n, 4))
    return H, (H[:, 2] > 0).astype(int)


def test_it_is_permutation_importance_to_the_last_digit():
    X, y = series()
    embed = tiny(pooling=Pooling(statistics=("mean",)))
    model = make_pipeline(ChannelWise(StandardScaler()), embed, StandardScaler(), LogisticRegression()).fit(X, y)
    table = embedding_importance(model, X, y, n_repeats=2, random_state=3, scoring="neg_log_loss")
    H = model[:2].transform(X)
    by_hand = permutation_importance(model[2:], H, y, n_repeats=2, random_state=3, scoring="neg_log_loss")
    order = np.argsort(-by_hand.importances_mean, kind="stable")
    names = model[1].get_feature_names_out()
    assert table["feature"].tolist() == names[order].tolist()
    np.testing.assert_array_equal(table["importance_mean"], by_hand.importances_mean[order])
    np.testing.assert_array_equal(table["importance_std"], by_hand.importances_std[order])


def test_a_predictor_and_its_embedding():
    H, y = embedding()
    classifier = LogisticRegression().fit(H, y)
    by_hand = permutation_importance(classifier, H, y, n_repeats=3, random_state=0)
    table = embedding_importance(classifier, H, y, n_repeats=3).set_index("feature")
    for column in range(4):
        assert table.loc[f"x{column}", "importance_mean"] == by_hand.importances_mean[column]
        assert table.loc[f"x{column}", "importance_std"] == by_hand.importances_std[column]


def test_one_column_alone_matters():
    H, _ = embedding()
    regressor = LinearRegression().fit(H, H[:, 2])
    table = embedding_importance(regressor, H, H[:, 2])
    assert table["feature"][0] == "x2"
    assert table["importance_mean"][0] > 1
    np.testing.assert_allclose(table["importance_mean"][1:], 0, atol=1e-12)


def test_a_pipeline_of_embeddings_takes_its_own_columns():
    H, y = embedding()
    model = make_pipeline(PCA(2), LogisticRegression()).fit(H, y)
    by_hand = permutation_importance(model, H, y, n_repeats=2, random_state=0)
    table = embedding_importance(model, H, y, n_repeats=2).sort_values("feature")
    np.testing.assert_array_equal(table["importance_mean"], by_hand.importances_mean)


def test_transformers_without_encode_are_known_by_the_series():
    class Spread(TransformerMixin, BaseEstimator):
        def fit(self, X, y=None):
            self.fitted_ = True
            return self

        def transform(self, X):
            return X.std(axis=2)

    X, y = series()
    model = make_pipeline(Spread(), LogisticRegression()).fit(X, y)
    assert set(embedding_importance(model, X, y, n_repeats=2)["feature"]) == {"x0", "x1"}


def test_two_dimensional_series_are_series_where_the_pipeline_encodes():
    X, y = series()
    model = make_pipeline(tiny(), LogisticRegression()).fit(X[:, 0], y)
    assert len(embedding_importance(model, X[:, 0], y, n_repeats=1)) == model[0].transform(X[:1, 0]).shape[1]


def test_groups_are_permuted_together():
    H, _ = embedding()
    twins = np.concatenate([H, H[:, 2:3]], axis=1)  # each hides half of what the other tells
    regressor = LinearRegression().fit(twins, H[:, 2])
    table = embedding_importance(regressor, twins, H[:, 2], groups=["a", "a", "both", "b", "both"]).set_index("feature")
    alone = embedding_importance(regressor, twins, H[:, 2]).set_index("feature")
    assert set(table.index) == {"a", "b", "both"}
    assert table.loc["both", "importance_mean"] > 3 * alone.loc["x2", "importance_mean"]

    random = np.random.RandomState(np.random.RandomState(0).randint(np.iinfo(np.int32).max + 1))
    rows = np.arange(len(twins))
    losses, permuted = [], twins.copy()
    for _ in range(10):
        random.shuffle(rows)
        permuted[:, [2, 4]] = permuted[rows][:, [2, 4]]
        losses.append(regressor.score(twins, H[:, 2]) - regressor.score(permuted, H[:, 2]))
    assert table.loc["both", "importance_mean"] == pytest.approx(np.mean(losses), rel=1e-12)


@pytest.mark.parametrize("layers", ["all", "last"])
def test_units_have_all_their_statistics(layers):
    X, y = series()
    pooling = Pooling(statistics=("mean", "max"), layers=layers)
    model = make_pipeline(tiny(pooling=pooling), LogisticRegression()).fit(X, y)
    table = embedding_importance(model, X, y, n_repeats=2, groups="unit")
    widths = {0: 3, 1: 6, 2: 3} if layers == "all" else {2: 3}
    assert set(table["feature"]) == {f"layer{layer}_unit{u}" for layer, width in widths.items() for u in range(width)}

    labels, column = {}, 0
    for layer, width in widths.items():
        for _ in pooling.statistics:
            for unit in range(width):
                labels[column] = f"layer{layer}_unit{unit}"
                column += 1
    by_hand = embedding_importance(model, X, y, n_repeats=2, groups=[labels[c] for c in range(column)])
    pd.testing.assert_frame_equal(table, by_hand)


def test_units_of_a_foreign_module():
    X, y = series()
    model = make_pipeline(RandomEncoderTransformer(encoder=torch.nn.Conv1d(2, 5, 3)), LogisticRegression()).fit(X, y)
    assert len(embedding_importance(model, X, y, n_repeats=1, groups="unit")) == 5


def test_data_frames():
    X, y = series()
    model = make_pipeline(tiny().set_output(transform="pandas"), LogisticRegression()).fit(X, y)
    assert embedding_importance(model, X, y, n_repeats=1)["feature"][0].startswith("randomencodertransformer")
    H = pd.DataFrame(embedding()[0], columns=list("abcd"))
    table = embedding_importance(LogisticRegression().fit(H, embedding()[1]), H, embedding()[1], n_repeats=1)
    assert table["feature"][0] == "c"


def test_the_random_state():
    X, y = series()
    model = make_pipeline(tiny(pooling=Pooling(statistics=("mean",))), LogisticRegression()).fit(X, y)
    first, same, other = (
        embedding_importance(model, X, y, n_repeats=1, random_state=state, scoring="neg_log_loss")
        for state in (np.random.RandomState(1), np.random.RandomState(1), 1)
    )
    pd.testing.assert_frame_equal(first, same)
    assert not first.equals(other)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"groups": ["a"]}, "`groups`"),
        ({"groups": "units"}, "`groups`"),
        ({"groups": "unit"}, "pools an encoder"),
        ({"scoring": ["accuracy"]}, "`scoring`"),
        ({"n_repeats": 0}, "n_repeats"),
    ],
)
def test_bad_parameters(params, match):
    H, y = embedding()
    with pytest.raises(ValueError, match=match):
        embedding_importance(LogisticRegression().fit(H, y), H, y, **params)


def test_two_rows_are_enough_and_one_is_not():
    H, y = embedding(2)
    classifier = LogisticRegression().fit(H, [0, 1])
    assert len(embedding_importance(classifier, H, [0, 1], n_repeats=1)) == 4
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        embedding_importance(classifier, H[:1], y[:1], n_repeats=1)


def test_estimators_that_do_not_suit():
    X, y = series()
    with pytest.raises(NotFittedError):
        embedding_importance(make_pipeline(tiny(), LogisticRegression()), X, y)
    with pytest.raises(NotFittedError):
        embedding_importance(LogisticRegression(), *embedding())
    with pytest.raises(TypeError, match="ends in a predictor"):
        embedding_importance(tiny().fit(X), X, y)
    with pytest.raises(TypeError, match="transformer"):
        embedding_importance(LogisticRegression().fit(*embedding()), X, y)
    with pytest.raises(ValueError, match="inconsistent"):
        embedding_importance(make_pipeline(tiny(), LogisticRegression()).fit(X, y), X, y[:-1])
