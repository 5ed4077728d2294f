"""Interface of parametrizations: how multipliers, initial weights and learning rates scale.

Everything is relative to a base network, which differs only in its width: at the base width every
factor is exactly 1, and so every parametrization is the same there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

GradientPower = Literal[0, 1]  # see `Optimizer.gradient_power`


@dataclass(frozen=True)
class Growth:
    """The fans of an array of parameters, divided by those in the base network."""

    fan_in: float  # 1 for biases, whose fan-in is 1 at every width
    fan_out: float
    is_output: bool = False  # of the last layer


class Parametrization(ABC):
    """The factors of one array of parameters; used as a class."""

    scales: ClassVar[bool] = True  # whether any factor can differ from 1

    @staticmethod
    @abstractmethod
    def multiplier(growth: Growth) -> float:
        """The factor of weights wherever they are used; biases have none."""

    @staticmethod
    @abstractmethod
    def deviation(growth: Growth) -> float:
        """The factor of the standard deviation of initial weights."""

    @staticmethod
    @abstractmethod
    def rate(growth: Growth, power: GradientPower) -> float:
        """The factor of the learning rate of weights or biases.

        power: 1 for optimizers like gradient descent, 0 for those like Adam.
        """
