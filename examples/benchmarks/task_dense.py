"""Recordings joined from series, what a method says of each of their steps, and how segments and events are found."""

import numpy as np
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from task_judges import ridge

DENSE = "dense"
N_RECORDINGS = 10  # of each part
N_PIECES = 8  # series in a recording
WINDOWS = 8  # windows that begin within the length of a series
MOST_STEPS = 4000  # that the probe is fitted on
OVERLAP = 0.5  # intersection over union of an event that is found


def segments_and_events(model, data, seed):
    """Yield F1 of the classes of steps, and of events, which are the pieces of the first class."""
    rng = np.random.default_rng(seed)
    recordings, classes = joined(data.X, data.y, rng)
    unseen, truth = joined(data.X_test, data.y_test, rng)
    length = data.X.shape[2]
    features = step_features(model, recordings, length)
    known = classes[:, middles(features.shape[1], classes.shape[1])]
    H, steps = features.reshape(-1, features.shape[2]), known.ravel()
    rows = rng.permutation(len(H))[:MOST_STEPS]
    probe = make_pipeline(StandardScaler(), ridge()).fit(H[rows], steps[rows])
    found = step_features(model, unseen, length)
    coarse = probe.predict(found.reshape(-1, found.shape[2])).reshape(found.shape[:2])  # (n, T')
    predicted = coarse[:, np.arange(truth.shape[1]) * coarse.shape[1] // truth.shape[1]]  # (n, T)
    yield DENSE, "", "F1 of steps", f1_score(truth.ravel(), predicted.ravel(), average="macro")
    event = truth.min()
    yield DENSE, "", "F1 of events", event_f1(truth == event, smoothed(predicted == event, length // 2))


def joined(X, y, rng):
    """Return recordings (n, C, T), series of alternating classes in a row, and the class of every step (n, T)."""
    labels = np.unique(y)
    recordings, classes = [], []
    for _ in range(N_RECORDINGS):
        order = [rng.choice(labels)]
        while len(order) < N_PIECES:
            order.append(rng.choice(labels[labels != order[-1]]))
        pieces = [X[rng.choice(np.flatnonzero(y == label))] for label in order]
        recordings.append(np.concatenate(pieces, axis=1))
        classes.append(np.repeat(order, X.shape[2]))
    return np.stack(recordings), np.stack(classes)


def step_features(model, recordings, length):
    """Return features of steps (n, T', F): those of `encode`, or else of windows as long as a series.

    A method without features per step, or with one step only, sees windows around evenly spaced steps.
    """
    if hasattr(model, "encode"):
        maps = model.encode(recordings)  # (n, F, T')
        if maps.shape[2] > N_PIECES:
            return maps.swapaxes(1, 2)
    n_windows = N_PIECES * min(WINDOWS, length)
    padded = np.pad(recordings, ((0, 0), (0, 0), (length // 2, length)), mode="edge")
    starts = middles(n_windows, recordings.shape[2])
    windows = np.stack([padded[:, :, start : start + length] for start in starts], axis=1)  # (n, T', C, length)
    return np.asarray(model.transform(windows.reshape(-1, *windows.shape[2:]))).reshape(*windows.shape[:2], -1)


def middles(n_parts, n_steps):
    """Return the steps in the middle of equal parts of a recording."""
    return ((np.arange(n_parts) + 0.5) * n_steps / n_parts).astype(int)


def smoothed(is_event, width):
    """Return what most of the steps around each step say, (n, T)."""
    window = np.ones(width | 1) / (width | 1)
    return np.stack([np.convolve(one, window, mode="same") > 0.5 for one in is_event.astype(float)])


def event_f1(truth, predicted):
    """Return F1 of events: runs of steps, found where a predicted run covers the same steps by more than a half."""
    n_true = n_predicted = n_found = 0
    for true_steps, predicted_steps in zip(truth, predicted, strict=True):
        true_runs, predicted_runs = runs(true_steps), runs(predicted_steps)
        n_true, n_predicted = n_true + len(true_runs), n_predicted + len(predicted_runs)
        n_found += sum(overlap(one, other) > OVERLAP for one in true_runs for other in predicted_runs)
    return 2 * n_found / max(1, n_true + n_predicted)


def runs(is_event):
    """Return start and end of all runs of true steps, (n, 2)."""
    return np.flatnonzero(np.diff(np.concatenate([[0], is_event.astype(int), [0]]))).reshape(-1, 2)


def overlap(one, other):
    """Return the intersection of two runs over their union."""
    both = min(one[1], other[1]) - max(one[0], other[0])
    return both / (max(one[1], other[1]) - min(one[0], other[0]))
