"""Small architectures for 20 series of two channels and 32 time steps, batches of six, and what watches an encoder."""

import torch

from sklearn_ssl.architectures import (
    AdversarialArchitecture,
    AggregatedCodeArchitecture,
    AttentiveContextArchitecture,
    AutoencoderArchitecture,
    Batch,
    BootstrapArchitecture,
    BottleneckArchitecture,
    CentredTeacherArchitecture,
    ChannelAutoencoder,
    ClosedFormArchitecture,
    CodeArchitecture,
    CodebookArchitecture,
    ContextArchitecture,
    ContrastedTeacherArchitecture,
    CovarianceArchitecture,
    CroppedArchitecture,
    DecodedArchitecture,
    DistanceArchitecture,
    DistilledTokenizerArchitecture,
    DividedArchitecture,
    FineTunedArchitecture,
    FoldedTeacherArchitecture,
    GroupedArchitecture,
    HeadedArchitecture,
    HiddenChannelArchitecture,
    InstanceBankArchitecture,
    JigsawArchitecture,
    LatentPredictionArchitecture,
    MaskedArchitecture,
    MaskedTeacherArchitecture,
    MixingArchitecture,
    MomentumCovarianceArchitecture,
    NeighbourArchitecture,
    NestedPieceArchitecture,
    PairedArchitecture,
    PerceptualTokenizerArchitecture,
    PeriodicArchitecture,
    PredictorArchitecture,
    PrototypeArchitecture,
    QueueArchitecture,
    RegressedArchitecture,
    RobustArchitecture,
    SeasonTrendArchitecture,
    SemiSupervisedArchitecture,
    SeriesMixingArchitecture,
    SiameseArchitecture,
    SlicedArchitecture,
    SoftCroppedArchitecture,
    TaughtArchitecture,
    TeacherTargetArchitecture,
    TimeFrequencyArchitecture,
    TokenizerArchitecture,
    TransformationArchitecture,
    TransformedAdversarialArchitecture,
    TwoDomainArchitecture,
    ViewmakerArchitecture,
    WindowArchitecture,
    WindowSequenceArchitecture,
)
from sklearn_ssl.augmentations import Augmentation, Compose, NumberedTransformations, SpeedChange
from sklearn_ssl.base import number
from sklearn_ssl.encoders import ChannelTransformerEncoder, ResNetEncoder, TransformerEncoder
from sklearn_ssl.generators import ConvGenerator
from sklearn_ssl.losses import ntxent_loss, semi_supervised_loss, weighted_cross_entropy
from sklearn_ssl.masking import RandomMasking
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.projectors import MLPProjector

N_CASES, N_CHANNELS, N_STEPS, WIDTH = 20, 2, 32, 8
LENGTHS = torch.tensor([32, 7, 20, 1, 2, 31])
ROWS = torch.tensor([3, 19, 0, 7, 12, 5])


def supervised(*outputs):
    return weighted_cross_entropy(*outputs[:3])


def both_losses(*outputs):
    return semi_supervised_loss(*outputs, supervised=weighted_cross_entropy, self_supervised=ntxent_loss)


def first_directions(directions, n_series):
    return directions.weights


HEAD = {"n_outputs": 3}
CROPS = {"n_prototypes": 5, "n_crops": 3, "crop_ratio": 0.5}
TOKENS = {"encoder": TransformerEncoder(depth=1, width=4, n_heads=1, window=4, dropout=0.0), "window": "auto"}
OWN = {
    DecodedArchitecture: {"decoder_depth": 1, "decoder_width": 4},
    ContextArchitecture: {"kernel_size": 3},
    ChannelAutoencoder: {"encoder": ChannelTransformerEncoder(depth=1, width=4, n_heads=1, window=4)},
    SeriesMixingArchitecture: {"n_copies": 2, "projector": MLPProjector(width=WIDTH), "temperature": 0.2},
    TeacherTargetArchitecture: {"n_layers": 2},
    FoldedTeacherArchitecture: {"n_folds": 2},
    LatentPredictionArchitecture: {"n_blocks": 3, "context_ratio": 0.85},
    MaskedArchitecture: {**TOKENS, "masking": RandomMasking()},
    CodebookArchitecture: {**TOKENS, "n_codes": 5, "code_width": 3, "decay": 0.75},
    BottleneckArchitecture: {"width": 3, "generator": ConvGenerator(width=4)},
    AdversarialArchitecture: {"generator": ConvGenerator(width=4), "n_noise": 3, "augmentation": Compose()},
    TransformedAdversarialArchitecture: {"transformations": NumberedTransformations()},
    AutoencoderArchitecture: {"augmentation": Compose()},
    CroppedArchitecture: {"temporal_unit": 4, "max_length": 100, "input_mask": 0.5},  # 32 steps in both crops
    SoftCroppedArchitecture: {"similar": 0.5, "instance_sharpness": 2.0},
    NestedPieceArchitecture: {"n_negatives": 3},
    WindowSequenceArchitecture: {"window": 8, "n_horizons": 3, "context_width": 6},  # t can only be 1
    AttentiveContextArchitecture: {
        "weak": Compose(),
        "strong": Compose(),
        "projector": MLPProjector(width=WIDTH),
        "context_depth": 1,
        "n_horizons": 3,
    },
    NeighbourArchitecture: {
        "window_ratio": 0.25,
        "neighborhood": 1.0,
        "distance": 1.5,
        "n_samples": 3,
        "dropout": 0.5,
    },
    TwoDomainArchitecture: {"projector": MLPProjector(width=WIDTH)},
    TimeFrequencyArchitecture: {"augmentation": Compose(), "share": 0.5},
    DistanceArchitecture: {"gamma": 0.1, "max_length": 16},
    DividedArchitecture: {"max_blocks": 2, "overlap": 0.5},
    SiameseArchitecture: {"augmentation": Compose(), "projector": MLPProjector(width=WIDTH)},
    PairedArchitecture: {"text_projector": MLPProjector(width=6), "n_text_features": 5},
    GroupedArchitecture: {"channel_groups": None},
    PredictorArchitecture: {"predictor": MLPProjector(width=6)},
    TaughtArchitecture: {"momentum": 0.9},
    BootstrapArchitecture: {"predictor": MLPProjector(width=6)},
    QueueArchitecture: {"queue_size": 10},
    SeasonTrendArchitecture: {
        "augmentation": Compose(),
        "projector": MLPProjector(width=WIDTH),
        "width": 3,
        "n_kernels": 3,
        "dropout": 0.0,
        "max_length": 40,
        "queue_size": 10,
    },
    PrototypeArchitecture: CROPS,
    CentredTeacherArchitecture: {**CROPS, "center_momentum": 0.75},
    MaskedTeacherArchitecture: {
        "masked_share": 0.8,
        "projector": MLPProjector(width=WIDTH, norm="layer"),
        "training_pooling": Pooling(statistics="mean", layers="last"),
        "window": 4,
    },
    CovarianceArchitecture: {"beta": 0.8},
    MomentumCovarianceArchitecture: {"beta": 0.8},
    TransformationArchitecture: {
        "augmentation": Compose(),
        "projector": MLPProjector(width=WIDTH),
        "transformations": NumberedTransformations(kinds=("time", "channels")),
    },
    JigsawArchitecture: {
        "augmentation": Compose(),
        "projector": MLPProjector(width=WIDTH),
        "n_segments": 3,
        "n_permutations": 5,
        "piece_ratio": 0.85,
    },
    HiddenChannelArchitecture: {"augmentation": Compose(), "n_bins": 7, "rebalancing": 0.5},
    InstanceBankArchitecture: {"bank_momentum": 0.5},
    MixingArchitecture: {"alpha": 0.5},
    SlicedArchitecture: {"n_slices": 9, "n_views": 3},
    ViewmakerArchitecture: {"epsilon": 0.1, "view_weight": 1.0},
    WindowArchitecture: {"n_views": 4, "window_ratio": 0.5},
    PeriodicArchitecture: {"augmentation": Compose(), "n_speeds": 4, "speed_change": SpeedChange()},
    ClosedFormArchitecture: {
        "augmentation": Compose(),
        "n_views": 3,
        "n_components": 5,
        "shrinkage": 0.5,
        "sketch_size": 1024,
        "scaling": first_directions,
    },
    FineTunedArchitecture: {**HEAD, "augmentation": Compose()},
    SemiSupervisedArchitecture: {**HEAD, "augmentation": Compose(), "n_labelled": 2},
    RobustArchitecture: {"radius": 0.1, "n_attack_steps": 1, "loss": both_losses},
}


def built(cls, **parameters):
    """Build a small architecture; parameters of the parents are those of `OWN`, and the given ones go first."""
    own = [OWN[parent] for parent in reversed(cls.__mro__) if parent in OWN]
    settings = {"n_channels": N_CHANNELS, "n_timepoints": N_STEPS, "n_cases": N_CASES}
    if issubclass(cls, HeadedArchitecture):
        views = {name: parameters.pop(name) for name in ("encoder", "projector") if name in parameters}
        settings["start"] = built(SiameseArchitecture, **views, **parameters.pop("of_start", {}))
    else:
        settings |= {"encoder": ResNetEncoder(depth=1, width=4), "pooling": None}
    for one in [*own, parameters]:
        settings |= one
    return cls(**settings)


OWN[ContrastedTeacherArchitecture] = {"teacher": built(SiameseArchitecture)}
OWN[AggregatedCodeArchitecture] = {
    "encoder": TransformerEncoder(depth=2, width=4, n_heads=1, window=4, dropout=0.0),
    "aggregation_depth": 1,
}
OWN[CodeArchitecture] = {"tokenizer": built(TokenizerArchitecture)}
OWN[RegressedArchitecture] = {**OWN[CodeArchitecture], "regressor_depth": 1, "decoder_depth": 1}
OWN[DistilledTokenizerArchitecture] = OWN[PerceptualTokenizerArchitecture] = {"teacher": built(SiameseArchitecture)}


def whole_batch(x, lengths=None):
    """Return a batch of series with their rows in the training set, and labels and weights for each."""
    target = torch.arange(len(x)) % 3
    text = torch.eye(5)[target]
    companion = {"target": target, "weight": torch.ones(len(x)), "text": text, "group": target}
    return Batch(x, lengths, ROWS[: len(x)], companion)


class Marking(Augmentation):
    """Lift every series to a level of its own, from `level` thousand to below the next thousand.

    Parameters
    ----------
    level : int, default=1
        The thousand.
    """

    level: int = number(default=1, least=0, integer=True)

    def draw(self, x, lengths):
        return {"lift": 1000 * self.level + 100 + 800 * torch.rand(len(x), device=x.device)}

    def apply(self, x, lengths, draws):
        return x + draws["lift"][:, None, None]


class Watching(torch.nn.Module):
    """An encoder that keeps the series of every pass."""

    def __init__(self, n_channels):
        super().__init__()
        self.conv = torch.nn.Conv1d(n_channels, 4, 3, padding=1)
        self.seen = []

    def forward(self, x):
        self.seen.append(x.detach())
        return self.conv(x) / 1000


def level_of(series):
    """Return the level to which marked series were lifted, 0 for series as they are."""
    low, high = int(series.min() // 1000), int(series.max() // 1000)
    assert max(low, 0) == high or series.abs().max() < 100, "one part of the series is marked, another is not"
    return max(high, 0)
