"""What scikit-learn's interface costs: `fit` and `transform` against a bare PyTorch loop.

Every row compares one fit of a transformer with a loop that is written out below, on the same batches, views, loss,
schedule and optimiser; the losses of all steps agree, which the table shows. Runs alternate, and the ratio is the
median over pairs. Memory is the peak of a process of its own. Run it with

    python examples/benchmarks/overhead.py [--repeats 5] [--threads 2] [--csv overhead.csv]
"""

import argparse
import csv
import json
import math
import resource
import statistics
import subprocess
import sys
import time

import numpy as np
import torch
from torch import nn

from sklearn_ssl import SimCLRTransformer, VICRegTransformer
from sklearn_ssl.augmentations import Compose, CropResize, Jitter, Scaling
from sklearn_ssl.encoders import InceptionEncoder
from sklearn_ssl.losses import ntxent_loss, vicreg_loss
from sklearn_ssl.pooling import Pooling
from sklearn_ssl.projectors import MLPProjector

SIZES = {"120 x 3 x 315": ((120, 3, 315), 32, 40), "7352 x 9 x 128": ((7352, 9, 128), 256, 12)}
METHODS = {
    "SimCLR": (SimCLRTransformer, ntxent_loss, {"temperature": 0.2}),
    "VICReg": (VICRegTransformer, vicreg_loss, {}),
}
ENCODER = InceptionEncoder(depth=3, width=16, bottleneck=16)
POOLING = Pooling()
PROJECTOR = MLPProjector()
AUGMENTATION = Compose(crop=CropResize(min_ratio=0.8), scaling=Scaling(), jitter=Jitter())
RATE, DECAY, SEED = 1e-3, 1e-4, 0


class BareModel(nn.Module):
    """Encoder, pooling and projector, as a script would put them together."""

    def __init__(self, n_channels, n_features):
        super().__init__()
        self.encoder = ENCODER.build(n_channels)
        self.pooling = POOLING.build()
        self.projector = PROJECTOR.build(n_features)

    def features(self, x):
        """Return the pooled features."""
        return self.pooling(self.encoder.layers(x), None)

    def forward(self, x):
        """Return the projections."""
        return self.projector(self.features(x))


def bare_fit(X, method, batch_size, steps, device="cpu"):
    """Train with a plain loop; return the model and the loss of every step."""
    _, loss_function, weights = METHODS[method]
    width = pooled_width()
    torch.manual_seed(SEED)
    model = BareModel(X.shape[1], width).to(device)
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    data = torch.from_numpy(X).to(device)
    losses: list[float] = []
    warmup = math.ceil(0.1 * steps)
    model.train()
    while len(losses) < steps:
        for rows in torch.randperm(len(data)).tensor_split(math.ceil(len(data) / batch_size)):
            if len(losses) == steps:
                break
            step = len(losses)
            cosine = 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))
            optimiser.param_groups[0]["lr"] = RATE * ((step + 1) / warmup if step < warmup else cosine)
            views = AUGMENTATION(data[rows].repeat(2, 1, 1))
            z1, z2 = model(views).chunk(2)
            loss = loss_function(z1, z2, **weights)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    return model, losses


def pooled_width():
    """Return the width of the pooled features."""
    probe = ENCODER.build(1)
    return POOLING.n_features([layer.shape[1] for layer in probe.layers(torch.zeros(2, 1, 8))])


def library_fit(X, method, batch_size, steps, device="cpu", precision="float32", **params):
    """Fit the transformer; return it and the loss of every step."""
    cls, _, weights = METHODS[method]
    transformer = cls(
        encoder=ENCODER,
        pooling=POOLING,
        projector=PROJECTOR,
        augmentation=AUGMENTATION,
        max_steps=steps,
        batch_size=batch_size,
        lr=RATE,
        weight_decay=DECAY,
        device=device,
        precision=precision,
        random_state=SEED,
        **weights,
        **params,
    ).fit(X)
    losses = [loss for epoch in transformer.net_.history[:, "batches", :, "train_loss"] for loss in epoch]
    return transformer, losses


@torch.inference_mode()
def bare_transform(model, X):
    """Apply the encoder to all series with a plain loop."""
    model.eval()
    size = math.ceil((1 << 15) / X.shape[2])
    return np.concatenate([model.features(batch).numpy() for batch in torch.from_numpy(X).split(size)])


def make_data(shape):
    """Return standard normal series."""
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def seconds(function, *arguments):
    """Return the wall time of one call."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def time_row(size, method, repeats):
    """Measure one row of the table."""
    shape, batch_size, steps = SIZES[size]
    X = make_data(shape)
    transformer, losses = library_fit(X, method, batch_size, steps)
    model, bare_losses = bare_fit(X, method, batch_size, steps)
    fits, transforms, absolute = [], [], []
    for _ in range(repeats):
        bare = seconds(bare_fit, X, method, batch_size, steps)
        absolute.append(bare / steps)
        fits.append(seconds(library_fit, X, method, batch_size, steps) / bare)
        bare = seconds(bare_transform, model, X)
        transforms.append(seconds(transformer.transform, X) / bare)
    return {
        "size": size,
        "method": method,
        "steps": steps,
        "bare ms/step": round(1e3 * statistics.median(absolute), 1),
        "fit ratio": round(statistics.median(fits), 3),
        "transform ratio": round(statistics.median(transforms), 3),
        "largest loss difference": f"{max(abs(a - b) for a, b in zip(losses, bare_losses, strict=True)):.1e}",
    }


def peak_memory(size, method, which):
    """Return the peak memory in MiB of a process that fits once."""
    command = [sys.executable, __file__, "--child", json.dumps([size, method, which])]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def fit_in_child(size, method, which):
    """Fit once and print the peak memory in MiB."""
    shape, batch_size, steps = SIZES[size]
    {"fit": library_fit, "bare": bare_fit}[which](make_data(shape), method, batch_size, steps)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(peak / (1024 * 1024 if sys.platform == "darwin" else 1024))


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--csv", help="also write the table to this file")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.child:
        fit_in_child(*json.loads(options.child))
        return
    rows = []
    for size in SIZES:
        for method in METHODS:
            row = time_row(size, method, options.repeats)
            bare, fit = (peak_memory(size, method, which) for which in ("bare", "fit"))
            row["bare peak MiB"], row["fit peak MiB"] = round(bare), round(fit)
            row["data MiB"] = round(make_data(SIZES[size][0]).nbytes / 2**20, 1)
            rows.append(row)
            print("  ".join(f"{name}: {value}" for name, value in row.items()), flush=True)
    if options.csv:
        with open(options.csv, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
