"""Views that a generator makes."""

import dataclasses
from collections.abc import Callable
from typing import Any, final

import torch
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator

from sklearn_ssl._parameters.hyperparameters import number
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.augmentations._base import Augmentation, Draws


@final
class GeneratedViews(Augmentation):
    r"""Replace every series by one that a generator makes for it.

    With a `GANTransformer` the view of a series x is

    .. math:: g(z(x) + \sigma d), \qquad z(x) = \arg\min_{z \in Z} \|f(x) - f(g(z))\|,

    where g is the generator, f the features of the critic's encoder, each scaled to variance 1, Z noise that is drawn
    once, and d standard normal noise. So two views of a series are made of neighbouring noise. With a
    `GeneratedViewsTransformer` the view is the series with a bounded change, which was trained to be hard.

    Any transformer or predictor that has an `augmentation` takes this one, also as a step of a composition or as one of
    a tuple. It fits the generator to the same series first. To see generated views next to real series use
    ``(Compose(), GeneratedViews(...))``, or `RandomApply`.

    Parameters
    ----------
    generator : transformer
        A `GANTransformer`, `SSGANTransformer` or `GeneratedViewsTransformer`. It is cloned, and the clone is fitted.
        Its `device` and `precision`, if they are "auto", and its `random_state`, if that is None, are as in the
        transformer that gets the views. A fitted one in `sklearn.frozen.FrozenEstimator` is used as it is.
    spread : float, default=0.3
        :math:`\sigma`, for generators that take noise. 0 gives the same view each time.
    n_candidates : int, default=1024
        Size of the set Z, for generators that take noise.

    References
    ----------
    Jahanian, A., Puig, X., Tian, Y. and Isola, P. (2022). Generative models as a data source for multiview
    representation learning. ICLR. https://arxiv.org/abs/2106.05258

    Examples
    --------
    >>> from sklearn_ssl import GANTransformer, SimCLRTransformer
    >>> from sklearn_ssl.augmentations import GeneratedViews
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=20, random_state=0)
    >>> views = GeneratedViews(GANTransformer(max_steps=5))
    >>> simclr = SimCLRTransformer(augmentation=views, max_epochs=1, random_state=0).fit(X)
    """

    generator: Any = dataclasses.field(kw_only=False)
    spread: float = number(default=0.3, least=0)
    n_candidates: int = number(default=1024, least=1, integer=True)

    def check_hyperparameters(self) -> None:
        """Raise an error that names the first parameter that is not allowed."""
        super().check_hyperparameters()
        inner = self.generator.estimator if isinstance(self.generator, FrozenEstimator) else self.generator
        if isinstance(inner, type) or not hasattr(inner, "view_source"):
            raise TypeError(
                "GeneratedViews: `generator` must be a transformer that makes series such as GANTransformer(), got "
                f"{shown(self.generator)}."
            )

    def learnt(self, fit: Callable[[Any], Any]) -> Augmentation:
        """Return views of the fitted generator.

        Parameters
        ----------
        fit : callable
            Takes a transformer and returns it fitted to the series.

        Returns
        -------
        augmentation : Augmentation
            Makes the views.
        """
        return LearntViews(source=fit(self.generator).view_source(float(self.spread), int(self.n_candidates)))

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Raise an error, because nothing is fitted yet."""
        raise NotFittedError(
            "The generator of GeneratedViews is fitted by the transformer that has it as its `augmentation`, and makes "
            "no views before. Fit that transformer first."
        )

    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Return the series as they are; `draw` raises an error before."""
        return x


@final
class LearntViews(Augmentation):
    """Views that a fitted generator makes.

    Parameters
    ----------
    source : torch.nn.Module
        Has ``draw(x)`` and ``forward(x, lengths, draws)``.
    """

    source: Any = None

    def draw(self, x: torch.Tensor, lengths: torch.Tensor) -> Draws:
        """Draw the noise that the views are made of."""
        return self.source.draw(x)

    @torch.no_grad()
    def apply(self, x: torch.Tensor, lengths: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Make the views."""
        return self.source.to(x.device).eval()(x, lengths, draws).to(x.dtype)
