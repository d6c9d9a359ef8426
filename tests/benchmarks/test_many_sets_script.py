"""The benchmark of encoders that are trained on several sets: nobody is judged on what was trained on; differences."""

from argparse import Namespace

import numpy as np
import pandas as pd
import pytest


def test_no_set_is_judged_by_an_encoder_that_has_seen_it(monkeypatch):
    import many_sets

    seen = []

    class Donor:
        def fit(self, X):
            seen.append([X])
            return self

        def fit_many(self, sets):
            seen.append(sets)
            return self

        def for_channels(self, n_channels):
            return self

    data = {name: np.full((number + 2, 1, 4), number) for number, name in enumerate(sum(many_sets.HALVES, ()))}
    monkeypatch.setattr(many_sets, "data_of", lambda name, folder: Namespace(X=data[name]))
    monkeypatch.setattr(many_sets, "trainable", lambda what, seed, steps: Donor())
    for name in data:
        for trained_on, n_sets in ((many_sets.MANY, 10), (many_sets.LARGEST, 1)):
            many_sets.donor.cache_clear()
            many_sets.fitted(name, f"VICReg on {trained_on}", 0, 1, None)
            assert len(seen[-1]) == n_sets
            assert not any(one is data[name] for one in seen[-1])
    many_sets.donor.cache_clear()
    assert len(data) == 20


def test_differences_to_the_untrained_encoder():
    from many_sets import MANY, UNTRAINED, summary

    trained = f"VICReg on {MANY}"
    accuracies = {
        ("a", UNTRAINED): (0.5, 0.7),
        ("a", trained): (0.7, 0.9),
        ("b", UNTRAINED): (0.5,),
        ("b", trained): (0.5,),
    }
    rows = [
        {"set": name, "method": method, "seed": seed, "labels": "3", "accuracy": str(value)}
        for (name, method), values in accuracies.items()
        for seed, value in enumerate(values)
    ]
    table = summary(pd.DataFrame(rows)).set_index("method")
    assert list(table.index) == [UNTRAINED, trained]
    assert table.loc[trained, "to untrained"] == "+0.100"
    assert float(table.loc[trained, "standard error"]) == pytest.approx(0.1)
    assert (table.loc[trained, "ahead"], table.loc[trained, "behind"]) == (1, 0)
    assert table.loc[trained, "accuracy"] == "0.650"
