"""Evaluators that settle once which arrays they read and fill, as calls ready to be made.

On small problems, finding the arrays anew at every step would cost as much as the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from ..options import Floats
from .protocol import Evaluation

Call = Callable[[], object]


class PreparedEvaluator:
    """An evaluator of a problem without lane data that does not look at `step`."""

    def __init__(self) -> None:
        self._prepared: dict[tuple[int, int], tuple[Floats, Evaluation, list[Call]]] = {}

    def evaluate(
        self,
        parameters: Floats,
        lane_data: Mapping[str, Floats],
        step: NDArray[np.int64],
        out: Evaluation,
    ) -> None:
        """Fill `out` for all lanes, by the calls prepared for these arrays."""
        key = id(parameters), id(out)
        if key not in self._prepared:  # which keeps both alive, so that no other takes their place
            self._prepared[key] = parameters, out, self.prepare(parameters, out)
        for call in self._prepared[key][2]:
            call()

    def prepare(self, parameters: Floats, out: Evaluation) -> list[Call]:
        """The calls that fill `out` from `parameters`, whatever numbers stand there then."""
        raise TypeError("an evaluator prepares its calls")
