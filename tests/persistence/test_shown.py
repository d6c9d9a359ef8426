"""A pretrained transformer is shown on a line, without the layers of its encoder."""

from shared import small

from sklearn_ssl.datasets import make_waves
from sklearn_ssl.persistence import PretrainedTransformer
from sklearn_ssl.pooling import Pooling


def test_a_pretrained_transformer_is_shown_without_layers():
    X, _ = make_waves(n_cases=8, n_classes=2, n_timepoints=24, random_state=0)
    encoder = small(max_epochs=0).fit(X).net_.module_.encoder
    n_weights = sum(weight.numel() for weight in encoder.parameters())
    pretrained = PretrainedTransformer(encoder=encoder, pooling=Pooling(statistics="mean"))
    name = f"<{type(encoder).__name__} with {n_weights:,} weights>"
    assert repr(pretrained) == f"PretrainedTransformer(encoder={name}, pooling=Pooling(statistics='mean'))"
    assert f"&lt;{type(encoder).__name__} with" in pretrained._repr_html_()
    assert repr(PretrainedTransformer()) == "PretrainedTransformer()"
