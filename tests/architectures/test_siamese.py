"""Views through one encoder: pooling of training, predictor, several views, slices, mixtures and windows."""

import pytest
import torch
from small_architectures import LENGTHS, built, whole_batch
from torch import nn

from sklearn_ssl.architectures import (
    Batch,
    BootstrapArchitecture,
    MixingArchitecture,
    PredictorArchitecture,
    SiameseArchitecture,
    SlicedArchitecture,
    WindowArchitecture,
)
from sklearn_ssl.architectures._windows import check_window, random_windows, window_width
from sklearn_ssl.augmentations import Compose, Jitter
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.projectors import MLPProjector

LAST_MEAN = Pooling(statistics="mean", layers="last")


class TestPoolingOfTraining:
    @pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["equal", "unequal"])
    def test_it_is_in_front_of_the_projector_alone(self, padded, lengths):
        architecture = built(SiameseArchitecture, pooling=Pooling(statistics="max"), training_pooling=LAST_MEAN).eval()
        h = architecture.encoder.layers(padded, Batch(padded, lengths).mask)[-1]  # (6, 4, 32)
        mean = h.mean(2) if lengths is None else h.sum(2) / lengths[:, None]
        projections = architecture.projections(padded, lengths)
        torch.testing.assert_close(projections, architecture.projector(mean))
        parts = [architecture.features(padded, lengths), projections]
        assert torch.equal(architecture.features_and_projections(padded, lengths), torch.cat(parts, dim=1))

    def test_none_is_that_of_the_features(self, x):
        architecture = built(SiameseArchitecture).eval()
        assert torch.equal(architecture.projections(x), architecture.projector(architecture.features(x)))

    def test_a_projector_without_layers_is_as_wide_as_the_pooled_features(self):
        architecture = built(SiameseArchitecture, projector=MLPProjector(depth=0), training_pooling=LAST_MEAN)
        assert architecture.n_projections == 4

    def test_finding_out_the_width_leaves_running_statistics_as_they_were(self):
        norm = next(part for part in built(SiameseArchitecture).projector if isinstance(part, nn.BatchNorm1d))
        assert norm.num_batches_tracked == 0


class TestViews:
    def test_they_are_independent_and_have_the_lengths_of_their_series(self, padded):
        architecture = built(SiameseArchitecture, augmentation=Compose(jitter=Jitter(sigma=0.3)))
        views, lengths = architecture.views(padded, LENGTHS, n_views=3)
        assert views.shape == (18, 2, 32)
        assert torch.equal(lengths, torch.cat([LENGTHS] * 3))
        for view in views.chunk(3):
            assert not torch.equal(view, padded)
            assert torch.equal(view[1, :, 7:], padded[1, :, 7:]), "padding was changed"
        assert len(views.flatten(1).unique(dim=0)) == 18

    def test_series_stay_in_their_order(self, x):
        views, lengths = built(SiameseArchitecture).views(x, None)
        assert torch.equal(views, torch.cat([x, x]))
        assert lengths is None

    def test_every_view_is_projected(self, x):
        architecture = built(SiameseArchitecture, n_views=5).eval()
        outputs = architecture(Batch(x))
        assert len(outputs) == 5
        for z in outputs:
            torch.testing.assert_close(z, architecture.projections(x))


class TestPredictor:
    @pytest.mark.parametrize("cls", [PredictorArchitecture, BootstrapArchitecture])
    def test_predictions_are_of_the_projections_of_both_views(self, x, cls):
        architecture = built(cls, augmentation=Compose(jitter=Jitter(sigma=0.3))).eval()
        torch.manual_seed(3)
        p1, p2, z1, z2 = architecture(Batch(x))
        torch.manual_seed(3)
        first, second = architecture.views(x, None)[0].chunk(2)
        for view, p, z in ((first, p1, z1), (second, p2, z2)):
            projections = architecture.projections(view)
            torch.testing.assert_close(p, architecture.predictor(projections))
            torch.testing.assert_close(z, projections)  # a teacher is still as its student

    @pytest.mark.parametrize("cls", [PredictorArchitecture, BootstrapArchitecture])
    def test_the_recipe_is_not_changed(self, cls):
        predictor = MLPProjector(width=6, output_width=3)
        architecture = built(cls, predictor=predictor)
        layers = [part for part in architecture.predictor if isinstance(part, nn.Linear)]
        assert [(layer.in_features, layer.out_features) for layer in layers] == [(8, 6), (6, 8)]
        assert predictor.output_width == 3


class TestSlices:
    def test_projections_are_view_by_series(self, x):
        architecture = built(SlicedArchitecture).eval()
        z, _ = architecture(Batch(x))
        for view in z:
            torch.testing.assert_close(view, architecture.projections(x))

    def test_directions_are_new_for_each_batch_and_normally_distributed(self, batch):
        architecture = built(SlicedArchitecture, n_slices=4000)
        (_, first), (_, second) = architecture(batch), architecture(batch)
        assert not torch.equal(first, second)
        assert abs(float(first.mean())) < 0.02
        assert float(first.std()) == pytest.approx(1, abs=0.02)
        assert float(first.pow(4).mean()) == pytest.approx(3, abs=0.1)  # 1.8 for a uniform distribution


class TestMixing:
    def seen(self, x, lengths, alpha=0.5):
        """Return what the encoder sees of series and mixtures, and what comes out of the architecture then."""
        architecture = built(MixingArchitecture, alpha=alpha)
        seen = []
        architecture.projections = lambda x, lengths=None: seen.append((x, lengths)) or x.flatten(1)
        outputs = architecture(Batch(x, lengths))
        return *seen[0], outputs

    @pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["equal", "unequal"])
    def test_mixtures_have_their_shares(self, padded, lengths):
        series, all_lengths, (z, z_partner, z_mixed, share) = self.seen(padded, lengths)
        partner = [int((z == row).all(dim=1).nonzero()[0]) for row in z_partner]
        assert sorted(partner) == list(range(6))
        for i, j in enumerate(partner):
            torch.testing.assert_close(series[6 + i], share[i] * padded[i] + (1 - share[i]) * padded[j])
            assert lengths is None or all_lengths[6 + i] == max(lengths[i], lengths[j])
        assert torch.equal(series[:6], padded)
        assert all_lengths is None if lengths is None else torch.equal(all_lengths[:6], lengths)
        assert torch.equal(z, padded.flatten(1))
        assert torch.equal(z_mixed, series[6:].flatten(1))

    def test_shares_are_drawn_on_the_device_without_reading_a_value(self, x, monkeypatch):
        class Beta:
            def __init__(self, alpha, beta, validate_args=True):
                assert not validate_args
                self.alpha = alpha

            def sample(self):
                return self.alpha  # PyTorch cannot draw on "meta"

        monkeypatch.setattr(torch.distributions, "Beta", Beta)
        architecture = built(MixingArchitecture, augmentation=lambda x, lengths=None: x).to("meta")
        outputs = architecture(Batch(x.to("meta"), LENGTHS.to("meta")))
        assert all(output.is_meta for output in outputs)

    @pytest.mark.parametrize("alpha", [0.2, 2.0])
    def test_shares_have_the_beta_distribution(self, alpha):
        *_, (_, _, _, share) = self.seen(torch.zeros(4000, 2, 1), None, alpha)
        assert bool(((share >= 0) & (share <= 1)).all())
        assert float(share.mean()) == pytest.approx(0.5, abs=0.02)
        assert float(share.var()) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)


@pytest.fixture
def counting():
    """Return six series whose values are ten times the number of the series plus the step, each below 10 steps."""
    return (10 * torch.arange(6.0)[:, None] + torch.arange(10.0))[:, None]  # (6, 1, 10)


class TestWindows:
    def test_they_are_consecutive_steps_of_their_series(self, counting):
        windows, lengths = random_windows(counting, None, 50, 0.4)
        assert windows.shape == (300, 1, 4)
        assert lengths is None
        assert bool((windows.diff(dim=2) == 1).all())
        series = windows.unflatten(0, (50, 6)) // 10
        assert bool((series == torch.arange(6.0)[:, None, None]).all())
        starts = (windows[:, 0, 0] % 10).unique()
        assert starts.tolist() == list(range(7))

    def test_those_of_padded_series_stay_within_them(self, counting):
        lengths = torch.tensor([10, 5, 1, 2, 8, 3])
        padded = torch.where(torch.arange(10) < lengths[:, None, None], counting + 1, 0.0)
        windows, widths = random_windows(padded, lengths, 30, 0.5)
        assert windows.shape == (180, 1, 5)
        assert widths.tolist() == [5, 2, 1, 1, 4, 2] * 30
        starts = torch.zeros(6, dtype=torch.long)
        for number, (window, width) in enumerate(zip(windows[:, 0], widths, strict=True)):
            case = number % 6
            inside = window[:width] - 10 * case - 1
            assert bool((inside.diff() == 1).all())
            assert 0 <= inside[0] <= inside[-1] < lengths[case]
            assert not bool(window[width:].any())
            starts[case] = max(starts[case], int(inside[0]))
        assert starts.tolist() == [5, 3, 0, 1, 4, 1], "no window ends with its series"

    def test_they_end_with_the_series_where_single_and_double_precision_round_apart(self):
        x = torch.arange(50.0).expand(200, 1, 50)
        windows, _ = random_windows(x, None, 1, 0.59)  # 29.5 steps: 29 of each series are drawn, and 30 shown
        assert windows.shape == (200, 1, 30)
        assert float(windows.max()) == 49

    def test_one_of_the_whole_series_is_the_series(self, counting):
        windows, _ = random_windows(counting, None, 2, 1.0)
        assert torch.equal(windows, counting.repeat(2, 1, 1))

    @pytest.mark.parametrize(("ratio", "n_steps", "width"), [(0.5, 10, 5), (0.26, 10, 3), (0.01, 1, 1), (1.0, 7, 7)])
    def test_width(self, ratio, n_steps, width):
        assert window_width(ratio, n_steps) == width

    def test_one_below_a_step_is_refused(self):
        for ratio, n_timepoints in ((0.5, 2), (0.1, 10), (0.01, 1)):
            check_window("ratio", ratio, n_timepoints)
        for ratio, n_timepoints in ((0.49, 2), (0.09, 10)):
            with pytest.raises(ValueError, match=rf"`ratio` must be at least 1 / {n_timepoints}, .* got {ratio}"):
                check_window("ratio", ratio, n_timepoints)
        with pytest.raises(ValueError, match="`window_ratio` must be at least 1 / 32"):
            built(WindowArchitecture, window_ratio=0.03)

    def test_the_loss_gets_window_by_series(self, padded):
        architecture = built(WindowArchitecture, window_ratio=1.0).eval()
        (z,) = architecture(whole_batch(padded, LENGTHS))
        for window in z:
            torch.testing.assert_close(window, architecture.projections(padded, LENGTHS))
