"""Tokenizers, and the methods that predict their codes: two stages in one fit."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from small_masked import LENGTHS, N_STEPS, TOKENS, WINDOW, batch_of, padded, series

from sklearn_ssl import (
    BEiTTransformer,
    BEiTV2Transformer,
    CAETransformer,
    DistilledTokenizer,
    PeCoTransformer,
    PerceptualTokenizer,
    SimMIMTransformer,
    TimeMAETransformer,
    VICRegTransformer,
    VQTokenizer,
)
from sklearn_ssl.encoders import ResNetEncoder, TransformerEncoder
from sklearn_ssl.masking import RandomMasking
from sklearn_ssl.projectors import MLPProjector

SMALL = {"encoder": TOKENS, "max_epochs": 2, "batch_size": 4, "device": "cpu", "random_state": 0}
X = series(n_cases=8).numpy()


def tokenizer_for(cls, **parameters):
    """Return a small tokenizer that leaves open what it takes over."""
    kind = type(cls().resolved("tokenizer"))
    return kind(**{"n_codes": 6, "max_epochs": 2, **teacher_for(kind), **parameters})


def teacher_for(kind):
    """Return a small teacher that leaves open what it takes over, if a tokenizer has one."""
    if not hasattr(kind(), "teacher"):
        return {}
    teacher = type(kind().resolved("teacher"))(projector=MLPProjector(width=8), max_epochs=1)
    return {"teacher": teacher.set_params(n_prototypes=4, n_crops=1) if hasattr(teacher, "n_crops") else teacher}


def small(cls=BEiTTransformer, **parameters):
    return cls(**{**SMALL, "tokenizer": tokenizer_for(cls), **parameters})


TOKENIZERS = [VQTokenizer, DistilledTokenizer, PerceptualTokenizer]
TOKENIZED = [BEiTTransformer, BEiTV2Transformer, CAETransformer, PeCoTransformer, TimeMAETransformer]
every_tokenizer = pytest.mark.parametrize("cls", TOKENIZERS)
every_method = pytest.mark.parametrize("cls", TOKENIZED)


@pytest.fixture(scope="module")
def fitted():
    """Return fitted transformers by class, which no test may change."""
    return {cls: small(cls).fit(X) for cls in TOKENIZED}


def same_weights(one, other):
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[key], theirs[key]) for key in mine)


# --- tokenizers ---


@every_tokenizer
def test_tokenize(cls):
    tokenizer = cls(**SMALL, n_codes=6, **teacher_for(cls)).fit(X)
    codes = tokenizer.tokenize(X)
    assert codes.shape == (8, N_STEPS // WINDOW)
    assert codes.dtype == np.int64
    assert tokenizer.n_codes_ == 6
    assert codes.min() >= 0
    assert codes.max() < 6
    assert len(np.unique(codes)) > 2
    unequal = [one[:, :length] for one, length in zip(X, LENGTHS.tolist(), strict=False)]
    codes_of_unequal = tokenizer.tokenize(unequal)
    np.testing.assert_array_equal(codes_of_unequal >= 0, np.arange(6) < -(-LENGTHS.numpy()[:, None] // WINDOW))
    np.testing.assert_array_equal(codes_of_unequal[0], codes[0])
    np.testing.assert_array_equal(tokenizer.tokenize(X[3:4, :, :9]), tokenizer.tokenize(X[:, :, :9])[3:4])
    with pytest.raises(NotFittedError):
        cls().tokenize(X)


def test_codes_say_something_about_the_windows():
    levels = np.repeat(np.random.RandomState(0).choice([-2.0, 0.0, 2.0], size=(40, 1, 8)), WINDOW, axis=2)
    tokenizer = VQTokenizer(**{**SMALL, "max_epochs": 10, "batch_size": 10, "lr": 1e-2}, n_codes=16).fit(levels)
    codes, kinds = tokenizer.tokenize(levels).ravel(), levels[:, 0, ::WINDOW].ravel()
    most = sum(max(np.sum((codes == code) & (kinds == kind)) for kind in (-2, 0, 2)) for code in np.unique(codes))
    assert most / len(kinds) > 0.95
    assert len(np.unique(codes)) > 5, "codes die"
    assert tokenizer.loss_curve_[-1] < 0.3 * tokenizer.loss_curve_[0]


def test_tokenizers_have_no_loss_of_a_collapse():
    assert VQTokenizer(**{**SMALL, "max_epochs": 0}, n_codes=2).fit(X).collapsed_loss_ is None


@pytest.mark.parametrize("cls", TOKENIZERS[1:])
def test_the_teacher_of_a_tokenizer(cls):
    own = teacher_for(cls)
    tokenizer = cls(**SMALL, n_codes=6, **own).fit(X)
    alone = own["teacher"].set_params(encoder=TOKENS, device="cpu", random_state=0).fit(X)
    assert same_weights(tokenizer.teacher_.net_.module_, alone.net_.module_)
    assert same_weights(tokenizer.net_.module_.teacher.module, alone.net_.module_.encoder)
    again = cls(**SMALL, n_codes=6, teacher=FrozenEstimator(alone)).fit(X)
    assert same_weights(again.net_.module_, tokenizer.net_.module_)


def test_without_a_perceptual_term_the_tokenizer_is_the_plain_one():
    plain = VQTokenizer(**SMALL, n_codes=6).fit(X).net_.module_.state_dict()
    parameters = {**SMALL, "n_codes": 6, **teacher_for(PerceptualTokenizer)}
    without, with_term = (
        PerceptualTokenizer(**parameters, perceptual=weight).fit(X).net_.module_.state_dict() for weight in (0.0, 1.0)
    )
    assert all(torch.equal(without[name], value) for name, value in plain.items())
    assert not all(torch.equal(with_term[name], value) for name, value in plain.items())


# --- two stages ---


@every_method
def test_training_leaves_the_tokenizer_as_it_was_fitted(cls, fitted):
    transformer = fitted[cls]
    alone = tokenizer_for(cls).set_params(**{**SMALL, "max_epochs": 2, "batch_size": "auto"}).fit(X)
    assert same_weights(transformer.tokenizer_.net_.module_, alone.net_.module_)
    inside = transformer.net_.module_.tokenizer
    assert same_weights(inside.module, alone.net_.module_)
    assert not any(part.training for part in inside.train().modules())
    assert not any(one.requires_grad for one in inside.parameters())
    np.testing.assert_array_equal(transformer.tokenizer_.tokenize(X), alone.tokenize(X))


@every_method
def test_a_frozen_tokenizer_gives_the_same(cls, fitted):
    kept = FrozenEstimator(fitted[cls].tokenizer_)
    again = small(cls, tokenizer=kept).fit(X)
    np.testing.assert_array_equal(again.transform(X), fitted[cls].transform(X))
    assert clone(again).tokenizer.estimator is fitted[cls].tokenizer_
    before = fitted[cls].tokenizer_.tokenize(X)
    again.tokenizer_.fit(X + np.arange(N_STEPS))
    np.testing.assert_array_equal(fitted[cls].tokenizer_.tokenize(X), before)


@every_method
def test_codes_do_not_depend_on_what_is_hidden(cls, fitted):
    module = copy.deepcopy(fitted[cls].net_.module_).train()
    expected = torch.from_numpy(fitted[cls].tokenizer_.tokenize(X))
    assert torch.equal(module.tokenizer.codes(batch_of(torch.from_numpy(X))), expected)


@every_method
def test_the_loss_of_a_collapse_is_that_of_equal_scores(cls, fitted):
    module = copy.deepcopy(fitted[cls].net_.module_)
    heads = [one for one in module.modules() if getattr(one, "out_features", None) == 6]
    for one in heads:
        torch.nn.init.zeros_(one.weight)
        torch.nn.init.zeros_(one.bias)
    assert len(heads) == 1, "one head for all terms"
    other = clone(fitted[cls]).set_params(**{name: 0.0 for name in ("alignment",) if hasattr(fitted[cls], name)})
    with torch.no_grad():
        loss = other._loss()(*module(batch_of(torch.from_numpy(X))))
    assert float(loss) == pytest.approx(fitted[cls].collapsed_loss_)


@every_method
def test_a_stage_takes_over_what_it_leaves_open(cls):
    encoder = TransformerEncoder(depth=2, width=4, n_heads=1, window=2)
    transformer = small(cls, encoder=encoder, window="auto", random_state=5).fit(X)
    stage = transformer.tokenizer_
    assert stage.encoder.window == 2
    assert stage.encoder is not encoder
    assert stage.random_state == 5
    assert stage.device == "cpu"
    assert stage.net_.module_.window == 2
    own = tokenizer_for(cls, encoder=ResNetEncoder(depth=1, width=4), random_state=7, window=2)
    stage = small(cls, encoder=encoder, tokenizer=own).fit(X).tokenizer_
    assert isinstance(stage.encoder, ResNetEncoder)
    assert stage.random_state == 7
    assert not hasattr(own, "net_")


@every_method
def test_partial_fit_fits_the_stage_once(cls):
    transformer = small(cls).partial_fit(X)
    first = transformer.tokenizer_
    alone = tokenizer_for(cls).set_params(encoder=TOKENS, device="cpu", random_state=0).fit(X)
    assert same_weights(first.net_.module_, alone.net_.module_)
    transformer.partial_fit(X[:4] + 1)
    assert transformer.tokenizer_ is first
    assert same_weights(transformer.net_.module_.tokenizer.module, alone.net_.module_)


@every_method
def test_a_failing_fit_leaves_both_stages(cls):
    transformer = small(cls).fit(X)
    before, stage = transformer.transform(X), transformer.tokenizer_
    transformer.set_params(tokenizer__lr=1e25)
    with pytest.raises(FloatingPointError):
        transformer.fit(X)
    transformer.set_params(tokenizer__lr=1e-3, lr=1e25)
    with pytest.raises(FloatingPointError):
        transformer.fit(X)
    assert transformer.tokenizer_ is stage
    np.testing.assert_array_equal(transformer.transform(X), before)
    assert not hasattr(clone(transformer), "tokenizer_")
    failing = small(cls).set_params(tokenizer__lr=1e25)
    with pytest.raises(FloatingPointError):
        failing.fit(X)
    assert not hasattr(failing, "tokenizer_")
    assert not hasattr(failing, "net_")


@every_method
def test_pickles_have_both_stages(cls, fitted):
    other = pickle.loads(pickle.dumps(fitted[cls]))
    np.testing.assert_array_equal(other.transform(X), fitted[cls].transform(X))
    np.testing.assert_array_equal(other.tokenizer_.tokenize(X), fitted[cls].tokenizer_.tokenize(X))
    other.partial_fit(X)


def test_parameters_of_the_stage_can_be_searched():
    pipeline = make_pipeline(BEiTTransformer(**{**SMALL, "max_epochs": 1}), RidgeClassifier())
    pipeline.set_params(beittransformer__tokenizer__max_epochs=1)
    grid = {"beittransformer__tokenizer__n_codes": [2, 5]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, np.arange(8) % 2)
    assert search.best_estimator_[0].tokenizer_.n_codes_ in (2, 5)
    assert BEiTTransformer().set_params(tokenizer__n_codes=7).tokenizer.n_codes == 7


# --- bad input ---


def refused(error, match, cls=BEiTTransformer, x=X, **parameters):
    transformer = small(cls, **parameters)
    with pytest.raises(error, match=match):
        transformer.fit(x)
    assert not hasattr(transformer, "tokenizer_")


def test_tokenizers_that_do_not_fit_are_refused(fitted):
    kept = FrozenEstimator(fitted[BEiTTransformer].tokenizer_)
    one = r"X has 1 channel\(s\), but `tokenizer` was fitted on series with 2"
    refused(ValueError, one, x=X[:, :1], tokenizer=kept)
    eight = TransformerEncoder(depth=1, width=4, n_heads=1, window=8)
    message = r"`tokenizer` has windows of 4 time steps, and here windows have 8.*set `window` of the tokenizer to 8"
    refused(ValueError, message, encoder=eight, tokenizer=kept)
    refused(ValueError, message, encoder=eight, tokenizer=VQTokenizer(encoder=TOKENS, n_codes=4, max_epochs=0))
    small(encoder=eight, tokenizer=VQTokenizer(window=8, encoder=TOKENS, n_codes=4, max_epochs=0)).fit(X)
    small(encoder=eight, tokenizer=VQTokenizer(n_codes=4, max_epochs=0)).fit(X)


@pytest.mark.parametrize("net_params", [3, {"a": 1}])
def test_bad_parameters_of_a_stage_are_told_before_any_work(net_params):
    transformer = BEiTTransformer(tokenizer=VQTokenizer(net_params=net_params), device="cpu")
    with pytest.raises((TypeError, ValueError), match="`net_params`"):
        transformer.fit(series().numpy())
    assert "tokenizer_" not in vars(transformer)


def test_other_objects_are_refused():
    none = r"`tokenizer` must be None or an object such as VQTokenizer\(\), got SimMIMTransformer"
    refused(TypeError, none, tokenizer=SimMIMTransformer())
    unfitted = r"`tokenizer` must be fitted to be kept, and this VQTokenizer is not"
    refused(NotFittedError, unfitted, tokenizer=FrozenEstimator(VQTokenizer()))

    class Foreign(VICRegTransformer.__base__):
        tokenize = None

        def _loss(self):
            raise NotImplementedError

    foreign = r"`tokenizer` must be a transformer of this package such as VQTokenizer\(\), got .*Foreign"
    refused(TypeError, foreign, tokenizer=Foreign())


def test_too_many_codes_get_a_warning():
    message = r"`n_codes` is 64, but there are 8 series to learn from; 12 is used"
    with pytest.warns(UserWarning, match=message) as caught:
        transformer = small(tokenizer=VQTokenizer(max_epochs=0)).fit(X)
    assert len(caught) == 1
    assert transformer.tokenizer_.n_codes_ == 12
    assert transformer.collapsed_loss_ == pytest.approx(math.log(12))
    assert transformer.net_.module_.head.out_features == 12


def test_windows_hidden_in_one_channel_are_predicted():
    transformer = small(masking=RandomMasking(ratio=0.5, channels="apart"), max_epochs=0).fit(X)
    torch.manual_seed(0)
    hidden = transformer.net_.module_(batch_of(torch.from_numpy(X)))[2]
    assert hidden.sum() > 8 * 3


def test_unequal_lengths_have_codes_at_their_windows():
    x = padded(torch.from_numpy(X[:6]), LENGTHS)
    transformer = small(max_epochs=0).fit(X)
    _, codes, hidden = transformer.net_.module_(batch_of(x, LENGTHS))
    assert torch.equal(codes >= 0, torch.arange(6) < -(-LENGTHS[:, None] // WINDOW))
    assert (codes[hidden] >= 0).all()


def test_parts_that_do_not_go_together_are_told_before_a_stage_is_trained(monkeypatch):
    monkeypatch.setattr(VQTokenizer, "fit", None)
    with pytest.raises(ValueError, match="`tokenizer` has windows of 4 time steps, and here windows have 8"):
        small(window=8, tokenizer=VQTokenizer(window=4)).fit(X)


@pytest.mark.parametrize("cls", [*TOKENIZERS, *TOKENIZED])
def test_the_default_encoder_has_tokens(cls):
    assert isinstance(cls().resolved("encoder"), TransformerEncoder)


@pytest.mark.parametrize("cls", [CAETransformer, TimeMAETransformer])
def test_where_tokens_are_left_out_the_tokenizer_has_the_windows_of_the_encoder(cls):
    encoder = TransformerEncoder(depth=1, width=4, n_heads=1, window=1)
    own = VQTokenizer(encoder=ResNetEncoder(depth=1, width=4), n_codes=4, max_epochs=0)
    for tokenizer in (own, VQTokenizer(n_codes=4, max_epochs=0)):
        transformer = small(cls, encoder=encoder, tokenizer=tokenizer, max_epochs=1).fit(X)
        assert transformer.tokenizer_.tokenize(X).shape == (8, N_STEPS)
    kept = FrozenEstimator(transformer.tokenizer_)
    small(cls, encoder=transformer.net_.module_.encoder, tokenizer=kept, max_epochs=0).fit(X)
