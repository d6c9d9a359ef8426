import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_ssl._numerics import vectors
from sklearn_ssl._numerics.vectors import (
    blocks,
    least_rank,
    mean_of,
    rank_bound,
    singular_values,
    smooth_rank,
    spread_of,
    without_torch,
)


@pytest.fixture
def small_blocks(monkeypatch):
    """Let a block hold some 40 values, so that small matrices have several."""
    monkeypatch.setattr(vectors, "BLOCK_VALUES", 40)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


class TestWithoutTorch:
    @pytest.mark.parametrize(
        ("dtype", "expected"),
        [
            (torch.float64, np.float64),
            (torch.float32, np.float32),
            (torch.bfloat16, np.float32),
            (torch.int64, np.float32),
        ],
    )
    def test_tensors_become_arrays(self, dtype, expected):
        array = without_torch(torch.tensor([1, 2]).to(dtype))
        assert array.dtype == expected
        assert array.tolist() == [1, 2]

    def test_gradients_are_left_behind(self):
        assert without_torch(torch.ones(2, requires_grad=True)).tolist() == [1, 1]

    def test_others_stay(self):
        value = [1, 2]
        assert without_torch(value) is value


class TestBlocks:
    @pytest.mark.parametrize(("shape", "sizes"), [((25, 4), [10, 10, 5]), ((25, 10), [10, 10, 5]), ((7, 2, 5), [5, 2])])
    def test_cover_the_rows_once(self, small_blocks, shape, sizes):
        H = normal(*shape).astype(np.float32)
        found = list(blocks(H))
        assert [len(block) for block in found] == sizes
        assert {block.dtype for block in found} == {np.dtype(np.float64)}
        assert_array_equal(np.concatenate(found), H)

    def test_are_large(self):
        assert len(next(blocks(np.zeros(((1 << 20) + 1, 1), dtype=np.float16)))) == 1 << 20


class TestMean:
    def test_of_several_blocks(self, small_blocks):
        H = normal(27, 3) + 5
        assert_allclose(mean_of(H), [math.fsum(column) / 27 for column in H.T], rtol=1e-14)

    def test_of_constant_features_is_exact(self, small_blocks):
        H = np.full((999, 2), 0.1)
        assert_array_equal(mean_of(H), [0.1, 0.1])
        assert H.sum(axis=0)[0] / 999 != 0.1


class TestSpread:
    def test_share_of_the_variance(self, small_blocks):
        # The mean is 3 and the deviations 1 everywhere: 1 / (9 + 1).
        H = np.stack([np.resize([2.0, 4.0], 20)] * 3, axis=1)
        assert spread_of(H) == pytest.approx(0.1)
        assert spread_of(1e-3 * H) == pytest.approx(0.1)

    def test_centred_vectors_and_zeros(self):
        assert spread_of(np.array([[1.0, -1.0], [-1.0, 1.0]])) == 1
        assert spread_of(np.ones((5, 2))) == 0
        assert spread_of(np.zeros((5, 2))) == 0

    def test_never_above_one(self):
        for seed in range(20):
            H = normal(7, 3, seed=seed)
            assert spread_of(H - H.mean(axis=0)) <= 1


class TestRank:
    @pytest.mark.parametrize(
        ("weights", "rank"), [([2.0, 2.0, 2.0], 3), ([5.0, 0.0], 1), ([0.0, 0.0], 0), ([3.0, 1.0], 4 / 3**0.75)]
    )
    def test_exponential_of_the_entropy(self, weights, rank):
        assert smooth_rank(np.array(weights)) == pytest.approx(rank)

    def test_bounds(self):
        assert rank_bound(10, 20) == 9
        assert rank_bound(30, 20) == 20
        assert least_rank(20) == pytest.approx(2.9)
        assert least_rank(1) == 1
        assert least_rank(11, share=0.5) == 6


class TestSingularValues:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("center", [False, True])
    @pytest.mark.parametrize("shape", [(30, 4), (4, 30), (9, 9)])
    def test_equal_a_decomposition_of_the_whole(self, small_blocks, shape, center, dtype):
        H = (normal(*shape) + 2).astype(dtype)
        centred = H - H.mean(axis=0) if center else H
        expected = np.linalg.svd(centred.astype(np.float64), compute_uv=False)
        found = singular_values(H, center=center)
        assert_allclose(found, expected, rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("center", [False, True])
    def test_of_mapped_rows(self, small_blocks, center):
        H, transform = normal(30, 4) + 2, normal(4, 4, seed=1)
        mapped = (H - H.mean(axis=0) if center else H) @ transform
        expected = np.linalg.svd(mapped, compute_uv=False)
        for values in (H, H.astype(np.float32)):
            assert_allclose(singular_values(values, center=center, transform=transform), expected, rtol=1e-5)

    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    def test_rounding_is_zero_and_little_more_is_not(self, dtype):
        # Ten units of rounding of the length of a matrix, here 100, are rounding.
        H = np.diag([100.0, 0.0]).astype(dtype)
        for factor, is_zero in ((9.9, True), (10.1, False)):
            H[1, 1] = factor * 100 * np.finfo(dtype).eps
            found = singular_values(H, center=False)
            assert (found[1] == 0) == is_zero
            if not is_zero:
                assert found[1] == pytest.approx(H[1, 1], rel=1e-3)

    def test_rounding_of_a_given_precision(self):
        H = np.diag([1.0, 1e-8])
        assert singular_values(H, center=False)[1] == pytest.approx(1e-8)
        assert singular_values(H, center=False, dtype=np.float32)[1] == 0

    @pytest.mark.parametrize("transform", [None, np.eye(2), 1e-3 * np.eye(2)])
    def test_rounding_is_measured_before_centring(self, transform):
        # The mean is a million, so deviations of 1e-10 are rounding errors of float64.
        H = np.array([[1e6, 1.0], [1e6, -1.0], [1e6, 1.0], [1e6, -1.0]])
        H[:2, 0] += 3e-10
        found = singular_values(H, center=True, transform=transform)
        assert found[0] == pytest.approx(2 if transform is None else 2 * transform[0, 0])
        assert found[1] == 0

    def test_rounding_is_measured_after_mapping(self):
        # The map makes the mean, a million, a thousand times shorter, and with it the rounding.
        H = np.array([[1e6, 1.0], [1e6, -1.0], [1e6, 1.0], [1e6, -1.0]])
        H[:, 0] += [1e-6, 1e-6, -1e-6, -1e-6]
        found = singular_values(H, center=True, transform=np.diag([1e-3, 1.0]))
        assert_allclose(found, [2.0, 2e-9], rtol=1e-3)

    def test_single_precision_needs_no_triangle(self, monkeypatch):
        monkeypatch.setattr(vectors, "_by_triangle", None)
        assert_allclose(singular_values(np.eye(3, dtype=np.float32), center=False), 1)

    def test_small_values_in_double_precision_are_precise(self):
        # The Gram matrix would lose values below 1e-8 of the largest.
        H = np.linalg.qr(normal(6, 2))[0] * [1.0, 1e-10] @ np.array([[0.6, 0.8], [-0.8, 0.6]])
        assert_allclose(singular_values(H, center=False), [1.0, 1e-10], rtol=1e-4)
