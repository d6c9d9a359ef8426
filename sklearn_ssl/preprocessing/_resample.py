"""Resampling to one length."""

import typing

import numpy as np

from sklearn_ssl._input.collections import Collection
from sklearn_ssl._parameters.hyperparameters import number
from sklearn_ssl.preprocessing._base import CollectionTransformer
from sklearn_ssl.preprocessing._gaps import bridged


@typing.final
class Resample(CollectionTransformer):
    r"""Bring all series to one number of steps by linear interpolation.

    A series :math:`x_0, \dots, x_{T-1}` becomes :math:`y_0, \dots, y_{N-1}`, :math:`N` being `length`, with

    .. math::
        y_i = (1 - w)\, x_j + w\, x_{j+1}, \qquad j + w = i\, \frac{T - 1}{N - 1}, \quad 0 \le w < 1

    The first and the last value stay, and the new steps are evenly spaced between them. A series of one step becomes
    constant; ``length=1`` keeps the first step. The results have no padding.

    Before, gaps (NaN) are bridged by straight lines. A step of the result is NaN if the nearest step of the series is.

    If a series is shortened, its fast oscillations may appear as slow ones (aliasing). To avoid that, smooth the series
    before, with a window of about T / N steps.

    Parameters
    ----------
    length : int, default=128
        Number of steps of all results.

    Raises
    ------
    ValueError
        If a series has no observed step.

    See Also
    --------
    aeon.transformations.collection.unequal_length.Resizer : Resamples 3-D collections without missing values.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.preprocessing import Resample
    >>> short, long = np.array([[0.0, 4.0, 8.0]]), np.array([[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]])
    >>> np.stack(Resample(5).fit_transform([short, long]))
    array([[[0., 2., 4., 6., 8.]],
           [[0., 2., 4., 6., 8.]]])
    """

    length: int = number(default=128, least=1, integer=True, kw_only=False)

    def _learn(self, collection: Collection) -> None:
        return

    def _changed(self, collection: Collection) -> Collection:
        complete, missing = bridged(collection.values)
        position = self._positions(collection)  # (n or 1, N)
        before = position.astype(np.intp)
        after = np.ceil(position).astype(np.intp)
        x_before, x_after = _at(complete, before), _at(complete, after)  # (n, C, N)
        weight = (position - before)[:, None].astype(complete.dtype)
        values = x_before + (x_after - x_before) * weight
        if missing is not None:
            values[_at(missing, np.rint(position).astype(np.intp))] = np.nan
        return Collection(values, None)

    def _positions(self, collection: Collection) -> np.ndarray:
        lengths = np.array([collection.n_timepoints]) if collection.lengths is None else collection.lengths
        if (lengths == 0).any():
            raise ValueError(f"Series {int(np.argmin(lengths))} of X has no observed step: all are NaN. Remove it.")
        return np.linspace(0, lengths - 1, self.length, axis=1)

    def _step_names_out(self, names: np.ndarray) -> np.ndarray:
        return np.array([f"resampled{step}" for step in range(self.length)], dtype=object)


def _at(values: np.ndarray, steps: np.ndarray) -> np.ndarray:
    if len(steps) == 1:
        return values[:, :, steps[0]]
    return np.take_along_axis(values, steps[:, None, :], axis=2)
