"""The order of the steps of a series, from a column of numbers, dates, durations, categories or texts."""

import re
from string import ascii_lowercase
from typing import Any

import numpy as np
import pandas as pd

from sklearn_ssl._input.tables import TEXTS, kind_of
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.preprocessing._texts import decoded

DAY, MONTH = r"(0[1-9]|[12]\d|3[01])", r"(0[1-9]|1[0-2])"
TIME = r"([T ]\d\d(:?\d\d(:?\d\d([.,]\d+)?)?)?(?P<zone>Z| ?[+-]\d\d(:?\d\d)?)?)?"
YEAR_FIRST = re.compile(rf"(1[5-9]|2[01])\d\d(?P<mark>[-/]?){MONTH}((?P=mark){DAY}{TIME})?")
DAY_OR_MONTH_FIRST = re.compile(rf"({DAY}{MONTH}|{MONTH}{DAY})(19|20)?\d\d")
CLOCK = re.compile(r"([01]\d|2[0-4]):[0-5]\d(:[0-5]\d([.,]\d+)?)?")
ONE_NUMBER = re.compile(r"(\D*?)(\d+)(\D*)")
HALF_DAYS = ("am", "pm", "a.m.", "p.m.")


def moments_of(name: Any, cells: Any) -> np.ndarray:
    """Return the times of the rows of a table as numbers, dates in UTC or durations.

    Categories become their places in the order of the categories. Texts are read where their order is certain: dates
    with the year first, and numbers and clock times in which all texts have the same number of digits.

    Parameters
    ----------
    name : object
        Name of the column, for error messages.
    cells : ndarray, pandas.Categorical or PeriodArray of shape (n_rows,)
        The column.

    Returns
    -------
    ndarray of shape (n_rows,)
        Whole or floating-point numbers, datetime64 or timedelta64.

    Raises
    ------
    ValueError
        If a cell is missing, or if it is not certain which cell comes first.
    """
    _check_none_missing(name, cells)
    if isinstance(cells, pd.Categorical):
        return _places(name, cells)
    if isinstance(cells, pd.arrays.PeriodArray):
        return cells.to_timestamp().to_numpy()
    if cells.dtype.kind in "biufmM":
        return cells
    kind = kind_of(cells)
    if kind in TEXTS:
        codes, texts = pd.factorize(cells)
        return _read(name, np.array([decoded(text, name) for text in texts], dtype=object))[codes]
    if kind in ("datetime", "datetime64", "date"):
        return pd.to_datetime(cells, utc=True).tz_convert(None).to_numpy()
    if kind in ("timedelta", "timedelta64"):
        return pd.to_timedelta(cells).to_numpy()
    if kind == "period":
        return moments_of(name, pd.array(cells))
    if kind in ("integer", "floating", "mixed-integer-float", "decimal", "boolean"):
        return cells.astype(float)
    if kind == "time":
        return pd.to_timedelta([str(cell) for cell in cells]).to_numpy()
    raise ValueError(
        f"Column {shown(name)} holds values that cannot be sorted, such as {shown(cells[0])}. Give numbers, dates or "
        "durations."
    )


def _check_none_missing(name: Any, cells: Any) -> None:
    missing = pd.isna(cells)
    if missing.any():
        raise ValueError(
            f"Column {shown(name)} is missing in row {int(np.argmax(missing))}. Fill it or remove the row."
        )


def _places(name: Any, cells: pd.Categorical) -> np.ndarray:
    """Return the places of categories. Texts in alphabetical order have no order of their own: nobody set it."""
    categories = cells.categories
    if cells.ordered or (kind_of(np.asarray(categories)) in TEXTS and not categories.is_monotonic_increasing):
        return cells.codes
    return moments_of(name, np.asarray(categories))[cells.codes]


def _read(name: Any, texts: np.ndarray) -> np.ndarray:
    for reader in (_clock_times, _dates, _numbers, _letters):
        moments = reader(texts)
        if moments is not None:
            return moments
    raise ValueError(
        f"Column {shown(name)} holds times as text, such as {shown(texts[0])}, and the order of these texts is not "
        f"certain. {_remedy(name, texts)}"
    )


def _clock_times(texts: np.ndarray) -> np.ndarray | None:
    if not all(CLOCK.fullmatch(text) for text in texts):
        return None
    whole = [text.replace(",", ".") if text.count(":") == 2 else f"{text}:00" for text in texts]
    return pd.to_timedelta(whole).to_numpy()


def _dates(texts: np.ndarray) -> np.ndarray | None:
    found = [YEAR_FIRST.fullmatch(text) for text in texts]
    if not all(found) or len({one["zone"] is None for one in found if one is not None}) > 1:
        return None
    plain = [text.replace("/", "-").replace(",", ".") for text in texts]
    try:
        return pd.to_datetime(plain, format="ISO8601", utc=True).tz_convert(None).to_numpy()
    except ValueError:  # such as the thirtieth of February
        return None


def _numbers(texts: np.ndarray) -> np.ndarray | None:
    """Return the numbers in texts such as "step 007", whose other parts and whose number of digits are the same."""
    found = [ONE_NUMBER.fullmatch(text) for text in texts]
    forms = {(one[1], len(one[2]), one[3]) if one is not None else None for one in found}
    if len(forms) != 1 or None in forms or _are_dates_without_mark(texts):
        return None
    before, _, after = next(form for form in forms if form is not None)
    if before.strip() in ("-", "+", ".") or after.strip().lower() in HALF_DAYS:
        return None
    return np.array([float(one[2]) for one in found if one is not None])


def _are_dates_without_mark(texts: np.ndarray) -> bool:
    return all(DAY_OR_MONTH_FIRST.fullmatch(text) for text in texts)


def _letters(texts: np.ndarray) -> np.ndarray | None:
    """Return the places of single letters that follow each other in the alphabet."""
    run = "".join(sorted(texts))
    return np.array([ord(text) for text in texts]) if len(run) == len(texts) and run in ascii_lowercase else None


def _remedy(name: Any, texts: np.ndarray) -> str:
    """Return how to make the order certain in a data frame."""
    column = f"X[{shown(name)}]"
    numbers = pd.to_numeric(pd.Series(texts), errors="coerce").notna().all()
    if numbers and not _are_dates_without_mark(texts):
        return f"If they are numbers, give X.assign(**{{{shown(name)}: pandas.to_numeric({column})}})."
    form = _date_format(texts)
    if form is not None:
        return (
            f"If they are dates or times, give X.assign(**{{{shown(name)}: pandas.to_datetime({column}, "
            f"format={shown(form)})}}), with the format in which they were written."
        )
    if all(ONE_NUMBER.fullmatch(text) for text in texts):
        number = f"{column}.str.extract(r'(\\d+)', expand=False).astype(float)"
        return f"If the number in them counts, give X.assign(**{{{shown(name)}: {number}}})."
    order = shown(list(texts))
    return (
        f"Write their order down: X.assign(**{{{shown(name)}: pandas.Categorical({column}, categories={order}, "
        "ordered=True)}), with the texts from the first to the last."
    )


def _date_format(texts: np.ndarray) -> str | None:
    """Return a format that can read all texts, the day before the month where both are possible."""
    days = ("%d{0}%m{0}%Y", "%m{0}%d{0}%Y", "%d{0}%m{0}%y", "%m{0}%d{0}%y", "%Y{0}%d{0}%m", "%Y{0}%m{0}%d")
    clocks = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p", "%I %p")
    dates = [day.format(mark) for mark in ("/", ".", "-", " ", "") for day in days]
    forms = [*dates, *(f"{date} {clock}" for date in dates for clock in clocks), *clocks, "%b", "%B", "%b %Y", "%B %Y"]
    return next((form for form in forms if _can_read(form, texts)), None)


def _can_read(form: str, texts: np.ndarray) -> bool:
    return bool(pd.to_datetime(pd.Series(texts), format=form, errors="coerce").notna().all())
