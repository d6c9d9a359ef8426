"""Ctrl-C during a training: it takes effect between two steps, and is told apart from a stop on purpose."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self


class TrainingStopped(KeyboardInterrupt):
    """Raised by a callback that ends a training on purpose. Nobody pressed a key."""


class DeferredInterrupt:
    """A block in which an interrupt waits until `release` is called or the block ends; a second one does not wait.

    So a step of the training, a callback or the writing of a checkpoint is never cut in two. Signals reach the main
    thread only, and in other threads the block changes nothing.

    Attributes
    ----------
    noted : bool
        Whether an interrupt arrived since the block began.
    """

    def __init__(self) -> None:
        self.noted = False
        self._waits = False
        self._handler: Callable[[int, FrameType | None], Any] | None = None

    def __enter__(self) -> Self:
        handler = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is threading.main_thread() and callable(handler):
            self._handler = handler
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *error: Any) -> None:
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
        self.release()

    def release(self, *, now: bool = False) -> None:
        """Let an interrupt that waits take effect: the handler that was there before usually raises it.

        With `now` there is an interrupt in any case: another process of the training has it.
        """
        if self._waits and self._handler is not None:
            self._waits = False
            self._handler(signal.SIGINT, None)
        if now:
            self.noted = True
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.noted = True
        if self._waits and self._handler is not None:
            self._handler(number, frame)
        self._waits = True
