"""What several test files build on."""

import contextlib

import numpy as np
import torch

from sklearn_ssl import SimCLRTransformer
from sklearn_ssl.testing import _target, small_encoder_for, small_stages_of


def small(cls=SimCLRTransformer, **parameters):
    """Return an estimator whose fit takes milliseconds; parameters that it does not have are left out."""
    cheap = {
        "encoder": small_encoder_for(cls),
        "batch_size": 8,
        "device": "cpu",
        "max_epochs": 3,
        "n_codes": 8,
        "random_state": 0,
        **small_stages_of(cls),
    }
    known = cls().get_params(deep=False)
    return cls(**{name: value for name, value in cheap.items() if name in known} | parameters)


def fitted(transformer, X):
    """Fit a transformer, with a number for each series if it needs a target."""
    return transformer.fit(X, _target(transformer, X))


@contextlib.contextmanager
def untouched_generators():
    """Run a block after which the global generators of NumPy and PyTorch must be as before."""
    numpy_state, torch_state = np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    yield
    now = np.random.get_state()  # noqa: NPY002
    assert all(np.array_equal(*pair) for pair in zip(now, numpy_state, strict=True)), "NumPy's generator was used"
    assert torch.equal(torch.get_rng_state(), torch_state), "PyTorch's generator was used"


@contextlib.contextmanager
def untouched(transformer):
    """Run a block after which a fitted transformer and the global generators must be as before."""
    net = transformer.net_
    weights = {name: value.clone() for name, value in net.module_.state_dict().items()}
    modes = [module.training for module in net.module_.modules()]
    attributes, history, stream = dict(vars(transformer)), list(net.history), net.random_states_["cpu"].clone()
    with untouched_generators():
        yield
    assert vars(transformer) == attributes
    assert list(net.history) == history
    assert torch.equal(net.random_states_["cpu"], stream)
    assert [module.training for module in net.module_.modules()] == modes
    assert all(torch.equal(value, weights[name]) for name, value in net.module_.state_dict().items())
