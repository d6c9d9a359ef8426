"""Every method on a GPU that this machine does not have: fit, transform, pickle, and what the host waits for."""

import pickle
import pickletools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from pretended_device import OnDevice, _loaded, pretended_gpu, waits
from skorch.exceptions import DeviceWarning

from sklearn_ssl import RandomEncoderTransformer, SimCLRTransformer
from sklearn_ssl._engine.device import _of_process, resolved_device, resolved_precision
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._processes.team import _backend, team_of_block
from sklearn_ssl.base import EmbeddingTransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import RocketEncoder
from sklearn_ssl.fine_tuning import EncoderPredictor
from sklearn_ssl.testing import _target, all_estimators, cheap_instance

X, _ = make_waves(n_cases=32, n_timepoints=32, random_state=0)
for row, series in enumerate(X):
    series[:, 32 - row * 5 % 13 :] = np.nan
COMPUTE = [cls for _, cls in all_estimators() if issubclass(cls, (EmbeddingTransformer, EncoderPredictor))]

# What a step waits for in addition to its loss, which the history and the guard against divergence read.
FURTHER_WAITS = {
    # the shortest series of a batch, if some are padded, or the longest piece: both are sizes of tensors
    **dict.fromkeys(("CPC", "CoST", "SoftCLT", "TNC", "TS2Vec", "TSTCC"), 1),
    "DiCOT": 2,
    "TLoss": 3,
    # whether all series have a place in the memory: an index that is too large would end the process
    **dict.fromkeys(("Exemplar", "InstDisc"), 1),
}


@pytest.fixture
def of_step(monkeypatch):
    """Return what the host waits for between the third and the fourth step of the last net that is trained."""
    found, original = {}, SSLNet.on_batch_begin

    def begins(net, *args, training=False, **kwargs):
        original(net, *args, training=training, **kwargs)
        if training and net.steps_ == 2:
            waits.clear()
        if training and net.steps_ == 3:
            found.clear()
            found.update(waits)

    monkeypatch.setattr(SSLNet, "on_batch_begin", begins)
    return found


def on_gpu(cls):
    one = cheap_instance(cls).set_params(batch_size=8)
    trained = one.transformer if issubclass(cls, EncoderPredictor) else one
    for name in getattr(cls, "_stages", ()):
        getattr(one, name).set_params(device="auto")
    trained.set_params(device="auto")
    return one


def outputs_of(one):
    name = next(name for name in ("transform", "decision_function", "predict") if hasattr(one, name))
    return getattr(one, name)(X)


def tensors_of(one):
    return [value for name, value in one.net_.module_.state_dict().items() if "_extra_state" not in name]


def crosses_to_the_cpu(one, monkeypatch, **gpu):
    """Fit on the GPU, and check that the CPU computes the same with what was pickled."""
    with pretended_gpu(monkeypatch, **gpu):
        one.fit(X, _target(one, X))
        assert all(isinstance(value, OnDevice) for value in tensors_of(one))
        outputs, bytes_of = outputs_of(one), pickle.dumps(one)
    monkeypatch.undo()
    outside = [value for _, value, _ in pickletools.genops(bytes_of) if value in ("OnDevice", _loaded.__name__)]
    assert not outside, "a tensor of the GPU is not among those that the net moves when it is unpickled"
    with pytest.warns(DeviceWarning):
        loaded = pickle.loads(bytes_of)
    assert all(value.device.type == "cpu" for value in tensors_of(loaded))
    assert_allclose(outputs_of(loaded), outputs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cls", COMPUTE, ids=lambda cls: cls.__name__)
def test_a_fit_stays_on_the_gpu_and_waits_for_its_losses(cls, of_step, monkeypatch):
    crosses_to_the_cpu(on_gpu(cls), monkeypatch)
    expected = 1 + FURTHER_WAITS.get(cls.__name__.removesuffix("Transformer"), 0)
    assert not of_step or sum(of_step.values()) == expected, of_step


def test_random_kernels_on_the_gpu(monkeypatch):
    kernels = RocketEncoder(n_features=84 * 8, poolings=("ppv", "mpv", "mipv", "lspv"), differences=True, n_groups=2)
    crosses_to_the_cpu(on_gpu(RandomEncoderTransformer).set_params(encoder=kernels), monkeypatch)


def test_series_that_do_not_fit_on_the_gpu(of_step, monkeypatch):
    crosses_to_the_cpu(on_gpu(SimCLRTransformer), monkeypatch, free=0)
    assert of_step == {"_local_scalar_dense": 1}


@pytest.mark.parametrize(("rank", "n_gpus", "expected"), [(0, 4, 0), (3, 4, 3), (5, 4, 1)])
def test_each_process_has_a_gpu_of_its_own(rank, n_gpus, expected, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", str(rank))
    with pretended_gpu(monkeypatch), team_of_block(SimpleNamespace()):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: n_gpus)
        assert resolved_device("auto") == torch.device("cuda", expected)
        assert _backend() == "cpu:gloo,cuda:nccl"
        with pytest.raises(ValueError, match='`device` must be "auto", "cpu" or "cuda" if `distributed` is True'):
            _of_process(torch.device("mps"))


def test_bf16_where_the_gpu_has_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    assert resolved_precision("auto", torch.device("cuda")) == "bf16"
