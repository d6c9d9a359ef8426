"""Encoders and predictors on disk: files that run no code when they are loaded, and ONNX."""

from sklearn_ssl.persistence._file import load_encoder, save_encoder
from sklearn_ssl.persistence._onnx import export_onnx
from sklearn_ssl.persistence._predictor_file import load_predictor, save_predictor
from sklearn_ssl.persistence._pretrained import LearntPooling, PretrainedTransformer
from sklearn_ssl.persistence._pretrained_predictors import PretrainedClassifier, PretrainedRegressor

__all__ = [
    "LearntPooling",
    "PretrainedClassifier",
    "PretrainedRegressor",
    "PretrainedTransformer",
    "export_onnx",
    "load_encoder",
    "load_predictor",
    "save_encoder",
    "save_predictor",
]
