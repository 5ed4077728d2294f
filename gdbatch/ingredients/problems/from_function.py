"""Makes a problem from a plain NumPy function of one parameter vector, one lane at a time.

It is slower than a problem that computes all lanes at once, but needs no gradient code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

_TINY = 1e-30  # its square is negligible beside 1, so the complex step has no rounding error

Vector = NDArray[Any]  # real, or complex under the complex step
Gradient = Callable[[Vector], ArrayLike]


class FunctionOfVector:
    """An object for a sweep with kind = "python"; see `python` for what that needs."""

    def __init__(
        self,
        function: Callable[[Vector], Any],
        parameters: Sequence[str],
        gradient: Gradient | Literal["complex_step", "central"],
    ) -> None:
        self.parameters = list(parameters)
        self._function = function
        methods: dict[str, Gradient] = {
            "complex_step": self._by_complex_step,
            "central": self._by_central_differences,
        }
        self._gradient = methods[gradient] if isinstance(gradient, str) else gradient

    def loss_and_gradient(self, parameters: Vector) -> tuple[Vector, Vector]:
        """Loss (lanes,) and gradient (parameters, lanes) at parameters (parameters, lanes)."""
        points = [np.array(column, np.float64) for column in parameters.T]
        losses = [_one_number(self._function(point.copy())) for point in points]
        gradients = [self._gradient(point) for point in points]
        return np.array(losses), np.array(gradients).T

    def _by_complex_step(self, point: Vector) -> list[float]:
        gradient = []
        for place in range(len(point)):
            moved = point.astype(np.complex128)
            moved[place] += 1j * _TINY
            gradient.append(np.imag(self._function(moved)) / _TINY)
        return gradient

    def _by_central_differences(self, point: Vector) -> list[float]:
        gradient = []
        for place, number in enumerate(point):
            step = np.cbrt(np.finfo(np.float64).eps) * max(1.0, abs(number))
            ahead, behind = point.copy(), point.copy()
            ahead[place] += step
            behind[place] -= step
            difference = self._function(ahead) - self._function(behind)
            gradient.append(difference / (2 * step))
        return gradient


def _one_number(result: Any) -> Any:
    """A result of the function; raises TypeError unless it is one number."""
    if result is None:
        raise TypeError("the function returns nothing; return one number, the loss")
    if np.ndim(result):
        shape = np.shape(result)
        raise TypeError(
            f"the function returns an array of shape {shape}; return one number: for one variable "
            "w[0]**2, not w**2; or a sum, such as (w**2).sum()"
        )
    return result


def from_function(
    function: Callable[[Vector], Any],
    parameters: Sequence[str],
    gradient: Gradient | Literal["complex_step", "central"] = "complex_step",
) -> FunctionOfVector:
    """A problem for a sweep with kind = "python", from a loss of one parameter vector.

    Parameters
    ----------
    function
        Takes n numbers as an array (n,) and returns one number.
    parameters
        The names of the n numbers.
    gradient
        A function that returns the gradient (n,), or the name of a method. "complex_step" is exact
        to rounding if the function consists of arithmetic and NumPy's sin, exp, …, without abs, max
        or comparisons. "central", for central differences, works for any function and is accurate
        to about 10 digits.

    Examples
    --------
    >>> problem = from_function(lambda w: (w[0] - 3) ** 2 + w[1] ** 2, ["x", "y"])
    >>> loss, gradient = problem.loss_and_gradient(np.array([[1.0], [2.0]]))
    >>> loss.tolist(), gradient.tolist()
    ([8.0], [[-4.0], [4.0]])
    """
    return FunctionOfVector(function, parameters, gradient)
