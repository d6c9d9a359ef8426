"""A place for every training series, and the covariance of all projections."""

import pytest
import torch
from small_architectures import LENGTHS, ROWS, built, whole_batch
from torch.nn import functional as F

from sklearn_ssl.architectures import (
    Batch,
    CovarianceArchitecture,
    InstanceBankArchitecture,
    InstanceClassifierArchitecture,
    MomentumCovarianceArchitecture,
)
from sklearn_ssl.augmentations import Compose, Jitter

JITTER = Compose(jitter=Jitter(sigma=0.5))


class TestBank:
    def test_rows_of_the_batch_move_and_no_others(self, batch):
        architecture = built(InstanceBankArchitecture, bank_momentum=0.3)
        before = architecture.bank.clone()
        z, index, bank = architecture(batch)
        assert torch.equal(bank, before)
        assert torch.equal(index, ROWS)
        others = [row for row in range(20) if row not in ROWS.tolist()]
        assert torch.equal(architecture.bank[others], before[others])
        for place, row in enumerate(ROWS.tolist()):
            mixed = 0.3 * before[row] + 0.7 * z[place] / z[place].norm()
            torch.testing.assert_close(architecture.bank[row], mixed / mixed.norm())
        assert not architecture.bank.requires_grad

    def test_projections_of_half_precision_are_stored_in_single(self):
        architecture = built(InstanceBankArchitecture)
        architecture.remember(torch.randn(6, 8).bfloat16(), ROWS)
        assert architecture.bank.dtype == torch.float32
        torch.testing.assert_close(F.normalize(architecture.bank), architecture.bank)

    def test_it_starts_from_random_directions(self):
        bank = built(InstanceBankArchitecture, n_cases=2000).bank
        torch.testing.assert_close(bank.norm(dim=1), torch.ones(2000))
        assert float(bank.mean(0).norm()) < 0.1
        assert float(bank.pow(4).mean()) == pytest.approx(3 / 80, rel=0.1)  # on a sphere of 8 dimensions


def test_the_classifier_has_a_class_for_each_series(padded):
    architecture = built(InstanceClassifierArchitecture).eval()
    logits, index = architecture(whole_batch(padded, LENGTHS))
    torch.testing.assert_close(logits, architecture.classifier(architecture.projections(padded, LENGTHS)))
    assert torch.equal(index, ROWS)


@pytest.mark.parametrize("cls", [InstanceBankArchitecture, InstanceClassifierArchitecture])
class TestInstances:
    def test_other_series_than_those_at_the_start_are_refused(self, cls, x):
        architecture = built(cls)
        architecture(Batch(x[:2], index=torch.tensor([0, 19])))
        with pytest.raises(ValueError, match=r"each of the 20 series it started with, rows 0 to 19, but got row 20"):
            architecture(Batch(x[:2], index=torch.tensor([0, 20])))

    def test_series_without_rows_are_refused(self, cls, x):
        with pytest.raises(ValueError, match="but got none"):
            built(cls)(Batch(x))


def moments(z):
    return sum(torch.outer(row, row) for row in F.normalize(z)) / len(z)


@pytest.mark.parametrize("cls", [CovarianceArchitecture, MomentumCovarianceArchitecture])
class TestCovariance:
    def test_history_is_a_moving_average_of_what_the_gradient_reaches(self, cls, batch):
        architecture = built(cls, augmentation=JITTER)
        history = torch.zeros(8, 8)
        for _ in range(3):
            z1, z2, covariance = architecture(batch)
            z = torch.cat([z1, z2]) if cls is CovarianceArchitecture else z1
            history = 0.8 * history + 0.2 * moments(z.detach())
            torch.testing.assert_close(covariance.detach(), history, rtol=1e-4, atol=1e-6)
            torch.testing.assert_close(architecture.covariance.covariance, history, rtol=1e-4, atol=1e-6)
            assert not architecture.covariance.covariance.requires_grad

    def test_gradient_flows_through_the_part_of_this_batch(self, cls, batch):
        architecture = built(cls)
        *_, covariance = architecture(batch)
        covariance.square().sum().backward()
        assert any(bool(weight.grad.any()) for weight in architecture.projector.parameters())

    def test_evaluation_gives_the_next_covariance_and_leaves_the_history_alone(self, cls, batch):
        architecture = built(cls).eval()
        *_, covariance = architecture(batch)
        assert bool(covariance.any())
        assert not bool(architecture.covariance.covariance.any())
