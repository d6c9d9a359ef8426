"""
Forecasting from windows
========================

A regressor on the representation of a window predicts the value that follows it. The
series is the monthly number of airline passengers from 1949 to 1960, which ships with
aeon. Its first nine years are for training, the rest is predicted one month ahead; no
window for training reaches into the rest. The rows with features are compared with two
forecasts without any: the last value, and the value of a year before.
"""

# %%
# Windows
# -------
# Two years are a window, the month after it is the target. Level and spread of a window
# are taken out of both, so that a regressor sees shapes; they are put back into every
# forecast.
import matplotlib.pyplot as plt
import numpy as np
from aeon.datasets import load_airline
from aeon.transformations.collection.convolution_based import MiniRocket
from sklearn.linear_model import RidgeCV
from sklearn.metrics import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    root_mean_squared_error,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_ssl import RandomEncoderTransformer, VICRegTransformer
from sklearn_ssl.augmentations import Compose, Jitter, MagnitudeWarp, Scaling
from sklearn_ssl.preprocessing import SeriesWise, window_recordings

PAST = 24
passengers = np.asarray(load_airline(), dtype=float).ravel()
windows, _, _ = window_recordings(passengers[None, None], length=PAST + 1, step=1)
past, target = windows[:, :, :PAST], windows[:, 0, PAST]
train = np.arange(len(windows)) < 9 * 12 - PAST
test = ~train
print(f"{train.sum()} windows for training, {test.sum()} months to predict")

level, spread = past[:, 0].mean(axis=1), past[:, 0].std(axis=1)
shape_target = (target - level) / spread

# %%
# Features and ridge
# ------------------
# Every row with features ends in the same ridge regression. The order of months matters
# here, so the views neither crop nor stretch time. The numbers are means over three
# seeds.
VIEWS = Compose(warp=MagnitudeWarp(), scaling=Scaling(), jitter=Jitter(sigma=0.05))
FEATURES = {
    "window itself": lambda seed: FunctionTransformer(lambda X: X[:, 0]),
    "untrained": lambda seed: RandomEncoderTransformer(random_state=seed),
    "VICReg": lambda seed: VICRegTransformer(augmentation=VIEWS, random_state=seed),
    "MiniRocket": lambda seed: MiniRocket(random_state=seed),
}


def forecast(features, seed):
    """Return the forecasts for the months of the test part."""
    model = make_pipeline(
        SeriesWise(StandardScaler()),
        features(seed),
        StandardScaler(),
        RidgeCV(np.logspace(-3, 4, 15)),
    )
    shapes = model.fit(past[train], shape_target[train]).predict(past[test])
    return shapes * spread[test] + level[test]


forecasts = {
    "last value": [past[test, 0, -1]],
    "a year before": [past[test, 0, -12]],
    **{
        name: [forecast(features, seed) for seed in range(3)]
        for name, features in FEATURES.items()
    },
}

# %%
# What came out
# -------------
print(f"{'forecast':<16}{'MAE':>8}{'RMSE':>8}{'MAPE':>8}")
for name, runs in forecasts.items():
    errors = [
        [error(target[test], run) for run in runs]
        for error in (
            mean_absolute_error,
            root_mean_squared_error,
            mean_absolute_percentage_error,
        )
    ]
    mae, rmse, mape = np.mean(errors, axis=1)
    print(f"{name:<16}{mae:>8.1f}{rmse:>8.1f}{mape:>8.1%}")

# %%
# The forecasts
# -------------
months = 1949 + (PAST + np.flatnonzero(test)) / 12
figure, axis = plt.subplots(figsize=(6, 3.8), layout="constrained")
axis.plot(months, target[test], color="black", linewidth=2, label="passengers")
for name, style in [("a year before", ":"), ("untrained", "-."), ("VICReg", "--")]:
    axis.plot(months, forecasts[name][0], style, label=name)
axis.set(xlabel="year", ylabel="thousands of passengers", xticks=range(1958, 1962))
axis.legend()
figure.savefig("forecasting.png", dpi=150)
print("The picture of the forecasts is in forecasting.png.")
