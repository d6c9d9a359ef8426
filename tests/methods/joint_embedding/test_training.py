"""What single methods do in training, beyond what all promise."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from shared import small
from torch import nn

from sklearn_ssl import (
    ContrastiveEMPSSLTransformer,
    DINOTransformer,
    EMPSSLTransformer,
    ExemplarTransformer,
    InstDiscTransformer,
    MoCoTransformer,
    MultiViewTransformer,
    SimCLRTransformer,
    SimSiamTransformer,
    SwAVTransformer,
    WMSETransformer,
)
from sklearn_ssl.architectures._prototypes import Prototypes
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.losses import barlow_twins_loss, vicreg_loss
from sklearn_ssl.projectors import MLPProjector

X, _ = make_waves(n_cases=20, n_channels=2, n_timepoints=30, random_state=0)
WITHOUT_SCHEDULE = {"net_params": {"callbacks__schedule": None}}


def losses_of(transformer):
    return transformer.net_.history[:, "train_loss"]


class TestMultiView:
    def test_two_views_are_simclr(self):
        simclr = small(SimCLRTransformer).fit_transform(X)
        assert_array_equal(small(MultiViewTransformer, n_views=2).fit_transform(X), simclr)

    @pytest.mark.parametrize("loss", [vicreg_loss, partial(barlow_twins_loss, redundancy=0.1)])
    def test_any_loss_of_two_views(self, loss):
        transformer = small(MultiViewTransformer, n_views=3, pair_loss=loss).fit(X)
        same = torch.ones(8, transformer.net_.module_.n_projections)
        assert transformer.collapsed_loss_ == pytest.approx(float(loss(same, same)))
        assert np.isfinite(losses_of(transformer)).all()


class TestWhitening:
    def test_without_shrinkage_it_needs_more_series_than_dimensions(self):
        wide, narrow = (
            small(WMSETransformer, shrinkage=0.0, projector=MLPProjector(output_width=width)) for width in (16, 3)
        )
        with pytest.raises(ValueError, match="`shrinkage` 0 needs more rows than dimensions"):
            wide.fit(X)
        assert np.isfinite(narrow.fit_transform(X)).all()

    @pytest.mark.parametrize("width", [8, 64])
    def test_with_shrinkage_it_needs_no_more(self, width):
        transformer = small(WMSETransformer, projector=MLPProjector(output_width=width)).fit(X)
        assert np.isfinite(losses_of(transformer)).all()


class TestPrototypes:
    @pytest.mark.parametrize("cls", [SwAVTransformer, DINOTransformer])
    def test_they_do_not_learn_in_the_first_epoch(self, cls):
        start = small(cls, max_epochs=0).fit(X).net_.module_.prototypes.weight
        once = small(cls, **WITHOUT_SCHEDULE).partial_fit(X)
        assert torch.equal(once.net_.module_.prototypes.weight, start)
        assert not torch.equal(once.partial_fit(X).net_.module_.prototypes.weight, start)

    @pytest.mark.parametrize("cls", [SwAVTransformer, DINOTransformer])
    def test_they_do_not_learn_in_a_quarter_of_a_fit_of_few_epochs(self, cls, monkeypatch):
        learns = []
        scores_of = Prototypes.forward

        def watched(self, z):
            if self.training and self.weight.requires_grad:
                learns.append(bool(self.seen >= self.n_frozen))
            return scores_of(self, z)

        monkeypatch.setattr(Prototypes, "forward", watched)
        small(cls, max_steps=12, n_crops=0).fit(np.repeat(X, 12, axis=0))  # 30 steps are an epoch
        assert learns == [False] * 3 + [True] * 9


class TestQueue:
    def test_it_is_saved_and_goes_on_in_partial_fit(self):
        transformer = small(MoCoTransformer).fit(X)
        before = transformer.net_.module_.queue.clone()
        copy = pickle.loads(pickle.dumps(transformer))
        assert torch.equal(copy.net_.module_.queue, before)
        copy.partial_fit(X[:4])
        torch.testing.assert_close(copy.net_.module_.queue[:-4], before[4:])


class TestInstances:
    def test_every_series_is_in_the_bank_after_an_epoch(self):
        start, end = (
            small(InstDiscTransformer, max_epochs=epochs, bank_momentum=0.0).fit(X).net_.module_.bank
            for epochs in (0, 1)
        )
        assert bool((start != end).any(dim=1).all())

    @pytest.mark.parametrize("cls", [InstDiscTransformer, ExemplarTransformer])
    def test_other_series_in_partial_fit_are_refused_and_nothing_is_lost(self, cls):
        transformer = small(cls, max_epochs=1).fit(X[:10])
        features = transformer.transform(X)
        with pytest.raises(ValueError, match=r"each of the 10 series it started with, rows 0 to 9, but got row 1\d"):
            transformer.partial_fit(X)
        assert_array_equal(transformer.transform(X), features)

    def test_training_finds_out_which_series_is_which(self):
        first, *_, last = losses_of(small(ExemplarTransformer, max_epochs=20, lr=2e-2).fit(X))
        assert last < first / 2


@pytest.mark.parametrize("cls", [EMPSSLTransformer, ContrastiveEMPSSLTransformer])
def test_windows_below_a_step_are_refused(cls):
    with pytest.raises(ValueError, match=r"`window_ratio` must be at least 1 / 8, .* got 0.05"):
        small(cls, window_ratio=0.05).fit(X[:, :, :8])


def test_simsiam_has_a_bottleneck_and_no_teacher():
    module = small(SimSiamTransformer, max_epochs=0).fit(X).net_.module_
    assert not hasattr(module, "teacher")
    assert [layer.out_features for layer in module.predictor if isinstance(layer, nn.Linear)] == [32, 128]
