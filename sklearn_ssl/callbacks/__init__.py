"""What happens around training: schedule, guards, checkpoints, progress, scores. None of it knows a method."""

from sklearn_ssl._engine.checkpoint import EpochCheckpoint
from sklearn_ssl._engine.guards import CollapseMonitor, DivergenceGuard
from sklearn_ssl._engine.history import BoundedHistory
from sklearn_ssl._engine.progress import TaskReporter
from sklearn_ssl._engine.schedule import WarmupCosine
from sklearn_ssl.callbacks._monitors import OnlineProbe, ScoreMonitor

__all__ = [
    "BoundedHistory",
    "CollapseMonitor",
    "DivergenceGuard",
    "EpochCheckpoint",
    "OnlineProbe",
    "ScoreMonitor",
    "TaskReporter",
    "WarmupCosine",
]
