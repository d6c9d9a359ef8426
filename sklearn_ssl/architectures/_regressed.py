"""Features of hidden tokens are regressed from visible ones, and their codes are decoded from them."""

from typing import Any, cast

import torch
from torch import nn

from sklearn_ssl.architectures._batch import Batch
from sklearn_ssl.architectures._codes import FrozenTokenizer
from sklearn_ssl.architectures._masked import Hidden, VisibleArchitecture
from sklearn_ssl.architectures._momentum import TaughtArchitecture
from sklearn_ssl.architectures._tokenizers import CodebookArchitecture
from sklearn_ssl.encoders._attention import CrossBlock, TransformerBlock
from sklearn_ssl.encoders._tokens import TokenEncoderModule, token_codes


class CrossRegressor(nn.Module):
    """Predict the features of hidden tokens: a learnt token at each hidden place attends to the visible tokens.

    Parameters
    ----------
    width : int
        Number of features D of a token.
    depth : int
        Number of blocks.
    n_heads : int
        Number of attention heads.
    """

    def __init__(self, width: int, depth: int, n_heads: int) -> None:
        super().__init__()
        self.mask_token = nn.Parameter(0.02 * torch.randn(width))
        self.blocks = nn.ModuleList(CrossBlock(width, n_heads, 4 * width) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(
        self,
        visible: torch.Tensor,
        visible_places: torch.Tensor,
        there: torch.Tensor,
        hidden_places: torch.Tensor,
        asked: torch.Tensor,
    ) -> torch.Tensor:
        """Predict features.

        Parameters
        ----------
        visible : Tensor of shape (B, v, D)
            The visible tokens.
        visible_places : Tensor of shape (B, v, D)
            The codes of their positions.
        there : bool Tensor of shape (B, v)
            False where a series has fewer of them.
        hidden_places : Tensor of shape (B, k, D)
            The codes of the positions of the hidden tokens.
        asked : bool Tensor of shape (B, k)
            False where a series has fewer of them.

        Returns
        -------
        features : Tensor of shape (B, k, D)
            The predictions.
        """
        queries = self.mask_token.to(visible.dtype).expand_as(hidden_places)
        places = torch.cat([visible_places, hidden_places], dim=1)  # (B, v + k, D)
        attended = with_first(torch.cat([there, asked], dim=1))[:, None, None]
        for block in self.blocks:
            queries = block(queries, hidden_places, torch.cat([visible, queries], dim=1), places, attended)
        return self.norm(queries)


class FeatureDecoder(nn.Module):
    """Score codes by features of hidden tokens, which attend to each other. Without blocks the scores are linear.

    Parameters
    ----------
    width : int
        Number of features D of a token.
    depth : int
        Number of blocks.
    n_heads : int
        Number of attention heads.
    n_codes : int
        Number of codes K.
    """

    def __init__(self, width: int, depth: int, n_heads: int, n_codes: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(TransformerBlock(width, n_heads, 4 * width, dropout=0.0) for _ in range(depth))
        self.norm = nn.LayerNorm(width) if depth else nn.Identity()
        self.out = nn.Linear(width, n_codes)

    def forward(self, h: torch.Tensor, places: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
        """Map features and position codes (B, k, D) to scores (B, k, K), given which tokens are asked for (B, k)."""
        h = h + places if len(self.blocks) else h
        for block in self.blocks:
            h = block(h, with_first(asked)[:, None, None])
        return self.out(self.norm(h))


class RegressedArchitecture(VisibleArchitecture):
    """The encoder sees visible tokens. A regressor predicts its features of the hidden tokens, a decoder their codes.

    The features to be predicted are those of the encoder that sees the hidden tokens alone. The decoder sees the
    predicted features alone. So the encoder does not need to predict, and the regressor cannot leave it to the decoder.

    Parameters
    ----------
    tokenizer : Architecture
        The fitted module of the tokenizer. It is copied.
    regressor_depth : int
        Number of blocks of the regressor.
    decoder_depth : int
        Number of blocks of the decoder. 0 is a linear map.
    **visible : dict
        Parameters of `VisibleArchitecture`.

    Attributes
    ----------
    tokenizer : torch.nn.Module
        The copy. It never changes.
    regressor : torch.nn.Module
        Maps visible tokens to features of hidden ones.
    decoder : torch.nn.Module
        Maps features of hidden tokens to scores of codes.
    """

    def __init__(
        self, *, tokenizer: CodebookArchitecture, regressor_depth: int, decoder_depth: int, **visible: Any
    ) -> None:
        super().__init__(**visible)
        self.tokenizer = FrozenTokenizer(tokenizer, self.window)
        width, n_heads = self.widths[-1], self.encoder.n_heads
        self.regressor = CrossRegressor(width, regressor_depth, n_heads)
        self.decoder = FeatureDecoder(width, decoder_depth, n_heads, self.tokenizer.n_codes)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return scores (B, k, K), codes (B, k), predicted and true features (B, k, D), and which tokens are there.

        There are at most k hidden tokens in a series.
        """
        hidden = self.hide(batch)
        n_windows = hidden.seen.shape[1]  # T
        layers, order, there = self.visible(batch, hidden)
        features, places, asked = self.hidden_features(batch, hidden)
        n_groups = self.encoder.n_groups(batch.x.shape[1])
        codes = token_codes(n_groups, n_windows, self.widths[-1], batch.x.device).to(layers[-1].dtype)  # (G T, D)
        predicted = self.regressor(layers[-1], codes[order], there, codes[places], asked)
        scores = self.decoder(predicted, codes[places], asked)
        return scores, self.tokenizer.codes(batch).gather(1, places % n_windows), predicted, features, asked

    @torch.no_grad()
    def hidden_features(self, batch: Batch, hidden: Hidden) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Encode the hidden tokens alone: features (B, k, D), their places, and which of them are there (B, k)."""
        encoder = self.target_encoder()
        most = self.masking.most_hidden(hidden.seen.shape[1])
        most = None if most is None else self.encoder.n_groups(batch.x.shape[1]) * most
        kept = self.whole_tokens(hidden.windows, hidden)  # (B, G T)
        layers, places, asked = self.encoded(encoder.tokens(batch.x), kept, most, encoder)
        return layers[-1], places, asked

    def target_encoder(self) -> TokenEncoderModule:
        """Return the encoder whose features of hidden tokens are predicted."""
        return self.encoder


class TaughtRegressedArchitecture(TaughtArchitecture, RegressedArchitecture):
    """The features to be predicted are those of a teacher, the moving average of the encoder.

    Parameters
    ----------
    **taught : dict
        Parameters of `TaughtArchitecture` and of `RegressedArchitecture`.
    """

    def forward(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Move the teacher, and return the same."""
        self.follow()
        return super().forward(batch)

    def target_encoder(self) -> TokenEncoderModule:
        """Return the teacher's encoder."""
        return cast(TokenEncoderModule, self.teacher["encoder"])


def with_first(attended: torch.Tensor) -> torch.Tensor:
    """Let every series attend to its first token at least (B, N): attention over nothing is NaN."""
    return attended | (torch.arange(attended.shape[1], device=attended.device) == 0)
