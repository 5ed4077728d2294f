"""The saddle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from ...registry import register
from ..options import Floats
from .protocol import Function, FunctionOptions


@register("function", "saddle")
class Saddle(Function):
    """(x² - y²)/2: unbounded below along y.

    Gradient: (x, -y), so that an update of gradient descent multiplies y by 1 + η. It leaves the
    radius R after ⌈ln(R/|y₀|)/ln(1 + η)⌉ steps, which `divergence = { loss = R²/2 }` detects if
    x₀ = 0.
    Minimum: none.
    """

    class Options(FunctionOptions):
        function: Literal["saddle"]

    names = ("x", "y")
    work_rows = 1

    def fill(
        self,
        x: Floats,
        numbers: Mapping[str, Floats],
        loss: Floats | None,
        gradient: Floats,
        work: Floats,
    ) -> None:
        np.copyto(gradient[0], x[0])
        np.negative(x[1], gradient[1])
        if loss is not None:
            np.einsum("pl,pl->l", x, gradient, out=loss)
            np.multiply(loss, 0.5, loss)
