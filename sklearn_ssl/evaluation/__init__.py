"""Measures of whether pretraining helped: probes, label-free scores, reports on collapse and robustness, dissection."""

from sklearn_ssl.evaluation._collapse import CollapseReport, EmbeddingReport, collapse_report
from sklearn_ssl.evaluation._concepts import concept_masks
from sklearn_ssl.evaluation._continual import StreamReport, sequential_order, stream_report
from sklearn_ssl.evaluation._dissection import Dissection, dissect
from sklearn_ssl.evaluation._generated import GeneratedReport, compare_generated
from sklearn_ssl.evaluation._importance import embedding_importance
from sklearn_ssl.evaluation._label_efficiency import LabelEfficiencyResult, label_efficiency
from sklearn_ssl.evaluation._occlusion import Occlusion, occlusion
from sklearn_ssl.evaluation._probes import ProbeResult, knn_probe, linear_probe, svm_probe
from sklearn_ssl.evaluation._representation import Representation
from sklearn_ssl.evaluation._retrieval import RetrievalScorer, retrieval_scorer
from sklearn_ssl.evaluation._robustness import RobustnessReport, robustness_report
from sklearn_ssl.evaluation._scorers import (
    AlignmentScorer,
    AlphaReQScorer,
    LabelFreeScorer,
    LiDARScorer,
    RankMeScorer,
    UniformityScorer,
    ViewScorer,
    alignment_scorer,
    alpha_req_scorer,
    lidar_scorer,
    rankme_scorer,
    uniformity_scorer,
)
from sklearn_ssl.evaluation._spectral_scores import alpha_req, effective_rank, lidar, rankme, spectrum
from sklearn_ssl.evaluation._spread_scores import alignment, n_dead, normalized_std, spread, uniformity
from sklearn_ssl.evaluation._weight_change import WeightChange, weight_change

__all__ = [
    "AlignmentScorer",
    "AlphaReQScorer",
    "CollapseReport",
    "Dissection",
    "EmbeddingReport",
    "GeneratedReport",
    "LabelEfficiencyResult",
    "LabelFreeScorer",
    "LiDARScorer",
    "Occlusion",
    "ProbeResult",
    "RankMeScorer",
    "Representation",
    "RetrievalScorer",
    "RobustnessReport",
    "StreamReport",
    "UniformityScorer",
    "ViewScorer",
    "WeightChange",
    "alignment",
    "alignment_scorer",
    "alpha_req",
    "alpha_req_scorer",
    "collapse_report",
    "compare_generated",
    "concept_masks",
    "dissect",
    "effective_rank",
    "embedding_importance",
    "knn_probe",
    "label_efficiency",
    "lidar",
    "lidar_scorer",
    "linear_probe",
    "n_dead",
    "normalized_std",
    "occlusion",
    "rankme",
    "rankme_scorer",
    "retrieval_scorer",
    "robustness_report",
    "sequential_order",
    "spectrum",
    "spread",
    "stream_report",
    "svm_probe",
    "uniformity",
    "uniformity_scorer",
    "weight_change",
]
