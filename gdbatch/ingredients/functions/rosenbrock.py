"""Rosenbrock's valley."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import Field

from ...registry import register
from ..options import Floats, LaneNumber
from .protocol import Function, FunctionOptions, Minimum, largest_eigenvalue, variables


@register("function", "rosenbrock")
class Rosenbrock(Function):
    """Σ b (xᵢ₊₁ - xᵢ²)² + (1 - xᵢ)²: a curved valley (Rosenbrock 1960).

    Gradient: -4 b xᵢ vᵢ - 2 (1 - xᵢ) + 2 b vᵢ₋₁, with vᵢ = xᵢ₊₁ - xᵢ².
    Minimum: 0 where all xᵢ are 1.
    """

    class Options(FunctionOptions):
        function: Literal["rosenbrock"]
        size: int = Field(2, ge=2, le=500, description="Number of variables.")
        b: LaneNumber = Field(100.0, ge=0, description="Steepness of the sides of the valley.")

    examples = ({}, {"size": 4, "b": 3.0})

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        size, b = options.size, options.b
        self.names = variables(size)
        self.work_rows = 2 * size - 1
        diagonal = np.full(size, 10 * b + 2)
        diagonal[0], diagonal[-1] = 8 * b + 2, 2 * b
        off_diagonal = np.full(size - 1, -4 * b)
        hessian = np.diag(diagonal) + np.diag(off_diagonal, 1) + np.diag(off_diagonal, -1)
        self.minimum = Minimum([1.0] * size, 0.0, largest_eigenvalue(hessian))

    def fill(
        self,
        x: Floats,
        numbers: Mapping[str, Floats],
        loss: Floats | None,
        gradient: Floats,
        work: Floats,
    ) -> None:
        head, count, b = x[:-1], len(x) - 1, numbers["b"]
        valley, way, total = work[:count], work[count:-1], work[-1]
        np.multiply(head, head, valley)
        np.subtract(x[1:], valley, valley)
        np.subtract(1, head, way)
        if loss is not None:
            np.einsum("pl,pl->l", valley, valley, out=loss)
            np.multiply(loss, b, loss)
            np.einsum("pl,pl->l", way, way, out=total)
            np.add(loss, total, loss)
        np.multiply(valley, b, valley)
        np.multiply(valley, 2, valley)
        np.multiply(way, -2, gradient[:-1])
        gradient[-1] = 0
        np.add(gradient[1:], valley, gradient[1:])
        np.multiply(valley, head, valley)
        np.multiply(valley, 2, valley)
        np.subtract(gradient[:-1], valley, gradient[:-1])
