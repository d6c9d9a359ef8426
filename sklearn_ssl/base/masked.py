"""The base of the methods that hide parts of a series and predict them."""

import abc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._engine.batches import Companion
from sklearn_ssl._engine.random_streams import draw_seed, seeded_stream
from sklearn_ssl._input.collections import validated_collection
from sklearn_ssl._parameters.arguments import check_whole_number
from sklearn_ssl._parameters.hyperparameters import number, recipe
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.architectures import Architecture, Batch
from sklearn_ssl.base.trained import SSLTransformer
from sklearn_ssl.encoders.transformer import small_transformer
from sklearn_ssl.masking import RandomMasking


class Gaps:
    """Where values of the series are unknown, as companion of the series.

    Parameters
    ----------
    unknown : bool Tensor of shape (n_cases, n_channels, n_timepoints)
        True at unknown values. The series have some finite value there, which is neither seen nor predicted.
    """

    def __init__(self, unknown: torch.Tensor) -> None:
        self.unknown = unknown

    def of_rows(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the gaps of these rows."""
        return {"gaps": self.unknown[rows]}

    def to(self, device: torch.device) -> "Gaps":
        """Return the same on a device."""
        return Gaps(self.unknown.to(device))

    def content(self) -> bytes:
        """Return bytes that are equal for equal gaps."""
        return self.unknown.cpu().numpy().tobytes()


class MaskedTransformer(SSLTransformer, abc.ABC):
    """A transformer whose encoder is trained to predict hidden parts of each series.

    `transform` gives whole series to the encoder. It hides nothing and draws no random numbers.

    Parameters
    ----------
    encoder : recipe, callable or torch.nn.Module, default=None
        As for all transformers. None is ``TransformerEncoder(depth=3, width=64, window=8, dropout=0.0)``. An encoder
        with batch normalisation is trained on masked series and applied to whole ones, so that its statistics are off;
        take ``norm="layer"``.
    masking : Masking, default=None
        Draws the windows that are hidden. None is ``RandomMasking()``.
    window : int or "auto", default="auto"
        Number of time steps of the windows that are hidden or seen as a whole. "auto" is the window of the encoder if
        it has one, and else 8, but at most a quarter of the longest series, rounded down to a power of two.
    """

    encoder: Any = recipe(default_factory=small_transformer)
    masking: Any = recipe(default_factory=RandomMasking, needs="hidden")
    window: int | str = number(default="auto", least=1, integer=True, or_else=("auto",))

    def _masked(self, architecture: Callable[..., Architecture], **own: Any) -> Callable[..., Architecture]:
        """Bind what every architecture of this family takes, and what this one takes beyond."""
        return partial(architecture, masking=self.resolved("masking"), window=self.window, **own)

    def _companion(self, y: Any, collection: Any, *, reset: bool) -> Companion | None:
        return y if isinstance(y, Companion) else None


class ReconstructingTransformer(MaskedTransformer, abc.ABC):
    """A masked transformer that predicts values, so that it can fill in what is hidden.

    Its architecture has ``predictions(batch, steps)``, which predicts all values of series from those that are not at
    `steps`.
    """

    has_loss_of_one_series = True

    def reconstruct(
        self, X: Any, *, hidden: Any = None, elsewhere: str = "nan", random_state: Any = None
    ) -> np.ndarray:
        """Hide values of every series and predict them from the others.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `transform`.
        hidden : bool array of shape (n_cases, n_channels, n_timepoints) or None, default=None
            True at the values to hide. Methods that leave out whole windows hide all values of a window of which one
            value is hidden. None draws windows as in training.
        elsewhere : {"nan", "series"}, default="nan"
            What is returned at the values that are not hidden: NaN or the series itself.
        random_state : int, numpy.random.RandomState or None, default=None
            Seed of the draw. None draws a seed from the operating system.

        Returns
        -------
        ndarray of shape (n_cases, n_channels, n_timepoints)
            The predictions, float32. NaN where a series is padded.

        Raises
        ------
        ValueError
            If `hidden` has another shape, or if `elsewhere` is unknown.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_ssl import SimMIMTransformer
        >>> from sklearn_ssl.datasets import make_waves
        >>> X, y = make_waves(n_cases=20, random_state=0)
        >>> transformer = SimMIMTransformer(max_epochs=1, random_state=0).fit(X)
        >>> X_hat = transformer.reconstruct(X, random_state=0)
        >>> X_hat.shape == X.shape, float(np.isnan(X_hat).mean().round(1))
        (True, 0.5)
        """
        if elsewhere not in ("nan", "series"):
            raise ValueError(f"`elsewhere` must be 'nan' or 'series', got {shown(elsewhere)}.")
        check_is_fitted(self)
        net = self.net_
        collection = validated_collection(self, X, reset=False, in_pieces=True)
        dataset = net.series(collection, _as_gaps(hidden, collection.values.shape))
        with seeded_stream(draw_seed(random_state), torch.device(net.device)):
            parts = list(net.over_batches(dataset, partial(_reconstruction, net.module_, elsewhere == "series")))
        return torch.cat(parts).numpy()

    def reconstruction_error(self, X: Any, *, n_draws: int = 10, random_state: Any = None) -> np.ndarray:
        r"""Return how badly the hidden values of every series are predicted: a score of anomaly.

        Windows are hidden at random `n_draws` times, as in training. With :math:`H_i` the hidden values of series i
        over all draws, the error is

        .. math:: \frac{1}{|H_i|} \sum_{(c, t) \in H_i} (\hat x_{ict} - x_{ict})^2.

        Parameters
        ----------
        X : array or list of arrays
            The series, as for `transform`.
        n_draws : int, default=10
            Number of draws.
        random_state : int, numpy.random.RandomState or None, default=None
            Seed of the draws. None draws a seed from the operating system.

        Returns
        -------
        ndarray of shape (n_cases,)
            The errors, float64. NaN for a series of one window: nothing of it can be hidden.

        Raises
        ------
        ValueError
            If `n_draws` is not a whole number of at least 1.
        """
        check_whole_number("n_draws", n_draws, least=1)
        check_is_fitted(self)
        values = validated_collection(self, X, reset=False).values  # (n, C, L)
        seed = draw_seed(random_state)
        total, count = np.zeros(len(values)), np.zeros(len(values))
        for draw in range(n_draws):
            errors = np.square(self.reconstruct(X, random_state=seed + draw) - values, dtype=np.float64)
            total += np.nansum(errors, axis=(1, 2))
            count += np.isfinite(errors).sum(axis=(1, 2))
        return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)


def _reconstruction(module: Any, with_series: bool, batch: Batch) -> torch.Tensor:
    """Predict hidden values (B, C, L): those given as companion, or else random ones."""
    asked = batch.companion.get("gaps")
    steps = module.hide(batch).steps if asked is None else asked  # (B, C, L)
    predicted = torch.where(steps, module.predictions(batch, steps), batch.x if with_series else torch.nan)
    return batch.without_padding(predicted)


def _as_gaps(hidden: Any, shape: tuple[int, ...]) -> Gaps | None:
    if hidden is None:
        return None
    hidden = np.asarray(hidden)
    if hidden.dtype != bool or hidden.shape != tuple(shape):
        raise ValueError(
            f"`hidden` must be a Boolean array of the shape of the series, {tuple(shape)}, got {hidden.dtype} of shape "
            f"{hidden.shape}."
        )
    return Gaps(torch.tensor(hidden))
