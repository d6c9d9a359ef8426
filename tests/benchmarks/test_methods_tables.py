"""The tables of all methods: which series are judged, ranks, means, and which passes an epoch is divided by."""

from collections import Counter

import numpy as np
import pytest
import torch

from sklearn_ssl.architectures import Batch, VisibleArchitecture
from sklearn_ssl.base import SSLTransformer
from sklearn_ssl.encoders import FCNEncoder
from sklearn_ssl.encoders.fcn import FCN
from sklearn_ssl.testing import all_estimators

METHODS = {name.removesuffix("Transformer"): cls for name, cls in all_estimators() if issubclass(cls, SSLTransformer)}


@pytest.fixture
def parts(monkeypatch):
    """Return `methods.parts` for a training part of the numbers 0 to 19 and a test part of 100."""
    import methods

    train = np.arange(20.0)[:, None, None], np.repeat([0, 1], 10)
    test = np.full((3, 1, 1), 100.0), np.array([0, 1, 1])
    monkeypatch.setattr(methods, "series", lambda name, folder: (train, test, "as is"))
    return lambda judged_on, seed=0: methods.parts("any", None, seed, judged_on)


def test_halves_share_no_series_and_leave_the_test_part_closed(parts):
    import methods

    judged = []
    for half in methods.HALVES:
        (X, y), (X_judged, y_judged) = parts(half)
        assert np.bincount(y).tolist() == np.bincount(y_judged).tolist() == [5, 5]
        assert sorted([*X.ravel(), *X_judged.ravel()]) == list(range(20))
        judged.extend(X_judged.ravel())
    assert sorted(judged) == list(range(20))


def test_the_test_part_is_judged_by_what_was_fitted_on_all_of_the_training_part(parts):
    (X, _), (X_judged, _) = parts("test")
    assert len(X) == 20
    assert (X_judged == 100).all()


def test_the_generated_set_has_two_parts_of_the_same_classes():
    from archive_rows import series

    (X, y), (X_judged, y_judged), done = series("waves", None)
    assert (len(X), len(X_judged), done) == (60, 400, "as is")
    assert set(y) == set(y_judged)
    assert not (X[:, None] == X_judged[None, :60]).all(axis=(2, 3)).any()


def test_ranks_of_directions_of_unequal_length():
    from methods import ranks

    turned = np.linalg.qr(np.vander(np.arange(8.0), 4, increasing=True))[0][:, 1:]  # orthogonal to constants
    values = ranks(turned * [100.0, 1.0, 0.01])
    assert values == {"effective rank": "1.1", "standardised": "3.0", "bound": "3.0"}


def test_means_are_differences_to_the_untrained_encoder_on_the_same_series_with_the_same_seed():
    from methods import FIELDS, KEY, means

    def row(name, method, seed, linear, rank=1.0):
        values = {field: "1" for field in FIELDS if field not in KEY}
        key = dict(zip(KEY, (name, method, seed, "test"), strict=True))
        return {**key, **values, "linear": str(linear), "standardised": str(rank), "bound": "4"}

    rows = [row("A", "RandomEncoder", "0", 0.5), row("B", "RandomEncoder", "0", 0.7)]
    rows += [row("A", "MiniRocket", "0", 0.9), row("B", "MiniRocket", "0", 0.9)]
    rows += [row("A", "VICReg", "0", 0.6, 0.5), row("B", "VICReg", "0", 0.6)]
    rows += [row("A", "SimCLR", "0", 0.7, 2), row("B", "SimCLR", "0", 0.7, 3)]
    rows += [row("A", "RandomEncoder", "1", 0.1)]  # the others lack this seed
    table = means(rows, ["RandomEncoder", "MiniRocket", "WCCN", "VICReg", "SimCLR"]).set_index("method")
    assert table.index.tolist() == ["RandomEncoder", "MiniRocket", "SimCLR", "VICReg"]
    assert table["rows"].tolist() == [3, 2, 2, 2]
    assert table["points to untrained"].tolist() == ["+0.0", "+30.0", "+10.0", "+0.0"]
    assert table.loc["VICReg", ["on A", "on B"]].tolist() == ["+10.0", "-10.0"]
    assert table["smallest rank / bound"].tolist() == ["0.25", "0.25", "0.25", "0.12"]


def has_one_encoder_of_any_kind(name):
    """Tell whether a method trains one encoder, with or without tokens, and no other model before it."""
    method = METHODS[name]()
    others = {"tokenizer", "teacher", "channel_groups"} & {*method.get_params(deep=False)}
    if others or ".series_native." in METHODS[name].__module__:
        return False
    architecture = method._architecture()
    return not issubclass(getattr(architecture, "func", architecture), VisibleArchitecture)


@pytest.mark.parametrize("name", [name for name in METHODS if has_one_encoder_of_any_kind(name)])
def test_bare_passes_are_those_that_a_step_makes(name, monkeypatch):
    import methods_speed
    from methods_by_name import make_method
    from overhead import make_data

    if name in methods_speed.SEVERAL_NETWORKS:
        pytest.skip("its bare passes are not those of an encoder alone")
    made = Counter()
    layers = FCN.layers

    def counted(self, x, mask=None):
        if self.training:
            made[x.shape[2], torch.is_grad_enabled()] += len(x)
        return layers(self, x, mask)

    monkeypatch.setattr(FCN, "layers", counted)
    transformer = make_method(name, random_state=0, device="cpu")
    small = {"encoder": FCNEncoder(width=4, norm="layer"), "max_epochs": 1, "batch_size": 8, "n_codes": 2}
    small["n_segments"] = 2  # more fit into the series of the benchmark
    known = transformer.get_params(deep=False)
    transformer.set_params(**{key: value for key, value in small.items() if key in known}).fit(
        make_data((8, 1, 20)), range(8)
    )
    expected = Counter()
    for copies, share, trained in methods_speed.plan_of(name, transformer):
        expected[round(share * 20), trained] += 8 * copies
    assert made == expected


@pytest.mark.parametrize("name", [name for name in METHODS if ".series_native." in METHODS[name].__module__])
def test_bare_passes_of_random_pieces_have_as_many_steps_on_average(name, monkeypatch):
    import methods_speed
    from methods_by_name import make_method

    if name in methods_speed.SEVERAL_NETWORKS:
        pytest.skip("its bare passes are not those of an encoder alone")
    n_steps, made = methods_speed.SHAPE[2], []
    layers = FCN.layers

    def counted(self, x, mask=None):
        made.append(x.shape[0] * x.shape[2])
        return layers(self, x, mask)

    transformer = make_method(name, random_state=0, device="cpu")
    encoder = FCNEncoder(width=2, kernel_sizes=(1,), norm="layer")
    X = torch.randn(4, 1, n_steps)
    module = transformer.set_params(encoder=encoder, max_epochs=0).fit(X.numpy()).net_.module_.train()
    monkeypatch.setattr(FCN, "layers", counted)
    with torch.no_grad():
        for _ in range(100):
            module(Batch(X))
    expected = sum(copies * share for copies, share, _ in methods_speed.plan_of(name, transformer))
    assert sum(made) / (100 * 4 * n_steps) == pytest.approx(expected, rel=0.1)


def test_bare_passes_of_pieces_are_those_of_the_epoch(monkeypatch):
    import methods_speed

    monkeypatch.setattr(methods_speed, "SHAPE", (12, 1, 20))
    monkeypatch.setattr(methods_speed, "BATCH_SIZE", 6)
    made, layers = [], FCN.layers

    def counted(self, x, mask=None):
        if self.training and torch.is_grad_enabled():
            made.append(x.shape)
        return layers(self, x, mask)

    monkeypatch.setattr(FCN, "layers", counted)
    encoder = FCNEncoder(width=2, kernel_sizes=(1,), norm="layer")
    transformer = METHODS["TLoss"](encoder=encoder, n_negatives=2, random_state=0, device="cpu")
    bare, _ = methods_speed.fitted_bare("TLoss", transformer, epochs=2)
    assert len(bare.epochs_) == len(bare.bare_) == 3
    epochs = [made[i : i + 12] for i in range(0, 36, 12)]  # three passes in each of two steps, and as many bare ones
    for one in epochs:
        assert [(*shape[:2], shape[2] + 1) for shape in one[:6]] == [tuple(shape) for shape in one[6:]]
    assert len(made) == 36


def test_all_methods_with_epochs_are_timed():
    from methods_speed import with_epochs

    assert with_epochs() == sorted(METHODS)
