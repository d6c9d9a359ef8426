import math

import numpy as np
import pytest
import torch

from sklearn_ssl.losses import byol_loss, dino_loss, simsiam_loss

ORDER = torch.tensor([3, 0, 5, 1, 4, 2])


def matrices(count, n=6, d=4, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, d, generator=generator, dtype=torch.float64).to(dtype) for _ in range(count)]


def naive_cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))


def naive_mean_cosine(p, z):
    return sum(naive_cosine(a, b) for a, b in zip(p.tolist(), z.tolist(), strict=True)) / len(p)


def naive_softmax(row, temperature):
    exponentials = [math.exp(value / temperature) for value in row]
    return [value / sum(exponentials) for value in exponentials]


def naive_dino(student, teacher, center, student_temperature, teacher_temperature):
    losses = []
    for t, outputs in enumerate(teacher):
        for v, predictions in enumerate(student):
            if v == t:
                continue
            for output, prediction in zip(outputs, predictions, strict=True):
                target = naive_softmax((output - center).tolist(), teacher_temperature)
                predicted = naive_softmax(prediction.tolist(), student_temperature)
                losses.append(-sum(p * math.log(q) for p, q in zip(target, predicted, strict=True)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("shape", [(1, 3), (7, 4), (5, 1)])
def test_cosine_losses_equal_loops(shape):
    p1, p2, z1, z2 = matrices(4, *shape)
    cosines = (naive_mean_cosine(p1, z2) + naive_mean_cosine(p2, z1)) / 2
    assert float(byol_loss(p1, p2, z1, z2)) == pytest.approx(2 - 2 * cosines, rel=1e-9)
    assert float(simsiam_loss(p1, p2, z1, z2)) == pytest.approx(-cosines, rel=1e-9)


def test_byol_is_the_squared_distance_on_the_sphere():
    p1, p2, z1, z2 = matrices(4)
    u1, u2, v1, v2 = (z / z.norm(dim=1, keepdim=True) for z in (p1, p2, z1, z2))
    expected = ((u1 - v2).square().sum(dim=1) + (u2 - v1).square().sum(dim=1)).mean() / 2
    torch.testing.assert_close(byol_loss(p1, p2, z1, z2), expected)


@pytest.mark.parametrize(("sign", "distance"), [(1, 0), (-1, 4)])
def test_range_of_cosine_losses(sign, distance):
    p1, p2 = matrices(2)
    assert float(byol_loss(p1, p2, sign * p2, sign * p1)) == pytest.approx(distance, abs=1e-9)
    assert float(simsiam_loss(p1, p2, sign * p2, sign * p1)) == pytest.approx(-sign)


@pytest.mark.parametrize("loss", [byol_loss, simsiam_loss])
def test_zero_vectors_have_cosine_zero(loss):
    p, zero = matrices(1)[0], torch.zeros(6, 4, dtype=torch.float64)
    assert float(loss(p, p, zero, zero)) == pytest.approx(2 if loss is byol_loss else 0)


@pytest.mark.parametrize("loss", [byol_loss, simsiam_loss])
def test_cosine_losses_are_invariant_to_scale_order_and_exchange_of_views(loss):
    p1, p2, z1, z2 = matrices(4)
    expected = loss(p1, p2, z1, z2)
    scales = torch.logspace(-3, 3, 6, dtype=torch.float64)[:, None]
    torch.testing.assert_close(loss(scales * p1, p2, 5 * z1, z2), expected)
    torch.testing.assert_close(loss(*(z[ORDER] for z in (p1, p2, z1, z2))), expected)
    torch.testing.assert_close(loss(p2, p1, z2, z1), expected)
    assert not torch.isclose(loss(p1, p2, z2, z1), expected)


@pytest.mark.parametrize("loss", [byol_loss, simsiam_loss])
def test_targets_are_detached(loss):
    p1, p2, z1, z2 = (z.requires_grad_() for z in matrices(4))
    loss(p1, p2, z1, z2).backward()
    assert z1.grad is None
    assert z2.grad is None
    assert p1.grad.abs().min() > 0
    assert p2.grad.abs().min() > 0


@pytest.mark.parametrize(("n_student", "n_teacher"), [(2, 1), (2, 2), (5, 2), (3, 3)])
def test_dino_equals_loops(n_student, n_teacher):
    *student, center = matrices(n_student + 1)
    teacher = matrices(n_teacher, seed=1)
    expected = naive_dino(student, teacher, center[0], 0.5, 0.3)
    assert float(dino_loss(student, teacher, center[0], 0.5, 0.3)) == pytest.approx(expected, rel=1e-9)


def test_uniform_student_is_at_chance_level():
    student = [torch.full((6, 7), 0.3)] * 3
    assert float(dino_loss(student, matrices(2, d=7, dtype=torch.float32), torch.zeros(7))) == pytest.approx(
        math.log(7)
    )


def test_centre_equal_to_the_teacher_makes_targets_uniform():
    student, teacher = matrices(2), [torch.arange(4, dtype=torch.float64).repeat(6, 1)] * 2
    uniform = -torch.stack(student).div(0.1).log_softmax(dim=2).mean()
    torch.testing.assert_close(dino_loss(student, teacher, teacher[0][0]), uniform)


def test_one_hot_teacher():
    # The teacher is certain of output 1 and the student has the logits 0 and 2 at temperature 0.5.
    student = [torch.tensor([[0.0, 1.0]])] * 2
    teacher = [torch.tensor([[0.0, 10.0]])] * 2
    expected = math.log(1 + math.exp(-2))
    assert float(dino_loss(student, teacher, torch.zeros(2), student_temperature=0.5)) == pytest.approx(expected)


def test_equal_outputs_give_the_entropy_of_the_targets():
    view = torch.tensor([[0.0, 0.1]])
    share = 1 / (1 + math.exp(-1))
    entropy = -share * math.log(share) - (1 - share) * math.log(1 - share)
    assert float(dino_loss([view] * 2, [view] * 2, torch.zeros(2), 0.1, 0.1)) == pytest.approx(entropy)


def test_dino_defaults():
    student, teacher, center = matrices(3), matrices(2, seed=1), torch.zeros(4, dtype=torch.float64)
    expected = dino_loss(student, teacher, center)
    assert expected == dino_loss(student, teacher, center, student_temperature=0.1, teacher_temperature=0.04)
    assert expected != dino_loss(student, teacher, center, student_temperature=0.2)
    assert expected != dino_loss(student, teacher, center, teacher_temperature=0.07)


def test_dino_order_and_offsets():
    student, teacher, center = matrices(4), matrices(2, seed=1), torch.arange(4, dtype=torch.float64)
    expected = dino_loss(student, teacher, center)
    permuted = dino_loss([view[ORDER] for view in student], [view[ORDER] for view in teacher], center)
    torch.testing.assert_close(permuted, expected)
    torch.testing.assert_close(dino_loss([student[k] for k in (1, 0, 3, 2)], teacher[::-1], center), expected)
    torch.testing.assert_close(dino_loss([view + 3 for view in student], teacher, center - 2), expected)
    torch.testing.assert_close(dino_loss(torch.stack(student), torch.stack(teacher), center), expected)
    assert not torch.isclose(dino_loss(student, teacher[::-1], center), expected)


def test_teacher_and_centre_are_neither_changed_nor_differentiated():
    student, teacher = ([z.requires_grad_() for z in matrices(2, seed=seed)] for seed in (0, 1))
    center = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    dino_loss(student, teacher, center).backward()
    assert all(view.grad is None for view in (*teacher, center))
    assert all(view.grad.abs().min() > 0 for view in student)
    assert center.abs().max() == 0


def test_gradient():
    p1, p2, z1, z2 = matrices(4)
    trained = (p1.requires_grad_(), p2.requires_grad_())
    assert torch.autograd.gradcheck(lambda a, b: byol_loss(a, b, z1, z2), trained)
    assert torch.autograd.gradcheck(lambda a, b: simsiam_loss(a, b, z1, z2), trained)
    assert torch.autograd.gradcheck(lambda a, b: dino_loss([a, b], [z1, z2], z1[0]), trained)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    "rows",
    [[[1.0, -2.0], [0.5, 0.1]], [[6e4, 6e4], [-6e4, 6e4]], [[0.0, 0.0], [1.0, 2.0]], [[0.0, 0.0], [0.0, 0.0]]],
    ids=["plain", "large", "one zero row", "all zero"],
)
def test_finite_in_half_precision(rows, dtype):
    p1 = torch.tensor(rows, dtype=dtype, requires_grad=True)
    p2 = torch.tensor(rows[::-1], dtype=dtype, requires_grad=True)
    center = torch.zeros(2, dtype=dtype)
    for loss in (
        byol_loss(p1, p2, p1, p2),
        simsiam_loss(p1, p2, p1, p2),
        dino_loss([p1, p2], [p1, p2], center, 0.01, 0.01),
        dino_loss([p1, p2], [p1, p2], center, 100.0, 100.0),
    ):
        p1.grad = p2.grad = None
        loss.backward()
        assert loss.dtype == torch.float32
        assert torch.isfinite(loss)
        assert torch.isfinite(p1.grad).all()
        assert torch.isfinite(p2.grad).all()


def test_full_precision_under_autocast():
    p1, p2, z1, z2 = matrices(4, 16, 32, torch.float32)

    def losses():
        return byol_loss(p1, p2, z1, z2), simsiam_loss(p1, p2, z1, z2), dino_loss([p1, p2], [z1, z2], z1[0])

    expected = losses()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(losses(), expected, rtol=0, atol=0)


@pytest.mark.parametrize("loss", [byol_loss, simsiam_loss])
def test_wrong_shapes_of_cosine_losses(loss):
    z = torch.zeros(4, 3)
    with pytest.raises(
        ValueError, match=r"`p1`, `p2`, `z1` and `z2` must have the same shape, got .* and \(4, 2\); row i"
    ):
        loss(z, z, z, z[:, :2])
    with pytest.raises(ValueError, match=r"`p1` must have the shape \(n, d\), got \(4,\); pool or flatten"):
        loss(*[z[:, 0]] * 4)
    with pytest.raises(ValueError, match=r"`p1` must have 1 or more rows, got \(0, 3\); use a larger batch"):
        loss(*[z[:0]] * 4)


@pytest.mark.parametrize(
    ("student", "teacher", "center", "message"),
    [
        ([(4, 3)], [(4, 3)], (3,), "`student` must hold 2 or more views, got 1; make more views"),
        ([(4, 3)] * 2, [], (3,), "`teacher` must hold 1 or more views, got 0"),
        ([(4, 3), (4, 2)], [(4, 3)], (3,), r"`student\[0\]` and `student\[1\]` must have the same shape"),
        (
            [(4, 3)] * 2,
            [(5, 3)],
            (3,),
            r"of `student` and `teacher` must have the same shape, got \(4, 3\) and \(5, 3\)",
        ),
        ([(4, 3)] * 2, [(4, 3)] * 3, (3,), "`teacher` must not hold more views than `student`, got 3 and 2"),
        ([(4, 3)] * 2, [(4, 3)], (2,), r"`center` must have the shape \(3,\), one value for each output, got \(2,\)"),
        ([(4, 3)] * 2, [(4, 3)], (1, 3), r"`center` must have the shape \(3,\), .*, got \(1, 3\)"),
    ],
)
def test_wrong_shapes_of_dino(student, teacher, center, message):
    with pytest.raises(ValueError, match=message):
        dino_loss(list(map(torch.zeros, student)), list(map(torch.zeros, teacher)), torch.zeros(center))


@pytest.mark.parametrize("name", ["student_temperature", "teacher_temperature"])
@pytest.mark.parametrize("temperature", [0, -1.0, np.nan, np.inf])
def test_wrong_temperature(name, temperature):
    views = matrices(2)
    with pytest.raises(ValueError, match=f"`{name}` must be a finite number above 0, got"):
        dino_loss(views, views, views[0][0], **{name: temperature})
