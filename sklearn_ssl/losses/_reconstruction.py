"""Losses of masked modelling: predictions at hidden places."""

import torch
from torch.nn import functional as F

from sklearn_ssl.losses._arguments import check_floating_point, check_positive, check_share
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._vectors import unit_length


def weighted_mean(error: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the mean of `error` with the weights `weight` of the same shape; 0 if all weights are 0."""
    weight = weight.to(error.dtype)
    total = weight.sum()
    return (weight * error).sum() / torch.where(total > 0, total, 1)


@in_full_precision
def masked_mse_loss(prediction: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    r"""Mean squared error at hidden values.

    .. math:: \frac{\sum_j w_j (\hat x_j - x_j)^2}{\sum_j w_j}

    over all values j of the batch. So a series with more hidden values weighs more. If all weights are 0, the loss is 0
    and has the gradient 0.

    Parameters
    ----------
    prediction : Tensor of any shape
        Predicted values :math:`\hat x`.
    target : Tensor of the same shape
        True values x. They receive no gradient.
    weight : Tensor of the same shape
        Weights w, 1 at hidden values and 0 at all others, for example.

    Returns
    -------
    loss : Tensor of shape ()
        The loss.

    Raises
    ------
    ValueError
        If the shapes differ.

    References
    ----------
    He, K., Chen, X., Xie, S., Li, Y., Dollár, P. and Girshick, R. (2022). Masked autoencoders are scalable vision
    learners. CVPR. https://arxiv.org/abs/2111.06377

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import masked_mse_loss
    >>> masked_mse_loss(torch.tensor([1.0, 5.0]), torch.tensor([3.0, 0.0]), torch.tensor([1.0, 0.0]))
    tensor(4.)
    """
    check_same_shape(prediction=prediction, target=target, weight=weight)
    return weighted_mean((prediction - target.detach()).square(), weight)


@in_full_precision
def masked_l1_loss(prediction: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    r"""Mean absolute error at hidden values.

    .. math:: \frac{\sum_j w_j |\hat x_j - x_j|}{\sum_j w_j}

    over all values j of the batch. If all weights are 0, the loss is 0 and has the gradient 0.

    Parameters
    ----------
    prediction : Tensor of any shape
        Predicted values :math:`\hat x`.
    target : Tensor of the same shape
        True values x. They receive no gradient.
    weight : Tensor of the same shape
        Weights w, 1 at hidden values and 0 at all others, for example.

    Returns
    -------
    loss : Tensor of shape ()
        The loss.

    Raises
    ------
    ValueError
        If the shapes differ.

    References
    ----------
    Xie, Z., Zhang, Z., Cao, Y., Lin, Y., Bao, J., Yao, Z., Dai, Q. and Hu, H. (2022). SimMIM: a simple framework for
    masked image modeling. CVPR. https://arxiv.org/abs/2111.09886

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import masked_l1_loss
    >>> masked_l1_loss(torch.tensor([1.0, 5.0]), torch.tensor([3.0, 0.0]), torch.tensor([1.0, 0.0]))
    tensor(2.)
    """
    check_same_shape(prediction=prediction, target=target, weight=weight)
    return weighted_mean((prediction - target.detach()).abs(), weight)


@in_full_precision
def masked_smooth_l1_loss(
    prediction: torch.Tensor, target: torch.Tensor, weight: torch.Tensor, *, beta: float = 1.0
) -> torch.Tensor:
    r"""Smooth absolute error at hidden places.

    .. math::

        \frac{\sum_j w_j \, s(\hat x_j - x_j)}{\sum_j w_j}, \qquad
        s(e) = \begin{cases} e^2 / (2 \beta) & |e| \le \beta \\ |e| - \beta / 2 & \text{else} \end{cases}

    over all values j of the batch. If all weights are 0, the loss is 0 and has the gradient 0.

    Parameters
    ----------
    prediction : Tensor of any shape
        Predicted values :math:`\hat x`.
    target : Tensor of the same shape
        True values x. They receive no gradient.
    weight : Tensor of the same shape
        Weights w.
    beta : float, default=1.0
        Error :math:`\beta` above which the loss is linear.

    Returns
    -------
    loss : Tensor of shape ()
        The loss.

    Raises
    ------
    ValueError
        If the shapes differ, or `beta` is not above 0.

    References
    ----------
    Baevski, A., Hsu, W.-N., Xu, Q., Babu, A., Gu, J. and Auli, M. (2022). data2vec: a general framework for
    self-supervised learning in speech, vision and language. ICML. https://arxiv.org/abs/2202.03555

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import masked_smooth_l1_loss
    >>> masked_smooth_l1_loss(torch.tensor([1.0, 5.0]), torch.tensor([3.0, 5.5]), torch.tensor([1.0, 1.0]))
    tensor(0.8125)
    """
    check_same_shape(prediction=prediction, target=target, weight=weight)
    check_positive("beta", beta, "use masked_l1_loss for a loss that is linear everywhere")
    return weighted_mean(F.smooth_l1_loss(prediction, target.detach(), reduction="none", beta=beta), weight)


@in_full_precision
def masked_cosine_loss(prediction: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    r"""One minus the mean cosine similarity at hidden places.

    .. math:: \frac{\sum_j w_j \bigl(1 - \cos(o_j, y_j)\bigr)}{\sum_j w_j}

    over all places j of the batch. The cosine with a vector of zeros is 0. If all weights are 0, the loss is 0 and has
    the gradient 0.

    Parameters
    ----------
    prediction : Tensor of shape (..., D)
        Predicted vectors o.
    target : Tensor of shape (..., D)
        True vectors y. They receive no gradient.
    weight : Tensor of shape (...)
        Weights w of the places.

    Returns
    -------
    loss : Tensor of shape ()
        The loss.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Chen, Y., Liu, Y., Jiang, D., Zhang, X., Dai, W., Xiong, H. and Tian, Q. (2022). SdAE: self-distillated masked
    autoencoder. ECCV. https://arxiv.org/abs/2208.00449

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import masked_cosine_loss
    >>> masked_cosine_loss(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]]), torch.tensor([1.0]))
    tensor(1.)
    """
    check_same_shape(prediction=prediction, target=target)
    check_places("weight", weight, "prediction", prediction)
    cosine = (unit_length(prediction) * unit_length(target.detach())).sum(-1)  # (...)
    return weighted_mean(1 - cosine, weight)


@in_full_precision
def masked_cross_entropy_loss(
    logits: torch.Tensor, codes: torch.Tensor, hidden: torch.Tensor, *, label_smoothing: float = 0.0
) -> torch.Tensor:
    r"""Cross-entropy of codes at hidden windows.

    .. math:: \frac{1}{|H|} \sum_{j \in H} -\log \operatorname{softmax}(s_j)_{q_j}

    over the hidden windows H of the batch. With smoothing :math:`\epsilon` the target is the mixture of the code, with
    weight :math:`1 - \epsilon`, and all K codes alike. Without a hidden window the loss is 0 and has the gradient 0.

    Parameters
    ----------
    logits : Tensor of shape (..., K)
        Scores s of the codes.
    codes : int Tensor of shape (...)
        Codes q. Those that are not hidden may have any value.
    hidden : bool Tensor of shape (...)
        True at hidden windows.
    label_smoothing : float, default=0.0
        :math:`\epsilon`, from 0 to 1.

    Returns
    -------
    loss : Tensor of shape ()
        The loss.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Bao, H., Dong, L., Piao, S. and Wei, F. (2022). BEiT: BERT pre-training of image transformers. ICLR.
    https://arxiv.org/abs/2106.08254

    Examples
    --------
    >>> import torch
    >>> from sklearn_ssl.losses import masked_cross_entropy_loss
    >>> logits = torch.zeros(1, 2, 4)
    >>> masked_cross_entropy_loss(logits, torch.tensor([[3, 0]]), torch.tensor([[True, False]]))  # log 4
    tensor(1.3863)
    """
    _check_not_empty("logits", logits)
    check_share("label_smoothing", label_smoothing, "use 0 for the codes as they are")
    check_places("codes", codes, "logits", logits)
    check_places("hidden", hidden, "logits", logits)
    codes = torch.where(hidden, codes, 0)
    entropy = F.cross_entropy(logits.flatten(0, -2), codes.flatten(), reduction="none", label_smoothing=label_smoothing)
    return weighted_mean(entropy, hidden.flatten())


def normalised_windows(values: torch.Tensor, observed: torch.Tensor, eps: float) -> torch.Tensor:
    """Give each row of values (..., V) the mean 0 and about the variance 1 over its observed ones; others become 0."""
    n_observed = observed.sum(-1, keepdim=True).clamp(min=1)
    centred = torch.where(observed, values - (values * observed).sum(-1, keepdim=True) / n_observed, 0)
    variance = centred.square().sum(-1, keepdim=True) / n_observed
    return centred / (variance + eps).sqrt()


def check_same_shape(weight: torch.Tensor | None = None, **tensors: torch.Tensor) -> None:
    """Raise an error unless all tensors, given by name, are floating-point tensors of one shape with a value.

    A weight may have numbers of any kind.
    """
    (first, tensor), *others = tensors.items()
    for name, other in tensors.items():
        check_floating_point(name, other)
    _check_not_empty(first, tensor)
    for name, other in [*others, *([] if weight is None else [("weight", weight)])]:
        if other.shape != tensor.shape:
            raise ValueError(
                f"`{name}` must have the shape of `{first}`, {tuple(tensor.shape)}, got {tuple(other.shape)}; "
                "expand it first."
            )


def _check_not_empty(name: str, values: torch.Tensor) -> None:
    check_floating_point(name, values)
    if values.numel() == 0:
        raise ValueError(f"`{name}` must have a value, got the shape {tuple(values.shape)}; use a larger batch.")


def check_places(name: str, places: torch.Tensor, of: str, vectors: torch.Tensor) -> None:
    """Raise a ValueError unless `places` has an entry for every vector along the last dimension of `vectors`."""
    if places.shape != vectors.shape[:-1]:
        raise ValueError(
            f"`{name}` must have the shape {tuple(vectors.shape[:-1])}, one value for every vector of `{of}`, got "
            f"{tuple(places.shape)}; expand it first."
        )
