"""Augmentations: recipes of random changes, which make the views of a batch of series."""

from sklearn_ssl.augmentations._amplitude import (
    Jitter,
    LevelShift,
    MagnitudeWarp,
    RandomNoise,
    RandomSmoothing,
    Rotation,
    Scaling,
    SignFlip,
)
from sklearn_ssl.augmentations._base import Augmentation
from sklearn_ssl.augmentations._composition import Compose, OneOf, RandomApply
from sklearn_ssl.augmentations._frequency import FrequencyMask, FrequencyPerturbation
from sklearn_ssl.augmentations._generated import GeneratedViews
from sklearn_ssl.augmentations._masking import Blockout, ChannelDropout, ChannelReversal
from sklearn_ssl.augmentations._mixing import Mixup
from sklearn_ssl.augmentations._numbered import NumberedTransformations
from sklearn_ssl.augmentations._time import (
    CropResize,
    Permutation,
    RandomCrop,
    SpeedChange,
    TimeReversal,
    TimeShift,
    TimeStretch,
    TimeWarp,
    WindowWarp,
)

__all__ = [
    "Augmentation",
    "Blockout",
    "ChannelDropout",
    "ChannelReversal",
    "Compose",
    "CropResize",
    "FrequencyMask",
    "FrequencyPerturbation",
    "GeneratedViews",
    "Jitter",
    "LevelShift",
    "MagnitudeWarp",
    "Mixup",
    "NumberedTransformations",
    "OneOf",
    "Permutation",
    "RandomApply",
    "RandomCrop",
    "RandomNoise",
    "RandomSmoothing",
    "Rotation",
    "Scaling",
    "SignFlip",
    "SpeedChange",
    "TimeReversal",
    "TimeShift",
    "TimeStretch",
    "TimeWarp",
    "WindowWarp",
]
