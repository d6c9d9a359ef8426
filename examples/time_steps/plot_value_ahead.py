"""
Predicting periodic series
==========================

What will a sensor show half a second from now? The series repeat, each at a speed and
in a shape of its own. Whoever knows how long a period takes can look it up: the value
ahead is what was there a whole number of periods before. SimPer learns how long a
period takes from series alone, without any target.
"""

# %%
# Windows of the past
# -------------------
# A window has six seconds of the past, at 50 Hz, and the target is the value half a
# second later. All windows of a series are either for training or for the test, because
# windows of one series are much alike.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import SimPerTransformer
from sklearn_ssl.datasets import make_periodic
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.preprocessing import window_recordings

RATE, PAST, AHEAD = 50, 300, 25
series, _ = make_periodic(
    n_cases=120,
    n_timepoints=500,
    sampling_rate=RATE,
    min_frequency=0.6,
    max_frequency=1.6,
    noise=0.2,
    random_state=0,
)
windows, _, groups = window_recordings(series, length=PAST + AHEAD, step=50)
past, target = windows[:, :, :PAST], windows[:, 0, -1]
training, test = groups < 80, groups >= 80
print(f"{training.sum()} windows for training, {test.sum()} for the test")

# %%
# Looking back by whole periods
# -----------------------------
# The mean over all whole periods that fit into the window takes the noise out.


def look_back(past, frequency):
    """Return the mean of the values that lie whole periods before the one that is asked
    for.
    """
    forecasts = []
    for values, period in zip(past[:, 0], RATE / frequency, strict=True):
        moments = PAST - 1 + AHEAD - period * np.arange(1, 1 + PAST // period)
        moments = moments[(moments >= 0) & (moments <= PAST - 1)]
        forecasts.append(np.interp(moments, np.arange(PAST), values).mean())
    return np.array(forecasts)


simper = {
    name: SimPerTransformer(
        encoder=ResNetEncoder(depth=1, width=16), random_state=0, **steps
    ).fit(past[training])
    for name, steps in {
        "untrained": {"max_epochs": 0},
        "SimPer": {"max_steps": 60},
    }.items()
}
predicted = {
    "last value": past[test, 0, -1],
    "mean of the window": past[test, 0].mean(axis=1),
}
ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 5, 15)))
predicted["ridge on the window"] = ridge.fit(
    past[training, 0], target[training]
).predict(past[test, 0])
for name, transformer in simper.items():
    frequency = transformer.predict_frequency(past[test], RATE, lowest=0.5, highest=1.7)
    predicted[f"{name}, look back"] = look_back(past[test], frequency)

# %%
# What came out
# -------------
# Ridge regression learns from all targets of the training part, and the rows that look
# back learn from none. In these clean series the sequence of an untrained encoder
# repeats as often as the series, so that training adds little; the example on counting
# has noisier ones, where it adds much.
for name, each in predicted.items():
    print(
        f"{name:>20}: MAE {mean_absolute_error(target[test], each):.3f}, R2 "
        f"{r2_score(target[test], each):.2f}"
    )

# %%
fig, axes = plt.subplots(2, sharex=True, figsize=(6, 4), layout="constrained")
for ax, case in zip(axes, (10, 60), strict=True):
    ax.plot(np.arange(PAST) / RATE, past[test][case, 0], color="0.4", lw=0.8)
    ax.plot(
        (PAST - 1 + AHEAD) / RATE,
        target[test][case],
        "o",
        color="0.4",
        label="what came",
    )
    for name, marker in (("ridge on the window", "s"), ("SimPer, look back", "x")):
        ax.plot((PAST - 1 + AHEAD) / RATE, predicted[name][case], marker, label=name)
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
axes[0].set(title="Two windows of the test part and half a second ahead")
axes[1].set(xlabel="seconds")

# %%
# All windows of the test part: a good forecast is on the line.
fig, ax = plt.subplots(figsize=(4.5, 3.4), layout="constrained")
for name, marker in (("ridge on the window", "s"), ("SimPer, look back", "x")):
    ax.plot(target[test], predicted[name], marker, markersize=4, alpha=0.6, label=name)
ax.axline((0, 0), slope=1, color="0.5", linewidth=1)
ax.set(xlabel="what came", ylabel="forecast")
fig.legend(loc="outside upper center", ncols=2)
plt.show()
