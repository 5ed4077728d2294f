"""Himmelblau's function."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from ...registry import register
from ..options import Floats
from .protocol import Function, FunctionOptions, Minimum


@register("function", "himmelblau")
class Himmelblau(Function):
    """(x² + y - 11)² + (x + y² - 7)²: four minima (Himmelblau 1972).

    Gradient: (4 x a + 2 b, 2 a + 4 y b), with a = x² + y - 11 and b = x + y² - 7.
    Minimum: 0 at (3, 2), the flattest, (-2.805, 3.131), (-3.779, -3.283) and (3.584, -1.848).
    """

    class Options(FunctionOptions):
        function: Literal["himmelblau"]

    names = ("x", "y")
    work_rows = 3
    minimum = Minimum([3.0, 2.0], 0.0, 54 + 20 * math.sqrt(2))

    def fill(
        self,
        x: Floats,
        numbers: Mapping[str, Floats],
        loss: Floats | None,
        gradient: Floats,
        work: Floats,
    ) -> None:
        (along, across), (a, b, rest) = x, work
        np.multiply(along, along, a)
        np.add(a, across, a)
        np.subtract(a, 11, a)
        np.multiply(across, across, b)
        np.add(b, along, b)
        np.subtract(b, 7, b)
        if loss is not None:
            np.multiply(a, a, loss)
            np.multiply(b, b, rest)
            np.add(loss, rest, loss)
        np.multiply(a, 2, a)
        np.multiply(b, 2, b)
        np.multiply(a, along, gradient[0])
        np.multiply(b, across, gradient[1])
        np.multiply(gradient, 2, gradient)
        np.add(gradient[0], b, gradient[0])
        np.add(gradient[1], a, gradient[1])
