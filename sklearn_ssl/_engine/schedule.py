import math
from typing import Any

from skorch.callbacks import Callback


class WarmupCosine(Callback):
    r"""Linear warm-up of the learning rate followed by a cosine decay to zero.

    At step k of K, with w warm-up steps, the rate is multiplied by (k + 1) / w if k < w, and by
    (1 + cos(pi (k - w) / (K - w))) / 2 otherwise. Without a planned number of steps, as in `partial_fit`, the rate is
    constant.

    Parameters
    ----------
    warmup : float, default=0.1
        Share of the planned steps that warm up, rounded up to whole steps.

    References
    ----------
    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017.

    Examples
    --------
    >>> from sklearn_ssl.callbacks import WarmupCosine
    >>> [round(WarmupCosine(warmup=0.25).factor(step, 8), 2) for step in range(8)]
    [0.5, 1.0, 1.0, 0.93, 0.75, 0.5, 0.25, 0.07]
    """

    def __init__(self, warmup: float = 0.1) -> None:
        self.warmup = warmup

    def factor(self, step: int, planned_steps: int) -> float:
        """Return what the learning rate is multiplied by."""
        if step >= planned_steps:
            return 1.0
        warmup_steps = math.ceil(self.warmup * planned_steps)
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        return 0.5 * (1 + math.cos(math.pi * (step - warmup_steps) / (planned_steps - warmup_steps)))

    def on_batch_begin(self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any) -> None:
        """Set the learning rate of the coming step."""
        if training:
            factor = self.factor(net.steps_, net.planned_steps_)
            for group in net.optimizer_.param_groups:
                group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor
