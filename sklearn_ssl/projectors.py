"""Projectors: recipes of the small networks between an encoder's pooled features and a loss."""

import typing

from torch import nn

from sklearn_ssl._parameters.hyperparameters import Hyperparameters, choice, number


@typing.final
class MLPProjector(Hyperparameters):
    """Multi-layer perceptron from pooled features (B, D) to projections (B, P).

    Each hidden layer is a linear map, a normalisation and ReLU. The last layer is a linear map. Without layers the
    projector is the identity.

    Parameters
    ----------
    width : int, default=128
        Number of features of the hidden layers. It is also the number of outputs unless `output_width` is given.
    depth : int, default=2
        Number of linear layers.
    norm : {"batch", "layer", "none"}, default="batch"
        Normalisation of the hidden layers. In training, batch normalisation needs at least two cases.
    output_width : int or None, default=None
        Number of features P of the output. None means `width`.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.projectors import MLPProjector
    >>> projector = MLPProjector(width=256, depth=3).build(n_features=64)
    >>> projector(torch.zeros(2, 64)).shape
    torch.Size([2, 256])
    """

    width: int = number(default=128, least=1, integer=True)
    depth: int = number(default=2, least=0, integer=True)
    norm: str = choice("batch", "layer", "none", default="batch")
    output_width: int | None = number(default=None, least=1, integer=True, or_else=(None,))

    def build(self, n_features: int) -> nn.Module:
        """Build the network, with fresh weights drawn from PyTorch's global generator.

        Parameters
        ----------
        n_features : int
            Number of pooled features D.

        Returns
        -------
        projector : torch.nn.Module
            Maps (B, D) to (B, P).

        Raises
        ------
        ValueError
            If a parameter is outside its range.
        """
        self.check_hyperparameters()
        if self.depth == 0:
            return nn.Identity()
        widths = [n_features] + [self.width] * (self.depth - 1)
        hidden = [part for n_in in widths[:-1] for part in self._hidden_layer(n_in)]
        return nn.Sequential(*hidden, nn.Linear(widths[-1], self.n_outputs(n_features)))

    def n_outputs(self, n_features: int) -> int:
        """Return the number of features P of the output.

        Parameters
        ----------
        n_features : int
            Number of pooled features D.

        Returns
        -------
        n_outputs : int
            P, which is D if the projector has no layers.
        """
        if self.depth == 0:
            return n_features
        return self.width if self.output_width is None else self.output_width

    def _hidden_layer(self, n_in: int) -> list[nn.Module]:
        linear = nn.Linear(n_in, self.width, bias=self.norm == "none")
        relu = nn.ReLU(inplace=True)
        if self.norm == "none":
            return [linear, relu]
        norm = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}[self.norm]
        return [linear, norm(self.width), relu]
