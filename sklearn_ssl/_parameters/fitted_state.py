"""The attributes that fit sets."""

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def unchanged_on_error(estimator: Any) -> Iterator[None]:
    """Put the fitted attributes of `estimator` back as they were if the block raises."""
    before = _fitted(estimator)
    try:
        yield
    except BaseException:
        for name in _fitted(estimator):
            del vars(estimator)[name]
        vars(estimator).update(before)
        raise


def _fitted(estimator: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(estimator).items() if name.endswith("_") and not name.startswith("_")}
