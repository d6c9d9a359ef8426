"""Each check of `sklearn_ssl.testing` fails on an estimator that breaks what it is for, and on that only."""

import contextlib
import itertools

import numpy as np
import pytest
import torch
from shared import small
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LinearRegression, LogisticRegression

from sklearn_ssl import RandomEncoderTransformer, SimCLRTransformer, SSLRegressor, VICRegTransformer
from sklearn_ssl import testing as checks
from sklearn_ssl._input.collections import validated_collection

COUNT = itertools.count()


class Means(TransformerMixin, BaseEstimator):
    """Keeps every promise that is made for all collections."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y=None):
        collection = validated_collection(self, X, reset=True)
        self.size_ = len(collection)
        return self

    def transform(self, X):
        return np.nanmean(validated_collection(self, X, reset=False).values, axis=2)


def breaking(check, **methods):
    """Return a case: a check, and a class of which it must fail."""
    return pytest.param(check, type("Broken", (Means,), methods), id=f"{check.__name__}-{'-'.join(methods)}")


def _plus(value):
    return lambda self, X: Means.transform(self, X) + value


def _fit_with(effect):
    def fit(self, X, y=None):
        effect(self, X)
        return Means.fit(self, X, y)

    return fit


def _plus_a_hair(self, X):
    return Means.transform(self, X) + 1e-9 * next(COUNT)


def _overwrite(self, X):
    if isinstance(X, np.ndarray) and X.dtype.kind == "f":
        X[0, 0, 0] = 3


def _centred(self, X):
    means = Means.transform(self, X)
    return means - means.mean(axis=0)


def _forgetting(self, X, y=None):
    vars(self).pop("size_", None)
    self.offset_ = next(COUNT)
    return Means.fit(self, X, y)


class Forgetful(Means):
    def __getstate__(self):
        return {**vars(self), "size_": 0}

    def transform(self, X):
        return super().transform(X) + self.size_


class ForgetfulByAHair(Means):
    def __getstate__(self):
        return {**vars(self), "hair_": 1e-9}

    def transform(self, X):
        return super().transform(X) + getattr(self, "hair_", 0)


BAD_INPUT = {
    "infinite": lambda X: isinstance(X, np.ndarray) and X.dtype.kind == "f" and np.isinf(X).any(),
    "strings": lambda X: isinstance(X, np.ndarray) and X.dtype.kind == "U",
    "no time step": lambda X: isinstance(X, np.ndarray) and X.shape[-1] == 0,
    "four dimensions": lambda X: isinstance(X, np.ndarray) and X.ndim == 4,
    "mixed channels": lambda X: isinstance(X, list),
    "one channel": lambda X: isinstance(X, np.ndarray) and X.shape[1] == 1,
}


def _unless(is_bad, method, instead):
    return lambda self, X, *more: instead(self, X) if is_bad(X) else method(self, X, *more)


def accepting(what, method):
    """Return a class that takes one kind of bad input."""
    instead = {"fit": lambda self, X: self, "transform": lambda self, X: np.zeros((len(X), 2))}[method]
    return type("Accepting", (Means,), {method: _unless(BAD_INPUT[what], getattr(Means, method), instead)})


@pytest.mark.parametrize("method", ["fit", "transform"])
@pytest.mark.parametrize("what", BAD_INPUT)
def test_bad_input_that_is_taken_is_seen(what, method):
    if (what, method) == ("one channel", "fit"):  # another fit may have other channels
        return
    words = "another number of channels" if what == "one channel" else what
    with pytest.raises(AssertionError, match=f"accepted {words}"):
        checks.check_bad_input_changes_nothing(accepting(what, method)())


class ForgetfulEncoder(RandomEncoderTransformer):
    def __getstate__(self):
        return {**super().__getstate__(), "device": "meta"}

    def transform(self, X):
        return super().transform(X) + (self.device == "meta")


def _by_a_hair(fit):
    """Return methods that differ in the last digits by what `fit` returns."""
    return {
        "fit": _fit_with(lambda self, X: setattr(self, "hair_", 1e-9 * fit(self))),
        "transform": lambda self, X: Means.transform(self, X) + self.hair_,
    }


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        breaking(checks.check_three_d, fit_transform=lambda self, X, y=None: self.fit(X).transform(X)[:-1]),
        breaking(
            checks.check_unequal_length, transform=lambda self, X: Means.transform(self, X)[isinstance(X, list) :]
        ),
        breaking(
            checks.check_unequal_length,
            transform=lambda self, X: Means.transform(self, X)[: len(X) - isinstance(X, list)],
        ),
        breaking(checks.check_deterministic, **_by_a_hair(lambda self: getattr(self, "hair_", 0) or next(COUNT))),
        breaking(checks.check_deterministic, **_by_a_hair(lambda self: hasattr(self, "hair_"))),
        breaking(checks.check_clone, **_by_a_hair(lambda self: next(COUNT))),
        breaking(checks.check_bad_input_changes_nothing, transform=_plus_a_hair),
        breaking(
            checks.check_two_d_is_one_channel, transform=lambda self, X: Means.transform(self, X)[: 20 - np.ndim(X)]
        ),
        breaking(checks.check_three_d, transform=lambda self, X: Means.transform(self, X)[1:]),
        breaking(checks.check_three_d, transform=_plus(np.nan)),
        breaking(checks.check_three_d, fit=_fit_with(_overwrite)),
        breaking(checks.check_three_d, fit_transform=lambda self, X, y=None: self.fit(X).transform(X) + 1),
        breaking(checks.check_two_d_is_one_channel, transform=lambda self, X: Means.transform(self, X) + np.ndim(X)),
        breaking(
            checks.check_unequal_length,
            transform=lambda self, X: Means.transform(self, X) + isinstance(X, np.ndarray),
        ),
        breaking(checks.check_unequal_length, transform=_plus(np.nan)),
        breaking(checks.check_deterministic, fit=_fit_with(lambda self, X: torch.rand(1))),
        breaking(checks.check_deterministic, fit=_fit_with(lambda self, X: np.random.rand())),  # noqa: NPY002
        breaking(checks.check_deterministic, transform=lambda self, X: Means.transform(self, X) + 1e-9 * next(COUNT)),
        breaking(checks.check_deterministic, __init__=lambda self, random_state=None: None),
        breaking(
            checks.check_clone,
            fit=_fit_with(lambda self, X: setattr(self, "random_state", 5)),
            transform=lambda self, X: Means.transform(self, X) + next(COUNT),
        ),
        pytest.param(checks.check_round_trips, Forgetful, id="check_round_trips"),
        pytest.param(checks.check_round_trips, ForgetfulByAHair, id="check_round_trips-by-a-hair"),
        breaking(checks.check_rows_are_independent, transform=_centred),
        breaking(checks.check_bad_input_changes_nothing, fit=lambda self, X, y=None: _anything(self, X)),
        breaking(checks.check_bad_input_changes_nothing, transform=lambda self, X: np.zeros((19, 2))),
        breaking(
            checks.check_bad_input_changes_nothing,
            fit=_forgetting,
            transform=lambda self, X: Means.transform(self, X) + self.offset_,
        ),
    ],
)
def test_a_broken_promise_is_seen(check, broken):
    if check is not checks.check_round_trips:  # it starts processes, and the common tests run it on all estimators
        check(Means())
    with pytest.raises((AssertionError, AttributeError, TypeError)):
        check(broken())


def _anything(self, X):
    self.n_channels_in_, self.size_ = 2, 19
    return self


def wrong_transformer(**methods):
    return type("Wrong", (RandomEncoderTransformer,), methods)


def _changed(name, change):
    def method(self, X):
        return change(getattr(RandomEncoderTransformer, name)(self, X), X)

    return method


BROKEN_ENCODERS = [
    (checks.check_features, {"transform": _changed("transform", lambda H, X: H.astype(np.float64))}),
    (checks.check_features, {"transform": _changed("transform", lambda H, X: H[:, 1:])}),
    (checks.check_features, {"encode": _changed("encode", lambda H, X: H[:, :, 0])}),
    (checks.check_features, {"encode": _changed("encode", lambda H, X: H[1:])}),
    (checks.check_features, {"encode": _changed("encode", lambda H, X: H * np.nan)}),
    (
        checks.check_padding_is_masked,
        {"transform": _changed("transform", lambda H, X: H + (np.shape(X)[-1] if isinstance(X, np.ndarray) else 0))},
    ),
    (
        checks.check_other_lengths,
        {"transform": _changed("transform", lambda H, X: H[:, : len(H[0]) - (np.shape(X)[-1] == 50)])},
    ),
    (
        checks.check_other_lengths,
        {"transform": _changed("transform", lambda H, X: H / (np.shape(X)[-1] != 1))},
    ),
    *(
        (
            checks.check_other_lengths,
            {"transform": _changed("transform", lambda H, X, length=length: H / (np.shape(X)[-1] != length))},
        )
        for length in (2, 5, 50)
    ),
    (checks.check_dtypes, {"transform": _changed("transform", lambda H, X: H + (X.dtype == np.int32))}),
    (checks.check_dtypes, {"transform": _changed("transform", lambda H, X: H * (1 + 1e-6 * (X.dtype == np.int32)))}),
    (checks.check_padding_is_masked, {"transform": _changed("transform", lambda H, X: H + (len(X) == 1))}),
    (checks.check_dtypes, {"transform": _changed("transform", lambda H, X: H + (X.dtype == np.float64))}),
    (
        checks.check_gaps_and_single_series,
        {"partial_fit": lambda self, X, y=None: self},
    ),
    (
        checks.check_gaps_and_single_series,
        {"transform": _changed("transform", lambda H, X: H + next(COUNT))},
    ),
    (
        checks.check_gaps_and_single_series,
        {"transform": _changed("transform", lambda H, X: H * (1 + 1e-6 * next(COUNT)))},
    ),
]


@pytest.mark.parametrize(("check", "methods"), BROKEN_ENCODERS, ids=lambda one: getattr(one, "__name__", "broken"))
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_broken_promise_of_a_transformer_is_seen(check, methods):
    check(small(RandomEncoderTransformer))
    with pytest.raises(AssertionError), np.errstate(all="ignore"):
        check(small(wrong_transformer(**methods)))


@pytest.mark.parametrize("method", ["fit", "partial_fit", "transform"])
@pytest.mark.parametrize(
    ("what", "is_bad"),
    [
        ("a gap inside a series", lambda X: np.isnan(X).any() and not np.isnan(X).all(axis=(1, 2)).any()),
        ("a series without time steps", lambda X: np.isnan(X).all(axis=(1, 2)).any()),
        ("one series", lambda X: len(X) == 1),
    ],
)
def test_gaps_and_single_series_that_are_taken_are_seen(method, what, is_bad):
    if what == "one series" and method != "fit":  # which may continue on one, and transform it
        return
    instead = (lambda self, X: np.zeros((19, 8))) if method == "transform" else (lambda self, X: self)
    broken = wrong_transformer(**{method: _unless(is_bad, getattr(RandomEncoderTransformer, method), instead)})
    with pytest.raises(AssertionError, match=f"accepted {what}"):
        checks.check_gaps_and_single_series(small(broken))


class HairyEncoder(RandomEncoderTransformer):
    def __getstate__(self):
        return {**super().__getstate__(), "hair_": 1e-6}

    def transform(self, X):
        return super().transform(X) * (1 + getattr(self, "hair_", 0))


class EveryFirstPartialFitIsAnother(HairyEncoder):
    def __getstate__(self):
        return RandomEncoderTransformer.__getstate__(self)

    def partial_fit(self, X, y=None):
        self.hair_ = getattr(self, "hair_", 0) if hasattr(self, "net_") else 1e-6 * next(COUNT)
        return super().partial_fit(X, y)


@pytest.mark.parametrize("cls", [ForgetfulEncoder, HairyEncoder, EveryFirstPartialFitIsAnother])
def test_a_transformer_whose_partial_fit_or_pickle_changes_it_is_seen(cls):
    with pytest.raises((AssertionError, ValueError)):
        checks.check_partial_fit(small(cls))


def test_all_checks_are_run():
    names = [check.func.__name__ for check in checks.ssl_checks(small())]
    written = [name for name in vars(checks) if name.startswith("check_") and name != "check_ssl_estimator"]
    assert sorted(names) == sorted(written)
    only_collections = [check.func.__name__ for check in checks.ssl_checks(Means())]
    assert set(names) - set(only_collections) == {check.__name__ for check in checks.ENCODER_CHECKS}


def test_check_ssl_estimator_runs_them():
    with pytest.raises(AssertionError, match="was used"):
        checks.check_ssl_estimator(type("Drawing", (Means,), {"fit": _fit_with(lambda self, X: torch.rand(1))})())


def test_estimators_are_all_public_ones_by_name():
    found = dict(checks.all_estimators())
    assert list(found) == sorted(found)
    assert {"VICRegTransformer", "SSLRegressor", "ChannelWise"} <= set(found)
    assert not any(name.startswith("_") for name in found)


def test_cheap_instances_are_cheap():
    cheap = checks.cheap_instance(VICRegTransformer)
    assert (cheap.max_epochs, cheap.batch_size, cheap.random_state) == (1, 16, 0)
    assert checks.cheap_instance(SSLRegressor).transformer.encoder.width == 64
    few = {"n_windows": 3, "n_crops": 1, "n_speeds": 3, "n_slices": 8, "n_attack_steps": 1}
    for _, cls in checks.all_estimators():
        parameters = checks.cheap_instance(cls).get_params(deep=False)
        assert all(parameters.get(name, number) == number for name, number in few.items())


def test_targets_fit_what_is_checked():
    X = np.zeros((5, 1, 4))
    assert checks._target(Means(), X) is None
    assert checks._target(LogisticRegression(), X).tolist() == [0, 1, 0, 1, 0]
    assert checks._target(LinearRegression(), X).tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_predictors_have_reasons_for_the_checks_that_they_fail():
    assert set(checks.expected_failed_checks(SSLRegressor())) == {"check_sample_weight_equivalence_on_dense_data"}
    assert checks.expected_failed_checks(SimCLRTransformer()) == {}


@pytest.mark.parametrize(("error", "is_close"), [(0.9e-5, True), (1.1e-5, False)])
@pytest.mark.parametrize("value", [0.0, 1e4])
def test_how_close_is_close(value, error, is_close):
    error *= 1 if value == 0 else 10 * value
    context = contextlib.nullcontext() if is_close else pytest.raises(AssertionError)
    with context:
        checks._assert_close([value + error], [value])


def test_series_of_unequal_length_are_all_of_another():
    assert [series.shape for series in checks._unequal()] == [(2, length) for length in range(6, 25)]
