import numpy as np
import pytest

from sklearn_ssl._numerics.scores import mean_r2


def test_all_outputs_are_judged():
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        mean_r2(np.zeros((3, 2)), np.zeros(3), np.ones(3))


def test_unknown_targets_and_series_of_no_weight_do_not_count():
    y = np.array([[1.0, 1], [2, np.nan], [3, 2], [9, 9]])
    predicted = np.array([[1.0, 1], [2, 7], [3, 2], [0, 0]])
    assert mean_r2(y, predicted, np.array([1.0, 1, 1, 0])) == 1
    assert mean_r2(y[:3, 0], predicted[:3, 0] + 1, np.ones(3)) == pytest.approx(-0.5)
