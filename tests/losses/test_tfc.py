import math

import pytest
import torch
from loops import normal

from sklearn_ssl.losses import ntxent_loss, tfc_loss


@pytest.mark.parametrize(("contrast", "margin", "temperature"), [(0.2, 1.0, 0.2), (0.6, 0.0, 0.5), (0.0, 3.0, 0.2)])
def test_equals_the_formula_term_by_term(contrast, margin, temperature):
    h, z = normal(4, 5, 3), normal(4, 5, 6, seed=1)

    def s(a, b):
        return float(ntxent_loss(a, b, temperature))

    time, changed_time, spectrum, changed_spectrum = z
    pairs = [s(time, changed_spectrum), s(changed_time, spectrum), s(changed_time, changed_spectrum)]
    expected = contrast * (s(h[0], h[1]) + s(h[2], h[3]))
    expected += (1 - contrast) * sum(max(0.0, s(time, spectrum) - pair + margin) for pair in pairs)
    assert float(tfc_loss(*h, *z, contrast, margin, temperature)) == pytest.approx(expected, rel=1e-9)


def test_published_numbers():
    tensors = (*normal(4, 5, 3), *normal(4, 5, 6, seed=1))
    assert torch.equal(tfc_loss(*tensors), tfc_loss(*tensors, 0.2, 1.0, 0.2))


def test_pairs_that_are_worse_by_the_margin_cost_nothing():
    z = torch.eye(4)
    assert float(tfc_loss(*[z] * 4, z, z.roll(1, 0), z, z.roll(2, 0), contrast=0.0)) == 0


def test_vectors_that_are_all_the_same():
    z = torch.ones(4, 3)
    assert float(tfc_loss(*[z] * 8)) == pytest.approx(0.4 * math.log(7) + 0.8 * 3, rel=1e-6)
