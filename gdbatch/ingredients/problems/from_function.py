"""Makes a problem of a plain NumPy function of one parameter vector, lane by lane.

Slow beside a problem that works on all lanes at once, but there is no gradient to work out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

_TINY = 1e-30  # a step whose square is lost beside 1: the complex step has no rounding


class FunctionOfVector:
    """What `from_function` makes; the protocol is in `python`."""

    def __init__(
        self,
        function: Callable[[NDArray[Any]], Any],
        parameters: Sequence[str],
        gradient: Callable[[NDArray[Any]], Any] | Literal["complex_step", "central"],
    ) -> None:
        self.parameters = list(parameters)
        self._function = function
        slopes = {"complex_step": self._by_complex_step, "central": self._by_central_differences}
        self._gradient = slopes[gradient] if isinstance(gradient, str) else gradient

    def loss_and_gradient(self, parameters: NDArray[Any]) -> tuple[Any, Any]:
        """Loss (lanes,) and gradient (parameters, lanes) at parameters (parameters, lanes)."""
        points = [np.array(column, np.float64) for column in parameters.T]
        losses = [self._function(point.copy()) for point in points]
        gradients = [self._gradient(point) for point in points]
        return np.array(losses), np.array(gradients).T

    def _by_complex_step(self, point: NDArray[Any]) -> list[Any]:
        slopes = []
        for place in range(len(point)):
            moved = point.astype(np.complex128)
            moved[place] += 1j * _TINY
            slopes.append(np.imag(self._function(moved)) / _TINY)
        return slopes

    def _by_central_differences(self, point: NDArray[Any]) -> list[Any]:
        slopes = []
        for place, number in enumerate(point):
            step = np.cbrt(np.finfo(np.float64).eps) * max(1.0, abs(number))
            ahead, behind = point.copy(), point.copy()
            ahead[place] += step
            behind[place] -= step
            difference = self._function(ahead) - self._function(behind)
            slopes.append(difference / (2 * step))
        return slopes


def from_function(
    function: Callable[[NDArray[Any]], Any],
    parameters: Sequence[str],
    gradient: Callable[[NDArray[Any]], Any] | Literal["complex_step", "central"] = "complex_step",
) -> FunctionOfVector:
    """A problem for a sweep with kind = "python", from a loss of one parameter vector.

    function: takes (n,) numbers and returns one. parameters: their n names. gradient: a function
    that returns (n,) slopes; or "complex_step", exact to rounding where the function is made of
    arithmetic and NumPy's sin, exp, … but not abs, max or comparisons; or "central" differences,
    for any function, to some 10 digits.
    """
    return FunctionOfVector(function, parameters, gradient)
