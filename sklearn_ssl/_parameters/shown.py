"""Values in error messages."""

from typing import Any

LONGEST = 100


def shown(value: Any) -> str:
    """Return the representation of a value on one line, cut where it is long.

    Parameters
    ----------
    value : object
        What a message says it got.

    Returns
    -------
    text : str
        At most 100 characters.

    Examples
    --------
    >>> from sklearn_ssl._parameters.shown import shown
    >>> shown("square")
    "'square'"
    >>> len(shown(list(range(10_000))))
    100
    """
    text = " ".join(repr(value).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
