"""
Forecasting with TS2Vec
=======================

The protocol of the TS2Vec paper: learn features per step without labels, then predict
the next H values from the features of the last step of a window, by a ridge regression.
The last value, the value of a day before, a ridge on the window itself and the
untrained encoder stand next to it, for several H and three seeds.
"""

# %%
# The series
# ----------
# A made-up hourly load of 4,000 hours: a day, a week, and a disturbance that fades
# slowly. The first 60 % are for training, the next 20 % choose the strength of the
# ridge, the rest is predicted.
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import RandomEncoderTransformer, TS2VecTransformer
from sklearn_ssl.encoders import TCNEncoder

torch.set_num_threads(1)
N, PAST, HORIZONS = 4000, 96, (1, 12, 24, 48)
rng = np.random.default_rng(0)
hours = np.arange(N)
disturbance = np.zeros(N)
for hour in range(1, N):
    disturbance[hour] = 0.97 * disturbance[hour - 1] + 0.15 * rng.normal()
is_weekend = (hours // 24) % 7 >= 5
day = np.sin(2 * np.pi * hours / 24) + 0.4 * np.sin(4 * np.pi * hours / 24 + 1)
load = day * np.where(is_weekend, 0.4, 1.0) + disturbance + 0.1 * rng.normal(size=N)
parts = {"train": slice(0, 2400), "choose": slice(2400, 3200), "test": slice(3200, N)}
load = (load - load[parts["train"]].mean()) / load[parts["train"]].std()


def windows_of(part):
    """Return the windows of a part (n, 1, PAST) and the values after each (n, 48)."""
    pieces = np.lib.stride_tricks.sliding_window_view(load[part], PAST + max(HORIZONS))
    return pieces[:, None, :PAST].astype(np.float32), pieces[:, PAST:]


past, future = (
    dict(zip(parts, column, strict=True))
    for column in zip(*map(windows_of, parts.values()), strict=True)
)

# %%
# Features of the last step
# -------------------------
# `encode` returns (n, features, steps). All encoders look both ways in time, so a
# window ends where the forecast begins: its last step knows the past only. The encoder
# learns from every eighth window of the training part.
encoder = TCNEncoder(depth=6, width=32, n_features=64, latent_mask=0.5)
FEATURES = {
    "untrained encoder": lambda seed: RandomEncoderTransformer(
        encoder=encoder, random_state=seed
    ),
    "TS2Vec": lambda seed: TS2VecTransformer(
        encoder=encoder, max_steps=200, random_state=seed
    ),
}


def last_steps(make, seed):
    """Return the features of the last step of the windows of every part."""
    transformer = make(seed).fit(past["train"][::8])
    return {part: transformer.encode(X)[:, :, -1] for part, X in past.items()}


def forecast(features, horizon):
    """Return forecasts (n, horizon) for the test part by the best of several ridge
    regressions.
    """
    models = [
        make_pipeline(StandardScaler(), Ridge(alpha)) for alpha in np.logspace(-1, 4, 6)
    ]
    for model in models:
        model.fit(features["train"], future["train"][:, :horizon])
    errors = [
        mean_squared_error(
            future["choose"][:, :horizon], model.predict(features["choose"])
        )
        for model in models
    ]
    return models[int(np.argmin(errors))].predict(features["test"]).reshape(-1, horizon)


# %%
# Errors
# ------
# The mean squared error over all H hours, in units of the variance of the training
# part. Numbers with features are means over three seeds, with the standard deviation in
# brackets. The ridge on the window itself is ahead: it sees all 96 values, and the
# series is made of sines and a linear disturbance. Training the encoder changes little.
# Such a comparison belongs next to every forecast from learnt features.
window = {part: X[:, 0] for part, X in past.items()}
runs = {
    name: [last_steps(make, seed) for seed in range(3)]
    for name, make in FEATURES.items()
}
runs["window itself"] = [window]
forecasts = {horizon: {} for horizon in HORIZONS}
for horizon, of_horizon in forecasts.items():
    of_horizon["last value"] = [np.repeat(window["test"][:, -1:], horizon, axis=1)]
    of_horizon["a day before"] = [np.tile(window["test"][:, -24:], 2)[:, :horizon]]
    of_horizon |= {
        name: [forecast(features, horizon) for features in each]
        for name, each in runs.items()
    }
table = {
    name: [
        [
            mean_squared_error(future["test"][:, :horizon], one)
            for one in forecasts[horizon][name]
        ]
        for horizon in HORIZONS
    ]
    for name in ("last value", "a day before", "window itself", *FEATURES)
}
print(
    f"{'forecast from':<20}"
    + "".join(f"{f'H = {horizon}':>14}" for horizon in HORIZONS)
)
for name, rows in table.items():
    cells = [
        f"{np.mean(row):.3f}" + (f" ({np.std(row):.3f})" if len(row) > 1 else "")
        for row in rows
    ]
    print(f"{name:<20}" + "".join(f"{cell:>14}" for cell in cells))

# %%
# One forecast
# ------------
# Two days of the test part, predicted from the four days before.
figure, axis = plt.subplots(figsize=(6, 3.8), layout="constrained")
row = 300
axis.plot(np.arange(-PAST, 0), window["test"][row], color="0.6", label="window")
axis.plot(future["test"][row], color="black", linewidth=2, label="what came")
for name, style in (("a day before", ":"), ("window itself", "-."), ("TS2Vec", "--")):
    axis.plot(forecasts[48][name][0][row], style, label=name)
axis.set(xlabel="hours from the end of the window", ylabel="load, standardised")
figure.legend(loc="outside upper center", ncols=3)
figure.savefig("forecasting_features.png", dpi=150)
print("The picture of the forecast is in forecasting_features.png.")
