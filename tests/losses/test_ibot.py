import math

import pytest
import torch
from loops import cross_entropy, mean, normal, softmax, unit

from sklearn_ssl.losses import dino_loss, ibot_loss, koleo_loss, utica_loss

N_VIEWS, N, W, K = 2, 5, 4, 3


def inputs(n_student=N_VIEWS):
    """Return outputs for views and windows, of which an increasing number is hidden."""
    windows = normal(2, N_VIEWS, N, W, K, seed=3)
    hidden = torch.arange(W) < torch.tensor([[0, 1, 2, 3, 4], [4, 0, 1, 0, 2]])[:, :, None]
    return {
        "student": normal(n_student, N, K),
        "teacher": normal(N_VIEWS, N, K, seed=1),
        "center": normal(K, seed=2),
        "student_windows": windows[0],
        "teacher_windows": windows[1],
        "window_center": normal(K, seed=4),
        "hidden": hidden,
    }


def of_views(given, *temperatures):
    return float(dino_loss(given["student"], given["teacher"], given["center"], *temperatures))


def naive_windows(given, student_temperature, window_temperature):
    """Return the mean over views and series of the mean over hidden windows."""
    means = []
    for view, series in ((v, i) for v in range(N_VIEWS) for i in range(N)):
        entropies = []
        for window in range(W):
            if given["hidden"][view, series, window]:
                output = given["teacher_windows"][view, series, window] - given["window_center"]
                target = softmax((output / window_temperature).tolist())
                logits = given["student_windows"][view, series, window] / student_temperature
                entropies.append(cross_entropy(target, logits.tolist()))
        means.append(sum(entropies) / max(len(entropies), 1))
    return mean(means)


@pytest.mark.parametrize("n_student", [2, 5])
def test_ibot_equals_loops(n_student):
    given = inputs(n_student)
    expected = of_views(given, 0.5, 0.3) + naive_windows(given, 0.5, 0.7)
    temperatures = {"student_temperature": 0.5, "teacher_temperature": 0.3, "window_temperature": 0.7}
    assert float(ibot_loss(**given, **temperatures)) == pytest.approx(expected, rel=1e-9)


def test_published_temperatures_of_ibot():
    given = inputs()
    assert float(ibot_loss(**given)) == pytest.approx(of_views(given) + naive_windows(given, 0.1, 0.07), rel=1e-9)


def test_without_hidden_windows_ibot_is_dino():
    given = inputs()
    given["hidden"] = torch.zeros_like(given["hidden"])
    assert float(ibot_loss(**given)) == of_views(given)


def test_long_and_short_series_weigh_alike():
    given = inputs()
    given["hidden"] = torch.arange(W) < torch.tensor([4, 1, 1, 1, 1])[:, None].expand(N_VIEWS, N, 1)
    given["student_windows"].requires_grad_()
    (gradient,) = torch.autograd.grad(ibot_loss(**given), given["student_windows"])
    for view in range(N_VIEWS):
        for series, n_hidden in enumerate([4, 1, 1, 1, 1]):
            row = given["student_windows"][view, series].detach()
            output = given["teacher_windows"][view, series] - given["window_center"]
            slope = ((row / 0.1).softmax(1) - (output / 0.07).softmax(1)) / 0.1 / (N_VIEWS * N * n_hidden)
            slope[n_hidden:] = 0
            torch.testing.assert_close(gradient[view, series], slope)


def naive_koleo(z):
    rows = [unit(row) for row in z.tolist()]
    nearest = [min(math.dist(mine, other) for other in rows if other is not mine) for mine in rows]
    return -mean(math.log(distance) for distance in nearest)


@pytest.mark.parametrize("shape", [(2, 3), (7, 4), (30, 2)])
def test_koleo_equals_loops(shape):
    assert float(koleo_loss(normal(*shape))) == pytest.approx(naive_koleo(normal(*shape)), rel=1e-6)


def test_koleo_sees_directions_only_and_is_lowest_when_they_are_apart():
    z = normal(6, 4)
    torch.testing.assert_close(koleo_loss(z * torch.arange(1, 7)[:, None]), koleo_loss(z))
    angles = torch.arange(8, dtype=torch.float64) * math.pi / 4
    even = torch.stack([angles.cos(), angles.sin()], 1)
    assert float(koleo_loss(even)) == pytest.approx(-math.log(2 * math.sin(math.pi / 8)))
    assert koleo_loss(even) < koleo_loss(normal(8, 2))


def test_equal_embeddings_have_no_gradient_in_koleo():
    z = torch.ones(4, 3).requires_grad_()
    loss = koleo_loss(z)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(-math.log(1e-8))
    assert not z.grad.any()


def test_close_embeddings_are_told_apart_in_single_precision():
    z = torch.tensor([[1.0, 0.0], [1.0, 1e-5], [0.0, 1.0], [1e-5, 1.0]])
    assert float(koleo_loss(z)) == pytest.approx(-math.log(1e-5 + 1e-8), rel=1e-3)


@pytest.mark.parametrize("koleo", [0.0, 0.1, 2.0])
def test_utica_adds_the_spread_of_each_view(koleo):
    given, pooled = inputs(), normal(N_VIEWS, N, 6, seed=5)
    expected = ibot_loss(**given, window_temperature=0.2) + koleo * (koleo_loss(pooled[0]) + koleo_loss(pooled[1]))
    torch.testing.assert_close(utica_loss(**given, pooled=pooled, koleo=koleo, window_temperature=0.2), expected)


def test_published_weight_of_utica():
    given, pooled = inputs(), normal(N_VIEWS, N, 6, seed=5)
    torch.testing.assert_close(utica_loss(**given, pooled=pooled), utica_loss(**given, pooled=pooled, koleo=0.1))


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        (
            "teacher_windows",
            (2, 5, 0, 3),
            r"`teacher_windows` must have the shape \(2, 5, W, 3\) .* got \(2, 5, 0, 3\)",
        ),
        (
            "teacher_windows",
            (2, 5, 4, 2),
            r"`teacher_windows` must have the shape \(2, 5, W, 3\) .* got \(2, 5, 4, 2\)",
        ),
        ("student_windows", (2, 5, 3, 3), r"`student_windows` must have the shape \(2, 5, 4, 3\), got \(2, 5, 3, 3\)"),
        ("hidden", (2, 5, 4, 3), r"`hidden` must have the shape \(2, 5, 4\), got \(2, 5, 4, 3\)"),
        ("window_center", (4,), r"`window_center` must have the shape \(3,\), got \(4,\)"),
    ],
)
def test_wrong_shapes_of_windows(name, shape, message):
    with pytest.raises(ValueError, match=message):
        ibot_loss(**{**inputs(), name: torch.zeros(shape)})


def test_features_of_another_number_of_views():
    with pytest.raises(ValueError, match="`pooled` must hold the 2 views that `teacher` holds, got 3; leave out crops"):
        utica_loss(**inputs(), pooled=normal(3, N, 6))
