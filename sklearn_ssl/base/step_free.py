"""The base of transformers that take no gradient steps."""

import abc

from sklearn_ssl._engine.batches import SeriesDataset
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._parameters.hyperparameters import number
from sklearn_ssl.base.embedding import EmbeddingTransformer
from sklearn_ssl.base.progress import TrainingProgressMixin


class StepFreeTransformer(TrainingProgressMixin, EmbeddingTransformer, abc.ABC):
    """A transformer that takes no gradient steps.

    Parameters
    ----------
    max_epochs : int or "auto", default="auto"
        Has no effect. It is there so that this transformer can take the place of a trained one in a grid.
    max_steps : int or None, default=None
        Has no effect, as `max_epochs`.
    batch_size : int or "auto", default="auto"
        Has no effect, as `max_epochs`.
    verbose : int, default=0
        Has no effect, as `max_epochs`: there is no epoch to report.
    """

    max_epochs: int | str = number(default="auto", least=0, integer=True, or_else=("auto",))
    max_steps: int | None = number(default=None, least=1, integer=True, or_else=(None,))
    batch_size: int | str = number(default="auto", least=2, integer=True, or_else=("auto",))
    verbose: int = number(default=0, least=0, integer=True, or_else=(True, False))

    def _planned_epochs(self, net: SSLNet, dataset: SeriesDataset) -> int:
        return 0
