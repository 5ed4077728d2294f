"""The product of two numbers or vectors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import Field

from ...registry import register
from ..options import Floats, LaneNumber
from .protocol import Function, FunctionOptions, Minimum, variables


@register("function", "product")
class Product(Function):
    """½ (s u·v - y)²: a linear network with one hidden layer of `size` units.

    Gradient: (s r v, s r u), with r = s u·v - y. With s = 1, gradient descent converges at rates
    below min{1/|y|, 8/(S + √(S² - 16 y (u·v - y)))}, with S = ‖u‖² + ‖v‖² at the start (Liang and
    Montúfar 2025). With y = 0 and s = 1/√size it is the catapult model of Lewkowycz et al. (2020).
    Minimum: 0 wherever s u·v = y; it is flattest where ‖u‖ = ‖v‖, with curvature 2 s |y|.
    """

    class Options(FunctionOptions):
        function: Literal["product"]
        size: int = Field(1, ge=1, le=100_000, description="Length of u and of v.")
        y: LaneNumber = Field(1.0, description="Target of the product.")
        scale: LaneNumber = Field(1.0, gt=0, description="s, the factor of the product.")

    examples = ({}, {"y": -0.7, "scale": 2.0}, {"size": 3, "y": 0.5, "scale": 0.6})
    work_rows = 1

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        size, y = options.size, options.y
        self.size = size
        self.names = variables(size, "u") + variables(size, "v")
        side, rest = math.sqrt(abs(y) / options.scale), [0.0] * (size - 1)
        at = [side, *rest, math.copysign(side, y), *rest]
        self.minimum = Minimum(at, 0.0, 2 * options.scale * abs(y))

    def fill(
        self,
        x: Floats,
        numbers: Mapping[str, Floats],
        loss: Floats | None,
        gradient: Floats,
        work: Floats,
    ) -> None:
        u, v, (residual,) = x[: self.size], x[self.size :], work
        np.einsum("pl,pl->l", u, v, out=residual)
        np.multiply(residual, numbers["scale"], residual)
        np.subtract(residual, numbers["y"], residual)
        if loss is not None:
            np.multiply(residual, residual, loss)
            np.multiply(loss, 0.5, loss)
        np.multiply(residual, numbers["scale"], residual)
        np.multiply(v, residual, gradient[: self.size])
        np.multiply(u, residual, gradient[self.size :])
