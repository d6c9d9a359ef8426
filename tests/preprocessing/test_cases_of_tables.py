import numpy as np
import pandas as pd

from sklearn_ssl.preprocessing import AsCollection
from sklearn_ssl.preprocessing._tables import _joined


def test_the_cases_of_another_table_may_have_other_columns():
    first = pd.DataFrame({"id": [1, 1, 2, 2], "time": [0, 1, 0, 1], "value": [1.0, 2.0, 3.0, 4.0]})
    other = first.rename(columns={"value": "other"}).assign(label=["a", "a", "b", "b"])
    reader = AsCollection(case="id", time="time").fit(first)
    assert reader.cases(other)["label"].tolist() == ["a", "b"]
    assert reader.transform(first).shape == (2, 1, 2)


def test_cells_of_every_kind_of_number_make_one_channel():
    parts = [np.array([True]), np.array([2], np.int8), np.array([3], np.uint8), np.array([0.5])]
    assert _joined("x", parts).dtype == np.float64
    assert _joined("x", [*parts, np.array([None])]).dtype == object


def test_categories_stay_categories():
    parts = [pd.Categorical(one, categories=["b", "a"], ordered=True) for one in (["a"], ["b", "a"])]
    joined = _joined("x", parts)
    assert joined.dtype == parts[0].dtype
    assert joined.tolist() == ["a", "b", "a"]
