"""What a user may write, and what a type checker must find. ``mypy --strict`` passes where it finds all of the latter.

Each wrong line has the error that it must have in its comment; an error that is not found is an error itself.
"""

import numpy as np

from sklearn_ssl import MAETransformer, SSLClassifier, VICRegTransformer, WCCNTransformer
from sklearn_ssl.augmentations import Compose, CropResize, Jitter
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ChannelIndependentEncoder, ResNetEncoder
from sklearn_ssl.evaluation import label_efficiency, linear_probe
from sklearn_ssl.losses import vicreg_loss
from sklearn_ssl.masking import RandomMasking
from sklearn_ssl.persistence import load_encoder, save_encoder
from sklearn_ssl.preprocessing import ChannelWise, FillMissing

X, y = make_waves(n_cases=20, random_state=0)
encoder = ResNetEncoder(depth=1, width=8)
vicreg = VICRegTransformer(encoder=encoder, covariance=2.0, max_steps=5, random_state=0).fit(X)
features: np.ndarray = vicreg.transform(X)
print(vicreg.n_iter_, vicreg.net_.history, ChannelIndependentEncoder(encoder), ChannelWise(None))
views = Compose(crop=CropResize(min_ratio=0.5), jitter=Jitter(sigma=0.1))
masked = MAETransformer(masking=RandomMasking(ratio=0.5), max_epochs="auto")
classifier = SSLClassifier(WCCNTransformer(n_components=10), mode="probe", unlabelled=None).fit(X, y)
print(linear_probe(vicreg, X, y).score, label_efficiency(vicreg, X, y, n_draws=2).scores)
save_encoder(vicreg, "encoder.safetensors")
print(load_encoder("encoder.safetensors", device="cpu").transform(X))

VICRegTransformer(covarience=2.0)  # type: ignore[call-arg]
VICRegTransformer(max_steps="many")  # type: ignore[arg-type]
VICRegTransformer(encoder)  # type: ignore[call-arg]
SSLClassifier(mode=3)  # type: ignore[arg-type]
WCCNTransformer(n_component=3)  # type: ignore[call-arg]
Jitter(sigma="large")  # type: ignore[arg-type]
ResNetEncoder(depths=3)  # type: ignore[call-arg]
FillMissing(methods="linear")  # type: ignore[call-arg]
ChannelWise(scaler=None)  # type: ignore[call-arg]
make_waves(n_case=3)  # type: ignore[call-arg]
linear_probe(vicreg, X, y, n_fold=3)  # type: ignore[call-arg]
load_encoder("encoder.safetensors", divice="cpu")  # type: ignore[call-arg]
vicreg_loss(features, features, variances=1.0)  # type: ignore[call-arg, arg-type]
