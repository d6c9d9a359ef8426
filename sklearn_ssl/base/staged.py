"""The base of methods that fit another transformer first, on the same series."""

import abc
import warnings
from typing import Any, ClassVar, NoReturn

from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._engine.random_streams import draw_seed
from sklearn_ssl._input.collections import Collection
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.base.embedding import EmbeddingTransformer
from sklearn_ssl.base.kept import kept_copy, switched_on
from sklearn_ssl.base.trained import SSLTransformer

LEFT_OPEN = ("encoder", "window", "device", "precision")  # parameters of a stage that are None or "auto"


class StagedTransformer(SSLTransformer, abc.ABC):
    """A transformer with stages: transformers that are fitted first and then help to train this one.

    Each stage is a field that holds a transformer. `fit`, or the first `partial_fit`, clones it, fits the clone to the
    same series and keeps it under the name of the field with an underscore. A fitted transformer in
    `sklearn.frozen.FrozenEstimator` is kept as it is. What a stage leaves open is as in this transformer: `encoder` if
    it is None, `window`, `device` and `precision` if they are "auto", `random_state` if it is None, `verbose`, and
    `distributed`.
    """

    _stages: ClassVar[tuple[str, ...]] = ()
    _kind_of_stage: ClassVar[Any] = EmbeddingTransformer

    def _checked_sets(self, collections: Any) -> NoReturn:
        raise ValueError(
            f"`collections` has several sets, and {type(self).__name__} fits `{self._stages[0]}` first, to one array "
            "of series. Use fit(X), or a method that fits nothing first."
        )

    def _build_net(self, collection: Collection, n_cases: int | None = None) -> SSLNet:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the same warnings come again
            self._try_out(collection)
        for name in self._stages:
            if not self._keeps(name):
                getattr(self, f"{name}_").fit(collection.values)
        return super()._build_net(collection, n_cases)

    def _try_out(self, collection: Collection) -> SSLNet:
        """Build a net on untrained stages, so that parts that do not go together are told before any work."""
        seed = draw_seed(self.random_state)
        for name in self._stages:
            stage = self._new_stage(name, collection.n_channels, seed)
            setattr(self, f"{name}_", stage)
            if not self._keeps(name):
                stage._checked(collection.values, reset=True)
                is_staged = isinstance(stage, StagedTransformer)
                stage.net_ = stage._try_out(collection) if is_staged else stage._build_net(collection)
        return super()._build_net(collection)

    def _keeps(self, name: str) -> bool:
        return isinstance(self.resolved(name), FrozenEstimator)

    def _new_stage(self, name: str, n_channels: int, seed: int) -> Any:
        given = self.resolved(name)
        stage: Any = given.estimator if self._keeps(name) else clone(given)
        if not isinstance(stage, self._kind_of_stage):
            example = shown(self._default_recipe(name)())  # type: ignore[misc]
            raise TypeError(f"`{name}` must be a transformer of this package such as {example}, got {shown(stage)}.")
        if self._keeps(name):
            return kept_copy(name, stage, n_channels)
        return stage.set_params(**self._left_open(stage, seed))

    def _left_open(self, stage: Any, seed: int) -> dict[str, Any]:
        """Return the parameters that a stage takes over from this transformer."""
        open_ones = [name for name in LEFT_OPEN if _is_open(getattr(stage, name, 0)) and hasattr(self, name)]
        taken = {name: clone(self.resolved(name), safe=False) for name in open_ones}
        if stage.random_state is None:
            taken["random_state"] = seed
        return taken | switched_on(self, stage)

    def _fitted_modules(self) -> dict[str, Any]:
        """Return the modules of the stages that are fitted, for the architecture."""
        fitted = [name for name in self._stages if hasattr(self, f"{name}_")]
        return {name: getattr(self, f"{name}_").net_.module_ for name in fitted}


def _is_open(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value == "auto")
