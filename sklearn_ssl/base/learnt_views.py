"""Augmentations whose views come from a transformer that is fitted first."""

from collections.abc import Callable
from functools import partial
from typing import Any

from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._engine.random_streams import draw_seed
from sklearn_ssl._input.collections import Collection
from sklearn_ssl.augmentations import Augmentation
from sklearn_ssl.base.kept import kept_copy, switched_on

LEFT_OPEN = ("device", "precision")


def net_with_learnt_views(
    build: Callable[[Callable[..., Any]], SSLNet], module: partial, estimator: Any, collection: Collection
) -> SSLNet:
    """Build a net. If augmentations of its module need a transformer, fit it to the training series, and build again.

    Parts that do not go together are so told before a transformer is fitted.

    Parameters
    ----------
    build : callable
        Takes what builds a module, and returns a net.
    module : functools.partial
        Builds the module.
    estimator : estimator
        What is being fitted. The transformers take over `device`, `precision` and `random_state` if theirs are left
        open, and `verbose` and `distributed` if they are on.
    collection : Collection
        The training series.

    Returns
    -------
    net : SSLNet
        The net, initialised.
    """
    net = build(module).initialize()
    fit = partial(_fitted, estimator, collection)
    learnt = {name: _learnt(value, fit) for name, value in module.keywords.items()}
    if all(learnt[name] is value for name, value in module.keywords.items()):
        return net
    return build(partial(module.func, *module.args, **learnt)).initialize()


def _learnt(value: Any, fit: Callable[[Any], Any]) -> Any:
    if isinstance(value, Augmentation):
        return value.learnt(fit)
    if not isinstance(value, tuple) or not any(isinstance(one, Augmentation) for one in value):
        return value
    learnt = tuple(_learnt(one, fit) for one in value)
    return value if all(new is old for new, old in zip(learnt, value, strict=True)) else learnt


def _fitted(estimator: Any, collection: Collection, generator: Any) -> Any:
    if isinstance(generator, FrozenEstimator):
        return kept_copy("generator", generator.estimator, collection.n_channels)
    fresh = clone(generator)
    taken = {name: getattr(estimator, name) for name in LEFT_OPEN if hasattr(estimator, name) and _is_open(fresh, name)}
    if fresh.random_state is None:
        taken["random_state"] = draw_seed(estimator.random_state)
    return fresh.set_params(**taken, **switched_on(estimator, fresh)).fit(collection.values)


def _is_open(transformer: Any, name: str) -> bool:
    value = getattr(transformer, name)
    return isinstance(value, str) and value == "auto"
