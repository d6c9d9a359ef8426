"""Checks that every estimator of this library passes, for its own tests and for yours.

`check_ssl_estimator` checks estimators on collections of series, as `sklearn.utils.estimator_checks.check_estimator`
does on tables. Run both on an estimator that you write.
"""

import inspect
import pickle
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import joblib
import numpy as np
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin, clone, is_classifier
from sklearn.utils import get_tags

import sklearn_ssl
from sklearn_ssl import preprocessing
from sklearn_ssl._input.labels import UNLABELLED
from sklearn_ssl.base import AdversarialTransformer, EmbeddingTransformer, ReconstructingTransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ChannelTransformerEncoder, Encoder, ResNetEncoder, TCNEncoder, TransformerEncoder
from sklearn_ssl.fine_tuning import EncoderPredictor, JointClassifier
from sklearn_ssl.generators import ConvGenerator
from sklearn_ssl.imputation import MaskedImputer
from sklearn_ssl.projectors import MLPProjector
from sklearn_ssl.replay import MinRedBuffer, ReplayTransformer


def all_estimators() -> list[tuple[str, type]]:
    """List the public estimators.

    Returns
    -------
    list of (name, class)
        Sorted by name.

    Examples
    --------
    >>> from sklearn_ssl.testing import all_estimators
    >>> "VICRegTransformer" in dict(all_estimators())
    True
    """
    public = [getattr(module, name) for module in (sklearn_ssl, preprocessing) for name in module.__all__]
    found = {one.__name__: one for one in public if inspect.isclass(one) and issubclass(one, BaseEstimator)}
    return sorted(found.items())


def cheap_instance(cls: type) -> Any:
    """Return an estimator of a class whose fit takes a fraction of a second.

    Parameters
    ----------
    cls : type
        A class of `all_estimators`.
    """
    small = {
        "encoder": small_encoder_for(cls),
        "projector": MLPProjector(width=8, norm="none" if _hides(cls) else "batch"),
        "generator": ConvGenerator(width=8),
        "width": 8,
        "n_windows": 3,
        "n_segments": 2,
        "n_bins": 4,
        "n_crops": 1,
        "n_speeds": 3,
        "n_slices": 8,
        "n_attack_steps": 1,
        "max_epochs": 1,
        "batch_size": 16,
        "n_horizons": 2,
        "n_kernels": 2,
        "n_negatives": 2,
        "n_samples": 2,
        "context_width": 8,
        "context_depth": 1,
        "n_codes": 2,
        "n_noise": 4,
        "n_updates": 1,
        "buffer": MinRedBuffer(size=16),
        "device": "cpu",
        "random_state": 0,
    }
    if issubclass(cls, MaskedImputer):
        small["transformer"] = cheap_instance(sklearn_ssl.TSTTransformer)
    if issubclass(cls, sklearn_ssl.ZeroShotClassifier):
        small["transformer"] = cheap_instance(sklearn_ssl.CLIPTransformer).set_params(max_epochs=3, lr=1e-2)
    if issubclass(cls, ReplayTransformer):
        small["transformer"] = cheap_instance(sklearn_ssl.SimSiamTransformer).set_params(random_state=None)
    if issubclass(cls, EncoderPredictor):
        # scikit-learn's checks want 200 or 300 series to be fitted well, for which a width of 4 has too few features
        width = 64 if issubclass(cls, RegressorMixin) else 12 if issubclass(cls, JointClassifier) else 4
        default = type(cls().resolved("transformer"))
        start = default if issubclass(default, ReconstructingTransformer) else sklearn_ssl.SimCLRTransformer
        small["transformer"] = cheap_instance(start).set_params(encoder__width=width)
        small["n_steps"] = 0  # at each prediction; the checks predict thousands of series
        small["max_epochs"] = 2
    if issubclass(cls, JointClassifier):
        small |= {"batch_size": 32, "labelled_batch_size": 32, "lr": 8e-3}  # as well, in fewer steps
    names = inspect.signature(cls).parameters
    return cls(**{name: value for name, value in {**small, **small_stages_of(cls)}.items() if name in names})


def small_stages_of(cls: type) -> dict[str, Any]:
    """Return small transformers for the fields of a class that hold one which is fitted first."""
    names = getattr(cls, "_stages", ())
    cheap = {name: cheap_instance(type(cls().resolved(name))) for name in names}
    return {name: one.set_params(encoder=None, max_epochs=0, random_state=None) for name, one in cheap.items()}


def small_encoder_for(cls: type) -> Encoder:
    """Return a small encoder that suits a class: with windows of one step where its default encoder has windows."""
    default: Any = type(cls().resolved("encoder")) if "encoder" in inspect.signature(cls).parameters else ResNetEncoder
    if issubclass(default, (TransformerEncoder, ChannelTransformerEncoder)):
        return default(depth=2, width=4, n_heads=1, window=1, dropout=0.0)
    if issubclass(default, TCNEncoder):  # maxima of few features that are zero or above would say little
        return cls().resolved("encoder").set_params(depth=1, width=8, n_features=16)
    norm = "layer" if _hides(cls) or issubclass(cls, AdversarialTransformer) else "batch"
    return ResNetEncoder(depth=1, width=4, norm=norm)


def _hides(cls: type) -> bool:
    return "masking" in inspect.signature(cls).parameters


def expected_failed_checks(estimator: Any) -> dict[str, str]:
    """Return which of scikit-learn's checks an estimator does not pass, and why.

    Parameters
    ----------
    estimator : estimator
        An instance of a public class.

    Returns
    -------
    dict of str
        Reasons by the name of the check, for `sklearn.utils.estimator_checks.check_estimator`.

    Examples
    --------
    >>> from sklearn_ssl import VICRegTransformer
    >>> from sklearn_ssl.testing import expected_failed_checks
    >>> expected_failed_checks(VICRegTransformer())
    {}
    """
    if not isinstance(estimator, EncoderPredictor):
        return {}
    random_views = "views and batches are random, so a weight of two is not the same as a series given twice"
    reserved = {"check_classifiers_classes": "-1 marks an unlabelled series, as in sklearn.semi_supervised"}
    return {
        "check_sample_weight_equivalence_on_dense_data": random_views,
        **(reserved if is_classifier(estimator) and estimator.unlabelled == UNLABELLED else {}),
    }


def ssl_checks(estimator: Any) -> Iterator[Callable[[], None]]:
    """Yield the checks that apply to an estimator, each ready to call and named by ``check.func.__name__``.

    Parameters
    ----------
    estimator : estimator
        An estimator with `fit` and `transform` or `predict`. It needs a `random_state` if it draws random numbers.
    """
    has_encoder = isinstance(estimator, (EmbeddingTransformer, ReplayTransformer))
    for check in (*COLLECTION_CHECKS, *(ENCODER_CHECKS if has_encoder else ())):
        yield partial(check, clone(estimator))


def check_ssl_estimator(estimator: Any) -> None:
    """Check an estimator of series: 3-D input, unequal length, determinism, pickling, partial fits and bad input.

    Parameters
    ----------
    estimator : estimator
        An unfitted transformer, outlier detector, classifier or regressor. It is cloned.

    Raises
    ------
    AssertionError
        If a check fails.

    Examples
    --------
    >>> from sklearn_ssl import RandomEncoderTransformer
    >>> from sklearn_ssl.testing import check_ssl_estimator
    >>> check_ssl_estimator(RandomEncoderTransformer(random_state=0))
    """
    for check in ssl_checks(estimator):
        check()


def _series() -> Any:
    X, _ = make_waves(n_cases=19, n_channels=2, n_timepoints=32, random_state=0)
    return X


def _unequal() -> Any:
    return [series[:, : 6 + case] for case, series in enumerate(_series())]


def _padded(series: list[np.ndarray], more: int = 0) -> np.ndarray:
    longest = max(one.shape[1] for one in series) + more
    X = np.full((len(series), series[0].shape[0], longest), np.nan, dtype=np.float32)
    for case, one in enumerate(series):
        X[case, :, : one.shape[1]] = one
    return X


def _rows(output: Any) -> list[np.ndarray]:
    return [np.asarray(row) for row in output]


def _assert_same(actual: Any, expected: Any, *, exactly: bool = False) -> None:
    compare = assert_array_equal if exactly else _assert_close
    for one, other in _pairs(actual, expected):
        compare(one, other)


def _pairs(actual: Any, expected: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pair the rows of two outputs, which must have as many."""
    rows, others = _rows(actual), _rows(expected)
    assert len(rows) == len(others), f"{len(rows)} rows in the place of {len(others)}"
    return [(one, others[case]) for case, one in enumerate(rows)]


def _assert_close(actual: Any, expected: Any) -> None:
    assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


def _fit(estimator: Any, X: Any) -> Any:
    return estimator.fit(X, _target(estimator, X))


def _partial_fit(estimator: Any, X: Any) -> Any:
    return estimator.partial_fit(X, _target(estimator, X))


def _target(estimator: Any, X: Any) -> np.ndarray | None:
    if not get_tags(estimator).target_tags.required:
        return None
    return np.arange(len(X)) % 2 if is_classifier(estimator) else np.linspace(0, 1, len(X))


def _apply(estimator: Any, X: Any) -> Any:
    method = next(name for name in ("transform", "predict_proba", "predict") if hasattr(estimator, name))
    return getattr(estimator, method)(X)


def check_three_d(estimator: Any) -> None:
    """Give one finite row per series, and the same from `fit_transform` as from `fit` and `transform`."""
    X = _series()
    before = X.copy()
    first = _apply(_fit(clone(estimator), X), X)
    if hasattr(estimator, "fit_transform"):
        _assert_same(clone(estimator).fit_transform(X, _target(estimator, X)), first)
    assert len(first) == len(X)
    assert all(np.isfinite(row).all() for row in _rows(first))
    assert_array_equal(X, before, err_msg="the input was changed")


def check_two_d_is_one_channel(estimator: Any) -> None:
    """Treat a 2-D array as series of one channel."""
    X = _series()[:, 0]
    flat = _apply(_fit(clone(estimator), X), X)
    deep = _apply(_fit(clone(estimator), X[:, None]), X[:, None])
    _assert_same([row.ravel() for row in _rows(flat)], [row.ravel() for row in _rows(deep)])


def check_unequal_length(estimator: Any) -> None:
    """Treat a list of series of unequal length as the array padded with NaN, row by row."""
    series = _unequal()
    ragged = _fit(clone(estimator), series)
    padded = _fit(clone(estimator), _padded(series))
    of_list, of_array = _apply(ragged, series), _apply(padded, _padded(series))
    for one, other in _pairs(of_list, of_array):
        assert np.isfinite(one).all()
        _assert_close(other.ravel()[~np.isnan(other.ravel())], one.ravel())


def check_deterministic(estimator: Any) -> None:
    """Give bit-identical output for the same `random_state`, and leave the global generators alone."""
    X = _series()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    states = random.getstate(), str(np.random.get_state()), torch.get_rng_state()  # noqa: NPY002
    first = _fit(clone(estimator), X)
    output = _apply(first, X)
    assert random.getstate() == states[0], "Python's generator was used"
    assert str(np.random.get_state()) == states[1], "NumPy's global generator was used"  # noqa: NPY002
    assert_array_equal(torch.get_rng_state(), states[2], err_msg="PyTorch's global generator was used")
    torch.manual_seed(2)
    _assert_same(_apply(_fit(clone(estimator), X), X), output, exactly=True)
    _assert_same(_apply(_fit(first, X), X), output, exactly=True)


def check_clone(estimator: Any) -> None:
    """Keep every parameter in a clone, which is unfitted and fits to the same."""
    X = _series()
    fitted = _fit(estimator, X)
    copy = clone(fitted)
    assert str(copy.get_params()) == str(fitted.get_params())
    _assert_same(_apply(_fit(copy, X), X), _apply(fitted, X), exactly=True)


def check_round_trips(estimator: Any) -> None:
    """Give the same output after pickle and joblib, in a process of its own."""
    X = _series()
    expected = _apply(_fit(estimator, X), X)
    _assert_same(_apply(pickle.loads(pickle.dumps(estimator)), X), expected, exactly=True)
    with TemporaryDirectory() as folder:
        paths = {joblib.load: Path(folder) / "estimator.joblib", _unpickled: Path(folder) / "estimator.pickle"}
        joblib.dump(estimator, paths[joblib.load])
        paths[_unpickled].write_bytes(pickle.dumps(estimator))
        jobs = [joblib.delayed(_load_and_transform)(load, path, X) for load, path in paths.items()]
        outputs = joblib.Parallel(n_jobs=2)(jobs)
    for output in outputs:
        _assert_same(output, expected)


def _load_and_transform(load: Callable, path: Path, X: np.ndarray) -> Any:
    return _apply(load(path), X)


def _unpickled(path: Path) -> Any:
    return pickle.loads(path.read_bytes())


def check_rows_are_independent(estimator: Any) -> None:
    """Transform every series alike, alone or among others."""
    X = _series()
    together = _apply(_fit(estimator, X), X)
    alone = [_apply(estimator, X[case : case + 1])[0] for case in range(len(X))]
    _assert_same(alone, together)


def check_bad_input_changes_nothing(estimator: Any) -> None:
    """Refuse bad input with a ValueError or TypeError, and stay as fitted before."""
    X = _series()
    expected = _apply(_fit(estimator, X), X)
    infinite, words = X.copy(), np.full(X.shape, "a")
    infinite[3, 1, 5] = np.inf
    bad = {"infinite values": infinite, "strings": words, "no time step": X[:, :, :0], "four dimensions": X[None]}
    bad["mixed channels"] = [X[0], X[1][:1]]
    for what, Z in bad.items():
        for method in (partial(_fit, estimator), partial(_apply, estimator)):
            _assert_refused(method, Z, what)
    _assert_refused(partial(_apply, estimator), X[:, :1], "another number of channels")
    _assert_same(_apply(estimator, X), expected, exactly=True)


def _assert_refused(method: Callable, X: Any, what: str) -> None:
    try:
        method(X)
    except (ValueError, TypeError):
        return
    raise AssertionError(f"{getattr(method, '__name__', 'transform')} accepted {what}")


def check_features(estimator: Any) -> None:
    """Give float32 features with names, as data frame too, and feature maps per time step."""
    X = _series()
    features = _fit(estimator, X).transform(X)
    names = estimator.get_feature_names_out()
    assert features.dtype == np.float32
    assert features.shape == (len(X), len(names))
    maps = estimator.encode(X)
    assert maps.ndim == 3
    assert len(maps) == len(X)
    assert np.isfinite(maps).all()


def check_padding_is_masked(estimator: Any) -> None:
    """Give the same features however much padding the batch adds."""
    series = _unequal()
    features = _fit(estimator, series).transform(series)
    _assert_close(estimator.transform(_padded(series, more=17)), features)
    shortest = estimator.transform(np.stack([series[0]]))
    _assert_close(shortest[0], features[0])


def check_other_lengths(estimator: Any) -> None:
    """Accept any length at transform, from one time step up."""
    X = _series()
    width = _fit(estimator, X).transform(X).shape[1]
    for length in (1, 2, 5, 50):
        features = estimator.transform(np.resize(X, (3, X.shape[1], length)))
        assert features.shape == (3, width)
        assert np.isfinite(features).all()


def check_dtypes(estimator: Any) -> None:
    """Give the same features for float64, float32 and whole numbers of the same values."""
    X = np.round(_series() * 4)
    expected = _fit(clone(estimator), X.astype(np.float32)).transform(X.astype(np.float32))
    for dtype in (np.float64, np.int32):
        features = _fit(clone(estimator), X.astype(dtype)).transform(X.astype(dtype))
        _assert_same(features, expected, exactly=True)


def check_partial_fit(estimator: Any) -> None:
    """Continue after pickling exactly as without, and leave features alone when there is nothing to learn from."""
    X = _series()
    once = _fit(estimator, X)
    copy = pickle.loads(pickle.dumps(once))
    for _ in range(2):
        _partial_fit(once, X)
        _partial_fit(copy, X)
    _assert_same(copy.transform(X), once.transform(X), exactly=True)
    fresh = _partial_fit(clone(estimator), X).transform(X)
    _assert_same(_partial_fit(clone(estimator), X).transform(X), fresh, exactly=True)


def check_gaps_and_single_series(estimator: Any) -> None:
    """Refuse gaps inside series and a fit on one series, and stay as fitted before."""
    X = _series()
    expected = _fit(estimator, X).transform(X)
    gap = X.copy()
    gap[2, 0, 3] = np.nan
    empty = X.copy()
    empty[2] = np.nan
    for method in (partial(_fit, estimator), partial(_partial_fit, estimator), estimator.transform):
        _assert_refused(method, gap, "a gap inside a series")
        _assert_refused(method, empty, "a series without time steps")
    _assert_refused(partial(_fit, estimator), X[:1], "one series")
    _assert_same(estimator.transform(X), expected, exactly=True)


COLLECTION_CHECKS = (
    check_three_d,
    check_two_d_is_one_channel,
    check_unequal_length,
    check_deterministic,
    check_clone,
    check_round_trips,
    check_rows_are_independent,
    check_bad_input_changes_nothing,
)
ENCODER_CHECKS = (
    check_features,
    check_padding_is_masked,
    check_other_lengths,
    check_dtypes,
    check_partial_fit,
    check_gaps_and_single_series,
)
