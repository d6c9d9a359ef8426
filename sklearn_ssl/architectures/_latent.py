"""An encoder that sees a block of each series and predicts a teacher's features of other blocks."""

from typing import Any, cast

import torch
from torch.nn import functional as F

from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._decoders import put
from sklearn_ssl.architectures._masked import DecodedArchitecture, Hidden
from sklearn_ssl.architectures._momentum import TaughtArchitecture


class LatentPredictionArchitecture(TaughtArchitecture, DecodedArchitecture):
    """From the tokens of a context, a decoder predicts each target block by itself.

    The masking draws a target block several times. The context is a block at a random place, without all targets. If
    the blocks would cover the whole context, the last ones are left out.

    Parameters
    ----------
    n_blocks : int
        Number M of target blocks. They may overlap.
    context_ratio : float
        The context covers a share of the windows of a series that is uniform from this one to 1.
    **taught : dict
        Parameters of `TaughtArchitecture` and of `DecodedArchitecture`.
    """

    def __init__(self, *, n_blocks: int, context_ratio: float, **taught: Any) -> None:
        super().__init__(**taught)
        self.n_blocks = n_blocks
        self.context_ratio = context_ratio

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return predictions of M blocks, targets, and the weights of the targets, each (M, B, G T, D)."""
        drawn = [self.hide(batch) for _ in range(self.n_blocks)]
        context, blocks = self.divided(drawn)  # (B, G, T) and (M, B, G, T)
        self.follow()
        hidden = drawn[0]
        prediction = self.of_blocks(batch.x, hidden, context, blocks)
        target = self.targets(batch.x, hidden).expand_as(prediction)
        weight = torch.stack([self.whole_tokens(block, hidden) for block in blocks])  # (M, B, G T)
        return prediction, target, weight[..., None].to(batch.x.dtype).expand_as(prediction)

    def divided(self, drawn: list[Hidden]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the windows of the context (B, G, T), and those of each target block (M, B, G, T)."""
        seen = drawn[0].seen[:, None]  # (B, 1, T)
        blocks = torch.stack([one.windows for one in drawn]) & seen
        context = self._context(drawn[0].seen)[:, None]  # (B, 1, T)
        is_left = (context & ~blocks[0]).flatten(1).any(1)
        context = torch.where(is_left[:, None, None], context, seen)
        covered = blocks.int().cumsum(0) > 0
        is_left = (context & ~covered).flatten(2).any(2)  # (M, B)
        blocks = blocks & is_left[:, :, None, None]
        return context & ~blocks.any(0), blocks

    def _context(self, seen: torch.Tensor) -> torch.Tensor:
        """Draw a block of each series, given its observed windows (B, T)."""
        n_windows = seen.sum(1)  # (B,)
        share = self.context_ratio + (1 - self.context_ratio) * torch.rand(len(seen), device=seen.device)
        length = (share * n_windows).round().clamp(min=1)
        start = (torch.rand(len(seen), device=seen.device) * (n_windows - length + 1)).floor()
        since = torch.arange(seen.shape[1], device=seen.device) - start[:, None]  # (B, T)
        return (since >= 0) & (since < length[:, None]) & seen

    def of_blocks(self, x: torch.Tensor, hidden: Hidden, context: torch.Tensor, blocks: torch.Tensor) -> torch.Tensor:
        """Predict each of M blocks from the context alone: (M, B, G T, D)."""
        most = self.masking.most_visible(context.shape[2])
        kept = self.whole_tokens(context, hidden)
        most = None if most is None else self.encoder.n_groups(x.shape[1]) * most
        layers, order, there = self.encoded(self.encoder.tokens(x), kept, most)
        observed = [
            self.of_tokens(context | block, hidden) & self.existing(hidden) for block in blocks
        ]  # each (B, G T)
        repeated = (one.repeat(len(blocks), *[1] * (one.ndim - 1)) for one in (layers[-1], order, there))
        return self.decoder(*repeated, torch.cat(observed), context.shape[2]).unflatten(0, (len(blocks), -1))

    @torch.no_grad()
    def targets(self, x: torch.Tensor, hidden: Hidden) -> torch.Tensor:
        """Return the teacher's features of the tokens of whole series, normalised over the features: (B, G T, D)."""
        teacher = cast(Any, self.teacher["encoder"])
        known = self.whole_tokens(torch.ones_like(hidden.seen)[:, None], hidden)  # (B, G T)
        layers, order, there = self.encoded(teacher.tokens(x), known, known.shape[1], teacher)
        features = F.layer_norm(layers[-1].float(), layers[-1].shape[2:])
        return put(features, order, there, features.new_zeros(len(x), known.shape[1] + 1, features.shape[2]))
