"""The methods whose features are the largest values over time."""

import abc
from functools import partial
from typing import Any

from sklearn_ssl.base import SSLTransformer, recipe
from sklearn_ssl.pooling import Pooling


class MaxPooledTransformer(SSLTransformer, abc.ABC):
    """A transformer whose features are the maxima over time of the encoder's last map.

    Parameters
    ----------
    pooling : Pooling, default=None
        How feature maps become one vector per series. None is ``Pooling(statistics="max", layers="last")``.
    """

    pooling: Any = recipe(default_factory=partial(Pooling, statistics="max", layers="last"), needs="build")

    def _max_pooled(self, architecture, **own):
        """Bind the pooling, and what an architecture takes beyond."""
        return partial(architecture, pooling=self.resolved("pooling"), **own)
