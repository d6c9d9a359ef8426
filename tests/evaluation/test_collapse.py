import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from shared import small
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

import sklearn_ssl
from sklearn_ssl import BarlowTwinsTransformer, RandomEncoderTransformer, SimCLRTransformer, VICRegTransformer
from sklearn_ssl.architectures import Batch
from sklearn_ssl.augmentations import Jitter
from sklearn_ssl.datasets import make_waves
from sklearn_ssl.evaluation import (
    CollapseReport,
    EmbeddingReport,
    alignment,
    collapse_report,
    effective_rank,
    n_dead,
    normalized_std,
    spectrum,
    spread,
    uniformity,
)
from sklearn_ssl.evaluation._representation import Representation
from sklearn_ssl.losses import barlow_twins_loss, ntxent_loss, vicreg_loss
from sklearn_ssl.preprocessing import ChannelWise
from sklearn_ssl.projectors import MLPProjector
from sklearn_ssl.testing import cheap_instance

X, y = make_waves(n_cases=32, n_timepoints=32, random_state=0)


def pretrained(cls=SimCLRTransformer, X=X, **kwargs):
    return small(cls, **{"projector": MLPProjector(width=8), "max_epochs": 2, **kwargs}).fit(X)


def with_constant_projections(transformer):
    """Make the last layer of the projector ignore its input."""
    for place, module in transformer.net_.module_.named_modules():
        if place.split(".")[-1] == "projector":  # also that of a teacher
            last = [layer for layer in module.modules() if isinstance(layer, nn.Linear)][-1]
            nn.init.zeros_(last.weight)
            nn.init.normal_(last.bias, generator=torch.Generator().manual_seed(0))
    return transformer


@pytest.fixture(scope="module")
def trained():
    return pretrained(max_epochs=6)


def embedding(n_cases=200, n_features=16, seed=0):
    return np.random.default_rng(seed).normal(size=(n_cases, n_features))


# Verdicts on embeddings.


def test_healthy_embedding():
    report = collapse_report(None, embedding())
    assert report.verdict == report.features.verdict == "healthy"
    assert "No sign of collapse" in report.advice


def test_collapsed_embedding():
    direction = embedding(1)[0]
    report = collapse_report(None, direction + 1e-3 * embedding())
    assert report.verdict == report.features.verdict == "collapse"
    assert report.advice.startswith("The features of all series are nearly the same.")


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_embedding(constant, dtype):
    report = collapse_report(None, np.full((500, 8), constant, dtype=dtype))
    assert report.verdict == "collapse"
    assert report.features.n_dead == 8
    assert report.features.effective_rank == 0
    assert_array_equal(report.features.singular_values, np.zeros(8))


def test_dimensionally_collapsed_embedding():
    line = embedding(200, 1) * embedding(1)[0]
    report = collapse_report(None, line)
    assert report.verdict == "dimensional collapse"
    assert report.features.effective_rank == pytest.approx(1)
    assert report.advice.startswith("The features fill few of their directions.")


@pytest.mark.parametrize(("rank", "verdict"), [(4, "dimensional collapse"), (6, "healthy")])
def test_the_limit_of_dimensional_collapse(rank, verdict):
    # Of 41 orthogonal directions `rank` are filled evenly: that is the effective rank, and the limit is 1 + 0.1 * 40.
    columns = embedding(300, 41)
    H = np.linalg.qr(columns - columns.mean(axis=0))[0] * (np.arange(41) < rank)
    report = collapse_report(None, H)
    assert report.features.effective_rank == pytest.approx(rank)
    assert report.features.least_rank == pytest.approx(5)
    assert report.verdict == verdict


def test_the_limit_of_collapse():
    centred = embedding() - embedding().mean(axis=0)
    unit = centred / math.sqrt(np.square(centred).sum(axis=1).mean())  # mean square 1
    for share, verdict in ((0.9e-3, "collapse"), (1.1e-3, "healthy")):
        H = math.sqrt(share) * unit
        H = H + math.sqrt((1 - share) / 16)  # a mean of squared length 1 - share
        assert spread(H) == pytest.approx(share)
        assert collapse_report(None, H).verdict == verdict


def test_verdicts_at_their_limits():
    features = collapse_report(None, embedding()).features
    for changes, verdict in [
        ({"spread": 1e-3}, "collapse"),
        ({"spread": 1.01e-3}, "healthy"),
        ({"spread": 1e-12, "series_spread": 0.0}, "collapse"),
        ({"spread": 1.01e-12, "series_spread": 0.0}, "healthy"),
        ({"effective_rank": features.least_rank}, "healthy"),
        ({"effective_rank": 0.99 * features.least_rank}, "dimensional collapse"),
    ]:
        assert dataclasses.replace(features, **changes).verdict == verdict, changes


HANDMADE = EmbeddingReport(
    n_cases=9,
    n_features=4,
    effective_rank=3.14159,
    rank_bound=4,
    singular_values=np.ones(4),
    n_dead=1,
    normalized_std=0.25,
    spread=0.875,
    series_spread=1.0,
    uniformity=-2.5,
    alignment=None,
)


def test_what_the_report_says_about_both_embeddings_and_the_loss():
    poor = dataclasses.replace(HANDMADE, effective_rank=1.0, alignment=0.5)
    report = CollapseReport(features=HANDMADE, projections=poor, n_steps=10, loss=1.25, collapsed_loss=2.0)
    assert str(report).split("\n") == [
        "Collapse report on 9 series: dimensional collapse",
        "Features",
        "  effective rank   3.14 of at most 4",
        "  dead features    1 of 4",
        "  normalized std   0.25 (centred and even: 0.5)",
        "  spread           0.875 (the series: 1)",
        "  alignment        no views",
        "  uniformity       -2.5",
        "  verdict          healthy",
        "Projections",
        "  effective rank   1 of at most 4",
        "  dead features    1 of 4",
        "  normalized std   0.25 (centred and even: 0.5)",
        "  spread           0.875 (the series: 1)",
        "  alignment        0.5",
        "  uniformity       -2.5",
        "  verdict          dimensional collapse",
        "Training",
        "  loss             1.25 (projections all the same: 2)",
        report.advice,
    ]
    assert report.advice.startswith("The projections fill few of their directions.")


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "healthy"),
        ({"n_steps": 0}, "not trained"),
        ({"loss": 2.0}, "not trained"),
        ({"loss": 1.99}, "healthy"),
        ({"collapsed_loss": None, "loss": 9.0}, "healthy"),
        ({"loss": None}, "healthy"),
        ({"projections": dataclasses.replace(HANDMADE, spread=0.0), "n_steps": 0}, "collapse"),
        ({"projections": dataclasses.replace(HANDMADE, effective_rank=1.0), "n_steps": 0}, "not trained"),
        ({"features": dataclasses.replace(HANDMADE, effective_rank=1.0)}, "dimensional collapse"),
    ],
)
def test_the_first_verdict_that_is_true_counts(changes, verdict):
    report = CollapseReport(features=HANDMADE, projections=None, n_steps=5, loss=1.0, collapsed_loss=2.0)
    assert dataclasses.replace(report, **changes).verdict == verdict


# Verdicts on transformers.


def test_trained_transformer_is_healthy(trained):
    report = collapse_report(trained, X)
    assert report.verdict == "healthy", str(report)
    assert report.loss < report.collapsed_loss
    assert report.n_steps == 6 * 4


def untrained_encoder():
    return small(RandomEncoderTransformer).fit(X)


def test_untrained_transformer():
    for transformer in (pretrained(max_epochs=0), untrained_encoder()):
        report = collapse_report(transformer, X)
        assert report.verdict == "not trained"
        assert report.n_steps == 0
        assert report.loss is None
        assert "as they were initialised" in report.advice
    assert report.projections is None
    assert "Projections" not in str(report)


def test_loss_not_below_that_of_collapse():
    learning_nothing = pretrained(lr=1e-9, temperature=1e3)  # so high a temperature makes all series alike
    report = collapse_report(learning_nothing, X)
    assert report.n_steps > 0
    assert report.loss == pytest.approx(report.collapsed_loss, rel=1e-4)
    learning_nothing.net_.history[-1]["train_loss"] = report.collapsed_loss
    report = collapse_report(learning_nothing, X)
    assert report.verdict == "not trained"
    assert "is not below the loss of projections that are all the same" in report.advice


def test_projections_that_collapsed():
    report = collapse_report(with_constant_projections(pretrained()), X)
    assert report.verdict == report.projections.verdict == "collapse"
    assert report.features.verdict == "healthy"
    assert report.advice.startswith("The projections of all series")
    assert report.projections.n_dead == 8


@pytest.mark.filterwarnings("ignore:The .* collapsed", "ignore:Dimensional collapse")
def test_training_with_no_term_against_collapse():
    projector = MLPProjector(width=8, norm="none")
    transformer = pretrained(
        VICRegTransformer, variance=0.0, covariance=0.0, projector=projector, lr=0.02, max_epochs=6
    )
    report = collapse_report(transformer, X)
    assert report.verdict == report.projections.verdict == "collapse", str(report)


@pytest.mark.filterwarnings("ignore:Dimensional collapse")
def test_training_with_no_term_against_redundancy():
    transformer = pretrained(VICRegTransformer, covariance=0.0, projector=None, lr=0.1, max_epochs=3)
    report = collapse_report(transformer, X)
    assert report.verdict == report.projections.verdict == "dimensional collapse", str(report)
    assert report.advice.startswith("The projections fill few of their directions.")


def test_series_that_are_all_the_same(trained):
    report = collapse_report(trained, np.repeat(X[:1], 8, axis=0))
    assert report.features.series_spread < 1e-3 or report.features.spread < 1e-12
    assert report.verdict == "collapse"


def test_spread_is_compared_with_that_of_the_series(trained):
    report = collapse_report(trained, X)
    assert report.features.series_spread == spread(X.reshape(32, -1))


# Numbers.


@pytest.mark.parametrize("given", [None, Jitter(sigma=0.3)])
def test_numbers_agree_with_the_scores(trained, given):
    report = collapse_report(trained, X, augmentation=given, random_state=3)
    representation = Representation.of(trained)
    for space in ("features", "projections"):
        H = representation.embed(X, space)
        views = representation.embed_views(X, 2, augmentation=given, space=space, random_state=3)
        found = getattr(report, space)
        assert (found.n_cases, found.n_features) == H.shape
        assert found.rank_bound == min(31, H.shape[1])
        assert found.effective_rank == effective_rank(H)
        assert found.n_dead == n_dead(H)
        assert found.normalized_std == normalized_std(H)
        assert found.healthy_std == pytest.approx(1 / math.sqrt(H.shape[1]))
        assert found.spread == spread(H)
        assert found.uniformity == uniformity(H)
        assert found.alignment == alignment(views)
        singular_values = spectrum(H, center=True)
        assert_array_equal(found.singular_values, singular_values / singular_values.sum())


def test_numbers_of_an_embedding_in_any_form():
    H = embedding()
    expected = collapse_report(None, H).features
    for one in (torch.from_numpy(H), H.tolist(), pd.DataFrame(H)):
        found = collapse_report(None, one).features
        assert found.effective_rank == pytest.approx(expected.effective_rank, rel=1e-12)
        assert found.uniformity == pytest.approx(expected.uniformity, rel=1e-12)
    assert expected.alignment is None
    assert expected.series_spread == 1


def test_max_cases():
    H = embedding()
    report = collapse_report(None, H, max_cases=50, random_state=1)
    assert report.features.n_cases == 50
    assert report.features.spread == collapse_report(None, H, max_cases=50, random_state=1).features.spread
    assert report.features.spread != collapse_report(None, H, max_cases=50, random_state=2).features.spread
    assert collapse_report(None, H, max_cases=None).features.spread == spread(H)
    assert collapse_report(None, H, max_cases=2).features.n_cases == 2


def test_max_cases_of_series(trained):
    lists = [series[:, : 32 - case % 3] for case, series in enumerate(X)]
    for series in (X, lists):
        assert collapse_report(trained, series, max_cases=7).features.n_cases == 7


def test_two_calls_agree(trained):
    first, second = collapse_report(trained, X), collapse_report(trained, X)
    pd.testing.assert_frame_equal(first.to_frame(), second.to_frame())
    assert str(first) == str(second)


# The loss of collapse.


@pytest.mark.parametrize(
    ("cls", "parameters", "loss"),
    [
        (SimCLRTransformer, {"temperature": 0.1}, ntxent_loss),
        (VICRegTransformer, {"invariance": 3.0, "variance": 7.0, "covariance": 2.0}, vicreg_loss),
        (BarlowTwinsTransformer, {"redundancy": 0.1}, barlow_twins_loss),
    ],
)
def test_collapsed_loss_is_the_loss_of_identical_projections(cls, parameters, loss):
    transformer = pretrained(cls, **parameters)
    z = torch.randn(1, 8).repeat(8, 1)  # (B, P)
    assert transformer.collapsed_loss_ == pytest.approx(float(loss(z, z, **parameters)), rel=1e-5)
    assert collapse_report(transformer, X).collapsed_loss == transformer.collapsed_loss_


# Others keep a queue, prototypes or a covariance, and their loss depends on those too.
WITHOUT_MEMORY = [
    "BarlowTwins",
    "ContrastiveEMPSSL",
    "EMPSSL",
    "MoCoV3",
    "MultiView",
    "SimCLR",
    "TimeMCL",
    "VICReg",
    "WMSE",
]


@pytest.mark.parametrize("cls", [getattr(sklearn_ssl, f"{method}Transformer") for method in WITHOUT_MEMORY])
def test_collapsed_loss_is_what_training_would_report(cls):
    transformer = cheap_instance(cls).set_params(max_epochs=0, batch_size=8).fit(X)
    module = with_constant_projections(transformer).net_.module_.train()
    with torch.no_grad():
        outputs = module(Batch(torch.from_numpy(X[:8]).float()))
    loss = float(transformer._loss()(*outputs))
    assert transformer.collapsed_loss_ == pytest.approx(loss, rel=1e-5)


# Other sources.


def test_pipeline(trained):
    pipeline = make_pipeline(ChannelWise(StandardScaler()), pretrained(), KNeighborsClassifier()).fit(X, y)
    report = collapse_report(pipeline, X)
    H = pipeline[:-1].transform(X)
    assert report.features.effective_rank == effective_rank(H)
    assert report.projections is not None


def test_other_transformers():
    report = collapse_report(PCA(4).fit(X[:, 0]), X[:, 0])
    assert report.features.n_features == 4
    assert (report.projections, report.n_steps, report.loss, report.collapsed_loss) == (None,) * 4
    assert report.features.alignment is None
    assert report.verdict == "healthy"


def test_net_in_training(trained):
    report = collapse_report(trained.net_, X)
    assert report.features.effective_rank == collapse_report(trained, X).features.effective_rank
    assert report.loss == trained.net_.history[-1, "train_loss"]


def test_untrained_encoder_with_views():
    assert collapse_report(untrained_encoder(), X).features.alignment is None
    assert 0 < collapse_report(untrained_encoder(), X, augmentation=Jitter()).features.alignment < 4


# Text and table.


def test_text(trained):
    report = collapse_report(trained, X)
    text = str(report)
    assert text.startswith("Collapse report on 32 series: healthy\nFeatures\n  effective rank   ")
    for part in ("Projections", "dead features    0 of 8", "Training", "projections all the same", report.advice):
        assert part in text
    assert f"{report.features.effective_rank:.3g} of at most {report.features.rank_bound}" in text
    assert f"{report.loss:.4g} (projections all the same: {report.collapsed_loss:.4g})" in text
    assert max(len(line) for line in text.splitlines()[:-1]) < 80
    assert "singular_values" not in repr(report)
    alone = str(collapse_report(None, embedding()))
    assert "no views" in alone
    assert "Training" not in alone


def test_to_frame(trained):
    report = collapse_report(trained, X)
    frame = report.to_frame()
    assert list(frame.index) == ["features", "projections"]
    assert frame.loc["projections", "effective_rank"] == report.projections.effective_rank
    assert frame.loc["features", "verdict"] == "healthy"
    assert "singular_values" not in frame
    assert all(frame.dtypes.drop("verdict").map(pd.api.types.is_numeric_dtype))
    alone = collapse_report(None, embedding()).to_frame()
    assert list(alone.index) == ["features"]
    assert np.isnan(alone.loc["features", "alignment"])


# Bad input.


def test_refuses_what_is_not_fitted():
    with pytest.raises(NotFittedError):
        collapse_report(SimCLRTransformer(), X)
    with pytest.raises(NotFittedError):
        collapse_report(make_pipeline(SimCLRTransformer(), KNeighborsClassifier()), X)


def test_refuses_one_series(trained):
    with pytest.raises(ValueError, match="give two or more, got 1"):
        collapse_report(trained, X[:1])
    with pytest.raises(ValueError, match="give two or more, got 1"):
        collapse_report(None, embedding(1))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_refuses_what_is_not_finite(trained, value):
    H, series = embedding(), X.copy()
    H[3, 2] = series[3, 0, 5] = value
    for source, one in ((None, H), (None, torch.from_numpy(H)), (trained, series)):
        with pytest.raises(ValueError, match=r"NaN|infinity|missing|finite"):
            collapse_report(source, one)


def test_refuses_parameters(trained):
    with pytest.raises(ValueError, match="`max_cases` must be a whole number of at least 2 or None, got 1"):
        collapse_report(trained, X, max_cases=1)
    with pytest.raises(TypeError, match="`augmentation` must be an augmentation such as"):
        collapse_report(trained, X, augmentation=Jitter)
    with pytest.raises(ValueError, match="Views are made of series, not of embeddings"):
        collapse_report(None, embedding(), augmentation=Jitter())
    with pytest.raises(ValueError, match="`random_state` must be"):
        collapse_report(trained, X, random_state="seed")
    with pytest.raises(TypeError, match="A fitted transformer"):
        collapse_report(embedding(), X)
    with pytest.raises(ValueError, match="dim 3"):
        collapse_report(None, X)
    with pytest.raises(ValueError, match="channels"):
        collapse_report(trained, X[:, :1])
