"""
Imputation and anomaly detection
================================

A model that predicts hidden values can fill gaps, and it is surprised by series that
are unlike those it knows. Both are tried here on series of a smart watch, with simpler
ways next to them. The set ships with aeon. Gaps and anomalies are put in, so that the
truth is known.
"""

# %%
# Gaps
# ----
# In each series, each of the six channels loses one stretch of 4 to 16 of its 100
# steps.
import matplotlib.pyplot as plt
import numpy as np
from aeon.datasets import load_classification
from sklearn.ensemble import IsolationForest
from sklearn.impute import KNNImputer
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import MaskedImputer, RandomEncoderTransformer, TSTTransformer
from sklearn_ssl.preprocessing import ChannelWise, FillMissing

X_train, y_train = load_classification("BasicMotions", split="train")
X_test, y_test = load_classification("BasicMotions", split="test")
rng = np.random.default_rng(0)


def with_gaps(X):
    """Return series of which every channel misses a stretch."""
    X = X.copy()
    for case, channel in np.ndindex(X.shape[:2]):
        width = rng.integers(4, 17)
        start = rng.integers(0, X.shape[2] - width + 1)
        X[case, channel, start : start + width] = np.nan
    return X


gappy_train, gappy_test = with_gaps(X_train), with_gaps(X_test)

# %%
# Every imputer learns from the training series with gaps. The error is the root of the
# mean squared error at the gaps of the test series, in standard deviations of the
# channel. `KNNImputer` sees each time step as a row of six values.
imputers = {
    "mean of the channel": FillMissing(method="mean"),
    "lines": FillMissing(method="linear"),
    "5 nearest time steps": ChannelWise(KNNImputer()),
    "masked model": MaskedImputer(TSTTransformer(max_steps=600, random_state=0)),
}
gaps = np.isnan(gappy_test)
scale = X_train.std(axis=(0, 2), keepdims=True)
filled = {
    name: imputer.fit(gappy_train).transform(gappy_test)
    for name, imputer in imputers.items()
}
for name, X in filled.items():
    error = ((X - X_test) / scale)[gaps]
    print(f"{name:22s} {np.sqrt(np.mean(error**2)):.2f}")

# %%
# One series. The masked model sees the rest of the channel and all other channels.
case = 22
figure, axes = plt.subplots(3, 1, figsize=(6, 4.2), sharex=True, layout="constrained")
for channel, ax in enumerate(axes):
    hidden = gaps[case, channel]
    ax.plot(X_test[case, channel], color="0.7", label="what was there")
    ax.plot(gappy_test[case, channel], color="black", label="with a gap")
    for name, colour in {"lines": "tab:blue", "masked model": "tab:orange"}.items():
        ax.plot(
            np.where(hidden, filled[name][case, channel], np.nan),
            color=colour,
            marker=".",
            label=name,
        )
    ax.set_ylabel(f"channel {channel}")
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
axes[-1].set_xlabel("time step")

# %%
# Anomalies
# ---------
# Half of the test series get an anomaly: a stretch of 30 steps is turned around in
# time. Its values stay the same, so no single value is unusual. The detectors learn
# from the untouched training series and see no label.
scaler = ChannelWise(StandardScaler()).fit(X_train)
Z_train, Z_test = scaler.transform(X_train), scaler.transform(X_test)
is_anomaly = np.arange(len(Z_test)) % 2 == 1
for case in np.flatnonzero(is_anomaly):
    start = rng.integers(0, Z_test.shape[2] - 30)
    Z_test[case, :3, start : start + 30] = Z_test[case, :3, start : start + 30][:, ::-1]

model = TSTTransformer(max_steps=600, random_state=0).fit(Z_train)
untrained = RandomEncoderTransformer(random_state=0).fit(Z_train)
forest = IsolationForest(random_state=0)
scores = {
    "error of the masked model": model.reconstruction_error(
        Z_test, n_draws=20, random_state=0
    ),
    "forest on the series": -forest.fit(
        Z_train.reshape(len(Z_train), -1)
    ).score_samples(Z_test.reshape(40, -1)),
    "forest on untrained features": -forest.fit(
        untrained.transform(Z_train)
    ).score_samples(untrained.transform(Z_test)),
    "forest on the model's features": -forest.fit(
        model.transform(Z_train)
    ).score_samples(model.transform(Z_test)),
}

# %%
# The area under the ROC curve is the chance that an anomalous series has a higher score
# than an untouched one. Activities differ in size, and so do errors. So the same area
# is given within activities too, averaged over the four.
for name, score in scores.items():
    within = np.mean(
        [
            roc_auc_score(is_anomaly[y_test == c], score[y_test == c])
            for c in np.unique(y_test)
        ]
    )
    print(
        f"{name:32s} {roc_auc_score(is_anomaly, score):.2f}, within activities "
        f"{within:.2f}"
    )

plt.show()
