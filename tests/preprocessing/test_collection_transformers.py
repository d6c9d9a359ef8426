import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, RobustScaler
from sklearn.utils.estimator_checks import check_estimator

from sklearn_ssl.preprocessing import ChannelWise, ClipOutliers, Decompose, FillMissing, Resample, SeriesWise, Smooth

LEARNING = [
    ChannelWise(),
    ChannelWise(MinMaxScaler()),
    ChannelWise(RobustScaler()),
    FillMissing(),
    FillMissing(method="mean", padding="fill"),
    ClipOutliers(threshold=1.0),
    ClipOutliers(method="iqr", action="interpolate", threshold=0.5),
]
STATELESS = [
    SeriesWise(),
    SeriesWise(RobustScaler()),
    SeriesWise(FunctionTransformer(np.cbrt)),
    FillMissing(method="spline"),
    FillMissing(method="linear"),
    Smooth(),
    Smooth(method="exponential"),
    Smooth(method="savgol"),
    Smooth(method="median"),
    Smooth(method="gaussian"),
    Smooth(method="wavelet", wavelet="haar"),
    Decompose(parts="trend"),
    ClipOutliers(method="hampel", action="nan", threshold=1.0),
    Resample(7),
]
NEEDING_LENGTH = [
    Decompose(method="wavelet", wavelet="haar", level=1, parts="approximation"),
    Decompose(period=2, parts=["seasonal"]),
]
SEVERAL_PARTS = [
    Decompose(),
    Decompose(method="stl", period=2, parts=["original", "residual"]),
    ChannelWise(PCA(2)),
]
ANY_LENGTH = LEARNING + STATELESS
ALL = ANY_LENGTH + NEEDING_LENGTH


def named(estimators):
    return pytest.mark.parametrize("transformer", estimators, ids=repr)


def series(n_cases=6, n_channels=2, n_timepoints=12, seed=0):
    return np.random.default_rng(seed).normal(size=(n_cases, n_channels, n_timepoints)).cumsum(axis=2)


def with_gaps(X, seed=1):
    X = X.copy()
    X[np.random.default_rng(seed).random(X.shape) < 0.15] = np.nan
    X[:, :, [0, -1]] = 1.0
    return X


def unequal(X, lengths):
    ragged = [one[:, :steps].copy() for one, steps in zip(X, lengths, strict=True)]
    padded = X.copy()
    for one, steps in zip(padded, lengths, strict=True):
        one[:, steps:] = np.nan
    return ragged, padded


LENGTHS = [12, 5, 8, 12, 5, 9]


class TestContract:
    @named([*ANY_LENGTH, Decompose(), ChannelWise(PCA(1)), FillMissing(method="constant")])
    def test_passes_the_checks_of_scikit_learn(self, transformer):
        check_estimator(transformer, on_skip=None)

    @named(ALL)
    def test_clone_and_pickle(self, transformer):
        X = with_gaps(series())
        fitted = clone(transformer).fit(X)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).transform(X), fitted.transform(X))

    @named(ALL)
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_keeps_floating_dtypes_and_the_input(self, transformer, dtype):
        X = with_gaps(series()).astype(dtype)
        before = X.copy()
        result = clone(transformer).fit_transform(X)
        assert result.dtype == dtype
        np.testing.assert_array_equal(X, before)
        assert not np.shares_memory(result, X)

    @named(ALL)
    def test_one_channel_input_is_kept_too(self, transformer):
        X = with_gaps(series(n_channels=1))
        before = X.copy()
        assert not np.shares_memory(clone(transformer).fit_transform(X[:, 0]), X)
        np.testing.assert_array_equal(X, before)

    @named(ALL)
    @pytest.mark.parametrize("n_axes", [2, 3])
    def test_memory_maps_and_read_only_arrays(self, transformer, n_axes, tmp_path):
        X = with_gaps(series())
        X = X[:, 0] if n_axes == 2 else X
        expected = clone(transformer).fit_transform(X)
        np.save(tmp_path / "X.npy", X)
        X.flags.writeable = False
        for given in (X, np.load(tmp_path / "X.npy", mmap_mode="r")):
            result = clone(transformer).fit(given).transform(given)
            np.testing.assert_array_equal(result, expected)
            assert result.flags.writeable
            assert not isinstance(result, np.memmap)

    @named(ALL)
    def test_whole_numbers_become_float64(self, transformer):
        X = np.random.default_rng(0).integers(0, 9, size=(6, 2, 12))
        result = clone(transformer).fit_transform(X)
        assert result.dtype == np.float64
        np.testing.assert_array_equal(result, clone(transformer).fit_transform(X.astype(float)))

    @named(ALL)
    def test_fit_then_transform_is_fit_transform(self, transformer):
        X = with_gaps(series())
        np.testing.assert_array_equal(clone(transformer).fit(X).transform(X), clone(transformer).fit_transform(X))

    @named(ALL + SEVERAL_PARTS)
    def test_not_fitted(self, transformer):
        with pytest.raises(NotFittedError):
            clone(transformer).transform(series())


class TestForms:
    @named(ALL)
    def test_two_d_is_one_channel(self, transformer):
        X = with_gaps(series(n_channels=1))
        flat = clone(transformer).fit_transform(X[:, 0])
        assert flat.ndim == 2
        np.testing.assert_array_equal(flat, clone(transformer).fit_transform(X)[:, 0])

    @named(SEVERAL_PARTS[:2])
    def test_two_d_becomes_three_d_where_one_channel_becomes_several(self, transformer):
        X = series(n_channels=1)
        np.testing.assert_array_equal(clone(transformer).fit_transform(X[:, 0]), clone(transformer).fit_transform(X))

    @named([transformer for transformer in ALL + SEVERAL_PARTS if not isinstance(transformer, Resample)])
    def test_unequal_length_is_padding(self, transformer):
        # Padding that is filled makes all series as long as the longest.
        X = series()
        ragged, padded = unequal(X, LENGTHS)
        from_list = clone(transformer).fit_transform(ragged)
        from_array = clone(transformer).fit_transform(padded)
        assert isinstance(from_list, list)
        fills = getattr(transformer, "padding", "keep") == "fill"
        for one, other, steps in zip(from_list, from_array, LENGTHS, strict=True):
            steps = 12 if fills else steps
            assert one.shape[1] == steps
            np.testing.assert_array_equal(one, other[:, :steps])
            assert np.isnan(other[:, steps:]).all()

    def test_resampled_unequal_length_is_padding(self):
        ragged, padded = unequal(series(), LENGTHS)
        np.testing.assert_array_equal(Resample(7).fit_transform(ragged), Resample(7).fit_transform(padded))

    @named(STATELESS + NEEDING_LENGTH + SEVERAL_PARTS[:2])
    def test_each_series_gives_what_it_gives_alone(self, transformer):
        ragged, _ = unequal(with_gaps(series()), LENGTHS)
        together = clone(transformer).fit_transform(ragged)
        for one, result in zip(ragged, together, strict=True):
            np.testing.assert_allclose(clone(transformer).fit_transform([one])[0], result, rtol=1e-12, atol=1e-12)

    def test_nested_lists_and_tensors(self):
        X = series()
        expected = ChannelWise().fit_transform(X)
        np.testing.assert_array_equal(ChannelWise().fit_transform(X.tolist()), expected)
        np.testing.assert_array_equal(ChannelWise().fit_transform(torch.tensor(X)), expected)
        np.testing.assert_array_equal(
            ChannelWise().fit_transform(X[:, 0].tolist()), ChannelWise().fit_transform(X[:, 0])
        )

    def test_three_d_may_have_another_length_and_two_d_may_not(self):
        X = series(n_channels=1)
        fitted = ClipOutliers().fit(X[:, 0])
        assert fitted.transform(X[:, :, :5]).shape == (6, 1, 5)
        with pytest.raises(ValueError, match="12 features"):
            fitted.transform(X[:, 0, :5])

    @named(ALL)
    def test_a_series_without_values_comes_back_or_is_an_error(self, transformer):
        X = series()
        X[2] = np.nan
        transformer = clone(transformer)
        if isinstance(transformer, Resample) or getattr(transformer, "padding", "fill") == "keep":
            with pytest.raises(ValueError, match="Series 2 of X has no observed"):
                transformer.fit_transform(X)
            return
        result = transformer.fit_transform(X)
        assert np.isfinite(result[[0, 1, 3, 4, 5]]).any(axis=2).all()
        assert np.isnan(result[2]).all() != isinstance(transformer, FillMissing)


class TestContainers:
    @named([transformer for transformer in ALL if not isinstance(transformer, Resample)])
    def test_data_frame(self, transformer):
        X = pd.DataFrame(series(n_channels=1)[:, 0], index=list("abcdef")).add_prefix("step")
        framed = clone(transformer).set_output(transform="pandas").fit_transform(X)
        assert list(framed.index) == list("abcdef")
        assert list(framed.columns) == list(X.columns)
        np.testing.assert_array_equal(framed, clone(transformer).fit_transform(X))

    @named(ALL)
    def test_other_results_stay_arrays_and_lists(self, transformer):
        X = series()
        transformer = clone(transformer).set_output(transform="pandas")
        assert isinstance(transformer.fit_transform(X), np.ndarray)
        assert isinstance(transformer.transform(X), np.ndarray)
        assert isinstance(transformer.fit_transform(list(X)), list)

    def test_two_d_after_a_three_d_fit_stays_an_array(self):
        X = series(n_channels=1)
        assert isinstance(Smooth().set_output(transform="pandas").fit(X).transform(X[:, 0]), np.ndarray)

    def test_pipeline_of_three_d_series(self):
        pipeline = make_pipeline(FillMissing(), ClipOutliers(), ChannelWise(), Smooth(), Resample(5))
        pipeline.set_output(transform="pandas")
        assert pipeline.fit_transform(with_gaps(series())).shape == (6, 2, 5)
        assert list(pipeline.get_feature_names_out()) == ["channel0", "channel1"]

    def test_several_parts_have_no_container(self):
        assert not hasattr(Decompose(), "set_output")
        assert hasattr(Decompose(parts=["trend"]), "set_output")

    def test_channel_names(self):
        X = series()
        assert list(FillMissing().fit(X).get_feature_names_out(["x", "y"])) == ["x", "y"]
        assert list(Decompose().fit(X).get_feature_names_out(["x", "y"])) == [
            "x_trend",
            "y_trend",
            "x_residual",
            "y_residual",
        ]
        assert list(Decompose().fit(X[:, 0]).get_feature_names_out()) == ["channel0_trend", "channel0_residual"]
        assert list(ChannelWise(PCA(1)).fit(X).get_feature_names_out()) == ["pca0"]
        assert list(Resample(2).fit(X[:, 0]).get_feature_names_out()) == ["resampled0", "resampled1"]

    def test_wrong_number_of_channel_names(self):
        with pytest.raises(ValueError, match="number of channels \\(2\\), got 3"):
            Smooth().fit(series()).get_feature_names_out(["x", "y", "z"])


class TestNoLeakage:
    @named(LEARNING)
    def test_transform_learns_nothing(self, transformer):
        train, test = with_gaps(series()), 1000 * series(seed=2)
        fitted = clone(transformer).fit(train)
        before, result = pickle.dumps(fitted), fitted.transform(train)
        fitted.transform(test)
        assert pickle.dumps(fitted) == before
        np.testing.assert_array_equal(fitted.transform(train), result)

    @named(LEARNING)
    def test_test_rows_do_not_matter_to_each_other(self, transformer):
        train, test = with_gaps(series()), with_gaps(series(seed=2), seed=3)
        fitted = clone(transformer).fit(train)
        np.testing.assert_allclose(fitted.transform(test)[:1], fitted.transform(test[:1]), rtol=1e-12)

    def test_folds_learn_from_their_training_rows_only(self):
        X, y = with_gaps(series(n_cases=9)), np.arange(9.0)
        changed = X.copy()
        changed[6:] *= 1000
        pipeline = make_pipeline(
            FillMissing(method="mean"),
            ClipOutliers(),
            ChannelWise(),
            FunctionTransformer(lambda X: X.reshape(len(X), -1)),
            KNeighborsRegressor(2),
        )
        learnt = []
        for data in (X, changed):
            fits = cross_validate(pipeline, data, y, cv=KFold(3), return_estimator=True)["estimator"]
            fill, clip, scale = fits[2][:3]
            learnt.append([fill.channel_means_, clip.lower_, clip.upper_, scale.transformer_.mean_])
        np.testing.assert_array_equal(*learnt)

    def test_searchable_in_a_pipeline(self):
        X, y = series(n_cases=9), np.arange(9.0)
        pipeline = make_pipeline(
            ChannelWise(), Smooth(), FunctionTransformer(lambda X: X.reshape(len(X), -1)), KNeighborsRegressor(2)
        )
        grid = {"channelwise__transformer__with_mean": [True, False], "smooth__window": [3, 5]}
        search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
        assert len(search.cv_results_["params"]) == 4
        assert set(search.best_params_) == set(grid)


class TestBadInput:
    @named(ALL + SEVERAL_PARTS)
    def test_infinite_values(self, transformer):
        X = series()
        X[1, 1, 3] = np.inf
        with pytest.raises(ValueError, match="series 1, channel 1, time step 3"):
            clone(transformer).fit(X)

    @named(ALL)
    def test_other_channels_than_at_fit(self, transformer):
        with pytest.raises(ValueError, match=r"3 channel\(s\)"):
            clone(transformer).fit(series()).transform(series(n_channels=3))

    @named(ALL)
    def test_a_failed_fit_changes_nothing(self, transformer):
        X, bad = series(), series(n_channels=3)
        bad[0, 0, 0] = np.inf
        fitted = clone(transformer).fit(X)
        before = pickle.dumps(fitted)
        for fit in (fitted.fit, fitted.fit_transform):
            with pytest.raises(ValueError, match="infinite"):
                fit(bad)
        assert pickle.dumps(fitted) == before

    @named([ChannelWise(), ChannelWise(SimpleImputer()), FillMissing(), ClipOutliers(), ClipOutliers(method="iqr")])
    def test_a_channel_missing_everywhere_is_named(self, transformer):
        X = series(n_channels=3)
        X[:, 1] = np.nan
        with pytest.raises(ValueError, match="Channel 1 of X is missing"):
            clone(transformer).fit(X)

    @named(
        [
            Smooth(method="mean"),
            Smooth(window=0),
            Smooth(alpha=0),
            Smooth(alpha=1.5),
            Smooth(sigma=0),
            Smooth(polyorder=-1),
            Smooth(level=0),
            Decompose(method="seasonal"),
            Decompose(period=1),
            Decompose(level=0),
            FillMissing(method="backward"),
            FillMissing(padding="drop"),
            FillMissing(fill_value=np.nan),
            FillMissing(fill_value=np.inf),
            FillMissing(fill_value="zero"),
            ClipOutliers(method="mad"),
            ClipOutliers(action="drop"),
            ClipOutliers(threshold=0),
            ClipOutliers(threshold=np.nan),
            ClipOutliers(window=2.5),
            Resample(0),
            Resample(2.5),
        ]
    )
    def test_parameters_outside_their_range_are_named(self, transformer):
        changed = [name for name, value in transformer.get_params().items() if f"{name}=" in repr(transformer)]
        with pytest.raises(ValueError, match=f"{type(transformer).__name__}: `{changed[0]}` must be"):
            transformer.fit(series())

    @named([Smooth(window=4), Decompose(window=4), ClipOutliers(method="hampel", window=4)])
    def test_even_windows_are_named(self, transformer):
        with pytest.raises(ValueError, match=r"`window` must be odd, .* got 4: set it to 3 or 5"):
            transformer.fit(series())

    @named(ANY_LENGTH)
    def test_a_single_time_step_stays_finite(self, transformer):
        assert np.isfinite(clone(transformer).fit_transform(series(n_timepoints=1))).all()

    @named(NEEDING_LENGTH)
    def test_a_single_time_step_is_too_short(self, transformer):
        with pytest.raises(ValueError, match="series of 1 steps"):
            clone(transformer).fit(series(n_timepoints=1))

    @named(ALL)
    def test_constant_channels_stay_finite(self, transformer):
        X = series()
        X[:, 1] = 0.1
        assert np.isfinite(clone(transformer).fit_transform(X)[:, 1]).all()
