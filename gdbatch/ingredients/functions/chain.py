"""Deep linear chains."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import Field

from ...registry import register
from ..options import Floats, LaneNumber
from .protocol import Function, FunctionOptions, Minimum, variables


@register("function", "chain")
class Chain(Function):
    """½ (w₁ w₂ … w_L - y)²: a deep linear network with one unit per layer (Saxe et al. 2014).

    Gradient: r Π_{j≠i} wⱼ, with r = w₁ … w_L - y.
    Minimum: 0 wherever the product is y; it is flattest where all |w| are equal, with curvature
    L |y|^(2 - 2/L).
    """

    class Options(FunctionOptions):
        function: Literal["chain"]
        depth: int = Field(3, ge=1, le=10_000, description="Number of weights L.")
        y: LaneNumber = Field(1.0, description="Target of their product.")

    examples = ({}, {"depth": 4, "y": -2.0}, {"depth": 1, "y": 0.3})
    work_rows = 1

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        depth, y = options.depth, options.y
        self.names = variables(depth, "w")
        side = abs(y) ** (1 / depth)
        at = [math.copysign(side, y), *[side] * (depth - 1)]
        try:
            curvature = depth * side ** (2 * depth - 2)
        except OverflowError:
            curvature = math.inf
        self.minimum = Minimum(at, 0.0, curvature)

    def fill(
        self,
        x: Floats,
        numbers: Mapping[str, Floats],
        loss: Floats | None,
        gradient: Floats,
        work: Floats,
    ) -> None:
        (product,) = work
        gradient[0] = 1
        for layer in range(1, len(x)):  # the product of the weights below
            np.multiply(gradient[layer - 1], x[layer - 1], gradient[layer])
        product.fill(1)
        for layer in reversed(range(len(x))):  # times the product of the weights above
            np.multiply(gradient[layer], product, gradient[layer])
            np.multiply(product, x[layer], product)
        np.subtract(product, numbers["y"], product)
        if loss is not None:
            np.multiply(product, product, loss)
            np.multiply(loss, 0.5, loss)
        np.multiply(gradient, product, gradient)
