"""
Generating series with a GAN
============================

A generator learns to make series by playing against a critic. Here it learns waves:
what it makes before and after the training, how much its samples are like real series
in numbers, and what the critic says. The short form takes a minute; ``STEPS = 3000``
takes ten minutes on one core and gives better samples.
"""

# %%
# The data
# --------
# Waves of two classes, a sine and a triangle with other frequencies, with random phases
# and amplitudes: two channels, 64 steps. Half of them are for the training, the other
# half to compare with. The channels are scaled first.

# sphinx_gallery_thumbnail_number = 3

import matplotlib.pyplot as plt
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import GANTransformer
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.evaluation import compare_generated
from sklearn_ssl.plotting import GeneratedDisplay
from sklearn_ssl.preprocessing import ChannelWise

STEPS = 1000

X, y = make_waves(
    n_cases=400, n_channels=2, n_timepoints=64, n_classes=2, random_state=0
)
X = ChannelWise(StandardScaler()).fit_transform(X)
X_train, X_test = X[:200], X[200:]

# %%
# The game
# --------
# An untrained generator makes small smooth curves. ``max_steps`` is set, because the
# automatic number of steps is made for the features of the critic, not for samples.
untrained = GANTransformer(max_epochs=0, random_state=0).fit(X_train)
gan = GANTransformer(max_steps=STEPS, random_state=0).fit(X_train)

# %%
# The critic is right about more than half of the series as long as it sees a
# difference. 0.5 would be chance.
fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
ax.plot(gan.net_.history[:, "critic_accuracy"], color="black")
ax.axhline(0.5, color="0.6", linestyle="--")
ax.set(xlabel="epoch", ylabel="accuracy of the critic")

# %%
# Side by side
# ------------
# Four real series and four generated ones, both spectra, and the real series that have
# a generated one nearby.
GeneratedDisplay.from_estimator(untrained, X_test).figure_.suptitle(
    "untrained generator"
)

# %%
GeneratedDisplay.from_estimator(gan, X_test).figure_.suptitle(f"after {STEPS} steps")

# %%
# In numbers
# ----------
# The same report for three kinds of series. The training series are what a perfect
# generator could be. No generator of this size passes the two-sample test, so look at
# the other numbers: they should be far from those of the untrained generator, on the
# way to those of the training series. After 1,000 steps the spectrum is nearer to the
# real one, but hardly any real series has a generated one nearby.
for name, series in {
    "untrained generator": untrained.sample(200, random_state=0),
    f"after {STEPS} steps": gan.sample(200, random_state=0),
    "training series": X_train,
}.items():
    print(f"{name}\n{compare_generated(X_test, series)}\n")
