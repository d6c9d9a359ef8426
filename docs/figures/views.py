"""One series and a random view of it by each augmentation."""

import matplotlib.pyplot as plt
import numpy as np
import torch

from sklearn_ssl import augmentations

names = [
    *("Jitter", "RandomNoise", "Scaling", "LevelShift", "MagnitudeWarp", "RandomSmoothing", "SignFlip", "Rotation"),
    *("CropResize", "RandomCrop", "TimeShift", "TimeWarp", "TimeStretch", "WindowWarp", "SpeedChange", "TimeReversal"),
    *(
        "Permutation",
        "FrequencyMask",
        "FrequencyPerturbation",
        "Blockout",
        "ChannelDropout",
        "ChannelReversal",
        "Mixup",
    ),
]
stronger = {  # than the defaults, so that the changes can be seen
    "RandomNoise": {"strength": 0.4},
    "Scaling": {"sigma": 0.4},
    "LevelShift": {"sigma": 0.5},
    "RandomSmoothing": {"strength": 1.0},
    "SignFlip": {"p": 1.0},
    "CropResize": {"min_ratio": 0.3},
    "RandomCrop": {"min_ratio": 0.3},
    "TimeReversal": {"p": 1.0},
    "FrequencyMask": {"ratio": 0.3},
    "FrequencyPerturbation": {"amplitude": 0.5, "phase": 0.5},
    "Blockout": {"ratio": 0.3},
    "ChannelDropout": {"p": 0.5},
    "ChannelReversal": {"p": 1.0},
    "Mixup": {"alpha": 5.0},
}
time = np.arange(100)
noise = np.random.default_rng(0).normal(scale=0.06, size=(3, 100))
first = np.exp(-(((time - 30) / 5) ** 2)) - 0.4 * np.exp(-(((time - 42) / 6) ** 2)) + 0.6 * (time > 70)
second = 0.5 * np.sin(time / 4) + 1.2
third = 0.2 * np.cos(time / 9) - 1.2
x = torch.tensor(
    np.stack([np.stack([first, second, third]) + noise, np.stack([second, first, third])]), dtype=torch.float32
)
figure, axes = plt.subplots(6, 4, figsize=(10, 9), sharex=True, sharey=True, layout="constrained")
for ax, name in zip(axes.flat, names, strict=False):
    torch.manual_seed(11)
    view = getattr(augmentations, name)(**stronger.get(name, {}))(x)[0]
    ax.plot(x[0].T, color="0.8", linewidth=1)
    ax.plot(view.T, linewidth=0.9)
    ax.set_title(name, fontsize="small")
    ax.set_yticks([])
axes.flat[-1].axis("off")
for ax in axes[-1]:
    ax.set_xlabel("time step", fontsize="small")
