import os
import pickle
from pathlib import Path
from typing import Any, Self

from skorch.callbacks import Callback

from sklearn_ssl._engine.fingerprint import fingerprint
from sklearn_ssl._engine.whole_files import write_whole


class EpochCheckpoint(Callback):
    """Store the net after every epoch, so that a killed training can continue.

    Parameters
    ----------
    path : pathlib.Path
        The file. It is replaced as a whole, so that a kill while writing leaves the file before.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @staticmethod
    def check_folder(folder: Any) -> None:
        """Raise a ValueError or TypeError if `folder` cannot be one."""
        if folder is None:
            return
        if not isinstance(folder, (str, os.PathLike)):
            raise TypeError(f"`checkpoint` must be the path of a folder or None, got {folder!r}.")
        if any(path.is_file() for path in (Path(folder), *Path(folder).parents)):
            raise ValueError(
                f"`checkpoint` must be a folder, but {folder} is, or lies below, a file. Name another path."
            )

    @classmethod
    def of(cls, estimator: Any, dataset: Any) -> Self:
        """Return the checkpoint of one fit in its estimator's folder, which is created if it is missing."""
        name = fingerprint(estimator, dataset, ignore=("checkpoint", "verbose"))
        folder = Path(estimator.checkpoint)
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder / f"{name}.checkpoint")

    def remove(self) -> None:
        """Remove the file of a training that is done."""
        self.path.unlink(missing_ok=True)

    def load(self) -> Any:
        """Return the stored net, or None when there is none.

        Raises
        ------
        ValueError
            If the file is damaged.
        """
        if not self.path.exists():
            return None
        try:
            net = pickle.loads(self.path.read_bytes())
            net.listeners_ = ()
            return net
        except Exception as error:
            reason = str(error).partition(". ")[0]  # the rest is advice for whoever has nothing but the file
            raise ValueError(
                f"`checkpoint`: {self.path} cannot be read ({reason}). Remove it to start afresh."
            ) from error

    def on_epoch_end(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        """Write the net with its random stream as it is now."""
        net.record_stream()
        write_whole(self.path, lambda file: pickle.dump(net, file))
