import hashlib
import os
import pickle
import tempfile
from pathlib import Path
from typing import Any, Self

import torch
from skorch.callbacks import Callback

from sklearn_ssl._engine.device import resolved_precision
from sklearn_ssl._engine.fingerprint import fingerprint
from sklearn_ssl._engine.random_streams import forked_generators, restore_generators, seed_generators
from sklearn_ssl._engine.whole_files import expanded, remove_abandoned, write_whole
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl._processes.team import found_by_first, leads
from sklearn_ssl._version import __version__

KIND = b"sklearn_ssl checkpoint"
NOT_LEARNT = ("checkpoint", "device", "verbose")  # parameters that do not change what is learnt


class EpochCheckpoint(Callback):
    """Store the net after every epoch, so that a killed training can continue.

    The file has a line with a checksum, a line with the version of the library, and a pickle of the net.

    Parameters
    ----------
    path : pathlib.Path
        The file. It is replaced as a whole, so that a kill while writing leaves the file before.
    device : torch.device or None, default=None
        Where a stored net goes on. None is the device on which it was stored.
    precision : str, default="auto"
        Arithmetic of a stored net that goes on on another device.
    """

    def __init__(self, path: Path, device: torch.device | None = None, precision: str = "auto") -> None:
        self.path = path
        self.device = device
        self.precision = precision

    @staticmethod
    def check_folder(folder: Any) -> None:
        """Raise a ValueError or TypeError if no file can be written into `folder`."""
        if folder is None:
            return
        path = _as_path(folder)
        if not leads():
            return
        existing = next(place for place in (path, *path.parents) if os.path.lexists(place))
        if not existing.is_dir():
            raise ValueError(f"`checkpoint` must be a folder, but {existing} is none. Name another path, or remove it.")
        try:
            with tempfile.TemporaryFile(dir=existing):
                pass
        except OSError as error:
            raise _not_writable(folder, error) from error

    @classmethod
    def of(cls, estimator: Any, dataset: Any) -> Self:
        """Return the checkpoint of one fit in its estimator's folder, which is created if it is missing."""
        name = fingerprint(estimator, dataset, ignore=NOT_LEARNT)
        folder = _as_path(estimator.checkpoint)
        if leads():
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise _not_writable(estimator.checkpoint, error) from error
        return cls(folder / f"{name}.checkpoint", dataset.device, estimator.precision)

    def remove(self) -> None:
        """Remove the file of a training that is done, and what killed trainings left unfinished in the folder."""
        if not leads():
            return
        self.path.unlink(missing_ok=True)
        remove_abandoned(self.path.parent)

    def load(self) -> Any:
        """Return the stored net, or None when there is none. Several processes take what the first one finds.

        Raises
        ------
        ValueError
            If the file is damaged, or if another version of the library wrote it.
        """
        content = found_by_first(self._content)
        if content is None:
            return None
        stored = self._checked(content)
        try:
            net = pickle.loads(stored)
        except Exception as error:
            raise self._unreadable(str(error).partition(". ")[0]) from error  # the rest is advice for other cases
        net.listeners_ = ()
        self._move(net)
        return net

    def on_epoch_end(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        """Write the net with its random stream as it is now."""
        net.record_stream()
        if not leads():
            return
        content = b"%s\n%s" % (__version__.encode(), pickle.dumps(net))
        write_whole(self.path, lambda file: file.writelines((_checksum(content), content)))

    def _content(self) -> bytes | None:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:  # another process with the same fit may have finished it a moment ago
            return None
        except OSError as error:
            raise self._unreadable(error.strerror) from error

    def _checked(self, content: bytes) -> memoryview:
        """Return the pickle in the content of a file, if it is as it was written."""
        start = len(_checksum(b""))
        if content[:start] != _checksum(memoryview(content)[start:]):
            raise self._unreadable("it is damaged, or an earlier version of sklearn_ssl wrote it")
        end = content.index(b"\n", start)
        version = content[start:end].decode()
        if version != __version__:
            raise self._unreadable(f"version {version} of sklearn_ssl wrote it, and this is version {__version__}")
        return memoryview(content)[end + 1 :]

    def _move(self, net: Any) -> None:
        """Bring a net to the device of this training, where its random stream goes on."""
        if self.device in (None, torch.device(net.device)):
            return
        net.device, net.precision = str(self.device), resolved_precision(self.precision, self.device)
        net.module_.to(self.device)
        net.optimizer_.load_state_dict(net.optimizer_.state_dict())  # to where the weights are
        with forked_generators(self.device):
            seed_generators(net.seed, self.device)
            restore_generators(net.random_states_, self.device)
            net.record_stream()

    def _unreadable(self, reason: Any) -> ValueError:
        return ValueError(f"`checkpoint`: {self.path} cannot be read ({reason}). Remove it to start afresh.")


def _as_path(folder: Any) -> Path:
    if not isinstance(folder, (str, os.PathLike)):
        raise TypeError(f"`checkpoint` must be the path of a folder or None, got {shown(folder)}.")
    return expanded(folder, "checkpoint")


def _not_writable(folder: Any, error: OSError) -> ValueError:
    return ValueError(
        f"`checkpoint`: no file can be written into the folder {shown(os.fspath(folder))} ({error.strerror}). Name a "
        "folder that you may write to."
    )


def _checksum(content: Any) -> bytes:
    """Return the first line of a file with this content."""
    return b"%s %s\n" % (KIND, hashlib.sha256(content).hexdigest().encode())
