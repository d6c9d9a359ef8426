"""Which transformers have named columns."""

import numpy as np
import pytest
import sklearn

from sklearn_ssl.preprocessing import Decompose


@pytest.mark.parametrize(
    ("parts", "has_output"),
    [("trend", True), (["trend"], True), (("trend",), True), (["trend", "residual"], False), (None, False), (5, False)],
)
def test_one_part_of_a_decomposition_has_columns_and_several_have_not(parts, has_output):
    assert hasattr(Decompose(parts=parts), "set_output") is has_output


def test_several_parts_of_a_table_are_no_table():
    X = np.random.default_rng(0).normal(size=(4, 12))
    with sklearn.config_context(transform_output="pandas"):
        result = Decompose(window=3).fit_transform(X)
    assert isinstance(result, np.ndarray)
    assert result.shape == (4, 2, 12)
