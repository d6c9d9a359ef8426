import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ParamSpec

import torch

P = ParamSpec("P")


def in_full_precision(loss: Callable[P, torch.Tensor]) -> Callable[P, torch.Tensor]:
    """Decorate a loss so that it computes in float32 at least, whatever the precision of its inputs.

    Half precision ends at 65504, and an exponential or a sum of squares easily exceeds that. All losses of this package
    therefore compute in float32, or in float64 if their inputs are float64. Put the decorator on your own losses too.

    A decorated loss receives float16 and bfloat16 tensors as float32. It computes without ``torch.autocast``, also if
    the caller has switched it on. Gradients come back in the precision of the inputs.

    Parameters
    ----------
    loss : callable
        Function of tensors on one device. Tensors in a list or a tuple are converted too. Tensors of integers and
        booleans, such as indices and masks, are not converted, and neither are arguments that are not tensors.

    Returns
    -------
    computed : callable
        The same function in float32, or in float64 for float64 tensors.

    References
    ----------
    Micikevicius, P., Narang, S., Alben, J., Diamos, G., Elsen, E., Garcia, D., Ginsburg, B., Houston, M., Kuchaiev, O.,
    Venkatesh, G. and Wu, H. (2018). Mixed precision training. ICLR.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import in_full_precision
    >>> def squared_length(z):
    ...     return z.square().sum()
    >>> z = torch.full((4,), 200.0, dtype=torch.float16)
    >>> squared_length(z), in_full_precision(squared_length)(z)
    (tensor(inf, dtype=torch.float16), tensor(160000.))
    """

    @functools.wraps(loss)
    def computed(*args: P.args, **kwargs: P.kwargs) -> torch.Tensor:
        device = next((tensor.device.type for tensor in _tensors((*args, *kwargs.values()))), "cpu")
        with torch.autocast(device, enabled=False):
            return loss(*_widened(args), **{name: _widened(value) for name, value in kwargs.items()})

    return computed


def _tensors(values: Iterable[Any]) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif type(value) in (list, tuple):
            yield from _tensors(value)


def _widened(value: Any) -> Any:
    if type(value) in (list, tuple):
        return type(value)(_widened(item) for item in value)
    if not isinstance(value, torch.Tensor) or not value.is_floating_point() or value.dtype == torch.float64:
        return value
    return value.float()
