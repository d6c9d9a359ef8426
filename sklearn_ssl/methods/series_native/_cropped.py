"""The methods that compare the steps of two crops."""

import abc
from functools import partial
from typing import Any

from sklearn_ssl.base import number, recipe
from sklearn_ssl.encoders import TCNEncoder
from sklearn_ssl.methods.series_native._max_pooled import MaxPooledTransformer


class CroppedTransformer(MaxPooledTransformer, abc.ABC):
    r"""A transformer that compares the features of time steps which two crops have in common.

    Parameters
    ----------
    encoder : recipe, callable or torch.nn.Module, default=None
        As for all transformers, with one feature per time step. None is ``TCNEncoder(latent_mask=0.5)``, the authors'
        network.
    pooling : Pooling, default=None
        How feature maps become one vector per series. None is ``Pooling(statistics="max", layers="last")``.
    instance : float, default=0.5
        :math:`\alpha`, the weight of the contrast between series.
    temporal_unit : int, default=0
        u. The u finest scales have no contrast between steps, which saves memory, and every series needs
        :math:`2^{u + 1}` steps.
    max_length : int, default=1000
        Most steps of a series in a batch. Of longer ones a random window is taken. The authors take 3,000. The memory
        of the loss grows with its square: 128 MB for 1,000 steps.
    input_mask : float, default=0.5
        Share of the steps of a crop that are set to zero, for encoders that have no `latent_mask` themselves.
    batch_size : int or "auto", default=8
        Series per step.
    weight_decay : float, default=1e-2
        Weight decay of AdamW.
    """

    encoder: Any = recipe(default_factory=partial(TCNEncoder, latent_mask=0.5))
    instance: float = number(default=0.5, least=0, most=1)
    temporal_unit: int = number(default=0, least=0, most=20, integer=True)
    max_length: int = number(default=1000, least=2, integer=True)
    input_mask: float = number(default=0.5, least=0, below=1)
    batch_size: int | str = number(default=8, least=2, integer=True, or_else=("auto",))
    weight_decay: float = number(default=1e-2, least=0)

    def _cropped(self, architecture, **own):
        """Bind what every architecture of these methods takes, and what this one takes beyond."""
        common = {name: getattr(self, name) for name in ("temporal_unit", "max_length", "input_mask")}
        return self._max_pooled(architecture, **common, **own)

    def _training_params(self):
        return {"callbacks__schedule": None}

    def _needed_steps(self):
        return 2 ** (self.temporal_unit + 1), ", or lower `temporal_unit`" if self.temporal_unit else ""
