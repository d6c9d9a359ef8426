"""Vectors of texts or metadata that go with series."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.utils.validation import check_consistent_length

from sklearn_ssl._input.companions import distinct, is_numeric, texts_or_table
from sklearn_ssl._parameters.shown import on_one_line, shown

MOST_COLUMNS = 4096
EVERY_WORD = r"(?u)(?<!\w)-\d+\b|\b\w+\b"  # also a digit or a letter, and the sign of a number
MOST_WORDS, N_TOPICS = 512, 256


class VectorsOfSeries:
    """The vector of what goes with each series, as companion of the series.

    Parameters
    ----------
    vectors : Tensor of shape (m, T)
        The vectors of the different texts or rows.
    groups : int Tensor of shape (n_cases,)
        The row of `vectors` that belongs to each series.
    """

    def __init__(self, vectors: torch.Tensor, groups: torch.Tensor) -> None:
        self.vectors = vectors
        self.groups = groups

    def of_rows(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return vectors and their numbers for these rows."""
        groups = self.groups[rows]
        return {"text": self.vectors[groups], "group": groups}

    def to(self, device: torch.device) -> "VectorsOfSeries":
        """Return the same on a device."""
        return VectorsOfSeries(self.vectors.to(device), self.groups.to(device))

    def content(self) -> bytes:
        """Return bytes that are equal for equal vectors of the series."""
        return self.vectors.cpu().numpy().tobytes() + self.groups.cpu().numpy().tobytes()


class CompanionEncoder:
    """Turns what goes with series into vectors: texts, labels with descriptions, rows of metadata or numbers.

    Parameters
    ----------
    encoder : transformer, callable or None
        What turns a list of texts, or a table, into vectors. None chooses it by the form.
    descriptions : dict or None
        The texts of labels.

    Attributes
    ----------
    encoder : transformer or callable
        The fitted encoder.
    columns : list of str or None
        The columns of metadata; None for texts.
    n_distinct : int
        Number of different vectors that were learnt.
    n_features : int
        Number of values of a vector.
    """

    def __init__(self, encoder: Any, descriptions: Mapping | None) -> None:
        self.encoder = encoder
        self.descriptions = None if descriptions is None else dict(descriptions)

    def fit(self, y: Any, n_cases: int) -> VectorsOfSeries:
        """Learn from the different texts or rows, and return the vectors of the series.

        Raises
        ------
        ValueError, TypeError
            If `y` is not valid, or has only one text or row.
        """
        values = self._of_series(y, n_cases)
        different, groups = distinct(values)
        if len(different) < 2:
            raise ValueError(
                f"y has one text or row only, {shown(_first(different))}, so there is nothing to tell apart. Give "
                "series with different texts."
            )
        self.columns = list(values.columns) if isinstance(values, pd.DataFrame) else None
        self.encoder = self._fitted_encoder(different)
        vectors, groups = _without_repeats(self._encoded("y", different), groups)
        if len(vectors) < 2:
            raise ValueError(
                f"`text_encoder` gives all {len(different)} texts of y the same vector, that of "
                f"{shown(_first(different))}, so there is nothing to tell apart. Give texts that differ in "
                "words that `text_encoder` knows."
            )
        self.n_distinct, self.n_features = vectors.shape
        return VectorsOfSeries(torch.from_numpy(vectors), torch.from_numpy(groups.astype(np.int64)))

    def companion(self, y: Any, n_cases: int) -> VectorsOfSeries:
        """Return the vectors of further series."""
        different, groups = distinct(self._in_learnt_form("y", self._of_series(y, n_cases)))
        vectors, groups = _without_repeats(self._encoded("y", different), groups)
        return VectorsOfSeries(torch.from_numpy(vectors), torch.from_numpy(groups.astype(np.int64)))

    def vectors(self, name: str, values: Any) -> np.ndarray:
        """Return the vectors of texts or rows, (m, T).

        Parameters
        ----------
        name : str
            What messages call the values.
        values : array-like or table
            Texts, labels, rows or numbers, as in `fit`.
        """
        different, groups = distinct(self._in_learnt_form(name, texts_or_table(name, values, self.descriptions)))
        return self._encoded(name, different)[groups]

    def _of_series(self, y: Any, n_cases: int) -> Any:
        if y is None:
            raise ValueError(
                "This transformer requires y to be passed, but the target y is None: give a text or a row of metadata "
                "for each series."
            )
        values = texts_or_table("y", y, self.descriptions, only_labels=True)
        check_consistent_length(np.empty(n_cases), values)
        return values

    def _in_learnt_form(self, name: str, values: Any) -> Any:
        """Return values in the form of `fit`, their columns in its order."""
        is_table = isinstance(values, pd.DataFrame)
        if is_table != (self.columns is not None):
            forms = ("texts", "rows of metadata")
            raise ValueError(
                f"`{name}` has {forms[is_table]}, and the transformer was fitted with {forms[not is_table]}. Give what "
                "it was fitted with."
            )
        if not is_table:
            return values
        missing = [column for column in self.columns or () if column not in values]
        if missing or values.shape[1] != len(self.columns or ()):
            raise ValueError(
                f"`{name}` has the columns {shown(list(values.columns))}, and the transformer was fitted with "
                f"{shown(self.columns)}. Give the same columns."
            )
        return values[self.columns]

    def _fitted_encoder(self, different: Any) -> Any:
        if self.encoder is None:
            return _encoder_of_table(different) if self.columns is not None else _encoder_of_texts(different)
        if not hasattr(self.encoder, "fit"):
            return self.encoder  # a function
        try:
            return clone(self.encoder).fit(_given(different))
        except ValueError as error:
            raise _failed("y", error) from error

    def _encoded(self, name: str, different: Any) -> np.ndarray:
        """Encode different texts or rows (m, T)."""
        encode = self.encoder.transform if hasattr(self.encoder, "transform") else self.encoder
        try:
            vectors = encode(_given(different))
        except ValueError as error:
            raise _failed(name, error) from error
        vectors = _checked_vectors(vectors, len(different))
        if self.columns is None:
            _check_some_word_is_known(name, different, vectors)
        return vectors


def _without_repeats(vectors: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the different vectors (m, T), and the place of each series' vector among them, (n,)."""
    digests = np.array([hashlib.blake2b(row, digest_size=16).digest() for row in vectors], dtype=object)
    places, _ = pd.factorize(digests)
    _, first = np.unique(places, return_index=True)
    return vectors[first], places[groups]


def _given(different: Any) -> Any:
    """Return what an encoder gets: a list of texts, or a table."""
    return different if isinstance(different, pd.DataFrame) else different.tolist()


def _first(different: Any) -> Any:
    return different.iloc[0].tolist() if isinstance(different, pd.DataFrame) else different[0]


def _encoder_of_texts(texts: np.ndarray) -> Any:
    """Return shares of words, or where there are many words their main directions."""
    from sklearn.decomposition import TruncatedSVD  # slow to import, and needed for texts only
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(sublinear_tf=True, token_pattern=EVERY_WORD)
    try:
        counted = words.fit_transform(texts.tolist())
    except ValueError as error:
        raise _failed("y", error) from error
    if counted.shape[1] <= MOST_WORDS:
        return words
    return make_pipeline(words, TruncatedSVD(N_TOPICS, random_state=0)).fit(texts.tolist())


def _encoder_of_table(table: pd.DataFrame) -> Any:
    """Return standardised numbers, and a column of zeros and ones for each category."""
    from sklearn.compose import make_column_transformer  # slow to import, and needed for tables only
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = [column for column in table if is_numeric(table[column])]
    categories = [column for column in table if column not in numbers]
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), categories), (StandardScaler(), numbers), sparse_threshold=0
    )
    return encoder.fit(table)


def _failed(name: str, error: Exception) -> ValueError:
    return ValueError(f"`text_encoder` failed on `{name}`: {on_one_line(error, 300)}")


def _checked_vectors(vectors: Any, n_rows: int) -> np.ndarray:
    """Return an array (m, T) of single precision."""
    shape = np.shape(vectors) if not issparse(vectors) else vectors.shape
    if len(shape) != 2 or shape[0] != n_rows or shape[1] == 0:
        raise ValueError(
            f"`text_encoder` must return one vector per text, an array of shape ({n_rows}, n_values), got {shape}."
        )
    if shape[1] > MOST_COLUMNS:
        raise ValueError(
            f"`text_encoder` returns {shape[1]} values per text, and at most {MOST_COLUMNS} are allowed. Put "
            "TruncatedSVD(256) behind it, or take HashingVectorizer(n_features=1024)."
        )
    dense = np.ascontiguousarray(vectors.toarray() if issparse(vectors) else vectors, dtype=np.float32)
    if not np.isfinite(dense).all():
        raise ValueError("`text_encoder` returned NaN or infinite values. Scale what it returns, or take another one.")
    return dense


def _check_some_word_is_known(name: str, texts: np.ndarray, vectors: np.ndarray) -> None:
    empty = ~vectors.any(axis=1)
    if empty.any():
        raise ValueError(
            f"No word of the text {shown(texts[np.argmax(empty)])} of `{name}` is known from the texts of fit. Use "
            "their words, or give a sentence encoder as `text_encoder`."
        )
