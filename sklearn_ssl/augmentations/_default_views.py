"""The augmentations that methods use if none is given, from the slightest to the strongest."""

from sklearn_ssl.augmentations._amplitude import Jitter, LevelShift, MagnitudeWarp, Scaling
from sklearn_ssl.augmentations._composition import Compose, RandomApply
from sklearn_ssl.augmentations._time import CropResize, Permutation, TimeReversal, TimeWarp


def periodic_views() -> Compose:
    """Return changes that leave all frequencies as they are."""
    return Compose(reversal=TimeReversal(), scaling=Scaling(), jitter=Jitter())


def slight_views() -> Compose:
    """Return changes that the features of an untrained encoder can learn to ignore."""
    return Compose(
        crop=CropResize(min_ratio=0.8),
        time_warp=TimeWarp(sigma=0.1),
        magnitude_warp=MagnitudeWarp(strength=0.1),
        jitter=Jitter(sigma=0.05),
    )


def mild_views() -> Compose:
    """Return changes that suit methods that compare views."""
    return Compose(crop=CropResize(min_ratio=0.8), warp=MagnitudeWarp(), scaling=Scaling(), jitter=Jitter(sigma=0.05))


def strong_views() -> Compose:
    """Return the same changes as `mild_views`, but stronger."""
    return Compose(
        crop=CropResize(min_ratio=0.6), warp=MagnitudeWarp(), scaling=Scaling(sigma=0.2), jitter=Jitter(sigma=0.1)
    )


def scaled_views() -> Compose:
    """Return changes that leave all events where they are."""
    return Compose(scaling=Scaling(), jitter=Jitter())


def permuted_views() -> Compose:
    """Return changes that put parts of a series into another order."""
    return Compose(permutation=Permutation(n_segments=5), jitter=Jitter(sigma=0.2))


def shifted_views() -> Compose:
    """Return changes of size and level, and noise, each for half of the series."""
    return Compose(
        scaling=RandomApply(Scaling(sigma=0.5)),
        shift=RandomApply(LevelShift(sigma=0.5)),
        jitter=RandomApply(Jitter(sigma=0.5)),
    )
