"""What each process of `test_processes.py` runs: every method, several encoders and failures. Not a test by itself.

The arguments are the folder for results, a pickle of a dictionary for each process, and two free ports.
"""

import multiprocessing
import os
import pickle
import signal
import sys
import traceback
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import torch
from sklearn.base import is_regressor
from sklearn.utils import get_tags
from skorch.callbacks import Callback
from torch import nn
from torch.nn import functional as F

import sklearn_ssl
from sklearn_ssl._processes.rows import over_rows, shared_step
from sklearn_ssl._processes.team import current_team, joined_team
from sklearn_ssl.base import SSLTransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.encoders import (
    ChannelIndependentEncoder,
    GroupedEncoder,
    GRUEncoder,
    InceptionEncoder,
    RocketEncoder,
    TCNEncoder,
    TransformerEncoder,
)
from sklearn_ssl.fine_tuning import EncoderPredictor
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.projectors import MLPProjector
from sklearn_ssl.replay import ReplayTransformer
from sklearn_ssl.testing import all_estimators, cheap_instance

sys.path.insert(0, str(Path(__file__).parents[1] / "docs" / "snippets"))
from align_uniform import AlignUniformTransformer
from denoising import DenoisingTransformer
from predicting import PredictingTransformer

X, Y = make_waves(n_cases=32, n_timepoints=32, random_state=0)
PADDED = X.copy()
for row, series in enumerate(PADDED):
    series[:, 32 - row * 5 % 13 :] = np.nan
DATA = {"equal": X, "padded": PADDED}
MILD = {  # where rounding is amplified most: a small loss of large logits, and the inverse of a covariance
    "MoCoTransformer": {"temperature": 1.0},
    "WMSETransformer": {"projector": MLPProjector(width=3)},
}


class FirstStep(Callback):
    """Keeps the loss and the gradients of the first step."""

    def on_train_begin(self, net, **kwargs):
        self.loss = None

    def on_grad_computed(self, net, named_parameters, **kwargs):
        if self.loss is None:
            self.gradients = {name: one.grad.clone() for name, one in named_parameters if one.grad is not None}

    def on_batch_end(self, net, **kwargs):
        if self.loss is None:
            self.loss = net.history[-1]["batches"][-1]["train_loss"]


class Foreign(nn.Module):
    """An encoder of a user, with batch normalisation, dropout and, if wanted, statistics of its own."""

    def __init__(self, n_channels, mixes=False):
        super().__init__()
        self.conv = nn.Conv2d(n_channels, 6, (1, 3), padding="same")
        self.norm, self.last = nn.BatchNorm2d(6), nn.BatchNorm1d(6, momentum=None, affine=False)
        self.mixes = mixes

    def forward(self, x):
        h = F.dropout(F.relu(self.norm(self.conv(x[:, :, None]))), 0.2, self.training)[:, :, 0]
        return self.last(h) - h.mean(0) if self.mixes else self.last(h)


ENCODERS = {
    "inception": InceptionEncoder(depth=1, width=4),
    "attention and dropout": TransformerEncoder(depth=1, width=8, n_heads=2, window=4, dropout=0.3),
    "latent mask and dropout": TCNEncoder(depth=1, width=8, n_features=8, dropout=0.3, latent_mask=0.3),
    "recurrent and dropout": GRUEncoder(depth=2, width=4, dropout=0.3),
    "channels apart": ChannelIndependentEncoder(TransformerEncoder(depth=1, width=8, n_heads=2, window=4, dropout=0.3)),
    "groups": GroupedEncoder(InceptionEncoder(depth=1, width=4), attended=True),
    "perceptron": RocketEncoder(hidden=4),
    "foreign": Foreign,
}


def sgd(cls, **params):
    """Return a small transformer that is trained by stochastic gradient descent, four steps."""
    pooling = {"pooling": Pooling(statistics="mean")} if "pooling" in cls().get_params(deep=False) else {}
    net_params = {"optimizer": torch.optim.SGD, "callbacks": [("first", FirstStep())]}
    own = {"max_epochs": 1, "batch_size": 8, "lr": 1e-4, "net_params": net_params, **pooling, **params}
    return cheap_instance(cls).set_params(**own)


def method(cls, **params):
    return sgd(cls, **MILD.get(cls.__name__, {}), **params)


def predictor(cls):
    """Return a small predictor, or stream, and its transformer."""
    return cheap_instance(cls).set_params(transformer=sgd(sklearn_ssl.SimCLRTransformer))


def target(one, data):
    if not get_tags(one).target_tags.required:
        return None
    texts = isinstance(one, SSLTransformer)
    return [f"class {label}" for label in Y] if texts else Y.astype(float) if is_regressor(one) else Y


def methods():
    named = [cls for _, cls in all_estimators() if issubclass(cls, SSLTransformer)]
    return [*named, AlignUniformTransformer, DenoisingTransformer, PredictingTransformer]


def cases():
    """Return what is fitted: names and functions that return an unfitted estimator and series."""
    found = {}
    for cls in methods():
        found |= {f"{cls.__name__} {kind}": (partial(method, cls), kind) for kind in DATA}
    for name, encoder in ENCODERS.items():
        own = partial(sgd, sklearn_ssl.SimCLRTransformer, encoder=encoder)
        found |= {f"encoder: {name} {kind}": (own, kind) for kind in DATA if kind == "equal" or encoder is not Foreign}
    for _, cls in all_estimators():
        if issubclass(cls, (EncoderPredictor, ReplayTransformer)) and cls is not sklearn_ssl.TestTimeClassifier:
            found[f"{cls.__name__} equal"] = (partial(predictor, cls), "equal")
    return found


def chosen_cases(size):
    """Return the cases of a number of processes: equal lengths by two, unequal ones by three, which share unevenly."""
    kind = {2: "equal", 3: "padded"}[size]
    both = ("SimCLR", "GANT", "MAET", "DINOT", "TS2Vec", "S4L", "encoder")
    return {name: case for name, case in cases().items() if case[1] == kind or name.startswith(both)}


def fitted(make, kind, *, distributed):
    one = make()
    replays = isinstance(one, ReplayTransformer)
    (one.transformer if replays else one).set_params(distributed=distributed)
    return one.fit(DATA[kind], target(one, DATA[kind]))


def what_was_learnt(one, kind):
    """Return the first loss, the first gradients, and features or predictions."""
    name = next(name for name in ("transform", "decision_function", "predict") if hasattr(one, name))
    first = dict(one.net_.callbacks_).get("first")
    loss = one.net_.history[0]["batches"][0]["train_loss"]
    return loss, {} if first is None else first.gradients, getattr(one, name)(DATA[kind])


def state_of(one):
    module = one.net_.module_.state_dict()
    return [*(value.numpy().tobytes() for value in module.values()), one.net_.random_states_["cpu"].numpy().tobytes()]


def compared(found, expected):
    """Return the relative differences of losses, gradients and features."""
    (loss, gradients, h), (loss1, gradients1, h1) = found, expected
    assert gradients.keys() == gradients1.keys()
    largest = max((one.abs().max() for one in gradients1.values()), default=1)
    of_gradients = max(((one - gradients[name]).abs().max() / largest for name, one in gradients1.items()), default=0)
    of_loss = abs(loss - loss1) / max(abs(loss1), 0.5)  # means of cosines can be near 0
    return of_loss, float(of_gradients), float(np.abs(h - h1).max() / np.abs(h1).max())


def run_cases(rank, size):
    """Fit everything together, and a part of it alone to compare."""
    found, results = {}, {}
    chosen = chosen_cases(size)
    for name, (make, kind) in chosen.items():
        one = fitted(make, kind, distributed=True)
        found[name] = what_was_learnt(one, kind)
        results[name] = {"state": state_of(one)}
    for name, (make, kind) in list(chosen.items())[rank::size]:
        alone = what_was_learnt(fitted(make, kind, distributed=False), kind)
        results[name]["differences"] = compared(found[name], alone)
    return results


def error_of(function, *args):
    """Return the message of the error that a function raises."""
    try:
        function(*args)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


class Does(Callback):
    """Does something after the second step in one process."""

    def __init__(self, action, rank=1):
        self.action, self.rank = action, rank

    def on_batch_end(self, net, **kwargs):
        if net.history[-1]["batches"] and net.steps_ == 2 and current_team().rank == self.rank:
            self.action()


class Stops(Callback):
    """Stops after the first epoch in one process, as skorch's callbacks do."""

    def on_epoch_end(self, net, **kwargs):
        if current_team().rank == 1:
            raise KeyboardInterrupt


class Fails(Callback):
    """Fails in process 1 after the second epoch, once."""

    has_failed = False

    def on_epoch_begin(self, net, **kwargs):
        if net.epochs_ == 2 and not Fails.has_failed:
            Fails.has_failed = True
            if current_team().rank == 1:
                fail()


def fail():
    raise OSError("the disk is full")


def interrupt():
    signal.raise_signal(signal.SIGINT)


def simclr(**params):
    own = {"distributed": True, "max_epochs": 2, "batch_size": 8, "random_state": 0, "device": "cpu"}
    return cheap_instance(sklearn_ssl.SimCLRTransformer).set_params(**{**own, **params})


def second_gradients(critic, x):
    """Return the gradients of scores and of the penalty of their slopes, as R1 has it."""
    x = x.clone().requires_grad_(True)
    scores = over_rows(critic, x)
    (slopes,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    (scores.mean() + slopes.flatten(1).square().sum(1).mean()).backward()
    gradients = [one.grad for one in critic.parameters()]
    for one in critic.parameters():
        one.grad = None
    return [x.grad, slopes.detach(), *gradients]


def second_derivatives():
    """Return the largest differences of second derivatives through gathered rows from those of one process."""
    torch.manual_seed(0)
    critic = nn.Sequential(
        nn.Conv1d(3, 5, 3, bias=False), nn.BatchNorm1d(5), nn.Tanh(), nn.Flatten(), nn.Linear(110, 1)
    )
    x = torch.randn(7, 3, 24)
    expected = second_gradients(critic, x)
    with joined_team() as team:
        with shared_step(team):
            found = second_gradients(critic, x)
        means = [*found[:2], *(team.summed(one) / team.size for one in found[2:])]
    return [float((one - other).abs().max() / other.abs().max()) for one, other in zip(means, expected, strict=True)]


def failures(rank, folder):
    """Return what happens when processes differ or fail."""
    other = X if rank == 0 else X + 1
    callbacks = {name: {"callbacks": [one]} for name, one in {
        "fails": Does(fail), "interrupted": Does(interrupt), "stops": Stops(),
    }.items()}  # fmt: skip
    stopped = simclr(net_params=callbacks["stops"]).fit(X)
    interrupted = simclr(net_params=callbacks["interrupted"])
    messages = {
        "other series": error_of(simclr().fit, other),
        "other parameters": error_of(simclr(lr=0.1 + rank, temperature=0.2 + rank).fit, X),
        "NaN in one": error_of(simclr().fit, X if rank == 0 else X * np.nan),
        "large world": error_of(simclr(batch_size=2).fit, X[:4]),
        "a process fails": error_of(simclr(net_params=callbacks["fails"]).fit, X),
        "interrupted": error_of(interrupted.fit, X),
        "foreign mixes": error_of(simclr(encoder=partial(Foreign, mixes=True)).fit, X),
    }
    kept = simclr().fit(X)
    before = kept.transform(X)
    error_of(kept.fit, other)
    store = Path(folder) / f"checkpoints of {os.environ['WORLD_SIZE']}"
    three = partial(simclr, max_epochs=3, checkpoint=store)
    killed = three(net_params={"callbacks": [Fails()]})
    failed = error_of(killed.fit, X)
    files = len(list(store.iterdir()))
    resumed = killed.fit(X)
    return {
        "messages": messages,
        "steps": interrupted.net_.steps_,
        "epochs": stopped.n_iter_,
        "kept": np.array_equal(kept.transform(X), before),
        "second derivatives": second_derivatives(),
        "no seed": state_of(simclr(random_state=None).fit(X)),
        "partial_fit": state_of(simclr().partial_fit(X).partial_fit(X)),
        "checkpoint": [failed.partition("OSError")[2], files, state_of(resumed), len(list(store.iterdir()))],
        "three epochs": state_of(simclr(max_epochs=3).fit(X)),
        "pickle": pickle.dumps(simclr().fit(X)),
    }


def results_of(rank, size, folder):
    try:
        return {**run_cases(rank, size), "failures": failures(rank, folder)}
    except BaseException:
        return {"error": traceback.format_exc()}


def one_process(rank, size, port, folder):
    warnings.simplefilter("ignore")
    launcher = {"RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in launcher.items()})
    results = results_of(rank, size, folder)
    if "error" not in results:
        write(results, rank, size, folder)  # before process 1 dies
        results["death"] = error_of(simclr(net_params={"callbacks": [Does(partial(os._exit, 0))]}).fit, X)
    write(results, rank, size, folder)
    os._exit(0)  # the process that died never leaves the launcher's group


def write(results, rank, size, folder):
    (Path(folder) / f"{size}.{rank}").write_bytes(pickle.dumps(results))


def main(folder, *ports):
    """Start two processes, and then three. They are forked, so that the package is imported once."""
    torch.set_num_threads(1)
    forked = multiprocessing.get_context("fork")
    for size, port in zip((2, 3), ports, strict=True):
        processes = [forked.Process(target=one_process, args=(rank, size, port, folder)) for rank in range(size)]
        for one in processes:
            one.start()
        for one in processes:
            one.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
