"""Distance between the weights of an encoder before and after fine-tuning."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import torch

from sklearn_ssl._parameters.arguments import check_fitted
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.encoders import stages


@dataclasses.dataclass(frozen=True)
class WeightChange:
    r"""How far each stage of an encoder moved from its pretrained weights.

    Attributes
    ----------
    stages : list of str
        Names of the stages, from the bottom up. A name has the modules of the stage in the encoder, joined by "+".
    n_weights : int array of shape (n_stages,)
        Number of weights of each stage.
    relative : float array of shape (n_stages,)
        :math:`\lVert w - w_0 \rVert / \lVert w_0 \rVert` for the vector of all weights of the stage. It is infinite if
        all weights were zero before and are not zero now.
    angle : float array of shape (n_stages,)
        The angle between :math:`w` and :math:`w_0` in degrees; 0 if either vector is zero.
    """

    stages: list[str]
    n_weights: np.ndarray
    relative: np.ndarray
    angle: np.ndarray

    def to_frame(self) -> pd.DataFrame:
        """Return a table with one row per stage.

        Returns
        -------
        pandas.DataFrame
            The columns are "stage", "weights", "relative change" and "angle".
        """
        return pd.DataFrame(
            {
                "stage": self.stages,
                "weights": self.n_weights,
                "relative change": self.relative,
                "angle": self.angle,
            }
        )


def weight_change(model: Any) -> WeightChange:
    r"""Tell how far each stage of a fine-tuned encoder moved from its pretrained weights.

    Let :math:`w` be the vector of all weights of a stage after fine-tuning, and :math:`w_0` the same vector before. The
    relative change is :math:`\lVert w - w_0 \rVert / \lVert w_0 \rVert`. A stage that barely moved was either good
    enough already or had a low learning rate. To find out, compare with a run with ``layer_decay=1``.

    Parameters
    ----------
    model : SSLClassifier, SSLRegressor or Pipeline that ends in one
        The fitted model.

    Returns
    -------
    WeightChange
        One value per stage, from the bottom up.

    Raises
    ------
    TypeError
        If the model has no encoder that was pretrained and fine-tuned.
    ValueError
        If its encoder has no trainable weights.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl import RandomEncoderTransformer, SSLClassifier
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.evaluation import weight_change
    >>> X, y = make_waves(n_cases=40, random_state=0)
    >>> model = SSLClassifier(RandomEncoderTransformer(random_state=0), n_frozen=1, max_epochs=1, random_state=0)
    >>> change = weight_change(model.fit(X, y))
    >>> change.relative[0], bool((change.relative[1:] > 0).all())
    (np.float64(0.0), True)
    """
    before, after = _encoders(model)
    names = {id(part): name for name, part in after.named_modules()}
    pairs = list(zip(stages(before), stages(after), strict=True))
    if not pairs:
        raise ValueError(f"`model` has an encoder without weights, {type(after).__name__}: only its head was trained.")
    vectors = [(_vector(old), _vector(new)) for old, new in pairs]
    return WeightChange(
        ["+".join(names[id(part)] or "encoder" for part in new) for _, new in pairs],
        np.array([len(new) for _, new in vectors]),
        np.array([_relative(old, new) for old, new in vectors]),
        np.array([_angle(old, new) for old, new in vectors]),
    )


def _encoders(model: Any) -> tuple[torch.nn.Module, torch.nn.Module]:
    """Return the pretrained and the fine-tuned encoder."""
    model = model[-1] if hasattr(model, "steps") else model
    check_fitted("model", model)
    if not (hasattr(model, "transformer_") and hasattr(model, "net_")):
        raise TypeError(f"`model` must be a fine-tuned model such as SSLClassifier, got {shown(model)}.")
    return model.transformer_.net_.module_.encoder, model.net_.module_.encoder


def _vector(stage: list[torch.nn.Module]) -> np.ndarray:
    parameters = [parameter for part in stage for parameter in part.parameters()]
    return torch.cat([parameter.detach().flatten() for parameter in parameters]).cpu().double().numpy()


def _relative(before: np.ndarray, after: np.ndarray) -> float:
    moved, length = np.linalg.norm(after - before), np.linalg.norm(before)
    if moved == 0:
        return 0.0
    return float(moved / length) if length > 0 else np.inf


def _angle(before: np.ndarray, after: np.ndarray) -> float:
    """Return the angle, computed from half the chord between unit vectors, which is exact for small angles."""
    lengths = np.linalg.norm(before), np.linalg.norm(after)
    if min(lengths) == 0:
        return 0.0
    chord = float(np.linalg.norm(before / lengths[0] - after / lengths[1]))
    return float(np.degrees(2 * np.arcsin(min(chord / 2, 1.0))))
