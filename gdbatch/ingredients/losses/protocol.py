"""Interface of losses."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar, Protocol

from ...numerics.elementary import Scalar
from ..activations.protocol import Activation
from ..options import Floats


class FusedLoss(Protocol):
    """The term of one prediction, for the fused engine.

    It has no branches, and uses the functions in `numerics.elementary` and constants from `like`.
    """

    def __call__(self, prediction: Scalar, sop: Scalar, target: Scalar, /) -> Scalar: ...


class Loss(ABC):
    """A loss of predictions p and targets t; used as a class.

    It is `scale` × the sum of a term for every prediction. Its gradient must be `factor` × (p - t),
    with respect to p or, with an `output_activation`, to the outputs' sums of products (sop).
    """

    # the output activation that the loss requires, whose derivative cancels in the gradient; None:
    # any
    output_activation: ClassVar[type[Activation] | None] = None
    target_range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)  # allowed targets
    fused: ClassVar[FusedLoss | None] = None  # None: not available in the fused engine

    @staticmethod
    @abstractmethod
    def term(prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        """The loss of one prediction, before `scale`."""

    @staticmethod
    @abstractmethod
    def scale(count: int) -> float:
        """The factor of the sum of `count` terms (samples × outputs)."""

    @staticmethod
    @abstractmethod
    def factor(count: int) -> float:
        """The factor of p - t in the gradient."""

    @staticmethod
    @abstractmethod
    def terms(difference: Floats, sop: Floats, targets: Floats, out: Floats, work: Floats) -> None:
        """Fill `out` with the term of every prediction, without allocating memory.

        `difference` (p - t), `sop`, `out` and `work` have one shape, to which `targets` broadcasts.
        """

    @staticmethod
    def bound(lowest: float, highest: float, target: float) -> float:
        """An upper bound of a term for predictions from `lowest` to `highest`."""
        return math.inf
