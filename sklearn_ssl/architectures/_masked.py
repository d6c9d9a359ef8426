"""Encoders that see a part of each series."""

import dataclasses
import math
from typing import Any

import torch
from torch import nn

from sklearn_ssl._parameters.notices import warn_caller
from sklearn_ssl._processes.rows import over_rows
from sklearn_ssl.architectures._base import Architecture, maps
from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._decoders import TokenDecoder, ValueHead
from sklearn_ssl.architectures._window_steps import (
    check_halves,
    map_stride,
    mask_of_windows,
    of_window_values,
    resolved_window,
    shown_encoder,
    whole_window,
    window_means,
    window_values,
)
from sklearn_ssl.encoders._tokens import TokenEncoderModule, windows_of
from sklearn_ssl.losses._reconstruction import normalised_windows


@dataclasses.dataclass(frozen=True)
class Hidden:
    """What is hidden of a batch.

    Parameters
    ----------
    windows : bool Tensor of shape (B, G, T)
        True at hidden windows. G is 1 if all channels are hidden together.
    seen : bool Tensor of shape (B, T)
        True at windows that have an observed step.
    steps : bool Tensor of shape (B, C, L)
        True at hidden values that are known. Padding is not among them.
    gaps : bool Tensor of shape (B, C, L) or None, default=None
        True at values that are unknown, so that they can be neither seen nor predicted.
    """

    windows: torch.Tensor
    seen: torch.Tensor
    steps: torch.Tensor
    gaps: torch.Tensor | None = None


class MaskedArchitecture(Architecture):
    """An encoder from which a part of each series is hidden.

    A batch may have a companion "gaps", (B, C, L), which is True at values that are unknown. The encoder does not see
    them, and they are no targets.

    Parameters
    ----------
    masking : Masking
        Draws the hidden windows.
    window : int or "auto"
        Number of time steps w of a window. "auto" is the stride of the encoder if that is above 1, and else 8, but at
        most a quarter of the longest series, rounded down to a power of two.
    **common : dict
        Parameters of `Architecture`.

    Attributes
    ----------
    window : int
        Number of time steps of a window.
    stride : int
        Number of time steps that one step of the encoder's map covers.

    Raises
    ------
    ValueError
        If a window is longer than half of the longest series, or if the encoder pools over time.
    """

    def __init__(self, *, masking: Any, window: int | str, n_channels: int, n_timepoints: int, **common: Any) -> None:
        super().__init__(n_channels=n_channels, n_timepoints=n_timepoints, **common)
        self.masking = masking
        self.stride = self._stride(n_timepoints)
        self.window = self._window(window, n_timepoints)
        check_halves(self.window, n_timepoints)
        _warn_of_batch_norm(self.encoder)

    def _stride(self, n_timepoints: int) -> int:
        """Return how many time steps one step of the encoder's map covers."""
        return map_stride(self.encoder, n_timepoints, self.n_steps)

    def _window(self, window: int | str, n_timepoints: int) -> int:
        """Return the number of steps of a window."""
        return resolved_window(window, self.stride, n_timepoints)

    def hide(self, batch: Batch) -> Hidden:
        """Draw what is hidden of a batch."""
        x, lengths = batch.x, batch.lengths
        n_total = -(-x.shape[2] // self.window)  # T
        n_windows = torch.full((len(x),), n_total, device=x.device)
        if lengths is not None:
            n_windows = (lengths + self.window - 1).div(self.window, rounding_mode="floor")
        return self.hidden_by(self.masking.hidden(n_windows, n_total, x.shape[1]), batch)

    def hidden_by(self, windows: torch.Tensor, batch: Batch) -> Hidden:
        """Complete hidden windows (B, G, T) by what follows from them."""
        mask = batch.mask
        seen = torch.ones_like(windows[:, 0]) if mask is None else mask_of_windows(mask, self.window)
        steps = windows.repeat_interleave(self.window, dim=2)[:, :, : batch.x.shape[2]].expand_as(batch.x)  # (B, C, L)
        steps = steps if mask is None else steps & mask[:, None]
        gaps = batch.companion.get("gaps")
        if gaps is None:
            return Hidden(windows, seen, steps)
        gaps = gaps[:, :, : batch.x.shape[2]]
        return Hidden(windows, seen, steps & ~gaps, gaps)

    def hidden_windows(self, hidden: Hidden) -> torch.Tensor:
        """Tell which windows have a hidden value that is known: (B, T)."""
        return windows_of(hidden.steps, self.window).any(3).any(1)

    def window_features(self, h: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Average a map (B, D, L') over the observed steps of each window: (B, T, D)."""
        return window_means(h, mask, self.window // self.stride)


class FilledArchitecture(MaskedArchitecture):
    """Hidden values are replaced by learnt ones before the encoder.

    Parameters
    ----------
    **masked : dict
        Parameters of `MaskedArchitecture`.

    Attributes
    ----------
    fill : Parameter of shape (C, 1)
        The values that replace hidden ones. Zeros would look like a flat stretch of standardised data.
    """

    def __init__(self, *, n_channels: int, **masked: Any) -> None:
        super().__init__(n_channels=n_channels, **masked)
        self.fill = nn.Parameter(torch.zeros(n_channels, 1))

    def replaced(self, x: torch.Tensor, hidden: Hidden) -> torch.Tensor:
        """Put the fill in the place of hidden and unknown values of x (B, C, L)."""
        return torch.where(hidden.steps, self.fill.to(x.dtype), self.known(x, hidden))

    def known(self, x: torch.Tensor, hidden: Hidden) -> torch.Tensor:
        """Put the fill in the place of unknown values of x (B, C, L) only."""
        return x if hidden.gaps is None else torch.where(hidden.gaps, self.fill.to(x.dtype), x)


class WindowTargetArchitecture(FilledArchitecture):
    """Targets that belong to whole windows, so that a window must be a multiple of the encoder's stride.

    Parameters
    ----------
    **masked : dict
        Parameters of `MaskedArchitecture`.
    """

    def _window(self, window: int | str, n_timepoints: int) -> int:
        return whole_window(window, self.stride, n_timepoints)


class ReplacedArchitecture(FilledArchitecture):
    """Hidden values are replaced before the encoder, and predicted from its map.

    Parameters
    ----------
    **masked : dict
        Parameters of `MaskedArchitecture`.

    Attributes
    ----------
    head : torch.nn.Module
        Maps the encoder's map (B, D, L') to predictions (B, C, L).
    """

    def __init__(self, *, n_channels: int, **masked: Any) -> None:
        super().__init__(n_channels=n_channels, **masked)
        self.head: nn.Module = ValueHead(self.widths[-1], n_channels, self.stride)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return predictions, values, and the weights of the values, each (B, C, L)."""
        hidden = self.hide(batch)
        return self._predicted(batch, hidden), batch.x, hidden.steps.to(batch.x.dtype)

    def predictions(self, batch: Batch, steps: torch.Tensor) -> torch.Tensor:
        """Predict all values (B, C, L) of series whose values at `steps` are hidden."""
        return self._predicted(batch, Hidden(steps, steps, steps))

    def _predicted(self, batch: Batch, hidden: Hidden) -> torch.Tensor:
        layers, mask = maps(self.encoder, self.replaced(batch.x, hidden), batch.lengths)
        return self.decoded(layers[-1], mask, batch.x.shape[2])

    def decoded(self, h: torch.Tensor, mask: torch.Tensor | None, n_timepoints: int) -> torch.Tensor:
        """Map (B, D, L') to values (B, C, L)."""
        return self.head(h, n_timepoints)


class VisibleArchitecture(MaskedArchitecture):
    """Hidden windows are left out: their tokens never enter the encoder.

    Parameters
    ----------
    **masked : dict
        Parameters of `MaskedArchitecture`.

    Raises
    ------
    TypeError
        If the encoder has no tokens that can be left out.
    ValueError
        If `window` is not the window of the encoder, or if channels are hidden apart and a token holds all of them.
    """

    encoder: TokenEncoderModule

    def __init__(self, *, n_channels: int, **masked: Any) -> None:
        super().__init__(n_channels=n_channels, **masked)
        self.n_channels = n_channels
        if self.masking.channels == "apart" and self.encoder.n_groups(n_channels) != n_channels:
            raise ValueError(
                "Channels can be hidden apart only if each has tokens of its own: take "
                'encoder=ChannelTransformerEncoder(), or channels="together" in `masking`.'
            )

    def _stride(self, n_timepoints: int) -> int:
        check_tokens(self.encoder)
        return super()._stride(n_timepoints)

    def _window(self, window: int | str, n_timepoints: int) -> int:
        if window not in ("auto", self.stride):
            raise ValueError(
                f"`window` must be 'auto' or the window of the encoder, {self.stride}, since whole tokens are left "
                f"out, got {window}; leave it at 'auto' and set the window of the encoder."
            )
        return self.stride

    def of_tokens(self, windows: torch.Tensor, hidden: Hidden) -> torch.Tensor:
        """Repeat what is known of windows (B, G or 1, T) for their tokens: (B, G T)."""
        return windows.expand(-1, self.encoder.n_groups(hidden.steps.shape[1]), -1).flatten(1)

    def existing(self, hidden: Hidden) -> torch.Tensor:
        """Tell which tokens (B, G T) hold an observed step."""
        return self.of_tokens(hidden.seen[:, None], hidden)

    def whole_tokens(self, windows: torch.Tensor, hidden: Hidden) -> torch.Tensor:
        """Tell which tokens are among windows (B, G or 1, T), observed, and without an unknown value: (B, G T)."""
        tokens = self.of_tokens(windows, hidden) & self.existing(hidden)
        return tokens if hidden.gaps is None else tokens & ~self.token_values(hidden.gaps).any(2)

    def encoded(
        self,
        tokens: torch.Tensor,
        kept: torch.Tensor,
        most: int | None = None,
        encoder: TokenEncoderModule | None = None,
    ) -> tuple[list[torch.Tensor], torch.Tensor, torch.Tensor]:
        """Encode some of the tokens.

        Parameters
        ----------
        tokens : Tensor of shape (B, N, D)
            All tokens, with positions.
        kept : bool Tensor of shape (B, N)
            True at the tokens that enter the encoder.
        most : int or None, default=None
            The largest number k of tokens that a series keeps. None counts them, for which a GPU waits.
        encoder : torch.nn.Module or None, default=None
            Another encoder than that of the architecture, such as its teacher's.

        Returns
        -------
        layers : list of Tensor of shape (B, k, D)
            The kept tokens after each block, in the order of time. Those of a series that keeps fewer are filled up.
        order : int Tensor of shape (B, k)
            Their places among all tokens.
        there : bool Tensor of shape (B, k)
            False where they are filled up.
        """
        n_kept = kept.sum(1)  # (B,)
        most = max(int(n_kept.max()) if most is None else most, 1)
        order = (~kept).int().argsort(dim=1, stable=True)[:, :most]  # (B, k)
        there = torch.arange(most, device=kept.device) < n_kept[:, None]
        # A series of which nothing is kept attends to its first token: attention over nothing is NaN.
        attended = torch.arange(most, device=kept.device) < n_kept.clamp(min=1)[:, None]
        chosen = tokens.gather(1, order[:, :, None].expand(-1, -1, tokens.shape[2]))  # (B, k, D)
        return over_rows((encoder or self.encoder).attend, chosen, attended), order, there

    def visible(self, batch: Batch, hidden: Hidden) -> tuple[list[torch.Tensor], torch.Tensor, torch.Tensor]:
        """Encode the visible tokens of a batch, as `encoded` does."""
        most = self.masking.most_visible(hidden.seen.shape[1])
        kept = self.whole_tokens(~hidden.windows, hidden)  # (B, G T)
        most = None if most is None else self.encoder.n_groups(batch.x.shape[1]) * most
        return self.encoded(self.encoder.tokens(batch.x), kept, most)

    def token_values(self, x: torch.Tensor) -> torch.Tensor:
        """Return the values that each token holds: (B, C, L) to (B, G T, C w / G)."""
        is_whole = self.encoder.n_groups(x.shape[1]) == 1
        return window_values(x, self.window) if is_whole else windows_of(x, self.window).flatten(1, 2)

    def of_values(self, tokens: torch.Tensor, n_timepoints: int) -> torch.Tensor:
        """Turn the values of tokens back into series: (B, G T, C w / G) to (B, C, L)."""
        n_windows = -(-n_timepoints // self.window)
        if tokens.shape[1] == n_windows:
            return of_window_values(tokens, tokens.shape[2] // self.window, n_timepoints)
        return tokens.unflatten(1, (-1, n_windows)).flatten(2)[:, :, :n_timepoints]


class DecodedArchitecture(VisibleArchitecture):
    """Visible tokens are encoded, and a small decoder predicts something of each token.

    Parameters
    ----------
    decoder_depth : int
        Number of blocks of the decoder.
    decoder_width : int
        Number of features of its tokens.
    **visible : dict
        Parameters of `VisibleArchitecture`.

    Attributes
    ----------
    decoder : torch.nn.Module
        Maps visible tokens and their places to predictions for all tokens.
    """

    def __init__(self, *, decoder_depth: int, decoder_width: int, **visible: Any) -> None:
        super().__init__(**visible)
        self.decoder = TokenDecoder(
            self.widths[-1],
            width=decoder_width,
            depth=decoder_depth,
            n_heads=math.gcd(self.encoder.n_heads, decoder_width),
            n_out=self.n_predicted,
        )

    @property
    def n_predicted(self) -> int:
        """Number of values that are predicted for each token: here its features."""
        return self.widths[-1]

    def predicted(
        self, hidden: Hidden, layers: list[torch.Tensor], order: torch.Tensor, there: torch.Tensor
    ) -> torch.Tensor:
        """Predict for all tokens (B, G T, P) from the visible ones, as `visible` returns them."""
        return self.decoder(layers[-1], order, there, self.existing(hidden), hidden.seen.shape[1])


class MaskedAutoencoder(DecodedArchitecture):
    """Visible tokens are encoded, and a small decoder predicts the values of the hidden ones.

    Parameters
    ----------
    normalise : {"none", "window", "channel"}, default="none"
        Whether targets are the values of a window, or have mean 0 and variance 1 over the window or over each channel
        of it.
    **decoded : dict
        Parameters of `DecodedArchitecture`.
    """

    eps = 1e-2  # a smaller one would blow up the noise of flat stretches

    def __init__(self, *, normalise: str = "none", **decoded: Any) -> None:
        super().__init__(**decoded)
        self.normalise = normalise

    @property
    def n_predicted(self) -> int:
        """Number of values that are predicted for each token: those that it holds."""
        return self.n_channels * self.window // self.encoder.n_groups(self.n_channels)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return predictions, targets, and the weights of the targets, each (B, G T, C w / G)."""
        hidden = self.hide(batch)
        weight = self.token_values(hidden.steps).to(batch.x.dtype)
        prediction = self.predicted(hidden, *self.visible(batch, hidden))
        return prediction, self.targets(batch), weight

    def targets(self, batch: Batch) -> torch.Tensor:
        """Return the target of each token (B, G T, C w / G)."""
        values = self.token_values(batch.x)
        if self.normalise == "none":
            return values
        known = torch.ones_like(batch.x) if batch.mask is None else batch.mask[:, None].expand_as(batch.x)
        n_parts = values.shape[2] // self.window if self.normalise == "channel" else 1
        values, known = (one.unflatten(2, (n_parts, -1)) for one in (values, self.token_values(known) > 0))
        return normalised_windows(values, known, self.eps).flatten(2)

    def predictions(self, batch: Batch, steps: torch.Tensor) -> torch.Tensor:
        """Predict all values (B, C, L) of series of which the tokens with a value at `steps` are hidden."""
        windows = windows_of(steps, self.window).any(3)  # (B, C, T)
        hidden = self.hidden_by(
            windows if self.encoder.n_groups(steps.shape[1]) > 1 else windows.any(1, keepdim=True), batch
        )
        encoded = self.encoded(self.encoder.tokens(batch.x), self.whole_tokens(~hidden.windows, hidden))
        return self.of_values(self.predicted(hidden, *encoded), batch.x.shape[2])


def check_tokens(encoder: nn.Module) -> None:
    """Raise a TypeError unless the encoder has tokens."""
    if not isinstance(encoder, TokenEncoderModule):
        raise TypeError(
            "`encoder` must have tokens that can be left out, such as TransformerEncoder(), got "
            f"{shown_encoder(encoder)}. Methods that replace hidden values, such as SimMIM, take any encoder."
        )


def _warn_of_batch_norm(encoder: nn.Module) -> None:
    if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in encoder.modules()):
        warn_caller(
            "`encoder` has batch normalisation. It is trained on masked series and applied to whole ones, so its "
            'running statistics will be off. Set norm="layer" in the encoder.'
        )
