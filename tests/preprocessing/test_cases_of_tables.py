import pandas as pd

from sklearn_ssl.preprocessing import AsCollection


def test_the_cases_of_another_table_may_have_other_columns():
    first = pd.DataFrame({"id": [1, 1, 2, 2], "time": [0, 1, 0, 1], "value": [1.0, 2.0, 3.0, 4.0]})
    other = first.rename(columns={"value": "other"}).assign(label=["a", "a", "b", "b"])
    reader = AsCollection(case="id", time="time").fit(first)
    assert reader.cases(other)["label"].tolist() == ["a", "b"]
    assert reader.transform(first).shape == (2, 1, 2)
