"""One contract for all losses: precision, shapes, numbers, gradients and order.

A new public loss needs an entry in `CONTRACTS`. What is special to one loss is tested in its own file.
"""

import contextlib
import dataclasses
import inspect
import itertools
import math
from collections.abc import Callable
from functools import partial

import pytest
import torch

from sklearn_ssl import losses

SIZES = {"n": 6, "d": 4, "K": 5, "m": 3, "V": 3, "T": 2, "L": 8}
LARGE = 3e4  # its square overflows half precision


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contract:
    """What a loss takes and promises.

    The shapes are written with one letter per dimension (see `SIZES`): n is the batch, equal letters are equal sizes.
    """

    trained: dict[str, str]  # tensors that receive a gradient, and their shapes
    fixed: dict[str, str] = dataclasses.field(default_factory=dict)  # tensors that receive none
    data: dict[str, Callable] = dataclasses.field(default_factory=dict)  # from n: labels, weights, speeds
    loss: Callable | None = None  # where the public function cannot take all of them by name
    least: int = 1  # smallest batch
    rows: bool = False  # whether the result has a row for each series, in their order
    stacks: bool = False  # whether leading dimensions are allowed
    without_order: tuple[str, ...] = ()  # arguments whose series may have another order than those of the others
    gradient_of_large: bool = True  # whether the gradient of large embeddings fits into half precision


def _classes(n):
    return torch.arange(n) % SIZES["K"]


def _weights(n):
    return torch.linspace(0.5, 2, n, dtype=torch.float64)


def _targets(n):
    targets = torch.linspace(-1, 2, n * SIZES["K"], dtype=torch.float64).reshape(n, SIZES["K"])
    return targets.masked_fill(targets.abs() < 0.1, torch.nan)


def _speeds(n):
    return torch.linspace(0.5, 2, n * SIZES["m"], dtype=torch.float64).sqrt().reshape(n, SIZES["m"])


def _present(n):
    return torch.arange(n * SIZES["V"]).reshape(n, SIZES["V"]) % 5 != 4


def _semi_supervised(logits, target, weight, z1, z2, **parameters):
    terms = {"supervised": losses.weighted_cross_entropy, "self_supervised": losses.ntxent_loss}
    return losses.semi_supervised_loss(logits, target, weight, z1, z2, **terms, **parameters)


def _multi_view(z1, z2, z3):
    return losses.multi_view_loss(z1, z2, z3, pair_loss=losses.ntxent_loss)


def _simmtm(views, weight, **values):
    log_scales = torch.tensor([0.25, -0.5], dtype=weight.dtype, device=weight.device)
    return losses.simmtm_loss(views, weight=weight, log_scales=log_scales, **values)


def _softclt(z1, z2, similarity, **parameters):
    rows = similarity[..., None].repeat_interleave(max(similarity.numel(), 1), dim=-1)
    return losses.softclt_loss(z1, z2, rows, **parameters)


def _series2vec(z_time, z_spectrum, time_distances, spectral_distances):
    distances = [
        torch.maximum(one[..., None], one) for one in (time_distances, spectral_distances)
    ]  # of numbers of the series
    return losses.series2vec_loss(z_time, z_spectrum, *distances)


def _swav(assigned, predicted, **parameters):
    return losses.swav_loss([assigned, *predicted], **{"n_assigned": 1, **parameters})


def _hidden(n):
    return torch.arange(n) % 4 != 2


def _value_weights(n):
    return torch.linspace(0.5, 2, n * SIZES["d"], dtype=torch.float64).reshape(n, SIZES["d"])


def _hidden_windows(n):
    return torch.arange(n * SIZES["T"] * SIZES["m"]).reshape(n, SIZES["T"], SIZES["m"]) % 4 != 2


def _ibot(student_windows, teacher_windows, hidden, loss=losses.ibot_loss, **others):
    """Call a loss whose windows have the series in the second place."""
    windows = {"student_windows": student_windows, "teacher_windows": teacher_windows, "hidden": hidden}
    tensors = {name: values for name, values in windows.items() if isinstance(values, torch.Tensor)}
    return loss(**others, **{**windows, **{name: values.movedim(1, 0) for name, values in tensors.items()}})


VALUES = Contract(trained={"prediction": "nd"}, fixed={"target": "nd"}, data={"weight": _value_weights})
VIEWS = {"z1": "nd", "z2": "nd"}
CODES = {"trained": {"prediction": "nd", "z": "nm"}, "fixed": {"target": "nd", "vectors": "nm"}}
SEEN = {"seen": _weights}

MASKED_VIEWS = {
    "trained": {"student": "VnK", "student_windows": "nTmK"},
    "fixed": {"teacher": "TnK", "center": "K", "teacher_windows": "nTmK", "window_center": "K"},
    "data": {"hidden": _hidden_windows},
}

GAMES = {"real": "n", "fake": "n", "fooled": "n", "slope": "n"}

CONTRACTS = {
    "barlow_twins_loss": Contract(trained=VIEWS, least=2),
    "beit_v2_loss": Contract(trained={"logits": "nK", "aggregated": "nK"}, data={"codes": _classes, "hidden": _hidden}),
    "byol_loss": Contract(trained={"p1": "nd", "p2": "nd"}, fixed=VIEWS),
    "cae_loss": Contract(
        trained={"logits": "nK", "predicted": "nd"},
        fixed={"features": "nd"},
        data={"codes": _classes, "hidden": _hidden},
    ),
    "clip_loss": Contract(trained={"z": "nd", "t": "nd"}, data={"groups": _classes}),
    "colorization_loss": Contract(trained={"logits": "nKm"}, fixed={"soft": "nKm"}, data={"weight": _speeds}),
    "cmc_loss": Contract(trained={"z": "Vnd"}, data={"present": _present}),
    "context_loss": Contract(
        trained={"prediction": "nd", **GAMES},
        fixed={"target": "nd"},
        data={"weight": _value_weights},
        without_order=(*GAMES,),
    ),
    "contrastive_emp_ssl_loss": Contract(trained={"views": "Vnd"}, least=2),
    "cost_loss": Contract(
        trained={"query": "nd", "season1": "nmL", "season2": "nmL"}, fixed={"key": "nd", "queue": "Kd"}
    ),
    "cpc_loss": Contract(trained={"predicted": "Knd", "later": "Knd"}, least=2),
    "dicot_loss": Contract(trained={"z": "nmd"}, gradient_of_large=False),
    "dino_loss": Contract(trained={"student": "VnK"}, fixed={"teacher": "TnK", "center": "K"}),
    "emp_ssl_loss": Contract(trained={"views": "Vnd"}, least=2),
    "exemplar_loss": Contract(trained={"logits": "nK"}, data={"index": _classes}),
    "gan_loss": Contract(trained=GAMES, without_order=(*GAMES,)),
    "ibot_loss": Contract(**MASKED_VIEWS, loss=_ibot),
    "instance_discrimination_loss": Contract(trained={"z": "nd"}, fixed={"bank": "Kd"}, data={"index": _classes}),
    "koleo_loss": Contract(trained={"z": "nd"}, least=2),
    "lejepa_loss": Contract(trained={"views": "Vnd", "directions": "Kd"}, least=2, gradient_of_large=False),
    "masked_cosine_loss": Contract(trained={"prediction": "nd"}, fixed={"target": "nd"}, data={"weight": _weights}),
    "masked_cross_entropy_loss": Contract(trained={"logits": "nK"}, data={"codes": _classes, "hidden": _hidden}),
    "masked_l1_loss": VALUES,
    "masked_mse_loss": VALUES,
    "masked_smooth_l1_loss": VALUES,
    "mimco_loss": Contract(
        trained={"student_windows": "nd", "student": "Kd"},
        fixed={"teacher_windows": "nd", "teacher": "Kd"},
        data={"counted": _hidden},
    ),
    "mocov3_loss": Contract(trained={"q1": "nd", "q2": "nd"}, fixed={"k1": "nd", "k2": "nd"}, least=2),
    "multi_view_loss": Contract(trained={**VIEWS, "z3": "nd"}, loss=_multi_view, least=2),
    "ntxent_loss": Contract(trained=VIEWS, least=2),
    "periodic_similarity": Contract(trained={"first": "nL", "second": "mL"}, rows=True, stacks=True),
    "pretext_loss": Contract(trained={"logits": "nK"}, data={"number": _classes}),
    "queue_contrastive_loss": Contract(trained={"query": "nd"}, fixed={"key": "nd", "queue": "Kd"}),
    "semi_supervised_loss": Contract(
        trained={"logits": "nK", **VIEWS},
        data={"target": _classes, "weight": _weights},
        loss=_semi_supervised,
        least=2,
    ),
    "series2vec_loss": Contract(
        trained={"z_time": "nd", "z_spectrum": "nd"},
        data={"time_distances": _weights, "spectral_distances": _weights},
        loss=_series2vec,
        least=2,
    ),
    "sigreg_loss": Contract(trained={"z": "nd", "directions": "Kd"}, least=2, stacks=True),
    "simmtm_loss": Contract(
        trained={"views": "VnK", "prediction": "nd"},
        fixed={"target": "nd"},
        data={"weight": _value_weights},
        loss=_simmtm,
        without_order=("views",),
    ),
    "simper_loss": Contract(trained={"first": "nmL", "second": "nmL"}, data={"speeds": _speeds}),
    "simsiam_loss": Contract(trained={"p1": "nd", "p2": "nd"}, fixed=VIEWS),
    "sinkhorn": Contract(trained={"scores": "nK"}, rows=True),
    "ssgan_loss": Contract(
        trained={**GAMES, "real_logits": "nK", "fooled_logits": "nK"},
        data={"number": _classes},
        without_order=(*GAMES,),
    ),
    "softclt_loss": Contract(trained={"z1": "ndL", "z2": "ndL"}, data={"similarity": _weights}, loss=_softclt),
    "swav_loss": Contract(trained={"predicted": "TnK"}, fixed={"assigned": "nK"}, loss=_swav, least=2),
    "tfc_loss": Contract(
        trained={
            **{"time": "nd", "changed_time": "nd", "spectrum": "nm", "changed_spectrum": "nm"},
            **{"z_time": "nK", "z_changed_time": "nK", "z_spectrum": "nK", "z_changed_spectrum": "nK"},
        },
        least=2,
    ),
    "tico_loss": Contract(trained={**VIEWS, "covariance": "dd"}, least=2),
    "timemcl_loss": Contract(trained={**VIEWS, "z_mixed": "nd"}, loss=partial(losses.timemcl_loss, weight=0.3)),
    "tloss_loss": Contract(trained={"anchor": "nd", "positive": "nd", "negatives": "Knd"}),
    "tnc_loss": Contract(trained={"neighbours": "n", "others": "m"}),
    "total_coding_rate": Contract(trained={"z": "nd"}, stacks=True),
    "ts2vec_loss": Contract(trained={"z1": "ndL", "z2": "ndL"}),
    "tstcc_loss": Contract(
        trained={
            **{"weak_context": "nd", "strong_context": "nd", "strong_predicted": "Knm", "strong_later": "Knm"},
            **{"weak_predicted": "Knm", "weak_later": "Knm"},
        },
        least=2,
    ),
    "updated_covariance": Contract(trained={"z": "nd"}, fixed={"covariance": "dd"}, least=2),
    "utica_loss": Contract(
        **{**MASKED_VIEWS, "trained": {**MASKED_VIEWS["trained"], "pooled": "TLd"}},
        loss=partial(_ibot, loss=losses.utica_loss),
    ),
    "vae_loss": Contract(
        trained={"prediction": "nd", "mean": "nK", "log_variance": "nK"},
        fixed={"target": "nd"},
        data={"weight": _value_weights},
        without_order=("mean", "log_variance"),
    ),
    "vq_distillation_loss": Contract(**CODES, data=SEEN),
    "vq_loss": Contract(**CODES, data={"weight": _value_weights, **SEEN}),
    "vq_perceptual_loss": Contract(
        trained={**CODES["trained"], "predicted_maps": "nK"},
        fixed={**CODES["fixed"], "maps": "nK"},
        data={"weight": _value_weights, **SEEN, "steps": _weights},
    ),
    "vicreg_covariance_loss": Contract(trained={"z": "nd"}, least=2, gradient_of_large=False),
    "vicreg_invariance_loss": Contract(trained=VIEWS, least=2),
    "vicreg_loss": Contract(trained=VIEWS, least=2, gradient_of_large=False),
    "vicreg_tico_loss": Contract(trained={**VIEWS, "covariance": "dd"}, least=2, gradient_of_large=False),
    "vicreg_variance_loss": Contract(trained={"z": "nd"}, least=2),
    "weighted_cross_entropy": Contract(trained={"logits": "nK"}, data={"target": _classes, "weight": _weights}),
    "weighted_squared_error": Contract(trained={"prediction": "nK"}, data={"target": _targets, "weight": _weights}),
    "whiten": Contract(trained={"z": "nd"}, least=2, rows=True),
    "wmse_loss": Contract(trained=VIEWS, least=2),
}


def test_every_public_loss_has_a_contract():
    assert set(losses.__all__) - {"in_full_precision"} == set(CONTRACTS)


every_loss = pytest.mark.parametrize("name", CONTRACTS)


def shapes_of(name):
    return {**CONTRACTS[name].trained, **CONTRACTS[name].fixed}


def function_of(name):
    return CONTRACTS[name].loss or getattr(losses, name)


def names_of(name):
    """Return the pattern of what a message calls the arguments of a loss."""
    names = {*inspect.signature(getattr(losses, name)).parameters, *shapes_of(name)}
    return rf"`({'|'.join(names)})(\[\d\])?`"


def inputs_of(name, n=SIZES["n"], **sizes):
    """Return the arguments of a loss by name: normally distributed embeddings, and data of the batch."""
    generator = torch.Generator().manual_seed(0)
    sizes = {**SIZES, **sizes, "n": n}
    inputs = {
        argument: torch.randn(*map(sizes.get, shape), generator=generator, dtype=torch.float64)
        for argument, shape in shapes_of(name).items()
    }
    return {**inputs, **{argument: values(n) for argument, values in CONTRACTS[name].data.items()}}


def converted(inputs, dtype):
    """Convert all floating-point numbers."""
    return {key: value.to(dtype) if value.is_floating_point() else value for key, value in inputs.items()}


def trainable(name, inputs):
    """Let the embeddings among the inputs, also those that shall receive no gradient, require one."""
    return {
        argument: value.detach().clone().requires_grad_() if argument in shapes_of(name) else value
        for argument, value in inputs.items()
    }


def differentiate(result):
    """Go back from a result of any shape, with another weight for each of its values."""
    weights = torch.linspace(1, 2, result.numel(), dtype=result.dtype).reshape(result.shape)
    (weights * result).sum().backward()


def batch_axes(name):
    """Return the axis of each argument that runs over the series."""
    axes = {argument: shape.index("n") for argument, shape in shapes_of(name).items() if "n" in shape}
    return {**axes, **dict.fromkeys(CONTRACTS[name].data, 0)}


def permuted(name, inputs, order, arguments):
    axes = batch_axes(name)
    return {
        argument: value.index_select(axes[argument], order) if argument in arguments else value
        for argument, value in inputs.items()
    }


# --- precision ---


def plain(value, axis):
    return value


def large(value, axis):
    return value * (LARGE / value.abs().max())


def one_zero(value, axis):
    return value.index_fill(axis, torch.tensor([0]), 0)


def zero(value, axis):
    return torch.zeros_like(value)


def identical(value, axis):
    return value.narrow(axis, 0, 1).expand_as(value).contiguous()


def temperatures_of(name):
    """Return the default temperatures of a loss, if it has any, and extreme ones."""
    names = [key for key in inspect.signature(getattr(losses, name)).parameters if key.endswith("temperature")]
    return [{}, dict.fromkeys(names, 0.01), dict.fromkeys(names, 100.0)] if names else [{}]


@every_loss
@pytest.mark.parametrize("kind", [plain, large, one_zero, zero, identical])
def test_finite_in_half_precision(name, kind):
    axes = batch_axes(name)
    inputs = inputs_of(name)
    inputs = {key: kind(value, axes.get(key, 0)) if key in shapes_of(name) else value for key, value in inputs.items()}
    for dtype, temperatures in itertools.product((torch.float16, torch.bfloat16), temperatures_of(name)):
        leaves = trainable(name, converted(inputs, dtype))
        result = function_of(name)(**leaves, **temperatures)
        assert result.dtype == torch.float32
        assert result.isfinite().all()
        if kind is not large or CONTRACTS[name].gradient_of_large:
            differentiate(result)
            assert all(leaves[key].grad.isfinite().all() for key in CONTRACTS[name].trained)


@every_loss
def test_computes_in_single_precision(name):
    for dtype in (torch.float16, torch.bfloat16):
        half = converted(inputs_of(name), dtype)
        expected = function_of(name)(**converted(half, torch.float32))
        assert torch.equal(function_of(name)(**half), expected)


@every_loss
def test_computes_without_autocast(name):
    single = converted(inputs_of(name), torch.float32)
    expected = function_of(name)(**single)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(function_of(name)(**single), expected)


@every_loss
def test_double_precision_stays(name):
    assert function_of(name)(**inputs_of(name)).dtype == torch.float64


# --- gradients ---


@every_loss
def test_gradient(name):
    inputs = inputs_of(name, n=3, L=5)
    trained = list(CONTRACTS[name].trained)
    leaves = [inputs.pop(key).requires_grad_() for key in trained]
    assert torch.autograd.gradcheck(
        lambda *z: function_of(name)(**dict(zip(trained, z, strict=True)), **inputs), leaves
    )


@every_loss
def test_gradient_reaches_only_what_is_trained(name):
    leaves = trainable(name, inputs_of(name))
    differentiate(function_of(name)(**leaves))
    for key in CONTRACTS[name].trained:
        assert leaves[key].grad.abs().max() > 0, key
    for key in CONTRACTS[name].fixed:
        assert leaves[key].grad is None or not leaves[key].grad.any(), key


# --- batches ---


@every_loss
def test_batch_of_two(name):
    # Fewer series than dimensions.
    leaves = trainable(name, inputs_of(name, n=2))
    result = function_of(name)(**leaves)
    differentiate(result)
    assert result.isfinite().all()
    assert all(leaves[key].grad.isfinite().all() for key in CONTRACTS[name].trained)


@every_loss
def test_smallest_batch(name):
    least = CONTRACTS[name].least
    assert function_of(name)(**inputs_of(name, n=least)).isfinite().all()
    with pytest.raises(ValueError, match=names_of(name)):
        function_of(name)(**inputs_of(name, n=least - 1))


@every_loss
def test_order_of_the_series(name):
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    inputs = inputs_of(name)
    expected = function_of(name)(**inputs)
    together = function_of(name)(**permuted(name, inputs, order, batch_axes(name)))
    torch.testing.assert_close(together, expected[order] if CONTRACTS[name].rows else expected)
    if len(batch_axes(name)) > 1:
        for argument in {*batch_axes(name)} - {*CONTRACTS[name].without_order}:
            apart = function_of(name)(**permuted(name, inputs, order, [argument]))
            assert not torch.isclose(apart, expected), argument


@every_loss
def test_same_inputs_same_value(name):
    inputs = inputs_of(name)
    before = {key: value.clone() for key, value in inputs.items()}
    state = torch.get_rng_state()
    results = [function_of(name)(**inputs) for _ in range(2)]
    assert torch.equal(*results)
    assert torch.equal(torch.get_rng_state(), state)
    torch.testing.assert_close(inputs, before, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("name", [name for name in CONTRACTS if {"V", "T"} & set("".join(shapes_of(name).values()))])
def test_views_as_a_tensor_or_apart(name):
    inputs = inputs_of(name)
    expected = function_of(name)(**inputs)
    stacked = {key for key, shape in shapes_of(name).items() if shape[0] in "VT"}
    for kind in (list, tuple):
        apart = {key: kind(value) if key in stacked else value for key, value in inputs.items()}
        assert torch.equal(function_of(name)(**apart), expected)
    for key in stacked:
        n = len(inputs[key][0])
        with pytest.raises(ValueError, match=rf"same shape, got \({n}, .\)(, \({n}, .\))? and \({n - 1}, .\)"):
            function_of(name)(**{**inputs, key: [*inputs[key][:-1], inputs[key][-1][:-1]]})


@every_loss
def test_stays_on_the_device_and_reads_no_value(name, monkeypatch):
    # Tensors without values stand for a GPU: they do not mix with tensors on the CPU, and reading a value is an error.
    monkeypatch.setattr(torch, "autocast", lambda *args, **kwargs: contextlib.nullcontext())
    inputs = inputs_of(name)
    result = function_of(name)(**{key: value.to("meta") for key, value in inputs.items()})
    assert result.device.type == "meta"
    assert result.dtype == torch.float64


# --- wrong shapes ---


def wrong_shapes():
    """Yield for each argument of each loss the axis and the number of elements that make it wrong."""
    for name, contract in CONTRACTS.items():
        every = "".join(shapes_of(name).values()) + "n" * len(contract.data)
        for argument, shape in {**shapes_of(name), **dict.fromkeys(contract.data, "n")}.items():
            yield name, argument, "one dimension less"
            if not contract.stacks:
                yield name, argument, "one dimension more"
            shared = [letter for letter in dict.fromkeys(shape) if every.count(letter) > 1]
            yield from ((name, argument, letter) for letter in shared)


@pytest.mark.parametrize(("name", "argument", "fault"), [*wrong_shapes()])
def test_wrong_shapes(name, argument, fault):
    inputs = inputs_of(name)
    value = inputs[argument]
    if fault == "one dimension less":
        value = value[0]
    elif fault == "one dimension more":
        value = value.unsqueeze(-1)
    else:
        value = value.narrow({**shapes_of(name)}.get(argument, "n").index(fault), 0, SIZES[fault] - 1)
    with pytest.raises(ValueError, match=f"{names_of(name)}.*got ") as caught:
        function_of(name)(**{**inputs, argument: value})
    message = str(caught.value)
    assert len(message) < 250
    assert "\n" not in message


@pytest.mark.parametrize(("name", "argument"), [(name, key) for name in CONTRACTS for key in shapes_of(name)])
@pytest.mark.parametrize("convert", [torch.Tensor.long, torch.Tensor.numpy, torch.Tensor.tolist])
def test_no_floating_point_tensors(name, argument, convert):
    inputs = inputs_of(name)
    if argument not in CONTRACTS[name].data:
        with pytest.raises(TypeError, match="must be a floating-point tensor, got"):
            function_of(name)(**{**inputs, argument: convert(inputs[argument])})


# --- wrong numbers ---

POSITIVE = "must be a finite number above 0, got {}; ", (0, -1.0, math.nan, math.inf)
SHARE = "must be a number from 0 to 1, got {}; ", (-0.1, 1.1, math.nan)
NUMBERS = {
    "beta": SHARE,
    ("masked_smooth_l1_loss", "beta"): POSITIVE,
    ("vae_loss", "beta"): ("must be 0 or more, got {}; ", (-1, math.nan)),
    "epsilon": POSITIVE,
    "iterations": ("must be 1 or more, got {}; ", (0,)),
    "contextual": ("must be 0 or more, got {}; ", (-1, math.nan)),
    "contrast": SHARE,
    "instance": SHARE,
    "knots": ("must be 2 or more, got {}; ", (1,)),
    "label_temperature": POSITIVE,
    "label_smoothing": SHARE,
    "koleo": ("must be 0 or more, got {}; ", (-1, math.nan)),
    "limit": POSITIVE,
    "margin": ("must be 0 or more, got {}; ", (-1, math.nan)),
    "n_assigned": ("must be from 1 to the number of views, 3, got {}; ", (0, 4)),
    "scale": POSITIVE,
    "negative_weight": ("must be 0 or more, got {}; ", (-1, math.nan)),
    "seasonal": ("must be 0 or more, got {}; ", (-1, math.nan)),
    "sharpness": ("must be 0 or more, got {}; ", (-1, math.nan)),
    "shrinkage": SHARE,
    "similar": SHARE,
    "ssl_weight": ("must be 0 or more, got {}; ", (-1, math.nan)),
    "student_temperature": POSITIVE,
    "sub_batch": ("must be 2 or more, got {}; ", (1, 0, -4)),
    "teacher_temperature": POSITIVE,
    "temporal": ("must be 0 or more, got {}; ", (-1, math.nan)),
    "temporal_unit": ("must be 0 or more, got {}; ", (-1,)),
    "temperature": POSITIVE,
    "weight": SHARE,
    "window_temperature": POSITIVE,
}
WEIGHTS_OF_TERMS = {
    "adversarial",
    "alignment",
    "commitment",
    "critic_weight",
    "generator_weight",
    "penalty",
    "covariance",
    "invariance",
    "perceptual",
    "redundancy",
    "rho",
    "variance",
}


def numbers():
    """Yield every number that a loss has as a parameter."""
    for name in CONTRACTS:
        for key, parameter in inspect.signature(getattr(losses, name)).parameters.items():
            is_number = type(parameter.default) in (int, float, type(None)) and key not in shapes_of(name)
            if is_number and key not in WEIGHTS_OF_TERMS:
                yield name, key


@pytest.mark.parametrize(("name", "parameter"), [*numbers()])
def test_wrong_numbers(name, parameter):
    message, values = NUMBERS.get((name, parameter)) or NUMBERS[parameter]
    for value in values:
        with pytest.raises(ValueError, match=f"`{parameter}` {message.format(value)}"):
            function_of(name)(**inputs_of(name), **{parameter: value})
