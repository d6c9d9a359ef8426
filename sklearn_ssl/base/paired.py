"""The base of the methods that bring series and what goes with them into one space."""

import abc
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._engine.batches import Companion
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._input.collections import Collection
from sklearn_ssl._input.companions import check_descriptions
from sklearn_ssl._parameters.arguments import check_whole_number
from sklearn_ssl._parameters.hyperparameters import recipe
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.architectures import Architecture
from sklearn_ssl.architectures._modes import evaluation_mode
from sklearn_ssl.base.companions import CompanionEncoder
from sklearn_ssl.base.contrasted import ContrastedTransformer
from sklearn_ssl.projectors import MLPProjector


def linear_projector() -> MLPProjector:
    """Return the default heads."""
    return MLPProjector(depth=1)


class PairedTransformer(ContrastedTransformer, abc.ABC):
    """A transformer that learns from pairs of a series and a text, or a row of metadata.

    Parameters
    ----------
    text_encoder : transformer, callable or None, default=None
        Turns texts or rows into vectors. A scikit-learn transformer is cloned and fitted on the different texts of
        `fit`. A function gets a list of texts and returns an array (n_texts, n_values); it is pickled by reference.
        None takes for texts ``TfidfVectorizer(sublinear_tf=True)`` with words of one letter or digit too, followed by
        ``TruncatedSVD(256)`` if there are more than 512 words. For metadata it takes ``StandardScaler()`` for columns
        of numbers and ``OneHotEncoder(handle_unknown="ignore")`` for all others.
    projector : MLPProjector, default=None
        Head between the pooled features and the common space. Its outputs are what `embed` returns, at length 1. None
        is ``MLPProjector(depth=1)``, a linear map. Hidden layers fit the texts of `fit` and say less about new ones.
    text_projector : MLPProjector, default=None
        Head between the vectors of texts and the common space. Its output is made as wide as that of `projector`. None
        is ``MLPProjector(depth=1)``.
    descriptions : dict or None, default=None
        A text for each label. With it, `y` has labels.

    Attributes
    ----------
    companion_encoder_ : CompanionEncoder
        ``companion_encoder_.encoder`` is the fitted text encoder.
    """

    text_encoder: Any = None
    projector: Any = recipe(default_factory=linear_projector, needs="build")
    text_projector: Any = recipe(default_factory=linear_projector, needs="build")
    descriptions: Any = None

    def embed_text(self, texts: Any) -> np.ndarray:
        """Compute the vectors of texts, or of rows of metadata, in the common space.

        Parameters
        ----------
        texts : list of str, table or array-like
            What `y` of `fit` may be. With `descriptions`, labels and texts.

        Returns
        -------
        ndarray of shape (n_texts, n_projections)
            Vectors of length 1, float32.

        Raises
        ------
        TypeError
            If there is one text and no list.
        ValueError
            If a text is empty, or if no word of it is known.
        """
        check_is_fitted(self)
        return self._projected(self.net_, self.companion_encoder_.vectors("texts", texts))

    def similarity(self, X: Any, texts: Any) -> np.ndarray:
        """Compare every series with every text.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `transform`.
        texts : list of str, table or array-like
            The texts, as for `embed_text`.

        Returns
        -------
        ndarray of shape (n_cases, n_texts)
            Cosine similarities times the learnt scale, float32. The softmax of a row gives probabilities.
        """
        return self.scale_ * self.embed(X) @ self.embed_text(texts).T

    def neighbors(
        self, texts: Any, X: Any = None, n_neighbors: int = 5, *, embeddings: Any = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the series that are most similar to each text.

        Parameters
        ----------
        texts : list of str, table or array-like
            The texts, as for `embed_text`.
        X : array or list of arrays or None, default=None
            The series to search. None if their `embeddings` are given.
        n_neighbors : int, default=5
            Number k of series per text.
        embeddings : array of shape (n_cases, n_projections) or None, default=None
            What `embed` returned, in place of `X`.

        Returns
        -------
        similarities : ndarray of shape (n_texts, k)
            Cosine similarities times the scale, largest first.
        indices : ndarray of shape (n_texts, k)
            The rows of these series in `X`.

        Raises
        ------
        ValueError
            If neither or both of `X` and `embeddings` are given, or if `n_neighbors` is out of range.
        """
        if (X is None) == (embeddings is None):
            raise ValueError("Give either the series `X` or their `embeddings`, which embed(X) returns.")
        series = self.embed(X) if embeddings is None else self._checked_embeddings(embeddings)
        return self._nearest(self.embed_text(texts), series, n_neighbors)

    def text_neighbors(self, X: Any, texts: Any, n_neighbors: int = 5) -> tuple[np.ndarray, np.ndarray]:
        """Find the texts that are most similar to each series.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `transform`.
        texts : list of str, table or array-like
            The texts to search, as for `embed_text`.
        n_neighbors : int, default=5
            Number k of texts per series.

        Returns
        -------
        similarities : ndarray of shape (n_cases, k)
            Cosine similarities times the scale, largest first.
        indices : ndarray of shape (n_cases, k)
            The places of these texts in `texts`.

        Raises
        ------
        ValueError
            If `n_neighbors` is out of range.
        """
        return self._nearest(self.embed(X), self.embed_text(texts), n_neighbors)

    @property
    def scale_(self) -> float:
        """The factor of cosine similarities, which is the inverse of the temperature."""
        check_is_fitted(self)
        return float(self.net_.module_.scale.detach())

    def check_hyperparameters(self) -> None:
        """Check all parameters, and that descriptions and text encoder are of the right kind."""
        super().check_hyperparameters()
        check_descriptions(self.descriptions)
        encoder = self.text_encoder
        is_transformer = hasattr(encoder, "fit") and hasattr(encoder, "transform")
        if isinstance(encoder, type) or not (encoder is None or is_transformer or callable(encoder)):
            raise TypeError(
                f"`text_encoder` must be a transformer such as TfidfVectorizer(), a function or None, got "
                f"{shown(encoder)}."
            )

    def _paired(self, architecture: Callable[..., Architecture], **own: Any) -> Callable[..., Architecture]:
        """Bind what every architecture of this family takes, and what this one takes beyond."""
        fitted = getattr(self, "companion_encoder_", None)
        known = {} if fitted is None else {"n_text_features": fitted.n_features}
        return self._contrasted(architecture, text_projector=self.resolved("text_projector"), **known, **own)

    def _training_params(self) -> dict[str, Any]:
        few_directions = {"callbacks__collapse__least_share_of_rank": 0}  # as many as there are texts are right
        return super()._training_params() | few_directions

    def _companion(self, y: Any, collection: Collection, *, reset: bool) -> Companion:
        if reset:
            self.companion_encoder_ = CompanionEncoder(self.text_encoder, self.descriptions)
            return self.companion_encoder_.fit(y, len(collection))
        return self.companion_encoder_.companion(y, len(collection))

    def _distinct_texts(self, y: Any, n_cases: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the different texts of series in the common space, (m, P), and the place of each one's text, (n,)."""
        companion = self.companion_encoder_.companion(y, n_cases)
        return self._projected(self.net_, companion.vectors.numpy()), companion.groups.numpy()

    def _projected(self, net: SSLNet, vectors: np.ndarray) -> np.ndarray:
        """Bring vectors of texts (m, T) into the common space, (m, P)."""
        with evaluation_mode(net.module_), torch.inference_mode(), net.autocast():
            return net.module_.text_embeddings(torch.from_numpy(vectors).to(net.device)).cpu().numpy()

    def _checked_embeddings(self, embeddings: Any) -> np.ndarray:
        given, width = np.asarray(embeddings), self.net_.module_.n_projections
        if given.ndim != 2 or given.shape[1] != width:
            raise ValueError(
                f"`embeddings` must have the shape (n_cases, {width}), as embed(X) has, got {given.shape}."
            )
        return given

    def _nearest(self, queries: np.ndarray, found: np.ndarray, n_neighbors: int) -> tuple[np.ndarray, np.ndarray]:
        check_whole_number("n_neighbors", n_neighbors, least=1, most=len(found), what=", the number that there are")
        similarities = self.scale_ * queries @ found.T  # (m, n)
        indices = np.argsort(-similarities, axis=1, kind="stable")[:, :n_neighbors]  # (m, k)
        return np.take_along_axis(similarities, indices, axis=1), indices

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
