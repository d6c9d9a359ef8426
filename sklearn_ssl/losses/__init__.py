"""Losses: pure functions of tensors."""

from sklearn_ssl.losses._barlow_twins import barlow_twins_loss
from sklearn_ssl.losses._ntxent import ntxent_loss
from sklearn_ssl.losses._vicreg import (
    vicreg_covariance_loss,
    vicreg_invariance_loss,
    vicreg_loss,
    vicreg_variance_loss,
)

__all__ = [
    "barlow_twins_loss",
    "ntxent_loss",
    "vicreg_covariance_loss",
    "vicreg_invariance_loss",
    "vicreg_loss",
    "vicreg_variance_loss",
]
