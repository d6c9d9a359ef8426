import pickle
from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import pdist
from shared import small
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import ClosedFormVICRegTransformer, RandomEncoderTransformer, WCCNTransformer
from sklearn_ssl.augmentations import Augmentation, Jitter
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import RocketEncoder
from sklearn_ssl.persistence import save_encoder

X, y = make_waves(n_cases=24, n_channels=2, n_timepoints=30, random_state=0)
ROCKET = {"encoder": RocketEncoder(n_features=252)}


class Bent(Augmentation):
    """A fixed change, so that a fit can be compared with a computation by hand."""

    def draw(self, x, lengths):
        return {}

    def apply(self, x, lengths, draws):
        return 1.1 * x + 0.3 * torch.sin(2 * x)


wccn_of = partial(small, WCCNTransformer)


def bent(cls=WCCNTransformer, **parameters):
    """Return a transformer with a fixed change. WCCN returns its components without whitening and rotation."""
    plain = {"whitening": 0.0, "rotated": False} if cls is WCCNTransformer else {}
    return small(cls, **{"augmentation": Bent(), "n_views": 1, "shrinkage": 0.5, **plain, **parameters})


def up_to_sign(features, expected):
    return features * np.sign((features * expected).sum(0))


def naive(h, copies, shrinkage):
    """WCCN and principal components by matrices of F x F, in float64."""
    h, copies = h.astype(np.float64), copies.astype(np.float64)
    changes = copies - h
    values, vectors = np.linalg.eigh(changes.T @ changes / len(changes))
    r = shrinkage * values[values > 1e-6 * values[-1]].mean()
    mapped = (h - h.mean(0)) @ vectors / np.sqrt(values.clip(0) / r + 1) @ vectors.T
    return mapped @ np.linalg.svd(mapped, full_matrices=False)[2].T


class TestEqualsTheNaiveComputation:
    @pytest.mark.parametrize("shrinkage", [0.2, 2.0])
    def test_all_components(self, shrinkage):
        plain = small(RandomEncoderTransformer).fit(X)
        copies = Bent()(torch.from_numpy(X).float()).numpy()
        expected = naive(plain.transform(X), plain.transform(copies), shrinkage)
        features = bent(shrinkage=shrinkage).fit_transform(X)
        leading = 8
        assert_allclose(
            up_to_sign(features, expected[:, : features.shape[1]])[:, :leading],
            expected[:, :leading],
            rtol=1e-2,
            atol=1e-4 * np.abs(expected).max(),
        )
        assert_allclose((features**2).sum(), (expected**2).sum(), rtol=1e-4)

    def test_fewer_components_are_the_first(self):
        assert_allclose(bent(n_components=3).fit_transform(X), bent().fit_transform(X)[:, :3], rtol=1e-4, atol=1e-4)

    def test_components_are_uncorrelated_and_descend_in_variance(self):
        covariance = np.cov(bent(n_components=6).fit_transform(X).T)
        assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-4 * covariance.max())
        assert (np.diff(np.diag(covariance)) <= 0).all()


class TestScaling:
    def test_a_standard_scaler_leaves_geometry_as_it_is(self):
        features = wccn_of().fit_transform(X)
        scaled = StandardScaler().fit_transform(features)
        assert_allclose(pdist(scaled), pdist(features) / features.std(0).mean(), rtol=1e-3)

    def test_the_rotation_changes_no_distance(self):
        turned, plain = (wccn_of(rotated=rotated).fit_transform(X) for rotated in (True, False))
        assert_allclose(pdist(turned), pdist(plain), rtol=1e-3)
        assert (np.diff(plain.std(0)) <= 1e-4).all()
        assert_allclose(turned.std(0), turned.std(0).mean(), rtol=1e-3)

    def test_whitening_makes_variances_more_alike(self):
        spreads = [wccn_of(whitening=whitening, rotated=False).fit_transform(X).std(0) for whitening in (0.0, 0.5, 1.0)]
        ratios = [spread[0] / spread[8] for spread in spreads]
        assert_allclose(ratios[1], ratios[0] ** 0.5, rtol=1e-3)
        assert_allclose(ratios[2], 1.0, rtol=1e-3)


class TestAccumulation:
    @pytest.mark.parametrize("cls", [WCCNTransformer, ClosedFormVICRegTransformer])
    @pytest.mark.parametrize("cuts", [[12], [2, 13, 20]])
    def test_parts_give_what_all_series_at_once_give(self, cls, cuts):
        whole = bent(cls, n_components=5).fit(X)
        parts = bent(cls, n_components=5)
        for part in np.split(X, cuts):
            parts.partial_fit(part)
        expected = whole.transform(X)
        assert_allclose(up_to_sign(parts.transform(X), expected), expected, rtol=1e-3, atol=1e-3 * expected.std())

    def test_a_truncated_sketch_stays_close_and_small(self):
        many, _ = make_waves(n_cases=150, n_channels=2, n_timepoints=30, random_state=1)
        exact = bent(n_components=3).fit(many)
        truncated = bent(n_components=3, sketch_size=40).fit(many)
        module = truncated.net_.module_
        assert max(len(module.deviations), len(module.changes)) <= 40 < len(exact.net_.module_.deviations)
        expected = exact.transform(many)
        assert_allclose(up_to_sign(truncated.transform(many), expected), expected, atol=0.02 * expected.std(0).max())

    @pytest.mark.parametrize("size", [2, 5])
    def test_a_sketch_that_holds_all_series_is_exact_in_any_parts(self, size):
        sketch = {"sketch_size": len(X), "n_views": 1}
        whole, parts = bent(**sketch).fit(X), bent(**sketch)
        for start in range(0, len(X), size):
            parts.partial_fit(X[start : start + size])
        assert parts.transform(X).shape == whole.transform(X).shape == (24, 16)
        assert_allclose(pdist(parts.transform(X)), pdist(whole.transform(X)), rtol=1e-3)

    @pytest.mark.parametrize("cls", [WCCNTransformer, ClosedFormVICRegTransformer])
    def test_features_of_fit_do_not_depend_on_what_is_kept(self, cls):
        expected = bent(cls).fit_transform(X)
        assert_array_equal(bent(cls, incremental=False).fit_transform(X), expected)

    def test_rows_are_kept_in_half_precision_of_their_size(self):
        module = bent().fit(X * 1e4).net_.module_
        assert module.deviations.dtype == module.changes.dtype == torch.float16
        assert 0.5 < float(module.deviations.abs().max()) <= 1
        assert 0.5 < float(module.changes.abs().max()) <= 1

    def test_another_part_keeps_earlier_rows_as_they_are(self):
        wccn = bent().partial_fit(X[:12])
        before, sizes = wccn.net_.module_.changes.clone(), wccn.net_.module_.sizes.clone()
        module = wccn.partial_fit(X[12:]).net_.module_
        assert_allclose(
            (module.changes[: len(before)] * module.sizes[1]).numpy(), (before * sizes[1]).numpy(), rtol=1e-6, atol=1e-7
        )

    def test_what_was_dropped_is_missed_with_a_remedy(self):
        wccn = bent(incremental=False).partial_fit(X)
        expected = wccn.transform(X)
        assert len(wccn.net_.module_.deviations) == len(wccn.net_.module_.changes) == 0
        with pytest.raises(ValueError, match=r"`incremental` is False.* Call fit with all series, or set"):
            wccn.partial_fit(X)
        assert_array_equal(wccn.transform(X), expected)
        assert wccn.set_params(incremental=True).fit(X).partial_fit(X).transform(X).shape == expected.shape

    def test_without_them_a_pickle_is_as_small_as_the_file_of_the_encoder(self, tmp_path):
        many, _ = make_waves(n_cases=60, n_timepoints=30, random_state=1)
        wccn = WCCNTransformer(encoder=RocketEncoder(n_features=8400), incremental=False, random_state=0).fit(many)
        save_encoder(wccn, tmp_path / "file")
        assert len(pickle.dumps(wccn)) < 1.3 * (tmp_path / "file").stat().st_size
        assert len(pickle.dumps(wccn.set_params(incremental=True).fit(many))) > 3 * (tmp_path / "file").stat().st_size

    def test_partial_fit_lets_the_number_of_features_grow(self):
        wccn = wccn_of().partial_fit(X[:3])
        assert wccn.transform(X).shape == (24, 2)
        assert wccn.partial_fit(X[3:]).transform(X).shape[1] > 2
        assert len(wccn.get_feature_names_out()) == wccn.transform(X).shape[1]

    def test_only_some_series_are_copied_but_all_are_used(self):
        module = wccn_of(max_view_cases=10, n_views=3).fit(X).net_.module_
        assert module.counts.tolist()[:2] == [24, 30]


class TestShrinkage:
    def test_auto_is_a_power_of_two_chosen_from_the_series(self):
        chosen = wccn_of(shrinkage="auto").fit(X).shrinkage_
        assert 1 / 64 <= chosen <= 64
        assert np.log2(chosen) == round(np.log2(chosen))

    def test_auto_judges_64_series_of_a_fit(self):
        many, _ = make_waves(n_cases=70, n_channels=2, n_timepoints=30, random_state=0)
        assert wccn_of(shrinkage="auto", n_views=1).fit(many).net_.module_.counts.tolist() == [70, 70, 64]

    def test_auto_judges_the_series_of_every_call(self):
        wccn = wccn_of(shrinkage="auto").partial_fit(X[:4])
        assert wccn.shrinkage_ == 1
        assert wccn.partial_fit(X[4:]).net_.module_.counts[2] == 24

    def test_a_number_is_taken_as_it_is(self):
        assert wccn_of(shrinkage=0.3).fit(X).shrinkage_ == pytest.approx(0.3)

    def test_no_change_leaves_principal_components(self):
        features = bent(augmentation=Jitter(sigma=0.0)).fit_transform(X)
        h = small(RandomEncoderTransformer).fit(X).transform(X).astype(np.float64)
        spread = np.linalg.svd(h - h.mean(0), compute_uv=False)
        assert_allclose(np.linalg.norm(features, axis=0)[:5], spread[:5], rtol=1e-3)

    def test_stronger_shrinkage_brings_copies_nearer_to_their_series(self):
        copies = Bent()(torch.from_numpy(X).float()).numpy()
        moved = []
        for shrinkage in (0.01, 1.0, 100.0):
            wccn = bent(shrinkage=shrinkage).fit(X)
            z = wccn.transform(X)
            moved.append(np.square(wccn.transform(copies) - z).sum() / np.square(z - z.mean(0)).sum())
        assert moved == sorted(moved)
        assert moved[0] < moved[-1] / 2


class TestDegenerateSeries:
    @pytest.mark.parametrize("cls", [WCCNTransformer, ClosedFormVICRegTransformer])
    @pytest.mark.parametrize("rocket", [False, True])
    def test_two_series(self, cls, rocket):
        features = small(cls, **(ROCKET if rocket else {})).fit_transform(X[:2])
        assert features.shape == (2, 1)
        assert np.isfinite(features).all()
        assert features[0] != features[1]

    @pytest.mark.parametrize("cls", [WCCNTransformer, ClosedFormVICRegTransformer])
    @pytest.mark.parametrize("series", [np.zeros((9, 2, 30)), np.tile(X[:1], (9, 1, 1))], ids=["zeros", "equal"])
    def test_series_that_do_not_differ(self, cls, series):
        with pytest.warns(UserWarning, match="All 9 series of X are the same"):
            transformer = small(cls, **ROCKET).fit(series)
        assert not transformer.transform(series).any()
        assert np.isfinite(transformer.transform(X)).all()

    def test_unequal_lengths(self):
        series = [one[:, : 8 + case] for case, one in enumerate(X)]
        wccn = wccn_of(**ROCKET).fit(series)
        assert_allclose(wccn.transform(series[:1])[0], wccn.transform(series)[0], rtol=1e-3, atol=1e-4)

    def test_values_that_are_too_large(self):
        wccn = wccn_of().fit(X)
        expected = wccn.transform(X)
        with pytest.raises(ValueError, match="too large for the encoder"):
            wccn.fit(X * 1e30)
        assert_array_equal(wccn.transform(X), expected)


class TestState:
    def test_nested_parameters_of_the_defaults(self):
        wccn = WCCNTransformer().set_params(encoder__n_features=336, augmentation__jitter__sigma=0.2)
        assert wccn.encoder.n_features == 336
        assert wccn.fit_transform(X).shape == (24, 23)

    def test_state_is_in_buffers_and_survives_pickling(self):
        wccn = wccn_of(**ROCKET).fit(X)
        buffers = dict(wccn.net_.module_.named_buffers())
        assert {"mean", "deviations", "changes", "counts", "margins", "weights"} <= set(buffers)
        again = pickle.loads(pickle.dumps(wccn))
        assert_array_equal(again.transform(X), wccn.transform(X))
        assert_array_equal(again.partial_fit(X).transform(X), wccn.partial_fit(X).transform(X))
