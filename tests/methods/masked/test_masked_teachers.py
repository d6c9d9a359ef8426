"""Masked methods whose targets come from a teacher."""

import copy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback
from small_masked import (
    HIDDEN,
    LENGTHS,
    N_STEPS,
    TOKENS,
    WINDOW,
    Setting,
    Stub,
    batch_of,
    module_of,
    series,
    small_masked,
)
from torch import nn
from torch.nn import functional as F

from sklearn_ssl import (
    Data2VecTransformer,
    IBOTTransformer,
    IJEPATransformer,
    MimCoTransformer,
    MoCoV3Transformer,
    SdAETransformer,
    UticaTransformer,
)
from sklearn_ssl.architectures import Batch, SpreadTeacherArchitecture, maps
from sklearn_ssl.architectures._masked import Hidden
from sklearn_ssl.architectures._teacher_targets import _some
from sklearn_ssl.augmentations import Augmentation
from sklearn_ssl.encoders import ChannelTransformerEncoder, ResNetEncoder
from sklearn_ssl.losses import dino_loss, ibot_loss
from sklearn_ssl.persistence import load_encoder, save_encoder
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.projectors import MLPProjector


class Shifted(Augmentation):
    """Add a random level to each series."""

    def draw(self, x, lengths):
        return {"level": torch.rand(len(x), 1, 1, device=x.device)}

    def apply(self, x, lengths, draws):
        return x + draws["level"]


VIEWS = {
    "augmentation": Shifted(),
    "n_prototypes": 8,
    "projector": MLPProjector(depth=1, width=8, norm="layer"),
    "window": WINDOW,
}
SETTINGS = {
    Data2VecTransformer: Setting({"window": WINDOW}),
    SdAETransformer: Setting(),
    IJEPATransformer: Setting({"decoder_width": 4}),
    IBOTTransformer: Setting(VIEWS),
    UticaTransformer: Setting({**VIEWS, "n_crops": 2}),
}
N_WINDOWS = -(-LENGTHS // WINDOW)  # of the series of unequal length: 6, 3, 4, 1, 1, 6
SEEN = torch.arange(N_STEPS // WINDOW) < N_WINDOWS[:, None]


def module(cls, x=None, windows=HIDDEN, **parameters):
    """Return a fitted module whose teacher is not equal to its encoder."""
    return module_of(small_masked(cls, SETTINGS[cls], **parameters), series() if x is None else x, windows)


every_teacher = pytest.mark.parametrize("cls", SETTINGS, ids=lambda cls: cls.__name__)


@every_teacher
def test_features_are_not_those_of_the_teacher(cls):
    fitted, x = module(cls).eval(), series()
    before = fitted.features(x)
    for weight in fitted.teacher.parameters():
        weight.data.zero_()
    assert torch.equal(fitted.features(x), before)


@every_teacher
def test_the_teacher_starts_as_the_encoder_and_moves_in_training_only(cls):
    start, x = module(cls, max_epochs=0), series()
    for name, taught in start.teacher.items():
        states = zip(taught.state_dict().values(), getattr(start, name).state_dict().values(), strict=True)
        assert all(torch.equal(*pair) for pair in states)
    fitted = module(cls)
    for training in (False, True):
        before = copy.deepcopy(fitted.teacher.state_dict())
        fitted.train(training)(batch_of(x, LENGTHS))
        after = fitted.teacher.state_dict()
        assert any(not torch.equal(before[name], after[name]) for name in before) == training


# --- data2vec ---


def inputs_of(encoder, function):
    """Return the series of each pass of an encoder in a call."""
    seen = []
    layers = encoder.layers
    encoder.layers = lambda x, mask=None: (seen.append(x), layers(x, mask))[1]
    function()
    del encoder.layers
    return seen


def targets_of(fitted, batch):
    return fitted.targets(batch, fitted.hide(batch))


class TestData2Vec:
    def test_the_teacher_sees_the_whole_series_and_the_encoder_the_fill(self):
        fitted, batch = module(Data2VecTransformer), batch_of(series(), LENGTHS)
        nn.init.constant_(fitted.fill, 7.0)
        (whole,) = inputs_of(fitted.teacher["encoder"], lambda: fitted(batch))
        (masked,) = inputs_of(fitted.encoder, lambda: fitted(batch))
        assert torch.equal(whole, batch.x)
        hidden = HIDDEN.repeat_interleave(WINDOW, 1)[:, None] & (torch.arange(N_STEPS) < LENGTHS[:, None, None])
        assert torch.equal(masked, torch.where(hidden, 7.0, batch.x))

    def test_targets_have_mean_0_and_variance_1_over_the_observed_windows(self):
        y = targets_of(module(Data2VecTransformer, n_layers=1), batch_of(series(), LENGTHS))
        for one, n_windows in zip(y, N_WINDOWS.tolist(), strict=True):
            torch.testing.assert_close(one[:n_windows].mean(0), torch.zeros(8), rtol=0, atol=1e-5)
            if n_windows > 1:
                torch.testing.assert_close(one[:n_windows].var(0, correction=0), torch.ones(8), rtol=0, atol=0.1)
            assert not one[n_windows:].any()

    @pytest.mark.parametrize("n_layers", [1, 2, 8])
    def test_targets_are_the_mean_over_the_top_layers(self, n_layers):
        fitted, batch = module(Data2VecTransformer, n_layers=n_layers), batch_of(series())
        layers, _ = maps(fitted.teacher["encoder"], batch.x)  # of two blocks
        normalised = [nn.functional.instance_norm(h) for h in layers]  # over all time steps
        torch.testing.assert_close(
            targets_of(fitted, batch), torch.stack(normalised[-n_layers:]).mean(0).mT, rtol=1e-4, atol=1e-4
        )

    def test_layers_of_another_width_are_not_counted(self):
        encoder = ResNetEncoder(depth=2, width=4, norm="layer")
        two, one = (module(Data2VecTransformer, encoder=encoder, n_layers=k, max_epochs=0) for k in (2, 1))
        assert two.widths == [4, 8]
        assert torch.equal(*(targets_of(fitted, batch_of(series())) for fitted in (two, one)))

    def test_weights_are_at_hidden_windows_of_series_with_three_windows_or_more(self):
        fitted = module(Data2VecTransformer, windows=torch.ones_like(HIDDEN))
        _, _, weight = fitted(batch_of(series(), LENGTHS))
        assert torch.equal(weight, (SEEN & (N_WINDOWS > 2)[:, None])[:, :, None].expand_as(weight).float())
        _, _, weight = module(Data2VecTransformer)(batch_of(series()))
        assert torch.equal(weight, HIDDEN[:, :, None].expand_as(weight).float())

    def test_unknown_values_are_neither_seen_nor_predicted(self):
        fitted, x = module(Data2VecTransformer).eval(), series()
        gaps = torch.zeros_like(x, dtype=torch.bool)
        gaps[:, :, 4:8] = True  # the second window, which is hidden in some series
        batches = (Batch(one, None, torch.arange(6), {"gaps": gaps}) for one in (x, torch.where(gaps, x + 100, x)))
        outputs = [fitted(batch) for batch in batches]
        assert all(torch.equal(*pair) for pair in zip(*outputs, strict=True))
        assert not outputs[0][2][:, 1].any()
        assert outputs[0][2][:, 2:].any()

    def test_small_encoders_take_windows_of_several_steps(self):
        encoder = ResNetEncoder(depth=1, width=4, norm="layer")
        assert module(Data2VecTransformer, encoder=encoder)(batch_of(series()))[1].shape == (6, 6, 4)
        assert TOKENS.window == WINDOW


# --- SdAE ---


class TestSdAE:
    def parts(self, encoder=TOKENS):
        """Return a module, the tokens that are hidden from it, and these in two parts."""
        fitted = module(SdAETransformer, encoder=encoder)
        hidden = fitted.hide(batch_of(series(), LENGTHS))
        tokens = fitted.whole_tokens(hidden.windows, hidden)
        return fitted, tokens, fitted.folds(tokens)

    @pytest.mark.parametrize("encoder", [TOKENS, ChannelTransformerEncoder(depth=1, width=8, n_heads=2, window=WINDOW)])
    def test_each_hidden_token_is_in_one_part_and_parts_have_nearly_equal_sizes(self, encoder):
        fitted, tokens, folds = self.parts(encoder)
        assert torch.equal(tokens, (HIDDEN & SEEN).repeat(1, fitted.encoder.n_groups(series().shape[1])))
        assert torch.equal(folds.sum(0), tokens.long())
        sizes = folds.sum(2)  # (F, B)
        assert bool(((sizes[0] - sizes[1]).abs() <= 1).all())

    def test_parts_are_drawn_each_time(self):
        fitted, tokens, _ = self.parts()
        draws = torch.stack([fitted.folds(tokens)[0] for _ in range(200)]).float().mean(0)
        torch.testing.assert_close(draws[0][HIDDEN[0]], torch.full((3,), 2 / 3), rtol=0, atol=0.12)

    def test_targets_of_a_part_depend_on_no_other_part_and_on_no_visible_window(self):
        fitted, tokens, folds = self.parts()
        x = series()
        steps = folds[0].repeat_interleave(WINDOW, 1)[:, None]
        y = fitted.targets(x, folds)
        assert torch.equal(y[folds[0]], fitted.targets(torch.where(steps, x, x + 100), folds)[folds[0]])
        assert not torch.isclose(y[folds[1]], fitted.targets(torch.where(steps, x, x + 1), folds)[folds[1]]).all()
        assert not torch.isclose(y[folds[0]], fitted.targets(torch.where(steps, x + 1, x), folds)[folds[0]]).all()
        assert not y[~tokens].any()

    def test_targets_are_those_of_each_part_alone_normalised_over_the_features(self):
        fitted, _, folds = self.parts()
        x, teacher = series(), fitted.teacher["encoder"]
        y = fitted.targets(x, folds)
        for fold in folds:
            for case in range(len(x)):
                places = fold[case].nonzero()[:, 0]
                if len(places):
                    (*_, h) = teacher.attend(teacher.tokens(x[case : case + 1])[:, places])
                    expected = (h - h.mean(2, keepdim=True)) / h.std(2, correction=0, keepdim=True)
                    torch.testing.assert_close(y[case, places], expected[0], rtol=1e-3, atol=1e-4)

    def test_the_loss_compares_with_targets_of_random_parts(self):
        fitted, tokens, _ = self.parts()
        batch = batch_of(series(), LENGTHS)
        torch.manual_seed(0)
        _, target, _ = fitted.eval()(batch)
        torch.manual_seed(0)
        folds = fitted.folds(tokens)
        assert torch.equal(target, fitted.targets(batch.x, folds))
        assert not torch.equal(target, fitted.targets(batch.x, folds.roll(1, dims=2) & tokens))

    def test_more_padding_changes_no_target(self):
        fitted, _, folds = self.parts()
        longer = nn.functional.pad(series(), (0, 2 * WINDOW)), nn.functional.pad(folds, (0, 2))
        torch.testing.assert_close(fitted.targets(*longer)[:, :-2], fitted.targets(series(), folds))

    def test_weights_are_at_hidden_tokens_without_unknown_values(self):
        fitted, x = module(SdAETransformer), series()
        assert torch.equal(fitted(batch_of(x, LENGTHS))[2], (HIDDEN & SEEN).float())
        gaps = torch.zeros_like(x, dtype=torch.bool)
        gaps[:, 0, 4] = True  # one value of the second window
        batches = (Batch(one, None, torch.arange(6), {"gaps": gaps}) for one in (x, torch.where(gaps, x + 100, x)))
        outputs = []
        for batch in batches:
            torch.manual_seed(0)
            outputs.append(fitted.eval()(batch))
        assert all(torch.equal(*pair) for pair in zip(*outputs, strict=True))
        assert not outputs[0][2][:, 1].any()
        assert outputs[0][2][:, 2:].any()


# --- iBOT ---


def outputs_of(fitted, batch, seed=0):
    torch.manual_seed(seed)
    return dict(zip(NAMES, fitted(batch), strict=False))


NAMES = ("student", "teacher", "center", "student_windows", "teacher_windows", "window_center", "hidden", "pooled")


class TestIBOT:
    def test_the_student_sees_the_fill_in_full_views_and_the_teacher_whole_views_but_no_crops(self):
        fitted = module(IBOTTransformer, windows=HIDDEN.repeat(2, 1), masked_share=1.0, n_crops=3)
        batch = batch_of(series(), LENGTHS)
        nn.init.constant_(fitted.fill, 1000.0)
        full, crops = inputs_of(fitted.encoder, lambda: outputs_of(fitted, batch))
        (whole,) = inputs_of(fitted.teacher["encoder"], lambda: outputs_of(fitted, batch))
        hidden = (HIDDEN & SEEN).repeat(2, 1).repeat_interleave(WINDOW, 1)[:, None]
        hidden = hidden & (torch.arange(N_STEPS) < LENGTHS.repeat(2)[:, None, None])
        assert torch.equal(full, torch.where(hidden, 1000.0, whole))
        assert len(crops) == 18
        assert bool((crops < 100).all())
        assert bool((whole < 100).all())

    @pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["equal", "unequal"])
    def test_student_scores_do_not_depend_on_hidden_values(self, lengths):
        fitted = module(IBOTTransformer, windows=HIDDEN.repeat(2, 1), masked_share=1.0).eval()
        hidden = HIDDEN.repeat_interleave(WINDOW, 1)[:, None].expand(6, 2, N_STEPS)
        x = series().requires_grad_()
        before, after = (outputs_of(fitted, batch_of(one, lengths)) for one in (x, torch.where(hidden, x + 100, x)))
        for name in ("student", "student_windows"):
            assert torch.equal(before[name], after[name])
        assert not torch.equal(before["teacher"], after["teacher"])
        (gradient,) = torch.autograd.grad(before["student"].sum() + before["student_windows"].square().sum(), x)
        assert gradient[hidden].eq(0).all()
        assert gradient[~hidden].abs().max() > 0

    def test_half_of_the_views_are_masked_with_ratios_of_their_own(self):
        transformer = small_masked(IBOTTransformer, SETTINGS[IBOTTransformer], max_epochs=0, encoder=TOKENS)
        fitted = transformer.fit(series(n_steps=80).numpy()).net_.module_
        torch.manual_seed(0)
        batch = batch_of(series(n_steps=80, n_cases=2000))
        counts = fitted.hide(batch).windows.sum((1, 2))
        assert float((counts == 0).float().mean()) == pytest.approx(0.5, abs=0.05)
        masked = counts[counts > 0]
        assert (int(masked.min()), int(masked.max())) == (2, 10)  # of 20 windows

    def test_scores_of_windows_are_those_of_their_features_by_the_same_head(self):
        fitted = module(IBOTTransformer, masked_share=0.0).eval()
        batch = batch_of(series(), LENGTHS)
        outputs = outputs_of(fitted, batch)
        torch.manual_seed(0)
        views, lengths = fitted.views(batch.x, batch.lengths)
        layers, mask = maps(fitted.encoder, views, lengths)
        windows = fitted.projector(layers[-1].mT.flatten(0, 1))
        scores = F.normalize(windows) @ F.normalize(fitted.prototypes.weight).T
        torch.testing.assert_close(outputs["student_windows"].flatten(0, 2), scores)
        means = fitted.projector(fitted.training_pooling(layers, mask))
        scores = F.normalize(means) @ F.normalize(fitted.prototypes.weight).T
        torch.testing.assert_close(outputs["student"].flatten(0, 1), scores)

    def test_with_nothing_hidden_the_loss_is_that_of_dino(self):
        fitted = module(IBOTTransformer, masked_share=0.0, n_crops=2)
        outputs = outputs_of(fitted, batch_of(series(), LENGTHS))
        assert not outputs["hidden"].any()
        assert outputs["student"].shape == (4, 6, 8)
        assert torch.equal(ibot_loss(**outputs), dino_loss(outputs["student"], outputs["teacher"], outputs["center"]))

    def test_centres_follow_the_teacher_s_scores_of_series_and_of_observed_windows(self):
        fitted, batch = module(IBOTTransformer, center_momentum=0.75).train(), batch_of(series(), LENGTHS)
        before, window_before = fitted.center.clone(), fitted.window_center.clone()
        outputs = outputs_of(fitted, batch)
        assert torch.equal(outputs["center"], before)
        assert torch.equal(outputs["window_center"], window_before)
        mean = outputs["teacher"].flatten(0, 1).mean(0)
        torch.testing.assert_close(fitted.center, 0.75 * before + 0.25 * mean)
        mean = outputs["teacher_windows"][:, SEEN].flatten(0, 1).mean(0)
        torch.testing.assert_close(fitted.window_center, 0.75 * window_before + 0.25 * mean)

    def test_windows_do_not_count_as_rows_that_the_prototypes_have_seen(self):
        fitted = module(IBOTTransformer, n_crops=2, max_epochs=0).train()
        before = int(fitted.prototypes.seen)
        outputs_of(fitted, batch_of(series()))
        assert int(fitted.prototypes.seen) - before == 6 * 4
        assert fitted.prototypes.n_frozen == 6 * 4

    def test_windows_thaw_with_the_series(self):
        fitted = module(IBOTTransformer, max_epochs=0, masked_share=1.0).train()
        fitted.progress.zero_()
        for frozen in (True, False):
            fitted.zero_grad()
            outputs = outputs_of(fitted, batch_of(series()))
            outputs["student_windows"].square().sum().backward()
            assert (fitted.prototypes.weight.grad is None) == frozen

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            (
                {"training_pooling": Pooling()},
                r"`training_pooling` must give the 8 features .* got 64; take Pooling",
            ),
            ({"projector": MLPProjector()}, r'`projector` must not normalise over the batch.*take norm="layer"'),
            ({"window": 6}, "`window` must be a multiple of the 4 time steps"),
        ],
    )
    def test_heads_and_windows_that_do_not_fit(self, parameters, message):
        with pytest.raises(ValueError, match=message):
            small_masked(IBOTTransformer, SETTINGS[IBOTTransformer], **parameters).fit(series().numpy())

    def test_short_series_need_no_crops(self):
        x = series(n_steps=2).numpy()
        small = {"encoder": clone(TOKENS).set_params(window=1), "window": 1, "crop_ratio": 0.1}
        assert len(small_masked(IBOTTransformer, SETTINGS[IBOTTransformer], **small).fit_transform(x)) == 6


# --- Utica ---


def utica(**parameters):
    return small_masked(UticaTransformer, SETTINGS[UticaTransformer], **{"momentum": 0.5, **parameters})


@pytest.fixture
def as_trained(monkeypatch):
    """Return what trains a transformer without the exchange of weights at the end."""

    def train(function):
        with monkeypatch.context() as patched:
            patched.setattr(SpreadTeacherArchitecture, "exchange", lambda self: None)
            return function().net_.module_

    return train


class Interrupting(Callback):
    """A callback that keeps the weights of the first epoch and then interrupts the fit."""

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == 2:
            self.module_ = copy.deepcopy(net.module_)
            raise KeyboardInterrupt


def equal_weights(module, other):
    return all(torch.equal(*pair) for pair in zip(module.parameters(), other.parameters(), strict=True))


class TestUtica:
    def test_features_are_those_of_the_teacher(self, as_trained):
        x = series().numpy()
        published, trained = utica().fit(x).net_.module_, as_trained(lambda: utica().fit(x))
        assert equal_weights(published.encoder, trained.teacher["encoder"])
        assert equal_weights(published.teacher["encoder"], trained.encoder)
        assert not equal_weights(published.encoder, trained.encoder)

    def test_partial_fit_goes_on_from_the_encoder_that_was_trained(self, as_trained):
        x, transformer = series().numpy(), utica()
        trained = as_trained(lambda: utica().partial_fit(x).partial_fit(x).partial_fit(x))
        for _ in range(3):
            transformer.partial_fit(x)
        assert equal_weights(transformer.net_.module_.encoder, trained.teacher["encoder"])

    def test_an_interrupted_fit_has_the_teacher_too(self):
        transformer = utica(net_params={"callbacks": [Interrupting()]})
        with pytest.raises(KeyboardInterrupt):
            transformer.fit(series().numpy())
        trained = dict(transformer.net_.callbacks_)["Interrupting"].module_
        assert equal_weights(transformer.net_.module_.encoder, trained.teacher["encoder"])
        assert not equal_weights(transformer.net_.module_.encoder, trained.encoder)

    def test_statistics_of_normalisation_are_exchanged_too(self):
        fitted = utica().fit(series().numpy()).net_.module_
        fitted.encoder.register_buffer("statistic", torch.ones(1))
        fitted.teacher["encoder"].register_buffer("statistic", torch.zeros(1))
        fitted.exchange()
        assert (fitted.encoder.statistic, fitted.teacher["encoder"].statistic) == (0, 1)

    def test_saved_encoders_are_the_teacher(self, tmp_path):
        x, transformer = series().numpy(), utica()
        features = transformer.fit(x).transform(x)
        save_encoder(transformer, tmp_path / "utica.safetensors")
        np.testing.assert_allclose(load_encoder(tmp_path / "utica.safetensors").transform(x), features, rtol=1e-5)

    def test_the_loss_spreads_the_pooled_features_of_the_masked_views(self):
        fitted, batch = module(UticaTransformer, masked_share=1.0, windows=HIDDEN.repeat(2, 1)), batch_of(series())
        outputs = outputs_of(fitted, batch)
        full, _ = inputs_of(fitted.encoder, lambda: outputs_of(fitted, batch))
        torch.testing.assert_close(outputs["pooled"].flatten(0, 1), fitted.encoder.layers(full)[-1].mean(2))


# --- MimCo ---

CONTRASTIVE = MoCoV3Transformer(
    projector=MLPProjector(width=8), predictor=MLPProjector(width=8), max_epochs=1, batch_size=4, device="cpu"
)


def mimco(**parameters):
    return small_masked(MimCoTransformer, Setting({"window": WINDOW, "teacher": CONTRASTIVE}), **parameters)


@pytest.fixture(scope="module")
def fitted_mimco():
    return mimco().fit(series().numpy())


class TestMimCo:
    def test_the_teacher_is_fitted_first_and_training_does_not_change_it(self, fitted_mimco):
        module, taught = fitted_mimco.net_.module_, fitted_mimco.teacher_.net_.module_.encoder
        assert len(fitted_mimco.teacher_.net_.history) == 1
        alone = clone(CONTRASTIVE).set_params(encoder=TOKENS, random_state=0).fit(series().numpy())
        for other in (taught, alone.net_.module_.encoder):
            assert equal_weights(module.teacher.module, other)
        assert not module.train().teacher.training
        assert not any(one.requires_grad for one in module.teacher.parameters())
        assert not equal_weights(module.encoder, taught)

    def test_it_has_the_encoder_of_the_method_unless_it_has_its_own(self):
        for encoder, of_teacher, width in ((None, None, 64), (TOKENS, None, 8), (TOKENS, ResNetEncoder(depth=1), 32)):
            teacher = clone(CONTRASTIVE).set_params(encoder=of_teacher)
            made = mimco(encoder=encoder, window="auto", teacher=teacher, max_epochs=0).fit(series(32).numpy())
            own, taught = made.net_.module_.encoder, made.net_.module_.teacher.module
            assert (type(taught) is type(own)) == (of_teacher is None)
            assert made.net_.module_.teacher.n_features == width
            assert made.net_.module_.head.out_features == width

    def test_a_kept_teacher_is_used_as_it_is(self):
        teacher = clone(CONTRASTIVE).set_params(encoder=TOKENS, random_state=3).fit(series().numpy())
        kept = mimco(teacher=FrozenEstimator(teacher)).fit(series().numpy())
        assert equal_weights(kept.net_.module_.teacher.module, teacher.net_.module_.encoder)

    def test_features_are_of_windows_of_whole_series_and_of_the_observed_ones(self, fitted_mimco):
        module = copy.deepcopy(fitted_mimco.net_.module_)
        module.masking = Stub(windows=HIDDEN)
        batch = batch_of(series(), LENGTHS)
        _, teacher_windows, counted, student, teacher = module(batch)
        assert torch.equal(counted, (HIDDEN & SEEN).flatten())
        layers, _ = maps(module.teacher.module, batch.x, batch.lengths)
        torch.testing.assert_close(teacher_windows, layers[-1].mT.flatten(0, 1))
        layers, _ = maps(module.encoder, module.replaced(batch.x, module.hide(batch)), batch.lengths)
        for mean, windows in ((teacher, teacher_windows.unflatten(0, (6, 6))), (student, module.head(layers[-1].mT))):
            expected = [one[:n].mean(0) for one, n in zip(windows, N_WINDOWS.tolist(), strict=True)]
            torch.testing.assert_close(mean, torch.stack(expected))

    def test_at_most_1024_windows_are_compared_hidden_ones_first(self, monkeypatch):
        counted = torch.arange(3000) % 4 == 0
        assert bool(counted[_some(counted, 700)].all())
        places = _some(counted, 1024)
        assert len(places.unique()) == 1024
        assert int(counted[places].sum()) == 750
        assert torch.equal(_some(counted[:1024], 1024), torch.arange(1024))
        draws = torch.stack([counted.new_zeros(3000).index_fill(0, _some(counted, 700), True) for _ in range(40)])
        torch.testing.assert_close(draws[:, counted].float().mean(0).std(), torch.tensor(0.04), rtol=0, atol=0.01)

    def test_teachers_of_other_windows_are_refused(self):
        teacher = clone(CONTRASTIVE).set_params(encoder=clone(TOKENS).set_params(window=8))
        with pytest.raises(ValueError, match=r"`teacher` has an encoder with 8 time steps per step of its map"):
            mimco(teacher=teacher).fit(series().numpy())
        with pytest.raises(TypeError, match=r"`teacher` must be a transformer of this package such as MoCoV3"):
            mimco(teacher=StandardScaler()).fit(series().numpy())


# --- I-JEPA ---


def drawn(fitted, batch):
    """Return the seen windows (B, T), the context (B, T) and the target blocks (M, B, T)."""
    hidden = [fitted.hide(batch) for _ in range(fitted.n_blocks)]
    context, blocks = fitted.divided(hidden)
    return hidden[0].seen, context[:, 0], blocks[:, :, 0]


@pytest.fixture
def long_ijepa():
    """Return an untrained module for series of 40 windows, and 500 series of up to so many."""
    transformer = small_masked(IJEPATransformer, SETTINGS[IJEPATransformer], max_epochs=0)
    lengths = WINDOW * (1 + torch.arange(500) % 40)
    torch.manual_seed(0)
    return transformer.fit(series(n_steps=160).numpy()).net_.module_, batch_of(series(160, n_cases=500), lengths)


class TestIJEPA:
    def test_blocks_and_context_have_their_shares(self, long_ijepa):
        seen, context, blocks = drawn(*long_ijepa)
        n_windows = seen.sum(1)
        assert not (blocks & ~seen).any()
        assert not (context & ~seen).any()
        assert not (context & blocks.any(0)).any()
        assert bool(context.any(1).all())
        enough = n_windows > 1
        assert bool(blocks[0, enough].any(1).all())
        assert not blocks[:, ~enough].any()
        sizes = blocks[:, n_windows == 40].sum(2)
        assert set(sizes.unique().tolist()) == {6, 7, 8}
        whole = (context | blocks.any(0))[n_windows == 40].sum(1)
        assert (int(whole.min()), int(whole.max())) >= (34, 40)

    def test_the_context_is_one_block_at_any_place(self, long_ijepa):
        fitted, _ = long_ijepa
        context = fitted._context(torch.ones(2000, 40, dtype=torch.bool))
        assert bool(((context[:, 1:] & ~context[:, :-1]).sum(1) + context[:, 0] == 1).all())
        shares = context.sum(1).bincount(minlength=41)[34:] / 2000
        torch.testing.assert_close(shares[1:-1], torch.full((5,), 1 / 6), rtol=0, atol=0.04)
        assert float(context[:, 0].float().mean()) == pytest.approx(float(context[:, -1].float().mean()), abs=0.05)

    def test_blocks_that_would_leave_no_context_are_left_out(self):
        windows = torch.tensor([[[1, 1, 0, 0]], [[0, 0, 1, 0]], [[0, 0, 0, 1]], [[1, 0, 0, 0]]]).bool()  # (M, B, T)
        fitted = module(IJEPATransformer, context_ratio=1.0)
        hidden = [Hidden(one[:, None], torch.ones(1, 4, dtype=torch.bool), one) for one in windows]
        context, blocks = fitted.divided(hidden)
        assert torch.equal(blocks[:, :, 0], windows & torch.tensor([True, True, False, False])[:, None, None])
        assert context[0, 0].tolist() == [False, False, False, True]

    def test_each_prediction_sees_the_context_and_its_own_places(self):
        fitted, x = module(IJEPATransformer).eval(), series()
        hidden = fitted.hide(batch_of(x))
        context = torch.tensor([True, False, True, False, False, False]).expand(6, 1, 6)
        blocks = torch.zeros(2, 6, 1, 6, dtype=torch.bool)
        blocks[0, :, :, 3], blocks[1, :, :, 4:] = True, True
        both = fitted.of_blocks(x, hidden, context, blocks)
        steps = context[:, 0].repeat_interleave(WINDOW, 1)[:, None]
        first = fitted.of_blocks(torch.where(steps, x, x + 100), hidden, context, blocks[:1])
        torch.testing.assert_close(both[0, :, 3], first[0, :, 3])
        moved = fitted.of_blocks(x, hidden, context, blocks[:1].roll(1, dims=3))
        assert not torch.isclose(moved[0, :, 4], first[0, :, 3]).all()
        wider = fitted.of_blocks(x, hidden, context, blocks.any(0, keepdim=True))
        assert not torch.isclose(both[0, :, 3], wider[0, :, 3]).all()

    def test_targets_are_the_teacher_s_features_of_whole_series(self):
        fitted, batch = module(IJEPATransformer), batch_of(series(), LENGTHS)
        y = fitted.targets(batch.x, fitted.hide(batch))
        teacher = fitted.teacher["encoder"]
        for case, n_windows in enumerate(N_WINDOWS.tolist()):
            (*_, h) = teacher.attend(teacher.tokens(batch.x[case : case + 1])[:, :n_windows])
            torch.testing.assert_close(y[case, :n_windows], F.layer_norm(h[0], (8,)), rtol=1e-4, atol=1e-5)
            assert not y[case, n_windows:].any()

    def test_every_window_of_every_block_is_a_target_once(self):
        fitted = module(IJEPATransformer)
        _, _, weight = fitted(batch_of(series(), LENGTHS))
        assert torch.equal(weight[:, :, :, 0], (HIDDEN & SEEN).float().expand(4, 6, 6))

    def test_unknown_values_are_neither_seen_nor_predicted(self):
        fitted, x = module(IJEPATransformer).eval(), series()
        gaps = torch.zeros_like(x, dtype=torch.bool)
        gaps[:, 0, 4], gaps[0] = True, True
        outputs = []
        for one in (x, torch.where(gaps, x + 100, x)):
            torch.manual_seed(0)
            outputs.append(fitted(Batch(one, None, torch.arange(6), {"gaps": gaps})))
        assert all(torch.equal(*pair) for pair in zip(*outputs, strict=True))
        assert bool(outputs[0][0].isfinite().all())
        assert not outputs[0][2][:, :, 1].any()
        assert outputs[0][2][:, 1:, 2:].any()
