import math

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional as F

from sklearn_ssl import RandomEncoderTransformer, VICRegTransformer
from sklearn_ssl.augmentations import Compose, Jitter, Scaling, SignFlip, TimeReversal
from sklearn_ssl.encoders import FCNEncoder, TCNEncoder
from sklearn_ssl.evaluation import _units, concept_masks, dissect
from sklearn_ssl.preprocessing import ChannelWise

L = 100


class Handmade(nn.Module):
    """An encoder whose one weight, which a net needs, does nothing."""

    def __init__(self):
        super().__init__()
        self.idle = nn.Parameter(torch.zeros(1))


class Detectors(Handmade):
    """Unit 0 responds to a bump of nine steps, unit 1 to the local power of what changes from step to step."""

    def forward(self, x):  # (B, 1, L)
        bump = 1 - torch.arange(-4.0, 5).abs() / 5
        peak = F.conv1d(x, (bump - bump.mean())[None, None], padding=4)
        burst = F.avg_pool1d(F.pad(x.diff(n=2, dim=2), (1, 1)).square(), 5, 1, padding=2)
        return torch.cat([peak, burst], dim=1)  # (B, 2, L)


class Slopes(Handmade):
    """Unit 0 responds to a rise, unit 1 to no change, unit 2 to nothing."""

    def forward(self, x):
        slope = F.conv1d(F.pad(x, (2, 2), mode="replicate"), torch.arange(-2.0, 3)[None, None] / 10)
        return torch.cat([slope, -slope.abs(), torch.full_like(slope, 3.0)], dim=1)


class Identity(Handmade):
    """Every channel is a unit."""

    def forward(self, x):
        return x.clone()


class Doubled(Handmade):
    """Every channel is a unit, computed in double precision."""

    def forward(self, x):
        return x.double()


class Strided(Handmade):
    """One step for every few."""

    def __init__(self, stride=4):
        super().__init__()
        self.stride = stride

    def forward(self, x):
        return F.avg_pool1d(F.pad(x, (0, -x.shape[2] % self.stride)), self.stride)


class Steps(TransformerMixin, BaseEstimator):
    """A transformer without `encode`."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return X[:, 0]


def events(n=30, seed=0):
    """Make series with one bump and one fast oscillation, a step of silence between them."""
    random = np.random.default_rng(seed)
    x = 0.01 * random.normal(size=(n, 1, L))
    for row, at in zip(x[:, 0], random.integers(10, 30, n), strict=True):
        row[at - 4 : at + 5] += 3 * (1 - np.abs(np.arange(-4, 5)) / 5)
        row[at + 45 : at + 55] += np.cos(np.pi * np.arange(10))
    return x


def plateaus(n=12, seed=0):
    """Make series that rise, stay and fall."""
    random = np.random.default_rng(seed)
    rows = []
    for start, steepness in zip(random.integers(5, 30, n), random.uniform(0.9, 1.1, n), strict=True):
        slopes = np.zeros(L)
        slopes[start : start + 20], slopes[start + 40 : start + 60] = steepness, -0.7
        rows.append(slopes.cumsum())
    return np.array(rows)[:, None]


def fitted(module, X):
    return RandomEncoderTransformer(encoder=module, random_state=0).fit(X)


def naive_iou(activation, mask, quantile):
    """Overlap of one unit with one mask over all (case, step) pairs."""
    pairs = [(case, t) for case in range(len(activation)) for t in range(activation.shape[1])]
    values = sorted(activation[pair] for pair in pairs)
    position = quantile * (len(values) - 1)
    low = int(position)
    threshold = values[low] + (position - low) * (values[min(low + 1, len(values) - 1)] - values[low])
    active = {pair for pair in pairs if activation[pair] >= threshold and activation[pair] > values[0]}
    inside = {pair for pair in pairs if mask[pair]}
    p, q = len(active) / len(pairs), len(inside) / len(pairs)
    chance = p * q / (p + q - p * q)
    iou = len(active & inside) / len(active | inside)
    return threshold, p, iou, (iou - chance) / (1 - chance)


def test_a_peak_unit_and_a_burst_unit_are_recovered():
    X = events()
    result = dissect(fitted(Detectors(), X), X, quantile=0.93)
    assert result.table["concept"].tolist() == ["peak", "burst"]
    assert (result.table["iou"] > 0.4).all()
    assert result.iou.shape == (2, 6)


def test_units_of_slopes_and_one_that_is_constant():
    X = plateaus()
    result = dissect(fitted(Slopes(), X), X, quantile=0.85, y=np.arange(12) % 2)
    assert result.table["concept"].tolist() == ["rising", "flat", None]
    constant = result.table.iloc[2]
    assert constant["iou"] == constant["iou_corrected"] == constant["share_active"] == 0
    assert constant["class"] is None
    assert math.isnan(constant["selectivity"])
    assert math.isnan(constant["invariance_jitter"])
    assert not result.table.filter(like="invariance_").iloc[0].isna().any()
    assert set(result.segments["unit"]) == {0, 1}


def test_channel_units_are_their_channels():
    X = 0.1 * np.random.default_rng(0).normal(size=(20, 2, L))
    X[:, 0, 20:30] += 2
    X[:, 1, 60:70] += 2
    result = dissect(fitted(Identity(), X), X, quantile=0.9)
    assert result.table["concept"].tolist() == ["channel_0", "channel_1"]


def test_the_numbers_of_overlap():
    X = events().astype(np.float32)
    transformer = fitted(Detectors(), X)
    masks = {"early": np.broadcast_to(np.arange(L) < 30, (30, L)), "large": X[:, 0] > 1}
    result = dissect(transformer, X, masks, quantile=0.9)
    maps = transformer.encode(X)
    assert result.table.columns.tolist()[:8] == [
        "unit", "threshold", "share_active", "concept", "iou", "iou_corrected", "iou_early", "iou_large",
    ]  # fmt: skip
    for unit, row in result.table.iterrows():
        for column, name in enumerate(masks):
            threshold, share, iou, corrected = naive_iou(maps[:, unit], masks[name], 0.9)
            assert row["threshold"] == pytest.approx(threshold, rel=1e-5)
            assert row["share_active"] == pytest.approx(share)
            assert row[f"iou_{name}"] == result.iou[unit, column] == pytest.approx(iou)
            assert result.iou_corrected[unit, column] == pytest.approx(corrected)
        best = result.iou_corrected[unit].argmax()
        assert row["concept"] == list(masks)[best]
        assert row["iou"] == result.iou[unit, best]
        assert row["iou_corrected"] == result.iou_corrected[unit, best]


def test_a_frequent_concept_does_not_win_by_being_frequent():
    random = np.random.default_rng(0)
    X = random.normal(size=(50, 1, L))
    active = X[:, 0] > np.quantile(X, 0.9)
    rare = active & (random.random(active.shape) < 0.12)
    frequent = random.random(active.shape) < 0.95
    result = dissect(fitted(Identity(), X), X, {"rare": rare, "frequent": frequent}, quantile=0.9)
    assert result.table["iou_frequent"][0] > result.table["iou_rare"][0] - 0.05
    assert abs(result.iou_corrected[0, 1]) < 0.01
    assert result.table["concept"][0] == "rare"


def test_no_concept_where_none_is_met_more_often_than_by_chance():
    X = np.random.default_rng(0).normal(size=(10, 1, L))
    result = dissect(fitted(Identity(), X), X, {"low": X[:, 0] < 0, "never": np.zeros((10, L), dtype=bool)})
    assert result.table["concept"][0] is None
    assert result.table["iou"][0] == 0


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_units_of_two_values_are_active_at_the_larger(share):
    X = (np.random.default_rng(0).random((20, 1, L)) < share).astype(float)
    result = dissect(fitted(Identity(), X), X, {"on": X[:, 0] == 1})
    assert result.table["iou"][0] == 1
    assert result.table["iou_corrected"][0] == 1


def test_selectivity():
    X = np.random.default_rng(0).random((30, 1, L)) * np.repeat([1, 2, 4], 10)[:, None, None]
    y = np.repeat(["a", "b", "c"], 10)
    means = [X[y == label].mean() for label in "abc"]
    row = dissect(fitted(Identity(), X), X, y=y).table.iloc[0]
    rest = (means[0] + means[1]) / 2
    assert row["class"] == "c"
    assert row["selectivity"] == pytest.approx((means[2] - rest) / (means[2] + rest), rel=1e-5)


def test_a_unit_that_responds_to_all_classes_alike_has_selectivity_0():
    X = np.repeat(np.random.default_rng(0).random((5, 1, L)), 2, axis=0)
    row = dissect(fitted(Identity(), X), X, y=np.arange(10) % 2).table.iloc[0]
    assert row["selectivity"] == 0
    assert row["class"] == 0


def test_selectivity_of_signed_activations_counts_from_the_minimum():
    X = np.random.default_rng(0).normal(size=(20, 1, L))
    X[10:] += 1
    y = np.repeat([0, 1], 10)
    low, high = (X[y == label].mean() - X.min() for label in (0, 1))
    row = dissect(fitted(Identity(), X), X, y=y).table.iloc[0]
    assert row["class"] == 1
    assert row["selectivity"] == pytest.approx((high - low) / (high + low), rel=1e-5)


def test_invariance_is_a_correlation_of_means():
    X = np.random.default_rng(0).normal(size=(40, 1, L)) + np.random.default_rng(1).normal(size=(40, 1, 1))
    given = {"backwards": TimeReversal(p=1.0), "upside_down": SignFlip(p=1.0), "flips": SignFlip(), "none": Compose()}
    row = dissect(fitted(Identity(), X), X, augmentations=given).table.iloc[0]
    assert row["invariance_backwards"] == pytest.approx(1)
    assert row["invariance_upside_down"] == pytest.approx(-1)
    assert row["invariance_none"] == pytest.approx(1)
    assert abs(row["invariance_flips"]) < 0.6


def test_the_augmentations_measured():
    X = np.random.default_rng(0).normal(size=(16, 1, 32))

    def names(transformer, **params):
        table = dissect(transformer, X, ["peak"], **params).table
        return [name.removeprefix("invariance_") for name in table if name.startswith("invariance_")]

    random = fitted(Identity(), X)
    assert names(random) == ["jitter", "scaling", "time_shift", "time_reversal"]
    assert names(random, augmentations=()) == []
    assert names(random, augmentations=Jitter()) == ["jitter"]
    assert names(random, augmentations=[Jitter(), Scaling(), Jitter()]) == ["jitter", "scaling", "jitter_2"]
    encoder = FCNEncoder(width=2, kernel_sizes=(3,))
    own = Compose(noise=Jitter(), off=None, size=Scaling())
    trained = VICRegTransformer(encoder=encoder, augmentation=own, max_epochs=1, random_state=0).fit(X)
    assert names(trained) == ["noise", "size"]
    trained.augmentation = SignFlip()
    assert names(trained) == ["sign_flip"]


def test_segments_are_the_largest_places_and_do_not_overlap():
    X = events().astype(np.float32)
    transformer = fitted(Detectors(), X)
    result = dissect(transformer, X, ["peak"], n_segments=40, segment_length=15)
    maps = transformer.encode(X)
    assert len(result.segment_values) == len(result.segment_activations) == len(result.segments) == 80
    for row, values, activation in zip(
        result.segments.itertuples(), result.segment_values, result.segment_activations, strict=True
    ):
        assert row.end - row.start == 15
        np.testing.assert_array_equal(values, X[row.case, :, row.start : row.end])
        np.testing.assert_array_equal(activation, maps[row.case, row.unit, row.start : row.end])
        assert row.activation == activation.max()
        assert activation.dtype == np.float32
        assert values.base is activation.base is None, "a small view keeps a large array in memory"
    for unit, places in result.segments.groupby("unit"):
        assert places["rank"].tolist() == list(range(40))
        assert places["activation"].is_monotonic_decreasing
        assert places["activation"].iloc[0] == maps[:, unit].max()
        case, step = np.unravel_index(maps[:, unit].argmax(), maps[:, unit].shape)
        assert places[["case", "start"]].iloc[0].tolist() == [case, np.clip(step - 7, 0, L - 15)]
        taken = [(case, t) for case, start, end in places[["case", "start", "end"]].values for t in range(start, end)]
        assert len(taken) == len(set(taken))


@pytest.mark.parametrize(("n_timepoints", "length"), [(100, 10), (90, 9), (79, 8), (40, 8), (5, 5)])
def test_a_segment_has_a_tenth_of_the_steps_but_eight_if_possible(n_timepoints, length):
    X = np.random.default_rng(0).normal(size=(4, 1, n_timepoints))
    segments = dissect(fitted(Identity(), X), X, ["flat"], augmentations=(), n_segments=1).segments
    assert (segments["end"] - segments["start"]).tolist() == [length]


@pytest.mark.parametrize(("share", "is_constant"), [(0.9e-6, True), (1.1e-6, False)])
def test_a_unit_whose_range_is_rounding_is_constant(share, is_constant):
    X = np.full((4, 1, 20), -1.0)
    X[:, 0, ::2] += share
    X[0, 0, 1] += share  # series that are all the same would be told
    table = dissect(fitted(Doubled(), X), X, {"half": X[:, 0] > -1}, augmentations=[TimeReversal(p=0.0)]).table
    assert (table["concept"][0] is None) == is_constant


def test_fewer_segments_where_there_is_no_room():
    X = events(2)
    result = dissect(fitted(Detectors(), X), X, ["peak"], n_segments=9, segment_length=80)
    assert len(result.segments) <= 2 * 2
    assert len(dissect(fitted(Detectors(), X), X, ["peak"], n_segments=0).segments) == 0


def test_unequal_lengths():
    X = [one[:, :n] for one, n in zip(events(), np.random.default_rng(0).integers(85, L + 1, 30), strict=True)]
    transformer = fitted(Detectors(), X)
    result = dissect(transformer, X, quantile=0.92)
    assert result.table["concept"].tolist() == ["peak", "burst"]
    n_steps = sum(one.shape[1] for one in X)
    maps = transformer.encode(X)
    observed = maps[:, 0][~np.isnan(maps[:, 0])]
    assert len(observed) == n_steps
    assert result.table["threshold"][0] == pytest.approx(np.quantile(observed, 0.92), rel=1e-6)
    ends = np.array([X[case].shape[1] for case in result.segments["case"]])
    assert (result.segments["end"] <= ends).all()


@pytest.mark.parametrize("n_timepoints", [100, 97])
def test_coarse_maps_are_repeated(n_timepoints):
    X = np.random.default_rng(0).normal(size=(10, 1, n_timepoints)).astype(np.float32)
    blocks = np.repeat(fitted(Strided(), X).encode(X)[:, 0], 4, axis=1)[:, :n_timepoints]
    result = dissect(fitted(Strided(), X), X, {"block": blocks >= np.quantile(blocks, 0.9)}, quantile=0.9)
    assert result.table["iou"][0] == 1
    short = [one[:, : 40 + case] for case, one in enumerate(X)]
    maps = fitted(Strided(), short).encode(short)[:, 0]
    given = [np.repeat(row, 4)[: one.shape[1]] > 0.2 for row, one in zip(maps, short, strict=True)]
    share = np.concatenate(given).mean()
    result = dissect(fitted(Strided(), short), short, {"block": given}, quantile=1 - share)
    assert result.table["iou"][0] > 0.97


def test_an_encoder_that_strides_by_no_power_of_two():
    X = np.random.default_rng(0).normal(size=(6, 1, 90)).astype(np.float32)
    transformer = fitted(Strided(9), X)
    blocks = np.repeat(transformer.encode(X)[:, 0], 9, axis=1)
    result = dissect(transformer, X, {"block": blocks >= np.quantile(blocks, 0.8)}, quantile=0.8)
    assert result.table["iou"][0] == 1


def test_a_pipeline_is_dissected_behind_its_scaler():
    X = events() * 100 + 1000
    model = make_pipeline(
        ChannelWise(StandardScaler()), RandomEncoderTransformer(encoder=Detectors()), LogisticRegression()
    )
    model.fit(X, np.arange(30) % 2)
    result = dissect(model, X, quantile=0.93)
    assert result.table["concept"].tolist() == ["peak", "burst"]
    first = result.segments.iloc[0]
    scaled = model[0].transform(X)[first["case"].astype(int), :, int(first["start"]) : int(first["end"])]
    np.testing.assert_allclose(result.segment_values[0], scaled, rtol=1e-5)


def test_blocks_of_units_and_cases_change_nothing(monkeypatch):
    X = np.random.default_rng(0).normal(size=(20, 2, 40))
    transformer = RandomEncoderTransformer(encoder=TCNEncoder(depth=1, width=4, n_features=6), random_state=0).fit(X)
    whole = dissect(transformer, X, n_segments=2)
    monkeypatch.setattr(_units, "MOST_VALUES", 2 * 20 * 40)
    monkeypatch.setattr(_units, "INFERENCE_STEPS", 7 * 40)
    parts = dissect(transformer, X, n_segments=2)
    np.testing.assert_allclose(parts.iou, whole.iou, atol=1e-3)
    np.testing.assert_allclose(parts.table["threshold"], whole.table["threshold"], rtol=1e-4)
    assert parts.table["unit"].tolist() == whole.table["unit"].tolist()
    assert parts.segments["case"].tolist() == whole.segments["case"].tolist()


def test_some_cases_are_drawn():
    X, y = events(), np.arange(30) % 3
    masks = {"high": X[:, 0] > 0.5}
    result = dissect(fitted(Detectors(), X), X, masks, y=y, max_cases=12, random_state=1)
    assert len(result.cases) == len(set(result.cases)) == 12
    assert set(result.segments["case"]) <= set(result.cases)
    np.testing.assert_array_equal(result.concepts["high"], masks["high"][result.cases])
    at = result.segments.iloc[0]
    case, start, end = (int(at[name]) for name in ("case", "start", "end"))
    np.testing.assert_allclose(result.segment_values[0], X[case, :, start:end], rtol=1e-6)
    some = dissect(fitted(Detectors(), X), X[result.cases], {"high": masks["high"][result.cases]}, max_cases=None)
    np.testing.assert_allclose(result.iou, some.iou)


def test_masks_of_the_computed_concepts_are_kept():
    X = events()
    result = dissect(fitted(Detectors(), X), X, ["burst", "flat"])
    for name, mask in concept_masks(X, ["burst", "flat"]).items():
        np.testing.assert_array_equal(result.concepts[name], mask)
    table = result.to_frame()
    table["iou"] = 0
    assert (result.table["iou"] > 0).all()


def test_the_random_state_alone_decides():
    X = events()
    transformer = fitted(Detectors(), X)
    first, same, other = (dissect(transformer, X, ["peak"], random_state=seed).table for seed in (0, 0, 1))
    assert first.equals(same)
    assert not first["invariance_jitter"].equals(other["invariance_jitter"])


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"quantile": 1.0}, "`quantile`"),
        ({"quantile": "high"}, "`quantile`"),
        ({"n_segments": -1}, "`n_segments`"),
        ({"n_segments": None}, "`n_segments`"),
        ({"segment_length": 0}, "`segment_length`"),
        ({"max_cases": 1}, "`max_cases`"),
        ({"concepts": {"a": np.ones((30, L - 1), dtype=bool)}}, "the mask of 'a'"),
        ({"concepts": ["channel_0"]}, "not computed"),
        ({"y": np.arange(29) % 2}, "`y` has length 29, but `X` has 30 series"),
        ({"y": ["a", "b", -1] * 10}, "`y` has text, and in row 2 the number -1"),
        ({"y": np.zeros(30)}, "one class only, 0.0"),
        ({"y": np.linspace(0, 1, 30)}, "continuous"),
        ({"augmentations": [Jitter(sigma=-1)]}, "sigma"),
        ({"random_state": "seed"}, "`random_state`"),
    ],
)
def test_bad_parameters(params, match, monkeypatch):
    X = events()
    transformer = fitted(Detectors(), X)
    monkeypatch.setattr(type(transformer), "encode", None)  # errors come before anything is computed
    with pytest.raises(ValueError, match=match):
        dissect(transformer, X, **params)


def test_the_drawn_series_need_two_classes():
    X = events()
    with pytest.raises(ValueError, match="one class only, 0"):
        dissect(fitted(Detectors(), X), X, y=[0] * 29 + [1], max_cases=2, random_state=0)


@pytest.mark.parametrize("augmentations", [[Jitter], {"a": 3}, 3])
def test_augmentations_of_the_wrong_kind(augmentations):
    X = events()
    with pytest.raises(TypeError, match="`augmentations`"):
        dissect(fitted(Detectors(), X), X, augmentations=augmentations)


def test_estimators_and_series_that_do_not_suit():
    X = events()
    with pytest.raises(NotFittedError):
        dissect(RandomEncoderTransformer(), X)
    with pytest.raises(TypeError, match="`encode`"):
        dissect(Steps().fit(X), X)
    with pytest.raises(ValueError, match="at least two"):
        dissect(fitted(Detectors(), X), X[:1])
    with pytest.raises(ValueError, match="2 channels"):
        dissect(fitted(Detectors(), X), np.repeat(X, 2, axis=1))


def test_activations_that_overflow():
    class Overflow(Handmade):
        def forward(self, x):
            return x.exp()

    X = events()
    with pytest.raises(ValueError, match="NaN or infinite"):
        dissect(fitted(Overflow(), X), X * 1000)
