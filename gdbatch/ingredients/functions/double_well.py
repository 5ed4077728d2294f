"""The double well."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import Field

from ...registry import register
from ..options import Floats, LaneNumber
from .protocol import Function, FunctionOptions, Minimum


@register("function", "double_well")
class DoubleWell(Function):
    """(x² - μ)²/4: two wells at ±√μ.

    Gradient: x (x² - μ). Gradient descent depends on K = η μ: period 2 from 1, period 4 from
    √5 - 1, orbits that visit both wells from 3√3/2 - 1, divergence above 2.
    Minimum: 0 at x = ±√μ, with curvature 2 μ.
    """

    class Options(FunctionOptions):
        function: Literal["double_well"]
        mu: LaneNumber = Field(1.0, gt=0, description="μ; the wells are at ±√μ.")

    examples = ({}, {"mu": 2.5})
    names = ("x",)
    work_rows = 1

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.minimum = Minimum([math.sqrt(options.mu)], 0.0, 2 * options.mu)

    def fill(
        self,
        x: Floats,
        numbers: Mapping[str, Floats],
        loss: Floats | None,
        gradient: Floats,
        work: Floats,
    ) -> None:
        (height,) = work
        np.multiply(x[0], x[0], height)
        np.subtract(height, numbers["mu"], height)
        np.multiply(x, height, gradient)
        if loss is not None:
            np.multiply(height, height, loss)
            np.multiply(loss, 0.25, loss)
