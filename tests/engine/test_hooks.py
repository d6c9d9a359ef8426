"""What the engine offers to families of methods: each hook with an estimator that uses it."""

import copy
from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from shared import small
from skorch.callbacks import Callback

from sklearn_ssl import BYOLTransformer, SimCLRTransformer, SSLClassifier, VICRegTransformer
from sklearn_ssl._engine.batches import BatchIterator, SeriesDataset
from sklearn_ssl._engine.checkpoint import EpochCheckpoint
from sklearn_ssl._engine.recipes import with_own_recipes
from sklearn_ssl._input.collections import collection_of
from sklearn_ssl.architectures import (
    Architecture,
    Batch,
    HeadedArchitecture,
    InstanceBankArchitecture,
    InstanceClassifierArchitecture,
    SiameseArchitecture,
    TrainableModule,
)
from sklearn_ssl.augmentations import Compose, Jitter
from sklearn_ssl.base import JointEmbeddingTransformer, SSLTransformer
from sklearn_ssl.callbacks import BoundedHistory
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.losses import ntxent_loss

X, Y = make_waves(n_cases=21, n_channels=2, n_timepoints=30, random_state=0)
CPU = torch.device("cpu")


class TestTrainingParams:
    class Slow(JointEmbeddingTransformer):
        """A method with a rate of its own for the projector, another optimiser and no schedule."""

        def _loss(self):
            return ntxent_loss

        def _training_params(self):
            return {
                "optimizer": torch.optim.SGD,
                "optimizer__momentum": 0.5,
                "optimizer__param_groups": [("projector.*", {"lr": 0.25})],
                "callbacks__schedule": None,
            }

    def test_they_reach_the_net(self):
        net = small(self.Slow, lr=0.01, weight_decay=0.125).fit(X).net_
        assert isinstance(net.optimizer_, torch.optim.SGD)
        projector, others = net.optimizer_.param_groups
        assert (projector["lr"], others["lr"], others["momentum"]) == (0.25, 0.01, 0.5)
        assert others["weight_decay"] == 0.125
        assert len(projector["params"]) == len(list(net.module_.projector.parameters()))
        assert "schedule" not in dict(net.callbacks_)

    def test_those_of_the_user_go_first(self):
        net = small(self.Slow, net_params={"optimizer__momentum": 0.75}).fit(X).net_
        assert net.optimizer_.param_groups[0]["momentum"] == 0.75

    def test_another_optimiser_keeps_the_groups_of_weights_alone(self):
        net = small(self.Slow, lr=0.01, net_params={"optimizer": torch.optim.Adam}).fit(X).net_
        assert isinstance(net.optimizer_, torch.optim.Adam)
        assert [group["lr"] for group in net.optimizer_.param_groups] == [0.25, 0.01]

    def test_names_are_checked_for_the_optimiser_of_the_method(self):
        with pytest.raises(ValueError, match=r"unknown name 'optimizer__betas'.*momentum"):
            small(self.Slow, net_params={"optimizer__betas": (0.9, 0.9)}).fit(X)

    def test_the_bases_set_none(self):
        assert SimCLRTransformer()._training_params() == {}

    def test_weight_decay_reaches_the_optimiser(self):
        net = small(weight_decay=0.125).fit(X).net_
        assert {group["weight_decay"] for group in net.optimizer_.param_groups} == {0.125}
        assert {group["fused"] for group in net.optimizer_.param_groups} == {True}

    def test_an_optimiser_without_weight_decay(self):
        class Plain(torch.optim.Optimizer):
            def __init__(self, params, lr):
                super().__init__(params, {"lr": lr})

            def step(self, closure=None):
                return closure()

        assert isinstance(small(net_params={"optimizer": Plain}).fit(X).net_.optimizer_, Plain)


class Averaging(SiameseArchitecture):
    """Keeps the mean of the first weight after every step."""

    def __init__(self, **siamese):
        super().__init__(**siamese)
        self.weights, self.steps_at = [], []

    def after_step(self):
        self.weights.append(next(self.encoder.parameters()).detach().clone())


class AveragingTransformer(JointEmbeddingTransformer):
    def _architecture(self):
        return self._with_views(Averaging)

    def _loss(self):
        return ntxent_loss


class TestAfterStep:
    def test_it_sees_the_weights_of_every_step_the_last_one_too(self):
        module = small(AveragingTransformer).fit(X).net_.module_
        assert len(module.weights) == 9
        assert torch.equal(module.weights[-1], next(module.encoder.parameters()))
        assert not torch.equal(module.weights[0], module.weights[1])

    def test_a_headed_architecture_calls_that_of_what_it_holds(self):
        started = small(AveragingTransformer).fit(X)
        fitted = SSLClassifier(started, pretrained="keep", max_epochs=2, random_state=0).fit(X, Y)
        net = fitted.net_
        assert len(net.module_.backbone.weights) == 9 + net.steps_

    def test_the_base_does_nothing(self):
        module = small().fit(X).net_.module_
        before = copy.deepcopy(module.state_dict())
        module.after_step()
        assert all(torch.equal(now, before[name]) for name, now in module.state_dict().items())


class Numbers:
    """A companion: one number per series."""

    def __init__(self, values):
        self.values = torch.as_tensor(values, dtype=torch.float32)

    def of_rows(self, rows):
        return {"number": self.values[rows]}

    def to(self, device):
        return Numbers(self.values.to(device))

    def content(self):
        return self.values.cpu().numpy().tobytes()


class Told(SiameseArchitecture):
    """Returns the companion's numbers with the projections, and keeps what it was given."""

    def __init__(self, **siamese):
        super().__init__(**siamese)
        self.given = []

    def forward(self, batch):
        self.given.append((batch.index.clone(), batch.companion["number"].clone()))
        return super().forward(batch)


class TellingTransformer(JointEmbeddingTransformer):
    def _architecture(self):
        return self._with_views(Told)

    def _loss(self):
        return ntxent_loss

    def _companion(self, y, collection, *, reset):
        return Numbers(np.zeros(len(collection)) if y is None else y)


class TestCompanion:
    @pytest.mark.parametrize("unequal", [False, True])
    def test_it_reaches_the_batch_row_by_row(self, unequal):
        series = [one[:, : 10 + case] for case, one in enumerate(X)] if unequal else X
        module = small(TellingTransformer, max_epochs=1).fit(series, np.arange(21) * 2.0).net_.module_
        index, number = (torch.cat(parts) for parts in zip(*module.given, strict=True))
        assert_array_equal(index.sort().values, np.arange(21))
        assert_array_equal(number, index * 2.0)

    def test_partial_fit_has_that_of_its_call(self):
        fitted = small(TellingTransformer).partial_fit(X, np.full(21, 1.0)).partial_fit(X, np.full(21, 5.0))
        assert fitted.net_.module_.given[-1][1].unique() == 5.0

    def test_fits_with_other_companions_have_other_checkpoints(self, tmp_path):
        transformer = small(TellingTransformer, checkpoint=tmp_path)
        collection = collection_of(X)
        paths = {
            EpochCheckpoint.of(transformer, SeriesDataset(collection, CPU, companion)).path
            for companion in (None, Numbers(np.zeros(21)), Numbers(np.ones(21)), Numbers(np.ones(21)))
        }
        assert len(paths) == 3

    def test_a_resumed_fit_has_it_too(self, tmp_path, monkeypatch):
        expected = small(TellingTransformer, max_epochs=4).fit(X, np.arange(21.0)).transform(X)
        write = EpochCheckpoint.on_epoch_end

        def die(checkpoint, net, **kwargs):
            write(checkpoint, net, **kwargs)
            raise RuntimeError

        with monkeypatch.context() as patch:
            patch.setattr(EpochCheckpoint, "on_epoch_end", die)
            with pytest.raises(RuntimeError):
                small(TellingTransformer, max_epochs=4, checkpoint=tmp_path).fit(X, np.arange(21.0))
        resumed = small(TellingTransformer, max_epochs=4, checkpoint=tmp_path).fit(X, np.arange(21.0))
        assert_array_equal(resumed.transform(X), expected)
        assert len(resumed.net_.history) == 4


class TestBatch:
    def test_rows_have_all_that_belongs_to_them(self):
        batch = Batch(torch.randn(5, 2, 6), torch.arange(2, 7), torch.arange(5) + 10, {"y": torch.arange(5) * 2})
        part = batch.rows(slice(1, 3))
        assert len(batch) == 5
        assert len(part) == 2
        assert torch.equal(part.x, batch.x[1:3])
        assert part.lengths.tolist() == [3, 4]
        assert part.index.tolist() == [11, 12]
        assert part.companion["y"].tolist() == [2, 4]
        assert part.mask.sum(dim=1).tolist() == [3, 4]

    def test_without_lengths_there_is_no_mask(self):
        part = Batch(torch.zeros(3, 1, 4)).rows(slice(2))
        assert part.mask is part.lengths is part.index is None

    def test_padded_steps_are_zero(self):
        series = SeriesDataset(collection_of([one[:, : 5 + case] for case, one in enumerate(X)]), CPU)
        batch = series[torch.tensor([3, 0])]
        assert batch.lengths.tolist() == [8, 5]
        assert batch.index.tolist() == [3, 0]
        assert_array_equal(batch.x[0, :, :8], X[3, :, :8])
        assert not batch.x[0, :, 8:].any()
        assert not batch.x[1, :, 5:].any()


class TestOrder:
    class Ordered(SeriesDataset):
        ordered = True

    def test_an_ordered_data_set_keeps_its_order_in_training(self):
        dataset = self.Ordered(collection_of(X), CPU)
        rows = [index for _, index in BatchIterator(dataset, 8, shuffle=True)]
        assert_array_equal(torch.cat(rows), np.arange(21))
        part = torch.utils.data.Subset(dataset, [4, 2, 9])
        assert_array_equal(torch.cat([index for _, index in BatchIterator(part, 8, shuffle=True)]), [4, 2, 9])

    def test_others_are_shuffled(self):
        rows = [index for _, index in BatchIterator(SeriesDataset(collection_of(X), CPU), 8, shuffle=True)]
        assert not np.array_equal(torch.cat(rows), np.arange(21))

    def test_validation_is_never_shuffled(self):
        rows = [index for _, index in BatchIterator(SeriesDataset(collection_of(X), CPU), 8, shuffle=False)]
        assert_array_equal(torch.cat(rows), np.arange(21))


class TestNumberOfCases:
    def test_it_can_be_told_from_outside(self):
        transformer = small()
        net, _ = transformer._untrained(transformer._checked(X, reset=True), None, n_cases=500)
        assert net.module_.n_cases == 500
        assert small().fit(X).net_.module_.n_cases == 21

    @pytest.mark.parametrize("cls", [InstanceBankArchitecture, InstanceClassifierArchitecture])
    def test_some_architectures_have_a_place_for_each_series(self, cls):
        assert cls.keeps_instances

    def test_others_have_not(self):
        assert not small().fit(X).net_.module_.keeps_instances


class Calls(Callback):
    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        if training:
            self.sizes_ = [*getattr(self, "sizes_", []), len(batch[1])]


class Constant(torch.nn.Module):
    def __init__(self, n_channels):
        super().__init__()
        self.conv = torch.nn.Conv1d(n_channels, 4, 1)

    def forward(self, x):
        return 0 * self.conv(x) + 1


class TestStreams:
    def test_an_automatic_batch_size_is_that_of_each_call(self):
        Z, _ = make_waves(n_cases=130, n_channels=2, n_timepoints=30, random_state=1)
        stream = small(batch_size="auto", net_params={"callbacks": [Calls()]})
        for part in (Z[:16], Z[16:], Z[:20]):
            stream.partial_fit(part)
        assert dict(stream.net_.callbacks_)["Calls"].sizes_ == [8, 8, 29, 29, 28, 28, 7, 7, 6]

    def test_a_given_batch_size_stays(self):
        stream = small(batch_size=4, net_params={"callbacks": [Calls()]}).partial_fit(X[:8]).partial_fit(X)
        assert dict(stream.net_.callbacks_)["Calls"].sizes_ == [4, 4, 4, 4, 4, 3, 3, 3]

    def test_chance_level_is_that_of_a_batch(self):
        assert small(batch_size="auto").fit(X).collapsed_loss_ == pytest.approx(np.log(15))
        assert small(batch_size=16).fit(X[:10]).collapsed_loss_ == pytest.approx(np.log(19))

    def test_a_collapse_is_told_once(self, recwarn):
        stream = small(encoder=Constant)
        for _ in range(20):
            stream.partial_fit(X)
        assert sum("collapsed" in str(warning.message) for warning in recwarn.list) == 1

    def test_a_new_fit_tells_it_again(self):
        stream = small(encoder=Constant)
        for _ in range(2):
            with pytest.warns(UserWarning, match="collapsed"):
                stream.fit(X)

    def test_the_monitor_looks_at_ever_fewer_calls(self, monkeypatch):
        looks = []
        stream = small().partial_fit(X)
        look = type(stream.net_).represent
        monkeypatch.setattr(type(stream.net_), "represent", lambda *a, **k: looks.append(1) or look(*a, **k))
        seen = []
        for _ in range(2, 17):
            before = len(looks)
            stream.partial_fit(X)
            seen.append(len(looks) - before)
        assert seen == [1, 0, 1, 0, 0, 0, 1, *[0] * 7, 1]  # calls 2, 4, 8 and 16

    def test_a_late_collapse_is_seen(self):
        stream = small(VICRegTransformer, max_epochs=1).fit(X)
        with torch.no_grad():
            for weight in stream.net_.module_.encoder.parameters():
                weight.zero_()
        stream.net_.optimizer_.param_groups[0]["initial_lr"] = 0.0
        with pytest.warns(UserWarning, match="collapsed"):
            stream.partial_fit(X)

    def test_history_is_bounded_on_request(self):
        stream = small(net_params={"callbacks": [BoundedHistory(n_epochs=3)]})
        plain = small()
        for _ in range(6):
            stream.partial_fit(X)
            plain.partial_fit(X)
        assert stream.net_.history[:, "epoch"] == [4, 5, 6]
        assert stream.net_.history[:, "train_loss"] == plain.net_.history[-3:, "train_loss"]
        assert plain.net_.history[:, "epoch"] == [1, 2, 3, 4, 5, 6]

    @pytest.mark.parametrize("n_epochs", [0, 1.5, True, "all"])
    def test_bad_bounds(self, n_epochs):
        with pytest.raises(ValueError, match="`n_epochs` must be a whole number of at least 1, got"):
            small(net_params={"callbacks": [BoundedHistory(n_epochs)]}).fit(X)


class TestRecipes:
    def test_arguments_are_bound_as_copies(self):
        jitter, module = Jitter(), torch.nn.Linear(2, 2)
        build = with_own_recipes(partial(dict, augmentation=jitter), encoder=module, n_cases=3)
        built = build()
        assert built["augmentation"] is not jitter
        assert type(built["augmentation"]) is Jitter
        assert built["encoder"] is module  # the architecture copies modules
        assert built["n_cases"] == 3

    def test_positional_arguments_stay(self):
        assert with_own_recipes(partial(dict, [("a", 1)]), b=2)() == {"a": 1, "b": 2}


class TestProtocol:
    @pytest.mark.parametrize("cls", [Architecture, HeadedArchitecture])
    def test_what_the_engine_reads_is_inherited(self, cls):
        assert TrainableModule in cls.__mro__

    @pytest.mark.parametrize("function", ["features", "feature_maps"])
    def test_what_a_module_must_have_says_so(self, function):
        class Empty(torch.nn.Module, TrainableModule):
            pass

        with pytest.raises(NotImplementedError, match="Empty has no"):
            getattr(Empty(), function)(None)


class Autocast(SiameseArchitecture):
    def forward(self, batch):
        self.seen = (torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu"))
        return super().forward(batch)


class AutocastTransformer(JointEmbeddingTransformer):
    def _architecture(self):
        return self._with_views(Autocast)

    def _loss(self):
        return ntxent_loss


class TestEngine:
    @pytest.mark.parametrize(("precision", "expected"), [("bf16", (True, torch.bfloat16)), ("float32", (False, None))])
    def test_training_computes_in_the_precision_asked_for(self, precision, expected):
        seen = small(AutocastTransformer, precision=precision, max_epochs=1).fit(X).net_.module_.seen
        assert seen[0] == expected[0]
        assert expected[1] in (None, seen[1])

    def test_at_most_512_series_adapt_the_module(self, monkeypatch):
        seen, learning = [], []

        def adapt(self, x, lengths=None):
            seen.append(x)
            learning.append(torch.is_grad_enabled())

        monkeypatch.setattr(Architecture, "adapt", adapt)
        Z = np.arange(600.0, dtype=np.float32)[:, None, None].repeat(3, axis=2)
        net, dataset = small()._untrained(collection_of(Z), None)
        rows = seen[0][:, 0, 0]
        assert len(rows) == 512
        assert len(rows.unique()) == 512
        assert 250 < rows.mean() < 350  # drawn at random, not the first
        net.adapt(dataset)
        assert torch.equal(seen[1], seen[0])  # the same series in each fit
        assert learning == [False, False]

    def test_progress_is_the_share_of_the_steps_that_are_done(self):
        class Recording(SiameseArchitecture):
            def forward(self, batch):
                self.shares = [*getattr(self, "shares", []), float(self.progress)]
                return super().forward(batch)

        class RecordingTransformer(AutocastTransformer):
            def _architecture(self):
                return self._with_views(Recording)

        fitted = small(RecordingTransformer, max_steps=4).fit(X)
        assert fitted.net_.module_.shares == [0.0, 0.25, 0.5, 0.75]
        assert fitted.partial_fit(X).net_.module_.shares[4:] == [0.0] * 3

    def test_an_epoch_of_batches_gives_the_history(self):
        history = small(max_epochs=1).fit(X[:20]).net_.history
        assert history[0, "batches", :, "train_batch_size"] == [7, 7, 6]
        losses = np.array(history[0, "batches", :, "train_loss"])
        assert history[0, "train_loss"] == pytest.approx(np.average(losses, weights=[7, 7, 6]), rel=1e-6)

    def test_the_teacher_is_part_of_the_copy_that_partial_fit_trains(self):
        fitted = small(BYOLTransformer, augmentation=Compose()).fit(X)
        before = copy.deepcopy(fitted.net_.module_.state_dict())
        net = fitted.net_
        fitted.partial_fit(X)
        assert all(torch.equal(now, before[name]) for name, now in net.module_.state_dict().items())
        assert fitted.net_ is not net


def test_ssl_transformer_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        SSLTransformer(encoder=ResNetEncoder())
