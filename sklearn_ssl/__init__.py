"""Self-supervised learning for time series as scikit-learn estimators."""

from sklearn_ssl.fine_tuning import RobustSSLClassifier, S4LClassifier, SSLClassifier, SSLRegressor
from sklearn_ssl.methods.barlow_twins import BarlowTwinsTransformer
from sklearn_ssl.methods.byol import BYOLTransformer
from sklearn_ssl.methods.closed_form_vicreg import ClosedFormVICRegTransformer
from sklearn_ssl.methods.contrastive_emp_ssl import ContrastiveEMPSSLTransformer
from sklearn_ssl.methods.dino import DINOTransformer
from sklearn_ssl.methods.emp_ssl import EMPSSLTransformer
from sklearn_ssl.methods.exemplar import ExemplarTransformer
from sklearn_ssl.methods.inst_disc import InstDiscTransformer
from sklearn_ssl.methods.lejepa import LeJEPATransformer
from sklearn_ssl.methods.moco import MoCoTransformer
from sklearn_ssl.methods.moco_v2 import MoCoV2Transformer
from sklearn_ssl.methods.moco_v3 import MoCoV3Transformer
from sklearn_ssl.methods.multi_view import MultiViewTransformer
from sklearn_ssl.methods.random_encoder import RandomEncoderTransformer
from sklearn_ssl.methods.simclr import SimCLRTransformer
from sklearn_ssl.methods.simper import SimPerTransformer
from sklearn_ssl.methods.simsiam import SimSiamTransformer
from sklearn_ssl.methods.swav import SwAVTransformer
from sklearn_ssl.methods.tico import TiCoTransformer
from sklearn_ssl.methods.timemcl import TimeMCLTransformer
from sklearn_ssl.methods.vicreg import VICRegTransformer
from sklearn_ssl.methods.vicreg_tico import VICRegTiCoTransformer
from sklearn_ssl.methods.wccn import WCCNTransformer
from sklearn_ssl.methods.wmse import WMSETransformer

__version__ = "0.1.0"

__all__ = [
    "BYOLTransformer",
    "BarlowTwinsTransformer",
    "ClosedFormVICRegTransformer",
    "ContrastiveEMPSSLTransformer",
    "DINOTransformer",
    "EMPSSLTransformer",
    "ExemplarTransformer",
    "InstDiscTransformer",
    "LeJEPATransformer",
    "MoCoTransformer",
    "MoCoV2Transformer",
    "MoCoV3Transformer",
    "MultiViewTransformer",
    "RandomEncoderTransformer",
    "RobustSSLClassifier",
    "S4LClassifier",
    "SSLClassifier",
    "SSLRegressor",
    "SimCLRTransformer",
    "SimPerTransformer",
    "SimSiamTransformer",
    "SwAVTransformer",
    "TiCoTransformer",
    "TimeMCLTransformer",
    "VICRegTiCoTransformer",
    "VICRegTransformer",
    "WCCNTransformer",
    "WMSETransformer",
]
