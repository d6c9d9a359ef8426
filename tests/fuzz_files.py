"""Damage and forge files at random, and see that every reader tells it in one clear message.

Run it by hand: ``python tests/fuzz_files.py --seed 0 -n 200``. It prints one line per kind of file and every failure:
an error of another library, a message that does not name the file, a changed result, or a file that costs too much.
"""

import argparse
import collections
import copy
import json
import random
import tempfile
import time
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch

from sklearn_ssl import RandomEncoderTransformer, SSLClassifier, SSLRegressor, VICRegTransformer
from sklearn_ssl._engine.checkpoint import EpochCheckpoint
from sklearn_ssl.datasets import load_ieeeppg, load_ucihar, make_waves
from sklearn_ssl.encoders import ChannelIndependentEncoder, FCNEncoder, InceptionEncoder, RocketEncoder, TCNEncoder
from sklearn_ssl.persistence import load_encoder, load_predictor, save_encoder, save_predictor
from sklearn_ssl.persistence._container import KEY, digest_of

X, y = make_waves(n_cases=16, n_channels=2, n_timepoints=30, random_state=0)
SECONDS, MEGABYTES = 1.0, 20.0
OF_THE_SERIES = ("became NaN", "X has 2 channel(s)")  # what a forged estimator says of series that do not suit it
VALUES = [None, True, -1, 0, 1, 3, 64, 1000, 10**6, 2**63, 1e308, float("nan"), "", "mean", [], {}, [3] * 100, [[1]]]
RECIPES = ["FCNEncoder", "ResNetEncoder", "InceptionEncoder", "TransformerEncoder", "GRUEncoder", "RocketEncoder"]


def written(folder):
    """Write a sound file of every kind. Return for each its path, its reader and what it should give."""
    encoders = [FCNEncoder(width=4), InceptionEncoder(depth=3, width=2), TCNEncoder(depth=1, width=4, n_features=6)]
    encoders += [RocketEncoder(n_features=168, n_groups=2), ChannelIndependentEncoder(FCNEncoder(width=4))]
    files = {}
    for encoder in encoders:
        name = f"encoder {type(encoder).__name__}"
        transformer = RandomEncoderTransformer(encoder=encoder, random_state=0, device="cpu").fit(X)
        save_encoder(transformer, folder / name)
        files[name] = (load_encoder, lambda loaded: loaded.transform(X))
    untrained = RandomEncoderTransformer(encoder=encoders[0], random_state=0, device="cpu")
    for name, predictor in (("classifier", SSLClassifier), ("regressor", SSLRegressor)):
        save_predictor(predictor(untrained, mode="probe", random_state=0).fit(X, y + 0.0), folder / name)
        files[name] = (load_predictor, lambda loaded: loaded.predict(X))
    vicreg = VICRegTransformer(encoder=encoders[0], max_epochs=1, random_state=0, device="cpu").fit(X)
    EpochCheckpoint(folder / "checkpoint").on_epoch_end(vicreg.net_)
    files["checkpoint"] = (
        lambda path: EpochCheckpoint(path).load(),
        lambda net: net.module_.features(torch.zeros(1, 2, 9)),
    )
    return files | published(folder)


def published(folder):
    """Write packed data sets."""
    arrays = {"scale": np.float32(0.5), "classes": np.array(["1=WALKING"]), "channels": np.array(list("abcdefghi"))}
    arrays |= {"fs": np.float64(125)}
    for split in ("train", "test"):
        arrays |= {f"X_{split}": np.ones((4, 9, 16), dtype=np.int16), f"y_{split}": np.ones(4, dtype=np.int64)}
        arrays |= {f"subject_{split}": np.arange(4), f"record_{split}": np.arange(4)}
    for name in ("ucihar.npz", "ieeeppg.npz"):
        np.savez(folder / name, **arrays)
    return {
        name: (load, lambda data: data.X) for name, load in (("ucihar.npz", load_ucihar), ("ieeeppg.npz", load_ieeeppg))
    }


def damaged(content, draw):
    """Flip bits, cut, repeat or insert."""
    content, place = bytearray(content), draw.randrange(len(content))
    kind = draw.choice(["flip", "flip", "flip", "cut", "zeros", "double"])
    if kind == "flip":
        for _ in range(draw.choice([1, 1, 5])):
            content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    elif kind == "cut":
        del content[place:]
    elif kind == "zeros":
        content[place : place + 64] = bytes(64)
    else:
        content[place:place] = content[place : place + 64]
    return bytes(content)


def forged(path, draw):
    """Change a value of the description or a tensor, as a forger would, with the right digest."""
    with safetensors.safe_open(path, framework="pt") as file:
        description, names = json.loads(file.metadata()[KEY]), list(file.keys())
        tensors = {name: file.get_tensor(name).clone() for name in names}
    if draw.random() < 0.7:
        change_value(description, draw)
    else:
        change_tensor(tensors, draw)
    description.pop("digest", None)
    description["digest"] = digest_of(description, tensors)
    return safetensors.torch.save(tensors, metadata={KEY: json.dumps(description)})


def change_value(description, draw):
    """Replace one value somewhere in a description."""
    place = description
    while True:
        name = draw.choice(list(place))
        if not isinstance(place[name], dict) or not place[name] or draw.random() < 0.2:
            break
        place = place[name]
    recipe = {"recipe": draw.choice(RECIPES), "parameters": {}}
    place[name] = copy.deepcopy(draw.choice([*VALUES, recipe, *(RECIPES if name == "recipe" else [])]))


def change_tensor(tensors, draw):
    """Replace, remove or add a tensor."""
    name = draw.choice(list(tensors))
    value = tensors[name]
    changes = {
        "type": lambda: value.to(draw.choice([torch.int8, torch.float16, torch.complex64, torch.int64, torch.float64])),
        "large": lambda: torch.full_like(value, 2**40) if value.dtype == torch.int64 else value + torch.inf,
        "shape": lambda: value.reshape(-1)[:-1],
        "nothing": lambda: value[..., :0] if value.ndim else value,
        "wider": lambda: value.unsqueeze(0),
        "minus": lambda: -value if value.dtype != torch.bool else ~value,
    }
    tensors[name] = changes[draw.choice(list(changes))]().contiguous()
    if draw.random() < 0.2:
        tensors[draw.choice(["more", "head.more", "encoder.more"])] = tensors.pop(name)


def outcome(path, read, result, expected):
    """Return what a reader makes of a file: a word, or a failure in words."""
    before, start = resident(), time.perf_counter()
    try:
        values = result(read(path))
        word = "same" if expected is None or np.array_equal(values, expected, equal_nan=True) else "CHANGED"
    except ValueError as error:
        told = path.name in str(error) or any(reason in str(error) for reason in OF_THE_SERIES)
        word = "told" if told and len(str(error)) < 1000 else f"UNCLEAR: {error}"
    except Exception as error:
        word = f"RAW {type(error).__name__}: {error}"
    seconds, megabytes = time.perf_counter() - start, resident() - before
    limit = 2 * path.stat().st_size / 1e6 + MEGABYTES
    return word if seconds < SECONDS and megabytes < limit else f"COST {seconds:.1f} s, {megabytes:.0f} MB: {word}"


def resident():
    """Return the memory of this process in megabytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-n", type=int, default=200, help="damaged, and forged, files of each kind")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    failures = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, (read, result) in written(folder).items():
            sound, draw = folder / kind, random.Random(f"{arguments.seed} {kind}")
            expected, path = result(read(sound)), folder / f"broken {kind}"
            for way in ("damaged", "forged"):
                if way == "forged" and read not in (load_encoder, load_predictor):
                    continue
                counts = collections.Counter()
                for _ in range(arguments.n):
                    path.write_bytes(damaged(sound.read_bytes(), draw) if way == "damaged" else forged(sound, draw))
                    counts[outcome(path, read, result, expected if way == "damaged" else None)] += 1
                print(f"{kind}, {way}: {dict(counts)}", flush=True)
                failures += sum(number for word, number in counts.items() if word not in ("told", "same"))
    print(f"{failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
