"""Streams: the order in which series come, and what an encoder knows along the way."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, final

import numpy as np
import pandas as pd
from sklearn.base import clone

from sklearn_ssl._input.labels import UNLABELLED, sorted_codes, values_of
from sklearn_ssl._parameters.arguments import check_whole_number, checked_random_state
from sklearn_ssl._parameters.ranges import Range
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.evaluation._checks import cases_of
from sklearn_ssl.evaluation._notebook import ShownAsText
from sklearn_ssl.evaluation._probes import ProbeResult, knn_probe
from sklearn_ssl.evaluation._representation import Representation
from sklearn_ssl.evaluation._targets import Targets

PIECE = 32


def sequential_order(groups: Any, *, order: Sequence[Any] | None = None, random_state: Any = None) -> np.ndarray:
    """Return rows such that one group comes after the other, as in a stream that changes its subject.

    Within a group the rows are in random order.

    Parameters
    ----------
    groups : array-like of shape (n_cases,)
        The group of each series: its class, its person, its machine. To let several classes come together, give them
        one number.
    order : sequence or None, default=None
        The groups in the order in which they come, each once. None is a random order.
    random_state : int, RandomState or None, default=None
        Seed of the order.

    Returns
    -------
    rows : int ndarray of shape (n_cases,)
        The rows of the stream.

    Raises
    ------
    ValueError
        If `order` does not have every group once.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.evaluation import sequential_order
    >>> y = np.array(["walk", "sit", "walk", "run", "sit"])
    >>> y[sequential_order(y, order=["sit", "run", "walk"], random_state=0)]
    array(['sit', 'sit', 'run', 'walk', 'walk'], dtype='<U4')
    """
    numbers, names = sorted_codes(_one_dimensional("groups", groups))
    rng = checked_random_state(random_state)
    place = rng.permutation(len(names)) if order is None else _places(list(names), list(order))
    shuffled = rng.permutation(len(numbers))
    return shuffled[np.argsort(place[numbers[shuffled]], kind="stable")]


def stream_report(
    transformer: Any,
    X: Any,
    y: Any,
    *,
    X_test: Any,
    y_test: Any,
    order: Any = None,
    tasks: Any = None,
    every: float = 0.1,
    n_neighbors: int = 20,
    piece: int | None = None,
    unlabelled: Any = UNLABELLED,
    name: str | None = None,
) -> "StreamReport":
    """Let a transformer learn from a stream, and judge its features along the way by nearest neighbours.

    A clone of the transformer gets the series piece by piece through `partial_fit`. Whenever a share `every` of the
    stream has passed, a nearest-neighbour classifier with cosine similarity on standardised features is fitted to all
    training series with their labels, also to those that have not come yet, and scored on the test part. So the report
    judges the encoder. It is no score of a classifier that learns continually, which would not have these labels.

    Forgetting of a task is its best accuracy along the stream minus its accuracy at the end. `forgetting` is the mean
    over the tasks.

    Parameters
    ----------
    transformer : estimator
        An unfitted transformer with `partial_fit`, such as `ReplayTransformer`. It is cloned.
    X : array or list of arrays
        The training series.
    y : array-like of shape (n_cases,)
        Their classes.
    X_test, y_test : array or list of arrays, array-like
        The test part.
    order : int array-like or None, default=None
        The rows of `X` in the order of the stream, such as `sequential_order` gives. None is the order of `X`.
    tasks : array-like of shape (n_test_cases,) or None, default=None
        The task of each test series. Accuracy is also told for each task. None takes the classes for tasks.
    every : float, default=0.1
        Share of the stream between two scores, above 0 and at most 1.
    n_neighbors : int, default=20
        Number of neighbours. It is lowered to the number of training series where it is larger.
    piece : int or None, default=None
        Series of each call of `partial_fit`. None is the `stream_batch_size` of the transformer, or 32.
    unlabelled : number, str or None, default=-1
        The label of series whose class is unknown, which is an error, as for `knn_probe`.
    name : str or None, default=None
        Name of the curve. None is the class of the transformer.

    Returns
    -------
    StreamReport
        Accuracy along the stream, of all test series and for each task.

    Raises
    ------
    TypeError
        If the transformer has no `partial_fit` or no `transform`.
    ValueError
        If `order` has rows that do not exist, if lengths differ, or if a parameter is out of range.

    See Also
    --------
    sklearn_ssl.plotting.StreamDisplay : Draws the report.

    Examples
    --------
    >>> from sklearn_ssl import ReplayTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.evaluation import sequential_order, stream_report
    >>> X, y = make_waves(n_cases=80, random_state=0)
    >>> rows = sequential_order(y[:48], random_state=0)
    >>> replay = ReplayTransformer(n_updates=1, stream_batch_size=12, random_state=0)
    >>> report = stream_report(replay, X[:48], y[:48], X_test=X[48:], y_test=y[48:], order=rows, every=0.5)
    >>> report.n_seen
    array([24, 48])
    >>> report.by_task.shape
    (2, 4)
    """
    estimator, piece = _checked_transformer(transformer, piece)
    if every not in Range(above=0, most=1):
        raise ValueError(f"`every` must be a share above 0 and at most 1, got {shown(every)}.")
    check_whole_number("n_neighbors", n_neighbors, least=1)
    targets = Targets.checked(X, y, X_test, y_test, "classification", unlabelled=unlabelled)
    if targets.y_test is None:
        raise ValueError("`X_test` and `y_test` are None, but a test part is needed. Hold out some series.")
    rows = _checked_rows(order, len(targets.y))
    names, numbers = _checked_tasks(tasks, targets.y_test)
    looks = _looks(len(rows), piece, every)
    accuracy = []
    for start in range(0, len(rows), piece):
        estimator.partial_fit(cases_of(X, rows[start : start + piece]))
        if min(start + piece, len(rows)) in looks:
            given = {"X_test": X_test, "y_test": y_test, "task": "classification", "unlabelled": unlabelled}
            probe = knn_probe(estimator, X, y, n_neighbors=n_neighbors, metric="cosine", **given)
            accuracy.append(_by_task(probe, targets.y_test, numbers, len(names)))
    scores, by_task = zip(*accuracy, strict=True)
    own = Representation.of(estimator).name if name is None else name
    return StreamReport(own, np.array(looks), np.array(scores), np.array(by_task), names, estimator)


@final
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class StreamReport(ShownAsText):
    """Accuracy of nearest neighbours along a stream.

    Attributes
    ----------
    name : str
        Name of the curve.
    n_seen : int ndarray of shape (n_looks,)
        Series of the stream at each look.
    scores : ndarray of shape (n_looks,)
        Accuracy on all test series.
    by_task : ndarray of shape (n_looks, n_tasks)
        Accuracy on the test series of each task. The classifier knows the classes of all tasks.
    tasks : ndarray of shape (n_tasks,)
        Names of the tasks.
    transformer : estimator
        The fitted clone at the end of the stream.
    """

    name: str
    n_seen: np.ndarray
    scores: np.ndarray
    by_task: np.ndarray
    tasks: np.ndarray
    transformer: Any

    @property
    def final(self) -> float:
        """Accuracy at the end of the stream."""
        return float(self.scores[-1])

    @property
    def mean_over_stream(self) -> float:
        """Accuracy averaged over the looks. It tells how soon an encoder is good, and not only how good at the end."""
        return float(self.scores.mean())

    @property
    def forgetting_by_task(self) -> np.ndarray:
        """The best accuracy of each task along the stream minus that at the end, (n_tasks,)."""
        return self.by_task.max(axis=0) - self.by_task[-1]

    @property
    def forgetting(self) -> float:
        """The mean of `forgetting_by_task`."""
        return float(self.forgetting_by_task.mean())

    def to_frame(self) -> pd.DataFrame:
        """Return a table with one row per look: the series seen, the accuracy, and the accuracy of each task.

        Returns
        -------
        pandas.DataFrame
            The index is the number of series seen.
        """
        columns = pd.Index(["accuracy", *map(str, self.tasks)])
        return pd.DataFrame(
            np.column_stack([self.scores, self.by_task]), columns=columns, index=pd.Index(self.n_seen, name="n_seen")
        )

    def __str__(self) -> str:
        return (
            f"{self.name}: accuracy {self.final:.3f} after {self.n_seen[-1]} series, {self.mean_over_stream:.3f} on "
            f"average along the stream, forgetting {self.forgetting:.3f}"
        )

    def __repr__(self) -> str:
        return f"<StreamReport: {self}>"


def _one_dimensional(name: str, values: Any) -> np.ndarray:
    array = values_of(values)
    if array.ndim != 1 or len(array) == 0:
        raise ValueError(f"`{name}` must have one value for each series, got {shown(values)}.")
    return array


def _places(names: list[Any], order: list[Any]) -> np.ndarray:
    """Return the place of each group in an order."""
    if len(order) != len(names) or any(order.count(name) != 1 for name in names):
        raise ValueError(f"`order` must have each of the groups {shown(names)} once, got {shown(order)}.")
    return np.array([order.index(name) for name in names])


def _checked_transformer(transformer: Any, piece: int | None) -> tuple[Any, int]:
    """Return an unfitted clone, and how many series it gets in a call."""
    if isinstance(transformer, type) or not all(hasattr(transformer, one) for one in ("partial_fit", "transform")):
        raise TypeError(
            "`transformer` must be an estimator with `partial_fit` and `transform`, such as ReplayTransformer(), got "
            f"{shown(transformer)}. A Pipeline has no `partial_fit`: scale the series before."
        )
    check_whole_number("piece", piece, least=1, none=True)
    return clone(transformer), int(getattr(transformer, "stream_batch_size", PIECE) if piece is None else piece)


def _checked_rows(order: Any, n_cases: int) -> np.ndarray:
    rows = np.arange(n_cases) if order is None else _one_dimensional("order", order)
    if rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= n_cases:
        raise ValueError(f"`order` must be numbers of series from 0 to {n_cases - 1}, got {shown(order)}.")
    return rows


def _checked_tasks(tasks: Any, y_test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    given = y_test if tasks is None else _one_dimensional("tasks", tasks)
    if len(given) != len(y_test):
        raise ValueError(f"`tasks` must have one value for each of the {len(y_test)} test series, got {len(given)}.")
    numbers, names = sorted_codes(given)
    return names, numbers


def _looks(n_rows: int, piece: int, every: float) -> list[int]:
    """Return after how many series to look: at the end of the piece in which each share of the stream is reached."""
    shares = np.arange(1, math.floor(1 / every + 1e-9) + 1) * every
    wanted = [*np.ceil(shares * n_rows - 1e-9).astype(int), n_rows]
    return sorted({min(math.ceil(one / piece) * piece, n_rows) for one in wanted})


def _by_task(probe: ProbeResult, y_test: np.ndarray, numbers: np.ndarray, n_tasks: int) -> tuple[float, np.ndarray]:
    is_right = np.asarray(probe.predictions == y_test, dtype=float)
    return float(is_right.mean()), np.bincount(numbers, is_right, n_tasks) / np.bincount(numbers, minlength=n_tasks)
