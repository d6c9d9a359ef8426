"""What a long table says about its series: ids, labels and groups."""

from typing import Any

import pandas as pd

from sklearn_ssl.preprocessing._reader import AsCollection


def as_cases(obj: Any, *, case: Any = None, time: Any = None) -> pd.DataFrame:
    """Return ids, labels and groups of the series of a long table, one row per series.

    The rows are in the order in which `as_collection` returns the series. So a column of the result is the `y` or the
    `groups` that belongs to its result.

    Parameters
    ----------
    obj : data frame or list of data frames
        The table, as for `as_collection`, with one row per time step. It may be a melted one.
    case : str, list of str or None, default=None
        The columns that tell the series apart. None takes the levels of the index but the last.
    time : str or None, default=None
        The column with the times, which is left out. Only needed if all series have one row.

    Returns
    -------
    pandas.DataFrame of shape (n_cases, n_columns)
        The columns of `case`, and all other columns that have one value in all rows of a series.

    Raises
    ------
    ValueError
        If the table is not long, an id is missing, or a name is not the name of a column.

    See Also
    --------
    as_collection : Returns the series themselves.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_ssl.preprocessing import as_cases, as_collection
    >>> table = pd.DataFrame({"id": [7, 7, 3, 3], "x": [1.0, 2.0, 3.0, 4.0], "label": ["run", "run", "walk", "walk"]})
    >>> X = as_collection(table, case="id", drop="label")
    >>> cases = as_cases(table, case="id")
    >>> cases
       id label
    0   7   run
    1   3  walk
    >>> X.shape, cases["label"].tolist()
    ((2, 1, 2), ['run', 'walk'])
    """
    return AsCollection(case=case, time=time).cases(obj)
