"""Learning from a stream: what stays in memory, what a call learns from, and what a refused call leaves."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from shared import small
from sklearn.frozen import FrozenEstimator
from skorch.callbacks import Callback
from skorch.dataset import ValidSplit

from sklearn_ssl import (
    BEiTTransformer,
    BYOLTransformer,
    CLIPTransformer,
    DiCOTTransformer,
    EMPSSLTransformer,
    ExemplarTransformer,
    InstDiscTransformer,
    MoCoTransformer,
    RandomEncoderTransformer,
    ReplayTransformer,
    SimCLRTransformer,
    SimMIMTransformer,
    SimSiamTransformer,
    SSLClassifier,
    SwAVTransformer,
    TS2VecTransformer,
    VQTokenizer,
    WCCNTransformer,
)
from sklearn_ssl.callbacks import BoundedHistory
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.evaluation import Representation
from sklearn_ssl.projectors import MLPProjector
from sklearn_ssl.replay import FIFOBuffer, MinRedBuffer, ReplayBuffer, ReservoirBuffer

X, y = make_waves(n_cases=24, n_channels=2, n_timepoints=30, random_state=0)


def simsiam(cls=SimSiamTransformer, **parameters):
    projector = {"projector": MLPProjector(width=8)} if "projector" in cls().get_params(deep=False) else {}
    return small(cls, **projector, **{"random_state": None, **parameters})


def replay(transformer=None, **parameters):
    transformer = simsiam() if transformer is None else transformer
    cheap = {"buffer": MinRedBuffer(size=12), "n_updates": 2, "stream_batch_size": 6, "random_state": 0}
    return ReplayTransformer(transformer, **(cheap | parameters))


def streamed(estimator, series=X, n_new=6):
    for start in range(0, len(series), n_new):
        estimator.partial_fit(series[start : start + n_new])
    return estimator


def same(one, other):
    assert_array_equal(one.transform(X), other.transform(X))
    for name in ("values", "arrival", "features", "seen"):
        assert_array_equal(getattr(one.buffer_, name), getattr(other.buffer_, name))


class Batches(Callback):
    """Keep the series of every batch."""

    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        self.batches_ = [*getattr(self, "batches_", []), batch[0].x.numpy().copy()]


def batches_of(estimator):
    return dict(estimator.net_.callbacks_)["Batches"].batches_


def watched(cls=SimSiamTransformer, **parameters):
    return simsiam(cls, net_params={"callbacks": [Batches()]}, **parameters)


@pytest.mark.parametrize("buffer", [MinRedBuffer(size=12), FIFOBuffer(size=12), ReservoirBuffer(size=12)])
def test_a_fit_is_a_loop_of_calls(buffer):
    whole = replay(buffer=buffer).fit(X)
    same(whole, streamed(replay(buffer=buffer)))
    assert (len(whole.buffer_), whole.n_seen_, whole.n_iter_) == (12, 24, 4)
    assert whole.net_.steps_ == 8


def test_unequal_lengths_are_as_in_a_loop_of_calls():
    ragged = [one[:, : 10 + number % 7] for number, one in enumerate(X)]
    whole = replay().fit(ragged)
    loop = streamed(replay(), ragged)
    same(whole, loop)
    assert whole.net_.module_.n_steps == loop.net_.module_.n_steps == 15  # of the first piece
    assert whole.buffer_.lengths.max() == whole.buffer_.values.shape[2]


def test_a_pickled_stream_goes_on_as_without():
    stream = streamed(replay(), X[:12])
    copy = pickle.loads(pickle.dumps(stream))
    same(streamed(stream, X[12:]), streamed(copy, X[12:]))


def test_the_order_matters():
    assert not np.array_equal(replay().fit(X[:12]).transform(X), replay().fit(X[11::-1]).transform(X))


def test_batches_are_different_series_from_the_memory():
    stream = replay(watched(), n_updates=3)
    stream.partial_fit(X[:5])
    assert [len(batch) for batch in batches_of(stream)] == [5] * 3
    streamed(stream, X[5:17])
    last = batches_of(stream)[-3:]
    assert [len(batch) for batch in last] == [8] * 3
    stored = {one.tobytes() for one in stream.buffer_.values}
    for batch in last:
        drawn = {one.tobytes() for one in batch}
        assert len(drawn) == 8
        assert drawn <= stored
    assert not np.array_equal(last[0], last[1])


def test_a_buffer_smaller_than_a_batch_is_the_batch():
    stream = streamed(replay(watched(batch_size=32), buffer=FIFOBuffer(size=3)))
    assert {len(batch) for batch in batches_of(stream)} == {3}


def test_an_automatic_batch_is_that_of_a_full_buffer():
    stream = streamed(replay(watched(batch_size="auto"), buffer=FIFOBuffer(size=64), n_updates=1))
    assert [len(batch) for batch in batches_of(stream)] == [6, 12, 16, 16]


def test_one_series_at_a_time():
    stream = replay()
    stream.partial_fit(X[:1])
    assert (stream.net_.steps_, stream.n_seen_, len(stream.transform(X))) == (0, 1, 24)
    assert not stream.buffer_.seen.any()
    streamed(stream, X[1:4], n_new=1)
    assert stream.net_.steps_ == 2 * 3
    assert len(stream.buffer_) == 4
    assert stream.buffer_.seen[:2].all()


def test_a_piece_larger_than_the_buffer():
    stream = replay(buffer=FIFOBuffer(size=4)).partial_fit(X)
    assert_array_equal(stream.buffer_.arrival, np.arange(20, 24))
    assert_array_equal(stream.buffer_.values, X[20:])


def test_the_feature_of_a_series_is_the_sum_of_its_views_and_averaged_over_steps(monkeypatch):
    stream = replay(watched(), n_updates=2, buffer=MinRedBuffer(size=12, momentum=0.25))
    recorded = []
    module_of = SimSiamTransformer()._architecture().func

    def project(self, x, lengths=None):
        z = original(self, x, lengths)
        if self.training:
            recorded.append(z.detach().numpy().copy())
        return z

    original = module_of.projections
    monkeypatch.setattr(module_of, "projections", project)
    stream.partial_fit(X[:5])
    expected = np.zeros((5, 8))
    for turn, (batch, z) in enumerate(zip(batches_of(stream), recorded, strict=True)):
        for place, one in enumerate(batch):
            row = next(row for row in range(5) if np.array_equal(stream.buffer_.values[row], one))
            new = z[place] + z[5 + place]
            new /= np.linalg.norm(new)
            expected[row] = new if turn == 0 else 0.25 * expected[row] + 0.75 * new
            expected[row] /= np.linalg.norm(expected[row])
    assert_allclose(stream.buffer_.features, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("cls", [SimMIMTransformer, DiCOTTransformer])  # Di-COT projects blocks of series, not views
def test_a_method_without_projections_of_views_has_pooled_features(cls):
    plain = {"encoder": ResNetEncoder(depth=1, width=4, norm="layer")}
    stream = replay(simsiam(cls, **plain)).partial_fit(X[:5])
    pooled = stream.transform(X[:5])
    assert_allclose(stream.buffer_.features, pooled / np.linalg.norm(pooled, axis=1, keepdims=True), rtol=1e-5)
    assert stream.buffer_.seen.all()
    assert not replay(simsiam(cls, batch_size=2, **plain), n_updates=1).partial_fit(X[:5]).buffer_.seen.all()


@pytest.mark.parametrize("cls", [BYOLTransformer, EMPSSLTransformer, SimCLRTransformer, SwAVTransformer])
def test_other_methods_can_be_replayed(cls):
    stream = replay(simsiam(cls), n_updates=1).fit(X[:12])
    assert stream.buffer_.features.shape == (12, 8)
    assert "projections" not in vars(stream.net_.module_)
    assert isinstance(stream.transformer_, cls)


def test_a_buffer_that_needs_no_features_stores_none():
    assert replay(buffer=FIFOBuffer(size=12)).fit(X[:12]).buffer_.features.shape == (12, 0)


class RandomBuffer(ReplayBuffer):
    def kept(self, memory, n_new, rng):
        return rng.permutation(len(memory))[: self.size]


class DrawingBuffer(ReplayBuffer):
    drawn = ()

    def kept(self, memory, n_new, rng):
        DrawingBuffer.drawn = (*self.drawn, int(rng.integers(2**40)))
        return np.arange(self.size)


class WrongBuffer(ReplayBuffer):
    wrong = np.array([0, 0])

    def kept(self, memory, n_new, rng):
        return self.wrong


def test_a_buffer_of_ones_own():
    stream = replay(buffer=RandomBuffer(size=12)).fit(X)
    assert (np.diff(stream.buffer_.arrival) > 0).all()
    same(stream, streamed(replay(buffer=RandomBuffer(size=12))))


def test_random_numbers_of_a_buffer_belong_to_the_stream():
    for _ in range(2):
        streamed(replay(buffer=DrawingBuffer(size=2), n_updates=1), X[:12])
    assert DrawingBuffer.drawn[:2] == DrawingBuffer.drawn[2:]
    assert DrawingBuffer.drawn[0] != DrawingBuffer.drawn[1]


@pytest.mark.parametrize("wrong", [[0, 0], [], [-1, 0], [0, 99], list(range(13)), [0.5, 1.0]])
def test_a_buffer_that_returns_something_else_is_refused(wrong, monkeypatch):
    monkeypatch.setattr(WrongBuffer, "wrong", np.array(wrong))
    stream = replay(buffer=WrongBuffer(size=12)).partial_fit(X[:10])
    before, memory = stream.transform(X), stream.buffer_
    with pytest.raises(ValueError, match=r"WrongBuffer\.kept must return from 1 to 12 different places from 0 to 14"):
        stream.partial_fit(X[10:15])
    assert_array_equal(stream.transform(X), before)
    assert stream.buffer_ is memory


@pytest.mark.parametrize(
    ("series", "message"),
    [
        (X[:5, :1], "1 channel"),
        (np.full_like(X[:5], np.inf), "infinite"),
        (np.where(np.arange(30) == 3, np.nan, X[:5]), "missing value"),
        (X[:0], "0 sample"),
    ],
    ids=["channels", "infinite", "gap", "nothing"],
)
def test_a_refused_call_loses_nothing(series, message):
    stream = streamed(replay(), X[:12])
    before, memory, net = stream.transform(X), stream.buffer_, stream.net_
    with pytest.raises(ValueError, match=message):
        stream.partial_fit(series)
    assert stream.buffer_ is memory
    assert stream.net_ is net
    assert_array_equal(stream.transform(X), before)


def test_a_step_that_fails_loses_nothing():
    stream = streamed(replay(), X[:12])
    before, memory = stream.transform(X), stream.buffer_
    with pytest.raises(FloatingPointError):
        stream.partial_fit(X[12:18] * 1e30)
    assert stream.buffer_ is memory
    assert_array_equal(stream.transform(X), before)


def test_an_interrupted_fit_keeps_what_it_learnt():
    class Stop(Callback):
        def on_train_begin(self, net, X=None, y=None, **kwargs):
            if net.epochs_ == 2:
                raise KeyboardInterrupt

    stream = replay(simsiam(net_params={"callbacks": [Stop()]}))
    with pytest.raises(KeyboardInterrupt):
        stream.fit(X)
    assert (stream.n_seen_, stream.n_iter_) == (12, 2)
    with pytest.raises(KeyboardInterrupt):
        stream.partial_fit(X[:5])
    assert (stream.n_seen_, stream.n_iter_) == (12, 2)


@pytest.mark.parametrize(
    ("transformer", "error", "message"),
    [
        (WCCNTransformer(), TypeError, "must be trained by gradient steps, as SimSiamTransformer"),
        (RandomEncoderTransformer(), TypeError, "must be trained by gradient steps"),
        (CLIPTransformer(), TypeError, "texts or metadata"),
        (simsiam(InstDiscTransformer), ValueError, "a place for each series"),
        (simsiam(ExemplarTransformer), ValueError, "a place for each series"),
        (BEiTTransformer(), ValueError, r"fits its `tokenizer` first.*tokenizer=FrozenEstimator\(tokenizer\)"),
        ("SimSiam", TypeError, "`transformer` must be"),
        (FrozenEstimator(WCCNTransformer()), TypeError, "gradient steps"),
    ],
    ids=["closed form", "untrained", "texts", "bank", "classes", "stages", "text", "frozen"],
)
def test_what_cannot_be_replayed(transformer, error, message):
    stream = replay(transformer)
    with pytest.raises(error, match=message):
        stream.partial_fit(X[:5])
    assert not hasattr(stream, "transformer_")


def test_stages_that_are_fitted_can_be_replayed():
    tokenizer = small(VQTokenizer, window=5, max_epochs=1).fit(X)
    stages = simsiam(BEiTTransformer, window=5, tokenizer=FrozenEstimator(tokenizer))
    assert replay(stages, n_updates=1).fit(X[:6]).n_seen_ == 6


def test_series_that_are_too_short_for_the_method_are_refused():
    stream = replay(simsiam(TS2VecTransformer))
    ragged = [one[:, :20] for one in X[:7]] + [X[7][:, :1]]
    with pytest.raises(ValueError, match="series 7 has 1"):
        stream.fit(ragged)
    assert not hasattr(stream, "transformer_")
    stream.partial_fit(ragged[:3])
    with pytest.raises(ValueError, match="n_features = 1"):
        stream.partial_fit(ragged[7:])
    assert stream.n_seen_ == 3


def test_a_fitted_transformer_goes_on_in_the_stream():
    fitted = small(SimSiamTransformer, projector=MLPProjector(width=8)).fit(X)
    before = fitted.transform(X)
    stream = replay(FrozenEstimator(fitted))
    stream.partial_fit(X[:1])
    assert_array_equal(stream.transform(X), before)
    streamed(stream, X[1:7])
    assert not np.array_equal(stream.transform(X), before)
    assert_array_equal(fitted.transform(X), before)
    with pytest.raises(ValueError, match="1 channel"):
        replay(FrozenEstimator(fitted)).partial_fit(X[:5, :1])


def test_another_stream_and_a_classifier_can_go_on():
    stream = replay().partial_fit(X[:6])
    further = replay(FrozenEstimator(stream.transformer_)).partial_fit(X[6:12])
    assert further.net_.steps_ == stream.net_.steps_ + 2
    with pytest.raises(TypeError, match=r"give the one within: FrozenEstimator\(stream\.transformer_\)"):
        SSLClassifier(FrozenEstimator(stream)).fit(X, y)
    classifier = SSLClassifier(FrozenEstimator(stream.transformer_), mode="probe", random_state=0).fit(X, y)
    assert classifier.predict(X).shape == y.shape


def test_the_memory_and_the_pickle_do_not_grow():
    bounded = simsiam(net_params={"callbacks": [BoundedHistory(n_epochs=3)]})
    stream = streamed(replay(bounded, n_updates=1, buffer=MinRedBuffer(size=8)))
    size = len(pickle.dumps(stream))
    streamed(stream, np.tile(X, (2, 1, 1)))
    assert (stream.n_iter_, len(stream.loss_curve_), len(stream.buffer_)) == (12, 3, 8)
    assert abs(len(pickle.dumps(stream)) - size) < 200  # numbers with more digits


def test_the_history_has_the_latest_hundred_calls():
    callbacks = [one for _, one in replay().partial_fit(X[:2]).net_.callbacks_ if isinstance(one, BoundedHistory)]
    assert [one.n_epochs for one in callbacks] == [100]


def test_a_split_of_the_user_has_no_effect():
    split = replay(simsiam(net_params={"train_split": ValidSplit(5)})).partial_fit(X[:6])
    same(split, replay().partial_fit(X[:6]))


def test_memories_of_methods_have_the_size_of_the_buffer():
    stream = replay(simsiam(MoCoTransformer), buffer=FIFOBuffer(size=20)).partial_fit(X[:5])
    assert stream.net_.module_.n_cases == 20


def test_reports_look_at_the_transformer_within():
    stream = replay().partial_fit(X[:6])
    representation = Representation.of(stream)
    assert representation.name == "SimSiamTransformer"
    assert representation.makes_views
    assert_array_equal(representation.embed(X), stream.transform(X))


def test_the_seed_is_for_transformers_without_one():
    free = [replay(random_state=seed).partial_fit(X[:2]).transform(X) for seed in (0, 1)]
    assert not np.array_equal(*free)
    seeded = [replay(simsiam(random_state=0), random_state=seed).partial_fit(X[:2]).transform(X) for seed in (0, 1)]
    assert_array_equal(*seeded)


def test_the_transformer_that_was_given_stays_as_it_is():
    given = simsiam(batch_size="auto")
    stream = replay(given).partial_fit(X[:2])
    assert not hasattr(given, "net_")
    assert stream.transformer_.batch_size == "auto"
    assert stream.collapsed_loss_ is None
    assert replay(simsiam(SimCLRTransformer)).partial_fit(X[:4]).collapsed_loss_ == pytest.approx(np.log(7))


def test_the_transformer_within_knows_the_shape_of_the_first_series():
    stream = replay().partial_fit(X[:2, 0])
    assert stream.transformer_.n_features_in_ == stream.n_features_in_ == 30
    assert stream.transformer_.n_channels_in_ == stream.n_channels_in_ == 1
