"""Encoders that turn windows into codes."""

from typing import Any

import torch
from torch import nn

from sklearn_ssl._input.padding import zero_padding
from sklearn_ssl.architectures._base import Architecture, maps
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._bounded import at_most, of_series
from sklearn_ssl.architectures._codebook import Codebook
from sklearn_ssl.architectures._decoders import VectorDecoder
from sklearn_ssl.architectures._frozen import FrozenEncoder
from sklearn_ssl.architectures._window_steps import (
    check_halves,
    map_stride,
    mask_of_windows,
    of_window_values,
    whole_window,
    window_means,
    window_values,
)
from sklearn_ssl.losses._vectors import unit_length

START_CASES = 64  # series that are encoded at once for the start of the codebook
FEWEST_WINDOWS = 4  # of the training, for each code


class CodebookArchitecture(Architecture):
    r"""Each window gets one of K codes, from which a small decoder predicts something of all windows.

    A linear map of the features of a window, divided by its length, is z. The decoder sees the nearest vector of the
    codebook in its place, and the gradient goes to z as if z had been seen. A subclass builds the decoder.

    Parameters
    ----------
    window : int or "auto"
        Number of time steps w of a window. "auto" is the stride of the encoder if that is above 1, and else 8, but at
        most a quarter of the longest series, rounded down to a power of two.
    n_codes : int
        Number of codes K. More than a quarter of the windows of all series is reduced to that, with a warning.
    code_width : int
        Number of values d of a vector of the codebook.
    decay : float
        Share of a vector of the codebook that stays in each step.
    **common : dict
        Parameters of `Architecture`.

    Attributes
    ----------
    window : int
        Number of time steps of a window.
    codebook : torch.nn.Module
        The vectors of the codes.
    decoder : torch.nn.Module
        Maps vectors of windows (B, T, d) to predictions.

    Raises
    ------
    ValueError
        If the encoder pools over time, if a window is no multiple of the stride of the encoder, or if a window is
        longer than half of the longest series.
    """

    decoder: nn.Module

    def __init__(
        self,
        *,
        window: int | str,
        n_codes: int,
        code_width: int,
        decay: float,
        n_channels: int,
        n_timepoints: int,
        **common: Any,
    ) -> None:
        super().__init__(n_channels=n_channels, n_timepoints=n_timepoints, **common)
        self.stride = map_stride(self.encoder, n_timepoints, self.n_steps)
        self.window = whole_window(window, self.stride, n_timepoints)
        check_halves(self.window, n_timepoints)
        n_windows = self.n_cases * -(-n_timepoints // self.window)
        n_codes = at_most("n_codes", n_codes, max(n_windows // FEWEST_WINDOWS, 2), of_series(self.n_cases))
        self.n_channels = n_channels
        self.code_head = nn.Linear(self.widths[-1], code_width)
        self.codebook = Codebook(n_codes, code_width, decay)

    def new_decoder(self, n_out: int) -> nn.Module:
        """Return a decoder that predicts so many values of a window."""
        return VectorDecoder(self.codebook.vectors.shape[1], self.widths[-1], n_out)

    def adapt(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> None:
        """Let the encoder set values that it does not learn from series x (N, C, L), and start the codebook there."""
        super().adapt(x, lengths)
        parts = [None] * len(x) if lengths is None else lengths.split(START_CASES)
        found = [self.embedded(*both) for both in zip(x.split(START_CASES), parts, strict=False)]
        self.codebook.start(torch.cat([z[seen] for z, seen in found]))

    def decoded(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return predictions (B, T, n), z and its code vectors (B, T, d), and which windows are seen (B, T)."""
        z, seen = self.embedded(batch.x, batch.lengths)
        codes = self.codebook.nearest(z)
        vectors = self.codebook.vectors[codes]
        prediction = self.decoder(z + (vectors - z).detach(), seen)
        if self.training:
            self.codebook.follow(z.detach(), codes, seen)
        return prediction, z, vectors, seen

    def embedded(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the unit vectors z (B, T, d) of the windows of x (B, C, L), and which are seen (B, T)."""
        layers, mask = maps(self.encoder, x, lengths)
        z = self.code_head(window_means(layers[-1], mask, self.window // self.stride))  # (B, T, d)
        seen = torch.ones_like(z[..., 0], dtype=torch.bool) if mask is None else mask_of_windows(mask, self.window)
        return unit_length(z.float()), seen

    def codes(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return the codes of the windows of x (B, C, L), int (B, T); -1 at windows of padding."""
        z, seen = self.embedded(x, lengths)
        return torch.where(seen, self.codebook.nearest(z), -1)


class TokenizerArchitecture(CodebookArchitecture):
    """The decoder predicts the values of the windows.

    Parameters
    ----------
    **tokenizer : dict
        Parameters of `CodebookArchitecture`.
    """

    def __init__(self, **tokenizer: Any) -> None:
        super().__init__(**tokenizer)
        self.decoder = self.new_decoder(self.n_channels * self.window)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return predictions, values and their weights (B, T, C w), z and its code vectors (B, T, d), and seen (B, T).

        The codebook moves after the codes were read, in training mode only.
        """
        prediction, z, vectors, seen = self.decoded(batch)
        weight = torch.ones_like(batch.x) if batch.mask is None else batch.mask[:, None].expand_as(batch.x)
        values, weight = window_values(batch.x, self.window), window_values(weight, self.window)
        return prediction, values, weight.to(values.dtype), z, vectors, seen


class DistilledTokenizerArchitecture(CodebookArchitecture):
    """The decoder predicts the features that a teacher has of the windows.

    Parameters
    ----------
    teacher : Architecture
        The fitted module of the teacher, whose encoder is copied.
    **tokenizer : dict
        Parameters of `CodebookArchitecture`.

    Attributes
    ----------
    teacher : torch.nn.Module
        The copy. It never changes.
    """

    def __init__(self, *, teacher: Architecture, n_timepoints: int, **tokenizer: Any) -> None:
        super().__init__(n_timepoints=n_timepoints, **tokenizer)
        self.teacher = FrozenEncoder(teacher.encoder, self.window, self.n_channels, n_timepoints)
        self.decoder = self.new_decoder(self.teacher.n_features)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return predictions and the teacher's features (B, T, D), z and its vectors (B, T, d), and seen (B, T)."""
        prediction, z, vectors, seen = self.decoded(batch)
        return prediction, self.teacher.windows(batch.x, batch.lengths), z, vectors, seen


class PerceptualTokenizerArchitecture(TokenizerArchitecture):
    """The predicted series shall also look like the series to a teacher.

    Parameters
    ----------
    teacher : Architecture
        The fitted module of the teacher, whose encoder is copied.
    **tokenizer : dict
        Parameters of `CodebookArchitecture`.

    Attributes
    ----------
    teacher : torch.nn.Module
        The copy. It never changes, but the gradient goes through it.
    """

    def __init__(self, *, teacher: Architecture, n_timepoints: int, **tokenizer: Any) -> None:
        super().__init__(n_timepoints=n_timepoints, **tokenizer)
        self.teacher = FrozenEncoder(teacher.encoder, self.window, self.n_channels, n_timepoints)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return the same, the teacher's maps of the series and of the predicted ones (B, L', D), and seen (B, L')."""
        outputs = super().forward(batch)
        predicted = zero_padding(of_window_values(outputs[0], self.n_channels, batch.x.shape[2]), batch.mask)
        with torch.no_grad():
            maps_of_series, seen = self.teacher.unit_maps(batch.x, batch.lengths)
        return (*outputs, maps_of_series, self.teacher.unit_maps(predicted, batch.lengths)[0], seen)
