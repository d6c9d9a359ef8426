"""CLIP."""

import math
from typing import final

from sklearn_ssl.architectures import PairedArchitecture
from sklearn_ssl.base import PairedTransformer
from sklearn_ssl.losses import clip_loss


@final
class CLIPTransformer(PairedTransformer):
    r"""CLIP: bring every series near to its text, and away from the other texts.

    `y` of `fit` says what goes with the series, one entry per series:

    * texts;
    * a table of metadata: a data frame or 2-D array of categories and numbers. Categories may be missing;
    * class labels, with `descriptions`, a text for each label. In a Pipeline whose last step is a classifier the same
      `y` then serves both steps;
    * numbers.

    With :math:`a_{iu} = s \cos(z_i, t_u)` for the n series and the U different texts of a batch, :math:`u(i)` the text
    of series i, and :math:`P_u` the series of text u, minimises

    .. math::

        -\frac{1}{2n} \sum_{i} \log \frac{\exp(a_{i u(i)})}{\sum_{v} \exp(a_{iv})}
        - \frac{1}{2U} \sum_{u} \frac{1}{|P_u|} \sum_{i \in P_u} \log \frac{\exp(a_{iu})}{\sum_{k} \exp(a_{ku})},

    where :math:`z_i` is the projection of a view of series i, :math:`t_u` the projection of text u, and s the scale,
    the inverse of the temperature. Equal texts are no negatives of each other. If all texts differ, this is the loss of
    the paper. Projections that are all the same have the loss :math:`(\log U + \log n) / 2`.

    The text encoder is not trained, only the projector behind it. `transform` returns the features of the series
    encoder, as for all transformers. `embed` and `embed_text` return vectors in the common space.

    References
    ----------
    Radford et al., "Learning transferable visual models from natural language supervision", ICML 2021.

    Examples
    --------
    >>> from sklearn_ssl import CLIPTransformer
    >>> from sklearn_ssl.datasets import make_waves
    >>> X, y = make_waves(n_cases=40, random_state=0)
    >>> texts = {0: "a sine wave", 1: "a square wave", 2: "a triangle wave", 3: "a sawtooth wave"}
    >>> clip = CLIPTransformer(descriptions=texts, max_epochs=2, random_state=0).fit(X, y)
    >>> clip.transform(X).shape
    (40, 768)
    >>> similarities, indices = clip.neighbors(["square"], X, n_neighbors=3)
    >>> indices.shape
    (1, 3)
    """

    def _architecture(self):
        return self._paired(PairedArchitecture)

    def _loss(self):
        return clip_loss

    def _collapsed_loss(self, n_cases, n_projections):
        n_texts = min(n_cases, self.companion_encoder_.n_distinct)
        return (math.log(n_texts) + math.log(n_cases)) / 2
