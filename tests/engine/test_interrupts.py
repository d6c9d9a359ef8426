"""Ctrl-C: it takes effect between two steps, keeps what was learnt, and goes through to the caller."""

import os
import signal
import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from shared import small
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback, EarlyStopping

from sklearn_ssl import SimCLRTransformer, SSLClassifier, WCCNTransformer
from sklearn_ssl._engine.checkpoint import EpochCheckpoint
from sklearn_ssl._engine.interrupts import DeferredInterrupt
from sklearn_ssl.datasets import make_waves

X, y = make_waves(n_cases=24, n_channels=2, n_timepoints=30, random_state=0)

# For each event in the second of two epochs of three steps: the steps that are taken until the interrupt takes effect.
STEPS = {
    "on_train_begin": 1,
    "on_epoch_begin": 4,
    "on_batch_begin": 4,
    "on_batch_end": 5,
    "on_epoch_end": 6,
    "on_train_end": 6,
}


@pytest.fixture(autouse=True)
def interruptible():
    """Let Ctrl-C interrupt, also where the tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press():
    os.kill(os.getpid(), signal.SIGINT)


class PressingOnce(Callback):
    """Press Ctrl-C at an event, in the second epoch if it has one. The event itself is not cut short."""

    pressed = False
    finished = False

    def __init__(self, event):
        self.event = event

    def notify(self, name, net):
        late = len(net.history) == 2 or name == "on_train_begin"
        if name == self.event and not type(self).pressed and (late or name == "on_train_end"):
            type(self).pressed = True
            press()
            type(self).finished = True


for _name in STEPS:
    setattr(PressingOnce, _name, lambda self, net, *, _name=_name, **kwargs: self.notify(_name, net))


@pytest.fixture
def pressing(monkeypatch):
    monkeypatch.setattr(PressingOnce, "pressed", False)
    monkeypatch.setattr(PressingOnce, "finished", False)

    def callbacks(event="on_batch_begin"):
        return {"callbacks": [PressingOnce(event)]}

    return callbacks


def undisturbed(**parameters):
    return small(max_epochs=2, **parameters).fit(X)


class TestDeferredInterrupt:
    def test_it_waits_for_its_release(self):
        before = signal.getsignal(signal.SIGINT)
        with DeferredInterrupt() as interrupt:
            assert not interrupt.noted
            interrupt.release()
            press()
            assert interrupt.noted
            with pytest.raises(KeyboardInterrupt):
                interrupt.release()
            interrupt.release()
        assert signal.getsignal(signal.SIGINT) is before

    def test_the_end_of_the_block_releases_it(self):
        with pytest.raises(KeyboardInterrupt), DeferredInterrupt():
            press()

    def test_a_second_one_does_not_wait(self):
        reached = False
        with pytest.raises(KeyboardInterrupt), DeferredInterrupt():  # noqa: PT012
            press()
            press()
            reached = True
        assert not reached

    def test_a_handler_of_the_caller_is_called(self, monkeypatch):
        calls = []
        before = signal.signal(signal.SIGINT, lambda *arguments: calls.append(arguments))
        try:
            with DeferredInterrupt() as interrupt:
                press()
                assert calls == []
                interrupt.release()
                assert calls == [(signal.SIGINT, None)]
        finally:
            signal.signal(signal.SIGINT, before)

    def test_other_threads_are_left_alone(self):
        before = signal.getsignal(signal.SIGINT)
        seen = []

        def block():
            with DeferredInterrupt():
                seen.append(signal.getsignal(signal.SIGINT))

        thread = threading.Thread(target=block)
        thread.start()
        thread.join()
        assert seen == [before]


@pytest.mark.parametrize("event", STEPS)
class TestAtEveryEvent:
    def test_what_was_learnt_is_kept(self, event, pressing):
        fitted = small(max_epochs=2, net_params=pressing(event))
        with pytest.raises(KeyboardInterrupt) as error:
            fitted.fit(X)
        assert PressingOnce.finished, "the callback was cut short"
        assert fitted.net_.steps_ == STEPS[event]
        assert not any(part.training for part in fitted.net_.module_.modules())
        assert np.isfinite(fitted.transform(X)).all()
        assert "keeps what it learnt" in error.value.__notes__[0]

    def test_the_checkpoint_stays_and_the_next_fit_ends_as_an_undisturbed_one(self, event, pressing, tmp_path):
        fitted = small(max_epochs=2, net_params=pressing(event), checkpoint=tmp_path)
        with pytest.raises(KeyboardInterrupt):
            fitted.fit(X)
        assert len(list(tmp_path.iterdir())) == (event != "on_train_begin")
        assert_array_equal(fitted.fit(X).transform(X), undisturbed().transform(X))
        assert list(tmp_path.iterdir()) == []


class TestCheckpoint:
    def test_writing_is_not_cut_short(self, tmp_path, monkeypatch):
        write = EpochCheckpoint.on_epoch_end

        def write_and_press(checkpoint, net, **kwargs):
            press()
            write(checkpoint, net, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(EpochCheckpoint, "on_epoch_end", write_and_press)
            with pytest.raises(KeyboardInterrupt):
                small(max_epochs=2, checkpoint=tmp_path).fit(X)
        assert len(list(tmp_path.iterdir())) == 1
        assert_array_equal(small(max_epochs=2, checkpoint=tmp_path).fit_transform(X), undisturbed().transform(X))

    def test_an_interrupt_raised_in_it_is_no_stop_on_purpose(self, tmp_path, monkeypatch):
        write = EpochCheckpoint.on_epoch_end

        def write_and_raise(checkpoint, net, **kwargs):
            write(checkpoint, net, **kwargs)
            raise KeyboardInterrupt

        monkeypatch.setattr(EpochCheckpoint, "on_epoch_end", write_and_raise)
        with pytest.raises(KeyboardInterrupt):
            small(max_epochs=2, checkpoint=tmp_path).fit(X)
        assert len(list(tmp_path.iterdir())) == 1

    def test_a_stop_on_purpose_removes_it(self, tmp_path):
        stop = EarlyStopping(monitor="train_loss", patience=1, threshold=1e9, sink=print)
        fitted = small(max_epochs=9, checkpoint=tmp_path, net_params={"callbacks": [stop]}).fit(X)
        assert len(fitted.net_.history) < 9
        assert list(tmp_path.iterdir()) == []


class TestBefore:
    def test_partial_fit_leaves_the_transformer_as_it_was(self, pressing, monkeypatch):
        fitted = small(max_epochs=1, net_params=pressing("on_batch_begin")).fit(X)
        net, before = fitted.net_, fitted.transform(X)
        with pytest.raises(KeyboardInterrupt):
            fitted.partial_fit(X)
        assert PressingOnce.finished
        assert fitted.net_ is net
        assert_array_equal(fitted.transform(X), before)

    def test_an_interrupt_before_the_first_step_loses_nothing(self, monkeypatch):
        fitted = undisturbed()
        before = fitted.transform(X)
        monkeypatch.setattr(type(fitted.net_), "adapt", lambda net, dataset: press())
        with pytest.raises(KeyboardInterrupt):
            fitted.fit(X[:12])
        assert_array_equal(fitted.transform(X), before)

    def test_a_closed_form_is_learnt_whole_or_not_at_all(self, monkeypatch):
        transformer = WCCNTransformer(random_state=0)
        with monkeypatch.context() as patch:
            patch.setattr("sklearn_ssl._engine.net.SSLNet.observe", lambda net, *arguments: press())
            with pytest.raises(KeyboardInterrupt):
                transformer.fit(X)
        assert not hasattr(transformer, "net_")


class TestComposition:
    def test_a_cut_pretraining_does_not_go_on_to_the_head(self, pressing):
        classifier = SSLClassifier(small(net_params=pressing()), random_state=0)
        with pytest.raises(KeyboardInterrupt):
            classifier.fit(X, y)
        assert not hasattr(classifier, "net_")

    def test_a_cut_head_is_kept(self, monkeypatch):
        step = "sklearn_ssl.architectures.FineTunedArchitecture.after_step"
        classifier = SSLClassifier(small(max_epochs=1), max_epochs=2, random_state=0)
        with monkeypatch.context() as patch:
            patch.setattr(step, lambda module: press())
            with pytest.raises(KeyboardInterrupt):
                classifier.fit(X, y)
        assert classifier.net_.steps_ == 1
        assert set(classifier.predict(X)) <= set(y)

    def test_a_cached_pipeline_keeps_no_cut_fit(self, pressing, tmp_path):
        transformer = small(max_epochs=2, net_params=pressing())
        pipeline = make_pipeline(transformer, LogisticRegression(), memory=str(tmp_path))
        with pytest.raises(KeyboardInterrupt):
            pipeline.fit(X, y)
        again = pipeline.fit(X, y)
        assert again[0].net_.epochs_ == 2
        assert_array_equal(again[:-1].transform(X), undisturbed().transform(X))

    def test_a_search_ends(self, pressing):
        search = GridSearchCV(
            make_pipeline(small(max_epochs=2, net_params=pressing()), LogisticRegression()),
            {"simclrtransformer__temperature": [0.1, 0.2]},
            cv=2,
        )
        with pytest.raises(KeyboardInterrupt):
            search.fit(X, y)
        assert not hasattr(search, "best_score_")


def test_a_stop_of_scikit_learn_is_no_interrupt():
    stop = EarlyStopping(monitor="train_loss", patience=1, threshold=1e9, sink=print)
    fitted = small(SimCLRTransformer, max_epochs=9, net_params={"callbacks": [stop]}).fit(X)
    assert fitted.net_.stopped_
    assert len(fitted.net_.history) == len(fitted.net_.history[:, "train_loss"]) < 9
