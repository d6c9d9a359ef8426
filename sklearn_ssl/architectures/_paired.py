"""Series and the vectors of their texts in one space."""

import math
from typing import Any

import torch
from torch import nn

from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._predictor import build_head
from sklearn_ssl.architectures._siamese import SiameseArchitecture, width_of
from sklearn_ssl.losses._vectors import unit_length

LARGEST_SCALE = 100.0


class ScaledArchitecture(SiameseArchitecture):
    """An architecture with a learnt scale of similarities, which is the inverse of a temperature.

    Parameters
    ----------
    temperature : float, default=0.07
        The temperature from which training starts.
    learn_temperature : bool, default=True
        Whether the temperature is learnt. If so, it stays between 0.01 and 1.
    **siamese : dict
        Parameters of `SiameseArchitecture`.

    Attributes
    ----------
    log_scale : torch.nn.Parameter of shape ()
        The logarithm of the scale. After each step it is brought back to the range from 0 to log 100. A limit inside of
        `forward` would have no gradient beyond it, so that the parameter would never come back.
    """

    def __init__(self, *, temperature: float = 0.07, learn_temperature: bool = True, **siamese: Any) -> None:
        super().__init__(**siamese)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)), requires_grad=learn_temperature)

    @property
    def scale(self) -> torch.Tensor:
        """The factor of cosine similarities."""
        return self.log_scale.exp()

    def after_step(self) -> None:
        """Keep a learnt scale between 1 and 100."""
        if self.log_scale.requires_grad:
            with torch.no_grad():
                self.log_scale.clamp_(0, math.log(LARGEST_SCALE))


class PairedArchitecture(ScaledArchitecture):
    """One view of every series, and the vector of its text, in one space.

    Parameters
    ----------
    text_projector : MLPProjector
        Head from the vectors of texts (B, T) to the space of the projections (B, P). Its output is made as wide as the
        projections.
    n_text_features : int
        Number of values T of a text's vector.
    **scaled : dict
        Parameters of `ScaledArchitecture`.

    Attributes
    ----------
    text_projector : torch.nn.Module
        Maps vectors of texts to the space of the projections.

    Raises
    ------
    ValueError
        If the text projector does not return vectors as wide as the projections.
    """

    def __init__(self, *, text_projector: Any, n_text_features: int, **scaled: Any) -> None:
        super().__init__(n_views=1, **scaled)
        self.text_projector = build_head(text_projector, n_text_features, self.n_projections)
        if width_of(self.text_projector, n_text_features) != self.n_projections:
            raise ValueError(
                f"`text_projector` has no layers, so vectors of {n_text_features} values would meet projections of "
                f"{self.n_projections}. Set its `depth` to 1 or more, got {shown(text_projector)}."
            )

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return projections of series and of their texts, each (B, P), the numbers of the texts (B,) and the scale."""
        z = self.projections(*self.views(batch.x, batch.lengths))  # (B, P)
        return z, self.text_projector(batch.companion["text"]), batch.companion["group"], self.scale

    def embeddings(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return series x (B, C, L) as vectors of length 1, (B, P)."""
        return unit_length(self.projections(x, lengths).float())

    def text_embeddings(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return vectors of texts (m, T) as vectors of length 1, (m, P)."""
        return unit_length(self.text_projector(vectors).float())
