"""
One long recording: events and windows
======================================

Three hours of six channels at 100 Hz, and a table that says from when to when something
happened: this page goes from there to an honest score in ten lines. The recording is
generated.
"""

# %%
# The recording and its events
# ----------------------------
# The rows of the data frame are time steps, and its index has the time. The sensors
# drift and are noisy. Sixty times a vibration of about half a minute is added, each
# time at a slightly different frequency.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
RATE, HOURS, CHANNELS = 100, 3, 6
seconds = np.arange(HOURS * 3600 * RATE) / RATE
drift = (
    rng.normal(size=(HOURS * 60 + 1, CHANNELS)).cumsum(axis=0) / 4
)  # one value per minute
values = np.stack(
    [np.interp(seconds, 60 * np.arange(len(drift)), one) for one in drift.T], axis=1
)
values += rng.normal(size=values.shape)

starts = 60 * np.sort(rng.choice(HOURS * 60 - 2, size=60, replace=False)) + rng.uniform(
    0, 20, size=60
)
ends = starts + rng.uniform(20, 40, size=60)
for first, last in (np.stack([starts, ends], axis=1) * RATE).astype(int):
    vibration = np.sin(2 * np.pi * rng.uniform(9, 11) * seconds[first:last])
    values[first:last] += 0.6 * vibration[:, None] * rng.uniform(0.5, 1.5, CHANNELS)

begin = pd.Timestamp("2024-03-01 09:00")
times = pd.date_range(begin, periods=len(values), freq="10ms")
recording = pd.DataFrame(
    values, index=times, columns=[f"sensor{n}" for n in range(CHANNELS)]
)
events = pd.DataFrame({"start": starts, "end": ends}).apply(
    lambda column: begin + pd.to_timedelta(column, unit="s")
)
events["label"] = "vibration"
print(recording.shape)
events.head(3)

# %%
# Ten lines
# ---------
# A window of five seconds is called "vibration" if an event covers at least half of it,
# and "rest" otherwise. Blocks of fifteen minutes are the groups, so that whole blocks
# are tested at once. The last minute of each block is left out. Windows of different
# blocks are then at least a minute apart and do not share the drift of the sensors.
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import VICRegTransformer
from sklearn_ssl.encoders import ResNetEncoder
from sklearn_ssl.preprocessing import SeriesWise, window_recordings

lengths = {"length": "5s", "block": "15min", "purge": "1min"}
windows, labels, groups, table = window_recordings(
    recording, events=events, background="rest", label=0.5, return_table=True, **lengths
)
ssl = VICRegTransformer(
    encoder=ResNetEncoder(depth=1, width=8), batch_size=32, max_steps=50, random_state=0
)
model = make_pipeline(
    SeriesWise(StandardScaler()),
    ssl,
    StandardScaler(),
    LogisticRegression(max_iter=1000),
)
probability = cross_val_predict(
    model, windows, labels, groups=groups, cv=GroupKFold(4), method="predict_proba"
)[:, 1]

# %%
# What came out
# -------------
# Most windows are at rest, so the score is the balanced accuracy: the mean of the
# accuracies of both classes.
from sklearn.metrics import balanced_accuracy_score

score = balanced_accuracy_score(labels == "vibration", probability > 0.5)
print(
    f"{len(windows)} windows in {groups.max() + 1} blocks, "
    f"{np.mean(labels == 'vibration'):.0%} of them vibrate"
)
print(f"balanced accuracy {score:.3f}")

# %%
# The table of the windows has their times, which puts predictions back next to the
# recording. The bottom row shows the predicted probability of each window in half an
# hour that includes two blocks; the gaps are the purged minutes.
shown = slice("2024-03-01 10:00", "2024-03-01 10:29:59")
fig, (top, bottom) = plt.subplots(2, sharex=True, figsize=(6, 4), layout="constrained")
top.plot(recording["sensor0"].loc[shown].resample("100ms").first(), lw=0.4, color="0.4")
predicted = pd.Series(probability, index=table["start_time"])
for _, part in predicted.groupby(groups):
    bottom.plot(part.loc[shown], drawstyle="steps-post", color="C0")
for event in events.itertuples():
    for ax in (top, bottom):
        ax.axvspan(event.start, event.end, color="C1", alpha=0.3, lw=0)
top.set(
    ylabel="sensor0",
    title="Events (shaded) and predictions",
)
bottom.set(
    ylabel="probability of vibration",
    ylim=(-0.05, 1.05),
    xlim=recording.loc[shown].index[[0, -1]],
)
bottom.xaxis.set_major_formatter(plt.matplotlib.dates.DateFormatter("%H:%M"))
plt.show()
