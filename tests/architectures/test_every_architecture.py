"""What every architecture promises: what moves when, what learns, what the loss gets, and that copies are whole."""

import contextlib
import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable

import pytest
import torch
from small_architectures import (
    LENGTHS,
    N_STEPS,
    Marking,
    Watching,
    both_losses,
    built,
    level_of,
    supervised,
    whole_batch,
)
from torch import nn
from torch.nn import functional as F

from sklearn_ssl import architectures, losses
from sklearn_ssl._engine.net_copy import copied_net

# A bank looks at numbers of series, prototypes at their count, and the others call functions that lack "meta".
READ_VALUES = {
    "CentredTeacherArchitecture",
    "CovarianceArchitecture",
    "CroppedArchitecture",
    "DividedArchitecture",
    "NeighbourArchitecture",
    "NestedPieceArchitecture",
    "SoftCroppedArchitecture",
    "AttentiveContextArchitecture",
    "RecurrentContextArchitecture",
    "InstanceBankArchitecture",
    "MaskedTeacherArchitecture",
    "SpreadTeacherArchitecture",
    "InstanceClassifierArchitecture",
    "MixingArchitecture",
    "MomentumCovarianceArchitecture",
    "PrototypeArchitecture",
    "RobustArchitecture",
    "SeasonTrendArchitecture",
    "SeriesMixingArchitecture",
}
WITHOUT_TRAINING_STEP = {
    "Architecture",
    "AveragedArchitecture",
    "BottleneckArchitecture",
    "ClosedFormArchitecture",
    "DecodedArchitecture",
    "CodebookArchitecture",
    "FilledArchitecture",
    "HeadedArchitecture",
    "MaskedArchitecture",
    "PretextArchitecture",
    "MeanArchitecture",
    "TaughtArchitecture",
    "TwoDomainArchitecture",
    "VisibleArchitecture",
    "WindowSequenceArchitecture",
    "WindowTargetArchitecture",
}


@dataclasses.dataclass
class Case:
    """What an architecture does with six series.

    Attributes
    ----------
    shapes : list of tuple
        The shapes of the outputs.
    loss : callable
        The loss of a method that uses the architecture.
    passes : list of tuple
        For every pass of an encoder in a training step: number of series, their length, and how they are marked.
        Empty for an architecture without augmentation.
    constants : tuple of int
        Which outputs carry no gradient.
    moves : tuple of str
        Beginnings of the names of the state that `forward` changes in training mode, besides running statistics.
    moves_after : tuple of str
        Beginnings of the names of the state that the end of a step changes.
    without_gradient : tuple of str
        Beginnings of the names of the parameters that the loss does not reach.
    still : str
        Beginning of the names of the modules whose running statistics stay.
    depends_on_padding : tuple of bool
        Modes (training or not) in which the length of the batch matters: series are repeated until they fill it, or
        there is a random number for each step.
    """

    shapes: list
    loss: Callable
    passes: list = dataclasses.field(default_factory=list)
    constants: tuple = ()
    moves: tuple = ()
    moves_after: tuple = ()
    without_gradient: tuple = ()
    still: str = "none"
    depends_on_padding: tuple = ()


RANDOM_WINDOWS = {"depends_on_padding": (True, False)}  # a random number for each window
P, TWO_VIEWS, ONE_VIEW = (6, 8), [(12, 32, 1)], [(6, 32, 1)]
TEACHER = {"moves": ("teacher.",), "without_gradient": ("teacher.",)}
REGRESSED = [(6, 4, 5), (6, 4), (6, 4, 4), (6, 4, 4), (6, 4)]
VALUES_AND_CODES = [(6, 8, 8)] * 3 + [(6, 8, 3)] * 2 + [(6, 8)]
CODES = {"moves": ("codebook.",), "still": "teacher.", "depends_on_padding": (True, False)}  # one more for each window
FULL_AND_CROPS = [(12, 32, 1), (18, 16, 1)]
MASKED_SCORES = [(5, 6, 5), (2, 6, 5), (5,), (2, 6, 8, 5), (2, 6, 8, 5), (5,), (2, 6, 8)]
MASKED_TEACHER = {
    "passes": [TWO_VIEWS[0], *FULL_AND_CROPS[1:], *TWO_VIEWS],
    "constants": (1, 2, 4, 5, 6),
    "moves": ("teacher.", "center", "window_center", "prototypes.seen"),
    "without_gradient": ("teacher.", "prototypes."),
    "depends_on_padding": (True, False),  # a random number for each window, and for views
}
CASES = {
    "SiameseArchitecture": Case([P, P], losses.ntxent_loss, TWO_VIEWS),
    "PredictorArchitecture": Case([P] * 4, losses.simsiam_loss, TWO_VIEWS),
    "MomentumArchitecture": Case([P, P], losses.ntxent_loss, ONE_VIEW * 2, constants=(1,), **TEACHER),
    "BootstrapArchitecture": Case([P] * 4, losses.byol_loss, TWO_VIEWS * 2, constants=(2, 3), **TEACHER),
    "QueueArchitecture": Case(
        [P, P, (10, 8)],
        losses.queue_contrastive_loss,
        ONE_VIEW * 2,
        constants=(1, 2),
        **{**TEACHER, "moves": ("teacher.", "queue")},
    ),
    "InstanceBankArchitecture": Case(
        [P, (6,), (20, 8)], losses.instance_discrimination_loss, ONE_VIEW, constants=(1, 2), moves=("bank",)
    ),
    "InstanceClassifierArchitecture": Case([(6, 20), (6,)], losses.exemplar_loss, ONE_VIEW, constants=(1,)),
    "CovarianceArchitecture": Case([P, P, (8, 8)], losses.vicreg_tico_loss, TWO_VIEWS, moves=("covariance.",)),
    "MomentumCovarianceArchitecture": Case(
        [P, P, (8, 8)],
        losses.tico_loss,
        ONE_VIEW * 2,
        constants=(1,),
        **{**TEACHER, "moves": ("teacher.", "covariance.")},
    ),
    "MixingArchitecture": Case([P, P, P, (6,)], losses.timemcl_loss, TWO_VIEWS, constants=(3,)),
    "CroppedArchitecture": Case(
        [(6, 4, 32)] * 2,
        losses.ts2vec_loss,
        moves_after=("encoder.", "n_averaged"),
        without_gradient=("encoder.",),
        still="encoder.",
    ),
    "SoftCroppedArchitecture": Case(
        [(6, 4, 32), (6, 4, 32), (6, 6)],
        losses.softclt_loss,
        constants=(2,),
        moves_after=("encoder.", "n_averaged"),
        without_gradient=("encoder.",),
        still="encoder.",
    ),
    "NestedPieceArchitecture": Case([(6, 16), (6, 16), (3, 6, 16)], losses.tloss_loss),
    "RecurrentContextArchitecture": Case([(3, 6, 4)] * 2, losses.cpc_loss),
    "AttentiveContextArchitecture": Case([P, P, *[(1, 6, 4)] * 4], losses.tstcc_loss),
    "NeighbourArchitecture": Case([(18,)] * 2, losses.tnc_loss),
    "TimeFrequencyArchitecture": Case([(6, 16)] * 4 + [P] * 4, losses.tfc_loss),
    "DistanceArchitecture": Case([P, P, (6, 6), (6, 6)], losses.series2vec_loss, constants=(2, 3)),
    "DividedArchitecture": Case([(6, 2, 4)], losses.dicot_loss),
    "SeasonTrendArchitecture": Case(
        [P, P, (10, 8), (6, 3, 32), (6, 3, 32)],
        losses.cost_loss,
        constants=(1, 2),
        moves=("teacher.", "queue"),
        without_gradient=("teacher.",),
    ),
    "SlicedArchitecture": Case([(3, 6, 8), (9, 8)], losses.lejepa_loss, [(18, 32, 1)], constants=(1,)),
    "ViewmakerArchitecture": Case([P, P], losses.ntxent_loss, TWO_VIEWS, depends_on_padding=(True, False)),
    "WindowArchitecture": Case([(4, 6, 8)], losses.emp_ssl_loss, [(24, 16, 1)]),
    "PrototypeArchitecture": Case(
        [(5, 6, 5)],
        losses.swav_loss,
        FULL_AND_CROPS,
        moves=("prototypes.seen",),
        without_gradient=("prototypes.",),  # which do not learn at first
    ),
    "CentredTeacherArchitecture": Case(
        [(5, 6, 5), (2, 6, 5), (5,)],
        losses.dino_loss,
        [*FULL_AND_CROPS, *TWO_VIEWS],
        constants=(1, 2),
        moves=("teacher.", "center", "prototypes.seen"),
        without_gradient=("teacher.", "prototypes."),
    ),
    "MaskedTeacherArchitecture": Case(MASKED_SCORES, losses.ibot_loss, **MASKED_TEACHER),
    "SpreadTeacherArchitecture": Case([*MASKED_SCORES, (2, 6, 4)], losses.utica_loss, **MASKED_TEACHER),
    "PairedArchitecture": Case([P, P, (6,), ()], losses.clip_loss, ONE_VIEW, constants=(2,)),
    "GroupedArchitecture": Case([(2, 6, 8), (6, 2), ()], losses.cmc_loss, constants=(1,), moves=("encoder.mean",)),
    "PeriodicArchitecture": Case(
        [(6, 4, 16), (6, 4, 16), (6, 4)],
        losses.simper_loss,
        [(48, 16, 1)],
        constants=(2,),
        depends_on_padding=(True, False),
    ),
    "ReplacedArchitecture": Case([(6, 2, 32)] * 3, losses.masked_l1_loss, constants=(1, 2), **RANDOM_WINDOWS),
    "MaskedAutoencoder": Case([(6, 8, 8)] * 3, losses.masked_mse_loss, constants=(1, 2), **RANDOM_WINDOWS),
    "TeacherTargetArchitecture": Case(
        [(6, 8, 4)] * 3, losses.masked_smooth_l1_loss, constants=(1, 2), **TEACHER, **RANDOM_WINDOWS
    ),
    "ContrastedTeacherArchitecture": Case(
        [(48, 4), (48, 4), (48,), (6, 4), (6, 4)],
        losses.mimco_loss,
        constants=(1, 2, 4),
        without_gradient=("teacher.",),
        still="teacher.",
        **RANDOM_WINDOWS,
    ),
    "LatentPredictionArchitecture": Case(
        [(3, 6, 8, 4)] * 3, losses.masked_smooth_l1_loss, constants=(1, 2), **TEACHER, **RANDOM_WINDOWS
    ),
    "FoldedTeacherArchitecture": Case(
        [(6, 8, 4), (6, 8, 4), (6, 8)], losses.masked_cosine_loss, constants=(1, 2), **TEACHER, **RANDOM_WINDOWS
    ),
    "ContextArchitecture": Case([(6, 2, 32)] * 3, losses.masked_mse_loss, constants=(1, 2), **RANDOM_WINDOWS),
    "AdversarialContextArchitecture": Case(
        [(6, 2, 32)] * 3 + [(6,)] * 4, losses.context_loss, constants=(1, 2), **RANDOM_WINDOWS
    ),
    "TubeArchitecture": Case([(6, 16, 4)] * 3, losses.masked_mse_loss, constants=(1, 2), **RANDOM_WINDOWS),
    "ChannelAutoencoder": Case([(6, 16, 4)] * 3, losses.masked_mse_loss, constants=(1, 2), **RANDOM_WINDOWS),
    "SeriesMixingArchitecture": Case(
        [(3, 6, 8), *[(6, 2, 32)] * 3, (2,)], losses.simmtm_loss, constants=(2, 3), **RANDOM_WINDOWS
    ),
    "CodeArchitecture": Case(
        [(6, 8, 5), (6, 8), (6, 8)],
        losses.masked_cross_entropy_loss,
        constants=(1, 2),
        without_gradient=("tokenizer.",),
        **RANDOM_WINDOWS,
    ),
    "AggregatedCodeArchitecture": Case(
        [(6, 8, 5), (6, 8, 5), (6, 8), (6, 8)],
        losses.beit_v2_loss,
        constants=(2, 3),
        without_gradient=("tokenizer.",),
        **RANDOM_WINDOWS,
    ),
    "RegressedArchitecture": Case(
        REGRESSED, losses.cae_loss, constants=(1, 3, 4), without_gradient=("tokenizer.",), **RANDOM_WINDOWS
    ),
    "TaughtRegressedArchitecture": Case(
        REGRESSED,
        losses.cae_loss,
        constants=(1, 3, 4),
        moves=("teacher.",),
        without_gradient=("tokenizer.", "teacher."),
        **RANDOM_WINDOWS,
    ),
    "TokenizerArchitecture": Case(VALUES_AND_CODES, losses.vq_loss, constants=(1, 2, 4, 5), **CODES),
    "DistilledTokenizerArchitecture": Case(
        [(6, 8, 4), (6, 8, 4), *VALUES_AND_CODES[3:]],
        losses.vq_distillation_loss,
        constants=(1, 3, 4),
        without_gradient=("teacher.",),
        **CODES,
    ),
    "PerceptualTokenizerArchitecture": Case(
        [*VALUES_AND_CODES, (6, 32, 4), (6, 32, 4), (6, 32)],
        losses.vq_perceptual_loss,
        constants=(1, 2, 4, 5, 6, 8),
        without_gradient=("teacher.",),
        **CODES,
    ),
    "TransformationArchitecture": Case([(24,), (24, 4)], losses.pretext_loss, [(24, 32, 1)], constants=(0,)),
    "JigsawArchitecture": Case([(6,), (6, 5)], losses.pretext_loss, constants=(0,)),
    "HiddenChannelArchitecture": Case(
        [(6, 7, 32), (6, 7, 32), (6, 32)], losses.colorization_loss, constants=(1, 2), depends_on_padding=(True, False)
    ),
    "AdversarialArchitecture": Case([(6,)] * 4, losses.gan_loss, ONE_VIEW * 3),
    "TransformedAdversarialArchitecture": Case(
        [(6,)] * 5 + [(6, 4)] * 2, losses.ssgan_loss, [*ONE_VIEW * 3, *[(6, 32, 0)] * 2], constants=(4,)
    ),
    "AutoencoderArchitecture": Case(
        [(6, 2, 32)] * 3, losses.masked_mse_loss, ONE_VIEW, constants=(1, 2), depends_on_padding=(True, False)
    ),
    "VariationalArchitecture": Case(
        [*[(6, 2, 32)] * 3, (6, 3), (6, 3)], losses.vae_loss, constants=(1, 2), depends_on_padding=(True, False)
    ),
    "FineTunedArchitecture": Case(
        [(6, 3), (6,), (6,)],
        supervised,
        [(6, 32, 0)],
        constants=(1, 2),
        without_gradient=("backbone.projector.",),
        still="",
    ),
    "SemiSupervisedArchitecture": Case(
        [(2, 3), (2,), (2,), (4, 8), (4, 8)], both_losses, [(2, 32, 1), (8, 32, 4)], constants=(1, 2)
    ),
    "RobustArchitecture": Case(
        [(2, 3), (2,), (2,), (4, 8), (4, 8)],
        both_losses,
        [(2, 32, 1), (8, 32, 4)] * 2,
        constants=(1, 2),
        depends_on_padding=(True,),
    ),
}


AUGMENTED = [name for name in CASES if CASES[name].passes]


def cls_of(name):
    return getattr(architectures, name)


@pytest.fixture(params=CASES)
def name(request):
    return request.param


@pytest.fixture
def case(name):
    return CASES[name]


@pytest.fixture
def architecture(name):
    """Return an architecture whose student has moved away from its teacher."""
    made = built(cls_of(name))
    with torch.no_grad():
        for parameter in learning(made).values():
            parameter.add_(0.1)
    return made


def learning(architecture):
    return {name: one for name, one in architecture.named_parameters() if one.requires_grad}


def states(architecture):
    return copy.deepcopy(architecture.state_dict())


def moved(before, after):
    return {name for name in before if not torch.equal(before[name], after[name])}


def running_statistics(architecture):
    kinds = ("running_mean", "running_var", "num_batches_tracked")
    return {name for name in architecture.state_dict() if name.endswith(kinds)}


def test_every_architecture_is_in_the_table():
    public = {name: getattr(architectures, name) for name in architectures.__all__}
    modules = {name for name, one in public.items() if inspect.isclass(one) and issubclass(one, nn.Module)}
    assert modules == set(CASES) | WITHOUT_TRAINING_STEP


@pytest.mark.parametrize("n_cases", [2, 6])
def test_the_loss_takes_the_outputs(architecture, case, x, n_cases):
    n_labelled = getattr(architecture, "n_labelled", 0)  # in front of the others
    outputs = architecture(whole_batch(x[: n_cases + n_labelled]))
    loss = case.loss(*outputs)
    assert loss.shape == ()
    assert bool(loss.isfinite())
    if n_cases == 6:
        assert [tuple(output.shape) for output in outputs] == case.shapes
        assert tuple(i for i, output in enumerate(outputs) if not output.requires_grad) == case.constants


def test_gradients_reach_what_should_learn_and_nothing_else(architecture, case, batch):
    case.loss(*architecture(batch)).backward()
    gradients = {name: parameter.grad for name, parameter in architecture.named_parameters()}
    reached = {name for name, gradient in gradients.items() if gradient is not None}
    assert reached == {name for name in gradients if not name.startswith(case.without_gradient or "none")}
    for part in {name.split(".")[0] for name in reached}:
        assert any(bool(gradients[name].any()) for name in reached if name.startswith(part)), part


def test_what_moves_in_a_training_step(architecture, case, batch):
    before = states(architecture)
    architecture.train()(batch)
    names = moved(before, architecture.state_dict())
    statistics = {name for name in running_statistics(architecture) if not name.startswith(case.still)}
    others = {name for name in before if name.startswith(case.moves or "none")} - running_statistics(architecture)
    assert names == statistics | others
    between = states(architecture)
    architecture.after_step()
    names = moved(between, architecture.state_dict())
    assert names == {name for name in between if name.startswith(case.moves_after or "none")}


def test_nothing_moves_in_evaluation(architecture, batch, padded):
    architecture.train()(batch)
    before = states(architecture)
    architecture.eval()(batch)
    functions = ("features", "feature_maps", "projections", "features_and_projections", "sequences", "follow")
    for function in functions:
        if hasattr(architecture, function):
            getattr(architecture, function)(*([] if function == "follow" else [padded, LENGTHS]))
    assert not moved(before, architecture.state_dict())


@pytest.mark.parametrize("training", [True, False])
def test_padding_makes_no_difference(architecture, case, padded, training):
    architecture.train(training)
    outputs = []
    for series in (padded, F.pad(padded, (0, 7))):
        torch.manual_seed(2)
        outputs.append(copy.deepcopy(architecture)(whole_batch(series, LENGTHS)))
    for mine, theirs in zip(*outputs, strict=True):
        assert bool(mine.isfinite().all())
        if training not in case.depends_on_padding:
            torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "copied",
    [
        lambda architecture: pickle.loads(pickle.dumps(architecture)),
        copy.deepcopy,
        lambda architecture: copied_net(Holder(architecture)).module_,
    ],
    ids=["pickle", "deepcopy", "copied_net"],
)
def test_copies_are_whole_and_independent(architecture, batch, copied):
    architecture.train()(batch)
    other = copied(architecture)
    mine, theirs = architecture.state_dict(), other.state_dict()
    assert list(mine) == list(theirs)
    assert not moved(mine, theirs)
    assert not {one.data_ptr() for one in mine.values() if one.numel()} & {one.data_ptr() for one in theirs.values()}
    assert [one.requires_grad for one in architecture.parameters()] == [one.requires_grad for one in other.parameters()]
    outputs = []
    for one in (architecture, other):
        torch.manual_seed(2)
        outputs.append(one(batch))
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(*outputs, strict=True))


class Holder:
    """A net as far as a copy is concerned."""

    def __init__(self, module):
        self.module_ = module


def marked(cls):
    """Build an architecture whose augmentation marks series, with another mark for the views of the backbone."""
    whole = {"masked_share": 0.0} if issubclass(cls, architectures.MaskedTeacherArchitecture) else {}
    return built(cls, encoder=Watching, augmentation=Marking(), **whole, **of_backbone(cls))


def of_backbone(cls):
    headed = issubclass(cls, architectures.HeadedArchitecture)
    return {"of_start": {"augmentation": Marking(level=4)}} if headed else {}


@pytest.mark.parametrize("name", AUGMENTED)
def test_the_augmentation_reaches_every_pass_of_the_encoder(name, case, batch, passes):
    architecture = marked(cls_of(name)).train()
    seen = passes(architecture, lambda: architecture(batch))
    assert [(len(series), series.shape[2], level_of(series)) for series in seen] == case.passes
    if name in ("MixingArchitecture", "TransformationArchitecture"):
        seen = [series[:6] for series in seen]  # the others are mixtures, or transformations of these
    for series in seen:
        assert len(series.mean(dim=(1, 2)).unique()) == len(series), "two views have the same draws"


@pytest.mark.parametrize("name", AUGMENTED)
def test_features_are_those_of_the_series_as_they_are(name, x, passes):
    architecture = marked(cls_of(name)).eval()
    seen = passes(architecture, lambda: (architecture.features(x), architecture.feature_maps(x)))
    assert len(seen) == 2
    assert all(torch.equal(series, x) for series in seen)


def unchanged(x, lengths=None):
    return x


@pytest.mark.parametrize("name", sorted(set(CASES) - READ_VALUES))
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["equal", "unequal"])
def test_a_training_step_stays_on_the_device_and_reads_no_value(name, x, lengths, monkeypatch):
    monkeypatch.setattr(torch, "autocast", lambda *args, **kwargs: contextlib.nullcontext())  # which lacks "meta"
    cls = cls_of(name)
    views = {"augmentation": unchanged} if name in AUGMENTED else {}
    of_start = {"of_start": views} if issubclass(cls, architectures.HeadedArchitecture) else {}
    architecture = built(cls, **views, **of_start).to("meta")  # tensors without values
    batch = whole_batch(x, lengths)
    companion = {name: values.to("meta") for name, values in batch.companion.items()}
    lengths = None if lengths is None else lengths.to("meta")
    outputs = architecture(architectures.Batch(x.to("meta"), lengths, batch.index.to("meta"), companion))
    assert all(output.is_meta for output in outputs)


def test_only_some_have_a_place_for_each_series(architecture, name):
    assert architecture.keeps_instances == name.startswith("Instance")


def test_features_have_their_width_and_their_steps(name, x):
    architecture = built(cls_of(name)).eval()
    assert architecture.features(x).shape == (6, architecture.n_features)
    assert architecture.feature_maps(x).shape == (6, architecture.widths[-1], getattr(architecture, "n_steps", N_STEPS))
