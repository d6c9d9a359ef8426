"""Data sets: synthetic series, and readers of published recordings."""

from sklearn_ssl.datasets._ieeeppg import load_ieeeppg
from sklearn_ssl.datasets._synthetic import make_bursts, make_periodic, make_regimes, make_waves
from sklearn_ssl.datasets._ucihar import load_ucihar

__all__ = ["load_ieeeppg", "load_ucihar", "make_bursts", "make_periodic", "make_regimes", "make_waves"]
