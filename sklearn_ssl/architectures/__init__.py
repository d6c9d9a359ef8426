"""Modules that turn a batch of series into the tensors that a loss compares; all training state lives here."""

from sklearn_ssl.architectures._adversarial import AdversarialArchitecture, TransformedAdversarialArchitecture
from sklearn_ssl.architectures._autoencoder import (
    AutoencoderArchitecture,
    BottleneckArchitecture,
    VariationalArchitecture,
)
from sklearn_ssl.architectures._averaged import AveragedArchitecture
from sklearn_ssl.architectures._base import Architecture, maps
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._channel_masked import ChannelAutoencoder, TubeArchitecture
from sklearn_ssl.architectures._closed_form import ClosedFormArchitecture
from sklearn_ssl.architectures._codes import AggregatedCodeArchitecture, CodeArchitecture
from sklearn_ssl.architectures._context import AdversarialContextArchitecture, ContextArchitecture
from sklearn_ssl.architectures._covariance import CovarianceArchitecture, MomentumCovarianceArchitecture
from sklearn_ssl.architectures._crops import CroppedArchitecture
from sklearn_ssl.architectures._distances import DistanceArchitecture
from sklearn_ssl.architectures._divided import DividedArchitecture
from sklearn_ssl.architectures._fine_tuned import FineTunedArchitecture
from sklearn_ssl.architectures._frequencies import TimeFrequencyArchitecture, TwoDomainArchitecture
from sklearn_ssl.architectures._grouped import GroupedArchitecture
from sklearn_ssl.architectures._headed import HeadedArchitecture
from sklearn_ssl.architectures._hidden_channel import HiddenChannelArchitecture
from sklearn_ssl.architectures._instances import InstanceBankArchitecture, InstanceClassifierArchitecture
from sklearn_ssl.architectures._jigsaw import JigsawArchitecture
from sklearn_ssl.architectures._latent import LatentPredictionArchitecture
from sklearn_ssl.architectures._later_windows import (
    AttentiveContextArchitecture,
    RecurrentContextArchitecture,
    WindowSequenceArchitecture,
)
from sklearn_ssl.architectures._masked import (
    DecodedArchitecture,
    FilledArchitecture,
    MaskedArchitecture,
    MaskedAutoencoder,
    ReplacedArchitecture,
    VisibleArchitecture,
    WindowTargetArchitecture,
)
from sklearn_ssl.architectures._masked_teacher import MaskedTeacherArchitecture, SpreadTeacherArchitecture
from sklearn_ssl.architectures._means import MeanArchitecture
from sklearn_ssl.architectures._mixing import MixingArchitecture
from sklearn_ssl.architectures._momentum import BootstrapArchitecture, MomentumArchitecture, TaughtArchitecture
from sklearn_ssl.architectures._neighbours import NeighbourArchitecture
from sklearn_ssl.architectures._nested_pieces import NestedPieceArchitecture
from sklearn_ssl.architectures._paired import PairedArchitecture
from sklearn_ssl.architectures._periodic import PeriodicArchitecture
from sklearn_ssl.architectures._predictor import PredictorArchitecture
from sklearn_ssl.architectures._pretext import PretextArchitecture, TransformationArchitecture
from sklearn_ssl.architectures._protocol import TrainableModule
from sklearn_ssl.architectures._prototypes import CentredTeacherArchitecture, PrototypeArchitecture
from sklearn_ssl.architectures._queue import QueueArchitecture
from sklearn_ssl.architectures._regressed import RegressedArchitecture, TaughtRegressedArchitecture
from sklearn_ssl.architectures._season_trend import SeasonTrendArchitecture
from sklearn_ssl.architectures._semi_supervised import RobustArchitecture, SemiSupervisedArchitecture
from sklearn_ssl.architectures._series_mixing import SeriesMixingArchitecture
from sklearn_ssl.architectures._siamese import SiameseArchitecture
from sklearn_ssl.architectures._slices import SlicedArchitecture
from sklearn_ssl.architectures._soft_crops import SoftCroppedArchitecture
from sklearn_ssl.architectures._teacher_targets import (
    ContrastedTeacherArchitecture,
    FoldedTeacherArchitecture,
    TeacherTargetArchitecture,
)
from sklearn_ssl.architectures._tokenizers import (
    CodebookArchitecture,
    DistilledTokenizerArchitecture,
    PerceptualTokenizerArchitecture,
    TokenizerArchitecture,
)
from sklearn_ssl.architectures._viewmaker import ViewmakerArchitecture
from sklearn_ssl.architectures._windows import WindowArchitecture

__all__ = [
    "AdversarialArchitecture",
    "AdversarialContextArchitecture",
    "AggregatedCodeArchitecture",
    "Architecture",
    "AttentiveContextArchitecture",
    "AutoencoderArchitecture",
    "AveragedArchitecture",
    "Batch",
    "BootstrapArchitecture",
    "BottleneckArchitecture",
    "CentredTeacherArchitecture",
    "ChannelAutoencoder",
    "ClosedFormArchitecture",
    "CodeArchitecture",
    "CodebookArchitecture",
    "ContextArchitecture",
    "ContrastedTeacherArchitecture",
    "CovarianceArchitecture",
    "CroppedArchitecture",
    "DecodedArchitecture",
    "DistanceArchitecture",
    "DistilledTokenizerArchitecture",
    "DividedArchitecture",
    "FilledArchitecture",
    "FineTunedArchitecture",
    "FoldedTeacherArchitecture",
    "GroupedArchitecture",
    "HeadedArchitecture",
    "HiddenChannelArchitecture",
    "InstanceBankArchitecture",
    "InstanceClassifierArchitecture",
    "JigsawArchitecture",
    "LatentPredictionArchitecture",
    "MaskedArchitecture",
    "MaskedAutoencoder",
    "MaskedTeacherArchitecture",
    "MeanArchitecture",
    "MixingArchitecture",
    "MomentumArchitecture",
    "MomentumCovarianceArchitecture",
    "NeighbourArchitecture",
    "NestedPieceArchitecture",
    "PairedArchitecture",
    "PerceptualTokenizerArchitecture",
    "PeriodicArchitecture",
    "PredictorArchitecture",
    "PretextArchitecture",
    "PrototypeArchitecture",
    "QueueArchitecture",
    "RecurrentContextArchitecture",
    "RegressedArchitecture",
    "ReplacedArchitecture",
    "RobustArchitecture",
    "SeasonTrendArchitecture",
    "SemiSupervisedArchitecture",
    "SeriesMixingArchitecture",
    "SiameseArchitecture",
    "SlicedArchitecture",
    "SoftCroppedArchitecture",
    "SpreadTeacherArchitecture",
    "TaughtArchitecture",
    "TaughtRegressedArchitecture",
    "TeacherTargetArchitecture",
    "TimeFrequencyArchitecture",
    "TokenizerArchitecture",
    "TrainableModule",
    "TransformationArchitecture",
    "TransformedAdversarialArchitecture",
    "TubeArchitecture",
    "TwoDomainArchitecture",
    "VariationalArchitecture",
    "ViewmakerArchitecture",
    "VisibleArchitecture",
    "WindowArchitecture",
    "WindowSequenceArchitecture",
    "WindowTargetArchitecture",
    "maps",
]
