"""A form of an axis: repeated halving."""

import numpy as np
from pydantic import Field

from gdbatch.registry import register
from gdbatch.sweep_file.forms import AxisForm, Draw, Index, Numbers


@register("axis_form", "outside_halvings")
class Halvings(AxisForm):
    """`{ outside_halvings = n, first = a }`: a, a/2, a/4, …, n values."""

    is_monotone = True
    outside_halvings: int = Field(ge=1, le=1000, description="Number of values.")
    first: float = Field(1.0, gt=0, description="First value.")

    @property
    def size(self) -> int:
        return self.outside_halvings

    def values(self, index: Index, draw: Draw) -> Numbers:
        return np.ldexp(self.first, -index)
