"""Occlusion: how the output of a model changes when a patch of a series is replaced."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier, is_regressor

from sklearn_ssl._input.collections import Collection, collection_of, depth_of, is_ragged
from sklearn_ssl._parameters.arguments import check_choice, check_whole_number
from sklearn_ssl._parameters.ranges import Range
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.evaluation._concepts import observed_steps
from sklearn_ssl.evaluation._representation import Representation

# Values of all occluded copies in memory at once.
BLOCK_VALUES = 1 << 22


@dataclasses.dataclass(frozen=True, eq=False)
class Occlusion:
    """How much each step of each channel matters.

    Attributes
    ----------
    importance : ndarray of shape (n_cases, n_channels, n_timepoints)
        Mean importance of the patches that cover the step; NaN in padding.
    series : ndarray of shape (n_cases, n_channels, n_timepoints)
        The series; NaN in padding.
    output : str
        The output that changes: "features", "projections", "probability", "decision", "vote" or "prediction".
    explained : ndarray of shape (n_cases,) or None
        For classifiers only: the class of each series whose output is followed.
    window, step : int
        Width of the patches and distance between them.
    baseline : str or float
        The replacement of a patch.
    """

    importance: np.ndarray
    series: np.ndarray
    output: str
    explained: np.ndarray | None
    window: int
    step: int
    baseline: str | float

    def to_frame(self) -> pd.DataFrame:
        """Return a table of all observed steps.

        Returns
        -------
        DataFrame
            The columns are case, channel, timepoint, value and importance.
        """
        at = np.nonzero(~np.isnan(self.importance))
        table = pd.DataFrame(dict(zip(("case", "channel", "timepoint"), at, strict=True)))
        return table.assign(value=self.series[at], importance=self.importance[at])


def occlusion(
    estimator: Any,
    X: Any,
    *,
    y: Any = None,
    window: int | None = None,
    step: int | None = None,
    baseline: str | float = "mean",
    space: str = "features",
) -> Occlusion:
    r"""Measure how the output of a fitted model changes when a patch of a series is replaced.

    A patch has `window` steps of one channel. Patches begin every `step` steps, and one ends at the last observed step.
    Let f(x) be the output for the series, and f(x') the output with the patch replaced. The importance of the patch is

    ===========  ====================================================================================================
    transformer  :math:`\|f(x) - f(x')\| / \|f(x)\|` with f the embedding; :math:`\|f(x')\|` if f(x) is zero
    classifier   :math:`f_k(x) - f_k(x')` with k the class predicted for x and f its probability. Without
                 probabilities, f is the decision function, with opposite sign for the first of two classes. Without
                 a decision function, f is a vote of 0 or 1.
    regressor    :math:`\|f(x) - f(x')\|`, the absolute change of the prediction
    ===========  ====================================================================================================

    The importance of a step is the mean importance of the patches that cover it. The distance of embeddings is relative
    and not the cosine, so that a change of length alone counts too. Patches are cut from the series given to the
    estimator, before any step of a Pipeline.

    Parameters
    ----------
    estimator : estimator
        A fitted transformer of series, or a fitted Pipeline that ends in a transformer, a classifier or a regressor.
    X : array of shape (n_cases, n_channels, n_timepoints) or list of 2-D arrays
        A few series; the model is applied to each of them `n_channels` times `n_timepoints / step` times. If the
        estimator was fitted on several channels, a 2-D array is one series (n_channels, n_timepoints). If it was fitted
        on one channel, a 2-D array has one series per row.
    y : array-like of shape (n_cases,), default=None
        For classifiers only: the class to follow for each series. None follows the predicted class.
    window : int or None, default=None
        Number of steps of a patch. None is a tenth of the longest series. A series that is shorter has a single patch,
        which covers all of it.
    step : int or None, default=None
        Number of steps from one patch to the next, at most `window`. None is half the window.
    baseline : {"mean", "zero", "interpolate"} or float, default="mean"
        The replacement of a patch: the mean of the channel in the same series, zero, a straight line between the values
        on both sides (level at the ends of the series), or a number.
    space : {"features", "projections"}, default="features"
        For transformers: whether to follow the features that `transform` returns, or the projections that the loss
        compares.

    Returns
    -------
    Occlusion
        The importance of every step.

    Raises
    ------
    ValueError
        If a parameter is out of range, or a class in `y` is unknown.
    TypeError
        If nothing in the estimator transforms or predicts.

    References
    ----------
    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", European Conference on Computer Vision,
    2014.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_ssl import RandomEncoderTransformer
    >>> from sklearn_ssl.datasets import make_bursts
    >>> from sklearn_ssl.evaluation import occlusion
    >>> X, y = make_bursts(n_cases=40, n_classes=2, random_state=0)
    >>> model = make_pipeline(RandomEncoderTransformer(random_state=0), LogisticRegression(C=0.01)).fit(X, y)
    >>> result = occlusion(model, X[:2])
    >>> result.output, result.importance.shape
    ('probability', (2, 2, 200))
    """
    _check_baseline(baseline)
    check_choice("space", space, "features", "projections")
    collection = _series(X, _n_channels_of(estimator))
    window, step = _checked_window(window, step, collection.n_timepoints)
    lengths = observed_steps(collection).sum(axis=1)
    importance = np.full(collection.values.shape, np.nan)
    model = _model(estimator, collection.values, y, space)
    for case, length in enumerate(lengths):
        patches = list(_patches(collection.n_channels, length, window, step))
        copies = _occluded(collection.values[case], length, patches, baseline)
        changes = np.concatenate([model.change(case, block) for block in copies])  # (n_patches,)
        importance[case, :, :length] = _mean_of_patches(patches, changes, (collection.n_channels, length))
    return Occlusion(importance, collection.values, model.output, model.explained, window, step, baseline)


class _Embedder:
    explained = None

    def __init__(self, estimator: Any, values: np.ndarray, space: str) -> None:
        self.output = space
        if space == "features" and hasattr(estimator, "transform"):
            self.embed = lambda series: np.asarray(estimator.transform(series))
        else:
            representation = Representation.of(estimator)
            self.embed = lambda series: representation.embed(series, space)
        self.whole = self.embed(values)  # (n, F)

    def change(self, case: int, copies: np.ndarray) -> np.ndarray:
        """Return the relative distances between the embedding of a series and the embeddings of its copies."""
        norm = np.linalg.norm(self.whole[case])
        return np.linalg.norm(self.embed(copies) - self.whole[case], axis=1) / (norm or 1)


class _Regressor:
    output = "prediction"
    explained = None

    def __init__(self, estimator: Any, values: np.ndarray) -> None:
        self.estimator = estimator
        self.whole = self._predict(values)  # (n, n_targets)

    def change(self, case: int, copies: np.ndarray) -> np.ndarray:
        """Return the distances between the prediction for a series and the predictions for its copies."""
        return np.linalg.norm(self._predict(copies) - self.whole[case], axis=1)

    def _predict(self, series: np.ndarray) -> np.ndarray:
        predicted = np.asarray(self.estimator.predict(series), dtype=np.float64)
        return predicted.reshape(len(predicted), -1)


class _Classifier:
    def __init__(self, estimator: Any, values: np.ndarray, y: Any) -> None:
        self.estimator = estimator
        columns = None if y is None else _columns(y, estimator.classes_, len(values))
        self.output = _output_of(estimator)
        whole = self._scores(values)  # (n, n_classes)
        self.columns = whole.argmax(axis=1) if columns is None else columns
        self.explained = estimator.classes_[self.columns]
        self.whole = whole[np.arange(len(whole)), self.columns]

    def change(self, case: int, copies: np.ndarray) -> np.ndarray:
        """Return by how much the score of the followed class drops."""
        return self.whole[case] - self._scores(copies)[:, self.columns[case]]

    def _scores(self, series: np.ndarray) -> np.ndarray:
        classes = self.estimator.classes_
        if self.output == "vote":
            return (self.estimator.predict(series)[:, None] == classes).astype(float)
        method = {"probability": "predict_proba", "decision": "decision_function"}[self.output]
        scores = np.asarray(getattr(self.estimator, method)(series))
        scores = np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores
        _check_scores(method, scores, len(classes))
        return scores


def _check_scores(method: str, scores: np.ndarray, n_classes: int) -> None:
    if scores.shape[1:] != (n_classes,):
        raise ValueError(
            f"`{method}` must return one column for each of the {n_classes} classes, got shape {scores.shape}. For "
            'SVC, set decision_function_shape="ovr".'
        )


def _model(estimator: Any, values: np.ndarray, y: Any, space: str) -> Any:
    if y is not None and not is_classifier(estimator):
        raise ValueError("`y` names classes to follow, but the estimator is not a classifier. Leave `y` out.")
    if space != "features" and (is_classifier(estimator) or is_regressor(estimator)):
        raise ValueError(f'`space` must be "features" for an estimator that predicts, got {shown(space)}.')
    if is_classifier(estimator):
        return _Classifier(estimator, values, y)
    return _Regressor(estimator, values) if is_regressor(estimator) else _Embedder(estimator, values, space)


def _output_of(classifier: Any) -> str:
    if hasattr(classifier, "predict_proba"):
        return "probability"
    return "decision" if hasattr(classifier, "decision_function") else "vote"


def _columns(y: Any, classes: np.ndarray, n_cases: int) -> np.ndarray:
    y = np.asarray(y)
    if y.shape != (n_cases,):
        raise ValueError(f"`y` must have one class for each of the {n_cases} series, got shape {y.shape}.")
    unknown = y[~np.isin(y, classes)]
    if len(unknown):
        raise ValueError(
            f"`y` has the class {shown(unknown[0])}, which the estimator does not know: {shown(list(classes))}."
        )
    return np.searchsorted(classes, y)


def _n_channels_of(estimator: Any) -> int:
    """Return the number of channels that a fitted estimator takes."""
    if hasattr(estimator, "predict") and hasattr(estimator, "n_channels_in_"):
        return estimator.n_channels_in_
    representation = Representation.of(estimator)
    before = [] if representation.before is None else [step for _, step in representation.before.steps]
    channels = [getattr(step, "n_channels_in_", None) for step in [*before, representation.transformer]]
    return next((number for number in channels if number is not None), 1)


def _series(X: Any, n_channels: int) -> Collection:
    if n_channels > 1 and not is_ragged(X) and depth_of(X) == 2:
        X = np.asarray(X)[None]  # (1, C, L)
    return collection_of(X, dtype=None, allow_missing=True)


def _check_baseline(baseline: Any) -> None:
    if baseline not in Range(or_else=("mean", "zero", "interpolate")):
        raise ValueError(f'`baseline` must be "mean", "zero", "interpolate" or a finite number, got {shown(baseline)}.')


def _checked_window(window: Any, step: Any, n_timepoints: int) -> tuple[int, int]:
    window = max(1, n_timepoints // 10) if window is None else window
    check_whole_number("window", window, least=1, most=n_timepoints, what=", the length of the longest series,")
    step = max(1, window // 2) if step is None else step
    check_whole_number("step", step, least=1, most=window, what=", `window`, so that no time step is left out,")
    return int(window), int(step)


def _patches(n_channels: int, length: int, window: int, step: int) -> Iterator[tuple[int, slice]]:
    last = max(0, length - window)
    for channel in range(n_channels):
        for start in [*range(0, last, step), last]:
            yield channel, slice(start, min(start + window, length))


def _occluded(
    values: np.ndarray, length: int, patches: list[tuple[int, slice]], baseline: str | float
) -> Iterator[np.ndarray]:
    """Yield blocks of copies (B, C, L) of one series, with one patch replaced in each copy."""
    size = max(1, BLOCK_VALUES // values.size)
    for begin in range(0, len(patches), size):
        block = patches[begin : begin + size]
        copies = np.repeat(values[None], len(block), axis=0)  # (B, C, L)
        for copy, (channel, steps) in zip(copies, block, strict=True):
            copy[channel, steps] = _replacement(values[channel, :length], steps, baseline)
        yield copies


def _replacement(row: np.ndarray, steps: slice, baseline: str | float) -> Any:
    if not isinstance(baseline, str):
        return baseline
    known = ~np.isnan(row)
    if baseline == "zero" or not known.any():
        return 0.0
    outside = known.copy()
    outside[steps] = False
    if baseline == "mean" or not outside.any():
        return row[known].mean()
    return np.interp(np.arange(steps.start, steps.stop), np.flatnonzero(outside), row[outside])


def _mean_of_patches(patches: list[tuple[int, slice]], changes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    total, count = np.zeros(shape), np.zeros(shape)
    for (channel, steps), change in zip(patches, changes, strict=True):
        total[channel, steps] += change
        count[channel, steps] += 1
    return total / count
