"""The base of the methods that compare cosine similarities with a learnt scale."""

import abc
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from sklearn_ssl._engine.guards import check_features
from sklearn_ssl._parameters.hyperparameters import choice, number
from sklearn_ssl.architectures import Architecture
from sklearn_ssl.base.joint_embedding import JointEmbeddingTransformer


class ContrastedTransformer(JointEmbeddingTransformer, abc.ABC):
    """A transformer that compares cosine similarities, times a scale that may be learnt.

    Parameters
    ----------
    temperature : float, default=0.07
        The inverse of the scale, from which training starts.
    learn_temperature : bool, default=True
        Whether the temperature is learnt. It stays between 0.01 and 1.
    """

    temperature: float = number(default=0.07, least=0.01, most=1)
    learn_temperature: bool = choice(True, False, default=True)

    def _training_params(self) -> dict[str, Any]:
        return {"optimizer__param_groups": [("log_scale", {"weight_decay": 0.0})]}

    def _contrasted(self, architecture: Callable[..., Architecture], **own: Any) -> Callable[..., Architecture]:
        """Bind what every architecture of this family takes, and what this one takes beyond."""
        return self._with_views(
            architecture, temperature=self.temperature, learn_temperature=self.learn_temperature, **own
        )

    def embed(self, X: Any) -> np.ndarray:
        """Compute the vector of every series in the common space.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `transform`.

        Returns
        -------
        ndarray of shape (n_cases, n_projections)
            Vectors of length 1, float32.

        Raises
        ------
        ValueError
            If the values of X are so large that a vector is not finite.
        """
        net, dataset = self._ready(X)
        vectors = torch.cat(list(net.represent(dataset, "embeddings"))).numpy()
        check_features(vectors)
        return vectors
