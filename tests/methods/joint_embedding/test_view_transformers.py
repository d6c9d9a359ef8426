"""Methods whose architecture keeps no state: many views, whitening, mixtures, slices, bootstrap and stop-gradient."""

from functools import partial

import numpy as np
import pytest
import torch

from sklearn_ssl import (
    BYOLTransformer,
    LeJEPATransformer,
    MultiViewTransformer,
    SimCLRTransformer,
    SimSiamTransformer,
    TimeMCLTransformer,
    WMSETransformer,
)
from sklearn_ssl.architectures import Batch, MixingArchitecture, SlicedArchitecture
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.losses import barlow_twins_loss, vicreg_loss
from sklearn_ssl.projectors import MLPProjector


def small(cls, **parameters):
    return cls(encoder=ResNetEncoder(depth=1, width=4), batch_size=8, random_state=0, device="cpu", **parameters)


@pytest.fixture
def X():
    return make_waves(n_cases=20, random_state=0)[0]


def test_two_views_are_simclr(X):
    simclr = small(SimCLRTransformer, max_epochs=2).fit_transform(X)
    np.testing.assert_array_equal(small(MultiViewTransformer, n_views=2, max_epochs=2).fit_transform(X), simclr)


def test_any_loss_of_two_views_over_many(X):
    for loss, collapsed in ((vicreg_loss, 24.75), (partial(barlow_twins_loss, redundancy=0.1), 128.0)):
        transformer = small(MultiViewTransformer, n_views=3, pair_loss=loss, max_epochs=2).fit(X)
        assert transformer.collapsed_loss_ == pytest.approx(collapsed)
        assert np.isfinite(transformer.net_.history[:, "train_loss"]).all()


@pytest.mark.parametrize("n_views", [1, 0, 2.5])
@pytest.mark.parametrize("cls", [MultiViewTransformer, LeJEPATransformer])
def test_fewer_than_two_views_are_refused(X, cls, n_views):
    with pytest.raises(ValueError, match=f"`n_views` must be a whole number at least 2, got {n_views}"):
        small(cls, n_views=n_views).fit(X)


def test_a_loss_that_cannot_be_called_is_refused(X):
    with pytest.raises(TypeError, match="`pair_loss` must be None or an object such as"):
        small(MultiViewTransformer, pair_loss="vicreg").fit(X)


def test_whitening_without_shrinkage_needs_more_series_than_dimensions(X):
    wide = small(WMSETransformer, shrinkage=0.0, max_epochs=1)
    with pytest.raises(ValueError, match="`shrinkage` 0 needs more rows than dimensions in each group"):
        wide.fit(X)
    narrow = small(WMSETransformer, shrinkage=0.0, max_epochs=1, projector=MLPProjector(output_width=3))
    assert np.isfinite(narrow.fit_transform(X)).all()


@pytest.mark.parametrize("width", [4, 8, 64])
def test_whitening_trains_at_and_below_the_width(X, width):
    transformer = small(WMSETransformer, max_epochs=3, projector=MLPProjector(output_width=width)).fit(X)
    assert np.isfinite(transformer.net_.history[:, "train_loss"]).all()
    assert np.linalg.matrix_rank(transformer.transform(X)) > 2


def test_mixtures_have_their_shares(build, x):
    architecture = build(MixingArchitecture, alpha=0.5)
    seen = []
    architecture.projections = lambda x, lengths=None: seen.append((x, lengths)) or x.flatten(1)
    lengths = torch.tensor([32, 7, 20, 9, 8, 31])
    padded = torch.where(torch.arange(32) < lengths[:, None, None], x, 0.0)
    z, z_partner, z_mixed, share = architecture(Batch(padded, lengths))
    (series, all_lengths), *_ = seen
    partner = [int((z == row).all(dim=1).nonzero()[0]) for row in z_partner]
    for i, j in enumerate(partner):
        expected = share[i] * padded[i] + (1 - share[i]) * padded[j]
        torch.testing.assert_close(series[6 + i], expected)
        assert all_lengths[6 + i] == max(lengths[i], lengths[j])
    assert sorted(partner) == list(range(6))
    assert torch.equal(all_lengths[:6], lengths)
    assert z_mixed.shape == z.shape
    assert bool(((share >= 0) & (share <= 1)).all())


def test_mixing_leaves_series_as_they_are_unless_told(X):
    assert small(TimeMCLTransformer).resolved("augmentation").steps == {}
    assert small(TimeMCLTransformer, max_epochs=0).fit(X).collapsed_loss_ == pytest.approx(np.log(16))


def test_directions_are_new_for_each_batch(build, x):
    architecture = build(SlicedArchitecture, n_slices=9, n_views=3)
    (z, first), (_, second) = architecture(Batch(x)), architecture(Batch(x))
    assert z.shape == (3, 6, 8)
    assert first.shape == (9, 8)
    assert not torch.equal(first, second)


def test_teacher_of_byol_keeps_more_with_more_momentum(X):
    kept = []
    for momentum in (1.0, 0.9):
        module = small(BYOLTransformer, momentum=momentum, max_epochs=2).fit(X).net_.module_
        start = small(BYOLTransformer, max_epochs=0).fit(X).net_.module_
        pairs = zip(module.teacher.parameters(), start.teacher.parameters(), strict=True)
        kept.append(all(torch.equal(old, new) for old, new in pairs))
    assert kept == [True, False]


def test_simsiam_has_a_bottleneck_and_no_teacher(X):
    module = small(SimSiamTransformer, max_epochs=1).fit(X).net_.module_
    assert not hasattr(module, "teacher")
    widths = [layer.out_features for layer in module.predictor if isinstance(layer, torch.nn.Linear)]
    assert widths == [32, 128]
