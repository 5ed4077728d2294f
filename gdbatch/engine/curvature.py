"""The Hessian of whatever is trained, by its products with directions, in float64.

A network has its own, exact to rounding. Of other problems it is the central difference of the
exact gradient: to some 10 digits of the gradient's own size where that is smooth.
"""

from __future__ import annotations

import numpy as np

from ..ingredients.problems.protocol import Evaluation, Problem
from ..numerics.lanczos import Hessian, Values
from .lane_state import LaneState

_FLOAT64 = np.dtype(np.float64)
_STEP = np.cbrt(np.finfo(_FLOAT64).eps)  # where the errors of rounding and of the third order meet


def hessian_at(problem: Problem, lanes: LaneState, parameters: Values) -> Hessian:
    """The Hessian in some lanes, at parameters (parameters, lanes) of their own."""
    return problem.hessian(parameters) or _DifferenceOfGradients(problem, lanes, parameters)


class _DifferenceOfGradients:
    def __init__(self, problem: Problem, lanes: LaneState, parameters: Values) -> None:
        self._parameters = parameters
        data = {name: one.astype(_FLOAT64) for name, one in lanes.part("data").items()}
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
