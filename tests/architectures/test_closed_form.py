"""The linear map without gradient steps, its sketches, and the choice of its shrinkage."""

import pytest
import torch
from small_architectures import LENGTHS, Marking, Watching, built, level_of

from sklearn_ssl._numerics.low_rank import retrieval_margins
from sklearn_ssl.architectures import ClosedFormArchitecture
from sklearn_ssl.architectures._closed_form import FEWEST_JUDGED, SHRINKAGES
from sklearn_ssl.augmentations import Compose, Jitter

JITTER = Compose(jitter=Jitter(sigma=0.3))


def closed_form(**parameters):
    return built(ClosedFormArchitecture, **{"augmentation": JITTER, **parameters}).eval().requires_grad_(False)


@pytest.fixture
def many():
    return torch.randn(30, 2, 32, generator=torch.Generator().manual_seed(5)).cumsum(2)


def scatter(rows):
    return rows.T @ rows


class TestObserving:
    def test_series_add_to_mean_and_scatter(self, many):
        architecture = closed_form()
        for part in many.split([12, 1, 17]):
            architecture.observe(part)
        h = architecture.pooled(many)
        torch.testing.assert_close(architecture.mean, h.mean(0), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(scatter(architecture.deviations), scatter(h - h.mean(0)), rtol=1e-3, atol=1e-2)
        assert architecture.counts.tolist() == [30, 0, 0]
        assert len(architecture.changes) == 0

    def test_copies_add_their_changes(self, many):
        architecture = closed_form(n_views=2)
        torch.manual_seed(4)
        architecture.observe_with_copies(many)
        torch.manual_seed(4)
        h = architecture.pooled(many)
        copies = [architecture.pooled(architecture.augmentation(many)) for _ in range(2)]
        changes = torch.stack(copies, 1) - h[:, None]
        torch.testing.assert_close(architecture.changes, changes.flatten(0, 1), rtol=1e-4, atol=1e-5)
        assert architecture.counts.tolist() == [30, 60, 0]

    def test_every_copy_is_augmented_and_no_series(self, x, passes):
        architecture = built(ClosedFormArchitecture, encoder=Watching, augmentation=Marking()).eval()
        with torch.no_grad():
            seen = passes(architecture, lambda: architecture.observe_with_copies(x))
        assert [level_of(series) for series in seen] == [0, 1, 1, 1]
        assert len(torch.cat(seen[1:]).mean(dim=(1, 2)).unique()) == 18

    def test_padding_makes_no_difference(self, padded):
        mine, theirs = closed_form(augmentation=Compose()), closed_form(augmentation=Compose())
        theirs.load_state_dict(mine.state_dict())
        mine.observe(padded, LENGTHS)
        theirs.observe(torch.nn.functional.pad(padded, (0, 7)), LENGTHS)
        torch.testing.assert_close(mine.mean, theirs.mean)

    @pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["equal", "unequal"])
    def test_large_batches_are_encoded_in_pieces(self, padded, lengths, monkeypatch):
        monkeypatch.setattr("sklearn_ssl._input.collections.INFERENCE_STEPS", 64)
        architecture = closed_form()
        expected = architecture.pooled(padded, lengths)
        sizes, pooled = [], architecture.pooled
        architecture.pooled = lambda x, lengths=None: sizes.append(len(x)) or pooled(x, lengths)
        torch.testing.assert_close(architecture._pooled_in_pieces(padded, lengths), expected)
        assert sizes == [2, 2, 2]

    def test_values_that_are_too_large_are_refused(self, x):
        with pytest.raises(ValueError, match=r"too large for the encoder. Put a scaler"):
            closed_form().observe(x * 1e30)


class TestSketch:
    def test_rows_within_the_bounds_stay(self):
        rows = torch.randn(10, 16)
        assert closed_form(sketch_size=10)._within_bounds(rows, 100) is rows

    def test_more_rows_than_series_are_compressed_without_loss(self):
        architecture = closed_form(sketch_size=10)
        rows = torch.randn(10, 16)
        blocks = torch.cat([rows, torch.zeros(3, 16)])  # of ten series
        compressed = architecture._within_bounds(blocks, 10)
        assert len(compressed) <= 10
        torch.testing.assert_close(scatter(compressed), scatter(rows), rtol=1e-3, atol=1e-3)

    @pytest.mark.parametrize(("size", "kept"), [(10, 5), (11, 5), (2, 1), (1, 1)])
    def test_of_more_series_half_as_many_directions_are_kept(self, size, kept):
        rows = torch.randn(16, 16)
        assert len(closed_form(sketch_size=size)._within_bounds(rows, size + 1)) == kept

    def test_series_and_changes_have_bounds_of_their_own(self, many):
        architecture = closed_form(sketch_size=8, n_views=1)
        architecture.observe_with_copies(many[:8])
        assert (len(architecture.deviations), len(architecture.changes)) == (8, 8)
        architecture.observe(many[8:9])
        assert (len(architecture.deviations), len(architecture.changes)) == (4, 8)
        architecture.observe_with_copies(many[9:10])
        assert (len(architecture.deviations), len(architecture.changes)) == (6, 4)  # one for the mean that moves

    def test_they_are_compressed_in_full_precision(self, many):
        exact, other = closed_form(sketch_size=8), closed_form(sketch_size=8)
        h = exact.pooled(many)[:12]
        for architecture in (exact, other):
            architecture.pooled = lambda x, lengths=None: h
        exact.observe(many)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            other.observe(many)
        assert torch.equal(other.deviations, exact.deviations)


class TestShrinkage:
    def test_a_number_is_used_as_it_is(self, many):
        architecture = closed_form(shrinkage=0.3)
        architecture.observe_with_copies(many)
        architecture.settle()
        assert float(architecture.used_shrinkage) == pytest.approx(0.3)
        assert architecture.counts[2] == 0

    def test_automatically_powers_of_two_are_compared(self):
        assert [64 * value for value in SHRINKAGES] == [2**power for power in range(13)]
        assert float(closed_form(shrinkage="auto").used_shrinkage) == 1

    def test_margins_are_added_up_over_the_first_batch_of_each_call(self, many):
        architecture = closed_form(shrinkage="auto", n_views=1)
        expected = torch.zeros(2, len(SHRINKAGES))
        for call in many.split(15):
            for place, part in enumerate(call.split([9, 6])):
                state = torch.get_rng_state()
                architecture.observe_with_copies(part)
                torch.set_rng_state(state)
                h = architecture.pooled(part)
                changes = architecture.pooled(architecture.augmentation(part)) - h
                if place == 0:
                    margins = retrieval_margins(h, changes[:, None], torch.tensor(SHRINKAGES))
                    expected += torch.stack([margins.sum(0), margins.square().sum(0)]).float()
            architecture.settle()
        torch.testing.assert_close(architecture.margins, expected, rtol=1e-3, atol=1e-3)
        assert architecture.counts[2] == 18

    @pytest.mark.parametrize(("n_series", "n_judged"), [(3, 0), (4, 4)])
    def test_fewer_than_four_series_are_not_judged(self, many, n_series, n_judged):
        architecture = closed_form(shrinkage="auto")
        architecture.observe_with_copies(many[:n_series])
        assert architecture.counts[2] == n_judged
        architecture.observe_with_copies(many[4:10])  # the first batch that is large enough
        assert architecture.counts[2] == (n_judged or 6)

    def settled(self, mean, spread, n_judged):
        """Return the shrinkage that is chosen for margins with these means and standard deviations over series."""
        architecture = closed_form(shrinkage="auto")
        architecture.observe_with_copies(torch.randn(3, 2, 32))  # too few to be judged
        mean, spread = torch.tensor(mean), torch.tensor(spread)
        architecture.counts[2] = n_judged
        architecture.margins.copy_(n_judged * torch.stack([mean, mean.square() + spread.square()]))
        architecture.settle()
        return float(architecture.used_shrinkage)

    def test_the_smallest_within_one_standard_error_of_the_best_is_chosen(self):
        mean = [0.0, 0.0, 0.59, 0.61, 0.5, 0.5, 1.0, 0.9, 0.9, 0.9, 0.0, 0.0, 0.0]
        # the error of the best is 1.2 / sqrt(9) = 0.4
        assert self.settled(mean, [1.2] * 13, n_judged=10) == SHRINKAGES[3]

    def test_with_too_few_series_there_is_no_choice(self):
        mean = [1.0] + [0.0] * 12
        assert FEWEST_JUDGED == 8
        assert self.settled(mean, [0.1] * 13, n_judged=7) == 1
        assert self.settled(mean, [0.1] * 13, n_judged=8) == SHRINKAGES[0]

    def test_rounding_below_zero_is_no_error(self):
        mean = torch.tensor([0.999] * 12 + [1.0])
        architecture = closed_form(shrinkage="auto")
        architecture.observe_with_copies(torch.randn(3, 2, 32))  # too few to be judged
        architecture.counts[2] = 8
        architecture.margins.copy_(8 * torch.stack([mean, mean.square() - 1e-3]))
        architecture.settle()
        assert float(architecture.used_shrinkage) == SHRINKAGES[-1]


class TestMap:
    def test_features_are_the_map_of_what_is_pooled(self, many):
        architecture = closed_form()
        architecture.observe_with_copies(many)
        architecture.settle()
        assert architecture.n_features == 5
        assert architecture.n_features_of_layers == [5]
        h = architecture.pooled(many)
        torch.testing.assert_close(
            architecture.features(many), (h - h.mean(0)) @ architecture.weights.T, rtol=1e-3, atol=1e-3
        )
        assert architecture.ratios.dtype == architecture.variances.dtype == torch.float32
        assert bool((architecture.ratios.diff() <= 0).all())

    def test_the_scaling_is_told_the_number_of_series(self, many):
        told = []
        scaling = lambda directions, n_series: told.append(n_series) or directions.weights  # noqa: E731
        architecture = closed_form(scaling=scaling)
        architecture.observe_with_copies(many)
        architecture.settle()
        assert told == [30]
        assert len(architecture.weights) == 5

    def test_the_number_of_series_and_of_changes_scale_what_is_between_and_within(self, many):
        once, twice = closed_form(), closed_form()
        twice.load_state_dict(once.state_dict())
        torch.manual_seed(0)
        once.observe_with_copies(many)
        torch.manual_seed(0)
        twice.observe_with_copies(many)
        torch.manual_seed(0)
        twice.observe_with_copies(many)
        once.settle(), twice.settle()
        torch.testing.assert_close(once.ratios, twice.ratios[: len(once.ratios)], rtol=0.05, atol=1e-3)

    def test_before_all_series_there_is_no_feature(self, x):
        architecture = closed_form()
        assert architecture.features(x).shape == (6, 0)
        shapes = {name: tuple(buffer.shape) for name, buffer in architecture.named_buffers(recurse=False)}
        n_features = architecture.pooled(x).shape[1]
        empty = dict.fromkeys(("deviations", "changes", "weights"), (0, n_features))
        vectors = {"mean": (n_features,), "sizes": (2,), "counts": (3,), "variances": (0,), "ratios": (0,)}
        rest = {"margins": (2, 13), "used_shrinkage": (), "progress": ()}
        assert shapes == {**empty, **vectors, **rest}

    def test_half_precision_ends_with_the_pooled_features(self, many):
        architecture = closed_form()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            architecture.observe_with_copies(many)
        architecture.settle()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            features = architecture.features(many)
        assert features.dtype == architecture.weights.dtype == torch.float32
        assert torch.linalg.matrix_rank(features) == 5
