"""What the engine and the reference trainer need of a loss."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

from ..options import Floats


class Loss(Protocol):
    """What the engine needs of a loss.

    The gradient of every loss here is `factor` × (prediction - target): with respect to the
    prediction, or, when `through_sigmoid`, to the sum of products of a sigmoid output, whose
    slope then cancels.
    """

    through_sigmoid: ClassVar[bool]

    @staticmethod
    def term(prediction: Any, sop: Any, target: Any) -> Any:
        """The loss of one prediction (NumPy scalars), before `scale`."""

    @staticmethod
    def fused(prediction: Any, sop: Any, target: Any) -> Any:
        """The same for compiled kernels, of numbers of one type."""

    @staticmethod
    def scale(count: int) -> float:
        """What the sum of `count` terms (samples × outputs) is multiplied by."""

    @staticmethod
    def factor(count: int) -> float:
        """What (prediction - target) is multiplied by in the gradient."""

    @staticmethod
    def terms(difference: Floats, sop: Floats, targets: Floats, out: Floats, work: Floats) -> None:
        """Fill `out` with the loss of every prediction, before `scale`.

        `difference` = prediction - target, `sop`, `out` and `work` are of one shape, to which
        `targets` broadcasts.
        """

    @staticmethod
    def bound(lowest: float, highest: float, target: float) -> float:
        """The largest term possible with predictions between lowest and highest."""
