"""A report on how much generated series are like real ones."""

import dataclasses
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist
from scipy.stats import binomtest
from sklearn.covariance import ledoit_wolf
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import StandardScaler

from sklearn_ssl._engine.random_streams import draw_numpy_seed
from sklearn_ssl._input.collections import Collection, collection_of
from sklearn_ssl.evaluation._notebook import ShownAsText
from sklearn_ssl.methods.random_encoder import RandomEncoderTransformer

N_NEIGHBORS = 5
N_FOLDS = 5
FEWEST_CASES = N_NEIGHBORS + 1


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GeneratedReport(ShownAsText):
    """How much generated series are like real ones. `print` shows the numbers.

    Attributes
    ----------
    spectrum_distance : float
        Sum over the frequencies of the absolute difference of both spectra, averaged over the channels. 0 means equal,
        2 means no frequency in common.
    deviation_ratio : ndarray of shape (n_channels,)
        Standard deviation of the generated values divided by that of the real ones, for each channel.
    frechet : float
        Fréchet distance of the features of an untrained encoder, divided by their number. 0 is equal.
    coverage : float
        Share of the real series that have a generated one nearby.
    two_sample_accuracy : float
        Share of series that a classifier tells right, real or generated, in folds that it was not trained on. 0.5 is
        chance.
    p_value : float
        How probable such an accuracy is for series that cannot be told apart.
    real_spectrum : ndarray of shape (n_channels, n_frequencies)
        Mean power of the real series at each frequency. Each channel adds up to 1.
    generated_spectrum : ndarray of shape (n_channels, n_frequencies)
        That of the generated ones.
    covered : bool ndarray of shape (n_cases,)
        Which real series have a generated one nearby.
    real_positions : ndarray of shape (n_cases, 2)
        The features of the real series along their first two principal components.
    generated_positions : ndarray of shape (n_generated, 2)
        Those of the generated ones, along the same components.
    """

    spectrum_distance: float
    deviation_ratio: np.ndarray
    frechet: float
    coverage: float
    two_sample_accuracy: float
    p_value: float
    real_spectrum: np.ndarray
    generated_spectrum: np.ndarray
    covered: np.ndarray
    real_positions: np.ndarray
    generated_positions: np.ndarray

    def __repr__(self) -> str:
        ratios = ", ".join(f"{ratio:.2f}" for ratio in self.deviation_ratio)
        return "\n".join(
            [
                f"spectrum distance    {self.spectrum_distance:.3g} (equal: 0, nothing in common: 2)",
                f"deviation ratio      {ratios} (equal: 1)",
                f"Fréchet distance     {self.frechet:.3g} (equal: 0)",
                f"coverage             {self.coverage:.2f} of the real series have a generated one nearby",
                f"two-sample accuracy  {self.two_sample_accuracy:.2f} (chance: 0.5, p = {self.p_value:.2g})",
            ]
        )


def compare_generated(X: Any, X_generated: Any, random_state: Any = 0) -> GeneratedReport:
    r"""Compare generated series with real ones.

    No single number tells whether series are realistic. The spectra and deviations are those of the values themselves.
    The other numbers are of the features of a `RandomEncoderTransformer`, scaled so that those of the real series have
    mean 0 and variance 1:

    - The Fréchet distance of two normal distributions with means m and shrunk covariances S is
      :math:`\|m_1 - m_2\|^2 + \operatorname{tr}(S_1 + S_2 - 2 (S_1 S_2)^{1/2})`.
    - A real series is covered if a generated one is nearer than its fifth nearest real neighbour. A generator that
      always makes the same covers next to nothing.
    - A ridge classifier tells real from generated series in five folds. It finds the slightest differences, so that an
      accuracy near 1 is usual. An accuracy near 0.5 is very good.

    Read the distances next to those of something bad, such as the samples of an untrained generator, and of something
    good, such as one half of the real series and the other half.

    Parameters
    ----------
    X : array or list of arrays
        Real series, at least six. Better are series that the generator was not trained on.
    X_generated : array or list of arrays
        Generated series, at least six, with as many channels. For small distances give as many as real ones.
    random_state : int, RandomState or None, default=0
        Seed of the encoder and of the folds.

    Returns
    -------
    GeneratedReport
        The numbers.

    Raises
    ------
    ValueError
        If there are too few series, or if the numbers of channels differ.

    References
    ----------
    Heusel, M., Ramsauer, H., Unterthiner, T., Nessler, B. and Hochreiter, S. (2017). GANs trained by a two time-scale
    update rule converge to a local Nash equilibrium. NeurIPS. https://arxiv.org/abs/1706.08500

    Naeem, M. F., Oh, S. J., Uh, Y., Choi, Y. and Yoo, J. (2020). Reliable fidelity and diversity metrics for generative
    models. ICML. https://arxiv.org/abs/2002.09797

    Lopez-Paz, D. and Oquab, M. (2017). Revisiting classifier two-sample tests. ICLR. https://arxiv.org/abs/1610.06545

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.evaluation import compare_generated
    >>> X, y = make_waves(n_cases=60, random_state=0)
    >>> noise = np.random.RandomState(0).randn(30, 3, 128)
    >>> report = compare_generated(X[:30], noise)
    >>> report.spectrum_distance > 1 and report.coverage < 0.1
    True
    >>> halves = compare_generated(X[:30], X[30:])
    >>> halves.frechet < report.frechet / 5
    True
    """
    real, generated = _checked("X", X), _checked("X_generated", X_generated)
    if real.n_channels != generated.n_channels:
        raise ValueError(
            f"`X_generated` has {generated.n_channels} channels and `X` has {real.n_channels}. Give series with the "
            "same channels, scaled in the same way."
        )
    seed = draw_numpy_seed(random_state)
    spectra = [mean_spectrum(one.values, real.n_timepoints) for one in (real, generated)]
    H, H_generated = _features(real, generated, seed)
    accuracy, p_value = _told_apart(H, H_generated, seed)
    covered = _covered(H, H_generated)
    components = PCA(2, random_state=seed).fit(H)
    return GeneratedReport(
        spectrum_distance=float(np.abs(spectra[0] - spectra[1]).sum(1).mean()),
        deviation_ratio=_deviations(generated) / np.maximum(_deviations(real), np.finfo(float).tiny),
        frechet=frechet_distance(H, H_generated) / H.shape[1],
        coverage=float(covered.mean()),
        two_sample_accuracy=accuracy,
        p_value=p_value,
        real_spectrum=spectra[0],
        generated_spectrum=spectra[1],
        covered=covered,
        real_positions=components.transform(H),
        generated_positions=components.transform(H_generated),
    )


def mean_spectrum(values: np.ndarray, n_timepoints: int) -> np.ndarray:
    """Return the mean power of series at each frequency.

    Parameters
    ----------
    values : ndarray of shape (n_cases, n_channels, L)
        Series, NaN where padded. The mean of each channel of a series is subtracted.
    n_timepoints : int
        The frequencies are those of series of this many steps. Shorter ones are followed by zeros.

    Returns
    -------
    ndarray of shape (n_channels, n_timepoints // 2 + 1)
        The power, adding up to 1 for each channel, or 0 if the channel is constant.
    """
    centred = np.nan_to_num(values - np.nanmean(values, axis=2, keepdims=True))
    power = np.square(np.abs(np.fft.rfft(centred, n_timepoints, axis=2))).mean(0)  # (C, frequencies)
    total = power.sum(1, keepdims=True)
    return np.divide(power, total, out=np.zeros_like(power), where=total > 0)


def frechet_distance(H: np.ndarray, other: np.ndarray) -> float:
    """Return the Fréchet distance of two normal distributions, given the features (n, F) and (m, F) of samples."""
    covariance, other_covariance = ledoit_wolf(H)[0], ledoit_wolf(other)[0]
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    product = np.linalg.eigvalsh(root @ other_covariance @ root)  # those of the product of both
    cross = np.sqrt(np.maximum(product, 0)).sum()
    shift = np.square(H.mean(0) - other.mean(0)).sum()
    return max(float(shift + np.trace(covariance) + np.trace(other_covariance) - 2 * cross), 0.0)


def _checked(name: str, X: Any) -> Collection:
    try:
        collection = collection_of(X)
    except (ValueError, TypeError) as error:
        raise type(error)(f"`{name}` must be series. {error}") from error
    if len(collection) < FEWEST_CASES:
        raise ValueError(f"`{name}` must have {FEWEST_CASES} series or more, got {len(collection)}.")
    return collection


def _deviations(collection: Collection) -> np.ndarray:
    return np.nanstd(collection.values, axis=(0, 2), dtype=np.float64)


def _features(real: Collection, generated: Collection, seed: int) -> tuple[np.ndarray, np.ndarray]:
    encoder = RandomEncoderTransformer(random_state=seed).fit(real.values)
    scaler = StandardScaler()
    H = scaler.fit_transform(encoder.transform(real.values).astype(np.float64))
    return H, scaler.transform(encoder.transform(generated.values).astype(np.float64))


def _covered(H: np.ndarray, H_generated: np.ndarray) -> np.ndarray:
    radius = np.sort(cdist(H, H), axis=1)[:, N_NEIGHBORS]  # the nearest is the series itself
    return cdist(H, H_generated).min(1) <= radius


def _told_apart(H: np.ndarray, H_generated: np.ndarray, seed: int) -> tuple[float, float]:
    """Return the accuracy of telling the same number of both apart, and its probability by chance."""
    n_cases = min(len(H), len(H_generated))
    both = np.concatenate([H[:n_cases], H_generated[:n_cases]])
    is_real = np.repeat([True, False], n_cases)
    folds = StratifiedKFold(min(N_FOLDS, n_cases), shuffle=True, random_state=seed)
    classifier = RidgeClassifierCV(alphas=np.logspace(-1, 4, 6))
    right = cross_val_predict(classifier, both, is_real, cv=folds) == is_real
    test = binomtest(int(right.sum()), len(right), alternative="greater")
    return float(right.mean()), float(test.pvalue)
