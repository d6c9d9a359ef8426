import math

import pytest
import torch
from torch.nn import functional as F

from sklearn_ssl import ExemplarTransformer, InstDiscTransformer
from sklearn_ssl.architectures import Batch, InstanceBankArchitecture, InstanceClassifierArchitecture
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder

ROWS = torch.tensor([3, 19, 0, 7, 12, 5])


def small(cls, **parameters):
    return cls(encoder=ResNetEncoder(depth=1, width=4), batch_size=8, random_state=0, device="cpu", **parameters)


@pytest.fixture
def X():
    return make_waves(n_cases=20, random_state=0)[0]


def test_rows_of_the_batch_move_and_no_others(build, x):
    architecture = build(InstanceBankArchitecture, bank_momentum=0.3)
    before = architecture.bank.clone()
    z, index, bank = architecture(Batch(x, index=ROWS))
    assert torch.equal(bank, before)
    assert torch.equal(index, ROWS)
    others = [row for row in range(20) if row not in ROWS.tolist()]
    assert torch.equal(architecture.bank[others], before[others])
    for place, row in enumerate(ROWS.tolist()):
        mixed = 0.3 * before[row] + 0.7 * z[place] / z[place].norm()
        torch.testing.assert_close(architecture.bank[row], mixed / mixed.norm())


def test_the_bank_carries_no_gradient_and_evaluation_leaves_it_alone(build, x):
    architecture = build(InstanceBankArchitecture, bank_momentum=0.5)
    z, _, bank = architecture(Batch(x, index=ROWS))
    (z @ bank.T).sum().backward()
    assert not architecture.bank.requires_grad
    before = architecture.bank.clone()
    architecture.eval()(Batch(x, index=ROWS))
    assert torch.equal(architecture.bank, before)


def test_every_series_is_in_the_bank_after_an_epoch(X):
    transformer = small(InstDiscTransformer, max_epochs=1, bank_momentum=0.0)
    untrained = small(InstDiscTransformer, max_epochs=0).fit(X).net_.module_.bank
    bank = transformer.fit(X).net_.module_.bank
    assert bool((bank != untrained).any(dim=1).all())
    torch.testing.assert_close(bank.norm(dim=1), torch.ones(20))


def test_the_classifier_has_a_class_for_each_series(build, x):
    logits, index = build(InstanceClassifierArchitecture)(Batch(x, index=ROWS))
    assert logits.shape == (6, 20)
    assert torch.equal(index, ROWS)


@pytest.mark.parametrize("cls", [InstDiscTransformer, ExemplarTransformer])
def test_other_series_in_partial_fit_are_refused_and_nothing_is_lost(X, cls):
    transformer = small(cls, max_epochs=1).fit(X[:10])
    features = transformer.transform(X)
    with pytest.raises(ValueError, match=r"each of the 10 series it started with, rows 0 to 9, but got row 1\d"):
        transformer.partial_fit(X)
    assert (transformer.transform(X) == features).all()


@pytest.mark.parametrize("cls", [InstDiscTransformer, ExemplarTransformer])
def test_chance_level_is_that_of_all_series(X, cls):
    assert small(cls, max_epochs=1).fit(X).collapsed_loss_ == pytest.approx(math.log(20))


def test_training_finds_out_which_series_is_which(X):
    first, *_, last = small(ExemplarTransformer, max_epochs=20, lr=2e-2).fit(X).net_.history[:, "train_loss"]
    assert last < first / 2


def test_unit_length_of_what_is_stored_in_half_precision(build):
    architecture = build(InstanceBankArchitecture, bank_momentum=0.5)
    architecture.remember(torch.randn(6, 8).bfloat16(), ROWS)
    assert architecture.bank.dtype == torch.float32
    torch.testing.assert_close(F.normalize(architecture.bank), architecture.bank)
