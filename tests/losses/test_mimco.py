import math

import pytest
import torch
from loops import cosine, cross_entropy, mean, normal, one_hot, scales

from sklearn_ssl.losses import mimco_loss

COUNTED = torch.tensor([True, False, True, True, False, True])


def inputs():
    return {
        "student_windows": normal(6, 4),
        "teacher_windows": normal(6, 4, seed=1),
        "counted": COUNTED,
        "student": normal(3, 4, seed=2),
        "teacher": normal(3, 4, seed=3),
    }


def naive_contrast(student, teacher, temperature):
    """Return the mean cross-entropy of finding the teacher's row for each row of the student."""
    n = len(student)
    logits = [[cosine(a, b) / temperature for b in teacher.tolist()] for a in student.tolist()]
    return mean(cross_entropy(one_hot(i, n), row) for i, row in enumerate(logits))


@pytest.mark.parametrize("temperature", [0.2, 1.0])
def test_mimco_equals_loops(temperature):
    given = inputs()
    windows = naive_contrast(given["student_windows"][COUNTED], given["teacher_windows"][COUNTED], temperature)
    series = naive_contrast(given["student"], given["teacher"], temperature)
    assert float(mimco_loss(**given, temperature=temperature)) == pytest.approx(windows + series, rel=1e-9)
    assert temperature != 0.2 or float(mimco_loss(**given)) == pytest.approx(windows + series, rel=1e-9)


def test_equal_features_are_at_chance_level():
    same = {name: torch.ones_like(values) for name, values in inputs().items()}
    assert float(mimco_loss(**{**same, "counted": COUNTED})) == pytest.approx(math.log(4) + math.log(3))


def test_only_directions_count():
    given = inputs()
    scaled = {**given, "student_windows": scales(6, 1) * given["student_windows"], "teacher": 5 * given["teacher"]}
    torch.testing.assert_close(mimco_loss(**scaled), mimco_loss(**given))


def test_windows_that_do_not_count_have_no_influence():
    given = inputs()
    given["student_windows"].requires_grad_()
    loss = mimco_loss(**given)
    loss.backward()
    assert given["student_windows"].grad[COUNTED].abs().sum(1).all()
    assert not given["student_windows"].grad[~COUNTED].any()
    others = torch.where(COUNTED[:, None], given["teacher_windows"], 100.0)
    assert torch.equal(mimco_loss(**{**given, "teacher_windows": others}), loss)


def test_without_a_counted_window_the_series_are_left():
    given = {**inputs(), "counted": torch.zeros(6, dtype=torch.bool)}
    given["student_windows"].requires_grad_()
    loss = mimco_loss(**given)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(naive_contrast(given["student"], given["teacher"], 0.2))
    assert not given["student_windows"].grad.any()
