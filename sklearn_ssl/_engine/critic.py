"""What the critic of a generator says in every epoch."""

from typing import Any

import torch
from skorch.callbacks import Callback


class CriticMonitor(Callback):
    """Write into the history how a critic judges real and generated series.

    The columns are the means over the series of an epoch: "critic_real" and "critic_fake" of the scores, and
    "critic_accuracy" of the share of series, half of which are real, on the right side of the score 0. An accuracy that
    stays at 1 says that the generator is far behind. 0.5 is chance.

    The first two tensors that the architecture returns must be the scores of real and of generated series.

    Examples
    --------
    >>> from sklearn_ssl import GANTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> gan = GANTransformer(max_epochs=2, random_state=0).fit(X)
    >>> len(gan.net_.history[:, "critic_accuracy"])
    2
    """

    def on_epoch_begin(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        """Forget the epoch before."""
        self.totals_: Any = 0.0
        self.n_cases_ = 0

    def on_batch_end(self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any) -> None:
        """Add up what the critic says of the series of a batch."""
        if training:
            real, fake = (scores.detach().float() for scores in kwargs["y_pred"][:2])
            right = ((real > 0).float() + (fake < 0).float()) / 2
            self.totals_ = self.totals_ + torch.stack([real.sum(), fake.sum(), right.sum()])
            self.n_cases_ += len(real)

    def on_epoch_end(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        """Write the means."""
        means = (self.totals_ / self.n_cases_).tolist()
        for name, mean in zip(("critic_real", "critic_fake", "critic_accuracy"), means, strict=True):
            net.history.record(name, mean)
        self.totals_ = 0.0  # a tensor on a device would not be unpickled without it
