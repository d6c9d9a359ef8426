"""Data sets: synthetic series, readers of published recordings, and series that stay on disk."""

from sklearn_ssl._input.on_disk import OnDisk
from sklearn_ssl.datasets._features import write_features
from sklearn_ssl.datasets._ieeeppg import load_ieeeppg
from sklearn_ssl.datasets._synthetic import make_bursts, make_periodic, make_regimes, make_waves
from sklearn_ssl.datasets._ucihar import load_ucihar

__all__ = [
    "OnDisk",
    "load_ieeeppg",
    "load_ucihar",
    "make_bursts",
    "make_periodic",
    "make_regimes",
    "make_waves",
    "write_features",
]
