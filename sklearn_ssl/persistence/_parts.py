"""The parts of a fitted transformer that `transform` applies."""

from typing import Any, NamedTuple

import torch
from torch import nn

from sklearn_ssl._parameters.arguments import check_fitted
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.architectures import Architecture, AveragedArchitecture, ClosedFormArchitecture, HeadedArchitecture
from sklearn_ssl.persistence._description import INSTEAD
from sklearn_ssl.persistence._predictor_module import PredictorModule
from sklearn_ssl.persistence._pretrained import MappedPooling
from sklearn_ssl.pooling import Pooling, PoolingModule

POOLED = (Architecture.features, AveragedArchitecture.features, ClosedFormArchitecture.features)


class Parts(NamedTuple):
    """The parts that `transform` applies, one after the other."""

    encoder: Any
    pooling: nn.Module
    linear: dict[str, torch.Tensor]  # "mean" and "weights" of a linear map of the pooled features, or empty

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return all tensors by name, on the CPU."""
        named = {
            **{f"encoder.{name}": value for name, value in self.encoder.state_dict().items()},
            **{f"pooling.{name}": value for name, value in self.pooling.state_dict().items()},
            **{f"linear.{name}": value for name, value in self.linear.items()},
        }
        return {name: value.cpu().contiguous() for name, value in named.items()}


def parts_of(transformer: Any) -> Parts:
    """Return the encoder, the pooling and the linear map of a fitted transformer.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the transformer is not fitted.
    TypeError
        If it has no encoder, or if its `transform` does more than encode, pool and map linearly.
    """
    architecture = _architecture_of(transformer)
    encoder, pooling = architecture.encoder, architecture.pooling
    if isinstance(pooling, MappedPooling):  # the transformer comes from a file
        return Parts(encoder, pooling.pooling, {"mean": pooling.mean, "weights": pooling.weights})
    if isinstance(architecture, ClosedFormArchitecture):
        return Parts(encoder, pooling, {"mean": architecture.mean, "weights": architecture.weights})
    return Parts(encoder, pooling, {})


def _architecture_of(transformer: Any) -> Any:
    check_fitted("transformer", transformer)
    module = getattr(getattr(transformer, "net_", None), "module_", None)
    architecture = getattr(module, "backbone", module)  # a fine-tuned module is a backbone and a head
    if isinstance(architecture, PredictorModule):
        return architecture
    if not isinstance(architecture, Architecture):
        raise TypeError(
            "`transformer` must be a fitted transformer, classifier or regressor of sklearn_ssl, for example the step "
            f'pipeline["ssl"] of a Pipeline, got {shown(transformer)}.'
        )
    if type(architecture).features not in POOLED:
        raise TypeError(
            f"`transformer` has an architecture, {type(architecture).__name__}, whose features are more than pooled "
            f"ones. {INSTEAD}"
        )
    return architecture


def has_head(estimator: Any) -> bool:
    """Tell whether a fitted estimator predicts with a head."""
    module = getattr(getattr(estimator, "net_", None), "module_", None)
    return isinstance(module, (PredictorModule, HeadedArchitecture))


def predictor_module_of(predictor: Any) -> PredictorModule:
    """Return the module of a fitted predictor. It shares the predictor's tensors.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the predictor is not fitted.
    TypeError
        If it has no head, if its features are more than encoded, pooled and mapped linearly, or if it trains before it
        predicts.
    """
    check_fitted("predictor", predictor)
    if not has_head(predictor):
        raise TypeError(
            "`predictor` must be a fitted classifier or regressor of sklearn_ssl, for example the last step "
            f"pipeline[-1] of a Pipeline, got {shown(predictor)}. Use save_encoder for a transformer."
        )
    if not getattr(predictor, "predicts_in_one_pass", True):
        raise TypeError(
            f"`predictor` must predict in one pass, but {type(predictor).__name__} trains before each prediction. A "
            "file cannot do so: set its `n_steps` to 0, or use joblib."
        )
    module = predictor.net_.module_
    if isinstance(module, PredictorModule):
        return module
    encoder, pooling, linear = parts_of(predictor)
    pooling = MappedPooling(pooling, **linear) if linear else pooling
    return PredictorModule(encoder, pooling, module.shift, module.scale, module.head).eval()


def encoder_recipe_of(encoder: nn.Module) -> Any:
    """Return the recipe that built an encoder, or raise a ValueError if none did."""
    recipe = getattr(encoder, "recipe", None)
    if recipe is None:
        raise ValueError(
            "`transformer` has an encoder that no recipe built: only encoders of sklearn_ssl.encoders can be stored in "
            f"a file that is safe to load, got {type(encoder).__name__}. {INSTEAD}"
        )
    return recipe


def pooling_recipe_of(pooling: nn.Module) -> Pooling:
    """Return the recipe that built a pooling, or raise a ValueError if it is not one of sklearn_ssl."""
    if not isinstance(pooling, PoolingModule):
        raise ValueError(
            "`transformer` has a pooling that is not sklearn_ssl.pooling.Pooling, got "
            f"{type(pooling).__name__}. {INSTEAD}"
        )
    return Pooling(statistics=pooling.statistics, layers="all" if pooling.every_layer else "last")
