import numbers
from typing import Any

from skorch.callbacks import Callback

from sklearn_ssl._parameters.shown import shown


class BoundedHistory(Callback):
    """Keep the latest epochs of the history only.

    Every call of `partial_fit` adds an epoch, with a row for each batch, to ``net_.history``. On a stream that never
    ends the history would grow without bound. Epochs keep their numbers when older ones are dropped.

    Parameters
    ----------
    n_epochs : int, default=100
        Epochs to keep.

    Examples
    --------
    >>> from sklearn_ssl import SimCLRTransformer
    >>> from sklearn_ssl.callbacks import BoundedHistory
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, _ = make_waves(n_cases=20, random_state=0)
    >>> stream = SimCLRTransformer(random_state=0, net_params={"callbacks": [BoundedHistory(n_epochs=2)]})
    >>> for start in (0, 5, 10, 15):
    ...     stream = stream.partial_fit(X[start : start + 5])
    >>> stream.net_.history[:, "epoch"]
    [3, 4]
    """

    def __init__(self, n_epochs: int = 100) -> None:
        self.n_epochs = n_epochs

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Raise a ValueError if `n_epochs` is not a whole number of at least 1."""
        if isinstance(self.n_epochs, bool) or not isinstance(self.n_epochs, numbers.Integral) or self.n_epochs < 1:
            raise ValueError(
                f"BoundedHistory: `n_epochs` must be a whole number of at least 1, got {shown(self.n_epochs)}."
            )

    def on_epoch_end(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        """Drop the oldest epochs."""
        del net.history[: -self.n_epochs]
