"""Transformers of series, for the steps of a Pipeline that come before pretraining."""

from sklearn_ssl.preprocessing._as_collection import as_collection, as_labels
from sklearn_ssl.preprocessing._cases import as_cases
from sklearn_ssl.preprocessing._channel_wise import ChannelWise
from sklearn_ssl.preprocessing._decompose import Decompose
from sklearn_ssl.preprocessing._detectors import IQRDetector, ZScoreDetector
from sklearn_ssl.preprocessing._drop_correlated import DropCorrelated
from sklearn_ssl.preprocessing._missing import FillMissing
from sklearn_ssl.preprocessing._outlier_filtered import OutlierFiltered
from sklearn_ssl.preprocessing._outliers import ClipOutliers
from sklearn_ssl.preprocessing._reader import AsCollection
from sklearn_ssl.preprocessing._resample import Resample
from sklearn_ssl.preprocessing._series_wise import SeriesWise
from sklearn_ssl.preprocessing._smooth import Smooth
from sklearn_ssl.preprocessing._windows import aggregate_windows, window_recordings

__all__ = [
    "AsCollection",
    "ChannelWise",
    "ClipOutliers",
    "Decompose",
    "DropCorrelated",
    "FillMissing",
    "IQRDetector",
    "OutlierFiltered",
    "Resample",
    "SeriesWise",
    "Smooth",
    "ZScoreDetector",
    "aggregate_windows",
    "as_cases",
    "as_collection",
    "as_labels",
    "window_recordings",
]
