"""Training on several data sets at once: `fit_many` of all methods that are trained by gradient steps."""

import pickle

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from skorch.callbacks import Callback, EarlyStopping
from skorch.dataset import ValidSplit

from sklearn_ssl import (
    AutoencoderTransformer,
    CLIPTransformer,
    InstDiscTransformer,
    MAETransformer,
    SSLClassifier,
    TSTTransformer,
    VICRegTransformer,
)
from sklearn_ssl.augmentations import GeneratedViews
from sklearn_ssl.base import SSLTransformer
from sklearn_ssl.callbacks import EpochCheckpoint, OnlineProbe, ScoreMonitor
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ChannelIndependentEncoder, ChannelTransformerEncoder, ResNetEncoder, TransformerEncoder
from sklearn_ssl.evaluation import alignment_scorer
from sklearn_ssl.persistence import load_encoder, save_encoder
from sklearn_ssl.testing import all_estimators, cheap_instance

METHODS = [cls for _, cls in all_estimators() if issubclass(cls, SSLTransformer)]
RESNET = ResNetEncoder(depth=1, width=4)
EACH = ChannelIndependentEncoder(RESNET)
REFUSED = {
    # weights for each channel, for example of a decoder
    *("AutoencoderTransformer", "CMCTransformer", "ColorizationTransformer", "ContextEncoderTransformer"),
    *("Data2VecTransformer", "GANTransformer", "GeneratedViewsTransformer", "IBOTTransformer", "SSGANTransformer"),
    *("SimMIMTransformer", "SimMTMTransformer", "TSTTransformer", "TimeVAETransformer", "UticaTransformer"),
    "VQTokenizer",
    # stages that are fitted first
    *("BEiTTransformer", "BEiTV2Transformer", "CAETransformer", "DistilledTokenizer", "MimCoTransformer"),
    *("PeCoTransformer", "PerceptualTokenizer", "TimeMAETransformer"),
    "CLIPTransformer",  # needs a target
}
TOKENS = ChannelTransformerEncoder(depth=1, width=8, window=4)


def waves(n_cases, n_channels, n_timepoints):
    return make_waves(n_cases=n_cases, n_classes=2, n_channels=n_channels, n_timepoints=n_timepoints, random_state=0)[0]


ONE, THREE, FIVE = waves(12, 1, 40), waves(20, 3, 24), waves(6, 5, 30)


def small(cls=VICRegTransformer, **parameters):
    given = {"encoder": EACH, "max_epochs": 2, "batch_size": 8, "random_state": 0, "device": "cpu"}
    return cls(**given | parameters)


class MeanOfChannels(torch.nn.Module):
    """Takes any number of channels, and no recipe built it."""

    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv1d(1, 4, 3, padding=1)

    def forward(self, x):
        return self.convolution(x.mean(1, keepdim=True))


class Rows(Callback):
    """Remembers the rows of every batch."""

    def on_train_begin(self, net, **kwargs):
        self.epochs_ = []

    def on_epoch_begin(self, net, **kwargs):
        self.epochs_.append([])

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        if training:
            self.epochs_[-1].append((batch[0].index.tolist(), tuple(batch[0].x.shape[1:])))


def batches(sets, **parameters):
    """Return (rows, shape) of all batches of each epoch of a fit."""
    model = small(net_params={"callbacks": [Rows()], **parameters.pop("net_params", {})}, **parameters).fit_many(sets)
    return dict(model.net_.callbacks_)["Rows"].epochs_


# --- all methods ---


@pytest.mark.parametrize("cls", METHODS, ids=lambda cls: cls.__name__)
def test_a_method_learns_from_sets_with_other_channels_or_says_why_not(cls):
    model = cheap_instance(cls)
    if isinstance(model.encoder, TransformerEncoder):
        model.set_params(encoder=TOKENS)
    elif not isinstance(model.encoder, ChannelTransformerEncoder):
        model.set_params(encoder=ChannelIndependentEncoder(model.encoder))
    if cls.__name__ in REFUSED:
        with pytest.raises((ValueError, TypeError), match=f"`collections` has .*{cls.__name__}"):
            model.fit_many([ONE, THREE])
        assert not hasattr(model, "net_")
        return
    model.fit_many([ONE, THREE])
    features = [model.transform(X) for X in (ONE, THREE, FIVE)]
    assert {(len(h), h.shape[1]) for h in features} == {(n, model.net_.module_.n_features) for n in (12, 20, 6)}
    assert all(np.isfinite(h).all() for h in features)
    assert np.isfinite(model.loss_curve_).all()


@pytest.mark.parametrize("cls", METHODS, ids=lambda cls: cls.__name__)
def test_one_set_is_as_good_as_fit(cls):
    model = cheap_instance(cls)
    if get_tags(model).target_tags.required or getattr(cls, "_stages", ()):
        return
    assert_array_equal(clone(model).fit_many([THREE]).transform(THREE), model.fit(THREE).transform(THREE))


# --- batches ---


def test_sets_are_drawn_in_turn_and_every_series_is_used():
    for epoch in batches([ONE, THREE, FIVE]):
        assert [shape for _, shape in epoch] == [(1, 40), (3, 24), (5, 30)] * 3  # the largest set has three batches
        of_sets = [[row for rows, _ in epoch[number::3] for row in rows] for number in range(3)]
        assert sorted(of_sets[1]) == list(range(12, 32))
        assert set(of_sets[0]) == set(range(12))  # once, and a part once more
        assert len(of_sets[0]) == 18
        assert sorted(of_sets[2]) == sorted([*range(32, 38)] * 3)


def test_a_set_that_starts_again_has_another_order():
    (first, _), _, _, (second, _) = batches([FIVE, THREE, ONE])[0][:4]
    assert sorted(first) == sorted(second) == list(range(6))
    assert first != second


def test_steps_are_counted_for_budget_and_schedule():
    model = small(max_epochs=3).fit_many([ONE, THREE])
    assert model.net_.steps_ == model.net_.planned_steps_ == 3 * 2 * 3
    assert small(max_steps=7, max_epochs=1).fit_many([ONE, THREE]).net_.steps_ == 7


def test_unequal_lengths_within_a_set():
    ragged = [one[:, : 20 + 2 * case] for case, one in enumerate(FIVE)]
    model = small().fit_many([ragged, THREE])
    alone = model.transform([ragged[0]])
    np.testing.assert_allclose(model.transform(ragged)[:1], alone, rtol=1e-4, atol=1e-5)


def test_sets_on_disk(tmp_path):
    np.save(tmp_path / "three.npy", THREE.astype(np.float32))
    mapped = np.load(tmp_path / "three.npy", mmap_mode="r")
    assert_array_equal(small().fit_many([ONE, mapped]).transform(FIVE), small().fit_many([ONE, THREE]).transform(FIVE))


def test_series_are_rebuilt_up_to_the_longest_of_all_sets():
    model = small(AutoencoderTransformer, encoder=RESNET).fit_many([ONE, THREE[:, :1]])
    assert model.reconstruct(ONE).shape == ONE.shape
    assert model.reconstruct(THREE[:, :1]).shape[2] == 24


def test_rows_of_all_sets_have_places_in_a_memory():
    model = small(InstDiscTransformer).fit_many([ONE, THREE])
    assert model.net_.module_.n_cases == 32


# --- afterwards ---


def test_the_same_seed_gives_the_same_features():
    first, second = (small().fit_many([ONE, THREE]) for _ in range(2))
    other = small(random_state=1).fit_many([ONE, THREE])
    assert_array_equal(first.transform(FIVE), second.transform(FIVE))
    assert not np.array_equal(first.transform(FIVE), other.transform(FIVE))


def test_global_generators_are_left_alone():
    before = torch.get_rng_state()
    small().fit_many([ONE, THREE])
    assert torch.equal(torch.get_rng_state(), before)


def test_features_do_not_depend_on_copies_of_channels():
    model = small().fit_many([ONE, THREE])
    np.testing.assert_allclose(model.transform(ONE), model.transform(ONE.repeat(4, axis=1)), rtol=1e-4, atol=1e-5)


def test_pickle_and_clone():
    model = small().fit_many([ONE, THREE])
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.transform(FIVE), model.transform(FIVE))
    assert not hasattr(clone(model), "any_channels_")
    assert joblib.hash(clone(model).get_params()) == joblib.hash(small().get_params())


def test_it_goes_on_with_a_set_of_other_channels():
    model = small().fit_many([ONE, THREE])
    before = model.transform(ONE)
    model.partial_fit(FIVE)
    assert not np.array_equal(model.transform(ONE), before)


def test_fit_binds_the_channels_again():
    model = small().fit_many([ONE, THREE]).fit(THREE)
    with pytest.raises(ValueError, match="X has 1 channel"):
        model.transform(ONE)


def test_sets_of_the_same_channels_bind_them_and_may_have_any_encoder():
    model = small(encoder=RESNET).fit_many([ONE, THREE[:, :1]])
    assert model.n_channels_in_ == 1
    with pytest.raises(ValueError, match="X has 3 channel"):
        model.transform(THREE)


def test_a_copy_for_some_channels_can_be_saved(tmp_path):
    model = small().fit_many([ONE, THREE])
    copy = model.for_channels(5)
    assert copy.net_ is model.net_
    save_encoder(copy, tmp_path / "encoder")
    assert_array_equal(load_encoder(tmp_path / "encoder").transform(FIVE), model.transform(FIVE))
    with pytest.raises(ValueError, match="X has 1 channel"):
        copy.transform(ONE)


@pytest.mark.parametrize("n_channels", [0, 1.0, True, "2"])
def test_numbers_of_channels_that_are_none(n_channels):
    with pytest.raises(ValueError, match="`n_channels` must be a whole number of at least 1"):
        small(max_epochs=0).fit(ONE).for_channels(n_channels)


def test_weights_that_depend_on_the_channels_keep_their_number():
    model = small(encoder=RESNET, max_epochs=0).fit(THREE)
    assert_array_equal(model.for_channels(3).transform(THREE), model.transform(THREE))
    with pytest.raises(ValueError, match="`n_channels` must be 3, the channels of `fit`"):
        model.for_channels(5)


def test_a_module_of_a_user_is_tried_out():
    assert small(encoder=MeanOfChannels(), max_epochs=0).fit(THREE).for_channels(5).transform(FIVE).shape[0] == 6
    convolution = torch.nn.Conv1d(3, 4, 3, padding=1)
    with pytest.raises(ValueError, match="`n_channels` must be 3"):
        small(encoder=convolution, max_epochs=0).fit(THREE).for_channels(5)


def test_reports_take_series_of_any_channels():
    model = small().fit_many([ONE, THREE])
    assert np.isfinite(alignment_scorer(model, FIVE))
    with pytest.raises(ValueError, match="the transformer was fitted on 3"):
        alignment_scorer(model.for_channels(3), FIVE)


def test_a_classifier_keeps_it():
    model = small().fit_many([ONE, THREE])
    y = np.arange(6) % 2
    kept = SSLClassifier(FrozenEstimator(model), max_epochs=1, random_state=0).fit(FIVE, y)
    assert kept.predict(FIVE).shape == (6,)


# --- what surrounds the training ---


def test_a_killed_fit_goes_on(tmp_path, monkeypatch):
    whole = small(max_epochs=3).fit_many([ONE, THREE]).transform(FIVE)
    stored = small(max_epochs=3, checkpoint=tmp_path)
    write = EpochCheckpoint.on_epoch_end

    def killed(self, net, **kwargs):
        write(self, net, **kwargs)
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(EpochCheckpoint, "on_epoch_end", killed)
        with pytest.raises(OSError, match="killed"):
            stored.fit_many([ONE, THREE])
    assert len(list(tmp_path.glob("*.checkpoint"))) == 1
    with monkeypatch.context() as patch:
        patch.setattr(EpochCheckpoint, "remove", lambda self: None)
        stored.fit_many([ONE, THREE[:-1]])  # other sets do not take the file
    assert len(list(tmp_path.glob("*.checkpoint"))) == 2
    stored.fit_many([ONE, THREE])
    assert stored.net_.epochs_ == 3
    assert_array_equal(stored.transform(FIVE), whole)
    assert len(list(tmp_path.glob("*.checkpoint"))) == 1


def test_early_stopping_on_held_out_series():
    stop = EarlyStopping(monitor="valid_loss", patience=1, threshold=1e9, threshold_mode="abs")
    held_out = ValidSplit(0.3, random_state=0)
    model = small(max_epochs=9, net_params={"callbacks": [stop], "train_split": held_out}).fit_many([ONE, THREE])
    assert model.n_iter_ == 2
    assert np.isfinite(model.net_.history[:, "valid_loss"]).all()


def test_held_out_series_are_in_no_step():
    split = {"train_split": ValidSplit(4)}
    used = {row for epoch in batches([ONE, THREE], net_params=split) for rows, _ in epoch for row in rows}
    assert used == set(range(8, 32))  # of the first set four are left


def test_a_split_that_leaves_one_series_of_a_set_leaves_the_set_out():
    first = [[*range(11)], [11, *range(12, 32)]]

    def split(dataset, y=None):
        return tuple(torch.utils.data.Subset(dataset, rows) for rows in (first[1], first[0]))

    shapes = {shape for epoch in batches([ONE, THREE], net_params={"train_split": split}) for _, shape in epoch}
    assert shapes == {(3, 24)}


def test_a_split_that_leaves_one_series_of_each_set():
    def split(dataset, y=None):
        return tuple(torch.utils.data.Subset(dataset, rows) for rows in ([0, 12], [1, 2, 13, 14]))

    with pytest.raises(ValueError, match='"train_split" makes parts of'):
        small(net_params={"train_split": split}).fit_many([ONE, THREE])


def test_monitors_take_series_of_any_channels():
    y = np.arange(6) % 2
    callbacks = [OnlineProbe(FIVE, y), ScoreMonitor(None)]
    history = small(net_params={"callbacks": callbacks}).fit_many([ONE, THREE]).net_.history
    assert np.isfinite(history[:, ("probe", "score")]).all()
    same = small(encoder=RESNET, net_params={"callbacks": callbacks[:1]})
    with pytest.raises(ValueError, match="`X` has 5 channels, but the net is trained on series with 1"):
        same.fit_many([ONE, ONE])


# --- what is refused ---

GAPS = THREE.copy()
GAPS[0, 1, 3] = np.nan


@pytest.mark.parametrize(
    ("collections", "error", "message"),
    [
        (THREE, TypeError, r"`collections` must be a list of data sets, got an array of shape \(20, 3, 24\)\. Use fit"),
        ([], ValueError, "`collections` must have at least one data set, got an empty list"),
        (
            [ONE, ONE[:, 0]],
            ValueError,
            r"`collections\[1\]` must be an array of shape .* got an array of shape \(12, 4",
        ),
        ([(ONE, np.zeros(12)), THREE], ValueError, r"`collections\[0\]` must be .* without labels, got a tuple"),
        ([ONE, None], ValueError, r"`collections\[1\]` must be .* got a NoneType"),
        ([ONE, []], ValueError, r"`collections\[1\]` must be .* got a list"),
        ([ONE, GAPS], ValueError, r"`collections\[1\]`: X has a missing value .*FillMissing"),
        ([ONE, ONE[:1]], ValueError, r"`collections\[1\]`: Found array with 1 sample"),
        ([ONE, THREE.astype(str)], ValueError, r"`collections\[1\]`: X has dtype <U"),
        ([ONE, THREE * 1j], ValueError, r"`collections\[1\]`: Complex data"),
    ],
)
def test_sets_that_are_none(collections, error, message):
    with pytest.raises(error, match=message):
        small().fit_many(collections)


@pytest.mark.parametrize("dtype", [np.float64, np.int32, np.float16])
def test_other_numbers(dtype):
    given = (100 * THREE).astype(dtype)
    expected = small().fit_many([ONE, given.astype(np.float32)]).transform(FIVE)
    assert_array_equal(small().fit_many([ONE, given]).transform(FIVE), expected)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (RESNET, r"Set encoder=ChannelIndependentEncoder\(encoder=ResNetEncoder\(depth=1, width=4\)\)\."),
        (torch.nn.Conv1d(3, 4, 3, padding=1), r"Set encoder=ChannelIndependentEncoder\(\)\."),
        (lambda n_channels: torch.nn.Conv1d(n_channels, 4, 3), r"Set encoder=ChannelIndependentEncoder\(\)\."),
    ],
)
def test_an_encoder_that_is_not_independent_of_channels(encoder, message):
    model = small().fit_many([ONE, THREE])
    net, before = model.net_, model.transform(FIVE)
    model.encoder = encoder
    with pytest.raises(ValueError, match=f"`collections` has sets of 1 and 3 channels, and `encoder` .*{message}"):
        model.fit_many([ONE, THREE])
    assert model.net_ is net
    assert_array_equal(model.transform(FIVE), before)  # of any number of channels, as before


def test_the_encoder_that_is_proposed_works():
    with pytest.raises(ValueError, match=r"Set encoder=ChannelTransformerEncoder\(\)\."):
        small(MAETransformer, encoder=TransformerEncoder()).fit_many([ONE, THREE])
    small(MAETransformer, encoder=ChannelTransformerEncoder()).fit_many([ONE, THREE])


def test_methods_without_remedy_name_another():
    with pytest.raises(ValueError, match=r"TSTTransformer has weights that depend on their number. Give sets with"):
        small(TSTTransformer).fit_many([ONE, THREE])


def test_errors_of_parameters_come_as_they_are():
    with pytest.raises(ValueError, match=r"^VICRegTransformer: `lr` must be"):
        small(lr=-1).fit_many([ONE, THREE])
    with pytest.raises(ValueError, match=r"^`encoder` failed on series"):
        small(encoder=torch.nn.Conv1d(7, 4, 3)).fit_many([ONE, THREE])


def test_methods_that_need_a_target():
    with pytest.raises(
        TypeError, match=r"`collections` has series alone, and CLIPTransformer needs .* Use fit\(X, y\)"
    ):
        small(CLIPTransformer).fit_many([ONE, THREE])


def test_views_that_are_learnt_need_one_array():
    generator = cheap_instance(dict(all_estimators())["GANTransformer"])
    views = GeneratedViews(generator)
    with pytest.raises(ValueError, match=r"`collections` has 2 sets, but a generator .*FrozenEstimator\(fitted\)"):
        small(encoder=RESNET, augmentation=views).fit_many([ONE, THREE[:, :1]])
    kept = GeneratedViews(FrozenEstimator(generator.fit(ONE)))
    small(encoder=RESNET, augmentation=kept).fit_many([ONE, THREE[:, :1]])
