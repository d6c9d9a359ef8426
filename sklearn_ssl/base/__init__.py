"""The abstract families of methods, and what declares their hyper-parameters."""

from sklearn_ssl._parameters.hyperparameters import (
    Hyperparameters,
    choice,
    function,
    names,
    number,
    recipe,
    whole_numbers,
)
from sklearn_ssl.base.adversarial import AdversarialTransformer
from sklearn_ssl.base.closed_form import ClosedFormTransformer
from sklearn_ssl.base.contrasted import ContrastedTransformer
from sklearn_ssl.base.embedding import EmbeddingTransformer
from sklearn_ssl.base.generative import BottleneckTransformer, GenerativeMixin, ViewMakingMixin
from sklearn_ssl.base.grouped import GroupedTransformer
from sklearn_ssl.base.joint_embedding import JointEmbeddingTransformer
from sklearn_ssl.base.masked import MaskedTransformer, ReconstructingTransformer
from sklearn_ssl.base.paired import PairedTransformer
from sklearn_ssl.base.pretext import HiddenChannelTransformer, PretextAccuracyMixin, PretextTransformer
from sklearn_ssl.base.staged import StagedTransformer
from sklearn_ssl.base.tokenizer import TaughtTokenizer, TokenizedTransformer, Tokenizer
from sklearn_ssl.base.trained import SSLTransformer

__all__ = [
    "AdversarialTransformer",
    "BottleneckTransformer",
    "ClosedFormTransformer",
    "ContrastedTransformer",
    "EmbeddingTransformer",
    "GenerativeMixin",
    "GroupedTransformer",
    "HiddenChannelTransformer",
    "Hyperparameters",
    "JointEmbeddingTransformer",
    "MaskedTransformer",
    "PairedTransformer",
    "PretextAccuracyMixin",
    "PretextTransformer",
    "ReconstructingTransformer",
    "SSLTransformer",
    "StagedTransformer",
    "TaughtTokenizer",
    "TokenizedTransformer",
    "Tokenizer",
    "ViewMakingMixin",
    "choice",
    "function",
    "names",
    "number",
    "recipe",
    "whole_numbers",
]
