"""
Masked autoencoder: hide and predict
====================================

A masked autoencoder hides most of every series and predicts it from the rest. Here is
the whole way: what is hidden, what the model predicts before and after training, and
what its features are worth to a classifier. The untrained encoder and MiniRocket stand
next to it, with the same labels.
"""

# %%
# The data
# --------
# The height of a hand that draws a gun or only points: one channel, two classes, 50
# series to learn from and 150 for the test. The set ships with aeon. The channel is
# scaled first, because a masked model predicts values.
import matplotlib.pyplot as plt
import numpy as np
from aeon.datasets import load_classification
from aeon.transformations.collection.convolution_based import MiniRocket
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import MAETransformer, RandomEncoderTransformer
from sklearn_ssl.encoders import TransformerEncoder
from sklearn_ssl.masking import RandomMasking
from sklearn_ssl.plotting import ReconstructionDisplay
from sklearn_ssl.preprocessing import ChannelWise

X_train, y_train = load_classification("GunPoint", split="train")
X_test, y_test = load_classification("GunPoint", split="test")
scaler = ChannelWise(StandardScaler()).fit(X_train)
Z_train, Z_test = scaler.transform(X_train), scaler.transform(X_test)

# %%
# What is hidden
# --------------
# A recipe draws the hidden windows: here three quarters of the windows of eight steps.
encoder = TransformerEncoder(depth=3, width=64, window=8, dropout=0.0)
masking = RandomMasking(ratio=0.75)
mae = MAETransformer(
    encoder=encoder, masking=masking, max_steps=600, lr=2e-3, random_state=0
).fit(Z_train)
untrained = MAETransformer(
    encoder=encoder, masking=masking, max_epochs=0, random_state=0
).fit(Z_train)

# %%
# What is predicted
# -----------------
# One test series: black where it can be seen, shaded where it was hidden. Before
# training the predictions say nothing.
figure, axes = plt.subplots(2, 1, figsize=(6, 4), sharex=True, layout="constrained")
for ax, (name, model) in zip(
    axes, {"before training": untrained, "after training": mae}.items(), strict=True
):
    ReconstructionDisplay.from_estimator(model, Z_test, case=4, random_state=1, ax=ax)
    ax.set_title(name, loc="left")
    ax.set_ylabel("height")

# %%
# How well, in numbers: the mean squared error at hidden values of the test series.
# Always predicting 0, the mean of scaled series, has the error in the last line.
for name, model in {"before training": untrained, "after training": mae}.items():
    print(f"{name:16s} {model.reconstruction_error(Z_test, random_state=0).mean():.2f}")
print(f"{'predicting 0':16s} {np.square(Z_test).mean():.2f}")

# %%
# What the features are worth
# ---------------------------
# A small error does not have to mean good features: a smooth series can be predicted
# without knowing its class. So judge features by a probe, next to the same encoder
# untrained. With all labels they gain nothing over it, and MiniRocket is ahead of both.
# Published gains of masked modelling are for far more series, and for fine-tuning.
features = {
    "MAE": mae,
    "the same encoder, untrained": RandomEncoderTransformer(
        encoder=encoder, random_state=0
    ).fit(Z_train),
    "MiniRocket": MiniRocket(random_state=0).fit(Z_train),
}
accuracy = {}
for name, model in features.items():
    probe = make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(-3, 4, 15)))
    probe.fit(model.transform(Z_train), y_train)
    accuracy[name] = probe.score(model.transform(Z_test), y_test)
    print(f"{name:30s} {accuracy[name]:.3f}")

# %%
# The same with 1, 2, 4 and 8 labels per class. Each number is the mean over ten draws
# of labels from the training part. With eight the trained encoder is ahead of the
# untrained one. MiniRocket is ahead of both with any number.
rng = np.random.default_rng(0)
numbers = (1, 2, 4, 8)
for name, model in features.items():
    H_train, H_test = (
        np.asarray(model.transform(Z_train)),
        np.asarray(model.transform(Z_test)),
    )
    scores = np.empty((len(numbers), 10))
    for row, n_labels in enumerate(numbers):
        for draw in range(10):
            chosen = np.concatenate(
                [
                    rng.permutation(np.flatnonzero(y_train == c))[:n_labels]
                    for c in np.unique(y_train)
                ]
            )
            probe = make_pipeline(
                StandardScaler(), RidgeClassifierCV(np.logspace(-3, 4, 15))
            )
            scores[row, draw] = probe.fit(H_train[chosen], y_train[chosen]).score(
                H_test, y_test
            )
    print(f"{name:30s}", *(f"{mean:.3f}" for mean in scores.mean(axis=1)))

plt.show()
