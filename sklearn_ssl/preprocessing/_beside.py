"""Labels and groups that are given next to recordings: one value per recording, or one per time step."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sklearn_ssl._input.labels import values_of
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.preprocessing._recordings import Recordings


def beside(name: str, values: Any, recordings: Recordings, n_steps: list[int]) -> np.ndarray | list[np.ndarray]:
    """Return an array with one value per recording, or a list with an array of one value per step for each.

    Parameters
    ----------
    name : str
        The parameter that error messages name.
    values : str, dict, pandas.Series or array-like
        The name of a column; values by the ids of the recordings; or values in the order of the recordings or of the
        rows of the table.
    recordings : Recordings
        The recordings.
    n_steps : list of int
        Number of steps of each recording, without its padding.

    Raises
    ------
    ValueError
        If the values do not fit the recordings.
    """
    named = isinstance(values, str)
    values, in_time = (recordings.columns[values], True) if named else _in_order(name, values, recordings)
    if all(np.ndim(one) == 0 for one in values):
        return _one_each(name, values, recordings)
    return [
        _of_steps(name, values_of(one), case, recordings, n_steps[case], in_time) for case, one in enumerate(values)
    ]


def constant(name: str, per_step: list[np.ndarray], recordings: Recordings) -> np.ndarray:
    """Return the one value that all steps of each recording have.

    Raises
    ------
    ValueError
        If the steps of a recording have several values.
    """
    for case, values in enumerate(per_step):
        different = pd.unique(values)
        if len(different) > 1:
            raise ValueError(
                f"`{name}` has several values in recording {shown(recordings.ids[case])}: {shown(different.tolist())}. "
                "Give one value per recording, or cut the recording where the value changes, by `case`."
            )
    return values_of([values[0] for values in per_step])


def _in_order(name: str, values: Any, recordings: Recordings) -> tuple[Any, bool]:
    """Return an entry per recording, and whether its steps are in the order of time already."""
    if isinstance(values, Mapping) or _has_the_ids(values, recordings):
        absent = [key for key in recordings.ids if key not in values]
        if absent:
            raise ValueError(f"`{name}` has no entry for recording {shown(absent[0])}. Give one per recording.")
        return [values[key] for key in recordings.ids], False
    values = values if isinstance(values, (list, tuple)) else values_of(values)
    if isinstance(values, np.ndarray) and values.ndim == 0:
        raise ValueError(f"`{name}` must have one entry per recording, got {shown(values)}.")
    if _is_of_rows(values, recordings):
        values = values_of(values)
        return [values[rows] for rows in recordings.rows or ()], True
    if len(values) != len(recordings):
        raise ValueError(
            f"{_subject(name)} has {len(values)} entries for {len(recordings)} recordings. Give one entry per "
            "recording."
        )
    return values, False


def _is_of_rows(values: Any, recordings: Recordings) -> bool:
    """Tell whether there is one value for each row of the table that all recordings came from."""
    if not recordings.of_one_table or len(values) == len(recordings):
        return False
    n_rows = sum(map(len, recordings.rows or ()))
    return len(values) == n_rows and all(np.ndim(one) == 0 for one in values)


def _has_the_ids(values: Any, recordings: Recordings) -> bool:
    """Tell whether a Series has the ids of the recordings as its index, and not the numbers of its rows."""
    if not recordings.keyed or not isinstance(values, pd.Series) or not values.index.is_unique:
        return False
    is_of_rows = _is_of_rows(values.to_numpy(), recordings) or isinstance(values.index, pd.RangeIndex)
    return not is_of_rows and all(key in values.index for key in recordings.ids)


def _one_each(name: str, values: Any, recordings: Recordings) -> np.ndarray:
    values = values_of(values)
    missing = pd.isna(values)
    if missing.any():
        key = recordings.ids[int(np.argmax(missing))]
        raise ValueError(f"`{name}` is missing for recording {shown(key)}. Leave out the recording, or fill the value.")
    return values


def _of_steps(
    name: str, values: np.ndarray, case: int, recordings: Recordings, n_steps: int, in_time: bool
) -> np.ndarray:
    whole = recordings.values[case].shape[1]
    if values.ndim != 1 or len(values) not in (n_steps, whole):
        raise ValueError(
            f"{_subject(name)} has shape {values.shape} for recording {shown(recordings.ids[case])}, which has "
            f"{n_steps} time steps. Give one value per recording, or one per time step."
        )
    if not in_time and recordings.rows is not None and len(values) == whole:
        values = values[np.argsort(np.argsort(recordings.rows[case]))]
    return values[:n_steps]


def _subject(name: str) -> str:
    return name if name == "y" else f"`{name}`"
