"""What happens around training: schedule, guards, checkpoints, progress, scores. None of it knows a method."""

from sklearn_ssl.callbacks._checkpoint import EpochCheckpoint
from sklearn_ssl.callbacks._guards import CollapseMonitor, DivergenceGuard
from sklearn_ssl.callbacks._monitors import OnlineProbe, ScoreMonitor
from sklearn_ssl.callbacks._progress import TaskReporter
from sklearn_ssl.callbacks._schedule import WarmupCosine

__all__ = [
    "CollapseMonitor",
    "DivergenceGuard",
    "EpochCheckpoint",
    "OnlineProbe",
    "ScoreMonitor",
    "TaskReporter",
    "WarmupCosine",
]
