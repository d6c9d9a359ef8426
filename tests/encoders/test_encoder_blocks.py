import copy

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_ssl.encoders._blocks import MaskedBatchNorm1d, SameConv1d, build_norm


def masked_batch(lengths=(5, 1, 8), width=3):
    mask = torch.zeros(len(lengths), max(lengths), dtype=torch.bool)
    for i, length in enumerate(lengths):
        mask[i, :length] = True
    h = 3 + 2 * torch.randn(len(lengths), width, max(lengths))
    return h, mask


def observed_steps(h, mask):
    """Return the observed steps one after the other, (n, D)."""
    return torch.stack([h[i, :, t] for i in range(h.shape[0]) for t in range(h.shape[2]) if mask[i, t]])


@pytest.fixture(params=[False, True], ids=["gathered", "by arithmetic"])
def either_way(request, monkeypatch):
    """Normalise as on a CPU, then as on a GPU and in a compiler."""
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: request.param)


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("momentum", [0.1, None])
def test_masked_batch_norm_equals_batch_norm_of_observed_steps(momentum):
    norm = MaskedBatchNorm1d(3, momentum=momentum)
    nn.init.uniform_(norm.weight, 0.5, 2)
    nn.init.uniform_(norm.bias, -1, 1)
    plain = nn.BatchNorm1d(3, momentum=momentum)
    plain.load_state_dict(norm.state_dict())
    for lengths in ((5, 1, 8), (2, 3)):
        h, mask = masked_batch(lengths)
        h.requires_grad_()
        weights = torch.randn(int(mask.sum()), 3)
        result, expected = observed_steps(norm(h, mask), mask), plain(observed_steps(h, mask))
        torch.testing.assert_close(result, expected)
        torch.testing.assert_close(
            torch.autograd.grad((result * weights).sum(), [h, *norm.parameters()]),
            torch.autograd.grad((expected * weights).sum(), [h, *plain.parameters()]),
        )
        torch.testing.assert_close(norm.state_dict(), plain.state_dict())


@pytest.mark.usefixtures("either_way")
def test_masked_batch_norm_in_numbers():
    h, mask = masked_batch()
    result = MaskedBatchNorm1d(3)(h, mask).detach().numpy()
    for d in range(3):
        values = np.array([h[i, d, t].item() for i in range(3) for t in range(8) if mask[i, t]])
        for i in range(3):
            for t in range(8):
                expected = (h[i, d, t].item() - values.mean()) / np.sqrt(values.var() + 1e-5) if mask[i, t] else 0.0
                assert result[i, d, t] == pytest.approx(expected, abs=1e-5)


def test_masked_batch_norm_evaluates_with_the_running_statistics():
    h, mask = masked_batch()
    norm, plain = MaskedBatchNorm1d(3), nn.BatchNorm1d(3)
    norm(h, mask)
    plain.load_state_dict(norm.state_dict())
    before = copy.deepcopy(norm.state_dict())
    expected = plain.eval()(h) * mask[:, None]
    torch.testing.assert_close(norm.eval()(h, mask), expected)
    torch.testing.assert_close(norm.state_dict(), before)


def test_batch_norm_without_mask_is_pytorchs():
    h, _ = masked_batch()
    norm, plain = MaskedBatchNorm1d(3), nn.BatchNorm1d(3)
    for _ in range(2):
        torch.testing.assert_close(norm(h), plain(h))
    torch.testing.assert_close(norm.state_dict(), plain.state_dict())
    torch.testing.assert_close(norm.eval()(h), plain.eval()(h))


@pytest.mark.usefixtures("either_way")
def test_masked_batch_norm_of_a_single_observed_step():
    h, mask = masked_batch((1, 4))
    mask[1] = False
    norm = MaskedBatchNorm1d(3)
    assert norm(h, mask).abs().max() < 1e-5
    assert all(value.isfinite().all() for value in norm.state_dict().values())


@pytest.mark.usefixtures("either_way")
def test_masked_batch_norm_of_no_observed_step():
    h, mask = masked_batch()
    norm = MaskedBatchNorm1d(3)
    assert (norm(h, torch.zeros_like(mask)) == 0).all()
    assert all(value.isfinite().all() for value in norm.state_dict().values())


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("training", [False, True])
def test_masked_batch_norm_sees_nothing_of_padding(training):
    h, mask = masked_batch()
    other = torch.where(mask[:, None], h, 1e6)
    results = [MaskedBatchNorm1d(3).train(training)(each, mask) for each in (h, other)]
    torch.testing.assert_close(*results, rtol=0, atol=0)
    assert (results[0] * ~mask[:, None] == 0).all()


def test_layer_norm_normalises_each_step():
    h, mask = masked_batch()
    result = build_norm("layer", 3)(h, mask)
    for i in range(3):
        for t in range(8):
            values = h[i, :, t].numpy().astype(float)
            expected = (values - values.mean()) / np.sqrt(values.var() + 1e-5) if mask[i, t] else np.zeros(3)
            np.testing.assert_allclose(result[i, :, t].detach().numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, 7, 8])
@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("n_steps", [1, 2, 5, 12])
def test_same_convolution_equals_loops(kernel_size, dilation, n_steps):
    conv = SameConv1d(2, 3, kernel_size, dilation=dilation)
    x = torch.randn(2, 2, n_steps)
    weight, bias, series = conv.weight.detach().numpy(), conv.bias.detach().numpy(), x.numpy()
    expected = np.zeros((2, 3, n_steps))
    for b, o, t in np.ndindex(2, 3, n_steps):
        expected[b, o, t] = bias[o]
        for tap in range(kernel_size):
            source = t + (tap - (kernel_size - 1) // 2) * dilation
            if 0 <= source < n_steps:
                expected[b, o, t] += weight[o, :, tap] @ series[b, :, source]
    np.testing.assert_allclose(conv(x).detach().numpy(), expected, atol=1e-5)
