"""Where embeddings come from: a fitted transformer, a pipeline that has one, a net in training, or an array."""

import itertools
import math
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._engine.batches import SeriesDataset
from sklearn_ssl._engine.random_streams import chosen_rows, draw_numpy_seed, seeded_stream
from sklearn_ssl._input.collections import INFERENCE_STEPS, Collection, collection_of, takes_any_channels
from sklearn_ssl._input.padding import observed_mask
from sklearn_ssl._parameters.arguments import check_choice
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.augmentations._given import as_augmentation
from sklearn_ssl.evaluation._checks import cases_of, check_augmentation, checked_embedding, n_cases_of
from sklearn_ssl.fine_tuning._base import EncoderPredictor
from sklearn_ssl.preprocessing import OutlierFiltered
from sklearn_ssl.replay import ReplayTransformer

CPU = torch.device("cpu")


class Representation:
    """A map from series to features that is already fitted: the first step of every report.

    A report of your own calls `Representation.of` on whatever the user gives, and then `embed`. It then accepts what
    the reports of this package accept: a transformer, a Pipeline with a transformer in it, a search, a frozen
    estimator, a net in training, or None with an embedding in place of the series. Nothing is fitted, and the estimator
    stays as it is.

    Parameters
    ----------
    transformer : estimator or None
        A fitted transformer of series. None if the embedding is computed already.
    before : Pipeline or None, default=None
        Fitted steps that series pass before they reach the transformer.
    after : estimator or None, default=None
        Fitted steps that the embedding passes after the transformer, a classifier for example.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_ssl import RandomEncoderTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.evaluation import Representation
    >>> from sklearn_ssl.preprocessing import ChannelWise
    >>> def mean_norm(estimator, X):
    ...     H = Representation.of(estimator).embed(X)  # (n_cases, n_features)
    ...     return np.linalg.norm(H, axis=1).mean()
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> pipeline = make_pipeline(ChannelWise(StandardScaler()), RandomEncoderTransformer(random_state=0)).fit(X)
    >>> bool(mean_norm(pipeline, X) == mean_norm(None, pipeline.transform(X)))
    True
    """

    def __init__(self, transformer: Any, before: Any = None, after: Any = None) -> None:
        self.transformer = transformer
        self.before = before
        self.after = after

    @classmethod
    def of(cls, estimator: Any) -> Self:
        """Find the representation in a fitted transformer or Pipeline, also behind a search or a frozen estimator.

        In a Pipeline it is the last step with `encode`. If no step has `encode`, it is the last step with `transform`.

        Parameters
        ----------
        estimator : estimator or None
            A fitted transformer, a Pipeline with one, or a net in training. None if the embedding is computed already;
            `embed` then takes it in place of the series.

        Returns
        -------
        Representation
            The transformer, with the steps before and after it.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        TypeError
            If nothing in it transforms, or if its encoder is within a classifier or regressor.
        """
        if estimator is None:
            return cls(None)
        if _is_net(estimator):
            return cls(_NetTransformer(estimator))
        estimator = unwrapped(estimator)
        if isinstance(estimator, Pipeline):
            return cls._in_pipeline(estimator)
        _check_transforms(estimator)
        check_is_fitted(estimator)
        return cls(estimator)

    @classmethod
    def _in_pipeline(cls, pipeline: Pipeline) -> Self:
        check_is_fitted(pipeline)
        at = _position(pipeline)
        inner = cls.of(pipeline[at])
        return cls(inner.transformer, _joined(pipeline[:at], inner.before), _joined(inner.after, pipeline[at + 1 :]))

    @property
    def name(self) -> str:
        """Name of the transformer's class, or "embedding"."""
        if self.transformer is None:
            return "embedding"
        return type(self.net if isinstance(self.transformer, _NetTransformer) else self.transformer).__name__

    @property
    def net(self) -> Any:
        """The trained net, or None if the transformer has none."""
        return getattr(self.transformer, "net_", None)

    @property
    def makes_views(self) -> bool:
        """Whether the transformer has an augmentation."""
        return hasattr(self.transformer, "augmentation")

    def series(self, X: Any) -> Any:
        """Return the series that reach the transformer.

        Parameters
        ----------
        X : array or list of arrays
            The series.

        Returns
        -------
        array or list of arrays
            The series after all steps of the Pipeline before the transformer.
        """
        return X if self.before is None else self.before.transform(X)

    def collection(self, X: Any) -> Collection:
        """Return the series that reach the transformer in one form, with `values` and `lengths`.

        Parameters
        ----------
        X : array or list of arrays
            The series.

        Returns
        -------
        Collection
            `values` is an array (n_cases, n_channels, n_timepoints), with NaN in padding; `lengths` has the observed
            steps of each series, or is None if no series is padded.

        Raises
        ------
        ValueError
            If the series are not valid, or do not have the channels that the transformer was fitted on.
        """
        collection = collection_of(self.series(X))
        n_channels = getattr(self.transformer, "n_channels_in_", None)
        if n_channels not in (None, collection.n_channels) and not takes_any_channels(self.transformer):
            raise ValueError(
                f"X has {collection.n_channels} channels, but the transformer was fitted on {n_channels}. Give series "
                "with the same channels as in fit."
            )
        return collection

    def embed(self, X: Any, space: str = "features", *, min_cases: int = 1) -> np.ndarray:
        """Compute the embedding of every series.

        Parameters
        ----------
        X : array or list of arrays
            The series, or the embedding itself for a representation of None.
        space : {"features", "projections"}, default="features"
            Whether to return the features that `transform` returns, or the projections that the loss compares.
        min_cases : int, default=1
            Fewest series allowed.

        Returns
        -------
        ndarray of shape (n_cases, n_features)
            The embedding, float64 unless it is float32.

        Raises
        ------
        ValueError
            If the embedding is not 2-D, not finite or has too few rows, or if there are no projections.
        """
        return self._embed(self.series(X), space, min_cases)

    def embed_views(
        self, X: Any, n_views: int, *, augmentation: Any = None, space: str = "features", random_state: Any = 0
    ) -> np.ndarray:
        """Compute the embeddings of random views of every series.

        Parameters
        ----------
        X : array or list of arrays
            The series.
        n_views : int
            Number of views per series.
        augmentation : Augmentation, default=None
            Makes the views. None takes the transformer's own augmentation.
        space : {"features", "projections"}, default="features"
            Whether to return the features that `transform` returns, or the projections that the loss compares.
        random_state : int, RandomState or None, default=0
            Seed of the views.

        Returns
        -------
        ndarray of shape (n_cases, n_views, n_features)
            The embeddings.

        Raises
        ------
        ValueError
            If no augmentation is given and the transformer has none.
        """
        augmentation = self.augmentation(augmentation)
        views = random_views(self.collection(X), augmentation, n_views, random_state)
        return np.stack([self._embed(view, space) for view in views], axis=1)  # (n, V, F)

    def augmentation(self, augmentation: Any = None) -> Any:
        """Return the augmentation given, or the transformer's own.

        Parameters
        ----------
        augmentation : Augmentation, default=None
            None takes the transformer's own augmentation.

        Returns
        -------
        Augmentation
            Makes the views.

        Raises
        ------
        TypeError
            If the argument is not an augmentation.
        ValueError
            If no augmentation is given and the transformer has none, or if there are no series to change.
        """
        if augmentation is not None:
            check_augmentation(augmentation)
        if self.transformer is None:
            raise ValueError("Views are made of series, not of embeddings: give a transformer and the series.")
        return as_augmentation(self._own_augmentation() if augmentation is None else augmentation)

    def _own_augmentation(self) -> Any:
        if not self.makes_views:
            raise ValueError(
                f"{self.name} makes no views by itself. Name the changes that should not matter: "
                "`augmentation=Compose(jitter=Jitter(), crop=CropResize())`, for example."
            )
        resolved = getattr(self.transformer, "resolved", None)
        return self.transformer.augmentation if resolved is None else resolved("augmentation")

    def _embed(self, series: Any, space: str, min_cases: int = 1) -> np.ndarray:
        check_choice("space", space, "features", "projections")
        H = self._projections(series) if space == "projections" else self._features(series)
        return checked_embedding(H, min_cases=min_cases)

    def _features(self, series: Any) -> Any:
        return series if self.transformer is None else self.transformer.transform(series)

    def _projections(self, series: Any) -> np.ndarray:
        net = self.net
        if not hasattr(getattr(net, "module_", None), "projections"):
            raise ValueError(f'`space` must be "features" here, since {self.name} has no projector.')
        dataset = net.series(collection_of(series, in_pieces=True))
        return np.concatenate([batch.numpy() for batch in net.represent(dataset, "projections")])  # (n, P)


class _NetTransformer:
    """A net in training, seen as a transformer."""

    def __init__(self, net: Any) -> None:
        self.net_ = net
        if hasattr(net.module_, "augmentation"):
            self.augmentation = net.module_.augmentation

    def transform(self, X: Any) -> np.ndarray:
        """Compute the features of every series."""
        return self.net_.transform(X)


def random_views(collection: Collection, augmentation: Any, n_views: int, random_state: Any) -> Iterator[np.ndarray]:
    """Yield views of a whole collection, each (n_cases, n_channels, n_timepoints), NaN where a series is padded."""
    dataset = SeriesDataset(collection, CPU)
    size = math.ceil(INFERENCE_STEPS / collection.n_timepoints)
    seeds = np.random.RandomState(draw_numpy_seed(random_state)).randint(2**31 - 1, size=n_views)
    recipes = augmentation if isinstance(augmentation, tuple) else (augmentation,)
    for seed, recipe in zip(seeds, itertools.cycle(recipes)):
        with seeded_stream(int(seed), CPU):
            batches = map(dataset.whole, torch.arange(len(collection)).split(size))
            view = torch.cat([recipe(batch.x, batch.lengths) for batch in batches])  # (n, C, L)
        if dataset.lengths is not None:
            view = view.masked_fill(~observed_mask(dataset.lengths, collection.n_timepoints)[:, None], torch.nan)
        yield view.numpy()


def some_cases(X: Any, max_cases: int | None, seed: int) -> Any:
    """Return all series, or a random choice of `max_cases` of them if there are more."""
    n_cases = n_cases_of(X)
    if max_cases is None or n_cases <= max_cases:
        return X
    return cases_of(X, chosen_rows(n_cases, max_cases, seed))


def unwrapped(estimator: Any) -> Any:
    """Look through searches, frozen estimators, streams and outlier filters, which pass series on as they are."""
    if isinstance(estimator, BaseSearchCV):
        check_is_fitted(estimator)
        if not hasattr(estimator, "best_estimator_"):
            raise TypeError("A search fitted with refit=False has no fitted estimator. Set refit=True.")
        return unwrapped(estimator.best_estimator_)
    if isinstance(estimator, FrozenEstimator):
        return unwrapped(estimator.estimator)
    if isinstance(estimator, ReplayTransformer):
        check_is_fitted(estimator)
        return estimator.transformer_
    if isinstance(estimator, OutlierFiltered):
        check_is_fitted(estimator)
        return unwrapped(estimator.estimator_)
    return estimator


def _is_net(source: Any) -> bool:
    return hasattr(source, "represent") and hasattr(source, "module_")


def _check_transforms(estimator: Any) -> None:
    if not hasattr(estimator, "transform"):
        raise TypeError(
            f"A fitted transformer, or a Pipeline with one, is needed, got {shown(estimator)}. If an embedding is "
            "computed already, give None as the transformer and the embedding as X."
        )


def _position(pipeline: Pipeline) -> int:
    last = unwrapped(pipeline.steps[-1][1])
    if isinstance(last, EncoderPredictor):
        raise TypeError(
            f"The Pipeline ends in {type(last).__name__}, which has its encoder within and returns predictions only. "
            "Give a Pipeline that ends in the transformer."
        )
    for method in ("encode", "transform"):
        found = [at for at, (_, step) in enumerate(pipeline.steps) if hasattr(unwrapped(step), method)]
        if found:
            return found[-1]
    raise TypeError(f"No step of the Pipeline transforms: {list(pipeline.named_steps)}. Give one with a transformer.")


def _joined(first: Any, second: Any) -> Any:
    """Put steps that follow each other into one Pipeline; None if there are none."""
    steps = [one for one in (first, second) if one is not None and len(one)]
    return make_pipeline(*steps) if steps else None
