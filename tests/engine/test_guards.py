import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from shared import small
from skorch.dataset import ValidSplit
from torch import nn

from sklearn_ssl import BarlowTwinsTransformer, SimCLRTransformer, VICRegTransformer
from sklearn_ssl._engine import guards
from sklearn_ssl._numerics.vectors import least_rank, rank_bound
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.evaluation import collapse_report
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.projectors import MLPProjector

X, _ = make_waves(n_cases=48, n_channels=2, n_timepoints=30, random_state=0)


def healthy(cls=SimCLRTransformer, **parameters):
    return small(cls, **{"encoder": ResNetEncoder(depth=1, width=8), "batch_size": 16, "max_epochs": 2, **parameters})


def monitor(transformer):
    return dict(transformer.net_.callbacks_)["collapse"]


class OneDirection(nn.Module):
    """Features that are all the same, though they differ from series to series."""

    def __init__(self, n_channels):
        super().__init__()
        self.conv = nn.Conv1d(n_channels, 1, 3, padding=1)

    def forward(self, x):
        return self.conv(x).repeat(1, 12, 1)


def one_direction(**parameters):
    return healthy(encoder=OneDirection, pooling=Pooling(statistics="mean", layers="last"), **parameters)


class TestDimensionalCollapse:
    def test_warns_and_says_what_to_try(self):
        with pytest.warns(UserWarning, match="Dimensional collapse") as caught:
            fitted = one_direction().fit(X)
        assert len(caught) == 1
        message = str(caught[0].message)
        assert "Dimensional collapse" in message
        assert "the features 1 of 12" in message
        assert "effective rank of 48 series" in message
        assert "`covariance`" in message
        assert monitor(fitted).ranks_["features"] == pytest.approx(1.0, abs=1e-4)
        assert not monitor(fitted).collapsed_

    def test_the_report_agrees(self):
        with pytest.warns(UserWarning, match="Dimensional collapse"):
            fitted = one_direction().fit(X)
        report = collapse_report(fitted, X)
        assert report.features.verdict == "dimensional collapse"
        found = {name: getattr(report, name).effective_rank for name in ("features", "projections")}
        assert monitor(fitted).ranks_ == pytest.approx(found, rel=1e-4)

    def test_projections_that_nothing_decorrelates_warn(self):
        projector = MLPProjector(width=64)
        loose = {"variance": 25.0, "covariance": 0.0, "lr": 0.02, "max_epochs": 20, "projector": projector}
        with pytest.warns(UserWarning, match="Dimensional collapse.* the projections"):
            healthy(VICRegTransformer, **loose).fit(X)

    @pytest.mark.parametrize("cls", [SimCLRTransformer, VICRegTransformer, BarlowTwinsTransformer])
    @pytest.mark.parametrize("max_epochs", [1, 10])
    def test_silent_on_healthy_training(self, cls, max_epochs):
        ranks = monitor(healthy(cls, max_epochs=max_epochs).fit(X)).ranks_  # a warning would be an error
        assert set(ranks) == {"features", "projections"}
        assert all(rank > 3 for rank in ranks.values())

    def test_silent_on_series_that_fill_few_directions(self):
        wave = np.sin(np.linspace(0, 12, 30))
        lines = (np.linspace(-2, 2, 48)[:, None, None] * wave).astype(np.float32)  # (48, 1, 30)
        ranks = monitor(one_direction().fit(lines)).ranks_
        assert ranks["features"] == pytest.approx(1.0, abs=1e-3)
        assert ranks["features"] < least_rank(rank_bound(48, 12)), "the limit alone would have warned"

    def test_silent_on_few_series(self):
        assert monitor(one_direction(batch_size=8).fit(X[:15])).ranks_ == {}
        with pytest.warns(UserWarning, match="Dimensional collapse"):
            one_direction(batch_size=8).fit(X[:16])

    @pytest.mark.filterwarnings("ignore:All .* series of X are the same")
    @pytest.mark.parametrize("Z", [np.ones_like(X), X + 1e3, X * 1e-3 + 1], ids=["same", "far", "near one"])
    def test_silent_on_series_that_are_not_scaled(self, Z):
        assert healthy().fit(Z).net_.steps_ == 6

    def test_not_looked_for_in_partial_fit_or_without_training(self):
        assert monitor(one_direction(max_epochs=0).fit(X)).ranks_ == {}
        fitted = one_direction().partial_fit(X).partial_fit(X)
        assert monitor(fitted).ranks_ == {}

    def test_can_be_switched_off(self):
        off = {"callbacks__collapse__least_share_of_rank": 0}
        assert monitor(one_direction(net_params=off).fit(X)).ranks_ == {}

    def test_one_warning_where_all_is_the_same(self):
        class Constant(OneDirection):
            def forward(self, x):
                return 0 * super().forward(x) + 1

        with pytest.warns(UserWarning, match="collapsed") as caught:
            healthy(encoder=Constant).fit(X)
        assert len(caught) == 1

    def test_behind_a_split_and_with_unequal_lengths(self):
        series = [one[:, : 10 + case % 20] for case, one in enumerate(X)]
        with pytest.warns(UserWarning, match="effective rank of 48 series"):
            one_direction(net_params={"train_split": ValidSplit(4)}).fit(series)

    def test_at_most_512_series_at_random_are_looked_at(self):
        collection = guards.Collection(np.arange(2000.0)[:, None, None], np.arange(2000))
        chosen = guards._chosen(collection, 512, seed=3)
        rows = chosen.values[:, 0, 0]
        assert len(np.unique(rows)) == 512
        assert np.array_equal(rows, chosen.lengths)
        assert 900 < rows.mean() < 1100
        assert not np.array_equal(rows, guards._chosen(collection, 512, seed=4).values[:, 0, 0])

    def test_training_is_the_same_with_and_without(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fits = [healthy(net_params=params).fit(X) for params in (None, {"callbacks__collapse": None})]
        with_monitor, without = (fitted.net_ for fitted in fits)
        assert with_monitor.history[:, "train_loss"] == without.history[:, "train_loss"]
        for mine, theirs in zip(*(net.module_.state_dict().values() for net in (with_monitor, without)), strict=True):
            assert torch.equal(mine, theirs)


@pytest.mark.parametrize("event", ["on_epoch_end", "on_train_end"])
def test_weights_that_are_not_finite_are_refused(event):
    net = small(VICRegTransformer, max_epochs=1).fit(X).net_
    getattr(guards.DivergenceGuard(), event)(net)
    with torch.no_grad():
        next(net.module_.parameters()).flatten()[0] = torch.nan
    with pytest.raises(FloatingPointError, match="Weights became NaN or infinite in epoch 1"):
        getattr(guards.DivergenceGuard(), event)(net)


@pytest.mark.parametrize(
    ("milestones", "step", "is_due"),
    [([2, 10], 1, False), ([2, 10], 2, True), ([10], 9, False), ([], 19, False), ([], 20, True)],
)
def test_projections_are_looked_at_from_a_milestone_on_and_in_the_last_step(milestones, step, is_due):
    monitor = guards.CollapseMonitor()
    monitor.milestones_, monitor.before_, monitor.compared_ = milestones, {"projections": 0.5}, None
    net = SimpleNamespace(steps_=step, planned_steps_=20)
    monitor.on_batch_end(net, training=True, y_pred=(torch.randn(4, 2),))
    assert (monitor.compared_ is not None) == is_due
