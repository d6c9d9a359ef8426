"""Encoders that were trained on one number of channels, for series with another number."""

import copy
from typing import Any

import numpy as np
import torch
from torch import nn

from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.encoders._base import EncoderModule


def adapt_channels(module: EncoderModule, n_channels: int, sources: Any = None) -> EncoderModule:
    r"""Return a copy of an encoder that takes another number of channels.

    Each old channel j = 1, ..., C becomes a weighted sum of the C' new channels,
    :math:`u_j = \sum_c S_{jc} x_c`. The weights W of the layers that read the series take up that sum:

    .. math:: W'_{dck} = \sum_{j=1}^{C} W_{djk} S_{jc},

    with d the feature and k the tap. So the copy applied to x gives the same features as `module` applied to u. Each
    new weight can be trained by itself.

    Without `sources`, the old channel j takes the mean of the new channels c that leave the same remainder modulo
    min(C, C'). From 3 to 9 channels, the first old channel takes the mean of the first, fourth and seventh new ones.
    From 9 to 3 channels, the first, fourth and seventh old channels each take the first new one. The weights of a sum
    add up to one, so a signal that the new channels share keeps its size in all layers.

    `InceptionEncoder` takes maxima over neighbouring steps before it sums over channels. Its copy gives the same
    features only where every u_j is one of the new channels or a mean of equal ones.

    Parameters
    ----------
    module : EncoderModule
        An encoder built by a recipe, usually ``transformer.net_.module_.encoder``. It is not changed.
    n_channels : int
        Number of channels C' of the new series.
    sources : array-like of shape (C,) or (C, C') or None, default=None
        C whole numbers give the new channel of each old one, counted from 0. A matrix gives the weights S.

    Returns
    -------
    module : EncoderModule
        The copy, on the same device. Pass it to a transformer as ``encoder=``. If `n_channels` is C and there are no
        `sources`, the copy is equal to `module`.

    Raises
    ------
    TypeError
        If `module` was not built by a recipe.
    ValueError
        If `n_channels` or `sources` is out of range. If anything but weights depends on the channels: the untrained
        kernels of `RocketEncoder` read certain channels. If the recipe builds other layers for `n_channels`:
        `InceptionEncoder` does so for more channels than its `bottleneck`. If `sources` are given to an encoder that
        treats all channels alike.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.encoders import ResNetEncoder, adapt_channels
    >>> three = ResNetEncoder(depth=1, width=8).build(n_channels=3).eval()
    >>> six = adapt_channels(three, 6)
    >>> x = torch.randn(2, 3, 50)
    >>> torch.allclose(six(torch.cat([x, x], 1)), three(x), atol=1e-5)
    True
    """
    recipe, n_before = _origin(module)
    if isinstance(n_channels, bool) or not isinstance(n_channels, (int, np.integer)) or n_channels < 1:
        raise ValueError(f"`n_channels` must be a whole number at least 1, got {shown(n_channels)}.")
    if n_channels == n_before and sources is None:
        return copy.deepcopy(module)
    mixing = _mixing(n_before, int(n_channels), sources)  # (C, C')
    with torch.random.fork_rng(devices=[]):
        adapted = recipe.build(int(n_channels))
        other = recipe.build(n_before + 1) if n_channels == n_before else adapted
    _check_nothing_drawn(module, other)
    readers = _readers(module, other)
    if sources is not None and not readers:
        raise ValueError(
            f"`sources` has no meaning for {shown(recipe)}, which treats all channels alike. Leave it out, got "
            f"{shown(sources)}."
        )
    return _with_weights_of(module, adapted, readers, mixing)


def _origin(module: Any) -> tuple[Any, int]:
    recipe, n_channels = getattr(module, "recipe", None), getattr(module, "n_channels", None)
    if recipe is None or n_channels is None:
        raise TypeError(
            "`module` must have been built by a recipe such as ResNetEncoder(), which tells which weights belong to "
            f"channels, got {type(module).__name__}. Change its first layer yourself."
        )
    return recipe, n_channels


def _mixing(n_before: int, n_after: int, sources: Any) -> torch.Tensor:
    """Return the weights S (C, C'), in double precision."""
    if sources is None:
        period = min(n_before, n_after)
        old, new = torch.arange(n_before) % period, torch.arange(n_after) % period
        shares = (old[:, None] == new).double()
        return shares / shares.sum(1, keepdim=True)
    weights = np.asarray(sources)
    if weights.shape == (n_before,) and weights.dtype.kind in "iu" and ((weights >= 0) & (weights < n_after)).all():
        return nn.functional.one_hot(torch.from_numpy(weights.astype(np.int64)), n_after).double()
    if weights.shape == (n_before, n_after) and weights.dtype.kind in "iuf" and np.isfinite(weights).all():
        return torch.from_numpy(weights.astype(np.float64))
    raise ValueError(
        f"`sources` must be {n_before} whole numbers from 0 to {n_after - 1}, one for each channel that the encoder "
        f"was built for, or a finite matrix of shape ({n_before}, {n_after}), got {shown(sources)}."
    )


def _check_nothing_drawn(module: EncoderModule, other: EncoderModule) -> None:
    """Raise for a part with extra state, such as channel numbers, that was drawn for its number of channels."""
    for name, part in module.named_modules():
        built_for = getattr(part, "n_channels", None)
        has_state = type(part).get_extra_state is not nn.Module.get_extra_state
        if has_state and built_for != getattr(other.get_submodule(name), "n_channels", None):
            raise ValueError(
                f"{shown(module.recipe)} cannot take other channels: {shown(name)} reads channels that were drawn for "
                f"{built_for}, and nothing in it is trained. Pass the recipe to a new transformer, or wrap it: "
                "ChannelIndependentEncoder(RocketEncoder())."
            )


def _readers(module: EncoderModule, other: EncoderModule) -> set[str]:
    """Return the names of the weights that read the series: their shape depends on the number of channels."""
    before, after = module.state_dict(), other.state_dict()
    readers = {name for name in before if name in after and before[name].shape != after[name].shape}
    fits = before.keys() == after.keys() and all(
        _reads_channels(before[name], module, after[name], other) for name in readers
    )
    if not fits:
        raise ValueError(
            f"{shown(module.recipe)} has other layers for {other.n_channels} channels than for {module.n_channels}, so "
            "the weights do not fit. Train it again; or choose a `bottleneck` of at least both numbers and a `width` "
            "that is neither of them before training; or wrap it in ChannelIndependentEncoder."
        )
    return readers


def _reads_channels(old: torch.Tensor, module: Any, new: torch.Tensor, other: Any) -> bool:
    """Tell whether the second axis of a weight counts channels, or channels times a common factor."""
    same_elsewhere = old.ndim == new.ndim >= 2 and (old.shape[0], *old.shape[2:]) == (new.shape[0], *new.shape[2:])
    return same_elsewhere and old.shape[1] * other.n_channels == new.shape[1] * module.n_channels


def _with_weights_of(
    module: EncoderModule, adapted: EncoderModule, readers: set[str], mixing: torch.Tensor
) -> EncoderModule:
    state = {name: _mixed(value, mixing) if name in readers else value for name, value in module.state_dict().items()}
    example = next(module.parameters())
    adapted.to(example.device, example.dtype).load_state_dict(state)
    for old, new in zip(module.parameters(), adapted.parameters(), strict=True):
        new.requires_grad_(old.requires_grad)
    for one, other in zip(module.modules(), adapted.modules(), strict=True):
        other.training = one.training
    return adapted


def _mixed(weights: torch.Tensor, mixing: torch.Tensor) -> torch.Tensor:
    """Return the weights (D, C' m, ...) for the new channels, from those (D, C m, ...) for the old channels."""
    by_channel = weights.double().unflatten(1, (len(mixing), -1))  # (D, C, m, ...)
    mixed = torch.einsum("dj...,jc->dc...", by_channel, mixing.to(weights.device))  # (D, C', m, ...)
    return mixed.flatten(1, 2).to(weights.dtype)
