"""Data in many forms, turned into series."""

from typing import Any

import numpy as np

from sklearn_ssl._input.collections import is_ragged
from sklearn_ssl._input.labels import values_of
from sklearn_ssl.preprocessing._forms import in_form_of
from sklearn_ssl.preprocessing._reader import AsCollection
from sklearn_ssl.preprocessing._texts import decoded


def as_collection(
    obj: Any,
    *,
    case: Any = None,
    time: Any = None,
    channel: Any = None,
    drop: Any = None,
    categorical: str = "error",
    order: str = "time-last",
    freq: Any = None,
    duplicates: str = "error",
) -> np.ndarray | list[np.ndarray]:
    """Turn data in one of many forms into an array of series, or a list of series if their lengths differ.

    =========================================  =======================================================================
    nested data frame                          one row per series, one column per channel; cells are arrays, lists,
                                               tensors or pandas Series, all of one length within a row; in a missing
                                               cell, the channel is missing in that series
    long data frame, with `case` and `time`    one row per time step; all other columns are channels; series are in the
                                               order in which they first occur, and steps are sorted by `time`
    melted data frame, with `channel` too      one row per time step and channel; the column `channel` names the
                                               channel, and the column that is left has the values
    data frame whose index has several levels  a long data frame: the last level is the time, and all others tell the
                                               series apart, unless `case` and `time` say otherwise
    data frame whose index has times           one series, with one row per time step and one column per channel
    any other data frame                       one row per series of one channel, one column per time step
    structured or record array                 as a data frame of its fields; the cells of a field may be structured
                                               arrays, which `scipy.io.arff` makes of relational attributes; each cell
                                               is then a whole series, with one row per channel
    list of 1-D or 2-D arrays, or nested list  one entry per series, of shape (n_timepoints,) for one channel or
                                               (n_channels, n_timepoints)
    list or dictionary of data frames          one data frame per series, with one row per time step and one column per
                                               channel; all with the same columns
    tensor or array                            of shape (n_cases, n_channels, n_timepoints), or (n_cases, n_timepoints)
                                               for one channel
    data set of PyTorch                        one item per series; of an item that is a tuple or a dictionary, the
                                               first entry is the series
    =========================================  =======================================================================

    Data frames are those of pandas, polars, pyarrow or any library with columns. Nothing is filled or resampled, except
    by `freq`. Missing values become NaN. The byte string ``b"?"`` is missing too: `scipy.io.arff` writes it for missing
    nominal values. Other byte strings are decoded as UTF-8.

    Parameters
    ----------
    obj : data frame, array, list, torch.Tensor or torch.utils.data.Dataset
        The data.
    case : str, list of str or None, default=None
        The column of a long table that tells the series apart, or several such columns. None says that the table is not
        long, unless its index has several levels.
    time : str or None, default=None
        The column of a long table by which the steps of a series are sorted: numbers, dates, durations, categories,
        or texts whose order is certain, such as "2024-01-30". None takes the index if it has times, and otherwise keeps
        the order of the rows. In a list of data frames, it is a column of each.
    channel : str or None, default=None
        The column of a melted table that names the channel of each row. Channels are in the order in which their
        names first occur.
    drop : str, list of str or None, default=None
        Columns of a table that are not channels, such as the target.
    categorical : {"error", "encode"}, default="error"
        What to do with channels of texts. "error" raises an error. "encode" sorts the different texts of the channel
        and replaces each text by its place among them, from 0; ordered categories keep their order. Gaps are filled by
        the text before them in the same series; gaps before the first text stay NaN. Numbers that are written as text,
        and texts in a table whose columns are time steps, are always an error.
    order : {"time-last", "channels-last"}, default="time-last"
        The axes of arrays, tensors and lists of them. "channels-last" is (n_cases, n_timepoints, n_channels), and
        (n_timepoints, n_channels) for each series of a list, as in Keras and tslearn. 1-D series, 2-D arrays of one
        channel, and tables are the same in both.
    freq : str, timedelta, number or None, default=None
        Puts the steps of every series on a regular grid: the distance of two steps, such as "1s", "10ms" or "1D", or a
        number in the unit of `time`. The grid of a series begins at its first time. A row belongs to the nearest step,
        and steps without a row are NaN. If `time` has numbers and `freq` has a unit, the numbers are seconds. None
        takes the rows as the steps.
    duplicates : {"error", "first", "mean"}, default="error"
        What to do with several rows for one time, or one step of the grid, of one series. "mean" leaves out missing
        values; of texts, the first is taken.

    Returns
    -------
    ndarray of shape (n_cases, n_channels, n_timepoints) or list of ndarray of shape (n_channels, n_timepoints)
        The series, as a list if they have different lengths. The dtypes float32 and float64 are kept, and all others
        become float64.

    Raises
    ------
    ValueError, TypeError
        If a column holds texts, dates or anything else but numbers; if the order of times is not certain; if the
        channels of a series differ in length; if a series has two rows for one time; if series are data frames with
        different columns; if a value is infinite; or if a name is not the name of a column.

    See Also
    --------
    AsCollection : Does the same as a step of a Pipeline.
    as_cases : Ids, labels and groups of the series of a long table.
    as_labels : Decodes labels that are byte strings.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn_ssl.preprocessing import as_collection
    >>> as_collection([[1, 2, 3], [4, 5]])
    [array([[1., 2., 3.]]), array([[4., 5.]])]
    >>> table = pd.DataFrame({"id": ["a", "a", "b", "b"], "t": [1, 0, 0, 1], "x": [2.0, 1.0, 3.0, 4.0]})
    >>> as_collection(table, case="id", time="t")
    array([[[1., 2.]],
           [[3., 4.]]])

    A regular grid has a step for every second, and NaN where no row is:

    >>> as_collection(table.assign(t=[4, 1, 0, 1]), case="id", time="t", freq="1s")
    [array([[ 1., nan, nan,  2.]]), array([[3., 4.]])]
    """
    reader = AsCollection(
        case=case,
        time=time,
        channel=channel,
        drop=drop,
        categorical=categorical,
        order=order,
        freq=freq,
        duplicates=duplicates,
    )
    read = reader._checked(obj, reset=True)
    return in_form_of(read.plain, read) if is_ragged(read.plain) else read.values


def as_labels(y: Any) -> np.ndarray:
    """Decode labels that are byte strings.

    Parameters
    ----------
    y : array-like or torch.Tensor
        Labels, such as the target column of `scipy.io.arff`.

    Returns
    -------
    ndarray
        If all labels are strings or byte strings, an array of str. Byte strings are decoded as UTF-8. Otherwise the
        labels as they are, in an array.

    Examples
    --------
    >>> from sklearn_ssl.preprocessing import as_labels
    >>> as_labels([b"walk", b"run"])
    array(['walk', 'run'], dtype='<U4')
    """
    labels = values_of(y)
    if labels.dtype.kind == "S":
        return np.array([decoded(label) for label in labels.ravel()], dtype=str).reshape(labels.shape)
    if labels.dtype.kind != "O":
        return labels
    cells = [decoded(label) for label in labels.ravel()]
    if all(isinstance(cell, str) for cell in cells):
        return np.array(cells, dtype=str).reshape(labels.shape)
    mixed = np.empty(len(cells), dtype=object)
    mixed[:] = cells
    return mixed.reshape(labels.shape)
