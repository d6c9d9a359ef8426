import numpy as np
import pandas as pd

from sklearn_ssl.preprocessing import window_recordings


def test_all_levels_of_an_index_but_the_last_tell_recordings_apart():
    index = pd.MultiIndex.from_product([["a", "b"], [1, 2], range(4)], names=["person", "day", "step"])
    table = pd.DataFrame({"value": np.arange(16.0)}, index=index)
    X, _, groups = window_recordings(table, length=2)
    assert X[:, 0].tolist() == np.arange(16.0).reshape(8, 2).tolist()
    assert groups.tolist() == [key for key in [("a", 1), ("a", 2), ("b", 1), ("b", 2)] for _ in range(2)]
