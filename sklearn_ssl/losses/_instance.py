import torch
from torch.nn import functional as F

from sklearn_ssl.losses._arguments import check_index, check_matrix, check_positive, check_stored
from sklearn_ssl.losses._precision import in_full_precision
from sklearn_ssl.losses._vectors import cosine_logits


@in_full_precision
def instance_discrimination_loss(
    z: torch.Tensor, index: torch.Tensor, bank: torch.Tensor, temperature: float = 0.07
) -> torch.Tensor:
    r"""Non-parametric softmax over all series of the training set (instance discrimination).

    Each series is a class of its own. The weight of this class is the embedding stored when the series was last seen:

    .. math::
        \ell = \frac{1}{n} \sum_{i=1}^{n}
        -\log \frac{\exp(\cos(z_i, m_{t(i)}) / \tau)}{\sum_{k=1}^{N} \exp(\cos(z_i, m_k) / \tau)}

    where :math:`z_i` is row i of the n rows of `z`, :math:`m_k` is row k of the N rows of `bank`, :math:`t(i)` is
    element i of `index` and :math:`\tau` is `temperature`. A bank of identical rows gives :math:`\log N` at any
    temperature.

    The paper estimates the softmax over a million classes by noise-contrastive estimation. This function computes the
    full softmax, which the authors' code offers too. It suits a bank of some ten thousand series. The paper has a
    second term, the distance of an embedding from the one stored before. It belongs to the estimate and is left out.

    Parameters
    ----------
    z : torch.Tensor of shape (n, d)
        Embeddings of a batch.
    index : torch.Tensor of shape (n,)
        The row of `bank` that belongs to each series: integers from 0 to N - 1.
    bank : torch.Tensor of shape (N, d)
        The stored embedding of every series of the training set. It receives no gradient, and the function does not
        change it.
    temperature : float, default=0.07
        Divides the similarities.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over the batch; float64 for float64 embeddings and float32 for all others.

    Raises
    ------
    TypeError
        If `index` does not hold integers.
    ValueError
        If a shape is wrong or if `temperature` is not above 0.

    See Also
    --------
    exemplar_loss : The same task with class weights that are learnt.

    References
    ----------
    Wu, Z., Xiong, Y., Yu, S. X. and Lin, D. (2018). Unsupervised feature learning via non-parametric instance
    discrimination. CVPR.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import instance_discrimination_loss
    >>> z, bank = torch.randn(2, 8), torch.ones(5, 8)
    >>> round(float(instance_discrimination_loss(z, torch.tensor([4, 0]), bank)), 4), round(math.log(5), 4)
    (1.6094, 1.6094)
    """
    check_matrix("z", z)
    check_stored("bank", bank, z)
    check_index(index, len(z))
    check_positive("temperature", temperature, "the paper uses 0.07")
    return F.cross_entropy(cosine_logits(z, bank.detach(), temperature), index.long())


@in_full_precision
def exemplar_loss(logits: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    r"""Cross-entropy of a classifier that tells which series an augmented copy was made from (Exemplar).

    Each series of the training set is a class. Its augmented copies are the members of the class:

    .. math:: \ell = \frac{1}{n} \sum_{i=1}^{n} -\log \frac{\exp(s_{i,t(i)})}{\sum_{k=1}^{N} \exp(s_{ik})}

    where :math:`s_{ik}` is the logit of copy i for series k and :math:`t(i)` is element i of `index`. There are n
    copies and N series. Equal logits give :math:`\log N`.

    The paper's classifier is a linear layer on the features, without normalisation and without a temperature. For a
    normalised classifier, pass cosine similarities divided by a temperature.

    Parameters
    ----------
    logits : torch.Tensor of shape (n, N)
        A classifier's output for n augmented copies and the N series of the training set.
    index : torch.Tensor of shape (n,)
        The series from which each copy was made: integers from 0 to N - 1.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The mean over the batch; float64 for float64 logits and float32 for all others.

    Raises
    ------
    TypeError
        If `index` does not hold integers.
    ValueError
        If a shape is wrong.

    See Also
    --------
    instance_discrimination_loss : The same task with stored embeddings instead of class weights.

    References
    ----------
    Dosovitskiy, A., Springenberg, J. T., Riedmiller, M. and Brox, T. (2014). Discriminative unsupervised feature
    learning with convolutional neural networks. NeurIPS.

    Examples
    --------
    >>> import math, torch
    >>> from sklearn_ssl.losses import exemplar_loss
    >>> round(float(exemplar_loss(torch.zeros(2, 5), torch.tensor([4, 0]))), 4), round(math.log(5), 4)
    (1.6094, 1.6094)
    """
    check_matrix("logits", logits)
    check_index(index, len(logits))
    return F.cross_entropy(logits, index.long())
