"""The encoder and the pooling that a file describes, before their numbers are read."""

from typing import Any, NamedTuple, Self

from torch import nn

from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.encoders import EncoderModule
from sklearn_ssl.persistence._container import MOST_CHANNELS, Tensors, whole
from sklearn_ssl.persistence._description import ENCODERS, POOLINGS, Limits, recipe_from
from sklearn_ssl.persistence._layout import Form, built_without_numbers, filled, forms_of
from sklearn_ssl.persistence._pretrained import LearntPooling, MappedPooling
from sklearn_ssl.pooling import Pooling

PRECISIONS = ("auto", "float32", "bf16")


class EncoderPlan(NamedTuple):
    """Modules on the meta device, which have no numbers yet.

    Attributes
    ----------
    encoder : EncoderModule
        The encoder.
    recipe : Pooling
        The recipe of the pooling.
    pooling : torch.nn.Module
        The pooling.
    n_mapped : int or None
        Number of outputs of the linear map behind the pooling. None if there is no such map.
    n_channels : int
        Number of channels of the series.
    precision : str
        Arithmetic of the encoder.
    """

    encoder: EncoderModule
    recipe: Pooling
    pooling: nn.Module
    n_mapped: int | None
    n_channels: int
    precision: str

    @classmethod
    def of(cls, description: dict[str, Any], forms: dict[str, Form]) -> Self:
        """Plan what is described.

        Raises
        ------
        ValueError, TypeError
            If the description is not possible with tensors of these forms.
        """
        precision = description.get("precision")
        if precision not in PRECISIONS:
            raise ValueError(f"its precision is {shown(precision)}")
        n_channels = whole(description, "n_channels", MOST_CHANNELS)
        limits = Limits.of(form.shape for form in forms.values())
        encoder = built_without_numbers(recipe_from(description.get("encoder"), ENCODERS, limits), n_channels)
        recipe = recipe_from(description.get("pooling"), POOLINGS, limits)
        pooling = built_without_numbers(recipe, encoder.widths)
        return cls(encoder, recipe, pooling, _n_mapped(forms), n_channels, precision)

    @property
    def n_features_of_layers(self) -> tuple[int, ...]:
        """Number of features that come from each layer."""
        pooled = tuple(self.recipe.n_features_of_layers(self.encoder.widths))
        return pooled if self.n_mapped is None else (self.n_mapped,)

    def forms(self) -> dict[str, Form]:
        """Return the forms of all tensors that the file must have."""
        forms = {**forms_of("encoder", self.encoder), **forms_of("pooling", self.pooling)}
        if self.n_mapped is not None:
            n_pooled = self.recipe.n_features(self.encoder.widths)
            forms["linear.mean"] = Form((n_pooled,), "F32")
            forms["linear.weights"] = Form((self.n_mapped, n_pooled), "F32")
        return forms

    def filled(self, tensors: Tensors) -> tuple[EncoderModule, Any]:
        """Return the encoder with its numbers, and the recipe of the pooling with its numbers."""
        encoder, pooling = self.filled_modules(tensors)
        if self.n_mapped is None and not len(pooling.queries):
            return encoder, self.recipe
        return encoder, LearntPooling(module=pooling, widths=self.n_features_of_layers)

    def filled_modules(self, tensors: Tensors) -> tuple[EncoderModule, Any]:
        """Return the encoder and the pooling with their numbers."""
        encoder, pooling = filled(self.encoder, "encoder", tensors), filled(self.pooling, "pooling", tensors)
        if self.n_mapped is None:
            return encoder, pooling
        return encoder, MappedPooling(pooling, tensors["linear.mean"], tensors["linear.weights"])


def _n_mapped(forms: dict[str, Form]) -> int | None:
    shape = forms["linear.weights"].shape if "linear.weights" in forms else ()
    return shape[0] if len(shape) == 2 and shape[0] else None
