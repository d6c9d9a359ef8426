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


class PretextAccuracy(Callback):
    """Write into the history how often the answers to a question about changed series are right, in training.

    The key is ``"pretext_accuracy"``. Methods that ask such a question have this callback by the name "pretext".

    Parameters
    ----------
    number : int, default=0
        Place of the right answers (n,) among the tensors that the loss compares.
    logits : int, default=1
        Place of the logits (n, K).

    Examples
    --------
    >>> from sklearn_ssl import RotationTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, _ = make_waves(n_cases=20, random_state=0)
    >>> transformer = RotationTransformer(max_epochs=2, random_state=0).fit(X)
    >>> len(transformer.net_.history[:, "pretext_accuracy"])
    2
    """

    def __init__(self, number: int = 0, logits: int = 1) -> None:
        self.number = number
        self.logits = logits

    def on_epoch_begin(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        """Forget the epoch before."""
        self.n_right_: Any = 0
        self.n_asked_ = 0

    def on_batch_end(self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any) -> None:
        """Count right answers. They stay on the device, so that no step waits for it."""
        if training:
            number, logits = (kwargs["y_pred"][place].detach() for place in (self.number, self.logits))
            self.n_right_ = self.n_right_ + (logits.argmax(1) == number).sum()
            self.n_asked_ += len(number)

    def on_epoch_end(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        """Record the share of right answers."""
        net.history.record("pretext_accuracy", float(self.n_right_) / self.n_asked_)
        self.n_right_ = 0  # a tensor on a device would not be unpickled without it
