"""The softmax: probabilities of classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...numerics.elementary import Scalar
from ...registry import register
from ..options import Floats
from .arrays import ONE
from .protocol import CoupledActivation


@register("activation", "softmax")
class Softmax(CoupledActivation):
    """exp(s) over its sum over the outputs: probabilities, with the loss cross_entropy.

    With the largest sum m, the powers e = exp(s - m), and the sum r of all powers but one of those
    that are 1, the values are e/(1 + r): nothing overflows, and 1 - p of the largest is r/(1 + r),
    without cancellation. `residuals` are the powers, `shared` is m, r and 1 + r.
    """

    bounds = (0.0, 1.0)

    def values(self, sops: Sequence[Scalar]) -> list[Scalar]:
        """The probabilities of one sample."""
        powers, rest = powers_and_rest(sops)
        return [power / (1 + rest) for power in powers]

    def forward(self, sop: Floats, value: Floats, residuals: Floats, shared: Floats) -> None:
        """See `CoupledActivation`."""
        largest, rest, total = shared
        np.maximum.reduce(sop, axis=0, out=largest)
        np.subtract(sop, largest, residuals)
        np.exp(residuals, residuals)
        np.floor(residuals, value)  # 1 where the power is 1, else 0
        np.add.reduce(value, axis=0, out=total)
        np.subtract(total, ONE[sop.dtype.char], total)
        np.subtract(residuals, value, value)
        np.add.reduce(value, axis=0, out=rest)
        np.add(rest, total, rest)
        np.add(rest, ONE[sop.dtype.char], total)
        np.divide(residuals, total, value)

    def change(self, value: Floats, towards: Floats) -> Floats:
        """p (v - Σ p v)."""
        changed: Floats = value * (towards - np.sum(value * towards, axis=0))
        return changed


def powers_and_rest(sops: Sequence[Scalar]) -> tuple[list[Scalar], Scalar]:
    """exp(s - m) of one sample, and the sum of all but one of those that are 1."""
    largest = max(sops)
    powers = [np.exp(sop - largest) for sop in sops]
    zero = type(largest)(0)
    ties = sum((power for power in powers if power == 1), zero) - 1
    return powers, sum((power for power in powers if power != 1), zero) + ties
