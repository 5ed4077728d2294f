"""A function: Styblinski and Tang's in one variable."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from gdbatch.ingredients.functions.protocol import Function, FunctionOptions
from gdbatch.ingredients.options import Floats
from gdbatch.registry import register


@register("function", "outside_styblinski_tang")
class StyblinskiTang(Function):
    """½ (x⁴ - 16 x² + 5 x): two minima (Styblinski and Tang 1990)."""

    class Options(FunctionOptions):
        function: Literal["outside_styblinski_tang"]

    names = ("x",)

    def fill(
        self,
        x: Floats,
        numbers: Mapping[str, Floats],
        loss: Floats | None,
        gradient: Floats,
        work: Floats,
    ) -> None:
        if loss is not None:
            np.copyto(loss, (x[0] ** 4 - 16 * x[0] ** 2 + 5 * x[0]) / 2)
        np.copyto(gradient, 2 * x**3 - 16 * x + 2.5)
