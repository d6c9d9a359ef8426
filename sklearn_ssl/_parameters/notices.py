"""Warnings that point at the line of the caller, and not into a library."""

import sys
import warnings

LIBRARIES = ("sklearn_ssl", "sklearn", "joblib", "skorch", "contextlib")


def warn_caller(message: str) -> None:
    """Issue a UserWarning at the line that called this package, perhaps through scikit-learn, joblib or skorch."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in LIBRARIES:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, UserWarning, stacklevel=level)
