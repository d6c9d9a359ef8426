"""What fine-tuning costs: its time divided by that of a bare PyTorch loop, same batches, same optimiser.

The bare loop copies the pretrained encoder, puts a linear layer on its pooled features and minimises the cross-entropy
by AdamW, and does nothing else: no checks, schedule, weights of series, history or guards. Both take the same number of
epochs, one after the other, several times; times are the shortest, those of the processor on one thread. "fit" is the
whole of it, with the start of the head; "epochs" is without, as the difference to a fit of no epoch. Run it with

    python examples/benchmarks/fine_tuning_speed.py --csv fine_tuning_speed.csv [--epochs 50] [--repeats 5]
"""

import argparse
import copy
import time
from pathlib import Path

import numpy as np
import torch
from growing_table import GrowingTable
from overhead import make_data
from sklearn.frozen import FrozenEstimator
from torch.nn import functional as F

from sklearn_ssl import RandomEncoderTransformer, SSLClassifier
from sklearn_ssl.encoders import ResNetEncoder

SHAPES = ((128, 3, 315), (735, 9, 128))
BATCH_SIZE = 32
DEFAULT = SSLClassifier().resolved("transformer")
ENCODERS = {
    "Inception": {},
    "ResNet": {"encoder": ResNetEncoder()},
    "default": {"encoder": DEFAULT.encoder, "pooling": DEFAULT.pooling},
}
KEY = ("encoder", "series", "channels", "steps")
FIELDS = (*KEY, "bare ms", "epochs ms", "fit ms", "epochs / bare", "fit / bare")


def bare_loop(transformer, X, y, epochs):
    """Fine-tune as one would by hand."""
    backbone = copy.deepcopy(transformer.net_.module_)
    head = torch.nn.Linear(backbone.n_features, int(y.max()) + 1)
    optimizer = torch.optim.AdamW([*backbone.encoder.parameters(), *head.parameters()], lr=1e-4, fused=True)
    x, target = torch.from_numpy(X), torch.from_numpy(y)
    backbone.eval()  # the statistics of pretraining, as the classifier keeps them
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(BATCH_SIZE):
            optimizer.zero_grad()
            F.cross_entropy(head(backbone.features(x[rows])), target[rows]).backward()
            optimizer.step()


def seconds(function, *args):
    """Return the processor's seconds of a call."""
    start = time.process_time()
    function(*args)
    return time.process_time() - start


def row_of(encoder, shape, epochs, repeats):
    """Measure one row of the table."""
    X = make_data(shape).astype(np.float32)
    y = np.arange(len(X)) % 4
    transformer = RandomEncoderTransformer(**ENCODERS[encoder], device="cpu", random_state=0).fit(X)
    frozen = FrozenEstimator(transformer)
    whole, one, start = (
        SSLClassifier(frozen, max_epochs=n, batch_size=BATCH_SIZE, random_state=0) for n in (epochs, 1, 0)
    )
    bare_loop(transformer, X, y, 1), one.fit(X, y)  # the first of each compiles and imports
    times = [
        (seconds(bare_loop, transformer, X, y, epochs), seconds(whole.fit, X, y), seconds(start.fit, X, y))
        for _ in range(repeats)
    ]
    bare, fit, head = np.min(times, axis=0)
    measured = (*(f"{1e3 * value:.0f}" for value in (bare, fit - head, fit)), *ratios(bare, fit - head, fit))
    return dict(zip(FIELDS, (encoder, *map(str, shape), *measured), strict=True))


def ratios(bare, *others):
    """Write times divided by that of the bare loop."""
    return [f"{other / bare:.2f}" for other in others]


def main():
    """Fill the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=50, help="default: that of SSLClassifier")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--csv", type=Path, default="fine_tuning_speed.csv")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = GrowingTable(options.csv, FIELDS, KEY)
    known = table.rows()
    for shape in SHAPES:
        for encoder in ENCODERS:
            if (encoder, *map(str, shape)) not in known:
                row = row_of(encoder, shape, options.epochs, options.repeats)
                table.append(row)
                print("  ".join(f"{name}: {value}" for name, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
