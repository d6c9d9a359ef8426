"""Memories that are no larger than the training data make sensible."""

import warnings


def bounded_size(name: str, size: int | str, automatic: int, n_cases: int) -> int:
    """Return `size`, or `automatic` for "auto", but not more than the number of training series.

    Warns
    -----
    UserWarning
        If `size` is larger and had to be made smaller.
    """
    if isinstance(size, str):
        return automatic
    if size > n_cases:
        warnings.warn(
            f"`{name}` is {size!r}, but there are {n_cases} series to learn from; {n_cases} is used. Set `{name}` to a "
            f'whole number from 2 to {n_cases}, or to "auto".',
            UserWarning,
            stacklevel=2,
        )
    return min(size, n_cases)
