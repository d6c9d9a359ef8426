"""Augmentations that apply other augmentations."""

import copy
import dataclasses
import itertools
import math
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self, final

import torch

from sklearn_ssl._parameters.hyperparameters import number
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.augmentations._base import Augmentation, Draws, random_events


class NamedSteps(Augmentation):
    """Base of augmentations whose parameters are named steps and the parameters of these steps.

    Steps are kept in the dict ``steps`` and not as attributes, so that a step can have any name.
    """

    def __init__(self, **steps: Any) -> None:
        self.steps: dict[str, Any] = steps

    @final
    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the steps by name.

        Parameters
        ----------
        deep : bool, default=True
            Whether to return the parameters of the steps too, as ``step__parameter``.

        Returns
        -------
        params : dict
            Names and values.
        """
        params = {**super().get_params(deep=deep), **self.steps}
        if deep:
            for name, step in self.steps.items():
                nested = step.get_params(deep=True) if isinstance(step, Augmentation) else {}
                params.update({f"{name}__{key}": value for key, value in nested.items()})
        return params

    @final
    def set_params(self, **params: Any) -> Self:
        """Replace steps, or set their parameters.

        Parameters
        ----------
        **params : dict
            ``step=augmentation`` replaces a step. None or "passthrough" switches it off. ``step__parameter=value``
            sets a parameter of a step, after all replacements.

        Returns
        -------
        self : object
            This object.

        Raises
        ------
        ValueError
            If a name is not a parameter.
        """
        known = self.get_params(deep=False)
        unknown = sorted({name for name in params if name.partition("__")[0] not in known})
        if unknown:
            raise ValueError(
                f"Invalid parameter {shown(unknown[0])} for {type(self).__name__}. Its parameters are "
                f"{shown(sorted(known))}. Parameters of a step are named step__parameter."
            )
        steps = {name: params.get(name, step) for name, step in self.steps.items()}
        others = {name: value for name, value in params.items() if name not in steps}
        for outer, separator, inner in (name.partition("__") for name in others):
            if separator and not isinstance(steps.get(outer), Augmentation):
                raise ValueError(
                    f"Invalid parameter '{outer}__{inner}' for {type(self).__name__}: {shown(outer)} is "
                    f"{shown(steps.get(outer))}. Set it to an augmentation first."
                )
        self.steps = steps
        return super().set_params(**others)

    @final
    def learnt(self, fit: Callable[[Any], Any]) -> Augmentation:
        """Return this composition with steps that have learnt from the training series.

        Parameters
        ----------
        fit : callable
            Takes a transformer and returns it fitted to the series.

        Returns
        -------
        augmentation : Augmentation
            The composition itself if no step has anything to learn.
        """
        steps = {name: step if _is_off(step) else step.learnt(fit) for name, step in self.steps.items()}
        if all(steps[name] is step for name, step in self.steps.items()):
            return self
        composition = copy.copy(self)
        composition.steps = steps
        return composition

    def check_hyperparameters(self) -> None:
        """Raise an error that names the first step that is not an augmentation or has a wrong parameter."""
        super().check_hyperparameters()
        for name, step in self.steps.items():
            if "__" in name:
                raise ValueError(
                    f"{type(self).__name__}: the name of a step must not contain '__', got {shown(name)}. "
                    f"Use single underscores."
                )
            if not _is_off(step):
                _check_type(step, f"{type(self).__name__}: step {shown(name)}")
                step.check_hyperparameters()

    @final
    def __repr__(self) -> str:
        # scikit-learn's representation sorts parameters by name, but the order of the steps matters.
        own = {name: value for name, value in super().get_params(deep=False).items() if value is not None}
        parts = [f"{name}={value!r}" for name, value in {**self.steps, **own}.items()]
        line = f"{type(self).__name__}({', '.join(parts)})"
        if len(line) <= 80 and "\n" not in line:
            return line
        indented = textwrap.indent(",\n".join(parts), "    ")
        return f"{type(self).__name__}(\n{indented},\n)"

    @final
    def _active(self) -> Iterator[tuple[str, Any]]:
        return ((name, step) for name, step in self.steps.items() if not _is_off(step))


@final
class Compose(NamedSteps):
    r"""Apply augmentations one after the other.

    .. math:: y = f_k(\dots f_2(f_1(x)))

    Without steps nothing is changed.

    Parameters
    ----------
    **steps : Augmentation, None or "passthrough"
        Augmentations by name, in order. None and "passthrough" are skipped, so that a search can switch a step off.

    Examples
    --------
    >>> from sklearn_ssl.augmentations import Compose, CropResize, Jitter
    >>> views = Compose(crop=CropResize(), jitter=Jitter())
    >>> views.set_params(jitter__sigma=0.5, crop=None)
    Compose(crop=None, jitter=Jitter(sigma=0.5))
    """

    def __init__(self, **steps: Any) -> None:
        super().__init__(**steps)

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw for every step, in order: a dict of the steps' draws by name."""
        return {name: step.draw(x, lengths) for name, step in self._active()}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Apply the steps in order."""
        for name, step in self._active():
            x = step.apply(x, lengths, draws[name])
        return x


@final
class OneOf(NamedSteps):
    r"""Apply to each series one of several augmentations.

    .. math:: y_i = f_{j(i)}(x_i), \quad P(j(i) = j) = p_j

    All augmentations are computed for all series, because choosing among the series would wait for the device. So the
    cost is the sum of their costs.

    Parameters
    ----------
    probabilities : sequence of float, default=None
        Probability of each augmentation, in order. The probabilities add up to one. None makes all equally likely.
    **steps : Augmentation, None or "passthrough"
        At least one augmentation, by name. None and "passthrough" return the series as it is.

    Raises
    ------
    ValueError
        If there are no steps, or the probabilities do not fit them.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import OneOf, SignFlip
    >>> flip = OneOf(up=None, down=SignFlip(p=1.0), probabilities=(0.25, 0.75))
    >>> flip(torch.ones(1000, 1, 1)).mean().item() < -0.3
    True
    """

    probabilities: Sequence[float] | None = None

    def __init__(self, *, probabilities: Sequence[float] | None = None, **steps: Any) -> None:
        super().__init__(**steps)
        self.probabilities = probabilities

    def check_hyperparameters(self) -> None:
        """Raise an error that names the first parameter or step that is not allowed."""
        super().check_hyperparameters()
        if not self.steps:
            raise ValueError("OneOf: give at least one augmentation by name, such as OneOf(jitter=Jitter()).")
        if self.probabilities is not None and not self._is_distribution(self.probabilities):
            raise ValueError(
                f"OneOf: `probabilities` must be {len(self.steps)} numbers, one per step, that are not negative and "
                f"add up to one, got {shown(self.probabilities)}."
            )

    def _is_distribution(self, shares: Any) -> bool:
        return (
            isinstance(shares, Sequence)
            and len(shares) == len(self.steps)
            and all(isinstance(share, int | float) and share >= 0 for share in shares)
            and math.isclose(sum(shares), 1, abs_tol=1e-6)
        )

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``choice`` (B,), the numbers of the chosen steps, and ``steps``, the draws of all steps by name."""
        shares = self.probabilities if self.probabilities is not None else [1 / len(self.steps)] * len(self.steps)
        chance = torch.rand(len(x), device=x.device)
        choice = torch.zeros(len(x), dtype=torch.long, device=x.device)
        for edge in list(itertools.accumulate(shares))[:-1]:
            choice += chance >= edge
        return {"choice": choice, "steps": {name: step.draw(x, lengths) for name, step in self._active()}}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Apply to each series the step that ``choice`` names."""
        numbers = {name: position for position, name in enumerate(self.steps)}
        augmented = x
        for name, step in self._active():
            chosen = (draws["choice"] == numbers[name])[:, None, None]
            augmented = torch.where(chosen, step.apply(x, lengths, draws["steps"][name]), augmented)
        return augmented


@final
class RandomApply(Augmentation):
    r"""Apply an augmentation to some of the series.

    .. math:: y_i = f(x_i) \text{ with probability } p, \text{ else } x_i

    Parameters
    ----------
    augmentation : Augmentation
        The augmentation. It has no default.
    p : float, default=0.5
        Probability that the augmentation is applied to a series. 0 changes nothing.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import Jitter, RandomApply
    >>> y = RandomApply(Jitter(), p=0.3)(torch.zeros(1000, 1, 1))
    >>> 200 < (y != 0).sum().item() < 400
    True
    """

    augmentation: Augmentation = dataclasses.field(kw_only=False)
    p: float = number(default=0.5, least=0, most=1)

    def check_hyperparameters(self) -> None:
        """Raise an error that names the first parameter that is not allowed."""
        _check_type(self.augmentation, "RandomApply: `augmentation`")
        super().check_hyperparameters()

    def learnt(self, fit: Callable[[Any], Any]) -> Augmentation:
        """Return this augmentation with an inner one that has learnt from the training series.

        Parameters
        ----------
        fit : callable
            Takes a transformer and returns it fitted to the series.

        Returns
        -------
        augmentation : Augmentation
            The augmentation itself if the inner one has nothing to learn.
        """
        learnt = self.augmentation.learnt(fit)
        return self if learnt is self.augmentation else RandomApply(learnt, p=self.p)

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw ``applied`` (B,), true for series that change, and ``augmentation``, its draws for all series."""
        return {"applied": random_events(self.p, x), "augmentation": self.augmentation.draw(x, lengths)}

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Apply the augmentation to the series that are marked in ``applied``."""
        augmented = self.augmentation.apply(x, lengths, draws["augmentation"])
        return torch.where(draws["applied"][:, None, None], augmented, x)


def _is_off(step: Any) -> bool:
    return step is None or (isinstance(step, str) and step == "passthrough")


def _check_type(step: Any, where: str) -> None:
    if not isinstance(step, Augmentation):
        remedy = f" Call the class: {step.__name__}()." if isinstance(step, type) else ""
        raise TypeError(f"{where} must be an Augmentation, got {shown(step)}.{remedy}")
