"""Views of a series, and features of four classes."""

import matplotlib.pyplot as plt
import torch

from sklearn_ssl import VICRegTransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.plotting import EmbeddingDisplay, ViewsDisplay

torch.set_num_threads(1)
X, y = make_waves(n_cases=120, n_channels=1, random_state=0)
vicreg = VICRegTransformer(max_steps=40, random_state=0).fit(X)
ViewsDisplay.from_estimator(vicreg, X, random_state=0)
figure, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
EmbeddingDisplay.from_estimator(vicreg, X, y, ax=ax)
