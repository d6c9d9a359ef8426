import inspect
import math

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import fractional_matrix_power
from scipy.spatial.distance import pdist
from scipy.stats import ortho_group
from shared import untouched_generators

from sklearn_ssl.evaluation import (
    _spectral_scores,
    _spread_scores,
    alignment,
    alpha_req,
    effective_rank,
    lidar,
    n_dead,
    normalized_std,
    rankme,
    spectrum,
    spread,
    uniformity,
)

OF_EMBEDDING = [alpha_req, effective_rank, n_dead, normalized_std, rankme, spectrum, spread, uniformity]
OF_VIEWS = [alignment, lidar]
SCORES = [*OF_EMBEDDING, *OF_VIEWS]


def embedding(n_cases=80, n_features=12, seed=0, mean=0.5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_cases, n_features)) * np.arange(1, n_features + 1) ** -0.7 + mean


def views(n_cases=40, n_views=3, n_features=6, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    series = rng.normal(size=(n_cases, 1, n_features)) * np.arange(1, n_features + 1) ** -0.5 + 0.2
    return series + noise * rng.normal(size=(n_cases, n_views, n_features)) * np.linspace(0.2, 1, n_features)


def given(score, **kwargs):
    return views(**kwargs) if score in OF_VIEWS else embedding(**kwargs)


def with_spectrum(singular_values, n_cases=40, seed=0):
    """Return a matrix with these singular values and columns of mean 0."""
    d = len(singular_values)
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(n_cases, d))
    left = np.linalg.qr(columns - columns.mean(axis=0))[0]  # its columns have mean 0 too
    right = np.linalg.qr(rng.normal(size=(d, d)))[0]
    return left * np.asarray(singular_values) @ right.T


# Oracles: the formulas once more, by loops and dense matrices.


def entropy_rank(weights):
    total = sum(weights)
    return math.exp(-sum(w / total * math.log(w / total) for w in weights if w > 0))


def rankme_oracle(H):
    return entropy_rank(np.sqrt(np.linalg.eigvalsh(H.T @ H).clip(min=0)))


def effective_rank_oracle(H):
    return entropy_rank(np.sqrt(np.linalg.eigvalsh(np.cov(H, rowvar=False)).clip(min=0)))


def alpha_oracle(H, first, last):
    eigenvalues = np.linalg.eigvalsh(np.cov(H, rowvar=False))[::-1]
    ranks = np.arange(first, last + 1)
    return -np.polyfit(np.log(ranks), np.log(eigenvalues[first - 1 : last]), 1)[0]


def lidar_oracle(h, delta=1e-4):
    n, n_views, d = h.shape
    means = [h[i].mean(axis=0) for i in range(n)]
    overall = np.mean(means, axis=0)
    between, within = np.zeros((d, d)), delta * np.eye(d)
    for i in range(n):
        between += np.outer(means[i] - overall, means[i] - overall) / (n - 1)
        for v in range(n_views):
            within += np.outer(h[i, v] - means[i], h[i, v] - means[i]) / (n * (n_views - 1))
    root = fractional_matrix_power(within, -0.5)
    return entropy_rank(np.linalg.eigvalsh(root @ between @ root).clip(min=0))


def alignment_oracle(h):
    distances = []
    for series in h:
        u = [vector / np.linalg.norm(vector) for vector in series]
        distances += [np.sum((u[v] - u[w]) ** 2) for v in range(len(u)) for w in range(v + 1, len(u))]
    return np.mean(distances)


def uniformity_oracle(H, t=2.0):
    return math.log(np.exp(-t * pdist(H / np.linalg.norm(H, axis=1, keepdims=True)) ** 2).mean())


def spread_oracle(H):
    return 1 - np.sum(H.mean(axis=0) ** 2) / np.mean([h @ h for h in H])


def normalized_std_oracle(H):
    return (H / np.linalg.norm(H, axis=1, keepdims=True)).std(axis=0).mean()


ORACLES = {
    rankme: rankme_oracle,
    effective_rank: effective_rank_oracle,
    alpha_req: lambda H: alpha_oracle(H, 2, 6),  # the range documented for twelve eigenvalues
    lidar: lidar_oracle,
    alignment: alignment_oracle,
    uniformity: uniformity_oracle,
    spread: spread_oracle,
    normalized_std: normalized_std_oracle,
    spectrum: lambda H: np.linalg.svd(H, compute_uv=False),
}


@pytest.mark.parametrize("score", ORACLES)
@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_an_oracle(score, seed):
    H = given(score, seed=seed)
    assert_allclose(score(H), ORACLES[score](H), rtol=1e-9)


@pytest.mark.parametrize("score", [rankme, effective_rank, spectrum, uniformity, spread, normalized_std])
def test_agrees_with_an_oracle_for_fewer_rows_than_features(score):
    H = embedding(n_cases=7, n_features=20)
    if score is effective_rank:
        expected = entropy_rank(np.linalg.svd(H - H.mean(axis=0), compute_uv=False))
    else:
        expected = entropy_rank(np.linalg.svd(H, compute_uv=False)) if score is rankme else ORACLES[score](H)
    assert_allclose(score(H), expected, rtol=1e-9)


def test_lidar_agrees_with_its_oracle_for_fewer_series_than_features():
    h = views(n_cases=4, n_features=9, n_views=2)
    assert_allclose(lidar(h, delta=0.01), lidar_oracle(h, delta=0.01), rtol=1e-7)
    assert 1 <= lidar(h) <= 3


# Closed forms.


@pytest.mark.parametrize("score", [rankme, effective_rank])
@pytest.mark.parametrize("d", [1, 2, 5, 16])
def test_rank_of_equal_singular_values_is_their_number(score, d):
    assert_allclose(score(with_spectrum(np.full(d, 3.0))), d, rtol=1e-10)


@pytest.mark.parametrize("score", [rankme, effective_rank])
def test_rank_of_a_known_spectrum(score):
    # p = (1/2, 1/4, 1/4): entropy = 3/2 log 2
    assert_allclose(score(with_spectrum([2.0, 1.0, 1.0])), 2**1.5, rtol=1e-10)
    # a geometric spectrum p_k = 2^-k, k = 1..10, whose rest joins the last one
    p = np.append(0.5 ** np.arange(1, 10), 0.5**9)
    entropy = math.log(2) * (sum(k * 0.5**k for k in range(1, 10)) + 9 * 0.5**9)
    assert_allclose(score(with_spectrum(p)), math.exp(entropy), rtol=1e-10)


def test_spectrum_of_a_known_spectrum():
    values = [5.0, 2.0, 1.0, 0.0]
    assert_allclose(spectrum(with_spectrum(values)), values, atol=1e-12)
    assert spectrum(with_spectrum(values))[-1] == 0
    assert_allclose(spectrum(with_spectrum(values) + 7, center=True), values, atol=1e-12)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("d", [3, 10, 60, 120])
def test_alpha_of_a_power_law(alpha, d):
    H = with_spectrum(np.arange(1, d + 1) ** (-alpha / 2), n_cases=d + 10)
    assert_allclose(alpha_req(H), alpha, rtol=1e-9)
    assert_allclose(alpha_req(H, ranks=(1, d)), alpha, rtol=1e-9)


@pytest.mark.parametrize(
    ("n_positive", "ranks"),
    [(3, (1, 3)), (4, (1, 3)), (9, (1, 4)), (20, (3, 10)), (99, (10, 49)), (100, (11, 50)), (900, (11, 50))],
)
def test_range_of_alpha_req(n_positive, ranks):
    assert _spectral_scores.default_ranks(n_positive) == ranks


def test_alpha_req_fits_its_range_only():
    d = 120
    deviations = np.arange(1, d + 1) ** -0.5
    deviations[:10] *= 5
    deviations[50:] /= 1e3
    assert_allclose(alpha_req(with_spectrum(deviations, n_cases=200)), 1, rtol=1e-9)


@pytest.mark.parametrize("noise", [0.0, 1e-3, 1.0, 1e3])
@pytest.mark.parametrize(
    ("variances", "rank"), [([1, 1, 1, 1, 0, 0], 4), ([4, 2, 1, 1, 0, 0], 2**1.75), ([9, 0, 0, 0, 0, 0], 1)]
)
def test_lidar_of_known_covariances(variances, rank, noise):
    # The same noise in all directions whitens to a factor: the rank is that of the variances between series.
    means = with_spectrum(np.sqrt(variances), n_cases=30)
    h = means[:, None] + noise * np.vstack([np.eye(6), -np.eye(6)])
    assert_allclose(lidar(h), rank, rtol=1e-6)


def test_lidar_whitens_by_what_views_differ_in():
    noise = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]) * [1.0, 2.0]  # variances 1 : 4
    rotated = with_spectrum([1.0, 1.0], n_cases=50)  # uncorrelated and of equal variance
    means = rotated * [1.0, 2.0]  # variances 1 : 4 too
    assert_allclose(lidar(means[:, None] + noise, delta=1e-12), 2, rtol=1e-9)
    assert_allclose(lidar(means[:, None] + noise[:, ::-1], delta=1e-12), entropy_rank([1 / 4, 4 / 1]), rtol=1e-9)


def test_lidar_uses_the_true_groups():
    h = views(n_cases=60, n_views=4, noise=0.02)
    shuffled = np.random.default_rng(0).permutation(h.reshape(-1, h.shape[2])).reshape(h.shape)
    assert abs(lidar(shuffled) - lidar_oracle(shuffled)) < 1e-6
    assert abs(lidar(h) - lidar(shuffled)) > 0.3
    reordered = h[::-1, [2, 0, 3, 1]]  # the order of series and of views does not matter
    assert_allclose(lidar(reordered), lidar(h), rtol=1e-9)


def test_alignment_closed_forms():
    assert alignment([[[1.0, 0.0], [-2.0, 0.0]]]) == 4
    assert alignment([[[1.0, 0.0], [0.0, 2.0]], [[1.0, 1.0], [3.0, 3.0]]]) == pytest.approx(1, abs=1e-12)
    assert alignment([[[0.0, 0.0], [0.0, 2.0]]]) == 1  # zeros stay zeros
    assert alignment(np.ones((5, 3, 4))) == 0


def test_uniformity_closed_forms():
    ends = np.array([[1.0, 0.0], [-3.0, 0.0]])
    assert uniformity(ends) == pytest.approx(-8)
    assert uniformity(ends, t=0.5) == pytest.approx(-2)
    d = 9  # orthogonal directions: all squared distances are 2
    assert uniformity(np.diag(np.arange(1.0, d + 1))) == pytest.approx(-4)
    assert uniformity([[0.0, 0.0], [0.0, 2.0]]) == pytest.approx(-2)  # zeros stay zeros


def test_spread_and_normalized_std_closed_forms():
    axes = np.vstack([np.eye(7), -np.eye(7)]) * 3
    assert spread(axes) == 1
    assert normalized_std(axes) == pytest.approx(7**-0.5)
    assert spread(axes + 3 / np.sqrt(7)) == pytest.approx(0.5)  # a mean as long as the vectors


# Invariances.


@pytest.mark.parametrize("score", [alignment, alpha_req, effective_rank, lidar, rankme, spectrum, spread, uniformity])
def test_rotation_changes_nothing(score):
    H = given(score)
    rotation = ortho_group.rvs(H.shape[-1], random_state=1)
    assert_allclose(score(H @ rotation), score(H), rtol=1e-8)


@pytest.mark.parametrize(
    "score", [alignment, alpha_req, effective_rank, n_dead, normalized_std, rankme, spread, uniformity]
)
@pytest.mark.parametrize("factor", [1e-8, 1e8])
def test_scale_changes_nothing(score, factor):
    H = given(score)
    assert_allclose(score(H * factor), score(H), rtol=1e-9)


def test_lidar_changes_with_scale_only_where_delta_weighs():
    h = views()
    assert_allclose(lidar(h * 1e4), lidar(h * 1e6), rtol=1e-6)
    assert abs(lidar(h * 1e-3) - lidar(h)) > 0.1
    assert_allclose(lidar(h * 1e-3, delta=1e-10), lidar(h, delta=1e-4), rtol=1e-9)


@pytest.mark.parametrize("score", [alpha_req, effective_rank, n_dead])
def test_shift_changes_nothing(score):
    assert_allclose(score(embedding() + 50), score(embedding()), rtol=1e-8)


def test_rankme_and_spread_see_a_mean():
    assert rankme(embedding() + 50) < 0.5 * rankme(embedding())
    assert spread(embedding() + 50) < 0.01 * spread(embedding())


@pytest.mark.parametrize("score", SCORES)
def test_blocks_change_nothing(score, monkeypatch):
    H = given(score, n_cases=203)
    whole = score(H)
    monkeypatch.setattr(_spread_scores, "BLOCK_VALUES", 1)  # blocks of as many rows as features; single rows for pairs
    assert_allclose(score(H), whole, rtol=1e-9)


@pytest.mark.parametrize("score", SCORES)
def test_order_of_series_changes_nothing(score):
    H = given(score)
    assert_allclose(score(H[::-1]), score(H), rtol=1e-9)


# Kinds of input.


@pytest.mark.parametrize("score", SCORES)
def test_input_is_left_as_it_is_and_calls_agree(score):
    H = given(score)
    before = H.copy()
    assert_array_equal(score(H), score(H))
    assert_array_equal(H, before)


@pytest.mark.parametrize("score", SCORES)
def test_kinds_of_array(score):
    H = given(score)
    single = H.astype(np.float32)
    expected = score(H)
    assert_array_equal(score(torch.from_numpy(H).requires_grad_()), expected)  # in float64, not rounded
    assert_array_equal(score(H.tolist()), expected)
    assert_allclose(score(np.asfortranarray(H)), expected, rtol=1e-12)
    assert_allclose(score(single), expected, rtol=1e-5)
    assert_array_equal(score(torch.from_numpy(single)), score(single))
    assert_array_equal(score(torch.from_numpy(H).bfloat16()), score(torch.from_numpy(H).bfloat16().float()))
    if score not in OF_VIEWS:
        assert_allclose(score(pd.DataFrame(H)), expected, rtol=1e-12)


@pytest.mark.parametrize("score", SCORES)
def test_returns_python_numbers(score):
    result = score(given(score))
    assert type(result) is {spectrum: np.ndarray, n_dead: int}.get(score, float)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("n_cases", [30, 90, 30_000])  # fewer than features, more, several blocks
def test_spectrum_in_single_precision_is_that_in_double(n_cases, center):
    H = (np.random.default_rng(0).normal(size=(n_cases, 60)) * np.logspace(0, -5, 60)).astype(np.float32)
    shift = H.mean(axis=0, dtype=float) if center else 0.0
    expected = np.linalg.svd(H.astype(float) - shift, compute_uv=False)
    found = spectrum(H, center=center)
    assert (found > 0).sum() > 20
    assert_allclose(found[found > 0], expected[found > 0], rtol=1e-4)
    assert rankme(H) == pytest.approx(rankme(H.astype(float)), rel=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_fills_no_direction(dtype):
    low_rank = with_spectrum([4.0, 2.0, 1.0] + [0.0] * 17, n_cases=500).astype(dtype)
    assert (spectrum(low_rank) > 0).sum() == 3
    far = (low_rank + 100).astype(dtype)
    assert (spectrum(far, center=True) > 0).sum() == 3
    assert alpha_req(low_rank) == pytest.approx(alpha_oracle(with_spectrum([4.0, 2, 1]), 1, 3), rel=1e-4)


# Constant features.


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.1, 1e6, 1e-20])
def test_constant_embedding_has_documented_values(dtype, value):
    H = np.full((20_000, 6), value, dtype=dtype)  # long enough for sums to round
    assert effective_rank(H) == 0
    assert rankme(H) == pytest.approx(1)
    assert n_dead(H) == 6
    assert spread(H) < 1e-30
    assert normalized_std(H) < 1e-12
    assert uniformity(H, max_cases=100) == pytest.approx(0, abs=1e-12)
    assert lidar(H.reshape(5000, 4, 6)) == 0
    assert alignment(H.reshape(5000, 4, 6)) == pytest.approx(0, abs=1e-12)


def test_zeros_have_documented_values():
    H = np.zeros((30, 6))
    assert [score(H) for score in (rankme, effective_rank, spread, normalized_std, uniformity)] == [0] * 5
    assert n_dead(H) == 6
    assert lidar(H.reshape(10, 3, 6)) == alignment(H.reshape(10, 3, 6)) == 0
    assert_array_equal(spectrum(H), np.zeros(6))


def test_some_constant_features():
    H = embedding(n_features=5, mean=0)
    wide = np.hstack([H, np.full((len(H), 2), 0.1), np.zeros((len(H), 1))])
    assert n_dead(wide) == 3
    assert n_dead(wide.astype(np.float32)) == 3
    assert effective_rank(wide) == pytest.approx(effective_rank(H), rel=1e-9)
    assert alpha_req(wide) == pytest.approx(alpha_req(H), rel=1e-9)


def test_dead_by_rounding():
    H = embedding(n_features=3, mean=0)
    H[:, 1] = 1000 + 1e-5 * H[:, 1]  # below the rounding of float32 at 1000
    H[:, 2] *= 1e-9  # far below the other features
    assert n_dead(H) == 2
    assert n_dead(H, tolerance=1e-12) == 0


# Subsamples.


def test_uniformity_of_a_choice_of_rows():
    H = embedding(n_cases=1500)
    exact = uniformity(H)
    assert exact == pytest.approx(uniformity_oracle(H), rel=1e-9)
    chosen = uniformity(H, max_cases=500, random_state=3)
    assert chosen == uniformity(H, max_cases=500, random_state=3)
    assert chosen != uniformity(H, max_cases=500, random_state=4)
    assert chosen == pytest.approx(exact, abs=0.1)
    assert uniformity(H[:500], max_cases=500, random_state=3) == uniformity(H[:500], max_cases=500, random_state=4)


def test_global_generators_are_left_alone():
    with untouched_generators():
        uniformity(embedding(), max_cases=10, random_state=None)


# Bad input.


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("score", SCORES)
def test_refuses_what_is_not_finite(score, value):
    H = given(score)
    H[(3,) + (1,) * (H.ndim - 1)] = value
    for one in (H, torch.from_numpy(H)):
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            score(one)


@pytest.mark.parametrize("score", OF_EMBEDDING)
def test_refuses_one_row(score):
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        score(embedding(n_cases=1))


@pytest.mark.parametrize("score", SCORES)
def test_refuses_other_shapes(score):
    wrong = embedding() if score in OF_VIEWS else views()
    with pytest.raises(ValueError, match=r"shape|dim 3"):
        score(wrong)
    with pytest.raises(ValueError, match=r"shape|1D array"):
        score(np.arange(5.0))


def test_refuses_views_that_are_too_few():
    with pytest.raises(ValueError, match=r"two or more views, got \(40, 1, 6\)"):
        alignment(views()[:, :1])
    with pytest.raises(ValueError, match=r"2 or more series.*got \(1, 3, 6\)"):
        lidar(views()[:1])
    assert alignment(views()[:1]) == pytest.approx(alignment_oracle(views()[:1]))
    with pytest.raises(ValueError, match="0 feature"):
        lidar(views()[:, :, :0])


def test_alpha_req_needs_three_directions():
    with pytest.raises(ValueError, match="three or more positive eigenvalues, got 2"):
        alpha_req(embedding()[:, :2])
    with pytest.raises(ValueError, match="got 2"):
        alpha_req(embedding(n_cases=3))
    with pytest.raises(ValueError, match="got 0"):
        alpha_req(np.ones((9, 4)))


@pytest.mark.parametrize("ranks", [(0, 5), (3, 3), (5, 2), (1, 13), (1.0, 5), (1,), (1, 2, 3), 5])
def test_refuses_ranks(ranks):
    with pytest.raises(ValueError, match="`ranks` must be a first and a higher last rank between 1 and 12"):
        alpha_req(embedding(), ranks=ranks)


@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf, None, "2"])
def test_refuses_parameters_not_above_0(value):
    with pytest.raises(ValueError, match="`delta` must be a finite number above 0"):
        lidar(views(), delta=value)
    with pytest.raises(ValueError, match="`t` must be a finite number above 0"):
        uniformity(embedding(), t=value)


def test_refuses_max_cases_below_2():
    with pytest.raises(ValueError, match="`max_cases` must be a whole number of at least 2"):
        uniformity(embedding(), max_cases=1)


@pytest.mark.parametrize("score", SCORES)
def test_documents_its_errors(score):
    assert "Raises" in inspect.getdoc(score)
