"""The cubic of the logistic map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from ...registry import register
from ..options import Floats
from .protocol import Function, FunctionOptions, Minimum


@register("function", "cubic")
class Cubic(Function):
    """x³/3 - x²/2: gradient descent on it is the logistic map.

    Gradient: x (x - 1). With z = η x/(1 + η), an update is z ← (1 + η) z (1 - z), the logistic map
    at r = 1 + η (May 1976): period 2 from η = 2, period 4 from √6, period 3 from √8; above 3 almost
    every start in (0, 1) diverges.
    Minimum: -1/6 at x = 1, with curvature 1; it is local, as the function is unbounded below.
    """

    class Options(FunctionOptions):
        function: Literal["cubic"]

    names = ("x",)
    minimum = Minimum([1.0], -1 / 6, 1.0)

    def fill(
        self,
        x: Floats,
        numbers: Mapping[str, Floats],
        loss: Floats | None,
        gradient: Floats,
        work: Floats,
    ) -> None:
        np.subtract(x, 1, gradient)
        np.multiply(gradient, x, gradient)
        if loss is not None:
            np.divide(x[0], 3, loss)
            np.subtract(loss, 0.5, loss)
            np.multiply(loss, x[0], loss)
            np.multiply(loss, x[0], loss)
