"""Classification by an encoder that learns from each test series before it predicts."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any, cast, final

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from sklearn_ssl._engine.guards import check_features
from sklearn_ssl._engine.net import SSLNet
from sklearn_ssl._engine.random_streams import seeded_stream
from sklearn_ssl._input.collections import validated_collection
from sklearn_ssl._parameters.hyperparameters import number, recipe
from sklearn_ssl._parameters.shown import shown
from sklearn_ssl.architectures import Batch, FineTunedArchitecture
from sklearn_ssl.architectures._modes import attackable
from sklearn_ssl.fine_tuning._classifier import FineTunedClassifier
from sklearn_ssl.methods.masked.mae import MAETransformer


@final
class TestTimeClassifier(FineTunedClassifier):
    r"""Test-time training: the encoder learns from a test series, without its label, before the series is classified.

    `fit` pretrains a transformer and then fits a head, as `SSLClassifier` does. For each test series x, prediction
    starts from the weights :math:`\theta` of the encoder after `fit` and takes `n_steps` steps

    .. math:: \theta \leftarrow \theta - \eta \, m, \qquad m \leftarrow \mu \, m + \nabla_\theta \, \ell(x; \theta),

    where :math:`\ell` is the loss of the transformer for `n_copies` copies of x with different random numbers: other
    hidden windows, another order of pieces, other views. Everything but the encoder stays as it is. Then the head
    predicts from the features of the whole series, and the steps are forgotten. The fitted classifier does not change.

    This is meant for test series that come from another distribution than the training series. It needs no label. Try
    it against ``n_steps=0``, which is `SSLClassifier`: often it gains nothing, and it costs `n_steps` times `n_copies`
    passes for each series, forwards and backwards; with `RotationTransformer` once more for each of its
    transformations. Masked autoencoders were published with 20 steps of 128 copies and the rate 0.005. Such rates harm
    here, so the default is smaller. Test-time training was first published with rotations. There the head and the
    question are learnt in the same steps. Here the question is learnt first.

    The random numbers are the same for every test batch, so that predictions can be repeated. With
    ``test_batch_size=1`` a prediction does not depend on the other series. `save_predictor` and `export_onnx` refuse
    this classifier unless `n_steps` is 0, because files hold no training. Use pickle or joblib.

    Parameters
    ----------
    transformer : transformer, default=None
        A transformer whose loss needs no other series: a masked one that predicts values (`MAETransformer`,
        `VideoMAETransformer`, `OmniMAETransformer`, `SimMIMTransformer`, `ContextEncoderTransformer` or
        `TSTTransformer`) or one with a context task (`RotationTransformer`, `JigsawTransformer` or
        `ColorizationTransformer`). It may be given by position. It is cloned and pretrained on all series, or used as
        it is if it is fitted and in `sklearn.frozen.FrozenEstimator`. None is ``MAETransformer()``.
    mode : {"finetune", "gradual", "probe"}, default="probe"
        Which parts learn from the labels. After "finetune" and "gradual" the encoder no longer fits the network that
        predicts hidden parts or answers the question.
    n_steps : int, default=10
        Number of steps before each prediction. 0 is prediction without test-time training.
    n_copies : int, default=16
        Number of copies of each test series.
    test_batch_size : int, default=1
        Number of test series that are learnt together. Above 1 a prediction depends on the others in its batch.
    test_lr : float, default=1e-3
        Learning rate :math:`\eta` of the steps.
    test_momentum : float, default=0.9
        Momentum :math:`\mu` of the steps.

    References
    ----------
    Sun, Y., Wang, X., Liu, Z., Miller, J., Efros, A. A. and Hardt, M. (2020). Test-time training with self-supervision
    for generalization under distribution shifts. ICML. https://arxiv.org/abs/1909.13231

    Gandelsman, Y., Sun, Y., Chen, X. and Efros, A. A. (2022). Test-time training with masked autoencoders. NeurIPS.
    https://arxiv.org/abs/2209.07522

    Examples
    --------
    >>> from sklearn_ssl import MAETransformer, TestTimeClassifier
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=80, n_timepoints=50, random_state=0)
    >>> classifier = TestTimeClassifier(MAETransformer(max_epochs=2), n_steps=2, random_state=0).fit(X, y)
    >>> classifier.predict_proba(X[:2]).shape
    (2, 4)
    """

    __test__ = False  # the name makes pytest think that this is a test

    transformer: Any = recipe(default_factory=MAETransformer, needs="fit", kw_only=False)
    mode: str = "probe"
    n_steps: int = number(default=10, least=0, integer=True)
    n_copies: int = number(default=16, least=1, integer=True)
    test_batch_size: int = number(default=1, least=1, integer=True)
    test_lr: float = number(default=1e-3, above=0)
    test_momentum: float = number(default=0.9, least=0, below=1)

    def _check_transformer(self, transformer: Any) -> None:
        super()._check_transformer(transformer)
        if not getattr(transformer, "has_loss_of_one_series", False):
            raise TypeError(
                f"`transformer` must have a loss for which a single series is enough, such as MAETransformer() or "
                f"RotationTransformer(), got {shown(transformer)}. SSLClassifier takes any transformer."
            )

    @property
    def predicts_in_one_pass(self) -> bool:
        """Whether a prediction is a single pass of the fitted net."""
        return self.n_steps == 0

    def _outputs(self, X: Any) -> np.ndarray:
        """Return the outputs of the head after the steps, (n, K)."""
        if self.predicts_in_one_pass:
            return super()._outputs(X)
        check_is_fitted(self)
        self.check_hyperparameters()
        net = self.net_  # once, since `partial_fit` in another thread may replace it
        dataset = net.series(validated_collection(self, X, reset=False, in_pieces=True))
        student = _Student(net, self.transformer_._loss())
        learn = partial(student.learn, self.n_steps, self.n_copies, lr=self.test_lr, momentum=self.test_momentum)
        parts = []
        for rows in torch.arange(len(dataset)).split(self.test_batch_size):
            batch = dataset[rows]
            learn(batch)
            parts.append(student.outputs(batch))
        outputs = torch.cat(parts).numpy()
        check_features(outputs)
        return outputs


class _Student:
    """A copy of a fitted net's module, whose encoder learns from test series and starts again with every batch."""

    def __init__(self, net: SSLNet, loss: Callable[..., torch.Tensor]) -> None:
        self.net = net
        self.loss = loss
        self.module = copy.deepcopy(cast(FineTunedArchitecture, net.module_)).requires_grad_(False)
        self.weights = list(self.module.encoder.requires_grad_(True).parameters())
        self.fitted = [weight.detach().clone() for weight in self.weights]

    def learn(self, n_steps: int, n_copies: int, batch: Batch, *, lr: float, momentum: float) -> list[float]:
        """Start from the fitted weights and learn from a batch; return the loss before each step."""
        with torch.no_grad():
            for weight, fitted in zip(self.weights, self.fitted, strict=True):
                weight.copy_(fitted)
        optimizer = torch.optim.SGD(self.weights, lr=lr, momentum=momentum)
        copies = Batch(
            batch.x.repeat(n_copies, 1, 1), None if batch.lengths is None else batch.lengths.repeat(n_copies)
        )
        with seeded_stream(self.net.seed, torch.device(self.net.device)), attackable(self.module), torch.enable_grad():
            return [self._step(optimizer, copies) for _ in range(n_steps)]

    def _step(self, optimizer: torch.optim.Optimizer, copies: Batch) -> float:
        optimizer.zero_grad()
        with self.net.autocast():
            loss = self.loss(*self.module.backbone(copies))
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    def outputs(self, batch: Batch) -> torch.Tensor:
        """Predict from the whole series of a batch, (B, K)."""
        with attackable(self.module), torch.no_grad(), self.net.autocast():
            return self.module.outputs(batch.x, batch.lengths).float().cpu()
