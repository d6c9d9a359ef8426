"""Where embeddings come from: a fitted transformer, a pipeline that has one, a net in training, or an array."""

import math
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.validation import check_array, check_is_fitted

from sklearn_ssl._engine.batches import SeriesDataset
from sklearn_ssl._engine.random_streams import GENERATORS_IN_USE, draw_seed, forked_generators, seed_generators
from sklearn_ssl._input.collections import INFERENCE_STEPS, Collection, validated_collection
from sklearn_ssl._numerics.vectors import without_torch
from sklearn_ssl.fine_tuning._base import EncoderPredictor
from sklearn_ssl.preprocessing import OutlierFiltered

CPU = torch.device("cpu")


class Representation:
    """A fitted map from series to embeddings, and its random views where it makes any.

    Parameters
    ----------
    transformer : estimator
        A fitted transformer of series.
    before : Pipeline or None, default=None
        Fitted steps that series pass before they reach the transformer.
    after : Pipeline or None, default=None
        Fitted steps that the embedding passes, a classifier for example.
    """

    def __init__(self, transformer: Any, before: Any = None, after: Any = None) -> None:
        self.transformer = transformer
        self.before = before
        self.after = after

    @classmethod
    def of(cls, estimator: Any) -> Self:
        """Find the representation in a fitted transformer or Pipeline, also behind a search or a frozen estimator.

        In a Pipeline it is the last step with `encode`, or else the last step with `transform`.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        TypeError
            If nothing in it transforms, or if its encoder is within a classifier or regressor.
        """
        if _is_net(estimator):
            return cls(_NetTransformer(estimator))
        estimator = unwrapped(estimator)
        if not isinstance(estimator, Pipeline):
            if not hasattr(estimator, "transform"):
                raise TypeError(
                    f"A fitted transformer, or a Pipeline with one, is needed, got {estimator!r}. An embedding that is "
                    "already computed is given as a 2-D array."
                )
            check_is_fitted(estimator)
            return cls(estimator)
        check_is_fitted(estimator)
        at = _position(estimator)
        before = estimator[:at] if at else None
        after = estimator[at + 1 :] if at + 1 < len(estimator) else None
        inner = cls.of(estimator[at])
        chain = [steps for steps in (before, inner.before) if steps is not None]
        tail = [steps for steps in (inner.after, after) if steps is not None]
        return cls(inner.transformer, make_pipeline(*chain) if chain else None, make_pipeline(*tail) if tail else None)

    @property
    def net(self) -> Any:
        """The trained net, or None where the transformer has none."""
        return getattr(self.transformer, "net_", None)

    def series(self, X: Any) -> Any:
        """Return the series that reach the transformer."""
        return X if self.before is None else self.before.transform(X)

    def collection(self, X: Any) -> Collection:
        """Return the series that reach the transformer in one form, the transformer being left as it is."""
        n_channels = getattr(self.transformer, "n_channels_in_", None)
        collection = validated_collection(BaseEstimator(), self.series(X), reset=True)
        if n_channels is not None and collection.n_channels != n_channels:
            raise ValueError(
                f"X has {collection.n_channels} channels, but the transformer was fitted on {n_channels}. Give series "
                "like those of fit."
            )
        return collection

    def embed(self, X: Any, space: str = "features") -> np.ndarray:
        """Compute the embedding of every series.

        Parameters
        ----------
        X : array or list of arrays
            The series.
        space : {"features", "projections"}, default="features"
            What `transform` returns, or what the loss compares.

        Returns
        -------
        ndarray of shape (n_cases, n_features)
            The embedding.
        """
        return self._embed(self.series(X), space)

    def embed_views(
        self, X: Any, n_views: int, *, augmentation: Any = None, space: str = "features", random_state: Any = 0
    ) -> np.ndarray:
        """Compute the embeddings of random views of every series.

        Parameters
        ----------
        X : array or list of arrays
            The series.
        n_views : int
            Views of each.
        augmentation : Augmentation, default=None
            Makes the views; None takes the transformer's own.
        space : {"features", "projections"}, default="features"
            What `transform` returns, or what the loss compares.
        random_state : int, RandomState or None, default=0
            Seed of the views.

        Returns
        -------
        ndarray of shape (n_cases, n_views, n_features)
            The embeddings.
        """
        collection = self.collection(X)
        views = random_views(collection, self.augmentation(augmentation), n_views, random_state)
        return np.stack([self._embed(view, space) for view in views], axis=1)

    def augmentation(self, augmentation: Any = None) -> Any:
        """Return the augmentation given, or the transformer's own.

        Raises
        ------
        ValueError
            If the transformer has none.
        """
        if augmentation is not None:
            return augmentation
        own = getattr(self.transformer, "resolved", lambda name: None)
        if not hasattr(self.transformer, "augmentation"):
            raise ValueError(
                f"{type(self.transformer).__name__} makes no views by itself. Name the changes that should not matter: "
                "`augmentation=Compose(jitter=Jitter(), crop=CropResize())`, for example."
            )
        return own("augmentation")

    def _embed(self, series: Any, space: str) -> np.ndarray:
        if space == "features":
            return np.asarray(self.transformer.transform(series))
        net = self.net
        if net is None or not hasattr(net.module_, "projections"):
            raise ValueError(
                f'`space` must be "features" here: {type(self.transformer).__name__} has no projector, got {space!r}.'
            )
        collection = validated_collection(BaseEstimator(), series, reset=True)
        return np.concatenate([batch.numpy() for batch in net.represent(net.series(collection), "projections")])


class _NetTransformer:
    """A net in training, seen as a transformer."""

    def __init__(self, net: Any) -> None:
        self.net_ = net
        if hasattr(net.module_, "augmentation"):
            self.augmentation = net.module_.augmentation

    def resolved(self, name: str) -> Any:
        """Return the parameter `name`."""
        return getattr(self, name)

    def transform(self, X: Any) -> np.ndarray:
        """Compute the features of every series."""
        return self.net_.transform(X)


def random_views(collection: Collection, augmentation: Any, n_views: int, random_state: Any) -> Iterator[np.ndarray]:
    """Yield views of a whole collection, each (n_cases, n_channels, n_timepoints), NaN where a series is padded."""
    dataset = SeriesDataset(collection, CPU)
    size = math.ceil(INFERENCE_STEPS / collection.n_timepoints)
    seeds = np.random.RandomState(draw_seed(random_state) % 2**32).randint(2**31 - 1, size=n_views)
    for seed in seeds:
        view = np.empty(collection.values.shape, dtype=np.float32)
        with GENERATORS_IN_USE, forked_generators(CPU):
            seed_generators(int(seed), CPU)
            for start in range(0, len(collection), size):
                batch = dataset[torch.arange(start, min(start + size, len(collection)))]
                view[start : start + size] = augmentation(batch.x, batch.lengths).numpy()  # (B, C, L)
        if collection.lengths is not None:
            padded = np.arange(collection.n_timepoints) >= collection.lengths[:, None]
            view[np.broadcast_to(padded[:, None], view.shape)] = np.nan
        yield view


def is_embedding(source: Any) -> bool:
    """Tell whether `source` is an embedding rather than something that computes one."""
    return not hasattr(source, "fit")


def checked_embedding(H: Any, *, min_cases: int = 2) -> np.ndarray:
    """Return an embedding as an array (n_cases, n_features), float64 unless it is float32.

    Raises
    ------
    ValueError
        If it is not 2-D, not finite, or has too few rows.
    """
    return check_array(
        without_torch(H), dtype=[np.float64, np.float32], ensure_min_samples=min_cases, input_name="the embedding"
    )


def _is_net(source: Any) -> bool:
    return hasattr(source, "represent") and hasattr(source, "module_")


def unwrapped(estimator: Any) -> Any:
    """Look through searches, frozen estimators and outlier filters, which pass series on as they are."""
    if isinstance(estimator, BaseSearchCV):
        check_is_fitted(estimator)
        if not hasattr(estimator, "best_estimator_"):
            raise TypeError("A search fitted with refit=False has no fitted estimator. Set refit=True.")
        return unwrapped(estimator.best_estimator_)
    if isinstance(estimator, FrozenEstimator):
        return unwrapped(estimator.estimator)
    if isinstance(estimator, OutlierFiltered):
        check_is_fitted(estimator)
        return unwrapped(estimator.estimator_)
    return estimator


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
    raise TypeError(f"No step of the Pipeline transforms: {[name for name, _ in pipeline.steps]}.")
