import numpy as np

from sklearn_ssl import RandomEncoderTransformer
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.persistence import load_encoder, save_encoder


def test_what_was_loaded_does_not_follow_the_file(tmp_path):
    X = np.random.default_rng(0).normal(size=(4, 1, 20))
    transformer = RandomEncoderTransformer(encoder=ResNetEncoder(depth=1, width=4), device="cpu", random_state=0).fit(X)
    path = tmp_path / "encoder.safetensors"
    save_encoder(transformer, path)
    loaded = load_encoder(path, device="cpu")
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
    np.testing.assert_array_equal(loaded.transform(X), transformer.transform(X))
