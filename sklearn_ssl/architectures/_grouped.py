"""Groups of channels, such as sensors, in one space."""

from typing import Any

import torch
from torch import nn

from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.architectures._base import default_pooling, maps
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._paired import ScaledArchitecture
from sklearn_ssl.architectures._siamese import width_of
from sklearn_ssl.encoders import GroupedEncoder, observed_mask
from sklearn_ssl.losses._vectors import unit_length
from sklearn_ssl.projectors import MLPProjector


class GroupedArchitecture(ScaledArchitecture):
    """An encoder and a projector for each group of channels. The projections of all groups are in one space.

    Parameters
    ----------
    encoder : Encoder
        Recipe of the encoder of a group.
    channel_groups : list of lists of int or None
        The channels of each group. None takes each channel as a group. A single group has two views.
    projector : MLPProjector
        Recipe of the projector of a group.
    **scaled : dict
        Parameters of `ScaledArchitecture`.

    Attributes
    ----------
    projectors : torch.nn.ModuleList
        For each group a map from its pooled features to projections (B, P).

    Raises
    ------
    TypeError
        If the pooling does not tell which of its features come from which layer.
    """

    def __init__(self, *, encoder: Any, channel_groups: Any, projector: Any, **scaled: Any) -> None:
        by_group = GroupedEncoder(encoder, groups=channel_groups)
        super().__init__(encoder=by_group, projector=MLPProjector(depth=0), n_views=1, **scaled)
        self.n_groups = len(self.encoder.groups)  # type: ignore[arg-type]
        pooling = scaled.get("training_pooling") or scaled["pooling"] or default_pooling(self.encoder)
        for group, columns in enumerate(self._columns(pooling)):
            self.register_buffer(f"columns_{group}", columns)
        self.projectors = nn.ModuleList(
            projector.build(len(self._features_of(group))) for group in range(self.n_groups)
        )
        self.n_projections = width_of(self.projectors[0], len(self._features_of(0)))

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return projections of each group or view (G, B, P), which are present (B, G), and the scale."""
        present = self._present(batch.x, batch.lengths)  # (B, G)
        if self.n_groups > 1:
            return self._projected(*self._views(batch, present)), present, self.scale
        views = [self._projected(*self._views(batch, present)) for _ in range(2)]
        return torch.cat(views), present.expand(-1, 2), self.scale

    def projections(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the mean of the unit vectors of the groups that are present: x (B, C, L) to (B, P)."""
        return self._mean(self._projected(x, lengths), self._present(x, lengths))

    def features_and_projections(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return features and projections, side by side, from one pass of the encoder: x (B, C, L) to (B, F + P)."""
        layers, mask = maps(self.encoder, x, lengths)
        z = self._of_pooled(self.training_pooling(layers, mask))
        return torch.cat([self.pooling(layers, mask), self._mean(z, self._present(x, lengths))], dim=1)

    def embeddings(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return series x (B, C, L) as vectors of length 1, (B, P)."""
        return unit_length(self.projections(x, lengths).float())

    def _views(self, batch: Batch, present: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return one view of each series, in which missing groups stay 0."""
        x, lengths = self.views(batch.x, batch.lengths)
        for group in range(self.n_groups):
            own = self.encoder.of_group(x, group) * present[:, group, None, None]  # type: ignore[operator]
            x = x.index_copy(1, self.encoder.get_buffer(f"channels_{group}"), own)
        return x, lengths

    def _present(self, x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        return self.encoder.present(x, None if lengths is None else observed_mask(lengths, x.shape[2]))  # type: ignore[operator]

    def _projected(self, x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        """Encode, pool and project each group: x (B, C, L) to (G, B, P)."""
        return self._of_pooled(self.training_pooling(*maps(self.encoder, x, lengths)))

    def _of_pooled(self, h: torch.Tensor) -> torch.Tensor:
        """Project the pooled features (B, F) of each group, (G, B, P)."""
        return torch.stack([one(h[:, self._features_of(group)]) for group, one in enumerate(self.projectors)])

    @staticmethod
    def _mean(z: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        weight = present.T[:, :, None].to(z.dtype)  # (G, B, 1)
        return (weight * unit_length(z)).sum(dim=0) / weight.sum(dim=0).clamp(min=1)

    def _features_of(self, group: int) -> torch.Tensor:
        return self.get_buffer(f"columns_{group}")

    def _columns(self, pooling: Any) -> list[torch.Tensor]:
        """Return which pooled features come from each group."""
        if not hasattr(pooling, "n_features_of_layers"):
            raise TypeError(f"The pooling must be a Pooling(...), which tells its layers apart, got {shown(pooling)}.")
        sizes = pooling.n_features_of_layers(self.widths)  # of the pooled layers, which are the last ones
        widths = self.encoder.group_widths[-len(sizes) :]  # type: ignore[index]
        owners = [
            torch.arange(len(of_layer)).repeat_interleave(torch.tensor(of_layer)).repeat(size // sum(of_layer))
            for size, of_layer in zip(sizes, widths, strict=True)
        ]
        owner = torch.cat(owners)  # (F,): by layer, then by statistic, then by feature
        return [(owner == group).nonzero()[:, 0] for group in range(self.n_groups)]
