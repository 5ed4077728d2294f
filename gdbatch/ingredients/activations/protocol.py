"""What the engine and the reference trainer need of an activation."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

from ..options import Floats


class Activation(Protocol):
    """What the engine needs of an activation.

    The array forms work on arrays of any one shape, in place, and allocate nothing. `memory` is
    handed from `forward` to `backward` untouched, so work done once need not be done twice.
    """

    bounds: ClassVar[tuple[float, float]]
    reads_sop: ClassVar[bool]  # `backward` does; else `value` may be the same array

    @staticmethod
    def value(sop: Any) -> Any:
        """The activation of one sum of products (a NumPy scalar), by IEEE rules."""

    @staticmethod
    def slope(sop: Any) -> Any:
        """The derivative of `value` at one sum of products (a NumPy scalar)."""

    @staticmethod
    def inverse(value: float) -> float:
        """The sum of products that gives `value`; NaN when there is none."""

    @staticmethod
    def fused(sop: Any) -> tuple[Any, Any]:
        """Value and slope of one number, without branches, for compiled kernels.

        `exp` and `tanh` are those of `elementary`, and constants have the type of `sop`.
        """

    @staticmethod
    def forward(sop: Floats, value: Floats, residuals: Floats) -> None:
        """Fill `value` and `memory` from `sop`."""

    @staticmethod
    def backward(delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        """Multiply `delta` by the slope; `value` and `memory` may be used up."""

    @staticmethod
    def second_derivative(sop: Floats) -> Floats:
        """The second derivative of `value`; outside the step loop, so it may allocate."""
