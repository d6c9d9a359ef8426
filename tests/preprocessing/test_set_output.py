"""Which transformers have named columns."""

import pytest

from sklearn_ssl.preprocessing import Decompose


@pytest.mark.parametrize(
    ("parts", "has_output"),
    [("trend", True), (["trend"], True), (("trend",), True), (["trend", "residual"], False), (None, False), (5, False)],
)
def test_one_part_of_a_decomposition_has_columns_and_several_have_not(parts, has_output):
    assert hasattr(Decompose(parts=parts), "set_output") is has_output
