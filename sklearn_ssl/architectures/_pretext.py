"""Series that were changed, and a classifier that tells how."""

from typing import Any

import torch
from torch import nn

from sklearn_ssl.architectures._base import Architecture
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._modes import evaluation_mode


class PretextArchitecture(Architecture):
    """Base of architectures that change series in a numbered way and ask for the number.

    A subclass writes `questions`. Its ``forward`` returns the numbers first, so that no one takes logits for an
    embedding.

    Parameters
    ----------
    augmentation : Augmentation
        Changes series before the question is asked.
    **common : dict
        Parameters of `Architecture`.

    Attributes
    ----------
    projector : torch.nn.Module
        Maps what the encoder found to projections (n, P).
    classifier : torch.nn.Linear
        Maps projections to logits (n, K).
    n_answers : int
        Number K of answers.
    """

    projector: nn.Module
    classifier: nn.Linear

    def __init__(self, *, augmentation: Any, **common: Any) -> None:
        super().__init__(**common)
        self.augmentation = augmentation

    @property
    def n_answers(self) -> int:
        """Number K of answers."""
        return self.classifier.out_features

    def forward(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the numbers of the changes (n,) and the logits (n, K)."""
        return self.questions(self.augmentation(batch.x, batch.lengths), batch.lengths)

    def questions(self, x: torch.Tensor, lengths: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Change series x (B, C, L) and classify them.

        Returns
        -------
        number : int Tensor of shape (n,)
            The numbers of the changes. n is a multiple of B. All series are asked once before one is asked again.
        logits : Tensor of shape (n, K)
            The answers.
        """
        raise NotImplementedError

    def answers(self, batch: Batch) -> torch.Tensor:
        """Return for each series the numbers of its changes, and the most likely answers: (B, 2, n / B)."""
        number, logits = self.questions(batch.x, batch.lengths)
        return torch.stack([number, logits.argmax(1)]).unflatten(1, (-1, len(batch))).permute(2, 0, 1)

    def answered(self, x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        """Classify changed series x (n, C, L) by their pooled features: logits (n, K)."""
        return self.classifier(self.projector(self.features(x, lengths)))

    def build_head(self, projector: Any, n_features: int, n_answers: int) -> None:
        """Build projector and classifier. Call it at the end of ``__init__``.

        Parameters
        ----------
        projector : recipe
            Its ``build(n_features)`` returns the projector.
        n_features : int
            Number of features in front of the projector.
        n_answers : int
            Number K of answers.
        """
        self.projector = projector.build(n_features)
        with evaluation_mode(self.projector):
            n_projections = self.projector(torch.zeros(1, n_features)).shape[1]
        self.classifier = nn.Linear(n_projections, n_answers)


class TransformationArchitecture(PretextArchitecture):
    """Every series with every numbered transformation, and a classifier that tells which one it was.

    All copies pass the encoder together. Batch normalisation of a pass for each transformation would tell the number.

    Parameters
    ----------
    transformations : NumberedTransformations
        The transformations.
    projector : recipe
        Its ``build(n_features)`` returns a module that maps pooled features (n, F) to projections (n, P).
    **common : dict
        Parameters of `Architecture`, and `augmentation`.

    Raises
    ------
    ValueError
        If the transformations do not fit the series.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.architectures import Batch, TransformationArchitecture
    >>> from sklearn_ssl.augmentations import Compose, NumberedTransformations
    >>> from sklearn_ssl.encoders import ResNetEncoder
    >>> from sklearn_ssl.projectors import MLPProjector
    >>> architecture = TransformationArchitecture(
    ...     encoder=ResNetEncoder(depth=1),
    ...     pooling=None,
    ...     augmentation=Compose(),
    ...     projector=MLPProjector(width=16),
    ...     transformations=NumberedTransformations(),
    ...     n_channels=3,
    ...     n_timepoints=50,
    ... )
    >>> number, logits = architecture(Batch(torch.randn(8, 3, 50)))
    >>> number.shape, logits.shape
    (torch.Size([32]), torch.Size([32, 4]))
    """

    def __init__(
        self, *, transformations: Any, projector: Any, n_channels: int, n_timepoints: int, **common: Any
    ) -> None:
        transformations.check_shape(n_channels, n_timepoints)
        super().__init__(n_channels=n_channels, n_timepoints=n_timepoints, **common)
        self.transformations = transformations
        self.build_head(projector, self.n_features, transformations.n_numbers)

    def questions(self, x: torch.Tensor, lengths: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the numbers of the transformations (K B,) and the logits (K B, K)."""
        changed, lengths, number = self.transformations.all_of(x, lengths)
        return number, self.answered(changed, lengths)
