"""Pooling against loops over steps, its gradients, and what padding must not change."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from sklearn_ssl import VICRegTransformer
from sklearn_ssl.encoders import FCNEncoder, TransformerEncoder
from sklearn_ssl.pooling import Pooling

STATISTICS = ("mean", "max", "std", "ppv", "last")
EVERY = (*STATISTICS, "attention")
NAIVE = {
    "mean": np.mean,
    "max": np.max,
    "std": np.std,
    "ppv": lambda values: np.mean(values > 0),
    "last": lambda values: values[-1],
}
LENGTHS = (1, 4, 9)


def ragged_layers(widths=(2, 3)):
    mask = torch.zeros(len(LENGTHS), max(LENGTHS), dtype=torch.bool)
    for i, length in enumerate(LENGTHS):
        mask[i, :length] = True
    maps = [torch.randn(len(LENGTHS), width, max(LENGTHS)) - 0.5 for width in widths]
    for h in maps:
        h[:, 0, 1:3] = 0  # neither positive nor negative
    return maps, mask


def naive(h, lengths, statistics):
    rows = []
    for i, length in enumerate(lengths):
        features = h[i].detach().numpy().astype(float)[:, :length]
        rows.append([NAIVE[name](values) for name in statistics for values in features])
    return np.array(rows)


@pytest.mark.parametrize("statistics", [*STATISTICS, STATISTICS, ("last", "mean", "last"), ["std", "max"]])
@pytest.mark.parametrize("layers", ["last", "all"])
def test_pooling_equals_loops(statistics, layers):
    maps, mask = ragged_layers()
    recipe = Pooling(statistics=statistics, layers=layers)
    names = [statistics] if isinstance(statistics, str) else statistics
    pooled = maps if layers == "all" else maps[-1:]
    for lengths, given in ((LENGTHS, mask), ([max(LENGTHS)] * 3, None)):
        expected = np.concatenate([naive(h, lengths, names) for h in pooled], axis=1)
        result = recipe.build()(maps, given)
        assert result.shape == (3, recipe.n_features([2, 3]))
        np.testing.assert_allclose(result.numpy(), expected, atol=1e-6)


def attentive(recipe, widths):
    pooling = recipe.build(widths)
    for query in pooling.queries:
        nn.init.normal_(query)
    return pooling


@pytest.mark.parametrize("layers", ["last", "all"])
def test_attention_equals_loops(layers):
    maps, mask = ragged_layers()
    recipe = Pooling(statistics=("max", "attention"), layers=layers)
    pooling = attentive(recipe, [2, 3])
    pooled = maps if layers == "all" else maps[-1:]
    for lengths, given in ((LENGTHS, mask), ([max(LENGTHS)] * 3, None)):
        expected = []
        for h, query in zip(pooled, pooling.queries, strict=True):
            of_layer = []
            for one, n in zip(h, lengths, strict=True):
                scores = [float(query.detach() @ one[:, t]) / len(query) ** 0.5 for t in range(n)]
                weights = np.exp(scores) / np.exp(scores).sum()
                of_layer.append(sum(weight * one[:, t].numpy() for t, weight in enumerate(weights)))
            expected += [naive(h, lengths, ["max"]), np.array(of_layer)]
        result = pooling(maps, given)
        assert result.shape == (3, recipe.n_features([2, 3]))
        np.testing.assert_allclose(result.detach().numpy(), np.concatenate(expected, 1), atol=1e-6)


def test_untrained_attention_is_the_mean():
    maps, mask = ragged_layers()
    attention, mean = (Pooling(statistics=name).build([2, 3])(maps, mask) for name in ("attention", "mean"))
    torch.testing.assert_close(attention, mean)


def test_attention_finds_a_bump():
    h = 0.1 * torch.randn(40, 2, 50)
    places = torch.randint(50, (40,))
    h[torch.arange(40), 0, places] = 3  # marks the step
    value = torch.randn(40)
    h[torch.arange(40), 1, places] = value  # which is to be read there
    pooling = Pooling(statistics="attention").build([2])
    optimizer = torch.optim.Adam(pooling.parameters(), lr=0.3)
    for _ in range(60):
        optimizer.zero_grad()
        loss = (pooling([h])[:, 1] - value).square().mean()
        loss.backward()
        optimizer.step()
    assert loss < 0.05 * value.square().mean()


def test_attention_needs_the_widths():
    with pytest.raises(ValueError, match="`widths` must be given"):
        Pooling(statistics=("mean", "attention")).build()
    maps, _ = ragged_layers(widths=(2, 3, 4))
    with pytest.raises(ValueError, match="argument"):
        Pooling(statistics="attention").build([2, 3])(maps)


def test_only_attention_has_weights():
    assert [len(query) for query in Pooling(statistics=EVERY).build([2, 3, 4]).queries] == [2, 3, 4]
    assert [len(query) for query in Pooling(statistics=EVERY, layers="last").build([2, 3, 4]).queries] == [4]
    assert not list(Pooling().build([2, 3]).parameters())


def test_attention_is_trained_with_the_encoder():
    X = np.random.default_rng(0).normal(size=(16, 1, 20))
    transformer = VICRegTransformer(
        encoder=FCNEncoder(width=4), pooling=Pooling(statistics="attention"), max_epochs=1, random_state=0, device="cpu"
    )
    queries = transformer.fit(X).net_.module_.pooling.queries
    assert len(queries) == 3
    assert all(query.any() for query in queries)
    assert clone(transformer).fit(X).transform(X).tolist() == transformer.transform(X).tolist()


def test_padding_does_not_matter():
    maps, mask = ragged_layers()
    pooling = attentive(Pooling(statistics=EVERY, layers="all"), [2, 3])
    expected = pooling(maps, mask)
    filled = [torch.where(mask[:, None], h, 1e4) for h in maps]
    torch.testing.assert_close(pooling(filled, mask), expected)
    longer = [torch.nn.functional.pad(h, (0, 7), value=5.0) for h in maps]
    torch.testing.assert_close(pooling(longer, torch.nn.functional.pad(mask, (0, 7))), expected)


@pytest.mark.parametrize("n_steps", [9, 10, 16, 31])
def test_padding_does_not_matter_to_windows(n_steps):
    encoder = TransformerEncoder(width=8, depth=1).build(1).eval()
    pooling = attentive(Pooling(statistics=EVERY, layers="all"), encoder.widths)
    x = torch.randn(1, 1, 6)
    padded = torch.nn.functional.pad(x, (0, n_steps - 6))
    mask = torch.arange(n_steps)[None] < 6
    torch.testing.assert_close(pooling(encoder.layers(padded, mask), mask), pooling(encoder.layers(x)))


def test_layers_of_different_lengths():
    maps, mask = ragged_layers()
    halved = torch.randn(3, 4, 5)  # nine steps, two by two
    pooling = Pooling(statistics=STATISTICS, layers="all").build()
    result = pooling([*maps, halved], mask)[:, 25:]
    np.testing.assert_allclose(result.numpy(), naive(halved, [1, 2, 5], STATISTICS), atol=1e-6)


@pytest.fixture(params=[False, True], ids=["eager", "compiled"])
def compiling(request, monkeypatch):
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: request.param)
    return request.param


@pytest.mark.usefixtures("compiling")
@pytest.mark.parametrize("padded", [False, True])
def test_std_of_a_constant_is_zero_with_finite_gradient(padded):
    h = torch.tensor([0.1, 1e6, 0.0])[None, :, None].repeat(2, 1, 315).requires_grad_()
    mask = torch.arange(315) < torch.tensor([[1], [300]])
    std = Pooling(statistics="std").build()([h], mask if padded else None)
    assert not std.any()
    std.sum().backward()
    assert h.grad.isfinite().all()


@pytest.mark.parametrize("scale", [1e-18, 1e-3, 1e6])
def test_std_of_any_scale(scale):
    h = (scale * torch.randn(2, 3, 50)).requires_grad_()
    std = Pooling(statistics="std").build()([h])
    np.testing.assert_allclose(std.detach().numpy(), h.detach().numpy().astype(float).std(2), rtol=1e-3)
    std.sum().backward()
    assert h.grad.isfinite().all()
    assert h.grad.abs().max() <= 1


@pytest.mark.parametrize(("statistic", "node"), [("max", "_LargestBackward"), ("std", "_SpreadBackward")])
def test_gradients_are_written_out_unless_they_are_compiled(statistic, node, compiling):
    pooled = Pooling(statistics=statistic).build()([torch.randn(2, 3, 5, requires_grad=True)])
    nodes = [pooled.grad_fn]
    for one in nodes:
        nodes += [following for following, _ in one.next_functions if following is not None]
    assert (node in {type(one).__name__ for one in nodes}) is not compiling


@pytest.mark.usefixtures("compiling")
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("statistic", ["mean", "max", "std", "last", "attention"])
def test_gradients_equal_differences(statistic, padded):
    layers, mask = ragged_layers(widths=(2,))
    pooling = attentive(Pooling(statistics=statistic, layers="last"), (2,)).double()
    h = layers[0].double().requires_grad_()
    assert torch.autograd.gradcheck(lambda h: pooling([torch.where(mask[:, None], h, 0)], mask if padded else None), h)


def test_steps_that_reach_the_maximum_share_its_gradient():
    h = torch.tensor([[[2.0, 5.0, 5.0, 1.0]]], requires_grad=True)
    Pooling(statistics="max").build()([h]).backward()
    np.testing.assert_array_equal(h.grad[0, 0], [0, 0.5, 0.5, 0])


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("statistics", [*EVERY, ("mean", "max", "std", "ppv")])
def test_gradients_lie_in_memory_as_the_maps_do(statistics, padded):
    (h,), mask = ragged_layers(widths=(3,))
    h = h.transpose(1, 2).contiguous().transpose(1, 2).requires_grad_()  # the features of a step side by side
    pooled = Pooling(statistics=statistics).build((3,))([h], mask if padded else None)
    if pooled.requires_grad:
        (gradient,) = torch.autograd.grad(pooled.square().sum(), h)
        assert gradient.transpose(1, 2).is_contiguous() or gradient.stride(2) == 0, "or the same at every step"
    assert pooled.requires_grad is (statistics != "ppv")


def test_gradient_ignores_padding():
    (h, *_), mask = ragged_layers()
    h.requires_grad_()
    pooled = attentive(Pooling(statistics=("mean", "max", "std", "last", "attention")), [2])([h], mask)
    (pooled * torch.randn_like(pooled)).sum().backward()
    assert h.grad.isfinite().all()
    assert not h.grad[~mask[:, None].expand_as(h)].any()
    assert h.grad[mask[:, None].expand_as(h)].all()


def test_half_precision_is_summed_in_single():
    h = torch.full((1, 1, 5000), 1.0, dtype=torch.bfloat16)
    h[:, :, ::2] = 1.0078125  # the next number in bfloat16
    result = Pooling(statistics=("mean", "std")).build()([h])
    assert result.dtype == torch.float32
    np.testing.assert_allclose(result.numpy(), [[1.00390625, 0.00390625]], rtol=1e-5)


def test_double_precision_is_kept():
    for statistic in EVERY:
        pooled = Pooling(statistics=statistic).build([1])([torch.zeros(1, 1, 2, dtype=torch.float64)])
        assert pooled.dtype == torch.float64


def test_a_series_without_observed_steps_gets_zeros():
    (h, *_), mask = ragged_layers()
    mask[0] = False
    h.requires_grad_()
    result = attentive(Pooling(statistics=EVERY), [2])([h], mask)
    assert not result[0].any()
    result.sum().backward()
    assert h.grad.isfinite().all()


def test_nothing_reads_values_back_from_the_device():
    h = torch.zeros(2, 3, 4, device="meta")  # has no values to read
    mask = torch.ones(2, 4, dtype=torch.bool, device="meta")
    assert Pooling(statistics=EVERY).build([3]).to("meta")([h], mask).shape == (2, 18)


@pytest.mark.parametrize(
    ("statistics", "shown"),
    [(("mean", "median"), "median"), ("median", "median"), ((), r"\(\)"), ((1,), "1"), (3, "3")],
)
def test_statistics_out_of_range(statistics, shown):
    recipe = Pooling(statistics=statistics)
    with pytest.raises(
        ValueError, match=f"`statistics` must be .*'mean', 'max', 'std', 'ppv', 'last', 'attention', got .*{shown}"
    ):
        recipe.build()
    with pytest.raises(ValueError, match="`statistics` must be"):
        recipe.n_features([3])


def test_layers_out_of_range():
    with pytest.raises(ValueError, match="`layers` must be one of 'all', 'last', got 'first'"):
        Pooling(layers="first").build()


def test_clone_and_pickle():
    recipe = Pooling(statistics=["mean", "max"], layers="all")
    assert clone(recipe).get_params() == {"statistics": ["mean", "max"], "layers": "all"}
    maps, mask = ragged_layers()
    pooling = pickle.loads(pickle.dumps(recipe)).build()
    assert pickle.loads(pickle.dumps(pooling))(maps, mask).equal(recipe.build()(maps, mask))


@pytest.mark.parametrize(("layers", "expected"), [("last", [8]), ("all", [4, 6, 8])])
def test_features_are_counted_by_layer(layers, expected):
    recipe = Pooling(statistics=("mean", "max"), layers=layers)
    assert recipe.n_features_of_layers([2, 3, 4]) == expected
    assert recipe.n_features([2, 3, 4]) == sum(expected)


def test_learnt_queries_are_for_as_many_layers():
    pooling = Pooling(statistics="attention").build([2, 3])
    with pytest.raises(ValueError, match="zip"):
        pooling([torch.zeros(1, 2, 5)])


def test_attention_takes_as_many_layers_as_it_was_built_for():
    pooling = Pooling(statistics="attention", layers="all").build([2, 3])
    with pytest.raises(ValueError, match="longer"):
        pooling([torch.randn(1, 2, 5)])
