"""The attributes that fit sets: their names end in an underscore and do not begin with one."""

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def unchanged_on_error(estimator: Any) -> Iterator[None]:
    """Restore the fitted attributes of an estimator if the block raises.

    Parameters
    ----------
    estimator : estimator
        Its attributes are replaced by the block. Objects that the block changes in place stay changed.
    """
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
