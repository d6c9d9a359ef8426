"""Losses: pure functions of tensors that compute in float32 at least."""

from sklearn_ssl.losses._adversarial import context_loss, gan_loss, ssgan_loss
from sklearn_ssl.losses._barlow_twins import barlow_twins_loss
from sklearn_ssl.losses._cae import cae_loss
from sklearn_ssl.losses._clip import clip_loss
from sklearn_ssl.losses._cmc import cmc_loss
from sklearn_ssl.losses._codes import beit_v2_loss, vq_distillation_loss, vq_loss, vq_perceptual_loss
from sklearn_ssl.losses._cost import cost_loss
from sklearn_ssl.losses._cpc import cpc_loss, tstcc_loss
from sklearn_ssl.losses._dicot import dicot_loss
from sklearn_ssl.losses._distillation import byol_loss, dino_loss, simsiam_loss
from sklearn_ssl.losses._ibot import ibot_loss, koleo_loss, utica_loss
from sklearn_ssl.losses._instance import exemplar_loss, instance_discrimination_loss
from sklearn_ssl.losses._lejepa import lejepa_loss, sigreg_loss
from sklearn_ssl.losses._mimco import mimco_loss
from sklearn_ssl.losses._mixing import timemcl_loss
from sklearn_ssl.losses._momentum import mocov3_loss, queue_contrastive_loss
from sklearn_ssl.losses._multi_view import multi_view_loss
from sklearn_ssl.losses._ntxent import ntxent_loss
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._pretext import colorization_loss, pretext_loss
from sklearn_ssl.losses._reconstruction import (
    masked_cosine_loss,
    masked_cross_entropy_loss,
    masked_l1_loss,
    masked_mse_loss,
    masked_smooth_l1_loss,
)
from sklearn_ssl.losses._series2vec import series2vec_loss
from sklearn_ssl.losses._simmtm import simmtm_loss
from sklearn_ssl.losses._simper import periodic_similarity, simper_loss
from sklearn_ssl.losses._softclt import softclt_loss
from sklearn_ssl.losses._supervised import semi_supervised_loss, weighted_cross_entropy, weighted_squared_error
from sklearn_ssl.losses._swav import sinkhorn, swav_loss
from sklearn_ssl.losses._tfc import tfc_loss
from sklearn_ssl.losses._tico import tico_loss, updated_covariance, vicreg_tico_loss
from sklearn_ssl.losses._tloss import tloss_loss
from sklearn_ssl.losses._tnc import tnc_loss
from sklearn_ssl.losses._total_coding_rate import contrastive_emp_ssl_loss, emp_ssl_loss, total_coding_rate
from sklearn_ssl.losses._ts2vec import ts2vec_loss
from sklearn_ssl.losses._variational import vae_loss
from sklearn_ssl.losses._vicreg import vicreg_covariance_loss, vicreg_invariance_loss, vicreg_loss, vicreg_variance_loss
from sklearn_ssl.losses._whitening import whiten, wmse_loss

__all__ = [
    "barlow_twins_loss",
    "beit_v2_loss",
    "byol_loss",
    "cae_loss",
    "clip_loss",
    "cmc_loss",
    "colorization_loss",
    "context_loss",
    "contrastive_emp_ssl_loss",
    "cost_loss",
    "cpc_loss",
    "dicot_loss",
    "dino_loss",
    "emp_ssl_loss",
    "exemplar_loss",
    "gan_loss",
    "ibot_loss",
    "in_full_precision",
    "instance_discrimination_loss",
    "koleo_loss",
    "lejepa_loss",
    "masked_cosine_loss",
    "masked_cross_entropy_loss",
    "masked_l1_loss",
    "masked_mse_loss",
    "masked_smooth_l1_loss",
    "mimco_loss",
    "mocov3_loss",
    "multi_view_loss",
    "ntxent_loss",
    "periodic_similarity",
    "pretext_loss",
    "queue_contrastive_loss",
    "semi_supervised_loss",
    "series2vec_loss",
    "sigreg_loss",
    "simmtm_loss",
    "simper_loss",
    "simsiam_loss",
    "sinkhorn",
    "softclt_loss",
    "ssgan_loss",
    "swav_loss",
    "tfc_loss",
    "tico_loss",
    "timemcl_loss",
    "tloss_loss",
    "tnc_loss",
    "total_coding_rate",
    "ts2vec_loss",
    "tstcc_loss",
    "updated_covariance",
    "utica_loss",
    "vae_loss",
    "vicreg_covariance_loss",
    "vicreg_invariance_loss",
    "vicreg_loss",
    "vicreg_tico_loss",
    "vicreg_variance_loss",
    "vq_distillation_loss",
    "vq_loss",
    "vq_perceptual_loss",
    "weighted_cross_entropy",
    "weighted_squared_error",
    "whiten",
    "wmse_loss",
]
