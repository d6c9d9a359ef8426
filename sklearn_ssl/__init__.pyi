"""The public names and where they are, for type checkers and for `__init__`, which imports them at their first use."""

from sklearn_ssl._version import __version__ as __version__
from sklearn_ssl.fine_tuning import (
    RobustSSLClassifier,
    S4LClassifier,
    SSLClassifier,
    SSLRegressor,
    TestTimeClassifier,
    ZeroShotClassifier,
)
from sklearn_ssl.imputation import MaskedImputer
from sklearn_ssl.methods.closed_form.closed_form_vicreg import ClosedFormVICRegTransformer
from sklearn_ssl.methods.closed_form.wccn import WCCNTransformer
from sklearn_ssl.methods.context.colorization import ColorizationTransformer
from sklearn_ssl.methods.context.jigsaw import JigsawTransformer
from sklearn_ssl.methods.context.rotation import RotationTransformer
from sklearn_ssl.methods.generative.autoencoder import AutoencoderTransformer
from sklearn_ssl.methods.generative.gan import GANTransformer
from sklearn_ssl.methods.generative.generated_views import GeneratedViewsTransformer
from sklearn_ssl.methods.generative.ss_gan import SSGANTransformer
from sklearn_ssl.methods.generative.time_vae import TimeVAETransformer
from sklearn_ssl.methods.joint_embedding.barlow_twins import BarlowTwinsTransformer
from sklearn_ssl.methods.joint_embedding.byol import BYOLTransformer
from sklearn_ssl.methods.joint_embedding.contrastive_emp_ssl import ContrastiveEMPSSLTransformer
from sklearn_ssl.methods.joint_embedding.dino import DINOTransformer
from sklearn_ssl.methods.joint_embedding.emp_ssl import EMPSSLTransformer
from sklearn_ssl.methods.joint_embedding.exemplar import ExemplarTransformer
from sklearn_ssl.methods.joint_embedding.inst_disc import InstDiscTransformer
from sklearn_ssl.methods.joint_embedding.lejepa import LeJEPATransformer
from sklearn_ssl.methods.joint_embedding.moco import MoCoTransformer
from sklearn_ssl.methods.joint_embedding.moco_v2 import MoCoV2Transformer
from sklearn_ssl.methods.joint_embedding.moco_v3 import MoCoV3Transformer
from sklearn_ssl.methods.joint_embedding.multi_view import MultiViewTransformer
from sklearn_ssl.methods.joint_embedding.simclr import SimCLRTransformer
from sklearn_ssl.methods.joint_embedding.simper import SimPerTransformer
from sklearn_ssl.methods.joint_embedding.simsiam import SimSiamTransformer
from sklearn_ssl.methods.joint_embedding.swav import SwAVTransformer
from sklearn_ssl.methods.joint_embedding.tico import TiCoTransformer
from sklearn_ssl.methods.joint_embedding.timemcl import TimeMCLTransformer
from sklearn_ssl.methods.joint_embedding.vicreg import VICRegTransformer
from sklearn_ssl.methods.joint_embedding.vicreg_tico import VICRegTiCoTransformer
from sklearn_ssl.methods.joint_embedding.wmse import WMSETransformer
from sklearn_ssl.methods.masked.beit import BEiTTransformer
from sklearn_ssl.methods.masked.beit_v2 import BEiTV2Transformer
from sklearn_ssl.methods.masked.cae import CAETransformer
from sklearn_ssl.methods.masked.context_encoder import ContextEncoderTransformer
from sklearn_ssl.methods.masked.data2vec import Data2VecTransformer
from sklearn_ssl.methods.masked.distilled_tokenizer import DistilledTokenizer
from sklearn_ssl.methods.masked.ibot import IBOTTransformer
from sklearn_ssl.methods.masked.ijepa import IJEPATransformer
from sklearn_ssl.methods.masked.mae import MAETransformer
from sklearn_ssl.methods.masked.mimco import MimCoTransformer
from sklearn_ssl.methods.masked.omni_mae import OmniMAETransformer
from sklearn_ssl.methods.masked.peco import PeCoTransformer
from sklearn_ssl.methods.masked.perceptual_tokenizer import PerceptualTokenizer
from sklearn_ssl.methods.masked.sdae import SdAETransformer
from sklearn_ssl.methods.masked.simmim import SimMIMTransformer
from sklearn_ssl.methods.masked.simmtm import SimMTMTransformer
from sklearn_ssl.methods.masked.time_mae import TimeMAETransformer
from sklearn_ssl.methods.masked.tst import TSTTransformer
from sklearn_ssl.methods.masked.utica import UticaTransformer
from sklearn_ssl.methods.masked.video_mae import VideoMAETransformer
from sklearn_ssl.methods.masked.vq_tokenizer import VQTokenizer
from sklearn_ssl.methods.multi_modal.clip import CLIPTransformer
from sklearn_ssl.methods.multi_modal.cmc import CMCTransformer
from sklearn_ssl.methods.random_encoder import RandomEncoderTransformer
from sklearn_ssl.methods.series_native.cost import CoSTTransformer
from sklearn_ssl.methods.series_native.cpc import CPCTransformer
from sklearn_ssl.methods.series_native.di_cot import DiCOTTransformer
from sklearn_ssl.methods.series_native.series2vec import Series2VecTransformer
from sklearn_ssl.methods.series_native.soft_clt import SoftCLTTransformer
from sklearn_ssl.methods.series_native.t_loss import TLossTransformer
from sklearn_ssl.methods.series_native.tf_c import TFCTransformer
from sklearn_ssl.methods.series_native.tnc import TNCTransformer
from sklearn_ssl.methods.series_native.ts2vec import TS2VecTransformer
from sklearn_ssl.methods.series_native.ts_tcc import TSTCCTransformer
from sklearn_ssl.replay import ReplayTransformer

__all__ = [
    "AutoencoderTransformer",
    "BEiTTransformer",
    "BEiTV2Transformer",
    "BYOLTransformer",
    "BarlowTwinsTransformer",
    "CAETransformer",
    "CLIPTransformer",
    "CMCTransformer",
    "CPCTransformer",
    "ClosedFormVICRegTransformer",
    "CoSTTransformer",
    "ColorizationTransformer",
    "ContextEncoderTransformer",
    "ContrastiveEMPSSLTransformer",
    "DINOTransformer",
    "Data2VecTransformer",
    "DiCOTTransformer",
    "DistilledTokenizer",
    "EMPSSLTransformer",
    "ExemplarTransformer",
    "GANTransformer",
    "GeneratedViewsTransformer",
    "IBOTTransformer",
    "IJEPATransformer",
    "InstDiscTransformer",
    "JigsawTransformer",
    "LeJEPATransformer",
    "MAETransformer",
    "MaskedImputer",
    "MimCoTransformer",
    "MoCoTransformer",
    "MoCoV2Transformer",
    "MoCoV3Transformer",
    "MultiViewTransformer",
    "OmniMAETransformer",
    "PeCoTransformer",
    "PerceptualTokenizer",
    "RandomEncoderTransformer",
    "ReplayTransformer",
    "RobustSSLClassifier",
    "RotationTransformer",
    "S4LClassifier",
    "SSGANTransformer",
    "SSLClassifier",
    "SSLRegressor",
    "SdAETransformer",
    "Series2VecTransformer",
    "SimCLRTransformer",
    "SimMIMTransformer",
    "SimMTMTransformer",
    "SimPerTransformer",
    "SimSiamTransformer",
    "SoftCLTTransformer",
    "SwAVTransformer",
    "TFCTransformer",
    "TLossTransformer",
    "TNCTransformer",
    "TS2VecTransformer",
    "TSTCCTransformer",
    "TSTTransformer",
    "TestTimeClassifier",
    "TiCoTransformer",
    "TimeMAETransformer",
    "TimeMCLTransformer",
    "TimeVAETransformer",
    "UticaTransformer",
    "VICRegTiCoTransformer",
    "VICRegTransformer",
    "VQTokenizer",
    "VideoMAETransformer",
    "WCCNTransformer",
    "WMSETransformer",
    "ZeroShotClassifier",
]
