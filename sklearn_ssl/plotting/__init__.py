"""Displays in the style of scikit-learn: each keeps its data and draws them with matplotlib."""

from sklearn_ssl.plotting._critical_difference import CriticalDifferenceDisplay
from sklearn_ssl.plotting._dissection import DissectionDisplay
from sklearn_ssl.plotting._embedding import EmbeddingDisplay
from sklearn_ssl.plotting._generated import GeneratedDisplay
from sklearn_ssl.plotting._label_efficiency import LabelEfficiencyDisplay
from sklearn_ssl.plotting._occlusion import OcclusionDisplay
from sklearn_ssl.plotting._reconstruction import ReconstructionDisplay
from sklearn_ssl.plotting._robustness import RobustnessDisplay
from sklearn_ssl.plotting._spectrum import SpectrumDisplay
from sklearn_ssl.plotting._stream import StreamDisplay
from sklearn_ssl.plotting._training_curve import TrainingCurveDisplay
from sklearn_ssl.plotting._views import ViewsDisplay
from sklearn_ssl.plotting._weight_change import WeightChangeDisplay

__all__ = [
    "CriticalDifferenceDisplay",
    "DissectionDisplay",
    "EmbeddingDisplay",
    "GeneratedDisplay",
    "LabelEfficiencyDisplay",
    "OcclusionDisplay",
    "ReconstructionDisplay",
    "RobustnessDisplay",
    "SpectrumDisplay",
    "StreamDisplay",
    "TrainingCurveDisplay",
    "ViewsDisplay",
    "WeightChangeDisplay",
]
