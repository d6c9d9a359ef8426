"""Classes that are lost with the series that are left out."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.multiclass import check_classification_targets

from sklearn_ssl._input.labels import unlabelled_among_text, values_of


def lost_classes(y: Any, kept: Any) -> list[str]:
    """Return the names of the classes that are in the targets `y` and not in the targets `kept`.

    Parameters
    ----------
    y, kept : array-like of shape (n_cases,) or (n_cases, n_outputs)
        Targets. The number -1 among texts is no class: it marks series without a label.

    Raises
    ------
    ValueError
        If `y` has continuous values.
    """
    check_classification_targets(_labelled(y))
    before, after = _outputs(y), _outputs(kept)
    lost = [set(one.tolist()) - set(other.tolist()) for one, other in zip(before, after, strict=True)]
    places = ["" if len(before) == 1 else f" of output {output}" for output in range(len(before))]
    return [f"{label}{place}" for labels, place in zip(lost, places, strict=True) for label in sorted(map(str, labels))]


def _labelled(y: Any) -> Any:
    labels = y.toarray() if sparse.issparse(y) else values_of(y)
    unknown = unlabelled_among_text(labels)
    return np.array(labels[~unknown].tolist()) if labels.ndim == 1 and unknown.any() else labels


def _outputs(y: Any) -> np.ndarray:
    labels = _labelled(y)
    return labels.reshape(len(labels), -1).T  # (n_outputs, n)
