"""The attributes that fit sets: their names end in an underscore and do not begin with one."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any


class FittedState:
    """What an estimator keeps if its fit is interrupted.

    Attributes
    ----------
    learnt : callable or None
        Returns fitted attributes by name, or none as long as nothing was learnt. None restores those of before.
    """

    learnt: Callable[[], dict[str, Any]] | None = None


@contextlib.contextmanager
def unchanged_on_error(estimator: Any) -> Iterator[FittedState]:
    """Restore the fitted attributes of an estimator if the block raises.

    An interrupt (Ctrl-C) is no error: what has been learnt until then stays on the estimator, if the block says what
    that is. The interrupt goes on in either case.

    Parameters
    ----------
    estimator : estimator
        Its attributes are replaced by the block. Objects that the block changes in place stay changed.
    """
    before = _fitted(estimator)
    state = FittedState()
    try:
        yield state
    except BaseException as error:
        learnt = state.learnt() if state.learnt is not None and isinstance(error, KeyboardInterrupt) else {}
        if learnt:
            vars(estimator).update(learnt)
            error.add_note(f"This {type(estimator).__name__} keeps what it learnt until then, and can be used.")
        else:
            _restore(estimator, before)
        raise


def _restore(estimator: Any, before: dict[str, Any]) -> None:
    """Put the attributes back, such that at no moment one of them is missing to another thread."""
    vars(estimator).update(before)
    for name in _fitted(estimator).keys() - before.keys():
        del vars(estimator)[name]


def _fitted(estimator: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(estimator).items() if name.endswith("_") and not name.startswith("_")}
