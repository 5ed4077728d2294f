"""Rastrigin's function."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import Field

from ...registry import register
from ..options import Floats, LaneNumber
from .protocol import Function, FunctionOptions, Minimum, variables


@register("function", "rastrigin")
class Rastrigin(Function):
    """Σ xᵢ² + a (1 - cos 2π xᵢ): a bowl with many local minima (Rastrigin 1974).

    Gradient: 2 xᵢ + 2π a sin 2π xᵢ.
    Minimum: 0 at the origin, with curvature 2 + 4π² a.
    """

    class Options(FunctionOptions):
        function: Literal["rastrigin"]
        size: int = Field(2, ge=1, le=10_000, description="Number of variables.")
        a: LaneNumber = Field(10.0, ge=0, description="Depth of the local minima.")

    examples = ({}, {"size": 1, "a": 0.5})

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.names = variables(options.size)
        self.work_rows = options.size + 1
        curvature = 2 + 4 * math.pi**2 * options.a
        self.minimum = Minimum([0.0] * options.size, 0.0, curvature)

    def fill(
        self,
        x: Floats,
        numbers: Mapping[str, Floats],
        loss: Floats | None,
        gradient: Floats,
        work: Floats,
    ) -> None:
        waves, total, a = work[:-1], work[-1], numbers["a"]
        if loss is not None:
            np.multiply(x, math.pi, waves)  # 1 - cos 2πx = 2 sin² πx, without cancellation
            np.sin(waves, waves)
            np.einsum("pl,pl->l", waves, waves, out=loss)
            np.multiply(loss, a, loss)
            np.multiply(loss, 2, loss)
            np.einsum("pl,pl->l", x, x, out=total)
            np.add(loss, total, loss)
        np.multiply(x, 2 * math.pi, waves)
        np.sin(waves, waves)
        np.multiply(waves, a, waves)
        np.multiply(waves, 2 * math.pi, waves)
        np.multiply(x, 2, gradient)
        np.add(gradient, waves, gradient)
