"""The losses of two networks that play against each other."""

from collections.abc import Callable

import torch
from torch.nn import functional as F

from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.losses._arguments import check_at_least, check_floating_point, check_one_per_row, check_rows
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._reconstruction import masked_mse_loss

Games = dict[str, tuple[Callable[..., torch.Tensor], Callable[..., torch.Tensor], Callable[..., torch.Tensor]]]

# The mean of each of the three over a batch: of the critic's scores of real series, of generated ones, and of generated
# ones as the generator sees them.
OBJECTIVES: Games = {
    "non-saturating": (lambda real: F.softplus(-real), F.softplus, lambda fooled: F.softplus(-fooled)),
    "hinge": (lambda real: F.relu(1 - real), lambda fake: F.relu(1 + fake), torch.neg),
    "minimax": (lambda real: F.softplus(-real), F.softplus, lambda fooled: -F.softplus(fooled)),
}


@in_full_precision
def gan_loss(
    real: torch.Tensor,
    fake: torch.Tensor,
    fooled: torch.Tensor,
    slope: torch.Tensor,
    *,
    objective: str = "non-saturating",
    penalty: float = 1.0,
) -> torch.Tensor:
    r"""Sum up the losses of a critic and a generator.

    For scores l of real and f of generated series, let :math:`D = 1 / (1 + e^{-\text{score}})` be the probability that
    the critic gives to "real". The losses of the critic and of the generator are the means over the batch of

    - "non-saturating": :math:`-\log D(l) - \log (1 - D(f))` and :math:`-\log D(f)`,
    - "hinge": :math:`\max(0, 1 - l) + \max(0, 1 + f)` and :math:`-f`,
    - "minimax": :math:`-V` and V, with the value function
      :math:`V = \log D(l) + \log(1 - D(f))` as it was first published. The generator's part of it is
      :math:`\log(1 - D(f))`.

    The critic's loss has the penalty of its slope,

    .. math:: \frac{\gamma}{2} \operatorname{mean}_i \sum_{c,t} \Bigl( \frac{\partial l_i}{\partial x_{ict}} \Bigr)^2.

    `fake` must be cut off from the generator, and `fooled` must come from a critic whose weights are held fixed. Then
    the gradient of the sum is for each network the gradient of its own loss. Surveys print the losses of SS-GAN as
    :math:`-V - \dots` for the generator and :math:`V - \dots` for the critic. There V must be minus the value above;
    otherwise each network would help the other one.

    Parameters
    ----------
    real : Tensor of shape (n,)
        Scores l of real series.
    fake : Tensor of shape (n,)
        Scores f of generated series, for the critic.
    fooled : Tensor of shape (n,)
        Scores f of the same generated series, for the generator.
    slope : Tensor of shape (n,)
        The inner sum of the penalty for each real series.
    objective : {"non-saturating", "hinge", "minimax"}, default="non-saturating"
        The game.
    penalty : float, default=1.0
        :math:`\gamma`, at least 0.

    Returns
    -------
    loss : Tensor of shape ()
        The sum. At chance, with all scores 0, the first game has the loss :math:`3 \log 2`.

    Raises
    ------
    TypeError
        If a tensor has no floating-point numbers.
    ValueError
        If a shape is wrong, `objective` is unknown, or `penalty` is below 0.

    References
    ----------
    Goodfellow, I. J., Pouget-Abadie, J., Mirza, M., Xu, B., Warde-Farley, D., Ozair, S., Courville, A. and Bengio, Y.
    (2014). Generative adversarial nets. NeurIPS. https://arxiv.org/abs/1406.2661

    Lim, J. H. and Ye, J. C. (2017). Geometric GAN. https://arxiv.org/abs/1705.02894

    Mescheder, L., Geiger, A. and Nowozin, S. (2018). Which training methods for GANs do actually converge? ICML.
    https://arxiv.org/abs/1801.04406

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import gan_loss
    >>> real, fake, slope = torch.tensor([2.0]), torch.tensor([-1.0]), torch.tensor([4.0])
    >>> gan_loss(real, fake, fake, slope, objective="hinge", penalty=0.5)  # 0 + 0 + 1 + 0.5 / 2 * 4
    tensor(2.)
    """
    _check_scores(real=real, fake=fake, fooled=fooled, slope=slope)
    check_at_least("penalty", penalty, 0, "use 0 for none")
    if objective not in OBJECTIVES:
        raise ValueError(f"`objective` must be one of {', '.join(map(shown, OBJECTIVES))}, got {shown(objective)}.")
    critic, generator = _both_losses(real, fake, fooled, slope, objective, penalty)
    return critic + generator


@in_full_precision
def ssgan_loss(
    real: torch.Tensor,
    fake: torch.Tensor,
    fooled: torch.Tensor,
    slope: torch.Tensor,
    number: torch.Tensor,
    real_logits: torch.Tensor,
    fooled_logits: torch.Tensor,
    *,
    generator_weight: float = 0.2,
    critic_weight: float = 1.0,
    objective: str = "non-saturating",
    penalty: float = 1.0,
) -> torch.Tensor:
    r"""Sum up the losses of a critic and a generator, and of guessing which transformation was applied.

    .. math:: \ell_{\text{GAN}} + \beta \operatorname{CE}(Q(g_r(x)), r) + \alpha \operatorname{CE}(Q(g_r(\hat x)), r),

    with the mean cross-entropies CE of the logits Q of real series x and generated ones :math:`\hat x` after the
    transformation with the number r. The critic learns r from real series alone. `fooled_logits` must come from a
    critic whose weights are held fixed, so that the last term trains the generator alone.

    Parameters
    ----------
    real, fake, fooled, slope : Tensor of shape (n,)
        As for `gan_loss`.
    number : int Tensor of shape (n,)
        The number r of each series, from 0 to K - 1.
    real_logits : Tensor of shape (n, K)
        Logits of transformed real series.
    fooled_logits : Tensor of shape (n, K)
        Logits of transformed generated series, for the generator.
    generator_weight : float, default=0.2
        :math:`\alpha`, at least 0.
    critic_weight : float, default=1.0
        :math:`\beta`, at least 0.
    objective : {"non-saturating", "hinge", "minimax"}, default="non-saturating"
        As for `gan_loss`.
    penalty : float, default=1.0
        As for `gan_loss`.

    Returns
    -------
    loss : Tensor of shape ()
        The sum.

    Raises
    ------
    TypeError
        If a tensor has no floating-point numbers.
    ValueError
        If a shape is wrong, `objective` is unknown, or a weight is below 0.

    References
    ----------
    Chen, T., Zhai, X., Ritter, M., Lucic, M. and Houlsby, N. (2019). Self-supervised GANs via auxiliary rotation loss.
    CVPR. https://arxiv.org/abs/1811.11212

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import ssgan_loss
    >>> scores, number, logits = torch.zeros(4), torch.arange(4), torch.zeros(4, 4)
    >>> loss = ssgan_loss(scores, scores, scores, scores, number, logits, logits)
    >>> round(float(loss / torch.tensor(2.0).log()), 3)  # 3 log 2 of the game, and 1.2 log 4
    5.4
    """
    check_at_least("generator_weight", generator_weight, 0, "use 0 to leave the term out")
    check_at_least("critic_weight", critic_weight, 0, "use 0 to leave the term out")
    game = gan_loss(real, fake, fooled, slope, objective=objective, penalty=penalty)
    check_rows(real_logits=real_logits, fooled_logits=fooled_logits)
    check_one_per_row("real", real, len(real_logits), "give scores and logits of the same series")
    check_one_per_row("number", number, len(real_logits), "pass the transformation of each series")
    critic, generator = F.cross_entropy(real_logits, number), F.cross_entropy(fooled_logits, number)
    return game + critic_weight * critic + generator_weight * generator


@in_full_precision
def context_loss(
    prediction: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor,
    real: torch.Tensor | None = None,
    fake: torch.Tensor | None = None,
    fooled: torch.Tensor | None = None,
    slope: torch.Tensor | None = None,
    *,
    adversarial: float = 0.001,
    penalty: float = 1.0,
) -> torch.Tensor:
    r"""Squared error of hidden values, and how well a critic tells series with predictions from real ones.

    .. math:: \ell_{\text{MSE}} + \lambda \ell_{\text{generator}} + \ell_{\text{critic}},

    with `masked_mse_loss` and the two losses of `gan_loss`. The critic, which learns from the last term alone, has the
    weight 1. Without scores the loss is the squared error.

    Parameters
    ----------
    prediction, target, weight : Tensor of shape (n, ...)
        As for `masked_mse_loss`.
    real, fake, fooled, slope : Tensor of shape (n,) or None, default=None
        As for `gan_loss`. The generated series are those whose hidden values are predicted.
    adversarial : float, default=0.001
        :math:`\lambda`, at least 0.
    penalty : float, default=1.0
        Weight of the squared slope of the critic, at least 0.

    Returns
    -------
    loss : Tensor of shape ()
        The sum.

    Raises
    ------
    ValueError
        If a shape is wrong, or a weight is below 0.

    References
    ----------
    Pathak, D., Krähenbühl, P., Donahue, J., Darrell, T. and Efros, A. A. (2016). Context encoders: feature learning by
    inpainting. CVPR. https://arxiv.org/abs/1604.07379

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import context_loss
    >>> x, scores = torch.ones(2, 1, 4), torch.zeros(2)
    >>> round(float(context_loss(x, x - 2, x, scores, scores, scores, scores)), 3)  # 4 + 2 log 2 + 0.001 log 2
    5.387
    """
    check_at_least("adversarial", adversarial, 0, "use 0 for the squared error alone")
    check_at_least("penalty", penalty, 0, "use 0 for none")
    error = masked_mse_loss(prediction, target, weight)
    if real is None or fake is None or fooled is None or slope is None:
        return error
    _check_scores(real=real, fake=fake, fooled=fooled, slope=slope)
    critic, generator = _both_losses(real, fake, fooled, slope, "non-saturating", penalty)
    return error + adversarial * generator + critic


def _both_losses(
    real: torch.Tensor, fake: torch.Tensor, fooled: torch.Tensor, slope: torch.Tensor, objective: str, penalty: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the losses of the critic and of the generator."""
    of_real, of_fake, of_fooled = OBJECTIVES[objective]
    critic = of_real(real).mean() + of_fake(fake).mean() + penalty / 2 * slope.mean()
    return critic, of_fooled(fooled).mean()


def _check_scores(real: torch.Tensor, **others: torch.Tensor) -> None:
    """Raise an error unless all tensors are vectors of as many floating-point numbers, at least one."""
    for name, scores in {"real": real, **others}.items():
        check_floating_point(name, scores)
        if scores.ndim != 1 or len(scores) != max(len(real), 1):
            raise ValueError(
                f"`{name}` must have the shape (n,) with one number for each series, as many as `real`, got "
                f"{tuple(scores.shape)}; give the outputs of a critic."
            )
