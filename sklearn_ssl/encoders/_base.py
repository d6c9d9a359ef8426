"""Bases of all encoders: the recipe, which has no weights, and the module that the recipe builds."""

import abc
import typing
from collections.abc import Sequence

import torch
from sklearn.base import clone
from torch import nn

from sklearn_ssl._parameters.hyperparameters import Hyperparameters
from sklearn_ssl._parameters.shown import shown


class EncoderModule(nn.Module, abc.ABC):
    """A network that turns a batch of series into feature maps.

    The features at the observed steps of a series depend on that series alone. They do not depend on padding, nor on
    the other series of the batch. There is one exception: in training mode, batch normalisation takes its statistics
    from the observed steps of all series of the batch. At padded steps the features are zero.

    Parameters
    ----------
    widths : sequence of int
        Number of features of each map that `layers` returns.
    stride : int, default=1
        Number of time steps that one step of a feature map covers.

    Attributes
    ----------
    widths : list of int
        Number of features of each map that `layers` returns. The last one is the width of the output.
    stride : int
        Number of time steps that one step of a feature map covers.
    pools_over_time : bool
        Whether the encoder pools by itself, so that its maps have one time step. If so, the default pooling takes the
        last map as it is.
    recipe : Encoder or None
        The recipe that built the module. None if no recipe did.
    n_channels : int or None
        The number of channels that the module was built for.
    """

    pools_over_time = False
    recipe: "Encoder | None" = None
    n_channels: int | None = None

    def __init__(self, widths: Sequence[int], stride: int = 1) -> None:
        super().__init__()
        self.widths = list(widths)
        self.stride = stride

    def adapt(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> None:
        """Set what is taken from the series and not trained, such as thresholds. It is called before training.

        The default does nothing.

        Parameters
        ----------
        x : Tensor of shape (B, C, L)
            Some of the training series, zero where padded.
        mask : bool Tensor of shape (B, L) or None, default=None
            True at observed steps. None if nothing is padded.
        """

    def stages(self) -> list[list[nn.Module]]:
        """Return the parts that have weights, from the bottom up. Parts that belong together are in one list.

        Fine-tuning freezes stages from the bottom, unfreezes them from the top, and gives each its learning rate.
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
            True at observed steps, which come before the padding. None if nothing is padded.

        Returns
        -------
        layers : list of Tensor of shape (B, D_i, L')
            The maps. The last one is the encoder's output. In memory the features of a step lie next to each other,
            so use `reshape` or `flatten` on a map, not `view`.
        """

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Return the last feature map.

        Parameters
        ----------
        x : Tensor of shape (B, C, L)
            Series, of one time step or more, zero where padded.
        mask : bool Tensor of shape (B, L) or None, default=None
            True at observed steps, which come before the padding. None if nothing is padded.

        Returns
        -------
        h : Tensor of shape (B, D, L')
            The features. L' is L divided by `stride`, rounded up.
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
            raise ValueError(f"{type(self).__name__}: `n_channels` must be at least 1, got {shown(n_channels)}.")
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
        An encoder. For a module that is not an `EncoderModule`, the parts are its children in the order in which
        they were assigned. The members of a `torch.nn.Sequential` or `torch.nn.ModuleList` count as children.

    Returns
    -------
    stages : list of list of torch.nn.Module
        Parts that have weights. If the module itself has weights outside of its children, it is the only part.
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
