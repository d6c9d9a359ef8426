"""Prediction with pretrained encoders: many series, few labels."""

from sklearn_ssl.fine_tuning._base import FineTuned
from sklearn_ssl.fine_tuning._classifier import SSLClassifier as SSLClassifier
from sklearn_ssl.fine_tuning._labels import is_labelled
from sklearn_ssl.fine_tuning._regressor import SSLRegressor as SSLRegressor
from sklearn_ssl.fine_tuning._selection import LabelledScorer, LabelledSplit

__all__ = ["FineTuned", "LabelledScorer", "LabelledSplit", "is_labelled"]
