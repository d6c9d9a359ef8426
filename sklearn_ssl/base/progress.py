"""How a training went, by the names that scikit-learn uses."""

from typing import Any


class TrainingProgressMixin:
    """Epochs and losses of an estimator that has a net.

    Attributes
    ----------
    n_iter_ : int
        Epochs of the training so far, those of `partial_fit` included.
    loss_curve_ : list of float
        The loss of every epoch that ``net_.history`` has, averaged over its series.
    """

    net_: Any

    @property
    def n_iter_(self) -> int:
        """Epochs of the training so far."""
        return self.net_.epochs_

    @property
    def loss_curve_(self) -> list[float]:
        """The loss of every epoch."""
        return [float(epoch["train_loss"]) for epoch in self.net_.history]
