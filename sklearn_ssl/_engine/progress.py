import sys
from typing import Any

from skorch.callbacks import Callback, PrintLog
from skorch.utils import Ansi

from sklearn_ssl._engine.interrupts import TrainingStopped
from sklearn_ssl._processes.team import leads


class TaskReporter(Callback):
    """Tell scikit-learn's callbacks of every epoch, and stop when they ask for it.

    Parameters
    ----------
    estimator : estimator
        The estimator being fitted.
    context : sklearn.callback.CallbackContext
        Context of its fit.
    """

    def __init__(self, estimator: Any, context: Any) -> None:
        self.estimator = estimator
        self.context = context

    def on_epoch_begin(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        """Begin the task of one epoch."""
        self.epoch_ = self.context.subcontext(task_name="epoch")
        self.epoch_.call_on_fit_task_begin(estimator=self.estimator)

    def on_epoch_end(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        """End the task of one epoch."""
        fitted = {"net_": net}
        if self.epoch_.call_on_fit_task_end(estimator=self.estimator, reconstruction_attributes=fitted):
            raise TrainingStopped


class EpochLines(PrintLog):
    """Print one line per epoch, with colours in a terminal only. Of several processes only the first one prints."""

    def _sink(self, text: str, verbose: int) -> None:
        if leads():
            super()._sink(text, verbose)

    def format_row(self, row: Any, key: str, color: str) -> str:
        """Return one value as text."""
        text = super().format_row(row, key, color)
        return text if sys.stdout.isatty() else text.removeprefix(color).removesuffix(Ansi.ENDC.value)
