"""What goes with series: texts, rows of metadata, labels with descriptions, or numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sklearn_ssl._input.labels import check_comparable, values_of
from sklearn_ssl._input.tables import as_frame, is_nested, is_table, kind_of
from sklearn_ssl._parameters.shown import shown

KINDS_OF_NUMBERS = ("integer", "floating", "mixed-integer-float", "boolean")


def texts_or_table(
    name: str, values: Any, descriptions: Mapping | None = None, *, only_labels: bool = False
) -> np.ndarray | pd.DataFrame:
    """Return texts (n,), or rows of metadata (n, m) as a table.

    Parameters
    ----------
    name : str
        What messages call the values.
    values : array-like or table
        Texts; numbers, which become a table of one column; or a 2-D array or data frame of any library.
    descriptions : dict or None, default=None
        The texts of labels. Labels are replaced by them.
    only_labels : bool, default=False
        Whether every value must be a label with a description. Otherwise a text that is no label stays as it is.

    Returns
    -------
    texts or table : ndarray of str or pandas.DataFrame
        The names of columns are texts.

    Raises
    ------
    TypeError
        If there is one text alone, or a value of an odd kind.
    ValueError
        If a text is missing or empty, a label has no description, or a number is missing or infinite.
    """
    if isinstance(values, (str, bytes)):
        raise TypeError(f"`{name}` is one text, {shown(values)}. Give a list of texts, such as [{shown(values)}].")
    if is_table(values):
        return _checked_table(name, as_frame(values).reset_index(drop=True))
    array = values_of(values)
    if array.size == 0:
        raise ValueError(f"`{name}` is empty. Give at least one text or row.")
    if array.ndim == 2:
        return _checked_table(name, pd.DataFrame(array).infer_objects())
    if array.ndim != 1:
        raise ValueError(f"`{name}` must have one text or one row per series, got the shape {array.shape}.")
    check_comparable(name, array)
    if descriptions is not None:
        array = _described(name, array, descriptions, only_labels)
    if array.dtype == object and kind_of(array) in KINDS_OF_NUMBERS:
        array = array.astype(float)
    return _checked_table(name, pd.DataFrame(array)) if array.dtype.kind in "biuf" else _checked_texts(name, array)


def distinct(values: np.ndarray | pd.DataFrame) -> tuple[np.ndarray | pd.DataFrame, np.ndarray]:
    """Return the different texts or rows, and the place of each among them, (n,)."""
    if not isinstance(values, pd.DataFrame):
        return np.unique(values, return_inverse=True)
    groups = values.groupby(list(values.columns), dropna=False, sort=False).ngroup().to_numpy()
    _, first = np.unique(groups, return_index=True)
    return values.iloc[first].reset_index(drop=True), groups


def check_descriptions(descriptions: Any) -> None:
    """Raise unless `descriptions` is None or a dictionary of one text per label."""
    if descriptions is None:
        return
    if not isinstance(descriptions, Mapping) or not descriptions:
        raise TypeError(
            f"`descriptions` must be a dictionary such as {{0: 'walking', 1: 'sitting'}}, got {shown(descriptions)}."
        )
    for label, text in descriptions.items():
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"`descriptions` must have a text for each label, got {shown(text)} for {shown(label)}.")


def _described(name: str, labels: np.ndarray, descriptions: Mapping, only_labels: bool) -> np.ndarray:
    """Replace labels by their texts."""
    others = {one for one in labels.tolist() if one not in descriptions}
    unknown = {one for one in others if only_labels or not isinstance(one, str)}
    if unknown:
        raise ValueError(
            f"`descriptions` has no text for the label(s) {shown(sorted(unknown, key=str))} of `{name}`. Add one for "
            "each, or leave their series out."
        )
    return np.array([descriptions.get(one, one) for one in labels.tolist()], dtype=object)


def _checked_texts(name: str, texts: np.ndarray) -> np.ndarray:
    for row, text in enumerate(texts):
        if not isinstance(text, str) and not pd.isna(text):
            raise TypeError(
                f"`{name}` must have texts, numbers or rows of a table, got {shown(text)} in row {row}. If it has "
                "labels, give `descriptions` with a text for each."
            )
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"`{name}` has no text in row {row}, got {shown(text)}. Write one, or leave it out.")
    return texts.astype(str)


def _checked_table(name: str, table: pd.DataFrame) -> pd.DataFrame:
    table = table.set_axis([str(column) for column in table.columns], axis=1)
    if table.columns.has_duplicates or table.shape[1] == 0:
        raise ValueError(f"`{name}` must have columns with different names, got {shown(list(table.columns))}.")
    for column, cells in table.items():
        _check_column(name, str(column), cells)
    return table


def is_numeric(cells: pd.Series) -> bool:
    """Tell whether a column has numbers, and not categories or truth values."""
    return pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells)


def _check_column(name: str, column: str, cells: pd.Series) -> None:
    if is_numeric(cells):
        bad = ~np.isfinite(cells.to_numpy(dtype=float, na_value=np.nan))
        if bad.any():
            row = int(np.argmax(bad))
            raise ValueError(
                f"`{name}` has {shown(cells.iloc[row])} in row {row} of the column {shown(column)}. Input {name} "
                "contains NaN or infinity: fill it, for example with sklearn.impute.SimpleImputer()."
            )
    elif kind_of(cells).startswith("mixed") or is_nested(cells.to_numpy(dtype=object)):
        raise ValueError(
            f"`{name}` has values of several kinds in the column {shown(column)}, such as {shown(cells.iloc[0])}. Turn "
            "all into texts or all into numbers."
        )
