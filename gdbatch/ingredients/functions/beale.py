"""Beale's function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from ...registry import register
from ..options import Floats
from .protocol import Function, FunctionOptions, Minimum, largest_eigenvalue

_CONSTANTS = (1.5, 2.25, 2.625)


@register("function", "beale")
class Beale(Function):
    """Σₖ (cₖ - x (1 - yᵏ))², k = 1, 2, 3, c = 1.5, 2.25, 2.625: a flat valley (Beale 1958).

    Gradient: (-2 Σ rₖ (1 - yᵏ), 2 x Σ k rₖ yᵏ⁻¹), with rₖ = cₖ - x (1 - yᵏ).
    Minimum: 0 at (3, 0.5).
    """

    class Options(FunctionOptions):
        function: Literal["beale"]

    names = ("x", "y")
    work_rows = 3

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        jacobian = np.array([[0.5**k - 1, 3 * k * 0.5 ** (k - 1)] for k in (1, 2, 3)])
        curvature = largest_eigenvalue(2 * jacobian.T @ jacobian)
        self.minimum = Minimum([3.0, 0.5], 0.0, curvature)

    def fill(
        self,
        x: Floats,
        numbers: Mapping[str, Floats],
        loss: Floats | None,
        gradient: Floats,
        work: Floats,
    ) -> None:
        (along, across), (power, residual, rest) = x, work
        power.fill(2)  # times yᵏ⁻¹
        gradient.fill(0)
        if loss is not None:
            loss.fill(0)
        for k, constant in enumerate(_CONSTANTS, 1):
            np.multiply(power, across, rest)
            np.subtract(2, rest, rest)  # 2 (1 - yᵏ)
            np.multiply(rest, along, residual)
            np.multiply(residual, -0.5, residual)
            np.add(residual, constant, residual)
            np.multiply(rest, residual, rest)
            np.subtract(gradient[0], rest, gradient[0])
            if loss is not None:
                np.multiply(residual, residual, rest)
                np.add(loss, rest, loss)
            np.multiply(power, residual, rest)
            np.multiply(rest, k, rest)
            np.add(gradient[1], rest, gradient[1])
            np.multiply(power, across, power)
        np.multiply(gradient[1], along, gradient[1])
