"""Encoders that were trained on one number of channels, for series with another."""

import copy
from typing import Any

import numpy as np
import torch
from torch import nn

from sklearn_ssl.encoders._base import EncoderModule


def adapt_channels(module: EncoderModule, n_channels: int, sources: Any = None) -> EncoderModule:
    r"""Return a copy of an encoder that takes another number of channels.

    Every channel j of the C that the encoder was built for becomes a weighted sum of the C' new ones,
    :math:`u_j = \sum_c S_{jc} x_c`, and that sum is put into the weights of the layers that read the series,

    .. math:: W'_{dck} = \sum_{j=1}^{C} W_{djk} S_{jc},

    with d the feature and k the tap. So the copy computes of x what `module` computes of u, and each of its new weights
    can be trained by itself. Without `sources`, channel j takes the mean of the new channels c that leave the same
    remainder modulo min(C, C'): from 3 to 9 channels the first takes the mean of the first, fourth and seventh, and
    from 9 to 3 it takes the first, like the fourth and the seventh. The weights of a sum add up to one, so what the new
    channels have in common keeps its size in all layers; what they have not averages out.

    `InceptionEncoder` takes maxima over neighbouring steps before it sums over channels. Its copy computes the same if
    every u_j is one of the new channels, and with means where the averaged channels are equal.

    Parameters
    ----------
    module : EncoderModule
        An encoder built by a recipe, usually ``transformer.net_.module_.encoder``. It is not changed.
    n_channels : int
        Number of channels C' of the new series.
    sources : array-like of shape (C,) or (C, C') or None, default=None
        Whole numbers say which new channel each old one is, counted from 0; a matrix has the weights S.

    Returns
    -------
    module : EncoderModule
        The copy, on the same device. Give it as ``encoder=`` to a transformer. If `n_channels` is C and there are no
        `sources`, it is an equal copy.

    Raises
    ------
    TypeError
        If `module` was not built by a recipe.
    ValueError
        If `n_channels` or `sources` is out of range; if something else than weights depends on the channels, as in
        `RocketEncoder`, whose untrained kernels read certain channels; if the recipe builds layers of another kind for
        `n_channels`, as `InceptionEncoder` does for more channels than its `bottleneck`; or if `sources` are given to
        an encoder that treats all channels alike.

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
        raise ValueError(f"`n_channels` must be a whole number at least 1, got {n_channels!r}.")
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
            f"`sources` has no meaning for {recipe!r}, which treats all channels alike: leave it out, got {sources!r}."
        )
    return _with_weights_of(module, adapted, readers, mixing)


def _origin(module: Any) -> tuple[Any, int]:
    recipe, n_channels = getattr(module, "recipe", None), getattr(module, "n_channels", None)
    if recipe is None or n_channels is None:
        raise TypeError(
            "`module` must have been built by a recipe such as ResNetEncoder(), so that it is known which weights "
            f"belong to channels; got {type(module).__name__}. Change its first layer yourself."
        )
    return recipe, n_channels


def _mixing(n_before: int, n_after: int, sources: Any) -> torch.Tensor:
    """Return the weights S (C, C') of the new channels in the old ones, in double precision."""
    if sources is None:
        period = min(n_before, n_after)
        old, new = torch.arange(n_before) % period, torch.arange(n_after) % period
        shares = (old[:, None] == new).double()
        return shares / shares.sum(1, keepdim=True)
    weights = np.asarray(sources)
    if (
        weights.shape == (n_before,)
        and weights.dtype.kind in "iu"
        and (weights >= 0).all()
        and (weights < n_after).all()
    ):
        return nn.functional.one_hot(torch.from_numpy(weights.astype(np.int64)), n_after).double()
    if weights.shape == (n_before, n_after) and weights.dtype.kind in "iuf" and np.isfinite(weights).all():
        return torch.from_numpy(weights.astype(np.float64))
    raise ValueError(
        f"`sources` must be {n_before} whole numbers from 0 to {n_after - 1}, one for each channel that the encoder "
        f"was built for, or a finite matrix of shape ({n_before}, {n_after}), got {sources!r}."
    )


def _check_nothing_drawn(module: EncoderModule, other: EncoderModule) -> None:
    """Raise for parts with a state besides weights that was drawn for a number of channels."""
    for name, part in module.named_modules():
        built_for = getattr(part, "n_channels", None)
        has_state = type(part).get_extra_state is not nn.Module.get_extra_state
        if has_state and built_for != getattr(other.get_submodule(name), "n_channels", None):
            raise ValueError(
                f"{module.recipe!r} cannot take other channels: {name!r} reads channels that were drawn for "
                f"{built_for}, and nothing in it is trained. Give the recipe to a new transformer instead, or wrap it: "
                "ChannelIndependentEncoder(RocketEncoder())."
            )


def _readers(module: EncoderModule, other: EncoderModule) -> set[str]:
    """Return the names of the weights that read the series: those whose shape is another for other channels."""
    before, after = module.state_dict(), other.state_dict()
    readers = {name for name in before if name in after and before[name].shape != after[name].shape}
    fits = before.keys() == after.keys() and all(
        _reads_channels(before[name], module, after[name], other) for name in readers
    )
    if not fits:
        raise ValueError(
            f"{module.recipe!r} has other layers for {other.n_channels} channels than for {module.n_channels}, so the "
            "weights do not fit. Train it anew, choose sizes that suit both (a `bottleneck` of at least, a `width` "
            "other than either number), or wrap it in ChannelIndependentEncoder."
        )
    return readers


def _reads_channels(old: torch.Tensor, module: Any, new: torch.Tensor, other: Any) -> bool:
    """Whether the second axis counts channels, times something that is the same for both."""
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
    """Give weights (D, C m, ...) the new channels: (D, C' m, ...)."""
    by_channel = weights.detach().double().unflatten(1, (len(mixing), -1))  # (D, C, m, ...)
    mixed = torch.einsum("dj...,jc->dc...", by_channel, mixing.to(weights.device))  # (D, C', m, ...)
    return mixed.flatten(1, 2).to(weights.dtype)
