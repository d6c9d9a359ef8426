import math

import pytest
import torch
from loops import cosine, cross_entropy, mean, normal, scales, softmax

from sklearn_ssl.losses import byol_loss, dino_loss, simsiam_loss


def naive_mean_cosine(p, z):
    return mean(map(cosine, p.tolist(), z.tolist()))


def naive_dino(student, teacher, center, student_temperature, teacher_temperature):
    losses = []
    for t, outputs in enumerate(teacher):
        for v, predictions in enumerate(student):
            if v == t:
                continue
            for output, prediction in zip(outputs, predictions, strict=True):
                target = softmax(((output - center) / teacher_temperature).tolist())
                losses.append(cross_entropy(target, (prediction / student_temperature).tolist()))
    return mean(losses)


@pytest.mark.parametrize("shape", [(1, 3), (7, 4), (5, 1)])
def test_cosine_losses_equal_loops(shape):
    p1, p2, z1, z2 = normal(4, *shape)
    cosines = (naive_mean_cosine(p1, z2) + naive_mean_cosine(p2, z1)) / 2
    assert float(byol_loss(p1, p2, z1, z2)) == pytest.approx(2 - 2 * cosines, rel=1e-9)
    assert float(simsiam_loss(p1, p2, z1, z2)) == pytest.approx(-cosines, rel=1e-9)


def test_byol_is_the_squared_distance_on_the_sphere():
    views = normal(4, 6, 4)
    u1, u2, v1, v2 = views / views.norm(dim=2, keepdim=True)
    expected = ((u1 - v2).square().sum(dim=1) + (u2 - v1).square().sum(dim=1)).mean() / 2
    torch.testing.assert_close(byol_loss(*views), expected)


@pytest.mark.parametrize(("sign", "distance"), [(1, 0), (-1, 4)])
def test_range_of_cosine_losses(sign, distance):
    p1, p2 = normal(2, 6, 4)
    assert float(byol_loss(p1, p2, sign * p2, sign * p1)) == pytest.approx(distance, abs=1e-9)
    assert float(simsiam_loss(p1, p2, sign * p2, sign * p1)) == pytest.approx(-sign)


@pytest.mark.parametrize("loss", [byol_loss, simsiam_loss])
def test_zero_vectors_have_cosine_zero(loss):
    p, zero = normal(6, 4), torch.zeros(6, 4, dtype=torch.float64)
    assert float(loss(p, p, zero, zero)) == pytest.approx(2 if loss is byol_loss else 0)


@pytest.mark.parametrize("loss", [byol_loss, simsiam_loss])
def test_cosine_losses_ignore_scales_and_the_exchange_of_views(loss):
    p1, p2, z1, z2 = normal(4, 6, 4)
    expected = loss(p1, p2, z1, z2)
    torch.testing.assert_close(loss(scales(6, 1) * p1, p2, 5 * z1, z2), expected)
    torch.testing.assert_close(loss(p2, p1, z2, z1), expected)
    assert not torch.isclose(loss(p1, p2, z2, z1), expected)


@pytest.mark.parametrize(("n_student", "n_teacher"), [(2, 1), (2, 2), (5, 2), (3, 3)])
def test_dino_equals_loops(n_student, n_teacher):
    student, teacher, center = normal(n_student, 6, 4), normal(n_teacher, 6, 4, seed=1), normal(4, seed=2)
    expected = naive_dino(student, teacher, center, 0.5, 0.3)
    assert float(dino_loss(student, teacher, center, 0.5, 0.3)) == pytest.approx(expected, rel=1e-9)


def test_published_temperatures_of_dino():
    student, teacher, center = normal(3, 6, 4), normal(2, 6, 4, seed=1), normal(4, seed=2)
    expected = naive_dino(student, teacher, center, 0.1, 0.04)
    assert float(dino_loss(student, teacher, center)) == pytest.approx(expected, rel=1e-9)


def test_uniform_student_is_at_chance_level():
    student, teacher = torch.full((3, 6, 7), 0.3, dtype=torch.float64), normal(2, 6, 7)
    assert float(dino_loss(student, teacher, torch.zeros(7))) == pytest.approx(math.log(7))


def test_centre_equal_to_the_teacher_makes_targets_uniform():
    student, teacher = normal(2, 6, 4), torch.arange(4, dtype=torch.float64).repeat(2, 6, 1)
    uniform = -student.div(0.1).log_softmax(dim=2).mean()
    torch.testing.assert_close(dino_loss(student, teacher, teacher[0][0]), uniform)


def test_one_hot_teacher():
    # The teacher is certain of output 1 and the student has the logits 0 and 2 at temperature 0.5.
    student, teacher = [torch.tensor([[0.0, 1.0]])] * 2, [torch.tensor([[0.0, 10.0]])] * 2
    expected = math.log(1 + math.exp(-2))
    assert float(dino_loss(student, teacher, torch.zeros(2), student_temperature=0.5)) == pytest.approx(expected)


def test_equal_outputs_give_the_entropy_of_the_targets():
    view = torch.tensor([[0.0, 0.1]])
    share = 1 / (1 + math.exp(-1))
    entropy = -share * math.log(share) - (1 - share) * math.log(1 - share)
    assert float(dino_loss([view] * 2, [view] * 2, torch.zeros(2), 0.1, 0.1)) == pytest.approx(entropy)


def test_exchange_of_views_and_offsets_in_dino():
    student, teacher, center = normal(4, 6, 4), normal(2, 6, 4, seed=1), torch.arange(4, dtype=torch.float64)
    expected = dino_loss(student, teacher, center)
    torch.testing.assert_close(dino_loss(student[[1, 0, 3, 2]], teacher.flip(0), center), expected)
    torch.testing.assert_close(dino_loss(student + 3, teacher, center - 2), expected)
    assert not torch.isclose(dino_loss(student, teacher.flip(0), center), expected)


@pytest.mark.parametrize(
    ("student", "teacher", "center", "message"),
    [
        ([(4, 3)], [(4, 3)], (3,), "`student` must hold 2 or more views, got 1; make more views per series"),
        ([(4, 3)] * 2, [], (3,), "`teacher` must hold 1 or more views, got 0"),
        ([(4, 3)] * 2, [(5, 3)], (3,), r"of `student` and `teacher` must .* same shape, got \(4, 3\) and \(5, 3\)"),
        ([(4, 3)] * 2, [(4, 3)] * 3, (3,), "`teacher` must not hold more views than `student`, got 3 and 2"),
        ([(4, 3)] * 2, [(4, 3)], (2,), r"`center` must have the shape \(3,\), one value per output, got \(2,\)"),
        ([(4, 3)] * 2, [(4, 3)], (1, 3), r"`center` must have the shape \(3,\), .*, got \(1, 3\)"),
    ],
)
def test_wrong_numbers_of_views_and_outputs(student, teacher, center, message):
    with pytest.raises(ValueError, match=message):
        dino_loss(list(map(torch.zeros, student)), list(map(torch.zeros, teacher)), torch.zeros(center))
