"""Sizes of memories that fit the number of training series."""

from sklearn_ssl._parameters.notices import warn_caller
from sklearn_ssl._parameters.shown import shown


def bounded_size(name: str, size: int | str, automatic: int, n_cases: int) -> int:
    """Return `size`, or `automatic` for "auto", but not more than the number of training series.

    Warns
    -----
    UserWarning
        If `size` is larger than that number.
    """
    if isinstance(size, str):
        return automatic
    return at_most(name, size, n_cases, of_series(n_cases), otherwise=', or to "auto"')


def at_most(name: str, size: int, most: int, reason: str, *, otherwise: str = "") -> int:
    """Return `size`, but not more than `most`, the largest sensible size for a `reason`.

    Warns
    -----
    UserWarning
        If `size` is larger than `most`.
    """
    if size > most:
        warn_caller(
            f"`{name}` is {shown(size)}, but there are {reason}; {most} is used. Set `{name}` to "
            f"a whole number from 2 to {most}{otherwise}.",
        )
    return min(size, most)


def of_series(n_cases: int) -> str:
    """Return the reason that there are only so many training series."""
    return f"{n_cases} series to learn from"
