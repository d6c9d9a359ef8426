import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal

from sklearn_ssl._input.labels import (
    check_all_labelled,
    is_unlabelled,
    sorted_codes,
    unlabelled_among_text,
    values_of,
)

MIXED = np.array(["b", -1, "a", -1], dtype=object)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", "b"], "U"),
        ([b"a", b"b"], "S"),
        (["a", -1], "O"),
        ([["a", -1], ["b", "c"]], "O"),
        ([b"a", "b"], "O"),
        ([1, 2.5], "f"),
        (np.array(["a", "-1"]), "U"),
        (pd.Series(["a", "b"], dtype=object), "O"),
        (torch.tensor([1, 2]), "i"),
    ],
)
def test_numbers_among_texts_stay_numbers(values, kind):
    array = values_of(values)
    assert array.dtype.kind == kind
    assert array.tolist() == np.asarray(values, dtype=object).tolist()


def test_masked_labels_are_missing():
    texts = np.ma.masked_array(["a", "b", "c"], mask=[False, True, False])
    assert values_of(texts).tolist() == ["a", None, "c"]
    assert values_of(texts.astype(object)).tolist() == ["a", None, "c"]
    assert_array_equal(values_of(np.ma.masked_equal([1, 2, 3], 2)), [1, np.nan, 3])


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([7, 3, 7]), [3, 7]),
        (np.array(["b", "a", "b"]), ["a", "b"]),
        (MIXED, [-1, "a", "b"]),
        (np.array([2, "b", 1], dtype=object), [1, 2, "b"]),
    ],
)
def test_codes_are_places_in_sorted_order(labels, expected):
    codes, values = sorted_codes(labels)
    assert values.tolist() == expected
    assert values[codes].tolist() == labels.tolist()


def test_only_the_number_minus_one_is_no_label():
    assert is_unlabelled(-1)
    assert is_unlabelled(-1.0)
    assert is_unlabelled(np.int64(-1))
    assert not any(is_unlabelled(label) for label in ("-1", 1, None, b"a"))


def test_minus_one_is_no_label_only_among_texts():
    assert unlabelled_among_text(MIXED).tolist() == [False, True, False, True]
    assert unlabelled_among_text(np.array([[b"a", -1]], dtype=object)).tolist() == [[False, True]]
    for labels in (np.array([1, -1]), np.array([1, -1], dtype=object), np.array(["a", "-1"])):
        assert unlabelled_among_text(labels).tolist() == [False, False]


def test_the_first_series_without_a_label_is_named():
    check_all_labelled("y", np.array(["a", "b"], dtype=object))
    with pytest.raises(ValueError, match=r"`y` has text, and in row 1 the number -1, .*is_labelled"):
        check_all_labelled("y", MIXED)
    with pytest.raises(ValueError, match="in row 2 the number"):
        check_all_labelled("y", np.array([["a", "b"], ["a", "b"], ["b", -1]], dtype=object))


def test_records_are_no_labels():
    with pytest.raises(ValueError, match=r"records with the fields \('a', 'b'\).*y\['a'\]"):
        values_of(np.zeros(3, dtype=[("a", "i4"), ("b", "i4")]))


def test_what_is_missing_among_objects_has_a_code_of_its_own():
    codes, values = sorted_codes(np.array(["b", None, "a"], dtype=object))
    assert codes.tolist() == [1, 2, 0]
    assert len(values) == 3
