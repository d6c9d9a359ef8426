"""Small masked methods, and maskings that hide what a test asks for."""

import dataclasses
from typing import Any

import torch

import sklearn_ssl
from sklearn_ssl.architectures import Batch
from sklearn_ssl.base import SSLTransformer
from sklearn_ssl.encoders import TransformerEncoder
from sklearn_ssl.masking import Masking

N_CASES, N_CHANNELS, N_STEPS, WINDOW = 6, 2, 24, 4
LENGTHS = torch.tensor([24, 9, 16, 4, 2, 23])
TOKENS = TransformerEncoder(depth=2, width=8, n_heads=2, window=WINDOW, dropout=0.0)

PUBLIC = [getattr(sklearn_ssl, name) for name in sklearn_ssl.__all__]
TRAINED = [one for one in PUBLIC if isinstance(one, type) and issubclass(one, SSLTransformer)]
MASKED = [cls for cls in TRAINED if "masking" in cls().get_params(deep=False)]


class Stub(Masking):
    """Hide given windows of each series.

    Parameters
    ----------
    windows : Tensor or None, default=None
        True at hidden windows, (B, T).
    """

    windows: Any = None

    def draw(self, n_windows, n_total):
        windows = torch.zeros(len(n_windows), n_total, dtype=torch.bool)
        known = self.windows.repeat_interleave(len(n_windows) // len(self.windows), dim=0)
        windows[:, : known.shape[1]] = known[:, :n_total]
        return windows & (torch.arange(n_total) < n_windows[:, None])

    def most_visible(self, n_total):
        return None

    def most_hidden(self, n_total):
        return None


HIDDEN = torch.tensor(
    [[0, 1, 0, 1, 1, 0], [1, 0, 0, 0, 0, 0], [0, 1, 0, 1, 0, 0], [0] * 6, [0] * 6, [1, 0, 1, 0, 0, 1]]
).bool()


@dataclasses.dataclass(frozen=True)
class Setting:
    """How a method is tested.

    Attributes
    ----------
    parameters : dict
        What its small instance gets.
    encoders : tuple of Encoder
        Further encoders that it must work with.
    predicts : bool
        Whether the first output of its architecture is a prediction that must not depend on hidden values, and the
        last one or the mask says where it counts.
    """

    parameters: dict = dataclasses.field(default_factory=dict)
    encoders: tuple = ()
    predicts: bool = True


def small_masked(cls, setting, **parameters):
    """Return an unfitted transformer whose fit takes milliseconds."""
    known = cls().get_params(deep=False)
    common = {"encoder": TOKENS, "max_epochs": 2, "batch_size": 4, "device": "cpu", "random_state": 0}
    common = {name: value for name, value in common.items() if name in known}
    return cls(**{**common, **setting.parameters, **parameters})


def series(n_steps=N_STEPS, n_cases=N_CASES, seed=0):
    """Return random walks."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n_cases, N_CHANNELS, n_steps, generator=generator).cumsum(2) / 3


def padded(x, lengths):
    """Set what is beyond the lengths to zero."""
    return torch.where(torch.arange(x.shape[2]) < lengths[:, None, None], x, 0.0)


def batch_of(x, lengths=None):
    """Return a batch of the first series of the data."""
    return Batch(x if lengths is None else padded(x, lengths), lengths, torch.arange(len(x)))


def module_of(transformer, x, windows):
    """Return the module of a transformer that was fitted to series, hiding given windows from now on."""
    module = transformer.fit(x.numpy()).net_.module_
    for part in module.modules():
        if hasattr(part, "masking"):
            part.masking = Stub(windows=windows)
    return module
