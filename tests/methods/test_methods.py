"""What every method promises: its parameters arrive where they belong, its defaults are as documented, and so on."""

import ast
import dataclasses
import inspect
import math
import re
from functools import partial

import pytest
import torch
from shared import fitted, small

import sklearn_ssl
from sklearn_ssl import augmentations, encoders, generators, losses, masking
from sklearn_ssl._input.collections import collection_of
from sklearn_ssl._parameters.hyperparameters import Hyperparameters
from sklearn_ssl.base import (
    AdversarialTransformer,
    BottleneckTransformer,
    ClosedFormTransformer,
    ContrastedTransformer,
    EmbeddingTransformer,
    JointEmbeddingTransformer,
    MaskedTransformer,
    SSLTransformer,
)
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.projectors import MLPProjector
from sklearn_ssl.testing import _target

X, _ = make_waves(n_cases=20, n_channels=2, n_timepoints=30, random_state=0)
FAMILIES = {
    AdversarialTransformer,
    BottleneckTransformer,
    EmbeddingTransformer,
    JointEmbeddingTransformer,
    MaskedTransformer,
    SSLTransformer,
}
PUBLIC = [getattr(sklearn_ssl, name) for name in sklearn_ssl.__all__]
METHODS = [cls for cls in PUBLIC if inspect.isclass(cls) and issubclass(cls, EmbeddingTransformer)]
METHODS = [cls for cls in METHODS if not inspect.isabstract(cls)]
TRAINED = [cls for cls in METHODS if issubclass(cls, SSLTransformer)]

RENAMED = {  # fields whose arguments have another name
    "corruption": "augmentation",
    "n_windows": "n_views",
    "normality": "weight",
    "n_knots": "knots",
    "temporal_sharpness": "sharpness",
    "speed": "speed_change",
}
BUDGET = {"batch_size", "max_epochs", "max_steps", "verbose"}
NOT_PASSED = BUDGET | {
    "channel_groups",
    "descriptions",
    "encoder",
    "max_view_cases",
    "teacher",
    "text_encoder",
    "tokenizer",
    "weight_decay",
}  # the bases read them
OBJECTS = {
    "augmentation",
    "pair_loss",
    "predictor",
    "projector",
    "similarity",
    "speed",
    "text_projector",
    "transformations",
}

ABOVE_ZERO = ([1e-6, 1e6], [0, -1, float("inf"), "1", True])
AT_LEAST_ZERO = ([0, 1e6], [-1e-6, float("nan")])
SHARE = ([0, 1], [-1e-6, 1 + 1e-6])
AT_LEAST_ONE = ([1, 10**6], [0, 1.5, "auto"])
AT_LEAST_TWO = ([2, 10**6], [1, 2.5])
TWO_OR_AUTO = ([2, 10**6, "auto"], [1, 2.5, "large", None])
SHARE_ABOVE_ZERO = ([1e-6, 1], [0, 1 + 1e-6])
BOUNDS = {
    "adversarial": AT_LEAST_ZERO,
    "aggregation_depth": AT_LEAST_ONE,
    "alignment": AT_LEAST_ZERO,
    "alpha": ABOVE_ZERO,
    "bank_momentum": ([0, 0.999], [-1e-6, 1]),
    "batch_size": TWO_OR_AUTO,
    "beta": SHARE,
    "center_momentum": SHARE,
    "code_width": AT_LEAST_ONE,
    "commitment": AT_LEAST_ZERO,
    "context_depth": AT_LEAST_ONE,
    "context_width": AT_LEAST_ONE,
    "contextual": AT_LEAST_ZERO,
    "contrast": SHARE,
    "distance": AT_LEAST_ZERO,
    "dropout": ([0, 0.9], [-1e-6, 1]),
    "context_ratio": SHARE_ABOVE_ZERO,
    "covariance": AT_LEAST_ZERO,
    "critic_weight": AT_LEAST_ZERO,
    "decay": SHARE,
    "decoder_depth": AT_LEAST_ONE,
    "decoder_width": AT_LEAST_ONE,
    "crop_ratio": SHARE_ABOVE_ZERO,
    "epsilon": ABOVE_ZERO,
    "final_momentum": SHARE,
    "gamma": ABOVE_ZERO,
    "generator_weight": AT_LEAST_ZERO,
    "incremental": ([True, False], [2, "yes", None]),
    "input_mask": ([0, 0.9], [-1e-6, 1]),
    "instance": SHARE,
    "invariance": AT_LEAST_ZERO,
    "iterations": AT_LEAST_ONE,
    "label_temperature": ABOVE_ZERO,
    "learn_temperature": ([True, False], [2, "yes"]),
    "koleo": AT_LEAST_ZERO,
    "masked_share": SHARE,
    "label_smoothing": ([0, 0.9], [-1e-6, 1]),
    "instance_sharpness": AT_LEAST_ZERO,
    "margin": AT_LEAST_ZERO,
    "max_blocks": AT_LEAST_TWO,
    "max_length": AT_LEAST_TWO,
    "max_epochs": ([0, 10**6, "auto"], [-1, 1.5, None]),
    "max_steps": ([1, 10**6, None], [0, 1.5, "auto"]),
    "max_view_cases": AT_LEAST_TWO,
    "momentum": SHARE,
    "kernel_size": AT_LEAST_ONE,
    "n_codes": AT_LEAST_TWO,
    "n_bins": ([2, 256], [1, 257, 2.5]),
    "n_blocks": AT_LEAST_ONE,
    "n_components": AT_LEAST_ONE,
    "n_copies": AT_LEAST_ONE,
    "normalise": (["none", "window", "channel"], ["all", None, 1]),
    "n_crops": ([0, 10**6], [-1, 0.5]),
    "n_folds": AT_LEAST_ONE,
    "n_horizons": AT_LEAST_ONE,
    "n_negatives": AT_LEAST_ONE,
    "n_samples": AT_LEAST_ONE,
    "negative_weight": AT_LEAST_ZERO,
    "neighborhood": AT_LEAST_ZERO,
    "overlap": ([0, 0.9], [-1e-6, 1]),
    "n_kernels": ([1, 16], [0, 17, 2.5]),
    "n_knots": AT_LEAST_TWO,
    "n_layers": AT_LEAST_ONE,
    "n_permutations": TWO_OR_AUTO,
    "n_prototypes": AT_LEAST_TWO,
    "n_segments": ([2, 7, "auto"], [1, 8, None]),
    "n_slices": AT_LEAST_ONE,
    "n_speeds": AT_LEAST_TWO,
    "n_views": AT_LEAST_TWO,
    "n_windows": AT_LEAST_TWO,
    "normality": SHARE,
    "piece_ratio": SHARE_ABOVE_ZERO,
    "perceptual": AT_LEAST_ZERO,
    "regressor_depth": AT_LEAST_ONE,
    "queue_size": TWO_OR_AUTO,
    "rebalancing": ([0, 0.99], [-1e-6, 1]),
    "redundancy": AT_LEAST_ZERO,
    "rho": AT_LEAST_ZERO,
    "rotated": ([True, False], [2, "yes"]),
    "seasonal": AT_LEAST_ZERO,
    "share": SHARE,
    "shrinkage": SHARE,
    "similar": SHARE,
    "sketch_size": AT_LEAST_TWO,
    "student_temperature": ABOVE_ZERO,
    "sub_batch": ([2, 10**6, None], [1, 2.5, "auto"]),
    "teacher_temperature": ABOVE_ZERO,
    "temperature": ABOVE_ZERO,
    "temporal": AT_LEAST_ZERO,
    "temporal_sharpness": AT_LEAST_ZERO,
    "temporal_unit": ([0, 20], [-1, 21, 0.5]),
    "variance": AT_LEAST_ZERO,
    "view_weight": AT_LEAST_ZERO,
    "verbose": ([0, 3, True], [-1, 0.5, "yes"]),
    "whitening": SHARE,
    "weight_decay": AT_LEAST_ZERO,
    "width": AT_LEAST_ONE,
    "window": ([1, 10**6, "auto"], [0, 1.5, None]),
    "window_ratio": SHARE_ABOVE_ZERO,
    "window_temperature": ABOVE_ZERO,
}
SPECIAL_BOUNDS = {
    (sklearn_ssl.SwAVTransformer, "n_prototypes"): TWO_OR_AUTO,
    (sklearn_ssl.Data2VecTransformer, "beta"): ABOVE_ZERO,
    (sklearn_ssl.TimeVAETransformer, "beta"): AT_LEAST_ZERO,
    **{(cls, "temperature"): ([0.01, 1], [0.009, 1.1]) for cls in METHODS if issubclass(cls, ContrastedTransformer)},
    **{(cls, "n_views"): AT_LEAST_ONE for cls in METHODS if issubclass(cls, ClosedFormTransformer)},
    **{
        (cls, "shrinkage"): ([1e-6, 1e6, "auto"], [0, "oas", None])
        for cls in METHODS
        if issubclass(cls, ClosedFormTransformer)
    },
}


def own_fields(cls):
    """Return the fields that a method declares beyond those of all methods, or with another default."""
    families = [one for one in reversed(cls.__mro__) if one in FAMILIES]  # the nearest one last
    common = {field.name: field for family in families for field in dataclasses.fields(family)}
    return [one for one in dataclasses.fields(cls) if common.get(one.name) is not one]


def own_pairs(keep):
    pairs = [(cls, field) for cls in METHODS for field in own_fields(cls) if keep(field)]
    return [pytest.param(cls, field, id=f"{cls.__name__}-{field.name}") for cls, field in pairs]


def another_value(field):
    """Return a valid value that is not the default."""
    if field.metadata.get("recipe") is not None:
        default = field.metadata["recipe"]()
        if isinstance(default, masking.Masking):
            return type(default)(ratio=0.6)
        return partial(default.func) if isinstance(default, partial) else type(default)()
    if isinstance(field.default, bool):
        return not field.default
    if isinstance(field.default, float):
        return 0.75 * field.default or 0.25
    return field.default + 2 if isinstance(field.default, int) else 5


def keywords(transformer):
    """Return all arguments that a method binds to its loss, its architecture and its scaling."""
    bound = [transformer._architecture()]
    bound += [getattr(transformer, name)() for name in ("_loss", "_scaling") if hasattr(transformer, name)]
    return {name: value for one in bound if isinstance(one, partial) for name, value in one.keywords.items()}


NAMES = {"math": math, "Pooling": Pooling, "MLPProjector": MLPProjector, "partial": partial}
NAMES |= {"ConvGenerator": generators.ConvGenerator, "TrendSeasonGenerator": generators.TrendSeasonGenerator}
PARTS = (augmentations, encoders, losses, masking, sklearn_ssl)
NAMES |= {name: getattr(module, name) for module in PARTS for name in module.__all__}


def documented_default(cls, name):
    """Return the default of a parameter by the docstring, for None the object that None is."""
    entry = re.search(rf"^{name} : .*default=(.*)\n((?: +.*\n?)+)", inspect.cleandoc(cls.__doc__), re.MULTILINE)
    default, text = entry.groups()
    of_none = re.search(r"None is (?:[^`.]*)``(.*?)``", " ".join(text.split()))
    return ast.literal_eval(default) if of_none is None else eval(of_none[1], NAMES)


def plain(value):
    """Return a value that equal recipes and functions have in common."""
    if isinstance(value, partial):
        return value.func, value.keywords
    return (value, {}) if inspect.isfunction(value) else repr(value)


@pytest.mark.parametrize(("cls", "field"), own_pairs(lambda field: field.name not in NOT_PASSED))
def test_parameters_arrive_and_their_documented_defaults_do(cls, field):
    name = RENAMED.get(field.name, field.name)
    assert plain(keywords(cls())[name]) == plain(documented_default(cls, field.name))
    value = another_value(field)
    arrived = keywords(cls(**{field.name: value}))[name]
    assert arrived is value or arrived == value


@pytest.mark.parametrize("cls", METHODS, ids=lambda cls: cls.__name__)
def test_default_objects_are_as_documented(cls):
    for field in dataclasses.fields(cls):
        if field.metadata.get("recipe") is not None and field.name != "training_pooling":  # None is that of features
            assert plain(field.metadata["recipe"]()) == plain(documented_default(cls, field.name))


@pytest.mark.parametrize(("cls", "field"), own_pairs(lambda field: "allowed" in field.metadata))
def test_bounds_of_parameters(cls, field):
    good, bad = SPECIAL_BOUNDS.get((cls, field.name)) or BOUNDS[field.name]
    for value in good:
        transformer = cls(**{field.name: value})
        transformer.check_hyperparameters()
        assert keywords(transformer) or field.name in BUDGET
    for value in bad:
        with pytest.raises(ValueError, match=f"{cls.__name__}: `{field.name}` must be"):
            cls(**{field.name: value}).check_hyperparameters()


@pytest.mark.parametrize(("cls", "field"), own_pairs(lambda field: field.name in OBJECTS))
def test_objects_of_another_kind_are_refused(cls, field):
    assert keywords(cls(**{field.name: another_value(field)}))
    for value in ("text", 3, Hyperparameters):
        with pytest.raises(TypeError, match=f"{cls.__name__}: `{field.name}` must be None or an object such as"):
            cls(**{field.name: value}).check_hyperparameters()


# The loss of a collapse


NOT_TOLD_BY_THE_LOSS = {
    sklearn_ssl.AutoencoderTransformer,
    sklearn_ssl.TimeVAETransformer,
    sklearn_ssl.BYOLTransformer,
    sklearn_ssl.DINOTransformer,
    sklearn_ssl.GANTransformer,
    sklearn_ssl.IBOTTransformer,
    sklearn_ssl.DistilledTokenizer,
    sklearn_ssl.LeJEPATransformer,
    sklearn_ssl.PerceptualTokenizer,
    sklearn_ssl.SSGANTransformer,
    sklearn_ssl.SimSiamTransformer,
    sklearn_ssl.DiCOTTransformer,
    sklearn_ssl.Series2VecTransformer,
    sklearn_ssl.SoftCLTTransformer,
    sklearn_ssl.TLossTransformer,
    sklearn_ssl.TNCTransformer,
    sklearn_ssl.TS2VecTransformer,
    sklearn_ssl.UticaTransformer,
    sklearn_ssl.VQTokenizer,
}


class Same(torch.nn.Module):
    """A projector whose outputs are all the same."""

    def __init__(self, width):
        super().__init__()
        self.width = width

    def forward(self, x):
        return torch.ones(len(x), self.width)


def collapsed(module):
    """Let all projections be the same, and all memories as they become then."""
    width = getattr(module, "n_projections", 0)
    same = torch.ones(1, width)
    if hasattr(module, "text_projector"):
        module.text_projector = Same(width)
    if hasattr(module, "projectors"):
        module.projectors = torch.nn.ModuleList(Same(width) for _ in module.projectors)
    module.projections = module.teacher_projections = lambda x, lengths=None: same.expand(len(x), -1)
    module.queries = module.keys = lambda h, n_read=None: same.expand(len(h), -1)
    module.seasons = lambda h: torch.ones(len(h), 3, 9)
    module.sequences = lambda x, lengths=None: torch.ones(len(x), 30)
    module.embeddings = lambda domain, x, lengths=None: (same.expand(len(x), -1),) * 2
    memories = {
        "bank": lambda bank: same.expand(len(bank), -1),
        "queue": lambda queue: same.expand(len(queue), -1),
        "covariance.covariance": lambda covariance: same.T @ same / width,
        "prototypes.weight": lambda weight: same.expand(len(weight), -1),
        "classifier.weight": torch.zeros_like,
        "classifier.bias": torch.zeros_like,
    }
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if name in memories:
                tensor.copy_(memories[name](tensor))
    return module


@pytest.mark.parametrize("cls", [cls for cls in TRAINED if not issubclass(cls, MaskedTransformer)])
@pytest.mark.parametrize("changed", [False, True], ids=["default", "changed"])
def test_loss_of_projections_that_are_all_the_same(cls, changed):
    fixed = ("batch_size", "n_codes")  # the series are too few for others
    fields = [field for field in own_fields(cls) if "allowed" in field.metadata and field.name not in fixed]
    own = {field.name: another_value(field) for field in fields} if changed else {}
    transformer = fitted(small(cls, max_epochs=0, **own), X)
    if cls in NOT_TOLD_BY_THE_LOSS:
        assert transformer.collapsed_loss_ is None
        return
    collection = collection_of(X)
    companion = transformer._companion(_target(transformer, X), collection, reset=False)
    batch = transformer.net_.series(collection, companion)[torch.arange(8)]
    outputs = collapsed(transformer.net_.module_)(batch)
    assert transformer.collapsed_loss_ == pytest.approx(float(transformer._loss()(*outputs).detach()), rel=1e-3)


# Teachers


LAST_MOMENTUM = {  # of a training that starts at 0.75
    sklearn_ssl.Data2VecTransformer: 0.999,
    sklearn_ssl.CoSTTransformer: 0.75,
    sklearn_ssl.MoCoTransformer: 0.75,
    sklearn_ssl.MoCoV2Transformer: 0.75,
    sklearn_ssl.SdAETransformer: 0.75,
    sklearn_ssl.TimeMAETransformer: 0.75,
}
WITH_TEACHER = [cls for cls in TRAINED if any(field.name == "momentum" for field in dataclasses.fields(cls))]


@pytest.mark.parametrize("cls", WITH_TEACHER, ids=lambda cls: cls.__name__)
def test_momentum_at_the_end_of_training(cls):
    module = small(cls, max_epochs=0, momentum=0.75).fit(X).net_.module_
    module.progress.fill_(1.0)
    assert float(module._momentum()) == pytest.approx(LAST_MOMENTUM.get(cls, 1.0))


def teacher_of(module):
    """Return the teacher, at its place even if it took the place of the encoder after training."""
    if hasattr(module, "exchange"):
        module.exchange()
    return module.teacher


@pytest.mark.parametrize("cls", WITH_TEACHER, ids=lambda cls: cls.__name__)
def test_nothing_but_the_momentum_moves_the_teacher(cls):
    start, still, moving = (
        teacher_of(small(cls, momentum=momentum, max_epochs=max_epochs, weight_decay=0.5).fit(X).net_.module_)
        for momentum, max_epochs in ((1.0, 0), (1.0, 1), (0.5, 1))
    )
    weights = [list(teacher.parameters()) for teacher in (start, still, moving)]
    assert all(torch.equal(old, new) for old, new in zip(weights[0], weights[1], strict=True))
    assert not any(torch.equal(old, new) for old, new in zip(weights[0], weights[2], strict=True))
