"""The standard parametrization, the NTK's, and the maximal update parametrization."""

from __future__ import annotations

import math

from ...registry import register
from .protocol import GradientPower, Growth, Parametrization


@register("parametrization", "standard")
class Standard(Parametrization):
    """Initial weights as the initializer draws them, one learning rate for all parameters.

    The largest stable learning rate then falls as the width grows.
    """

    scales = False

    @staticmethod
    def multiplier(growth: Growth) -> float:
        return 1.0

    @staticmethod
    def deviation(growth: Growth) -> float:
        return 1.0

    @staticmethod
    def rate(growth: Growth, power: GradientPower) -> float:
        return 1.0


@register("parametrization", "ntk")
class NTK(Parametrization):
    """Weights times 1/√fan-in where they are used, initial variances fixed (Jacot et al. 2018).

    | | weights | biases |
    |---|---|---|
    | multiplier | 1/√fan-in | 1 |
    | initial variance | 1 | |
    | learning rate, like gradient descent | 1 | 1 |
    | learning rate, like Adam | 1/√(fan-in · fan-out) | 1/√fan-out |

    Fans are relative to the network of width `base_width`, and a bias has fan-in 1. An infinitely
    wide network trains as its linearization does and learns no features: sums of products of hidden
    layers change by 1/√width, outputs by order 1 (Jacot et al. 2018; Yang and Hu 2021). The rates
    for Adam, whose updates do not depend on the size of the gradient, scale as the gradient does
    under gradient descent, which gives the same limit (Yang and Littwin 2023).
    """

    @staticmethod
    def multiplier(growth: Growth) -> float:
        return 1 / math.sqrt(growth.fan_in)

    @staticmethod
    def deviation(growth: Growth) -> float:
        return 1.0

    @staticmethod
    def rate(growth: Growth, power: GradientPower) -> float:
        return 1.0 if power == 1 else 1 / math.sqrt(growth.fan_in * growth.fan_out)


@register("parametrization", "mup")
class MaximalUpdate(Parametrization):
    """Maximal update, μP: the best rate does not depend on the width (Yang et al. 2022).

    | | weights of inputs | hidden weights | weights of outputs | biases |
    |---|---|---|---|---|
    | multiplier | 1 | 1 | 1 | 1 |
    | initial variance | 1/fan-in | 1/fan-in | 1/fan-in² | |
    | learning rate, like gradient descent | fan-out | 1 | 1/fan-in | fan-out |
    | learning rate, like Adam | 1 | 1/fan-in | 1/fan-in | 1 |

    This is table 3 of Yang et al. (2022); their table 8 is the same training with a multiplier
    1/fan-in of the outputs. Fans are relative to the network of width `base_width`, and a bias
    counts as a weight of fan-in 1. At any width, an update changes the sums of products of every
    layer by order 1 (Yang and Hu 2021).
    """

    @staticmethod
    def multiplier(growth: Growth) -> float:
        return 1.0

    @staticmethod
    def deviation(growth: Growth) -> float:
        return 1 / (growth.fan_in if growth.is_output else math.sqrt(growth.fan_in))

    @staticmethod
    def rate(growth: Growth, power: GradientPower) -> float:
        return growth.fan_out**power / growth.fan_in
