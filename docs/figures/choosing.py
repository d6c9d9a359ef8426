"""Which method to try first."""

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(10, 4.4), layout="constrained")
ax.axis("off")
ax.set(xlim=(0, 10), ylim=(0, 4.6))
styles = {"question": {"fc": "0.92", "ec": "0.6"}, "answer": {"fc": "white", "ec": "black"}}


def box(x, y, text, kind, width, height=0.66):
    patch = plt.Rectangle((x, y - height / 2), width, height, **styles[kind])
    ax.add_patch(patch)
    ax.text(x + width / 2, y, text, ha="center", va="center", fontsize="small", linespacing=1.35)


def arrow(start, end):
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "0.3", "shrinkA": 1, "shrinkB": 1})


box(0, 3.3, "a vector or a class\nfor each series", "question", 1.7)
rows = {
    4.2: ("labels for most series", "WCCNTransformer, MiniRocket"),
    3.3: ("labels for a few", "SSLClassifier, SSLRegressor"),
    2.4: ("no labels", "WCCNTransformer"),
}
for y, (labels, method) in rows.items():
    box(2.3, y, labels, "question", 1.8)
    arrow((1.7, 3.3), (2.3, y))
    box(4.6, y, method, "answer", 2.2)
    arrow((4.1, y), (4.6, y))
    arrow((6.8, y), (7.3, y))
then = """then, if it is not enough:
VICRegTransformer, if you know
changes that do no harm;
MAETransformer or
TS2VecTransformer, if not

always next to
RandomEncoderTransformer"""
box(7.3, 3.3, then, "answer", 2.5, height=2.46)
box(0, 0.8, "something else", "question", 1.7)
others = [
    ("gaps, anomalies:\nMaskedImputer, MAETransformer", 2.3, 1.3, 2.4),
    ("features per time step:\nTS2VecTransformer", 4.9, 1.3, 2.2),
    ("how often it repeats:\nSimPerTransformer", 7.3, 1.3, 2.5),
    ("new series:\nTimeVAETransformer", 2.3, 0.4, 2.4),
    ("texts or metadata:\nCLIPTransformer", 4.9, 0.4, 2.2),
    ("a stream, class after class:\nReplayTransformer", 7.3, 0.4, 2.5),
]
for text, x, y, width in others:
    box(x, y, text, "answer", width)
for y in (1.3, 0.4):
    arrow((1.7, 0.8), (2.3, y))
