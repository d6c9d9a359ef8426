"""Filling gaps of series by a masked model."""

import typing
from typing import Any

import numpy as np
import torch
from sklearn.base import clone

from sklearn_ssl._input.collections import Collection, validated_collection
from sklearn_ssl._parameters.hyperparameters import recipe
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.base import ReconstructingTransformer
from sklearn_ssl.base.masked import Gaps
from sklearn_ssl.methods.masked.tst import TSTTransformer
from sklearn_ssl.preprocessing import FillMissing
from sklearn_ssl.preprocessing._base import CollectionTransformer

__all__ = ["MaskedImputer"]


@typing.final
class MaskedImputer(CollectionTransformer):
    r"""Fill missing values of time series by a masked model that is trained on the same series.

    A masked model hides values and learns to predict them from the rest of the series. Here the missing values (NaN)
    are what is hidden, at fit in addition to the values that the model hides itself. They are neither seen nor used as
    targets. Observed values never change.

    Inside, each channel is scaled to mean 0 and standard deviation 1 over its observed training values, so no scaler
    is needed before. A channel that is missing in a whole series is predicted from the other channels. A method that
    leaves out whole windows, such as `MAETransformer`, sees no window in which a value is missing.

    Compare with `FillMissing` before you use it: where gaps are short and series smooth, lines between neighbours are
    hard to beat, and cost nothing.

    Parameters
    ----------
    transformer : ReconstructingTransformer or None, default=None
        The masked model. A copy of it is fitted, never itself. None is ``TSTTransformer()``, which hides runs of single
        steps in each channel apart.

    Attributes
    ----------
    transformer_ : ReconstructingTransformer
        The fitted model. It takes scaled series.
    filler_ : FillMissing
        Puts values where the model sees none, because it takes no NaN.
    means_, scales_ : ndarray of shape (n_channels_in_,)
        Mean and standard deviation of each channel. The scale of a constant channel is 1.

    Raises
    ------
    TypeError
        If `transformer` does not predict values.
    ValueError
        At fit, if a channel is missing in every series. At transform, if a series has no observed value.

    See Also
    --------
    sklearn_ssl.preprocessing.FillMissing : Lines, splines and means.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl import MaskedImputer, TSTTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> X[:, :, 40:50] = np.nan
    >>> imputer = MaskedImputer(TSTTransformer(max_epochs=2, random_state=0))
    >>> np.isnan(imputer.fit_transform(X)).any()
    np.False_
    """

    transformer: Any = recipe(default_factory=TSTTransformer, kw_only=False)

    def _checked(self, X: Any, *, reset: bool) -> Collection:
        self.check_hyperparameters()
        model = self.resolved("transformer")
        if not isinstance(model, ReconstructingTransformer):
            raise TypeError(
                "MaskedImputer: `transformer` must be a masked model that predicts values, such as TSTTransformer(), "
                f"got {shown(model)}."
            )
        cases = 2 if reset else 1
        collection = validated_collection(self, X, reset=reset, dtype=None, allow_missing=True, min_cases=cases)
        if collection.lengths is not None and (collection.lengths == 0).any():
            empty = int(np.argmin(collection.lengths))
            raise ValueError(f"Series {empty} of X has no observed value: all are NaN. Remove it.")
        return collection

    def _learn(self, collection: Collection) -> None:
        self.filler_ = FillMissing(method="linear").fit(collection.values)
        values = collection.values.astype(np.float64)
        self.means_ = np.nanmean(values, axis=(0, 2))
        spread = np.nanstd(values, axis=(0, 2))
        self.scales_ = np.where(spread > 0, spread, 1.0)
        model = clone(self.resolved("transformer"))
        self.transformer_ = model.fit(self._scaled(collection), Gaps(torch.from_numpy(_missing(collection))))

    def _changed(self, collection: Collection) -> Collection:
        missing = _missing(collection)
        if not missing.any():
            return collection
        predicted = self.transformer_.reconstruct(self._scaled(collection), hidden=missing, random_state=0)
        predicted = predicted * self.scales_[:, None] + self.means_[:, None]
        return Collection(
            np.where(missing, predicted, collection.values).astype(collection.values.dtype), collection.lengths
        )

    def _scaled(self, collection: Collection) -> np.ndarray:
        """Return series without gaps, scaled."""
        values = self.filler_.transform(collection.values)
        return ((values - self.means_[:, None]) / self.scales_[:, None]).astype(np.float32)


def _missing(collection: Collection) -> np.ndarray:
    """Tell which values are missing and not padding."""
    missing = np.isnan(collection.values)
    if collection.lengths is None:
        return missing
    return missing & (np.arange(collection.n_timepoints) < collection.lengths[:, None])[:, None]
