"""What an epoch of every method costs: its time divided by that of the bare encoder passes that the method needs.

Bare passes are those of the encoder and its pooling over batches of the same size: forward and backward for what is
trained, forward alone for a teacher, and nothing else, neither views nor projector, loss, optimiser or monitors. After
every epoch of `fit` the bare passes of an epoch are run in the same process. Times are the shortest of all epochs but
the first, so the few looks of the collapse monitor are not in them. Of methods that encode pieces they are the means
instead, and the bare passes of an epoch are those of this epoch, on pieces that are one step longer: PyTorch prepares
its convolutions for every new length, which a loop of one's own has to pay for too. Times are those of the processor,
on one thread, so that other work on the machine counts little. Run it with

    python examples/benchmarks/methods_speed.py --csv methods_speed.csv [--epochs 12]

Methods without epochs, the untrained encoder and the closed forms, are not here. A masked autoencoder needs a pass of
the encoder over visible tokens and a pass of its decoder over all of them. Methods with several networks next to the
encoder, such as a regressor, a teacher and a tokenizer, have all of them in their bare passes: the forward pass of the
architecture and a backward pass of its outputs, without loss, optimiser, monitors and data. Their first stages, fits of
their own, are not counted. With ``--tokens`` the script tells instead
what its encoder's pass over visible tokens costs, as a share of a pass over whole series.
"""

import argparse
import copy
import math
import time
from pathlib import Path
from statistics import mean

import torch
from growing_table import GrowingTable
from methods_by_name import make_method, transformers
from overhead import make_data
from skorch.callbacks import Callback

from sklearn_ssl.architectures import (
    Batch,
    MaskedAutoencoder,
    NestedPieceArchitecture,
    PretextArchitecture,
    TwoDomainArchitecture,
)
from sklearn_ssl.architectures._base import feature_layers, pooled_features
from sklearn_ssl.base import SSLTransformer

SHAPE, BATCH_SIZE = (128, 3, 315), 32
KEY = ("method",)
FIELDS = (*KEY, "passes", "epoch ms", "bare ms", "ratio")
# Passes of whole series per series of the batch, where they are not two: trained ones, and a teacher's.
WHOLE_SERIES = {
    **dict.fromkeys(("BYOL", "MoCoV3", "DINO", "IBOT", "Utica"), (2, 2)),
    **dict.fromkeys(("MoCo", "MoCoV2", "TiCo"), (1, 1)),
    **dict.fromkeys(("Exemplar", "InstDisc", "CLIP", "CMC"), (1, 0)),
    **dict.fromkeys(("SimMIM", "ContextEncoder", "TST"), (1, 0)),
    "SimMTM": (4, 0),
    "Rotation": (4, 0),
    "Colorization": (1, 0),
    "Jigsaw": (0, 0),  # pieces alone
    **dict.fromkeys(("Data2Vec", "BEiT"), (1, 1)),
    **dict.fromkeys(("EMPSSL", "ContrastiveEMPSSL"), (0, 0)),  # windows alone
}
# Passes of the methods that encode pieces, of random lengths or not: copies and mean share of a series of 315 steps.
RANDOM_PIECES = {
    "TS2Vec": [(2, 0.63)],
    "SoftCLT": [(2, 0.63)],
    "TLoss": [(1, 0.75), (11, 0.5)],
    "CPC": [(16, 19 / 315)],
    "TSTCC": [(32, 19 / 315)],
    "TNC": [(15, 32 / 315)],
    "TFC": [(2, 1.0), (2, 158 / 315)],  # series and spectra
    "DiCOT": [(6, 1.65 / 6)],
    "Series2Vec": [(1, 1.0), (1, 158 / 315)],
}

SEVERAL_NETWORKS = (
    "Autoencoder",
    "BEiTV2",
    "CAE",
    "CoST",
    "DistilledTokenizer",
    "GAN",
    "GeneratedViews",
    "IJEPA",
    "MimCo",
    "PeCo",
    "PerceptualTokenizer",
    "SSGAN",
    "SdAE",
    "TSTCC",
    "TimeMAE",
    "TimeVAE",
    "VQTokenizer",
)


POOLED_IN_TRAINING = (PretextArchitecture, NestedPieceArchitecture, TwoDomainArchitecture)


class BarePasses(Callback):
    """After every epoch of a fit, run and time the bare passes of an epoch.

    Parameters
    ----------
    plan : list of tuple
        For each pass of a step: copies per series of the batch, share of its length, whether it is trained.

    Attributes
    ----------
    epochs_, bare_ : list of float
        Processor seconds of every epoch, and of the bare passes after it.
    """

    def __init__(self, plan):
        self.plan = plan

    def on_train_begin(self, net, **kwargs):
        """Copy the encoder and draw the batches."""
        self.epochs_, self.bare_ = [], []
        self.encoder_ = copy.deepcopy(getattr(net.module_, "learner", net.module_.encoder)).train()
        of_views = net.module_.pooling if isinstance(net.module_, POOLED_IN_TRAINING) else None
        self.pooling_ = copy.deepcopy(getattr(net.module_, "training_pooling", of_views))
        generator = torch.Generator().manual_seed(0)
        _, n_channels, n_timepoints = SHAPE
        self.batches_ = [
            (torch.randn(copies * BATCH_SIZE, n_channels, round(share * n_timepoints), generator=generator), trained)
            for copies, share, trained in self.plan
        ]
        self.start_ = time.process_time()

    def on_epoch_end(self, net, **kwargs):
        """Take the time of the epoch and of the bare passes."""
        end = time.process_time()
        for _ in range(math.ceil(SHAPE[0] / BATCH_SIZE)):
            self._step()
        self.epochs_.append(end - self.start_)
        self.start_ = time.process_time()
        self.bare_.append(self.start_ - end)

    def _step(self):
        for x, trained in self.batches_:
            with torch.set_grad_enabled(trained):
                h = self._encoded(x)
            if trained:
                h.sum().backward()
        self.encoder_.zero_grad()

    def _encoded(self, x):
        if self.pooling_ is None:  # what is compared are sequences
            return feature_layers(self.encoder_, x, None)[-1]
        return pooled_features(self.encoder_, self.pooling_, x, None)


class BarePieces(BarePasses):
    """After every epoch of a fit, run and time the bare passes of this very epoch, on pieces of one more step."""

    def on_train_begin(self, net, **kwargs):
        """Copy the encoder, and watch the encoders of the fit."""
        super().on_train_begin(net, **kwargs)
        self.seen_ = []
        for name in ("encoder", "learner", "spectral_encoder"):
            if hasattr(net.module_, name):
                self._watch(getattr(net.module_, name))

    def _watch(self, encoder):
        layers = encoder.layers

        def watched(x, mask=None):
            if encoder.training and torch.is_grad_enabled():  # a monitor looks without gradient
                self.seen_.append(x.shape)
            return layers(x, mask)

        encoder.layers = watched

    def on_epoch_end(self, net, **kwargs):
        """Take the time of the epoch and of the bare passes."""
        end = time.process_time()
        self.epochs_.append(end - self.start_)
        series = [torch.randn(*shape[:2], shape[2] + 1) for shape in self.seen_]
        self.seen_.clear()
        self.start_ = time.process_time()
        for x in series:
            self._encoded(x).sum().backward()
            self.encoder_.zero_grad()
        end, self.start_ = self.start_, time.process_time()
        self.bare_.append(self.start_ - end)


class BareArchitecture(BarePasses):
    """After every epoch of a fit, run and time the forward and backward pass of the architecture."""

    def on_train_begin(self, net, **kwargs):
        """Copy the architecture, and draw the batches."""
        super().on_train_begin(net, **kwargs)
        self.module_ = copy.deepcopy(net.module_).train()

    def _step(self):
        for x, _ in self.batches_:
            outputs = self.module_(Batch(x))
            sum(one.float().sum() for one in outputs if getattr(one, "requires_grad", False)).backward()
        self.module_.zero_grad()


class BareAutoencoder(BarePasses):
    """After every epoch of a fit, run and time the bare passes of a masked autoencoder.

    Attributes
    ----------
    shares_ : list of float
        After each epoch, the time of the encoder's pass over visible tokens as a share of a pass over whole series.
    """

    def on_train_begin(self, net, **kwargs):
        """Copy the encoder and the decoder, and draw the batches."""
        super().on_train_begin(net, **kwargs)
        self.module_ = copy.deepcopy(net.module_).train()
        self.shares_ = []

    def on_epoch_end(self, net, **kwargs):
        """Take the time of the epoch, of the bare passes and of whole series."""
        super().on_epoch_end(net, **kwargs)
        (x, _), *_ = self.batches_
        part, whole = (self._seconds(lambda masked=masked: self._tokens(x, masked)) for masked in (True, False))
        self.shares_.append(part / whole)
        self.start_ = time.process_time()

    def _seconds(self, function):
        start = time.process_time()
        for _ in range(4):
            function()[0][-1].sum().backward()
        return time.process_time() - start

    def _tokens(self, x, masked):
        module, batch = self.module_, Batch(x)
        if masked:
            return module.visible(batch, module.hide(batch))
        return [module.encoder.attend(module.encoder.tokens(x))]

    def _step(self):
        for x, _ in self.batches_:
            hidden = self.module_.hide(Batch(x))
            self.module_.predicted(hidden, *self.module_.visible(Batch(x), hidden)).sum().backward()
        self.module_.zero_grad()


def with_epochs():
    """Return the names of the methods that train in epochs."""
    return [name for name, cls in sorted(transformers().items()) if issubclass(cls, SSLTransformer)]


def plan_of(name, transformer):
    """Return the passes of a step as `BarePasses` takes them."""
    method = name.partition("(")[0]
    if method in RANDOM_PIECES:
        return [(copies, share, True) for copies, share in RANDOM_PIECES[method]]
    parameters = transformer.get_params(deep=False)
    views = 2 * parameters["n_speeds"] if "n_speeds" in parameters else parameters.get("n_views", 2)
    trained, teacher = WHOLE_SERIES.get(method, (views, 0))
    share = 1 / transformer.resolved("speed").fastest if "speed" in parameters else 1.0
    plan = [
        (trained, share, True),
        (parameters.get("n_crops", 0), parameters.get("crop_ratio"), True),
        (parameters.get("n_windows", 0), parameters.get("window_ratio"), True),
        (teacher, 1.0, False),
        *pieces_of(parameters),
    ]
    return [one for one in plan if one[0]]


def pieces_of(parameters):
    """Return the passes of pieces of series; the automatic number of segments is that of series of this length."""
    if "piece_ratio" not in parameters:
        return []
    n_segments = min(SHAPE[2] // 8, 5) if parameters["n_segments"] == "auto" else parameters["n_segments"]
    return [(n_segments, parameters["piece_ratio"] / n_segments, True)]


def in_words(plan):
    """Write the passes of a step."""
    return " + ".join(
        f"{copies} {'trained' if trained else 'forward'}" + (f" at {share:.3g} of the length" if share < 1 else "")
        for copies, share, trained in plan
    )


def kind_of(name, transformer):
    """Return the callback for a method."""
    method = name.partition("(")[0]
    if issubclass(getattr(transformer._architecture(), "func", object), MaskedAutoencoder):
        return BareAutoencoder
    if method in SEVERAL_NETWORKS:
        return BareArchitecture
    return BarePieces if method in RANDOM_PIECES else BarePasses


def fitted_bare(name, transformer, epochs):
    """Fit a method and return the callback that took the times, and the passes of a step."""
    kind = kind_of(name, transformer)
    plan = [(1, 1.0, True)] if kind in (BareAutoencoder, BareArchitecture) else plan_of(name, transformer)
    bare = kind(plan)
    transformer.set_params(max_epochs=epochs + 1, batch_size=BATCH_SIZE, net_params={"callbacks": [("bare", bare)]})
    transformer.fit(make_data(SHAPE), range(SHAPE[0]))  # most methods need no target
    return dict(transformer.net_.callbacks_)["bare"], plan


def row_of(name, epochs):
    """Measure one row of the table."""
    transformer = make_method(name, random_state=0, device="cpu")
    bare, plan = fitted_bare(name, transformer, epochs)
    typical = mean if name.partition("(")[0] in RANDOM_PIECES else min  # the shortest would have the shortest pieces
    epoch, alone = (1e3 * typical(times[1:]) for times in (bare.epochs_, bare.bare_))
    passes = "all networks" if isinstance(bare, BareArchitecture) else in_words(plan)
    values = (name, passes, f"{epoch:.0f}", f"{alone:.0f}", f"{epoch / alone:.2f}")
    return dict(zip(FIELDS, values, strict=True))


def main():
    """Fill the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", help="default: every transformer of the package that has epochs")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--csv", type=Path, default="methods_speed.csv")
    parser.add_argument("--tokens", action="store_true", help="print the cost of visible tokens instead")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.tokens:
        for name in options.methods or ["MAE"]:
            bare, _ = fitted_bare(name, make_method(name, random_state=0, device="cpu"), options.epochs)
            print(f"{name}: visible tokens cost {min(bare.shares_[1:]):.2f} of whole series", flush=True)
        return
    table = GrowingTable(options.csv, FIELDS, KEY)
    known = table.rows()
    for name in options.methods or with_epochs():
        if (name,) not in known:
            row = row_of(name, options.epochs)
            table.append(row)
            print("  ".join(f"{name}: {value}" for name, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
