"""The factors that a parametrization gives the parameters of one network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..parametrizations.protocol import GradientPower, Growth, Parametrization
from .parameters import ParameterArray


@dataclass(frozen=True)
class Scaling:
    """A network's arrays beside those of the network of base width, in the same order."""

    rule: type[Parametrization]
    arrays: Sequence[ParameterArray]
    base: Sequence[ParameterArray]

    def multipliers(self) -> tuple[float, ...]:
        """A factor per layer of its weights wherever they are used."""
        return tuple(
            self.rule.multiplier(growth)
            for growth, one in zip(self._growths(), self.arrays, strict=True)
            if not one.is_bias
        )

    def deviations(self) -> list[tuple[float, ParameterArray]]:
        """A factor per layer of its initial weights, and its weights in the base network."""
        return [
            (self.rule.deviation(growth), one)
            for growth, one in zip(self._growths(), self.base, strict=True)
            if not one.is_bias
        ]

    def rate_factors(self, power: GradientPower) -> NDArray[np.float64] | None:
        """The factor of each parameter's learning rate, (parameters,); None if all are 1."""
        factors = [self.rule.rate(growth, power) for growth in self._growths()]
        if all(factor == 1 for factor in factors):
            return None
        return np.repeat(factors, [one.size for one in self.arrays])

    def _growths(self) -> list[Growth]:
        layers = sum(not one.is_bias for one in self.arrays)
        growths, layer = [], 0
        for one, base in zip(self.arrays, self.base, strict=True):
            layer += not one.is_bias
            fans, base_fans = ((1, *one.shape)[-2:], (1, *base.shape)[-2:])
            growths.append(Growth(fans[0] / base_fans[0], fans[1] / base_fans[1], layer == layers))
        return growths
