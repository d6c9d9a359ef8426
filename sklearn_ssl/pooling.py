"""Pooling: recipes that turn feature maps over time into one vector per series."""

import typing
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from sklearn_ssl._input.padding import resize_mask
from sklearn_ssl._parameters.hyperparameters import Hyperparameters, choice, names
from sklearn_ssl._parameters.ranges import as_names

# We pool over (B, L, D) because that is the encoders' memory layout. The gradients then have the same layout; any other
# layout makes the backward pass of an encoder several times slower. The gradients of maximum and standard deviation are
# written out, because they need fewer passes over the maps than automatic ones. A compiler needs no such help.
# Comparisons give ones and zeros as floats, because floats are faster to compute and to add up than booleans.


def _mean(h: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    return (h if mask is None else h * mask).sum(1) / _n_steps(h, mask)


def _max(h: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    h = h if mask is None else h + torch.where(mask, 0.0, -torch.inf)
    return h.amax(1) if torch.compiler.is_compiling() else _Largest.apply(h)


def _std(h: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    return _spread(h, mask)[0] if torch.compiler.is_compiling() else _Spread.apply(h, mask)


def _spread(h: torch.Tensor, mask: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the standard deviations (B, D) of h (B, L, D) and its centred values, zero where not observed."""
    h = h - h[:, :1]  # a constant becomes exactly zero, whatever rounding does to its mean
    centred = h - _mean(h, mask).unsqueeze(1)
    if mask is not None:
        centred = centred * mask
    variance = centred.square().sum(1) / _n_steps(h, mask)
    varies = variance > 0
    # The inner `where` avoids the slope of the root at zero, which is infinite.
    return torch.where(varies, torch.where(varies, variance, 1).sqrt(), 0), centred


def _n_steps(h: torch.Tensor, mask: torch.Tensor | None) -> Any:
    return h.shape[1] if mask is None else mask.sum(1).clamp(min=1)


class _Spread(torch.autograd.Function):
    """The standard deviation s of n steps. Its derivative by h_t is (h_t - mean h) / (n s), or 0 if s is 0."""

    @staticmethod
    def forward(ctx: Any, h: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        spread, centred = _spread(h, mask)
        ctx.save_for_backward(spread, centred)
        ctx.n_steps = _n_steps(h, mask)
        return spread

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        spread, centred = ctx.saved_tensors
        slope = torch.where(spread > 0, gradient / (spread * ctx.n_steps), 0)  # (B, D)
        return centred * slope.unsqueeze(1), None


class _Largest(torch.autograd.Function):
    """The maximum. All steps that reach it share its gradient evenly."""

    @staticmethod
    def forward(ctx: Any, h: torch.Tensor) -> torch.Tensor:
        largest = h.amax(1)
        ctx.save_for_backward(h, largest)
        return largest

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        h, largest = ctx.saved_tensors
        reached = torch.eq(h, largest.unsqueeze(1), out=torch.empty_like(h))  # (B, L, D) of ones and zeros
        return reached.mul_((gradient / reached.sum(1)).unsqueeze(1))


def _ppv(h: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    least = 0.0 if mask is None else torch.where(mask, 0.0, torch.inf)  # or (B, L, 1)
    return torch.gt(h, least, out=torch.empty_like(h)).sum(1) / _n_steps(h, mask)


def _last(h: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    if mask is None:
        return h[:, -1]
    last = (mask * torch.arange(mask.shape[1], device=mask.device)[:, None]).amax(1, keepdim=True)  # (B, 1, 1)
    return h.gather(1, last.expand(-1, 1, h.shape[2])).squeeze(1)


def _attention(h: torch.Tensor, mask: torch.Tensor | None, *, query: torch.Tensor) -> torch.Tensor:
    scores = (h * query).sum(2, keepdim=True) / h.shape[2] ** 0.5  # (B, L, 1)
    if mask is not None:
        # Minus infinity would make NaN in a series without observed steps, so we take the lowest finite number.
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    weights = scores.softmax(1)  # (B, L, 1)
    if mask is not None:
        h = h.masked_fill(~mask, 0)
    return (h * weights).sum(1)


_STATISTICS: dict[str, Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor]] = {
    "mean": _mean,
    "max": _max,
    "std": _std,
    "ppv": _ppv,
    "last": _last,
}


@typing.final
class Pooling(Hyperparameters):
    r"""Pooling over time: statistics of each feature over the observed steps of a series.

    The statistics of a feature h_1, ..., h_n over the n observed steps are

    - "mean": m = sum_t h_t / n.
    - "max": max_t h_t.
    - "std": sqrt(sum_t (h_t - m)^2 / n), zero for one step.
    - "ppv": the share of positive values, #{t : h_t > 0} / n. It has no gradient.
    - "last": h_n.
    - "attention": sum_t a_t h_t. The weights are the same for all D features of a layer,

      .. math:: a_t = \frac{\exp(q^\top h_t / \sqrt{D})}{\sum_{s=1}^n \exp(q^\top h_s / \sqrt{D})}.

      Each layer has a query q, a vector of length D, which is trained with the encoder. Before training q is zero, so
      that the attention is the mean.

    Statistics are computed in single precision or better. A series without observed steps gets zeros.

    Parameters
    ----------
    statistics : str or tuple of str, default=("mean", "max", "std", "ppv")
        One or several of "mean", "max", "std", "ppv", "last" and "attention".
    layers : {"all", "last"}, default="all"
        Whether to pool the feature maps of all layers of the encoder or its output only.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.pooling import Pooling
    >>> pooling = Pooling(statistics=("mean", "max")).build()
    >>> pooling([torch.tensor([[[1.0, 2.0, 6.0]]])])
    tensor([[3., 6.]])
    """

    statistics: str | tuple[str, ...] = names(
        *_STATISTICS, "attention", default=("mean", "max", "std", "ppv"), distinct=False
    )
    layers: str = choice("all", "last", default="all")

    def build(self, widths: Sequence[int] | None = None) -> "PoolingModule":
        """Build the module.

        Parameters
        ----------
        widths : sequence of int or None, default=None
            Number of features D_i of each layer of the encoder. Only "attention" needs it.

        Returns
        -------
        pooling : PoolingModule
            Maps the feature maps of an encoder's layers to (B, F).

        Raises
        ------
        ValueError
            If a statistic is unknown, if there is none, or if "attention" is given without the widths.
        """
        self.check_hyperparameters()
        statistics = as_names(self.statistics)
        if "attention" in statistics and widths is None:
            raise ValueError(
                'Pooling: `widths` must be given for "attention", which has a weight for each feature: build(widths).'
            )
        return PoolingModule(statistics, every_layer=self.layers == "all", widths=widths or ())

    def n_features_of_layers(self, widths: Sequence[int]) -> list[int]:
        """Return the number of pooled features of each pooled layer.

        Parameters
        ----------
        widths : sequence of int
            Number of features D_i of each layer of the encoder.

        Returns
        -------
        n_features : list of int
            In the order in which the module returns them.
        """
        self.check_hyperparameters()
        pooled = widths if self.layers == "all" else widths[-1:]
        return [len(as_names(self.statistics)) * width for width in pooled]

    def n_features(self, widths: Sequence[int]) -> int:
        """Return the number of pooled features.

        Parameters
        ----------
        widths : sequence of int
            Number of features D_i of each layer of the encoder.

        Returns
        -------
        n_features : int
            F.
        """
        return sum(self.n_features_of_layers(widths))


class PoolingModule(nn.Module):
    """The module that `Pooling` builds.

    Parameters
    ----------
    statistics : sequence of str
        Names of the statistics.
    every_layer : bool
        Whether to pool all layers. If not, only the last one is pooled.
    widths : sequence of int, default=()
        Number of features D_i of each layer, for "attention".

    Attributes
    ----------
    queries : ParameterList
        With "attention", a query of shape (D_i,) for each pooled layer. Else it is empty.
    """

    def __init__(self, statistics: Sequence[str], every_layer: bool, widths: Sequence[int] = ()) -> None:
        super().__init__()
        self.statistics = tuple(statistics)
        self.every_layer = every_layer
        pooled = (widths if every_layer else widths[-1:]) if "attention" in self.statistics else ()
        self.queries = nn.ParameterList([torch.zeros(width) for width in pooled])

    def forward(self, layers: Sequence[torch.Tensor], mask: torch.Tensor | None = None) -> torch.Tensor:
        """Pool feature maps.

        Parameters
        ----------
        layers : sequence of Tensor of shape (B, D_i, L_i)
            The feature maps of the layers.
        mask : bool Tensor of shape (B, L) or None, default=None
            True at observed steps. None if nothing is padded. For a map with another number of steps the mask is
            resized by `sklearn_ssl.encoders.resize_mask`.

        Returns
        -------
        h : Tensor of shape (B, F)
            The features, ordered by layer, then by statistic as given, then by the D_i features of the layer.
        """
        pooled = layers if self.every_layer else layers[-1:]
        queries = self.queries if len(self.queries) else [None] * len(pooled)
        parts = [self._statistics_of(h, mask, query) for h, query in zip(pooled, queries, strict=True)]
        return torch.cat([part for of_layer in parts for part in of_layer], 1)

    def _statistics_of(
        self, h: torch.Tensor, mask: torch.Tensor | None, query: torch.Tensor | None
    ) -> list[torch.Tensor]:
        h = h.to(torch.promote_types(h.dtype, torch.float32)).transpose(1, 2)  # (B, L, D)
        statistics = dict(_STATISTICS)
        if query is not None:
            statistics["attention"] = partial(_attention, query=query)
        if mask is None:
            return [statistics[name](h, None) for name in self.statistics]
        mask = resize_mask(mask, h.shape[1]).unsqueeze(2)  # (B, L, 1)
        empty = ~mask.any(1)  # (B, 1)
        return [statistics[name](h, mask).masked_fill(empty, 0) for name in self.statistics]
