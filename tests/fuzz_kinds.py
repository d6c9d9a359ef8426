"""Kinds of input for `fuzz.py`: series, targets, weights and values of parameters, good and bad.

Every function returns a dictionary from the name of a kind to a function of a random generator that makes one.
"""

import array
import collections
import datetime
import decimal
import fractions
import pathlib
import tempfile
from functools import partial

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from torch.utils.data import TensorDataset

N, C, L = 12, 2, 32
NUMBERS = [np.float16, np.float32, np.float64, np.longdouble, np.int8, np.int16, np.int32, np.int64, np.uint8]
NUMBERS += [np.uint16, np.uint32, np.uint64, np.bool_, np.complex64, np.complex128, ">f4", ">i8"]
OTHER_TYPES = ["U8", "S8", "M8[s]", "m8[s]", object]


def series(rng, shape=(N, C, L)):
    """Return waves with noise."""
    time = np.linspace(0, 3, shape[-1])
    frequency = rng.uniform(1, 4, size=(shape[0], *[1] * (len(shape) - 1)))
    return np.sin(2 * np.pi * frequency * time) + 0.1 * rng.normal(size=shape)


def changed(make, rng, shape=(N, C, L)):
    """Return series changed in place by a function."""
    X = series(rng, shape)
    make(X)
    return X


def _set(where, value, X):
    X[where] = value


def _objects(rng, value):
    X = series(rng).astype(object)
    X[3, 1, 5] = value
    return X


def _object_list(items):
    array_of_objects = np.empty(len(items), dtype=object)
    array_of_objects[:] = items
    return array_of_objects


def _memmap(rng):
    path = pathlib.Path(tempfile.mkdtemp()) / "X.npy"
    np.save(path, series(rng).astype(np.float32))
    return np.load(path, mmap_mode="r")


def _read_only(X):
    X.flags.writeable = False
    return X


def _frame(rng, **columns):
    table = pd.DataFrame(series(rng, (N, L)), columns=[f"t{step}" for step in range(L)])
    return table.assign(**columns)


def _long(rng):
    return pd.DataFrame(
        {"case": np.repeat(np.arange(N), L), "time": np.tile(np.arange(L), N), "a": series(rng, (N, L)).ravel()}
    )


def _nested(rng):
    return pd.DataFrame({"a": [pd.Series(one) for one in series(rng, (N, L))]})


def _structured(rng):
    X = np.zeros(N, dtype=[("a", "f4"), ("b", "f4")])
    X["a"] = rng.normal(size=N)
    return X


def _unequal(rng):
    return [one[:, : 5 + case] for case, one in enumerate(series(rng))]


def _masked(rng, where):
    X = np.ma.masked_array(series(rng))
    X[where] = np.ma.masked
    return X


def kinds_of_X():
    """Return kinds of series; most of them are wrong."""
    kinds = {"array": series, "flat array": partial(series, shape=(N, L))}
    for dtype in (*NUMBERS, *OTHER_TYPES):
        name = np.dtype(dtype).str
        for form, shape in (("", (N, C, L)), ("flat ", (N, L))):
            kinds[f"{form}{name}"] = lambda rng, shape=shape, dtype=dtype: (
                (50 * series(rng, shape)).real.astype(np.int64 if np.dtype(dtype).kind in "mM" else float).astype(dtype)
            )
    values = {"zero": 0.0, "one": 1.0, "nan": np.nan, "inf": np.inf, "-inf": -np.inf, "1e38": 1e38, "1e300": 1e300}
    places = {
        "one value": (3, 1, 5),
        "one series": (3,),
        "one channel": (slice(None), 1),
        "one step": (slice(None), slice(None), 5),
        "first step of one": (3, slice(None), 0),
        "last steps": (slice(2, 5), slice(None), slice(20, None)),
        "everything": (slice(None),),
    }
    for place, where in places.items():
        for name, value in values.items():
            kinds[f"{name} in {place}"] = partial(changed, partial(_set, where, value))
    for factor in (1e-300, 1e-40, 1e-20, 1e10, 1e20, 1e30, -1.0):
        kinds[f"times {factor}"] = lambda rng, factor=factor: series(rng) * factor
    for offset in (1.7e9, 1e16, -1e6):
        kinds[f"plus {offset}"] = lambda rng, offset=offset: series(rng) + offset
    shapes = [
        (0, C, L),
        (1, C, L),
        (2, C, L),
        (3, C, L),
        (N, 0, L),
        (N, C, 0),
        (N, C, 1),
        (N, 1, 1),
        (N, C, 2),
        (N, C, 3),
    ]
    shapes += [
        (N, 1, 5),
        (N, 60, 3),
        (3, 1, 4000),
        (),
        (N,),
        (L,),
        (N, L),
        (1, L),
        (N, 1),
        (N, 0),
        (0, L),
        (2, N, C, L),
    ]
    shapes += [(1, 1, 1, N, L), (1, 1, 1)]
    for shape in shapes:
        kinds[f"shape {shape}"] = lambda rng, shape=shape: rng.normal(size=shape)
    kinds |= {
        "equal series": lambda rng: np.repeat(series(rng, (1, C, L)), N, axis=0),
        "equal channels": lambda rng: np.repeat(series(rng, (N, 1, L)), C, axis=1),
        "Fortran order": lambda rng: np.asfortranarray(series(rng)),
        "reversed strides": lambda rng: series(rng)[::-1, ::-1, ::-1],
        "strided": lambda rng: series(rng, (N, C, 2 * L))[..., ::2],
        "broadcast": lambda rng: np.broadcast_to(series(rng, (1, 1, L)), (N, C, L)),
        "read-only": lambda rng: _read_only(series(rng)),
        "memory-mapped": _memmap,
        "matrix": lambda rng: np.asmatrix(series(rng, (N, L))),
        "masked nowhere": lambda rng: np.ma.masked_array(series(rng)),
        "masked value": lambda rng: _masked(rng, (3, 1, 5)),
        "masked series": lambda rng: _masked(rng, 3),
        "masked end": lambda rng: _masked(rng, (slice(None), slice(None), slice(20, None))),
        "structured": _structured,
        "None among objects": lambda rng: _objects(rng, None),
        "NA among objects": lambda rng: _objects(rng, pd.NA),
        "text among objects": lambda rng: _objects(rng, "a"),
        "list among objects": lambda rng: _objects(rng, [1, 2]),
        "number as text among objects": lambda rng: _objects(rng, "4"),
        "Decimal among objects": lambda rng: _objects(rng, decimal.Decimal(1)),
        "huge integer among objects": lambda rng: _objects(rng, 10**400),
        "list of arrays": lambda rng: list(series(rng)),
        "tuple of arrays": lambda rng: tuple(series(rng)),
        "unequal lengths": _unequal,
        "unequal lengths, other types": lambda rng: [
            one.astype(kind) for one, kind in zip(_unequal(rng), ["f4", "i8", "f8", "?"] * 3, strict=True)
        ],
        "unequal channels": lambda rng: [one[: 1 + case % 2] for case, one in enumerate(series(rng))],
        "an empty series": lambda rng: [*series(rng), np.empty((C, 0))],
        "1-D series": lambda rng: list(series(rng, (N, L))),
        "1-D series of unequal length": lambda rng: [one[: 5 + case] for case, one in enumerate(series(rng, (N, L)))],
        "2-D and 1-D series": lambda rng: [*series(rng)[:5], *series(rng, (5, L))],
        "3-D series": lambda rng: list(series(rng)[:, None]),
        "nested lists": lambda rng: series(rng).tolist(),
        "flat lists": lambda rng: series(rng, (N, L)).tolist(),
        "ragged lists": lambda rng: [one.tolist() for one in _unequal(rng)],
        "list with None": lambda rng: [*series(rng), None],
        "list with text": lambda rng: [*series(rng), "series"],
        "list of texts": lambda rng: ["a", "b", "c"],
        "list of numbers": lambda rng: [1.0, 2.0, 3.0],
        "list of frames": lambda rng: [pd.DataFrame(one.T) for one in series(rng)],
        "list of pandas series": lambda rng: [pd.Series(one) for one in series(rng, (N, L))],
        "list of tensors": lambda rng: list(torch.tensor(series(rng))),
        "list of dictionaries": lambda rng: [{"a": one[0], "b": one[1]} for one in series(rng)],
        "list of sparse": lambda rng: [sparse.csr_array(one) for one in series(rng)],
        "array of objects": lambda rng: _object_list(list(series(rng))),
        "array of unequal objects": lambda rng: _object_list(_unequal(rng)),
        "array of None": lambda rng: np.full(N, None),
        "empty list": lambda rng: [],
        "list of empty lists": lambda rng: [[], []],
        "list of lists of empty lists": lambda rng: [[[]], [[]]],
        "generator": lambda rng: (one for one in series(rng)),
        "set": lambda rng: {1.0, 2.0},
        "dictionary": lambda rng: {"a": series(rng), "b": series(rng)},
        "dictionary of series": lambda rng: dict(enumerate(series(rng))),
        "deque": lambda rng: collections.deque(series(rng)),
        "range": lambda rng: range(N),
        "text": lambda rng: "series",
        "bytes": lambda rng: b"series",
        "None": lambda rng: None,
        "number": lambda rng: 3.5,
        "object": lambda rng: object(),
        "function": lambda rng: len,
        "class": lambda rng: dict,
        "path": lambda rng: pathlib.Path("series.npy"),
        "array.array": lambda rng: array.array("d", [1.0, 2.0]),
        "memoryview": lambda rng: memoryview(series(rng)),
        "frame": _frame,
        "frame, numbered": lambda rng: pd.DataFrame(series(rng, (N, L))),
        "frame, mixed names": lambda rng: pd.DataFrame(series(rng, (N, 3)), columns=["a", 1, ("b", 2)]),
        "frame, equal names": lambda rng: pd.DataFrame(series(rng, (N, 3)), columns=["a", "a", "b"]),
        "frame, nested names": lambda rng: pd.DataFrame(
            series(rng, (N, 4)), columns=pd.MultiIndex.from_product([["a", "b"], [0, 1]])
        ),
        "frame, times as index": lambda rng: _frame(rng).set_index(pd.date_range("2020", periods=N, freq="s")),
        "frame, two indices": lambda rng: _long(rng).set_index(["case", "time"]),
        "frame, missing": lambda rng: _frame(rng).mask(rng.uniform(size=(N, L)) < 0.1),
        "frame, nullable": lambda rng: _frame(rng).convert_dtypes(),
        "frame, NA": lambda rng: _frame(rng).astype("Float64").mask(rng.uniform(size=(N, L)) < 0.1),
        "frame, objects": lambda rng: _frame(rng).astype(object),
        "frame, text": lambda rng: _frame(rng, name="a"),
        "frame, category": lambda rng: _frame(rng, name=pd.Categorical(["a", "b"] * (N // 2))),
        "frame, date": lambda rng: _frame(rng, day=pd.Timestamp("2020-01-01")),
        "frame, zone": lambda rng: _frame(rng, day=pd.Timestamp("2020-01-01", tz="UTC")),
        "frame, boolean": lambda rng: _frame(rng, flag=True),
        "frame, sparse": lambda rng: _frame(rng).astype(pd.SparseDtype("float", 0.0)),
        "frame of cells": _nested,
        "frame of list cells": lambda rng: _nested(rng).map(list),
        "long frame": _long,
        "empty frame": lambda rng: pd.DataFrame(),
        "frame without rows": lambda rng: _frame(rng)[:0],
        "column": lambda rng: pd.Series(series(rng, (N, L))[0]),
        "column of series": lambda rng: pd.Series(list(series(rng, (N, L)))),
        "index": lambda rng: pd.Index([1.0, 2.0]),
        "group-by": lambda rng: _long(rng).groupby("case"),
        "tensor": lambda rng: torch.tensor(series(rng)),
        "tensor, float32": lambda rng: torch.tensor(series(rng), dtype=torch.float32),
        "tensor, bfloat16": lambda rng: torch.tensor(series(rng), dtype=torch.bfloat16),
        "tensor, float16": lambda rng: torch.tensor(series(rng), dtype=torch.float16),
        "tensor, whole": lambda rng: torch.tensor(9 * series(rng), dtype=torch.int64),
        "tensor, boolean": lambda rng: torch.tensor(series(rng) > 0),
        "tensor, complex": lambda rng: torch.tensor(series(rng), dtype=torch.complex64),
        "tensor with gradient": lambda rng: torch.tensor(series(rng), requires_grad=True),
        "conjugate tensor": lambda rng: torch.tensor(series(rng), dtype=torch.complex64).conj(),
        "negated tensor": lambda rng: torch.tensor(series(rng), dtype=torch.complex64).conj().imag,
        "meta tensor": lambda rng: torch.empty(N, C, L, device="meta"),
        "sparse tensor": lambda rng: torch.tensor(series(rng)).to_sparse(),
        "nested tensor": lambda rng: torch.nested.as_nested_tensor([torch.tensor(one) for one in _unequal(rng)]),
        "parameter": lambda rng: torch.nn.Parameter(torch.tensor(series(rng))),
        "TensorDataset": lambda rng: TensorDataset(torch.tensor(series(rng))),
        "sparse matrix": lambda rng: sparse.csr_matrix(series(rng, (N, L))),
        "sparse array": lambda rng: sparse.coo_array(series(rng, (N, L))),
    }
    return kinds


def _with(values, place, value):
    values = list(values)
    values[place] = value
    return values


def kinds_of_y():
    """Return kinds of targets of N series."""
    labels = [case % 2 for case in range(N)]
    words = [f"class {label}" for label in labels]
    return {
        "classes": lambda rng: np.array(labels),
        "list": lambda rng: labels,
        "floats": lambda rng: np.array(labels, float),
        "truths": lambda rng: np.array(labels, bool),
        "words": lambda rng: words,
        "word objects": lambda rng: np.array(words, object),
        "bytes": lambda rng: np.array(words, "S"),
        "column": lambda rng: pd.Series(labels),
        "nullable": lambda rng: pd.Series(labels, dtype="Int64"),
        "nullable with NA": lambda rng: pd.Series(_with(labels, 3, pd.NA), dtype="Int64"),
        "strings with NA": lambda rng: pd.Series(_with(words, 3, pd.NA), dtype="string"),
        "categories": lambda rng: pd.Series(words, dtype="category"),
        "categories with NaN": lambda rng: pd.Series(_with(words, 3, None), dtype="category"),
        "frame of one column": lambda rng: pd.DataFrame({"y": labels}),
        "frame of two columns": lambda rng: pd.DataFrame({"y": labels, "z": labels}),
        "tensor": lambda rng: torch.tensor(labels),
        "masked": lambda rng: np.ma.masked_array(labels, [case == 3 for case in range(N)]),
        "one column": lambda rng: np.array(labels)[:, None],
        "two columns": lambda rng: rng.normal(size=(N, 2)),
        "three dimensions": lambda rng: rng.normal(size=(N, 2, 2)),
        "one row": lambda rng: np.array(labels)[None],
        "numbers": lambda rng: rng.normal(size=N),
        "numbers with NaN": lambda rng: np.array(_with(rng.normal(size=N), 3, np.nan)),
        "numbers with inf": lambda rng: np.array(_with(rng.normal(size=N), 3, np.inf)),
        "only NaN": lambda rng: np.full(N, np.nan),
        "huge numbers": lambda rng: rng.normal(size=N) * 1e307,
        "tiny numbers": lambda rng: rng.normal(size=N) * 1e-307,
        "float16": lambda rng: rng.normal(size=N).astype(np.float16),
        "longdouble": lambda rng: rng.normal(size=N).astype(np.longdouble),
        "uint64": lambda rng: np.array(labels, np.uint64) + np.uint64(2**63),
        "big integers": lambda rng: [10**30 + label for label in labels],
        "complex": lambda rng: np.array(labels) + 1j,
        "Decimals": lambda rng: [decimal.Decimal(label) for label in labels],
        "fractions": lambda rng: [fractions.Fraction(label, 3) for label in labels],
        "dates": lambda rng: pd.date_range("2020", periods=N),
        "date objects": lambda rng: [datetime.date(2020, 1, 1 + label) for label in labels],
        "time differences": lambda rng: np.arange(N).astype("m8[s]"),
        "minus one": lambda rng: np.full(N, -1),
        "half unknown": lambda rng: np.where(np.arange(N) < 6, labels, -1),
        "minus one and one": lambda rng: np.where(np.array(labels) == 0, -1, 1),
        "minus one as text": lambda rng: np.where(np.array(labels) == 0, "-1", "1"),
        "words and minus one": lambda rng: [*words[:6], *[-1] * 6],
        "words and numbers": lambda rng: _with(words, 3, 7),
        "None among words": lambda rng: _with(words, 3, None),
        "lists": lambda rng: _object_list([[label] for label in labels]),
        "unequal lists": lambda rng: _object_list([[label] * (1 + label) for label in labels]),
        "tuples": lambda rng: [(label, label) for label in labels],
        "sets": lambda rng: [{label} for label in labels],
        "dictionaries": lambda rng: [{"a": label} for label in labels],
        "one class": lambda rng: np.zeros(N, int),
        "a class each": lambda rng: np.arange(N),
        "too short": lambda rng: labels[:-1],
        "too long": lambda rng: [*labels, 0],
        "empty": lambda rng: [],
        "None": lambda rng: None,
        "number": lambda rng: 1,
        "text": lambda rng: "classes",
        "dictionary": lambda rng: dict(enumerate(labels)),
        "generator": lambda rng: iter(labels),
        "sparse": lambda rng: sparse.csr_array(np.array(labels)[:, None]),
        "structured": lambda rng: np.zeros(N, dtype=[("a", "i4"), ("b", "i4")]),
        "per step": lambda rng: np.repeat(np.array(labels)[:, None], L, axis=1),
    }


def kinds_of_weight():
    """Return kinds of weights of N series."""
    return {
        "None": lambda rng: None,
        "uniform": lambda rng: rng.uniform(size=N),
        "list": lambda rng: rng.uniform(size=N).tolist(),
        "column": lambda rng: pd.Series(rng.uniform(size=N)),
        "nullable": lambda rng: pd.Series(rng.uniform(size=N)).convert_dtypes(),
        "NA": lambda rng: pd.Series(_with([1.0] * N, 3, pd.NA), dtype="Float64"),
        "whole": lambda rng: np.arange(1, N + 1),
        "truths": lambda rng: np.arange(N) % 3 > 0,
        "number": lambda rng: 2.0,
        "zero": lambda rng: np.zeros(N),
        "one above zero": lambda rng: np.eye(N)[3],
        "negative": lambda rng: -np.ones(N),
        "one negative": lambda rng: np.array(_with([1.0] * N, 3, -1e-9)),
        "nan": lambda rng: np.array(_with([1.0] * N, 3, np.nan)),
        "inf": lambda rng: np.array(_with([1.0] * N, 3, np.inf)),
        "huge": lambda rng: np.full(N, 1e300),
        "tiny": lambda rng: np.full(N, 1e-300),
        "huge and tiny": lambda rng: np.where(np.arange(N) < 6, 1e300, 1e-300),
        "column vector": lambda rng: np.ones((N, 1)),
        "matrix": lambda rng: np.ones((N, 2)),
        "too short": lambda rng: np.ones(N - 1),
        "text": lambda rng: "balanced",
        "texts": lambda rng: ["1"] * N,
        "objects": lambda rng: np.ones(N, object),
        "complex": lambda rng: np.ones(N) * 1j,
        "tensor": lambda rng: torch.ones(N),
        "dictionary": lambda rng: {0: 1.0, 1: 2.0},
        "nested": lambda rng: [[1.0]] * N,
    }


class Unprintable:
    """An object whose representation is long."""

    def __repr__(self):
        return "word " * 100_000


def bad_values():
    """Return values that hardly any parameter takes."""
    return {
        "minus one": -1,
        "minus half": -0.5,
        "half": 0.5,
        "zero": 0,
        "nan": np.nan,
        "inf": np.inf,
        "huge integer": 10**400,
        "huge float": 1e308,
        "tiny": 5e-324,
        "complex": 1j,
        "true": True,
        "numpy true": np.True_,
        "None": None,
        "text": "no such thing",
        "empty text": "",
        "long text": "x" * 100_000,
        "bytes": b"auto",
        "number as text": "3",
        "list": [1, 2],
        "long list": [0.1] * 100_000,
        "empty tuple": (),
        "nested tuple": ((1,), (2,)),
        "dictionary": {"a": 1},
        "set": {1, 2},
        "array": np.array([1.0, 2.0]),
        "empty array": np.array([]),
        "0-d text": np.array("a"),
        "tensor": torch.ones(2),
        "frame": pd.DataFrame({"a": [1]}),
        "NA": pd.NA,
        "NaT": pd.NaT,
        "date": datetime.date(2020, 1, 1),
        "Decimal": decimal.Decimal(1),
        "class": dict,
        "function": len,
        "object": object(),
        "long object": Unprintable(),
        "module": torch.nn.Linear(1, 1),
        "generator": np.random.default_rng(0),
        "path": pathlib.Path("no/such/file"),
    }
