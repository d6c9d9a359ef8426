"""The methods that compare masked views, and their windows, with a teacher's views."""

import abc
from functools import partial
from typing import Any

from sklearn_ssl.base import JointEmbeddingTransformer, number, recipe
from sklearn_ssl.encoders.transformer import small_transformer
from sklearn_ssl.masking import BlockMasking
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.projectors import MLPProjector


class MaskedViewsTransformer(JointEmbeddingTransformer, abc.ABC):
    r"""A transformer whose student sees masked views and whose teacher, its moving average, sees whole ones.

    Parameters
    ----------
    encoder : recipe, callable or torch.nn.Module, default=None
        As for all transformers. It must give features per time step or window. None is
        ``TransformerEncoder(depth=3, width=64, window=8, dropout=0.0)``.
    training_pooling : Pooling, default=None
        Pooling in front of the projector during training. It must give as many features as the last layer of the
        encoder. None is ``Pooling(statistics="mean", layers="last")``.
    projector : MLPProjector, default=None
        Head between the features of series or windows and the prototypes. It must not normalise over the batch. None is
        ``MLPProjector(depth=3, norm="layer")``.
    masking : Masking, default=None
        Draws the windows that are hidden in a view. None is ``BlockMasking(ratio=0.3, spread=0.2)``.
    window : int or "auto", default="auto"
        Number of time steps of the windows that are hidden or seen as a whole, a multiple of the time steps that one
        step of the encoder covers. "auto" is the window of the encoder if it has one, and else 8, but at most a
        quarter of the longest series, rounded down to a power of two.
    masked_share : float, default=0.5
        Share of the views of which a part is hidden.
    n_prototypes : int, default=128
        K. Values above max(1024, n_cases) are reduced with a warning.
    student_temperature : float, default=0.1
        :math:`\tau_s`.
    teacher_temperature : float, default=0.04
        :math:`\tau_t`.
    window_temperature : float, default=0.07
        :math:`\tau_w`.
    center_momentum : float, default=0.9
        Share of the centres that stays after a batch.
    momentum : float, default=0.99
        m at the start of training, the share of the teacher's weights that stays in each step. It grows to 1 along a
        cosine.
    n_crops : int, default=0
        Number of random parts of each series that are further views. The teacher does not see them, and nothing is
        hidden in them.
    crop_ratio : float, default=0.5
        Share of a series that such a part covers.
    """

    encoder: Any = recipe(default_factory=small_transformer)
    training_pooling: Any = recipe(default_factory=partial(Pooling, statistics="mean", layers="last"), needs="build")
    projector: Any = recipe(default_factory=partial(MLPProjector, depth=3, norm="layer"), needs="build")
    masking: Any = recipe(default_factory=partial(BlockMasking, ratio=0.3, spread=0.2), needs="hidden")
    window: int | str = number(default="auto", least=1, integer=True, or_else=("auto",))
    masked_share: float = number(default=0.5, least=0, most=1)
    n_prototypes: int = number(default=128, least=2, integer=True)
    student_temperature: float = number(default=0.1, above=0)
    teacher_temperature: float = number(default=0.04, above=0)
    window_temperature: float = number(default=0.07, above=0)
    center_momentum: float = number(default=0.9, least=0, most=1)
    momentum: float = number(default=0.99, least=0, most=1)
    n_crops: int = number(default=0, least=0, integer=True)
    crop_ratio: float = number(default=0.5, above=0, most=1)

    def _of_masked_views(self, architecture, **own):
        """Bind what every architecture of this family takes, and what this one takes beyond."""
        passed = ("window", "masked_share", "n_prototypes", "center_momentum", "momentum", "n_crops", "crop_ratio")
        return partial(
            self._with_views(architecture, increasing=True, **own),
            training_pooling=self.resolved("training_pooling"),
            masking=self.resolved("masking"),
            **{name: getattr(self, name) for name in passed},
        )

    def _temperatures(self):
        names = ("student_temperature", "teacher_temperature", "window_temperature")
        return {name: getattr(self, name) for name in names}
