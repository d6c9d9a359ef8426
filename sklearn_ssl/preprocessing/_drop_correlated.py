"""Selection of features and channels by their correlation."""

import abc
import contextlib
import typing
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_ssl._input.collections import Collection, is_ragged, plain, validated_collection
from sklearn_ssl._input.plain import readable_errors, without_missing
from sklearn_ssl._input.tables import as_frame, columns_of, is_table
from sklearn_ssl._parameters.fitted_state import unchanged_on_error
from sklearn_ssl._parameters.hyperparameters import Hyperparameters, number
from sklearn_ssl._parameters.selectors import SelectorMixin
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.preprocessing._forms import channel_names, for_series, has_channels, in_form_of
from sklearn_ssl.preprocessing._tables import is_nested

SERIES_IN_CELLS = "{} has series in its cells, where single numbers are needed."
REMEDY_FOR_SERIES = (
    "Turn it into series by sklearn_ssl.preprocessing.as_collection({}), whose channels are then compared."
)
BLOCK = 512
# Below this share of a feature's size, its variation is a rounding error.
ROUNDING = 1e-12
FEWEST_OBSERVATIONS = 3


class FeatureOrChannelSelector(SelectorMixin, Hyperparameters, abc.ABC, auto_wrap_output_keys=None):
    """Selects columns of 2-D input, or channels of series. `set_output` acts on 2-D results only."""

    @abc.abstractmethod
    def fit(self, X: Any, y: Any = None) -> Self:
        """Set `support_`."""

    def transform(self, X: Any) -> Any:
        """Keep the selected features or channels.

        Parameters
        ----------
        X : array, data frame or list of arrays
            Features or series, as for `fit`.

        Returns
        -------
        array, data frame or list of arrays
            The columns that are kept, or the channels of every series that are kept, in the form of `X`.

        Raises
        ------
        ValueError
            If `X` is 2-D and `fit` was given series, or the other way round.
        """
        check_is_fitted(self)
        self._check_form(X)
        if not has_channels(X):
            with _naming_the_column(X), readable_errors("X"):
                return super().transform(_numeric(X))
        collection = validated_collection(self, X, reset=False, allow_missing=True, dtype=None)
        return in_form_of(X, Collection(collection.values[:, self.support_], collection.lengths))

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Choose features or channels, and keep them.

        Parameters
        ----------
        X : array, data frame or list of arrays
            Features or series, as for `fit`.
        y : object, default=None
            Ignored.

        Returns
        -------
        array, data frame or list of arrays
            The columns that are kept, or the channels of every series that are kept, in the form of `X`.
        """
        return self.fit(X, y).transform(X)

    def inverse_transform(self, X: Any) -> Any:
        """Undo `transform`, with zeros in place of the features or channels that were dropped.

        Parameters
        ----------
        X : array or list of arrays
            A result of `transform`.

        Returns
        -------
        array or list of arrays
            All features or channels, in their original order.

        Raises
        ------
        ValueError
            If the number of features or channels of `X` is not the number of those that are kept.
        """
        check_is_fitted(self)
        if not has_channels(X):
            return super().inverse_transform(X)
        if is_ragged(X):
            return [self._with_all_channels(np.asarray(series)) for series in X]
        return self._with_all_channels(np.asarray(X))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the features or channels that are kept.

        Parameters
        ----------
        input_features : list of str or None, default=None
            Names of all features or channels. None takes the column names seen at fit, or else x0, x1, ... for columns
            and channel0, channel1, ... for channels.

        Returns
        -------
        ndarray of str
            The names.
        """
        check_is_fitted(self)
        if hasattr(self, "n_features_in_"):
            return super().get_feature_names_out(input_features)
        return np.asarray(channel_names(input_features, len(self.support_)), dtype=object)[self.support_]

    def _get_support_mask(self) -> np.ndarray:
        check_is_fitted(self)
        return self.support_

    def _with_all_channels(self, kept: np.ndarray) -> np.ndarray:
        n_kept = int(self.support_.sum())
        if kept.shape[-2] != n_kept:
            raise ValueError(
                f"X has {kept.shape[-2]} channel(s), but {type(self).__name__} keeps {n_kept}. Give a result "
                "of `transform`."
            )
        whole = np.zeros((*kept.shape[:-2], len(self.support_), kept.shape[-1]), dtype=kept.dtype)
        whole[..., self.support_, :] = kept
        return whole

    def _check_form(self, X: Any) -> None:
        fitted_on_series = not hasattr(self, "n_features_in_")
        if has_channels(X) != fitted_on_series:
            given, fitted = ("series", "2-D features") if not fitted_on_series else ("2-D features", "series")
            raise ValueError(f"X has {given}, but fit was given {fitted}. Give the same form to both.")


@typing.final
class DropCorrelated(FeatureOrChannelSelector):
    r"""Drop every feature or channel that is correlated above a threshold with an earlier one that is kept.

    Features are visited from first to last. Feature j is kept if

    .. math:: |r_{jk}| \le \text{threshold} \quad \text{for every feature } k < j \text{ that is kept,}

    where r is Pearson's correlation. So no two features that are kept are correlated above the threshold, and every
    feature that is dropped is correlated above the threshold with one that is kept before it. The choice depends on the
    order of the features.

    Features are the columns of 2-D input. For series, given as a 3-D array or a list of 2-D arrays, the features are
    the channels, and r is computed over all time steps of all series together.

    Missing values (NaN), padding among them, are left out pair by pair: r is computed over the rows or time steps at
    which both features are observed. If there are fewer than three of them, or if one of the two features is constant
    on them, r is 0. So a constant feature is kept, and drops no other.

    Parameters
    ----------
    threshold : float, default=0.95
        Largest absolute correlation between kept features, from 0 to 1; 1 keeps all.

    Attributes
    ----------
    support_ : ndarray of shape (n_features_in_,) or (n_channels_in_,)
        True for the features or channels that are kept.
    n_features_in_ : int
        Number of columns seen at fit, for 2-D input only.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names seen at fit, for data frames only.
    n_channels_in_ : int
        Number of channels seen at fit, for series only.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.preprocessing import DropCorrelated
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> X[:, 1] = 2 * X[:, 0] + 0.01 * X[:, 1]
    >>> DropCorrelated(threshold=0.9).fit(X).get_support()
    array([ True, False,  True])
    """

    threshold: float = number(default=0.95, least=0, most=1)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Choose features or channels.

        Parameters
        ----------
        X : array of shape (n_cases, n_features) or (n_cases, n_channels, n_timepoints), or list of 2-D arrays
            Features, or series. NaN is missing or padding.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The fitted selector.

        Raises
        ------
        ValueError
            If `threshold` is outside its range or a value is infinite.
        """
        self.check_hyperparameters()
        with unchanged_on_error(self):
            table = self._channels_as_columns(X) if has_channels(X) else self._columns(X)
            self.support_ = _first_uncorrelated(table, self.threshold)
        return self

    def _channels_as_columns(self, X: Any) -> np.ndarray:
        values = validated_collection(self, X, reset=True, allow_missing=True, dtype=None).values
        return values.transpose(0, 2, 1).reshape(-1, values.shape[1])  # (n * L, C)

    def _columns(self, X: Any) -> np.ndarray:
        self.__dict__.pop("n_channels_in_", None)
        with _naming_the_column(X), readable_errors("X"):
            return validate_data(self, _numeric(X), dtype=(np.float64, np.float32), ensure_all_finite="allow-nan")

    def __sklearn_tags__(self) -> Any:
        tags = for_series(super().__sklearn_tags__())
        tags.transformer_tags.preserves_dtype = ["float32", "float64"]
        return tags


def _numeric(X: Any) -> Any:
    """Return 2-D input with NaN for missing values of every kind."""
    X = as_frame(X) if isinstance(X, np.ndarray) and is_table(X) else plain(X)
    if not isinstance(X, pd.DataFrame) or all(dtype.kind != "O" for dtype in X.dtypes):
        return X
    return pd.DataFrame(without_missing(X.to_numpy(dtype=object)), index=X.index, columns=X.columns)


@contextlib.contextmanager
def _naming_the_column(X: Any) -> Iterator[None]:
    """Say which column of a table has no numbers where another library only says that there is one."""
    try:
        yield
    except (ValueError, TypeError) as error:
        for name, cells in (columns_of(X) or {}).items():
            _check_numbers(name, np.asarray(cells), error)
        is_array = not is_table(X) and isinstance(X, (np.ndarray, pd.Series))
        if is_array and np.size(X) and all(np.ndim(cell) for cell in np.asarray(X).ravel()):
            raise ValueError(
                f"{SERIES_IN_CELLS.format('X')} {REMEDY_FOR_SERIES.format('pandas.DataFrame(X)')}"
            ) from error
        raise


def _check_numbers(name: Any, cells: np.ndarray, error: Exception) -> None:
    if is_nested(cells):
        raise ValueError(
            f"{SERIES_IN_CELLS.format(f'Column {shown(name)} of X')} {REMEDY_FOR_SERIES.format('X')}"
        ) from error
    missing = pd.isna(cells)
    try:
        if cells.dtype.kind in "mM":
            raise TypeError(f"its dtype is {cells.dtype}")
        cells[~missing].astype(float)
    except (ValueError, TypeError) as reason:
        raise ValueError(
            f"Column {shown(name)} of X has no numbers ({shown(str(reason))}). Leave it out by "
            f"X.drop(columns={shown(name)}), or turn it into numbers first, for example by "
            "sklearn.preprocessing.OrdinalEncoder."
        ) from error


def _first_uncorrelated(table: np.ndarray, threshold: float) -> np.ndarray:
    correlation = _correlation_of(table)
    n_features = table.shape[1]
    kept = np.zeros(n_features, dtype=bool)
    for start in range(0, n_features, BLOCK):
        block = slice(start, min(start + BLOCK, n_features))
        dropped = np.any(correlation(block, np.flatnonzero(kept)) > threshold, axis=1)
        within = correlation(block, block) > threshold  # (BLOCK, BLOCK)
        for row, feature in enumerate(range(block.start, block.stop)):
            kept[feature] = not dropped[row] and not (within[row, :row] & kept[start:feature]).any()
    return kept


def _correlation_of(table: np.ndarray) -> Callable[[Any, Any], np.ndarray]:
    observed = ~np.isnan(table)
    centred = _centred(table, observed)
    if not observed.all():
        return partial(_pairwise_correlation, centred, observed.astype(np.float64))
    norm = np.linalg.norm(centred, axis=0)
    norm[norm == 0] = 1.0
    unit = centred / norm if len(table) >= FEWEST_OBSERVATIONS else np.zeros_like(centred)
    return lambda left, right: np.minimum(np.abs(unit[:, left].T @ unit[:, right]), 1.0)


def _centred(table: np.ndarray, observed: np.ndarray) -> np.ndarray:
    values = np.asarray(np.where(observed, table, 0.0), np.float64)
    _, exponent = np.frexp(np.abs(values).max(axis=0))
    values = np.ldexp(values, -exponent)  # exact; then squares of huge values do not overflow
    count = np.maximum(observed.sum(axis=0), 1)
    centred = np.where(observed, values - values.sum(axis=0) / count, 0.0)
    spread = np.abs(centred).max(axis=0)
    return np.where(spread > ROUNDING, centred / np.where(spread > ROUNDING, spread, 1.0), 0.0)


def _pairwise_correlation(centred: np.ndarray, observed: np.ndarray, left: Any, right: Any) -> np.ndarray:
    a, b = centred[:, left], centred[:, right]  # (n, p), (n, q)
    seen_a, seen_b = observed[:, left], observed[:, right]
    count = seen_a.T @ seen_b  # (p, q)
    defined = count >= FEWEST_OBSERVATIONS
    count = np.maximum(count, 1.0)
    sum_a, sum_b = a.T @ seen_b, seen_a.T @ b
    squares_a, squares_b = (a**2).T @ seen_b, seen_a.T @ b**2
    spread_a, spread_b = squares_a - sum_a**2 / count, squares_b - sum_b**2 / count
    defined &= (spread_a > ROUNDING * squares_a) & (spread_b > ROUNDING * squares_b)
    spread = np.where(defined, np.sqrt(np.maximum(spread_a, 0)) * np.sqrt(np.maximum(spread_b, 0)), 1.0)
    return np.where(defined, np.minimum(np.abs(a.T @ b - sum_a * sum_b / count) / spread, 1.0), 0.0)
