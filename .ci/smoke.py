"""Use the installed package from outside of its checkout: python smoke.py WHEEL."""

import importlib.metadata
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklearn_ssl
from sklearn_ssl import SSLClassifier, VICRegTransformer, WCCNTransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import ResNetEncoder, RocketEncoder
from sklearn_ssl.persistence import load_encoder, save_encoder
from sklearn_ssl.preprocessing import ChannelWise

checkout = Path(__file__).resolve().parents[1]
assert checkout not in Path(sklearn_ssl.__file__).resolve().parents, sklearn_ssl.__file__
assert importlib.metadata.version("sklearn-ssl") == sklearn_ssl.__version__

names = zipfile.ZipFile(sys.argv[1]).namelist()
folders = {name.split("/")[0] for name in names}
assert folders == {"sklearn_ssl", f"sklearn_ssl-{sklearn_ssl.__version__}.dist-info"}, folders
assert "sklearn_ssl/py.typed" in names, "the wheel has no types"
assert not [name for name in names if Path(name).name.startswith(("test_", "plot_"))]

X, y = make_waves(n_cases=40, n_timepoints=40, random_state=0)
encoder = ResNetEncoder(depth=1, width=4)
vicreg = VICRegTransformer(encoder=encoder, max_steps=3, random_state=0)
pipeline = make_pipeline(ChannelWise(StandardScaler()), vicreg, RidgeClassifierCV())
assert pipeline.fit(X, y).predict(X).shape == (40,)

wccn = WCCNTransformer(encoder=RocketEncoder(n_features=500), random_state=0)
classifier = SSLClassifier(wccn, mode="probe", random_state=0)
assert classifier.fit(X, np.where(np.arange(40) < 20, y, -1)).predict_proba(X).shape == (40, 4)

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "encoder.safetensors"
    save_encoder(vicreg.fit(X), path)
    assert (load_encoder(path).transform(X) == vicreg.transform(X)).all()
print(f"sklearn_ssl {sklearn_ssl.__version__} works from {Path(sklearn_ssl.__file__).parent}.")
