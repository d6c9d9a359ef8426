import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_ssl._numerics import low_rank
from sklearn_ssl._numerics.low_rank import (
    Directions,
    InvarianceMap,
    _eigh,
    centred,
    compressed,
    discriminant_directions,
    equalising_rotation,
    merged,
    partially_whitened,
    retrieval_margins,
    strongest_within_one_error,
    unit_variances,
)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def problem(n_series=12, n_changes=20, n_features=40, decay=0.8):
    scales = decay ** torch.arange(n_features)
    deviations, _ = centred(normal(n_series, n_features))
    return deviations, normal(n_changes, n_features, seed=1) * scales


def dense_map(changes, shrinkage):
    """Return M = (S_w / r + I)^(-1/2) and r, made of F x F matrices in float64."""
    D = changes.double().numpy()
    values, vectors = np.linalg.eigh(D.T @ D / len(D))
    r = shrinkage * values[values > 1e-6 * values[-1]].mean()
    return (vectors / np.sqrt(np.clip(values, 0, None) / r + 1)) @ vectors.T, r


class TestInvarianceMap:
    @pytest.mark.parametrize("shrinkage", [0.02, 1.0, 50.0])
    @pytest.mark.parametrize("n_changes", [5, 80])
    def test_agrees_with_dense_matrices(self, n_changes, shrinkage):
        _, changes = problem(n_changes=n_changes)
        expected, _ = dense_map(changes, shrinkage)
        rows = normal(7, 40, seed=2)
        mapped = InvarianceMap.of(changes, shrinkage)(rows)
        assert_allclose(mapped, rows.double().numpy() @ expected, atol=5e-4)

    def test_without_changes_nothing_is_shortened(self):
        rows = normal(7, 40)
        assert torch.equal(InvarianceMap.of(torch.zeros(3, 40), 0.1)(rows), rows)

    @pytest.mark.parametrize(("share", "n_directions"), [(1.05e-6, 2), (0.95e-6, 1)])
    def test_changes_below_a_millionth_are_rounding(self, share, n_directions):
        changes = torch.tensor([[1.0, 0.0, 0.0], [0.0, share**0.5, 0.0]])
        assert InvarianceMap.of(changes, 0.1).directions.shape == (3, n_directions)


class TestCentred:
    def test_takes_the_mean_away(self):
        rows = normal(7, 5) + 3
        deviations, mean = centred(rows)
        assert_allclose(deviations, rows - rows.mean(0), atol=1e-6)
        assert_allclose(mean, rows.mean(0), rtol=1e-6)

    def test_equal_rows_do_not_deviate(self):
        deviations, mean = centred((normal(1, 50) * 1e3).repeat(7, 1))
        assert not deviations.any()
        assert_allclose(mean, normal(50) * 1e3, rtol=1e-6)


class TestMerged:
    @pytest.mark.parametrize("sizes", [(10,), (4, 6), (1, 1, 8), (3, 3, 3, 1)])
    def test_blocks_have_the_scatter_of_all_rows(self, sizes):
        rows = normal(10, 6) + 5
        deviations, mean, count = torch.zeros(0, 6), torch.zeros(6), 0
        for block in rows.split(sizes):
            deviations, mean = merged(deviations, mean, count, block)
            count += len(block)
        assert len(deviations) == 10 + len(sizes) - 1
        expected = rows - rows.mean(0)
        assert_allclose(mean, rows.mean(0), rtol=1e-5)
        assert_allclose(deviations.T @ deviations, expected.T @ expected, rtol=1e-4, atol=1e-4)


class TestCompressed:
    @pytest.mark.parametrize("shape", [(8, 30), (30, 8), (10, 10)])
    def test_loses_nothing_where_the_rank_allows(self, shape):
        rows = 0.01 * normal(*shape)
        small = compressed(rows, 50)
        assert small.shape == (min(shape), shape[1])
        assert small.dtype == torch.float32
        assert (small.norm(dim=1).diff() <= 1e-7).all()
        assert_allclose(small.T @ small, rows.T @ rows, rtol=1e-4, atol=1e-8)

    @pytest.mark.parametrize("shape", [(25, 60), (60, 25)])
    def test_is_the_best_of_its_rank(self, shape):
        rows = normal(*shape)
        small = compressed(rows, 5)
        left = torch.linalg.matrix_norm(rows.T @ rows - small.T @ small, 2)
        assert small.shape == (5, shape[1])
        assert_allclose(left, torch.linalg.svdvals(rows)[5] ** 2, rtol=1e-4)

    @pytest.mark.parametrize("shape", [(3, 40), (40, 3)])
    def test_the_smaller_matrix_is_decomposed(self, shape, monkeypatch):
        sizes = []
        eigh = torch.linalg.eigh
        monkeypatch.setattr(torch.linalg, "eigh", lambda matrix: sizes.append(len(matrix)) or eigh(matrix))
        compressed(normal(*shape), 2)
        assert sizes == [3]

    def test_merging_in_blocks_stays_close(self):
        signal = normal(400, 6) * torch.tensor([9.0, 8, 7, 6, 5, 4])
        rows = signal @ normal(6, 60, seed=1) + 0.5 * normal(400, 60, seed=2)
        sketch = torch.zeros(0, 60)
        for block in rows.split(40):
            sketch = compressed(torch.cat([sketch, block]), 20)
        exact = torch.linalg.svd(rows, full_matrices=False)
        found = torch.linalg.svd(sketch, full_matrices=False)
        assert_allclose(found.S[:6], exact.S[:6], rtol=0.01)
        assert torch.linalg.svdvals(found.Vh[:6] @ exact.Vh[:6].T).min() > 0.999


class TestDiscriminantDirections:
    @pytest.mark.parametrize(("n_changes", "n_features"), [(20, 40), (90, 30), (1, 40)])
    @pytest.mark.parametrize("shrinkage", [0.1, 1.0, 30.0])
    def test_equals_dense_eigendecompositions(self, n_changes, n_features, shrinkage):
        deviations, changes = problem(n_changes=n_changes, n_features=n_features)
        found = discriminant_directions(deviations, 12, changes, n_changes, shrinkage, 100)
        M, r = dense_map(changes, shrinkage)
        mapped = deviations.double().numpy() @ M
        scores, spread, _ = np.linalg.svd(mapped, full_matrices=False)
        assert len(found.weights) == 11
        assert_allclose(found.variances, spread[:11] ** 2 / 12, rtol=1e-4)
        assert_allclose(found.ratios, spread[:11] ** 2 / 12 / r, rtol=1e-4)
        expected = scores[:, :11] * spread[:11]
        actual = (deviations @ found.weights.T).numpy()
        assert_allclose(actual * np.sign((actual * expected).sum(0)), expected, rtol=1e-3, atol=1e-3)

    def test_solves_the_generalised_eigenproblem(self):
        deviations, changes = problem()
        found = discriminant_directions(deviations, 12, changes, 20, 0.5, 4)
        _, r = dense_map(changes, 0.5)
        V = found.weights.double().T
        between = deviations.double().T @ (deviations.double() @ V) / 12
        within = changes.double().T @ (changes.double() @ V) / 20 + r * V
        assert_allclose(between, within * found.ratios, rtol=1e-3, atol=1e-4)

    def test_uncorrelated_outputs_in_descending_order(self):
        deviations, changes = problem()
        found = discriminant_directions(deviations, 12, changes, 20, 1.0, 5)
        assert found.variances.dtype == torch.float64  # Gram matrices are decomposed in double precision
        assert unit_variances(found, 12).dtype == partially_whitened(found, 12, 0.5, True).dtype == torch.float32
        outputs = deviations @ found.weights.T
        assert outputs.shape == (12, 5)
        assert_allclose(outputs.T @ outputs / 12, torch.diag(found.variances.float()), atol=1e-5)
        assert (found.variances.diff() <= 0).all()

    def test_unchanging_features_give_principal_components(self):
        deviations, changes = problem()
        found = discriminant_directions(deviations, 12, torch.zeros_like(changes), 20, 1.0, 3)
        assert_allclose(found.variances, torch.linalg.svdvals(deviations)[:3] ** 2 / 12, rtol=1e-5)
        assert_allclose(found.weights.norm(dim=1), torch.ones(3), rtol=1e-5)
        assert torch.isinf(found.ratios).all()

    def test_the_largest_weight_of_each_direction_is_positive(self):
        deviations, changes = problem()
        for sign in (1, -1):
            weights = discriminant_directions(sign * deviations, 12, changes, 20, 0.5, 6).weights
            assert weights.dtype == torch.float32
            assert (weights.amax(1) == weights.abs().amax(1)).all()

    @pytest.mark.parametrize(("share", "n_directions"), [(1.05e-6, 2), (0.95e-6, 1)])
    def test_directions_below_a_millionth_are_rounding(self, share, n_directions):
        deviations = torch.tensor([[1.0, 0.0, 0.0], [0.0, share**0.5, 0.0]])
        found = discriminant_directions(deviations, 2, torch.zeros(1, 3), 1, 1.0, 5)
        assert found.weights.shape == (n_directions, 3)

    def test_rounding_makes_no_negative_variance(self):
        # Series that differ only where they change: only rounding is left of their variance, below 0 for some seeds.
        for seed in range(10):
            changes = normal(6, 30, seed=seed)
            found = discriminant_directions(normal(1, 6, seed=seed + 10) @ changes, 5, changes, 6, 1e-20, 3)
            assert (found.variances >= 0).all()
            assert found.weights.isfinite().all()

    def test_equal_series_have_one_direction_of_zeros(self):
        _, changes = problem()
        found = discriminant_directions(torch.zeros(5, 40), 5, changes, 20, 1.0, 3)
        assert not found.weights.any()
        assert found.weights.shape == (1, 40)
        assert not unit_variances(found, 5).any()

    def test_a_direction_that_only_changes_within_series_is_shrunk(self):
        deviations = normal(10, 30) - normal(10, 30).mean(0)
        noise = torch.eye(30)[:1]
        changes = normal(40, 1) * 20 * noise + 0.01 * normal(40, 30)
        found = discriminant_directions(deviations, 10, changes, 40, 0.01, 9)
        seen = (noise @ found.weights.T).norm() / (torch.eye(30)[1:2] @ found.weights.T).norm()
        assert seen < 0.1


class TestScaling:
    directions = Directions(normal(9, 4), torch.arange(9.0, 0, -1), torch.ones(9))

    def test_without_whitening_nothing_changes(self):
        assert_allclose(partially_whitened(self.directions, 12), self.directions.weights, rtol=1e-6)

    @pytest.mark.parametrize("size", [1.0, 1e-3])
    @pytest.mark.parametrize("whitening", [0.3, 1.0])
    def test_whitening_raises_variances_to_a_power_and_keeps_their_sum(self, whitening, size):
        directions = self.directions._replace(variances=size * self.directions.variances)
        scales = partially_whitened(directions, 12, whitening)[:, 0] / directions.weights[:, 0]
        variances = scales.double() ** 2 * directions.variances
        expected = directions.variances ** (1 - whitening)
        assert_allclose(variances / variances.sum(), expected / expected.sum(), rtol=1e-5)
        assert_allclose(variances.sum(), directions.variances.sum(), rtol=1e-5)

    def test_a_direction_without_variance_has_no_output(self):
        weights = normal(3, 4)
        for whitening in (0.0, 1.0):
            maps = partially_whitened(Directions(weights, torch.tensor([3.0, 1.0, 0.0]), torch.ones(3)), 12, whitening)
            assert maps[:2].any(dim=1).all()
            assert not maps[2].any()
            assert not partially_whitened(Directions(weights, torch.zeros(3), torch.ones(3)), 12, whitening).any()
        maps = unit_variances(Directions(weights, torch.tensor([4.0, 0.0, 0.0]), torch.ones(3)), 8)
        assert_allclose(maps, [(weights[0] / 2).tolist(), [0.0] * 4])

    def test_the_rotation_is_on_request(self):
        directions = Directions(normal(3, 8), torch.tensor([5.0, 2.0, 0.5]), torch.ones(3))
        plain = partially_whitened(directions, 12, 0.5)
        for rotated, after in ((False, [5**0.5, 2**0.5, 0.5**0.5]), (True, [1.0, 1.0, 1.0])):
            turn = partially_whitened(directions, 12, 0.5, rotated).double() @ torch.linalg.pinv(plain.double())
            variances = (turn.square() @ directions.variances.sqrt().double()).numpy()
            assert_allclose(variances / variances.sum(), np.array(after) / sum(after), rtol=1e-5)

    def test_a_rotation_keeps_inner_products(self):
        plain, rotated = (partially_whitened(self.directions, 12, 0.5, turned) for turned in (False, True))
        assert_allclose(rotated.T @ rotated, plain.T @ plain, rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize(
        "variances", [[], [3.0], [2.0, 2.0], [9.0, 1.0], [5.0, 3.0, 1.0, 0.5, 0.0], [0.0, 0.0], list(range(1, 40))]
    )
    def test_the_rotation_makes_variances_equal(self, variances):
        rotation = equalising_rotation(torch.tensor(variances)).numpy()
        assert_allclose(rotation @ rotation.T, np.eye(len(variances)), atol=1e-12)
        after = np.diag(rotation @ np.diag(variances) @ rotation.T)
        assert_allclose(after, np.mean(variances) if variances else [], rtol=1e-9)

    @pytest.mark.parametrize(("n_series", "kept"), [(2, 1), (7, 1), (12, 3), (100, 9)])
    def test_one_direction_for_four_series(self, n_series, kept):
        weights = unit_variances(self.directions, n_series)
        assert_allclose(weights, self.directions.weights[:kept] / torch.arange(9.0, 0, -1)[:kept, None].sqrt())


class TestRetrievalMargins:
    def test_equals_loops_over_copies(self):
        originals, changes = normal(7, 25), 0.7 * normal(7, 3, 25, seed=1)
        shrinkages = torch.tensor([0.1, 1.0, 10.0])
        expected = np.zeros((7, 3))
        for column, shrinkage in enumerate(shrinkages.tolist()):
            for i in range(7):
                learnt = range(4, 7) if i < 4 else range(4)
                M, _ = dense_map(changes[list(learnt)].flatten(0, 1), shrinkage)
                for change in changes[i].double().numpy():
                    copy = originals[i].double().numpy() + change
                    far = [np.sum((M @ (copy - other)) ** 2) for other in originals.double().numpy()]
                    own = far.pop(i)
                    expected[i, column] += np.log(min(far) / own) / 3
        assert_allclose(retrieval_margins(originals, changes, shrinkages), expected, rtol=1e-4, atol=1e-5)

    def test_shared_changes_are_best_removed(self):
        changes = 5 * normal(16, 4, 2, seed=1) @ torch.eye(30)[:2] + 0.1 * normal(16, 4, 30, seed=2)
        margins = retrieval_margins(normal(16, 30), changes, torch.tensor([0.01, 1.0, 100.0])).mean(0)
        assert (margins.diff() < -0.1).all()

    def test_a_copy_that_equals_another_series_says_nothing(self):
        originals = torch.tensor([[0.0, 1.0], [4.0, 0.0], [0.0, -8.0], [9.0, 9.0]])
        changes = torch.zeros(4, 1, 2)
        changes[0, 0] = originals[1] - originals[0]
        assert not retrieval_margins(originals, changes, torch.tensor([0.1, 1.0])).any()

    def test_no_change_and_equal_series_say_nothing(self):
        shrinkages = torch.tensor([0.1, 1.0])
        assert not retrieval_margins(normal(6, 9), torch.zeros(6, 2, 9), shrinkages).any()
        assert not retrieval_margins(torch.ones(6, 9), torch.zeros(6, 2, 9), shrinkages).any()


@pytest.mark.parametrize(
    ("scores", "error", "place"), [([1, 2, 3, 2], 0.5, 2), ([1, 2, 3, 2], 1.2, 1), ([2, 1, 3, 1], 1.0, 0)]
)
def test_the_strongest_shrinkage_within_one_error_of_the_best(scores, error, place):
    errors = torch.full((4,), 9.0)
    errors[2] = error
    assert strongest_within_one_error(torch.tensor(scores), errors) == place


def test_the_first_of_equal_scores_is_the_strongest():
    assert strongest_within_one_error(torch.zeros(4), torch.zeros(4)) == 0


def test_eigenvalues_are_found_where_the_matrix_is():
    values, vectors = _eigh(torch.empty(3, 3, device="meta"))
    assert (values.device.type, vectors.shape) == ("meta", (3, 3))


@pytest.mark.parametrize("n_rows", [0, 1, 4, 5, 11])
def test_a_gram_matrix_is_put_together_from_blocks(n_rows, monkeypatch):
    monkeypatch.setattr(low_rank, "GRAM_BLOCK", 4)
    rows = torch.randn(n_rows, 6)
    torch.testing.assert_close(low_rank._gram(rows), rows @ rows.T)
