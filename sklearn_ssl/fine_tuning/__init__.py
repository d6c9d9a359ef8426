"""Prediction with encoders that learn from all series: many series, few labels."""

from sklearn_ssl.fine_tuning._base import EncoderPredictor
from sklearn_ssl.fine_tuning._classifier import EncoderClassifier
from sklearn_ssl.fine_tuning._classifier import SSLClassifier as SSLClassifier
from sklearn_ssl.fine_tuning._fine_tuned import FineTuned
from sklearn_ssl.fine_tuning._joint import JointClassifier
from sklearn_ssl.fine_tuning._joint import RobustSSLClassifier as RobustSSLClassifier
from sklearn_ssl.fine_tuning._joint import S4LClassifier as S4LClassifier
from sklearn_ssl.fine_tuning._regressor import SSLRegressor as SSLRegressor
from sklearn_ssl.fine_tuning._selection import LabelledScorer, LabelledSplit
from sklearn_ssl.fine_tuning._targets import is_labelled
from sklearn_ssl.fine_tuning._test_time import TestTimeClassifier as TestTimeClassifier
from sklearn_ssl.fine_tuning._zero_shot import ZeroShotClassifier as ZeroShotClassifier

__all__ = [
    "EncoderClassifier",
    "EncoderPredictor",
    "FineTuned",
    "JointClassifier",
    "LabelledScorer",
    "LabelledSplit",
    "is_labelled",
]
