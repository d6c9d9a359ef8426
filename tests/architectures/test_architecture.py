import pytest
import torch
from small_architectures import LENGTHS, built
from torch import nn

from sklearn_ssl.architectures import Architecture, maps
from sklearn_ssl.architectures._modes import attackable, evaluation_mode
from sklearn_ssl.encoders import EncoderModule, ResNetEncoder, RocketEncoder
from sklearn_ssl.pooling import Pooling

MASK = torch.arange(32) < LENGTHS[:, None]


class Masked(nn.Module):
    """An encoder that needs a mask, and keeps it."""

    def __init__(self, n_channels=2):
        super().__init__()
        self.conv = nn.Conv1d(n_channels, 4, 3, padding=1)

    def forward(self, x, scale=1.0, *, mask):
        self.mask = mask
        return scale * self.conv(x) * mask[:, None]


class Function(nn.Module):
    """A module without weights."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class PerhapsMasked(Masked):
    def forward(self, x, mask=None):
        self.mask = mask
        return self.conv(x)


class TestMaps:
    def test_an_encoder_gives_the_maps_of_all_layers_with_the_mask(self, padded):
        encoder = ResNetEncoder(depth=3, width=4).build(2).eval()
        layers, mask = maps(encoder, padded, LENGTHS)
        assert torch.equal(mask, MASK)
        for mine, theirs in zip(layers, encoder.layers(padded, MASK), strict=True):
            assert torch.equal(mine, theirs)

    def test_without_lengths_there_is_no_mask(self, x):
        layers, mask = maps(ResNetEncoder(depth=3, width=4).build(2), x)
        assert len(layers) == 3
        assert mask is None

    def test_a_foreign_module_gives_its_output(self, padded):
        encoder = nn.Conv1d(2, 5, 1)
        layers, mask = maps(encoder, padded, LENGTHS)
        assert torch.equal(mask, MASK)
        assert len(layers) == 1
        assert torch.equal(layers[0], encoder(padded))

    def test_a_foreign_module_gets_the_mask_that_it_needs(self, x, padded):
        encoder = Masked()
        maps(encoder, padded, LENGTHS)
        assert torch.equal(encoder.mask, MASK)
        maps(encoder, x)
        assert encoder.mask.shape == (6, 32)
        assert encoder.mask.dtype == torch.bool
        assert bool(encoder.mask.all())
        maps(encoder.to("meta"), x.to("meta"))
        assert encoder.mask.is_meta

    def test_a_foreign_module_gets_the_mask_that_it_takes(self, x, padded):
        encoder = PerhapsMasked()
        maps(encoder, padded, LENGTHS)
        assert torch.equal(encoder.mask, MASK)
        maps(encoder, x)
        assert encoder.mask is None

    @pytest.mark.filterwarnings("ignore:.torch.jit.script.:DeprecationWarning")
    def test_a_scripted_module_gets_none(self, padded):
        encoder = torch.jit.script(nn.Conv1d(2, 5, 1))
        (h,), _ = maps(encoder, padded, LENGTHS)
        assert h.shape == (6, 5, 32)


class TestEncoder:
    def test_a_module_is_copied_to_single_precision_with_its_weights(self):
        module = nn.Conv1d(2, 5, 1).double()
        encoder = built(Architecture, encoder=module).encoder
        assert encoder.weight.dtype == torch.float32
        assert module.weight.dtype == torch.float64
        torch.testing.assert_close(encoder.weight.double(), module.weight, rtol=1e-6, atol=1e-7)

    def test_a_callable_is_told_the_number_of_channels(self):
        assert built(Architecture, encoder=lambda n_channels: nn.Conv1d(n_channels, 5, 1)).widths == [5]

    def test_parts_of_a_given_encoder_stay_in_the_mode_they_were_in(self):
        encoder = ResNetEncoder(depth=2, width=4).build(n_channels=2).train()
        frozen = next(part for part in encoder.modules() if isinstance(part, nn.BatchNorm1d)).eval()
        modes = [part.training for part in built(Architecture, encoder=encoder).encoder.modules()]
        assert modes == [part is not frozen for part in encoder.modules()]

    def test_trying_it_out_leaves_running_statistics_as_they_were(self):
        norm = nn.Sequential(nn.Conv1d(2, 5, 1), nn.BatchNorm1d(5))
        assert built(Architecture, encoder=norm).encoder[1].num_batches_tracked == 0

    def test_it_is_tried_out_without_gradient(self):
        grad = []
        built(Architecture, encoder=Function(lambda x: grad.append(torch.is_grad_enabled()) or x))
        assert set(grad) == {False}

    def test_the_number_of_series_need_not_be_known(self):
        encoder = ResNetEncoder(depth=1, width=4)
        architecture = Architecture(encoder=encoder, pooling=None, n_channels=2, n_timepoints=32)
        assert architecture.n_cases == 0
        assert not architecture.keeps_instances

    def test_steps_are_those_of_its_output(self):
        assert built(Architecture, encoder=nn.Conv1d(2, 5, 4, stride=4)).n_steps == 8

    @pytest.mark.parametrize(
        ("encoder", "message"),
        [
            (nn.Conv1d(3, 4, 1), r"`encoder` failed on series of shape \(2, 2, 32\) .* Build it for 2 channels"),
            (nn.Flatten(), r"as many features for any number of time steps, got 64 for x .* and 128 for twice"),
            (nn.LSTM(32, 4), r"must return \(batch, features, time\), or .* for x of shape \(2, 2, 32\), got tuple"),
            (nn.AdaptiveAvgPool1d(0), r"got \(2, 2, 0\)"),
            (nn.Unflatten(1, (2, 1)), r"got \(2, 2, 1, 32\)"),
            (nn.Flatten(0, 1), r"got \(4, 32, 1\)"),
            (nn.Conv1d(2, 4, 33), "failed on series"),
            (nn.Bilinear(2, 2, 2), "failed on series"),
            (Function(lambda x: x[:, 5:6] + x[:, 5].unsqueeze(1)), "failed on series"),
            (Function(lambda x: x[:1]), r"got \(1, 2, 32\)"),
        ],
    )
    def test_outputs_of_another_shape_are_refused(self, encoder, message):
        with pytest.raises(ValueError, match=message):
            built(Architecture, encoder=encoder)

    @pytest.mark.parametrize("encoder", [3, "resnet", lambda n_channels: None, [1] * 1000])
    def test_what_is_no_encoder_is_refused_in_a_line(self, encoder):
        with pytest.raises(TypeError, match=r"`encoder` must be a recipe such as InceptionEncoder\(\)") as caught:
            built(Architecture, encoder=encoder)
        assert len(str(caught.value)) < 300

    def test_the_class_of_a_recipe_is_refused(self):
        with pytest.raises(TypeError, match=r"must be a recipe, not its class: write ResNetEncoder\(\)"):
            built(Architecture, encoder=ResNetEncoder)


class PooledByItself(EncoderModule):
    """An encoder of two layers with one step each."""

    pools_over_time = True

    def __init__(self, n_channels=2):
        super().__init__([n_channels, n_channels])

    def layers(self, x, mask=None):
        return [x.mean(2, keepdim=True), x.amax(2, keepdim=True)]


class Sums:
    """A recipe of a pooling from elsewhere."""

    def build(self, widths):
        return lambda layers, mask: layers[-1].sum(2)

    def n_features(self, widths):
        return widths[-1]


class TestFeatures:
    def test_the_default_pooling_is_that_of_the_recipe(self, x):
        mine, theirs = built(Architecture), built(Architecture, pooling=Pooling())
        theirs.load_state_dict(mine.state_dict())
        assert torch.equal(mine.eval().features(x), theirs.eval().features(x))

    def test_a_foreign_module_is_pooled_as_others_are(self):
        assert built(Architecture, encoder=nn.Conv1d(2, 5, 1)).n_features == Pooling().n_features([5])

    def test_of_an_encoder_that_pools_by_itself_the_last_layer_is_taken(self, x):
        architecture = built(Architecture, encoder=PooledByItself)
        assert torch.equal(architecture.features(x), x.amax(2))

    def test_an_encoder_that_pools_by_itself_has_one_feature_for_each_of_its_own(self, x):
        architecture = built(Architecture, encoder=RocketEncoder(n_features=84)).eval()
        architecture.adapt(x)
        assert architecture.n_features == architecture.widths[-1]
        assert torch.equal(architecture.features(x), architecture.encoder(x).squeeze(2))

    def test_numbers_of_pooled_features_are_counted_by_layer(self):
        recipe = Pooling(statistics=("mean", "max"), layers="all")
        architecture = built(Architecture, encoder=ResNetEncoder(depth=2, width=4), pooling=recipe)
        assert architecture.n_features_of_layers == [2 * width for width in architecture.widths]
        assert architecture.n_features == sum(architecture.n_features_of_layers)

    def test_a_foreign_pooling_counts_as_one_layer(self):
        assert built(Architecture, pooling=Sums()).n_features_of_layers == [4]

    def test_maps_are_nan_where_series_are_padded(self, padded):
        architecture = built(Architecture, encoder=nn.Conv1d(2, 5, 4, stride=4)).eval()
        h = architecture.feature_maps(padded, LENGTHS)
        assert h.shape == (6, 5, 8)
        assert torch.equal((~h.isnan()).sum(2), (LENGTHS / 4).ceil().long()[:, None].expand(-1, 5))

    def test_maps_of_whole_series_are_the_output(self, x):
        architecture = built(Architecture).eval()
        assert torch.equal(architecture.feature_maps(x), architecture.encoder(x))


class Adapted(EncoderModule):
    """An encoder that keeps what it adapts to."""

    def __init__(self, n_channels=2):
        super().__init__([n_channels])

    def adapt(self, x, mask=None):
        self.adapted_to = x, mask

    def layers(self, x, mask=None):
        return [x]


class TestAdapting:
    def test_the_encoder_gets_series_and_mask(self, x, padded):
        architecture = built(Architecture, encoder=Adapted)
        architecture.adapt(padded, LENGTHS)
        assert all(torch.equal(*pair) for pair in zip(architecture.encoder.adapted_to, (padded, MASK), strict=True))
        architecture.adapt(x)
        assert architecture.encoder.adapted_to[1] is None

    def test_a_foreign_module_needs_no_adapting(self, padded):
        built(Architecture, encoder=nn.Conv1d(2, 5, 1)).adapt(padded, LENGTHS)


class TestModes:
    @pytest.fixture
    def module(self):
        module = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(), nn.GRU(2, 2)).train()
        module[1].eval()
        return module

    @pytest.mark.parametrize("mode", [evaluation_mode, attackable])
    def test_every_part_goes_back_to_its_own_mode_after_an_error_too(self, module, mode):
        during = []

        def fail():
            during.extend(part.training for part in module.modules())
            raise KeyError

        with pytest.raises(KeyError), mode(module):
            fail()
        assert not any(during)
        assert [part.training for part in module] == [True, False, True]

    def test_recurrent_layers_run_without_cudnn_while_attacked(self, module):
        assert torch.backends.cudnn.enabled
        with attackable(module):
            assert not torch.backends.cudnn.enabled
        with attackable(module[:2]):
            assert torch.backends.cudnn.enabled
        assert torch.backends.cudnn.enabled
