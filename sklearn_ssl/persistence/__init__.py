"""Encoders on disk: files that run no code when they are loaded, and ONNX."""

from sklearn_ssl.persistence._file import load_encoder, save_encoder
from sklearn_ssl.persistence._onnx import export_onnx
from sklearn_ssl.persistence._pretrained import LearntPooling, PretrainedTransformer

__all__ = ["LearntPooling", "PretrainedTransformer", "export_onnx", "load_encoder", "save_encoder"]
