"""Two crops of a series: where they are, what is hidden of them, and the mean of the weights."""

import sys

import pytest
import torch
from small_architectures import N_STEPS, ROWS, built
from torch import nn

from sklearn_ssl.architectures import (
    AveragedArchitecture,
    Batch,
    CroppedArchitecture,
    FineTunedArchitecture,
    SemiSupervisedArchitecture,
)
from sklearn_ssl.augmentations import Compose
from sklearn_ssl.encoders import ResNetEncoder, TCNEncoder

CROPS = sys.modules[CroppedArchitecture.__module__]
LONG_ENOUGH = torch.tensor([12, 7, 20, 9, 32, 31])


def same(n_channels):
    """Return an encoder whose features are the values."""
    return nn.Identity()


def numbered(lengths=None):
    """Return series whose values are their number in thousands and the step, and NaN where they are padded."""
    x = (1000.0 * torch.arange(1, 7)[:, None] + torch.arange(N_STEPS))[:, None]  # (B, 1, L)
    beyond = torch.arange(N_STEPS) >= (N_STEPS if lengths is None else lengths[:, None, None])
    return Batch(x.masked_fill(beyond, torch.nan), lengths, ROWS)


def crops(n_draws, lengths=None, **parameters):
    """Yield the features of many pairs of crops of the numbered series."""
    own = {"temporal_unit": 0, "max_length": 100, "input_mask": 0.0, "encoder": same, "n_channels": 1}
    architecture = built(CroppedArchitecture, **{**own, **parameters}).train()
    for _ in range(n_draws):
        yield tuple(h[:, 0].detach() for h in architecture(numbered(lengths)))


@pytest.mark.parametrize("lengths", [None, LONG_ENOUGH], ids=["equal", "unequal"])
def test_both_crops_have_the_same_steps_of_each_series(lengths):
    overlaps, apart = set(), 0
    for first, second in crops(200, lengths):
        assert torch.equal(first, second)  # and not NaN
        assert bool((first.diff(dim=1) == 1).all())
        assert torch.equal(first // 1000, torch.arange(1.0, 7)[:, None].expand_as(first))
        overlaps.add(first.shape[1])
        apart += len((first[:, 0] % 1000).unique()) > 1
    shortest = N_STEPS if lengths is None else int(lengths.min())
    assert overlaps == set(range(2, shortest + 1))
    assert apart > 100, "each series has a place of its own"


def test_both_crops_are_shifted_to_all_places_where_they_fit(monkeypatch):
    monkeypatch.setattr(CROPS, "drawn_crops", lambda n_steps, least: (3, 5, 9, 12))
    starts = torch.cat([first[:, 0] % 1000 for first, _ in crops(100)])
    assert set(starts.tolist()) == set(range(2, N_STEPS - 6))


def test_no_overlap_is_shorter_than_the_coarsest_scale_needs():
    assert min(first.shape[1] for first, _ in crops(100, temporal_unit=2)) == 8


def test_crops_of_long_series_are_anywhere_and_short():
    places, widths = [], []
    for first, _ in crops(100, max_length=5):
        places += [first[:, 0] % 1000, first[:, -1] % 1000]
        widths.append(first.shape[1])
    assert max(widths) == 5
    assert float(torch.cat(places).min()) == 0
    assert float(torch.cat(places).max()) == N_STEPS - 1


def test_crops_reach_beyond_what_they_have_in_common():
    seen = []

    class Seeing(nn.Identity):
        def forward(self, x):
            seen.append(x)
            return x

    architecture = built(CroppedArchitecture, encoder=lambda n_channels: Seeing(), n_channels=1, temporal_unit=0)
    architecture.input_mask = 0.0
    for _ in range(100):
        seen.clear()
        first, _ = architecture.train()(numbered())
        before, after = seen
        assert torch.equal(before[:, :, -first.shape[2] :], after[:, :, : first.shape[2]])
        assert before.shape[2] + after.shape[2] - first.shape[2] <= N_STEPS
        if before.shape[2] > first.shape[2] < after.shape[2]:
            return
    pytest.fail("no crop reaches beyond the other")


def test_half_of_the_steps_are_hidden_in_each_crop_alone():
    pairs = [torch.stack(pair) == 0 for pair in crops(40, input_mask=0.5)]
    hidden = torch.cat([pair.flatten(1) for pair in pairs], dim=1).float()  # (2, N)
    assert hidden.mean(dim=1).tolist() == pytest.approx([0.5, 0.5], abs=0.05)
    assert float((hidden[0] * hidden[1]).mean()) == pytest.approx(0.25, abs=0.05)


def test_nothing_is_hidden_in_evaluation():
    own = {"encoder": same, "n_channels": 1, "input_mask": 0.9, "temporal_unit": 0}
    first, second = built(CroppedArchitecture, **own).eval()(numbered())
    assert torch.equal(first, second)


def test_an_encoder_hides_steps_behind_its_first_map():
    x = torch.randn(50, 2, 12, requires_grad=True)
    encoder = TCNEncoder(depth=0, width=4, n_features=3, kernel_size=1, dropout=0.0, latent_mask=0.25).build(2)
    shares = []
    for training in (True, False):
        x.grad = None
        encoder.train(training)(x).square().sum().backward()
        reached = x.grad != 0  # (B, C, L)
        assert torch.equal(reached[:, 0], reached[:, 1])
        shares.append(float(reached.float().mean()))
    assert shares == pytest.approx([0.75, 1.0], abs=0.06)


def test_series_are_not_masked_twice():
    masked = TCNEncoder(depth=0, width=4, n_features=3)  # by a share of zero
    assert built(CroppedArchitecture, encoder=masked, input_mask=0.5).input_mask == 0
    assert built(CroppedArchitecture, input_mask=0.5).input_mask == 0.5


@pytest.mark.parametrize(
    "encoder",
    [lambda n: nn.Conv1d(n, 3, 3, stride=2, padding=1), lambda n: nn.AdaptiveAvgPool1d(1)],
    ids=["strided", "pooling"],
)
def test_encoders_with_fewer_steps_are_refused(encoder):
    with pytest.raises(ValueError, match=r"`encoder` must return one feature per time step, got L' = (16|1) steps"):
        built(CroppedArchitecture, encoder=encoder)


# The mean of the weights


def moved(architecture, step):
    """Change the learner as an optimiser would, and end the step."""
    with torch.no_grad():
        for number, parameter in enumerate(architecture.learner.parameters()):
            parameter.add_(0.1 * (step + 1) ** 2 * (number + 1))
    architecture.after_step()


def test_the_encoder_is_the_mean_of_all_weights():
    architecture = built(AveragedArchitecture, encoder=ResNetEncoder(depth=1, width=4)).train()
    states = [[one.clone() for one in architecture.learner.parameters()]]
    for step in range(3):
        moved(architecture, step)
        states.append([one.clone() for one in architecture.learner.parameters()])
    for mean, *each in zip(architecture.encoder.parameters(), *states, strict=True):
        torch.testing.assert_close(mean, torch.stack(each).mean(0))
    assert architecture.n_averaged == 4


def test_running_statistics_are_averaged_and_counted(x):
    architecture = built(AveragedArchitecture, encoder=ResNetEncoder(depth=1, width=4)).train()
    architecture.features(x)
    before = {name: value.clone() for name, value in architecture.encoder.named_buffers()}
    architecture.after_step()
    for name, value in architecture.encoder.named_buffers():
        newest = architecture.learner.get_buffer(name)
        torch.testing.assert_close(value, (before[name] + newest) / 2 if value.is_floating_point() else newest)


def test_features_are_those_of_the_learner_in_training_and_of_the_mean_after(x):
    architecture = built(AveragedArchitecture, encoder=TCNEncoder(depth=1, width=4, n_features=4, dropout=0.0)).train()
    moved(architecture, 0)
    both = architecture.learner, architecture.encoder
    learner, encoder = (architecture.pooling(one.layers(x), None) for one in both)
    assert not torch.allclose(learner, encoder)
    torch.testing.assert_close(architecture.train().features(x), learner)
    torch.testing.assert_close(architecture.eval().features(x), encoder)


def test_what_is_adapted_reaches_the_learner(x):
    architecture = built(AveragedArchitecture)
    with torch.no_grad():
        next(architecture.encoder.parameters()).fill_(0.5)
    architecture.adapt(x)
    assert bool((next(architecture.learner.parameters()) == 0.5).all())


def test_labels_in_every_step_reach_the_learner_and_the_mean_follows(x):
    start = built(CroppedArchitecture)
    joint = built(SemiSupervisedArchitecture, start=start).train()
    joint.features(x).sum().backward()
    assert all(one.grad is not None for one in joint.backbone.learner.parameters())
    with torch.no_grad():
        for parameter in joint.backbone.learner.parameters():
            parameter.add_(1.0)
    joint.after_step()
    pairs = zip(joint.backbone.encoder.parameters(), start.encoder.parameters(), strict=True)
    assert all(torch.allclose(mean, before + 0.5) for mean, before in pairs)


def test_fine_tuning_keeps_what_it_trains():
    start = built(CroppedArchitecture)
    moved(start.train(), 0)
    tuned = FineTunedArchitecture(start=start, n_outputs=3, augmentation=Compose()).train()
    with torch.no_grad():
        for parameter in tuned.encoder.parameters():
            parameter.fill_(0.5)
    tuned.after_step()
    assert all(bool((parameter == 0.5).all()) for parameter in tuned.encoder.parameters())
    assert all(parameter.requires_grad for parameter in tuned.encoder.parameters())
