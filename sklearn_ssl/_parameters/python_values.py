"""Numbers and texts of NumPy and PyTorch, read as Python's own."""

import numbers
from typing import Any

import numpy as np
import torch


class ReadAsPython:
    """A field that keeps the value that was given, and is read as a number or text of Python.

    Grids of parameters have scalars of NumPy. PyTorch does not take all of them, and arithmetic wraps around in the
    narrow ones. `get_params` must return the object that was given, so that `sklearn.base.clone` recognises it.

    Parameters
    ----------
    name : str
        Name of the field.
    default : object
        Its default.
    """

    def __init__(self, name: str, default: Any) -> None:
        self.name = name
        self.default = default

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self.default if instance is None else as_python(vars(instance).get(self.name, self.default))

    def __set__(self, instance: Any, value: Any) -> None:
        vars(instance)[self.name] = value


def as_python(value: Any) -> Any:
    """Return a scalar of NumPy or PyTorch, or an array without dimensions, as a Python object, and all else as it is.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl._parameters.python_values import as_python
    >>> as_python(np.uint16(320)), as_python(np.array(0.5)), as_python(np.True_), as_python(np.str_("auto"))
    (320, 0.5, True, 'auto')
    """
    is_scalar = isinstance(value, np.generic) or (isinstance(value, (np.ndarray, torch.Tensor)) and value.ndim == 0)
    if is_scalar and not getattr(value, "is_meta", False):
        value = value.item()
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return int(value)
    return float(value) if isinstance(value, numbers.Real) and not isinstance(value, bool) else value
