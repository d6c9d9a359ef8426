"""Values in error messages."""

from typing import Any

from sklearn_ssl._parameters.python_values import as_python

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
    try:
        return on_one_line(repr(as_python(value)))
    except Exception:  # a message about a value must not fail because of the value: integers may be too long to print
        return f"an object of the type {type(value).__name__}"


def on_one_line(text: Any, longest: int = LONGEST) -> str:
    """Return a text, or the message of another library's error, on one line of at most `longest` characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."
