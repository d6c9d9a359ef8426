"""Discrete wavelets of PyWavelets."""

from types import ModuleType

from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.preprocessing._optional import optional_module


def pywavelets(needed_by: str) -> ModuleType:
    """Import PyWavelets for the transformer called `needed_by`."""
    return optional_module("pywt", package="PyWavelets", needed_by=needed_by)


def check_wavelet(name: str, needed_by: str) -> None:
    """Raise a ValueError unless `name` is a discrete wavelet of PyWavelets."""
    known = pywavelets(needed_by).wavelist(kind="discrete")
    if name not in known:
        raise ValueError(
            f"{needed_by}: `wavelet` must be the name of a discrete wavelet such as 'db4', 'sym8' or 'haar', "
            f"got {shown(name)}. pywt.wavelist(kind='discrete') lists them."
        )


def deepest_level(wavelet: str, n_steps: int, needed_by: str) -> int:
    """Return how often a series of `n_steps` steps can be halved before it is shorter than the wavelet."""
    pywt = pywavelets(needed_by)
    return pywt.dwt_max_level(n_steps, pywt.Wavelet(wavelet).dec_len)
