"""Training on several data sets at once."""

import abc
import contextlib
import copy
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import clone
from sklearn.callback import with_callbacks
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._engine.random_streams import forked_generators
from sklearn_ssl._input.collections import Collection
from sklearn_ssl._input.several import SeveralCollections
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.architectures._base import tried_out
from sklearn_ssl.base.building import module_of
from sklearn_ssl.encoders import ChannelIndependentEncoder, ChannelTransformerEncoder, Encoder, EncoderModule

TRIED_STEPS = 64  # of the series on which an encoder of a user is tried out


class ManySetsMixin(abc.ABC):
    """`fit_many` for transformers that can be trained on several data sets at once."""

    net_: SSLNet
    n_channels_in_: int
    any_channels_: bool
    _checked: Callable[..., Collection]
    _fit: Callable[..., Self]

    @with_callbacks
    def fit_many(self, collections: Sequence[Any]) -> Self:
        """Build a new encoder and train it on several data sets.

        The sets may differ in their numbers of time steps. They may differ in their numbers of channels if no weight
        depends on it, as with ``encoder=ChannelIndependentEncoder()``. Afterwards `transform` takes series with any
        number of channels C, and returns an array (n_cases, n_features) whose width does not depend on C.
        ``n_channels_in_`` is that of the set with the most channels. `for_channels` gives a copy for another C.

        A batch has series of one set. The sets are drawn in turn, in their order, so that each counts alike, whatever
        its size. An epoch ends when the set with the most batches has been passed once. Smaller sets start again
        meanwhile. "auto" for `batch_size` goes by the series of all sets. With one set the result is that of `fit`.

        Parameters
        ----------
        collections : list of collections
            The sets. Each is an array of shape (n_cases, n_channels, n_timepoints) or a list of 2-D arrays, without
            labels, and has at least two series. Scale each set before.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError, TypeError
            If there is no set, if one of them is not a collection, or if the numbers of channels differ and weights
            depend on them. A transformer that was fitted before stays as it was.
        """
        return self._fit(partial(self._checked_sets, collections), collections, None)

    def for_channels(self, n_channels: int) -> Self:
        """Return a fitted copy for series with another number of channels. It shares the trained net.

        Use it where an estimator must know its number of channels, for example before `save_encoder`.

        Parameters
        ----------
        n_channels : int
            Number of channels, at least 1.

        Returns
        -------
        transformer : object
            The copy.

        Raises
        ------
        ValueError
            If the number is not a whole number of at least 1, or if weights of the encoder depend on it.
        """
        check_is_fitted(self)
        if isinstance(n_channels, bool) or not isinstance(n_channels, (int, np.integer)) or n_channels < 1:
            raise ValueError(f"`n_channels` must be a whole number of at least 1, got {shown(n_channels)}.")
        if n_channels != self.n_channels_in_ and not _takes(self.net_.module_.encoder, n_channels):
            raise ValueError(
                f"`n_channels` must be {self.n_channels_in_}, the channels of `fit`, because weights of the encoder "
                f"depend on it, got {n_channels}. Change the encoder by sklearn_ssl.encoders.adapt_channels."
            )
        other = copy.copy(self)
        other.n_channels_in_ = int(n_channels)
        for name in ("n_features_in_", "feature_names_in_", "any_channels_"):
            vars(other).pop(name, None)
        return other

    def _checked_sets(self, collections: Any) -> SeveralCollections:
        self.check_hyperparameters()  # type: ignore[attr-defined]
        _check_needs_no_target(self)
        given = _checked_list(collections)
        several = SeveralCollections([self._checked_set(number, one) for number, one in enumerate(given)])
        _check_channels(self, several)
        self.n_channels_in_ = several.n_channels
        if len(several.channel_counts) > 1:
            self.any_channels_ = True
        return several

    def _checked_set(self, number: int, X: Any) -> Collection:
        """Turn a set into a collection; a 2-D array could be one series of several channels as well."""
        is_list = isinstance(X, (list, tuple))
        if np.ndim(X[0] if is_list and len(X) else X) != (2 if is_list else 3):
            raise ValueError(
                f"`collections[{number}]` must be an array of shape (n_cases, n_channels, n_timepoints) or a list of "
                f"2-D arrays, without labels, got {_form(X)}. For series of one channel in the rows of a table or of a "
                "2-D array pass numpy.asarray(X)[:, None]."
            )
        try:
            return self._checked(X, reset=True)
        except (ValueError, TypeError) as error:
            raise type(error)(f"`collections[{number}]`: {error}") from error


def _checked_list(collections: Any) -> list:
    if not isinstance(collections, (list, tuple)):
        raise TypeError(f"`collections` must be a list of data sets, got {_form(collections)}. Use fit(X) for one set.")
    if not collections:
        raise ValueError("`collections` must have at least one data set, got an empty list. Give a list of arrays.")
    return list(collections)


def _check_needs_no_target(estimator: Any) -> None:
    if get_tags(estimator).target_tags.required:
        raise TypeError(
            f"`collections` has series alone, and {type(estimator).__name__} needs something that goes with each. Use "
            "fit(X, y) on one set, or another method."
        )


def _check_channels(estimator: Any, several: SeveralCollections) -> None:
    if _is_free_of_channels(estimator, several):
        return
    found = f"`collections` has sets of {' and '.join(map(str, several.channel_counts))} channels"
    encoder = estimator.resolved("encoder")
    other = _encoder_that_helps(estimator, encoder, several)
    if other is not None:
        raise ValueError(
            f"{found}, and `encoder` {shown(encoder)} has weights that depend on their number. Set encoder="
            f"{shown(other)}."
        )
    raise ValueError(
        f"{found}, and {type(estimator).__name__} has weights that depend on their number. Give sets with the same "
        "channels, or take a method that predicts no values, such as VICReg or SimCLR, with "
        "encoder=ChannelIndependentEncoder()."
    )


def _encoder_that_helps(estimator: Any, encoder: Any, several: SeveralCollections) -> Encoder | None:
    """Return an encoder with which no weight depends on the number of channels, or None if there is none."""
    inner = clone(encoder) if isinstance(encoder, Encoder) else None
    for one in (ChannelIndependentEncoder(inner), ChannelTransformerEncoder()):
        other = copy.copy(estimator)
        other.encoder = one
        with contextlib.suppress(ValueError, TypeError):
            if _is_free_of_channels(other, several):
                return one
    return None


def _form(X: Any) -> str:
    """Describe what was given for a collection: values say nothing."""
    return f"an array of shape {tuple(X.shape)}" if hasattr(X, "shape") else f"a {type(X).__name__}"


def _is_free_of_channels(estimator: Any, several: SeveralCollections) -> bool:
    """Tell whether the architecture has the same weights for all numbers of channels of the sets.

    An error that building raises for each of them is not about their difference, and is raised.
    """
    if len(several.channel_counts) == 1:
        return True
    build = partial(module_of, estimator, n_timepoints=several.n_timepoints, n_cases=len(several))
    shapes, errors = [], []
    with forked_generators(torch.device("cpu")), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they come again when the net is built
        for n_channels in several.channel_counts:
            try:
                shapes.append(_shapes(build(n_channels=n_channels)()))
            except (ValueError, RuntimeError) as error:
                errors.append(error)
    if not shapes:
        raise errors[0]
    return not errors and all(one == shapes[0] for one in shapes)


def _takes(encoder: torch.nn.Module, n_channels: int) -> bool:
    """Tell whether a trained encoder takes series with so many channels."""
    with forked_generators(torch.device("cpu")), contextlib.suppress(ValueError):
        if isinstance(encoder, EncoderModule) and encoder.recipe is not None:
            return _shapes(encoder.recipe.build(n_channels)) == _shapes(encoder)
        return bool(tried_out(copy.deepcopy(encoder).cpu(), n_channels, TRIED_STEPS))
    return False


def _shapes(module: torch.nn.Module) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in module.state_dict().items()}
