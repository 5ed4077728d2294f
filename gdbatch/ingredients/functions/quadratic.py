"""Quadratic functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import Field

from ...registry import register
from ..options import Floats, LaneNumbers
from .protocol import Function, FunctionOptions, Minimum, variables


@register("function", "quadratic")
class Quadratic(Function):
    """½ Σ λᵢ xᵢ², with given eigenvalues λ.

    Gradient: λᵢ xᵢ, so that an update of gradient descent multiplies xᵢ by 1 - η λᵢ. It converges
    if η < 2/λ for every λ, fastest at η = 2/(smallest + largest λ) (Polyak 1987).
    Minimum: 0 at the origin, unless an eigenvalue is negative.
    """

    class Options(FunctionOptions):
        function: Literal["quadratic"]
        eigenvalues: LaneNumbers = Field(
            min_length=1, description="Curvatures λ along the axes, one per variable."
        )

    examples = ({"eigenvalues": [3.0, 0.5, 0.0]}, {"eigenvalues": [2.0]})

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.names = variables(len(options.eigenvalues))
        if min(options.eigenvalues) >= 0:
            self.minimum = Minimum([0.0] * len(self.names), 0.0, max(options.eigenvalues))

    def fill(
        self,
        x: Floats,
        numbers: Mapping[str, Floats],
        loss: Floats | None,
        gradient: Floats,
        work: Floats,
    ) -> None:
        np.multiply(x, numbers["eigenvalues"], gradient)
        if loss is not None:
            np.einsum("pl,pl->l", x, gradient, out=loss)
            np.multiply(loss, 0.5, loss)
