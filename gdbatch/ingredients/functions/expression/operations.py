"""What an expression may consist of: each operation in NumPy and as nodes of a graph."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .graph import Graph, Node

Values = NDArray[np.float64]  # (lanes,), or (entries, lanes) of a vector

NUMBERS = {"pi": math.pi, "π": math.pi, "e": math.e}


@dataclass(frozen=True)
class Operation:
    """An operator or a function: its value, and the node that computes it."""

    value: Callable[..., Values]
    node: Callable[..., Node]  # of a graph and the arguments
    arity: int = 1


def _by_ufunc(name: str) -> Operation:
    ufunc: np.ufunc = getattr(np, name)
    return Operation(ufunc, lambda graph, *arguments: graph.apply(name, *arguments), ufunc.nin)


def _softplus(x: Values) -> Values:
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


OPERATORS = {
    "+": Operation(np.add, Graph.add, 2),
    "-": Operation(np.subtract, Graph.subtract, 2),
    "*": Operation(np.multiply, Graph.multiply, 2),
    "/": Operation(np.divide, Graph.divide, 2),
    "**": Operation(np.power, Graph.power, 2),
    "negative": Operation(np.negative, Graph.negative),
}

_UFUNCS = [
    "arccos", "arcsin", "arctan", "cos", "cosh", "exp", "expm1", "log", "log1p", "sin", "sinh",
    "sqrt", "tan", "tanh",
]  # fmt: skip

FUNCTIONS = {
    **{name: _by_ufunc(name) for name in _UFUNCS},
    "abs": _by_ufunc("absolute"),
    "sigmoid": Operation(
        lambda x: 1 / (1 + np.exp(-x)), lambda graph, x: graph.apply("sigmoid", x)
    ),
    "softplus": Operation(_softplus, lambda graph, x: graph.apply("softplus", x)),
    "relu": Operation(lambda x: np.maximum(x, 0), lambda graph, x: graph.apply("relu", x)),
    "max": _by_ufunc("maximum"),
    "min": _by_ufunc("minimum"),
}

# of vectors; their nodes need the number of entries too
REDUCTIONS = {
    "sum": Operation(lambda x: x.sum(axis=0), Graph.sum),
    "dot": Operation(
        lambda x, y: (x * y).sum(axis=0),
        lambda graph, x, y, size: graph.sum(graph.multiply(x, y), size),
        2,
    ),
}
