import contextlib
import subprocess
import sys
import textwrap

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from shared import small
from sklearn.callback import ProgressBar
from skorch.callbacks import Callback, EarlyStopping
from skorch.dataset import ValidSplit
from torch import nn

from sklearn_ssl import RandomEncoderTransformer, SimCLRTransformer, VICRegTransformer, WCCNTransformer
from sklearn_ssl._engine.batches import BatchIterator, SeriesDataset
from sklearn_ssl._engine.budgets import resolved_batch_size, resolved_epochs, steps_per_epoch
from sklearn_ssl._input.collections import Collection
from sklearn_ssl.augmentations import Jitter
from sklearn_ssl.callbacks import EpochCheckpoint, WarmupCosine
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.projectors import MLPProjector
from sklearn_ssl.testing import cheap_instance

X, _ = make_waves(n_cases=21, n_channels=2, n_timepoints=30, random_state=0)


class ConvEncoder(nn.Module):
    def __init__(self, n_channels):
        super().__init__()
        self.conv = nn.Conv1d(n_channels, 5, 3, padding=1)

    def forward(self, x):
        return self.conv(x)


class ConstantEncoder(ConvEncoder):
    def forward(self, x):
        return 0 * self.conv(x) + 1


class Recorder(Callback):
    """Keep what happens; interrupt or fail when asked to."""

    def __init__(self, fail_in=None, error=RuntimeError):
        self.fail_in = fail_in
        self.error = error

    def on_train_begin(self, net, **kwargs):
        self.sizes_, self.rates_ = [], []

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        self.sizes_.append(len(batch[1]))
        self.rates_.append(net.optimizer_.param_groups[0]["lr"])

    def on_epoch_begin(self, net, **kwargs):
        if self.fail_in is not None and len(net.history) == self.fail_in:
            raise self.error


def recorder(transformer):
    return dict(transformer.net_.callbacks_)["Recorder"]


class TestBatches:
    @pytest.mark.parametrize(
        ("n_cases", "batch_size", "sizes"),
        [
            (9, 8, [5, 4]),
            (16, 8, [8, 8]),
            (17, 8, [6, 6, 5]),
            (66, 16, [14, 13, 13, 13, 13]),
            (2, 8, [2]),
            (3, 2, [3]),
            (5, 2, [3, 2]),
        ],
    )
    def test_sizes_are_nearly_equal(self, n_cases, batch_size, sizes):
        dataset = SeriesDataset(Collection(np.zeros((n_cases, 1, 2)), None), torch.device("cpu"))
        batches = list(BatchIterator(dataset, batch_size, shuffle=True))
        assert [len(rows) for _, rows in batches] == sizes
        assert len(batches) == steps_per_epoch(n_cases, batch_size)
        assert_array_equal(torch.cat([rows for _, rows in batches]).sort().values, torch.arange(n_cases))

    @pytest.mark.parametrize(("n_cases", "size"), [(2, 8), (30, 8), (120, 32), (380, 64), (7352, 64)])
    def test_automatic_size(self, n_cases, size):
        assert resolved_batch_size("auto", n_cases) == size

    @pytest.mark.parametrize(
        ("max_epochs", "max_steps", "per_epoch", "epochs"),
        [
            ("auto", None, 4, 50),
            ("auto", None, 16, 13),
            ("auto", None, 50, 4),
            ("auto", None, 115, 4),
            ("auto", None, 200, 3),
            ("auto", None, 3125, 1),
            ("auto", 10, 4, 3),
            (0, None, 4, 0),
        ],
    )
    def test_automatic_epochs(self, max_epochs, max_steps, per_epoch, epochs):
        assert resolved_epochs(max_epochs, max_steps, per_epoch) == epochs

    def test_training_takes_two_hundred_steps_by_default(self):
        fitted = small(max_epochs="auto").fit(X)
        assert fitted.net_.steps_ == 201  # 67 whole epochs of three

    def test_fit_sees_every_series_once_an_epoch(self):
        fitted = small(net_params={"callbacks": [Recorder()]}).fit(X)
        assert recorder(fitted).sizes_ == [7, 7, 7] * 3

    def test_validation_split_of_skorch(self):
        split = {"train_split": ValidSplit(3), "callbacks": [Recorder()]}
        fitted = small(max_steps=10, net_params=split).fit(X)
        assert np.isfinite(fitted.net_.history[:, "valid_loss"]).all()
        assert fitted.net_.steps_ == 10
        with pytest.raises(ValueError, match=r"train_split.*\[18, 1\]"):
            small(net_params={"train_split": ValidSplit(19)}).fit(X[:19])

    def test_an_empty_list_of_callbacks_adds_none(self):
        assert_array_equal(small(net_params={"callbacks": []}).fit_transform(X), small().fit_transform(X))

    def test_callbacks_can_be_switched_off(self):
        fitted = small(net_params={"callbacks": "disable"}).fit(X)
        assert len(fitted.net_.history) == 3


class TestSchedule:
    def test_warms_up_and_decays_to_zero(self):
        fitted = small(lr=0.01, max_epochs=10, net_params={"callbacks": [Recorder()]}).fit(X)
        rates = np.array(recorder(fitted).rates_)
        assert rates[:3] == pytest.approx([0.01 / 3, 0.02 / 3, 0.01])  # a tenth of 30 steps
        cosine = np.cos(np.pi * np.arange(27) / 27)  # from 1 downwards
        assert rates[3:] == pytest.approx(0.005 * (1 + cosine))

    def test_a_part_of_a_step_of_warm_up_is_a_whole_one(self):
        assert [round(WarmupCosine(0.1).factor(step, 11), 3) for step in range(3)] == [0.5, 1.0, 1.0]

    def test_partial_fit_keeps_the_rate(self):
        fitted = small(lr=0.01, net_params={"callbacks": [Recorder()]}).fit(X).partial_fit(X)
        assert recorder(fitted).rates_ == [0.01] * 3

    def test_budget_in_steps_replaces_epochs(self):
        fitted = small(max_steps=7, net_params={"callbacks": [Recorder()]}).fit(X)
        assert len(recorder(fitted).rates_) == 7
        assert fitted.net_.steps_ == 7
        assert len(fitted.net_.history) == 3

    def test_no_epochs_leave_the_weights_as_initialised(self):
        untrained = small(RandomEncoderTransformer)
        assert_array_equal(small(max_epochs=0).fit_transform(X), untrained.fit_transform(X))


class TestHistory:
    def test_loss_of_every_epoch(self):
        losses = small().fit(X).net_.history[:, "train_loss"]
        assert len(losses) == 3
        assert np.isfinite(losses).all()

    def test_partial_fit_adds_to_it(self):
        assert len(small().fit(X).partial_fit(X).net_.history) == 4

    @pytest.mark.parametrize("verbose", [1, True])
    def test_verbose_prints(self, capsys, verbose):
        small(verbose=verbose).fit(X)
        assert "train_loss" in capsys.readouterr().out

    def test_silent_by_default(self, capsys):
        small().fit(X)
        assert capsys.readouterr().out == ""


class TestFailures:
    def test_divergence_names_epoch_rate_and_cause(self):
        fitted = small().fit(X)
        before = fitted.transform(X)
        fitted.set_params(lr=1e30)
        with pytest.raises(FloatingPointError, match=r"epoch \d+ at learning rate .*scaled"):
            fitted.fit(X)
        assert_array_equal(fitted.transform(X), before)
        fitted.net_.optimizer_.param_groups[0]["initial_lr"] = 1e30
        with pytest.raises(FloatingPointError):
            fitted.partial_fit(X).partial_fit(X).partial_fit(X)

    def test_failed_partial_fit_loses_nothing(self):
        fitted = small().fit(X)
        before = fitted.transform(X)
        with pytest.raises(FloatingPointError):
            fitted.partial_fit(X * np.float32(1e38))
        assert_array_equal(fitted.transform(X), before)

    def test_interrupt_leaves_a_usable_transformer(self):
        fitted = small(net_params={"callbacks": [Recorder(fail_in=2, error=KeyboardInterrupt)]})
        with pytest.raises(KeyboardInterrupt):
            fitted.fit(X)
        assert len(fitted.net_.history[:, "train_loss"]) == 1
        assert np.isfinite(fitted.transform(X)).all()
        recorder(fitted).fail_in = None
        assert len(fitted.partial_fit(X).net_.history[:, "train_loss"]) == 2

    def test_collapse_warns(self):
        with pytest.warns(UserWarning, match="The features and projections collapsed"):
            small(encoder=ConstantEncoder).fit(X)

    def test_collapse_of_the_projections_warns(self):
        with pytest.warns(UserWarning, match="The projections collapsed"):
            small(VICRegTransformer, variance=0, covariance=0, lr=0.1, max_epochs=100).fit(X)

    @pytest.mark.parametrize("Z", [X + 1e3, X * 1e-3 + 1], ids=["far", "near one"])
    def test_series_that_are_not_scaled_are_no_collapse(self, Z):
        assert small().fit(Z).net_.steps_ == 9  # a warning would be an error

    def test_weights_that_diverge_in_the_last_step(self):
        with pytest.raises(FloatingPointError, match=r"(Weights|Features) became NaN"):
            small(max_epochs=1, batch_size=24, lr=1e30).fit(X)
        fitted = small(max_epochs=0, batch_size=24, lr=1e30).fit(X)
        before = fitted.transform(X)
        with pytest.raises(FloatingPointError):
            fitted.partial_fit(X)
        assert_array_equal(fitted.transform(X), before)

    @pytest.mark.parametrize("kind", [SimCLRTransformer, WCCNTransformer])
    def test_another_default_dtype_of_torch_is_named_and_loses_nothing(self, kind):
        fitted = cheap_instance(kind).fit(X)
        expected = fitted.transform(X)
        torch.set_default_dtype(torch.float64)
        try:
            with pytest.raises(RuntimeError, match=r"float64, .* Call torch.set_default_dtype\(torch.float32\)"):
                fitted.fit(X)
        finally:
            torch.set_default_dtype(torch.float32)
        assert_array_equal(fitted.transform(X), expected)

    def test_features_of_huge_values(self):
        with pytest.raises(ValueError, match=r"too large for the encoder.*scaler"):
            small().fit(X).transform(X * np.float32(1e37))

    def test_collapse_of_the_series_themselves_is_no_warning(self):
        with pytest.warns(UserWarning, match=r"All \d+ series of X are the same") as record:
            assert small().fit(np.ones_like(X)).net_.steps_ == 9
        assert len(record) == 1

    def test_collapse_monitor_can_be_switched_off(self):
        fitted = small(encoder=ConstantEncoder, net_params={"callbacks__collapse": None}).fit(X)
        assert fitted.net_.steps_ == 9

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"batch_size": 1}, "`batch_size` must be a whole number at least 2"),
            ({"temperature": -0.1}, "`temperature` must be a number above 0, got -0.1"),
            ({"device": "gpu"}, "`device`"),
            ({"precision": "half"}, "`precision` must be one of 'auto', 'float32', 'bf16'"),
            ({"net_params": {"optimiser": 1}}, "optimiser"),
            ({"net_params": {"max_epochs": 1}}, "parameter of the transformer itself"),
            ({"net_params": {"optimizer__momentun": 1}}, "unknown name 'optimizer__momentun'.*betas"),
            ({"net_params": {"callbacks__nope": None}}, "unknown name 'callbacks__nope'.*collapse"),
            ({"net_params": {"compile__speed": 1}}, "compile__speed"),
            ({"net_params": {"optimizer": "sgd"}}, '"optimizer" must be a class of torch.optim'),
            ({"net_params": {"callbacks": [3]}}, '"callbacks" must be a list of skorch callbacks'),
            ({"net_params": {"train_split": 3}}, '"train_split" must be a callable'),
            ({"pooling": "mean"}, r"`pooling` must be None or an object such as Pooling\(\)"),
            ({"projector": MLPProjector}, r"`projector` must be None or an object such as MLPProjector\(\)"),
            ({"augmentation": [Jitter()]}, "one for each of 2 views, got 1"),
            ({"encoder": ResNetEncoder}, r"not its class: write ResNetEncoder\(\)"),
            ({"encoder": nn.Conv1d(3, 4, 3)}, r"`encoder` failed on series of shape \(2, 2, 30\)"),
            ({"device": "meta"}, "`device`"),
            ({"random_state": "a"}, "`random_state`"),
            ({"checkpoint": 3}, "`checkpoint` must be the path of a folder"),
            ({"net_params": [1]}, "must be a dictionary"),
            ({"encoder": 3}, "`encoder` must be a recipe"),
            ({"encoder": nn.Flatten()}, "must return as many features for any number of time steps, got 60"),
            ({"encoder": ResNetEncoder(depth=0)}, "`depth` must be a whole number at least 1"),
            ({"max_epochs": -1}, "`max_epochs`"),
            ({"lr": 0}, "`lr`"),
        ],
    )
    def test_bad_parameters(self, parameters, message):
        transformer = small(**parameters)
        with pytest.raises((ValueError, TypeError), match=message):
            transformer.fit(X)
        assert not hasattr(transformer, "net_")
        assert not hasattr(transformer, "n_channels_in_")


class TestEncoders:
    def test_class(self):
        assert small(encoder=ConvEncoder).fit_transform(X).shape[0] == 21

    def test_instance_is_copied_with_its_weights(self):
        module = ConvEncoder(2)
        weight = module.conv.weight.detach().clone()
        untouched = small(encoder=module, max_epochs=0).fit(X)
        assert_array_equal(untouched.net_.module_.encoder.conv.weight.detach(), weight)
        small(encoder=module).fit(X)
        assert_array_equal(module.conv.weight.detach(), weight)

    def test_a_mask_is_given_by_name_and_always_where_it_is_required(self):
        class Masked(ConvEncoder):
            def forward(self, x, scale=1.0, *, mask):
                return scale * self.conv(x) * mask[:, None]

        assert np.isfinite(small(encoder=Masked).fit_transform(X)).all()
        assert np.isfinite(small(encoder=Masked).fit_transform([one[:, : 5 + i] for i, one in enumerate(X)])).all()

    def test_bf16(self):
        features = small(precision="bf16").fit(X).transform(X)
        assert features.dtype == np.float32
        assert np.isfinite(features).all()

    def test_feature_maps_of_padded_series(self):
        series = [one[:, : 5 + case] for case, one in enumerate(X)]
        maps = small(max_epochs=0).fit(series).encode(series)
        assert maps.shape == (21, 4, 25)
        assert_array_equal(np.isnan(maps[:, 0]).sum(axis=1), 20 - np.arange(21))


class TestInput:
    def test_memory_map_gives_the_same(self, tmp_path):
        np.save(tmp_path / "X.npy", X)
        mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
        assert_array_equal(small().fit(mapped).transform(mapped), small().fit(X).transform(X))

    def test_read_only_array(self):
        frozen = X.copy()
        frozen.flags.writeable = False
        assert_array_equal(small().fit(frozen).transform(frozen), small().fit(X).transform(X))

    def test_data_frame(self):
        pd = pytest.importorskip("pandas")
        frame = pd.DataFrame(X[:, 0])
        frame.columns = [f"t{step}" for step in range(X.shape[2])]
        fitted = small().fit(frame)
        assert list(fitted.feature_names_in_) == list(frame.columns)
        assert fitted.set_output(transform="pandas").transform(frame).columns[0] == "simclrtransformer0"

    def test_two_d_needs_the_fitted_number_of_steps(self):
        fitted = small().fit(X[:, 0])
        with pytest.raises(ValueError, match="30 features"):
            fitted.transform(X[:, 0, :-1])
        assert fitted.fit(X).transform(X[:, :, :-1]).shape[0] == 21


class TestRandomness:
    def test_threads_do_not_mix_their_streams(self):
        fits = joblib.Parallel(n_jobs=2, backend="threading")(
            joblib.delayed(small().fit_transform)(X) for _ in range(4)
        )
        for features in fits:
            assert_array_equal(features, small().fit_transform(X))

    def test_random_state_instance_moves_on(self):
        state = np.random.RandomState(0)
        first, second = (small(random_state=state).fit_transform(X) for _ in range(2))
        assert not np.allclose(first, second)

    def test_no_random_state_differs(self):
        first, second = (small(random_state=None).fit_transform(X) for _ in range(2))
        assert not np.allclose(first, second)


class TestCallbacks:
    def test_progress_bar(self, capsys):
        small().set_callbacks(ProgressBar()).fit(X)
        assert "SimCLRTransformer" in capsys.readouterr().out

    def test_scikit_learn_callback_sees_epochs_and_stops(self):
        class Stopper:
            seen = 0

            def setup(self, estimator, context):
                self.planned = context.max_subtasks

            def teardown(self, estimator, context):
                self.torn_down = True

            def on_fit_task_begin(self, estimator, context, *, X=None, fitted_estimator=None):
                pass

            def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
                if context.task_name == "epoch":
                    self.seen += 1
                    assert fitted_estimator.transform(X).shape[0] == 21
                    return self.seen == 2
                return False

        stopper = Stopper()
        fitted = small(max_epochs=5).set_callbacks(stopper).fit(X)
        assert (stopper.planned, stopper.seen, stopper.torn_down) == (5, 2, True)
        assert len(fitted.net_.history) == 2
        with pytest.raises(ValueError, match="`lr`"):
            fitted.set_params(lr=0).fit(X)

    def test_early_stopping_of_skorch(self):
        stop = EarlyStopping(monitor="train_loss", patience=1, threshold=1e9, sink=lambda text: None)
        assert len(small(max_epochs=9, net_params={"callbacks": [stop]}).fit(X).net_.history) < 9


class TestCheckpoint:
    def fit(self, folder, **parameters):
        return small(VICRegTransformer, **{"max_epochs": 5, "checkpoint": folder, **parameters})

    @pytest.fixture
    def die(self, monkeypatch):
        """Raise `error` right after the checkpoint of epoch 3 was written, within a context."""

        @contextlib.contextmanager
        def dying(error=RuntimeError):
            write = EpochCheckpoint.on_epoch_end

            def write_and_raise(checkpoint, net, **kwargs):
                write(checkpoint, net, **kwargs)
                if len(net.history) == 3:
                    raise error

            with monkeypatch.context() as patch:
                patch.setattr(EpochCheckpoint, "on_epoch_end", write_and_raise)
                yield

        return dying

    def test_continues_and_ends_as_uninterrupted(self, tmp_path, die):
        expected = self.fit(None).fit(X)
        with die(), pytest.raises(RuntimeError):
            self.fit(tmp_path).fit(X)
        assert len(list(tmp_path.iterdir())) == 1
        counting = {"callbacks": [Recorder()]}
        resumed = self.fit(tmp_path).fit(X)
        assert_array_equal(resumed.transform(X), expected.transform(X))
        assert resumed.net_.history[:, "train_loss"] == expected.net_.history[:, "train_loss"]
        assert list(tmp_path.iterdir()) == [], "a finished fit leaves its file behind"
        with die(), pytest.raises(RuntimeError):
            self.fit(tmp_path, net_params=counting).fit(X)
        resumed = self.fit(tmp_path, net_params=counting).fit(X)
        assert len(recorder(resumed).rates_) == 5 * 3, "epochs before the kill were trained again, or forgotten"

    def test_continues_after_ctrl_c(self, tmp_path, monkeypatch):
        def interrupt(checkpoint, net, **kwargs):
            if net.epochs_ == 3:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(EpochCheckpoint, "on_epoch_begin", interrupt)
            interrupted = self.fit(tmp_path)
            with pytest.raises(KeyboardInterrupt):
                interrupted.fit(X)
        assert len(interrupted.net_.history) == 3
        assert len(list(tmp_path.iterdir())) == 1
        assert_array_equal(self.fit(tmp_path).fit_transform(X), self.fit(None).fit_transform(X))

    def test_early_stopping_ends_the_fit(self, tmp_path, die):
        def stopping():
            stop = EarlyStopping(monitor="train_loss", patience=4, threshold=1e9, sink=print)
            return {"max_epochs": 9, "net_params": {"callbacks": [stop]}}

        expected = self.fit(None, **stopping()).fit(X)
        assert 3 < len(expected.net_.history) < 9
        for _ in range(2):
            assert_array_equal(self.fit(tmp_path, **stopping()).fit_transform(X), expected.transform(X))
            assert list(tmp_path.iterdir()) == []
        with die(), pytest.raises(RuntimeError):
            self.fit(tmp_path, **stopping()).fit(X)
        assert_array_equal(self.fit(tmp_path, **stopping()).fit_transform(X), expected.transform(X))

    def test_killed_process(self, tmp_path):
        code = f"""
            import os, torch
            torch.set_num_threads(1)
            from skorch.callbacks import Callback
            from sklearn_ssl import VICRegTransformer
            from sklearn_ssl.datasets import make_waves
            from sklearn_ssl.encoders import ResNetEncoder
            from sklearn_ssl.callbacks import EpochCheckpoint

            write = EpochCheckpoint.on_epoch_end

            def write_and_die(self, net, **kwargs):
                write(self, net, **kwargs)
                if len(net.history) == 3:
                    os._exit(9)

            EpochCheckpoint.on_epoch_end = write_and_die
            X, _ = make_waves(n_cases=21, n_channels=2, n_timepoints=30, random_state=0)
            VICRegTransformer(encoder=ResNetEncoder(depth=1, width=4), batch_size=8, device="cpu", random_state=0,
                              max_epochs=5, checkpoint={str(tmp_path)!r}).fit(X)
        """
        assert subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False).returncode == 9
        resumed = self.fit(tmp_path).fit(X)
        assert len(resumed.net_.history) == 5
        assert_array_equal(resumed.transform(X), self.fit(None).fit(X).transform(X))

    def test_other_data_or_parameters_start_afresh(self, tmp_path, die):
        with die(), pytest.raises(RuntimeError):
            self.fit(tmp_path).fit(X)
        for parameters, Z in [({}, X + 1), ({"variance": 1.0}, X), ({"random_state": 1}, X)]:
            expected = self.fit(None, **parameters).fit_transform(Z)
            assert_array_equal(self.fit(tmp_path, **parameters).fit_transform(Z), expected)

    def test_a_file_in_place_of_the_folder(self, tmp_path):
        (tmp_path / "file").write_text("mine")
        with pytest.raises(ValueError, match="`checkpoint` must be a folder"):
            self.fit(tmp_path / "file").fit(X)
        assert (tmp_path / "file").read_text() == "mine"

    def test_damaged_file(self, tmp_path, die):
        with die(), pytest.raises(RuntimeError):
            self.fit(tmp_path).fit(X)
        stored = next(tmp_path.iterdir())
        stored.write_bytes(stored.read_bytes()[:100])
        with pytest.raises(ValueError, match="cannot be read"):
            self.fit(tmp_path).fit(X)


def test_collection_knows_its_size():
    collection = Collection(np.ones((3, 2, 5), dtype=np.float32), None)
    assert (len(collection), collection.n_channels, collection.n_timepoints) == (3, 2, 5)
