"""Transformers inside other estimators: those that are used as they are, and what the others take over."""

import copy
from typing import Any

from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._input.collections import takes_any_channels

SWITCHES = ("verbose", "distributed")


def switched_on(outer: Any, inner: Any) -> dict[str, Any]:
    """Return the parameters that an estimator has on and the transformer inside it off: `verbose`, `distributed`."""
    return {
        name: getattr(outer, name)
        for name in SWITCHES
        if getattr(outer, name, False) and not getattr(inner, name, True)
    }


def kept_copy(name: str, fitted: Any, n_channels: int) -> Any:
    """Return a copy of a fitted transformer, which a later fit of the given one leaves alone.

    Parameters
    ----------
    name : str
        The parameter that gave it.
    fitted : EmbeddingTransformer
        The transformer.
    n_channels : int
        Number of channels of the series that it will get.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    ValueError
        If it was fitted to series with another number of channels.
    """
    check_kept(name, fitted)
    if fitted.n_channels_in_ != n_channels and not takes_any_channels(fitted):
        raise ValueError(
            f"X has {n_channels} channel(s), but `{name}` was fitted on series with {fitted.n_channels_in_}. Give the "
            "channels of its training data, or change its encoder by sklearn_ssl.encoders.adapt_channels."
        )
    return copy.copy(fitted)


def check_kept(name: str, fitted: Any) -> None:
    """Raise a NotFittedError unless the transformer that the parameter `name` gave is fitted."""
    check_is_fitted(fitted, msg=f"`{name}` must be fitted to be kept, and this %(name)s is not.")
