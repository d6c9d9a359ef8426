"""
Pretext tasks: rotation, jigsaw, colorization
=============================================

Three methods learn from questions whose answers are known without labels: how was a
series changed, in which order are its pieces, what is the value of a hidden channel?
Here each question is asked about series that can answer it and about series that
cannot. Held-out series tell the difference.
"""

# %%
# The data
# --------
# The demand for electric power in Italy over a day, by the hour: 67 days to learn from
# and 1,029 for the test. The set ships with aeon. Next to it are two sets of the same
# shape that cannot answer the first two questions: sine waves, which look alike
# backwards and upside down, and white noise.
import matplotlib.pyplot as plt
import numpy as np
import torch
from aeon.datasets import load_basic_motions, load_classification
from aeon.transformations.collection.convolution_based import MiniRocket
from sklearn.linear_model import RidgeClassifierCV
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import (
    ColorizationTransformer,
    JigsawTransformer,
    RandomEncoderTransformer,
    RotationTransformer,
)
from sklearn_ssl.augmentations import NumberedTransformations
from sklearn_ssl.preprocessing import ChannelWise

X_train, y_train = load_classification("ItalyPowerDemand", split="train")
X_test, y_test = load_classification("ItalyPowerDemand", split="test")
rng = np.random.default_rng(0)


def sines(n_cases):
    """Make sine waves with one to three cycles."""
    turns = rng.uniform(1, 3, (n_cases, 1, 1)) * np.linspace(0, 1, 24) + rng.uniform(
        size=(n_cases, 1, 1)
    )
    return np.sqrt(2) * np.sin(2 * np.pi * turns)


sets = {
    "power demand": (X_train, X_test),
    "sine waves": (sines(67), sines(1029)),
    "white noise": (rng.normal(size=(67, 1, 24)), rng.normal(size=(1029, 1, 24))),
}

# %%
# Rotation: what the encoder sees
# -------------------------------
# Three days in four forms. Which one is real can be seen: demand falls at night and
# rises in the morning.
transformations = NumberedTransformations()
days = torch.tensor(X_train[:3], dtype=torch.float32)
figure, axes = plt.subplots(
    2, 2, figsize=(5, 3.6), sharex=True, sharey=True, layout="constrained"
)
for number, (ax, name) in enumerate(
    zip(axes.flat, transformations.descriptions, strict=True)
):
    ax.plot(
        transformations(days, torch.full((3,), number))[:, 0].T, color="C0", alpha=0.6
    )
    ax.set(title=f"{number}: {name}")
figure.supxlabel("hour")
figure.supylabel("scaled demand")

# %%
# Rotation: what it answers
# -------------------------
# One confusion matrix for each set, of series that were held out. Sine waves and noise
# stay at chance: the rows of a matrix are about the same, so the answer does not depend
# on the question. On the training series the answers are often right all the same,
# because the network learns them by heart. So always look at series that were held out.


def confusion(transformer, answers, question, **style):
    """Train on each set, ask about its held-out series, and draw how the answers depend
    on the question.
    """
    _, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
    for ax, (name, (train, test)) in zip(axes, sets.items(), strict=True):
        number, predicted = (
            one.ravel()
            for one in transformer.fit(train).predict_pretext(test, random_state=0)
        )
        right, trained = (number == predicted).mean(), transformer.pretext_accuracy_
        print(
            f"{name:14s} training {trained:.2f}  held out {right:.2f}  chance "
            f"{transformer.pretext_chance_:.2f}"
        )
        style = {
            "normalize": "true",
            "im_kw": {"vmin": 0, "vmax": 1},
            "colorbar": False,
            **style,
        }
        ConfusionMatrixDisplay.from_predictions(
            number, predicted, display_labels=answers, ax=ax, **style
        )
        ax.set(title=f"{name}: {right:.2f} right", xlabel="answer", ylabel=question)


rotation = RotationTransformer(
    transformations=transformations, max_steps=300, random_state=0
)
confusion(
    rotation,
    transformations.descriptions,
    "transformation",
    values_format=".2f",
    xticks_rotation=35,
)

# %%
# Jigsaw: what the encoder sees
# -----------------------------
# Pieces of three cells of eight hours, each a little shorter than its cell, at a random
# place in it, standardised, and in one of six orders.
jigsaw = JigsawTransformer(n_segments=3, max_steps=300, random_state=0).fit(X_train)
orders = [
    " ".join(map(str, order)) for order in jigsaw.net_.module_.permutations.tolist()
]
print("The orders:", ", ".join(orders))

# %%
# Jigsaw: what it answers
# -----------------------
# A row is an order, a column an answer. Each part of a day tells its time. Pieces of
# noise say nothing, and pieces of a wave say a little, because one goes on where the
# other ends.
confusion(
    jigsaw, orders, "order of the pieces", values_format=".1f", xticks_rotation=60
)

# %%
# Colorization: a hidden channel
# ------------------------------
# A smart watch has six channels that move together: three of acceleration and three of
# turning. Each is predicted from the other five. In a second copy of the data every
# channel comes from a different recording, so that channels have nothing to do with
# each other.
motions, _ = load_basic_motions(split="train")
held_out, _ = load_basic_motions(split="test")
scaler = ChannelWise(StandardScaler()).fit(motions)
motions, held_out = scaler.transform(motions), scaler.transform(held_out)


def mixed(X):
    """Take every channel from another recording."""
    return np.stack(
        [X[rng.permutation(len(X)), channel] for channel in range(X.shape[1])], axis=1
    )


copies = {
    "channels of one recording": (motions, held_out),
    "channels of different recordings": (mixed(motions), mixed(held_out)),
}
figure, axes = plt.subplots(1, 2, figsize=(10, 2.6), sharey=True, layout="constrained")
for ax, (name, (train, test)) in zip(axes, copies.items(), strict=True):
    colorization = ColorizationTransformer(max_steps=600, lr=3e-3, random_state=0).fit(
        train
    )
    predicted = [colorization.colorize(test, channel) for channel in range(6)]
    agreement = [
        np.corrcoef(test[:, channel].ravel(), predicted[channel].ravel())[0, 1]
        for channel in range(6)
    ]
    print(f"{name:33s} correlation", *(f"{one:.2f}" for one in agreement))
    case = 12
    ax.plot(test[case, 0], color="0.6", label="channel 0")
    ax.plot(predicted[0][case], color="C3", label="predicted from the others")
    ax.set(title=name, xlabel="time step")
axes[0].set_ylabel("scaled acceleration")
axes[1].legend(loc="lower right", fontsize="small")

# %%
# What the features are worth
# ---------------------------
# The class of a day is its season. Each number is the accuracy of a linear classifier
# with all labels of the training days. A question that is answered well can still be
# answered without what tells the classes apart, so the untrained encoder and MiniRocket
# belong into every such table.
models = {
    "rotation": RotationTransformer(max_steps=300, random_state=0),
    "jigsaw": JigsawTransformer(n_segments=3, max_steps=300, random_state=0),
    "colorization": ColorizationTransformer(max_steps=300, random_state=0),
    "the same encoder, untrained": RandomEncoderTransformer(random_state=0),
    "MiniRocket": MiniRocket(random_state=0),
}
for name, model in models.items():
    probe = make_pipeline(
        model, StandardScaler(), RidgeClassifierCV(np.logspace(-3, 4, 15))
    )
    print(f"{name:30s} {probe.fit(X_train, y_train).score(X_test, y_test):.3f}")

plt.show()
