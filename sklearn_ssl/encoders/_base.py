"""What every encoder is: a recipe without weights, and the module that it builds."""

import abc
import typing
from collections.abc import Sequence

import torch
from sklearn.base import clone
from torch import nn

from sklearn_ssl._parameters.hyperparameters import Hyperparameters


class EncoderModule(nn.Module, abc.ABC):
    """A network that turns a batch of series into feature maps.

    It promises that the features at a series' observed steps depend on that series alone, whatever padding and
    whatever other series its batch holds (in training mode batch normalisation mixes the series of a batch, and only
    their observed steps). At padded steps the features are zero.

    Parameters
    ----------
    widths : sequence of int
        Number of features of each map that `layers` returns.
    stride : int, default=1
        Number of time steps that one step of a feature map stands for.

    Attributes
    ----------
    widths : list of int
        Number of features of each map that `layers` returns; the last one is the encoder's output width.
    stride : int
        Number of time steps that one step of a feature map stands for.
    pools_over_time : bool
        Whether maps have one time step, because the encoder pools by itself. Unless told otherwise, the last map is
        then taken as it is.
    recipe : Encoder or None
        What built the module; None if no recipe did.
    n_channels : int or None
        The number of channels that it was built for.
    """

    pools_over_time = False
    recipe: "Encoder | None" = None
    n_channels: int | None = None

    def __init__(self, widths: Sequence[int], stride: int = 1) -> None:
        super().__init__()
        self.widths = list(widths)
        self.stride = stride

    def adapt(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> None:
        """Fix before training what is taken from the series themselves, thresholds for example; nothing by default.

        Parameters
        ----------
        x : Tensor of shape (B, C, L)
            Some of the training series, zero where padded.
        mask : bool Tensor of shape (B, L) or None, default=None
            True at observed steps; None if nothing is padded.
        """

    def stages(self) -> list[list[nn.Module]]:
        """Return the parts with weights from the bottom up, those that belong together in one list.

        Fine-tuning freezes stages from the bottom, lets them learn from the top, and gives each a learning rate.
        """
        return _parts_in_order(self)

    @abc.abstractmethod
    def layers(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Return the feature maps of every layer.

        Parameters
        ----------
        x : Tensor of shape (B, C, L)
            Series, of one time step or more, zero where padded.
        mask : bool Tensor of shape (B, L) or None, default=None
            True at observed steps, which come before the padding; None if nothing is padded.

        Returns
        -------
        layers : list of Tensor of shape (B, D_i, L')
            The maps, the last one being the encoder's output. Their features lie next to each other in memory, so
            use `reshape` or `flatten` on them, not `view`.
        """

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Return the last feature map.

        Parameters
        ----------
        x : Tensor of shape (B, C, L)
            Series, of one time step or more, zero where padded.
        mask : bool Tensor of shape (B, L) or None, default=None
            True at observed steps, which come before the padding; None if nothing is padded.

        Returns
        -------
        h : Tensor of shape (B, D, L')
            The features; L' is L divided by `stride`, rounded up.
        """
        return self.layers(x, mask)[-1]


class Encoder(Hyperparameters, abc.ABC):
    """Base of encoder recipes: the hyper-parameters of a network, without its weights."""

    @typing.final
    def build(self, n_channels: int) -> EncoderModule:
        """Build the network, with fresh weights drawn from PyTorch's global generator.

        Parameters
        ----------
        n_channels : int
            Number of channels C of the series.

        Returns
        -------
        encoder : EncoderModule
            Maps (B, C, L) to (B, D, L').

        Raises
        ------
        ValueError
            If a parameter or the number of channels is outside its range.
        """
        self.check_hyperparameters()
        if n_channels < 1:
            raise ValueError(f"{type(self).__name__}: `n_channels` must be at least 1, got {n_channels!r}.")
        module = self._module(n_channels)
        module.recipe, module.n_channels = clone(self), n_channels
        return module

    @abc.abstractmethod
    def _module(self, n_channels: int) -> EncoderModule:
        """Build the network from checked parameters."""


def stages(module: nn.Module) -> list[list[nn.Module]]:
    """Return the parts of an encoder from the bottom up, as `EncoderModule.stages` does, for any module.

    Parameters
    ----------
    module : torch.nn.Module
        An encoder. Of a module from elsewhere the children count in the order in which they were assigned, and what
        `torch.nn.Sequential` and `torch.nn.ModuleList` hold counts as children.

    Returns
    -------
    stages : list of list of torch.nn.Module
        Parts that have weights.
    """
    return module.stages() if isinstance(module, EncoderModule) else _parts_in_order(module)


def _parts_in_order(module: nn.Module) -> list[list[nn.Module]]:
    children = [
        part
        for child in module.children()
        for part in (child if isinstance(child, (nn.Sequential, nn.ModuleList)) else [child])
    ]
    own = [[module]] if next(module.parameters(recurse=False), None) is not None else []
    return own or [[part] for part in children if next(part.parameters(), None) is not None]
