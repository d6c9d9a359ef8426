"""A finite set of numbered changes of series, for methods that predict which of them was applied."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, final

import torch

from sklearn_ssl._input.padding import observed_mask
from sklearn_ssl._input.tensors import check_series
from sklearn_ssl._parameters.hyperparameters import Hyperparameters, names
from sklearn_ssl._parameters.ranges import as_names
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.augmentations._amplitude import Rotation, SignFlip
from sklearn_ssl.augmentations._base import checked_lengths
from sklearn_ssl.augmentations._composition import NamedSteps, RandomApply
from sklearn_ssl.augmentations._masking import ChannelReversal
from sklearn_ssl.augmentations._time import Permutation, TimeReversal, TimeShift, steps, take
from sklearn_ssl.augmentations._triples import check_triples, triples_of

Change = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


@final
class NumberedTransformations(Hyperparameters):
    r"""Changes of series with the numbers 0 to K - 1. Number 0 changes nothing.

    Each kind is a small set of changes that can be undone. A transformation applies one change of each kind, in the
    order of `kinds`, so K is the product of the sizes of the kinds:

    ==========  ====  =============================================================================
    kind        size  change of a series x with n observed steps and m channels
    ==========  ====  =============================================================================
    "time"      2     :math:`x_t \to x_{n - 1 - t}`, played backwards
    "sign"      2     :math:`x \to -x`
    "channels"  2     :math:`x_c \to x_{m - 1 - c}`, the channels in reverse order
    "axes"      4     quarter turns of every triple of axes about its third one: (x, y) becomes
                      (x, y), (-y, x), (-x, -y) or (y, -x)
    "shift"     4     :math:`x_t \to x_{(t - \lfloor q n / 4 \rfloor) \bmod n}` with q = 0, ..., 3: shifted by
                      q quarters of its observed steps, in a circle
    ==========  ====  =============================================================================

    The default, "time" and "sign", turns a curve by 180 degrees and mirrors it in both directions. It fits series of
    any number of channels.

    "shift" puts the first step right after the last one. Such a seam is a jump in most series. A network finds it
    easily, and then learns nothing else. Use "shift" for series whose ends fit together, such as whole periods.

    Parameters
    ----------
    kinds : name or tuple of names out of "time", "sign", "channels", "axes", "shift", default=("time", "sign")
        The kinds of changes, each at most once. The number of the last one runs fastest.
    axes : sequence of triples of int, default=None
        For kind "axes", the channels of the x, y and z axis of each sensor, such as ``((0, 1, 2), (3, 4, 5))``. Other
        channels are not changed. None takes consecutive triples of all channels.

    References
    ----------
    Gidaris, Singh and Komodakis, "Unsupervised representation learning by predicting image rotations", International
    Conference on Learning Representations, 2018. The transformations of series are ours.

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.augmentations import NumberedTransformations
    >>> transformations = NumberedTransformations()
    >>> transformations.descriptions
    ('none', 'sign', 'time', 'time + sign')
    >>> x = torch.tensor([[[1.0, 2.0, 3.0, 0.0]]]).repeat(4, 1, 1)
    >>> transformations(x, torch.arange(4), lengths=torch.tensor([3, 3, 3, 3]))[:, 0]
    tensor([[ 1.,  2.,  3.,  0.],
            [-1., -2., -3.,  0.],
            [ 3.,  2.,  1.,  0.],
            [-3., -2., -1.,  0.]])
    """

    kinds: str | Sequence[str] = names("time", "sign", "channels", "axes", "shift", default=("time", "sign"))
    axes: Sequence[Sequence[int]] | None = None

    @property
    def n_numbers(self) -> int:
        """Number K of transformations."""
        return math.prod(_SIZES[kind] for kind in as_names(self.kinds))

    @property
    def descriptions(self) -> tuple[str, ...]:
        """What each transformation changes, in the order of the numbers."""
        return tuple(" + ".join(filter(None, changes)) or "none" for changes in itertools.product(*self._labels()))

    def _labels(self) -> Iterator[list[str]]:
        for kind in as_names(self.kinds):
            size = _SIZES[kind]
            yield ["", kind] if size == 2 else ["", *(f"{kind} {quarter}/{size}" for quarter in range(1, size))]

    def check_hyperparameters(self) -> None:
        """Raise a ValueError that names the first parameter that is not allowed."""
        super().check_hyperparameters()
        check_triples(type(self).__name__, self.axes)

    def check_shape(self, n_channels: int, n_timepoints: int) -> None:
        """Check that all transformations of such series differ.

        Parameters
        ----------
        n_channels : int
            Number of channels.
        n_timepoints : int
            Number of time steps of the longest series.

        Raises
        ------
        ValueError
            If a kind needs more channels or more time steps, or if `axes` does not fit the channels.
        """
        for kind in as_names(self.kinds):
            begin = f'{type(self).__name__}: kind "{kind}" needs {_FEWEST[kind]} or more'
            remedy = f'Leave "{kind}" out of `kinds`.'
            if kind in _OF_TIME and n_timepoints < _FEWEST[kind]:
                raise ValueError(f"{begin} time steps, got n_features = {n_timepoints}. {remedy}")
            if kind in _OF_CHANNELS and n_channels < _FEWEST[kind]:
                raise ValueError(f"{begin} channels, got {n_channels}. {remedy}")
            if kind == "axes" and not triples_of(type(self).__name__, self.axes, n_channels):
                raise ValueError(
                    f'{type(self).__name__}: kind "axes" needs a triple in `axes`, got {shown(self.axes)}.'
                )

    def check_augmentation(self, augmentation: Any) -> None:
        """Check that an augmentation does not make changes whose number is asked for.

        Functions and modules of the user cannot be checked.

        Parameters
        ----------
        augmentation : object
            What is applied to the series too. Compositions are searched.

        Raises
        ------
        ValueError
            If the augmentation, or a part of it, makes changes of one of the `kinds`.
        """
        for step in _parts(augmentation):
            for kind in as_names(self.kinds):
                if _makes(step, kind):
                    raise ValueError(
                        f'`augmentation` has {step}, which makes changes of kind "{kind}", about which '
                        f"`transformations` asks: leave it out."
                    )

    def __call__(self, x: torch.Tensor, number: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Apply to each series the transformation of its number.

        Parameters
        ----------
        x : torch.Tensor of shape (B, C, L)
            Series, floating point.
        number : int torch.Tensor of shape (B,)
            Numbers from 0 to K - 1.
        lengths : int torch.Tensor of shape (B,) or None, default=None
            Number of observed steps of each series. None means that all L steps are observed.

        Returns
        -------
        changed : torch.Tensor of shape (B, C, L)
            The changed series. Padding is as it was.

        Raises
        ------
        TypeError
            If a tensor has a wrong dtype.
        ValueError
            If a shape or a number is wrong, or if the kinds do not fit the series.
        """
        self.check_hyperparameters()
        check_series(x)
        self.check_shape(*x.shape[1:])
        number = self._checked_number(number, len(x)).to(x.device)
        return self.apply(x, checked_lengths(x, lengths), number)

    def apply(self, x: torch.Tensor, lengths: torch.Tensor | None, number: torch.Tensor) -> torch.Tensor:
        """Do what a call does, without its checks.

        Parameters
        ----------
        x : torch.Tensor of shape (B, C, L)
            Series.
        lengths : int torch.Tensor of shape (B,) or None
            Number of observed steps of each series.
        number : int torch.Tensor of shape (B,)
            Numbers from 0 to K - 1.

        Returns
        -------
        changed : torch.Tensor of shape (B, C, L)
            The changed series. Padding is as it was.
        """
        lengths = torch.full_like(number, x.shape[2]) if lengths is None else lengths
        changed, size = x, self.n_numbers
        for kind in as_names(self.kinds):
            size //= _SIZES[kind]
            changed = self._change(kind, x.shape[1])(changed, lengths, number // size % _SIZES[kind])
        return torch.where(observed_mask(lengths, x.shape[2])[:, None], changed, x)

    def all_of(
        self, x: torch.Tensor, lengths: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]:
        """Apply every transformation to every series.

        Parameters
        ----------
        x : torch.Tensor of shape (B, C, L)
            Series.
        lengths : int torch.Tensor of shape (B,) or None
            Number of observed steps of each series.

        Returns
        -------
        changed : torch.Tensor of shape (K B, C, L)
            The changed series, all of number 0 first.
        lengths : int torch.Tensor of shape (K B,) or None
            Their observed steps.
        number : int torch.Tensor of shape (K B,)
            Their numbers.
        """
        number = torch.arange(self.n_numbers, device=x.device).repeat_interleave(len(x))
        lengths = None if lengths is None else lengths.repeat(self.n_numbers)
        return self.apply(x.repeat(self.n_numbers, 1, 1), lengths, number), lengths, number

    def _change(self, kind: str, n_channels: int) -> Change:
        if kind == "axes":
            return _Turn(triples_of(type(self).__name__, self.axes, n_channels))
        return {"time": _reversed, "sign": _negated, "channels": _exchanged, "shift": _shifted}[kind]

    def _checked_number(self, number: Any, n_series: int) -> torch.Tensor:
        if not isinstance(number, torch.Tensor) or number.is_floating_point() or number.dtype == torch.bool:
            kind = number.dtype if isinstance(number, torch.Tensor) else type(number).__name__
            raise TypeError(
                f"`number` must be a torch.Tensor of whole numbers, got {kind}. Convert it by "
                f"torch.as_tensor(number).long()."
            )
        if number.shape != (n_series,) or bool(((number < 0) | (number >= self.n_numbers)).any()):
            raise ValueError(
                f"`number` must have shape ({n_series},), one number from 0 to {self.n_numbers - 1} per series of `x`, "
                f"got {shown(number.tolist())}."
            )
        return number.long()


_SIZES = {"time": 2, "sign": 2, "channels": 2, "axes": 4, "shift": 4}
_FEWEST = {"time": 2, "sign": 1, "channels": 2, "axes": 3, "shift": 4}
_OF_TIME, _OF_CHANNELS = ("time", "shift"), ("channels", "axes")


def _reversed(x: torch.Tensor, lengths: torch.Tensor, number: torch.Tensor) -> torch.Tensor:
    time = steps(x)
    return take(x, torch.where(number[:, None] > 0, lengths[:, None] - 1 - time, time))


def _negated(x: torch.Tensor, lengths: torch.Tensor, number: torch.Tensor) -> torch.Tensor:
    return torch.where(number[:, None, None] > 0, -x, x)


def _exchanged(x: torch.Tensor, lengths: torch.Tensor, number: torch.Tensor) -> torch.Tensor:
    return torch.where(number[:, None, None] > 0, x.flip(1), x)


def _shifted(x: torch.Tensor, lengths: torch.Tensor, number: torch.Tensor) -> torch.Tensor:
    shift = number * lengths // 4
    return take(x, torch.remainder(steps(x) - shift[:, None], lengths.clamp(min=1)[:, None]))


class _Turn:
    """Quarter turns of triples of channels about their third axis."""

    def __init__(self, triples: Sequence[Sequence[int]]) -> None:
        self.first, self.second, _ = map(list, zip(*triples, strict=True))

    def __call__(self, x: torch.Tensor, lengths: torch.Tensor, number: torch.Tensor) -> torch.Tensor:
        quarters = x.new_tensor([1, 0, -1, 0])
        cosine, sine = quarters[number][:, None, None], quarters[number - 1][:, None, None]  # (B, 1, 1)
        a, b = x[:, self.first], x[:, self.second]  # (B, triples, L)
        turned = x.clone()
        turned[:, self.first] = cosine * a - sine * b
        turned[:, self.second] = sine * a + cosine * b
        return turned


def _parts(augmentation: Any) -> Iterator[Any]:
    """Yield an augmentation and all that it applies."""
    yield augmentation
    inner: Iterable[Any] = ()
    if isinstance(augmentation, NamedSteps):
        inner = augmentation.steps.values()
    elif isinstance(augmentation, RandomApply):
        inner = (augmentation.augmentation,)
    for one in inner:
        yield from _parts(one)


def _makes(step: Any, kind: str) -> bool:
    """Tell whether an augmentation can turn one number of a kind into another one."""
    if kind == "axes":
        return isinstance(step, Rotation) and step.angle >= 45  # halfway between two quarter turns
    if kind == "shift":
        shifts = isinstance(step, TimeShift) and step.ratio >= 1 / 8  # halfway between two quarters
        return shifts or (isinstance(step, Permutation) and step.n_segments > 1)
    flip = {"time": TimeReversal, "sign": SignFlip, "channels": ChannelReversal}[kind]
    return isinstance(step, flip) and step.p > 0
