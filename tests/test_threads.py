"""Fitted estimators can be used by many threads at once, and by forked processes: using them changes nothing."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from shared import small, untouched, untouched_generators
from sklearn.base import is_regressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_ssl import SSLClassifier, VICRegTransformer
from sklearn_ssl._engine import random_streams
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.evaluation import collapse_report, linear_probe, robustness_report
from sklearn_ssl.testing import all_estimators, cheap_instance

N_THREADS = 8
METHODS = ("transform", "encode", "predict", "predict_proba", "decision_function")
X, y = make_waves(n_cases=64, n_channels=1, n_timepoints=40, random_state=0)
PADDED = X.copy()
PADDED[np.arange(64) % 3 == 1, :, 23:] = np.nan
PADDED[::4, :, 30:] = np.nan


def questions(estimator):
    """Return a function for each method and each number of series, with and without padding."""
    takes_padding = "transform" not in dir(estimator) or hasattr(estimator, "net_")
    inputs = [given[:n] for given in ((X, PADDED) if takes_padding else (X,)) for n in (1, 2, 64)]
    methods = [getattr(estimator, name) for name in METHODS if hasattr(estimator, name)]
    return [(method, part) for method in methods for part in inputs]


def values(output):
    return list(output) if isinstance(output, (list, tuple)) else [output]


@pytest.mark.filterwarnings("ignore:Dimensional collapse")  # of projections of a width of 8 after a few steps
@pytest.mark.parametrize("cls", [cls for _, cls in all_estimators()], ids=lambda cls: cls.__name__)
def test_threads_get_the_answers_of_one(cls):
    estimator = cheap_instance(cls)
    estimator.fit(X, y.astype(float) if is_regressor(estimator) else y)
    asked = questions(estimator)
    if not asked:
        pytest.skip("it neither predicts nor transforms")
    expected = [method(part) for method, part in asked]
    with ThreadPoolExecutor(N_THREADS) as threads:
        answers = list(threads.map(lambda index: asked[index][0](asked[index][1]), list(range(len(asked))) * 3))
    for answer, reference in zip(answers, expected * 3, strict=True):
        for one, other in zip(values(answer), values(reference), strict=True):
            assert_array_equal(one, other)


@pytest.mark.parametrize("make", [small, lambda: small(VICRegTransformer)], ids=["SimCLR", "VICReg"])
def test_using_a_transformer_changes_nothing(make):
    transformer = make().fit(X)
    assert not any(part.training for part in transformer.net_.module_.modules())
    with untouched(transformer), ThreadPoolExecutor(N_THREADS) as threads:
        list(threads.map(lambda n: (transformer.transform(X[:n]), transformer.encode(PADDED[:n])), [1, 2, 64] * 8))


def test_scorers_and_reports_of_threads_are_those_of_one():
    classifier = SSLClassifier(small(), max_epochs=1, random_state=0).fit(X, y)
    transformer = classifier.transformer_
    jobs = [
        lambda: classifier.score(X, y),
        lambda: linear_probe(transformer, X, y, cv=2).score,
        lambda: collapse_report(transformer, X).features.effective_rank,
        lambda: robustness_report(classifier, X, y, corruptions=["pgd", "noise"], severities=[0.1], pgd_steps=2).scores,
    ]
    expected = [job() for job in jobs]
    with untouched(transformer), untouched(classifier), ThreadPoolExecutor(N_THREADS) as threads:
        answers = list(threads.map(lambda job: job(), jobs * 4))
    for answer, reference in zip(answers, expected * 4, strict=True):
        assert_array_equal(answer, reference)


@pytest.mark.parametrize("name", ["small", "WCCNTransformer", "SSLClassifier"])
def test_answers_during_partial_fit_are_of_the_model_before_or_after(name):
    classes = dict(all_estimators())
    estimator = small() if name == "small" else cheap_instance(classes[name])
    estimator.fit(X, y)
    ask = estimator.predict_proba if name == "SSLClassifier" else estimator.transform
    states = [ask(X)]
    with ThreadPoolExecutor(2) as threads:
        for _ in range(3):
            training = threads.submit(estimator.partial_fit, X, y)
            answers = [ask(X)]
            while not training.done():
                answers.append(ask(X))
            training.result()
            states.append(ask(X))
            for answer in answers:
                assert any(answer.shape == state.shape and np.array_equal(answer, state) for state in states[-2:]), (
                    "an answer is of neither model"
                )
    assert not np.array_equal(states[0], states[-1])


def test_a_pipeline_can_be_shared():
    pipeline = make_pipeline(small(), LogisticRegression()).fit(X, y)
    expected = pipeline.predict_proba(X)
    with untouched_generators(), ThreadPoolExecutor(N_THREADS) as threads:
        for answer in threads.map(lambda row: pipeline.predict_proba(X[row : row + 1]), range(64)):
            assert np.abs(answer - expected).max(axis=1).min() < 1e-6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_does_not_wait_for_a_thread_that_is_not_there():
    with ThreadPoolExecutor(1) as threads:
        threads.submit(random_streams.GENERATORS_IN_USE.acquire).result()
        child = os.fork()
        if child == 0:
            free = random_streams.GENERATORS_IN_USE.acquire(timeout=5)
            os._exit(0 if free else 1)
        threads.submit(random_streams.GENERATORS_IN_USE.release).result()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert torch.get_rng_state() is not None
