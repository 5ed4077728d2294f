"""Hessian-vector products of any problem, in float64.

A problem may provide its own, exact to rounding. Otherwise they are central differences of the
gradient, accurate to about 10 digits relative to the gradient's size where that is smooth.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..ingredients.problems.protocol import Evaluation, Problem
from ..numerics.lanczos import Hessian, Values
from .lane_state import LaneState

_FLOAT64 = np.dtype(np.float64)
_STEP = np.cbrt(np.finfo(_FLOAT64).eps)  # balances rounding against the third-order error


def hessian_at(problem: Problem, lanes: LaneState, parameters: Values) -> Hessian:
    """The Hessian of each lane at the given parameters (parameters, lanes)."""
    data = {name: one.astype(_FLOAT64) for name, one in lanes.part("data").items()}
    exact = problem.hessian(parameters, data)
    return exact or _DifferenceOfGradients(problem, lanes, parameters, data)


class _DifferenceOfGradients:
    def __init__(
        self, problem: Problem, lanes: LaneState, parameters: Values, data: Mapping[str, Values]
    ) -> None:
        self._parameters = parameters
        self._moved = np.empty_like(parameters)
        self._gradient = np.empty_like(parameters)
        evaluator, out = problem.evaluator(len(lanes), _FLOAT64), Evaluation(self._gradient)
        self._evaluate = evaluator.prepare(self._moved, data, lanes["step"].copy(), out)

    def product(self, direction: Values) -> Values:
        """The Hessian times a direction, both (parameters, lanes)."""
        longest = np.abs(direction).max(axis=0)
        size = np.maximum(1.0, np.abs(self._parameters).max(axis=0))
        step = _STEP * size / np.where(longest > 0, longest, 1.0)
        difference = self._gradient_at(self._parameters + step * direction)
        difference -= self._gradient_at(self._parameters - step * direction)
        np.divide(difference, 2 * step, difference)
        return difference

    def _gradient_at(self, parameters: Values) -> Values:
        self._moved[:] = parameters
        self._evaluate()
        return self._gradient.copy()
