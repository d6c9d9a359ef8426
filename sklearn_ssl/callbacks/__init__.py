"""Callbacks around training: schedule, guards, checkpoints, progress and scores. They work with every method."""

from sklearn_ssl._engine.checkpoint import EpochCheckpoint
from sklearn_ssl._engine.critic import CriticMonitor
from sklearn_ssl._engine.guards import CollapseMonitor, DivergenceGuard
from sklearn_ssl._engine.history import BoundedHistory, PretextAccuracy
from sklearn_ssl._engine.progress import TaskReporter
from sklearn_ssl._engine.schedule import WarmupCosine
from sklearn_ssl.callbacks._online_probe import OnlineProbe
from sklearn_ssl.callbacks._score_monitor import ScoreMonitor

__all__ = [
    "BoundedHistory",
    "CollapseMonitor",
    "CriticMonitor",
    "DivergenceGuard",
    "EpochCheckpoint",
    "OnlineProbe",
    "PretextAccuracy",
    "ScoreMonitor",
    "TaskReporter",
    "WarmupCosine",
]
