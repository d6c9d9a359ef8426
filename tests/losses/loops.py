"""Formulas of vectors as loops over Python numbers, and random embeddings, for the tests of losses."""

import math

import torch

ORDER = torch.tensor([3, 0, 5, 1, 4, 2])


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def scales(*shape):
    """Return positive factors from a thousandth to a thousand."""
    return torch.logspace(-3, 3, math.prod(shape), dtype=torch.float64).reshape(shape)


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def cosine(a, b):
    return dot(a, b) / math.sqrt(dot(a, a)) / math.sqrt(dot(b, b))


def unit(row):
    return [value / math.sqrt(dot(row, row)) for value in row]


def softmax(row):
    exponentials = [math.exp(value) for value in row]
    return [value / sum(exponentials) for value in exponentials]


def one_hot(place, size):
    return [float(k == place) for k in range(size)]


def cross_entropy(target, logits):
    return -sum(share * math.log(p) for share, p in zip(target, softmax(logits), strict=True))


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def covariances(z):
    """Return the covariance matrix of the rows with n - 1 in the denominator."""
    rows = z.tolist()
    means = [mean(column) for column in zip(*rows, strict=True)]
    centred = [[value - m for value, m in zip(row, means, strict=True)] for row in rows]
    columns = list(zip(*centred, strict=True))
    return [[dot(a, b) / (len(rows) - 1) for b in columns] for a in columns]


def missing_spread(z):
    """Return VICReg's variance term."""
    matrix = covariances(z)
    return mean(max(0.0, 1 - math.sqrt(matrix[j][j] + 1e-4)) for j in range(len(matrix)))
