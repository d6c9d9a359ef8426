"""Accuracy of two classifiers against the severity of six disturbances."""

import torch
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline

from sklearn_ssl import RandomEncoderTransformer, SSLClassifier
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.evaluation import robustness_report
from sklearn_ssl.plotting import RobustnessDisplay

torch.set_num_threads(1)
X, y = make_waves(n_cases=160, n_classes=2, random_state=0)
transformer = RandomEncoderTransformer(encoder=ResNetEncoder(depth=1, width=8), random_state=0)
network = SSLClassifier(transformer, mode="probe", random_state=0).fit(X[:80], y[:80])
ridge = make_pipeline(transformer, RidgeClassifierCV()).fit(X[:80], y[:80])
RobustnessDisplay.from_reports(
    {"network": robustness_report(network, X[80:], y[80:]), "ridge": robustness_report(ridge, X[80:], y[80:])}
)
