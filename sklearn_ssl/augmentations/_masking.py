"""Augmentations that set parts of a series to zero or exchange its channels."""

from typing import final

import torch

from sklearn_ssl._parameters.hyperparameters import choice, number
from sklearn_ssl.augmentations._base import Augmentation, Draws, RandomFlip, random_integers


@final
class Blockout(Augmentation):
    r"""Set a random block to zero.

    .. math:: y_{ct} = 0 \text{ if } a \le t < a + \mathrm{round}(\lambda n) \text{ and } c \text{ in the block, else }
        x_{ct}

    where n is the number of observed steps. With ``kind="time"`` the block has all m channels. With
    ``kind="rectangle"`` it has :math:`\max(1, \mathrm{round}(\lambda m))` neighbouring channels. All places are
    equally likely.

    Parameters
    ----------
    ratio : float, default=0.1
        Share :math:`\lambda` of the steps, and of the channels of a rectangle. 0 changes nothing.
    kind : {"time", "rectangle"}, default="time"
        Whether the block has all channels or a share of them.

    References
    ----------
    DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout", arXiv:1708.04552, 2017.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import Blockout
    >>> Blockout(ratio=0.5, kind="rectangle")(torch.ones(1, 4, 10)).sum()
    tensor(30.)
    """

    ratio: float = number(default=0.1, least=0, most=1)
    kind: str = choice("time", "rectangle", default="time")

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``start`` (B,), the first step of the block, and ``channel`` (B,), its first channel."""
        n_places = torch.full_like(lengths, x.shape[1] - self._height(x) + 1)
        return {"start": random_integers(lengths - self._widths(lengths) + 1), "channel": random_integers(n_places)}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Set the block that begins at ``start`` and ``channel`` to zero."""
        since = torch.arange(x.shape[2], device=x.device) - draws["start"][:, None]  # (B, L)
        above = torch.arange(x.shape[1], device=x.device) - draws["channel"][:, None]  # (B, C)
        hidden_steps = (since >= 0) & (since < self._widths(lengths)[:, None])
        hidden_channels = (above >= 0) & (above < self._height(x))
        return torch.where(hidden_channels[:, :, None] & hidden_steps[:, None], 0, x)

    def _widths(self, lengths: torch.Tensor) -> torch.Tensor:
        return (self.ratio * lengths).round().long()

    def _height(self, x: torch.Tensor) -> int:
        n_channels = x.shape[1]
        return n_channels if self.kind == "time" else max(round(self.ratio * n_channels), 1)


@final
class ChannelDropout(Augmentation):
    r"""Set whole channels to zero.

    .. math:: y_{ct} = b_c x_{ct}, \quad P(b_c = 0) = p

    independently for each channel. If all channels of a series would be dropped, one of them, chosen at random, is
    kept. So a series of a single channel is never changed.

    Parameters
    ----------
    p : float, default=0.1
        Probability that a channel is dropped. 0 changes nothing.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import ChannelDropout
    >>> ChannelDropout(p=1.0)(torch.ones(1, 5, 10)).sum()
    tensor(10.)
    """

    p: float = number(default=0.1, least=0, most=1)

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``dropped`` (B, C), true where a channel is dropped."""
        chance = torch.rand(x.shape[:2], device=x.device)
        # The channel with the largest number is kept. That matters only where all are below p.
        return {"dropped": (chance < self.p) & (chance < chance.amax(1, keepdim=True))}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Set the channels that are ``dropped`` to zero."""
        return torch.where(draws["dropped"][:, :, None], 0, x)


@final
class ChannelReversal(RandomFlip):
    r"""Reverse the order of the channels.

    .. math:: y_{ct} = x_{m - 1 - c, t}

    with probability `p`, where m is the number of channels: :math:`J_m X`, J the exchange matrix.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import ChannelReversal
    >>> ChannelReversal(p=1.0)(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[3., 4.],
             [1., 2.]]])
    """

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Reverse the channels of the series that are ``flipped``."""
        return torch.where(draws["flipped"][:, None, None], x.flip(1), x)
