"""Encoders in files that are safe to load."""

import os
from functools import partial
from typing import Any

from sklearn_ssl._engine.device import resolved_device
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.persistence._container import Tensors, columns_of, fitted_columns, read, reason_of, write
from sklearn_ssl.persistence._description import ENCODERS, INSTEAD, POOLINGS, described
from sklearn_ssl.persistence._encoder_plan import EncoderPlan
from sklearn_ssl.persistence._layout import Form, check_finite, check_forms
from sklearn_ssl.persistence._parts import Parts, encoder_recipe_of, parts_of, pooling_recipe_of
from sklearn_ssl.persistence._pretrained import PretrainedTransformer, fitted_on


def save_encoder(transformer: Any, path: str | os.PathLike) -> None:
    """Write the encoder and pooling of a fitted transformer into a file that is safe to load.

    The file is a safetensors file. It has the weights, and a description in JSON of the recipe, the pooling, the
    channels and the version of the library. Loading it runs no code from the file. The projector, queue, teacher,
    optimiser and history are left out, because only training needs them. To continue with `partial_fit`, use joblib or
    pickle.

    Parameters
    ----------
    transformer : transformer, classifier or regressor of this package
        It must be fitted, and a recipe of `sklearn_ssl.encoders` must have built its encoder. The head of a classifier
        or regressor is left out, and its encoder is stored as it was fine-tuned.
    path : str or path-like
        The file. It is replaced as a whole once everything has been written. If anything goes wrong, a file that was
        there before stays as it is.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the transformer is not fitted.
    TypeError
        If it has no encoder, or if its `transform` does more than encode, pool and map linearly.
    ValueError
        If its encoder or pooling is not one of this package, or if its encoder differs from the one that its recipe
        builds.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_ssl import VICRegTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> from sklearn_ssl.persistence import load_encoder, save_encoder
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> vicreg = VICRegTransformer(max_epochs=1, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "waves.safetensors"
    ...     save_encoder(vicreg, path)
    ...     loaded = load_encoder(path)
    >>> bool((loaded.transform(X) == vicreg.transform(X)).all())
    True

    Start another training from the loaded encoder:

    >>> other = VICRegTransformer(encoder=loaded.net_.module_.encoder, max_epochs=1, random_state=0).fit(X)
    """
    parts = parts_of(transformer)
    description = {**described_encoder(transformer, parts), "precision": getattr(transformer, "precision", "auto")}
    check_as_built(description, parts)
    write(path, description, parts.tensors())


def load_encoder(path: str | os.PathLike, *, device: Any = "auto") -> PretrainedTransformer:
    """Read an encoder that `save_encoder` wrote.

    No code from the file is run. The file has the names of recipes of this package, their parameters, which are
    checked, and numbers.

    Parameters
    ----------
    path : str or path-like
        The file.
    device : str or torch.device, default="auto"
        The device for `transform`. "auto" is CUDA if there is one, else MPS if there is one, else the CPU. It need not
        be the device on which the encoder was trained.

    Returns
    -------
    transformer : PretrainedTransformer
        It is fitted. On the same device, `transform` gives the features of the stored transformer to the last bit.
        `transformer.encoder` is the encoder, which can be given to another transformer.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If the file is damaged, if it is another kind of file, if a later version of the library wrote it, or if there
        is no such device.
    """
    resolved_device(device)
    return read(path, "encoder", partial(_planned, device=device))


def described_encoder(estimator: Any, parts: Parts) -> dict[str, Any]:
    """Return the description of the encoder, the pooling and the input of a fitted estimator."""
    return {
        "method": type(estimator).__name__,
        "encoder": described(encoder_recipe_of(parts.encoder), ENCODERS),
        "pooling": described(pooling_recipe_of(parts.pooling), POOLINGS),
        "n_channels": int(estimator.n_channels_in_),
        **columns_of(estimator),
    }


def check_as_built(description: dict[str, Any], parts: Parts) -> None:
    """Raise a ValueError if what is described is another module, because a layer was replaced for example."""
    tensors = parts.tensors()
    forms = {name: Form.of(tensor) for name, tensor in tensors.items()}
    try:
        check_forms(forms, EncoderPlan.of(description, forms).forms())
        check_finite(tensors)
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            f"`transformer` has an encoder that is not as its recipe {shown(parts.encoder.recipe)} builds it "
            f"({reason_of(error)}). {INSTEAD}"
        ) from error


def _planned(description: dict[str, Any], forms: dict[str, Form], device: Any) -> Any:
    if "head" in description:
        raise ValueError("it holds a predictor, which load_predictor reads")
    plan = EncoderPlan.of(description, forms)
    check_forms(forms, plan.forms())
    return partial(_loaded, plan=plan, description=description, device=device)


def _loaded(tensors: Tensors, plan: EncoderPlan, description: dict[str, Any], device: Any) -> PretrainedTransformer:
    encoder, pooling = plan.filled(tensors)
    transformer = PretrainedTransformer(encoder=encoder, pooling=pooling, device=device, precision=plan.precision)
    return fitted_on(transformer, plan.n_channels, fitted_columns(description))
