"""Padding: the trailing steps of a series that is shorter than its batch."""

import torch
from torch.nn import functional as F


def observed_mask(lengths: torch.Tensor, n_timepoints: int) -> torch.Tensor:
    """Return the mask of series that are padded at their ends.

    Parameters
    ----------
    lengths : int Tensor of shape (B,)
        Number of observed steps of each series.
    n_timepoints : int
        Number of steps L of the batch.

    Returns
    -------
    mask : bool Tensor of shape (B, L)
        True at the first ``lengths`` steps of each series.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.encoders import observed_mask
    >>> observed_mask(torch.tensor([1, 3]), 3)
    tensor([[ True, False, False],
            [ True,  True,  True]])
    """
    return torch.arange(n_timepoints, device=lengths.device) < lengths[:, None]


def zero_padding(h: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Set the padded steps of series or feature maps to zero.

    Parameters
    ----------
    h : Tensor of shape (B, D, L)
        Finite values.
    mask : bool Tensor of shape (B, L) or None
        True at observed steps. None means that all steps are observed.

    Returns
    -------
    h : Tensor of shape (B, D, L)
        A new tensor. Without a mask it is `h` itself.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.encoders import zero_padding
    >>> zero_padding(torch.ones(1, 2, 3), torch.tensor([[True, True, False]]))
    tensor([[[1., 1., 0.],
             [1., 1., 0.]]])
    """
    return h if mask is None else h * mask.unsqueeze(1)


def resize_mask(mask: torch.Tensor, length: int) -> torch.Tensor:
    r"""Return the mask of a feature map that has another number of steps than the series.

    A coarse step of the map covers a window of fine steps of the series. It counts as observed if one of its
    fine steps is observed.

    If there is a power of two s with :math:`L' = \lceil L / s \rceil`, then the coarse step i covers the fine
    steps i s, ..., (i + 1) s - 1. The mask of a series then does not depend on how long the other series of its batch
    are. Above L' = 1 there is at most one such s. For any other L' the coarse step i covers the fine steps from
    :math:`\lfloor i L / L' \rfloor` to :math:`\lceil (i + 1) L / L' \rceil - 1`, as in
    `torch.nn.functional.adaptive_max_pool1d`. `at_every_step` is the way back.

    Parameters
    ----------
    mask : bool Tensor of shape (B, L)
        True at observed steps.
    length : int
        Number of steps L' of the feature map.

    Returns
    -------
    mask : bool Tensor of shape (B, L')
        True at observed steps of the feature map.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.encoders import resize_mask
    >>> resize_mask(torch.tensor([[True, True, True, False, False]]), 3)  # windows of two steps
    tensor([[ True,  True, False]])
    """
    n_timepoints = mask.shape[1]
    if length == n_timepoints:
        return mask
    stride = stride_of(n_timepoints, length)
    steps = mask.unsqueeze(1).float()  # (B, 1, L)
    if stride is not None:
        steps = F.max_pool1d(F.pad(steps, (0, -n_timepoints % stride)), stride)  # (B, 1, L')
    else:
        steps = F.adaptive_max_pool1d(steps, length)  # (B, 1, L')
    return steps.squeeze(1) > 0


def at_every_step(h: torch.Tensor, n_timepoints: int) -> torch.Tensor:
    r"""Return a feature map with one step for each step of the series: each coarse step is repeated.

    With s as in `resize_mask`, the features of step t are

    .. math:: h'_{bdt} = h_{b,\, d,\, \lfloor t / s \rfloor},

    and without such an s they are those of the coarse step :math:`\lfloor t L' / L \rfloor`. So a fine step takes the
    features of a coarse step that covers it, and every step that `mask` marks as observed is also observed in
    ``at_every_step(resize_mask(mask, length), n_timepoints)``.

    Parameters
    ----------
    h : Tensor of shape (B, D, L')
        Feature map of an encoder. Other leading dimensions are allowed.
    n_timepoints : int
        Number of steps L of the series.

    Returns
    -------
    h : Tensor of shape (B, D, L)
        The features at every step.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.encoders import at_every_step
    >>> at_every_step(torch.tensor([[[1.0, 2.0, 3.0]]]), 5)  # windows of two steps
    tensor([[[1., 1., 2., 2., 3.]]])
    """
    length = h.shape[-1]
    stride = stride_of(n_timepoints, length)
    steps = torch.arange(n_timepoints, device=h.device)
    return h[..., steps * length // n_timepoints if stride is None else steps // stride]


def stride_of(n_timepoints: int, length: int) -> int | None:
    """Return the power of two s with length = ceil(n_timepoints / s), or None if there is none."""
    stride = 1 << (-(-n_timepoints // length) - 1).bit_length()  # the smallest that is at least n_timepoints / length
    return stride if -(-n_timepoints // stride) == length else None
