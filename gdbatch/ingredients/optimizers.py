"""Optimizers: how a gradient becomes a step.

An entry declares the names of its state, one array of the parameters' shape each, and updates
state and parameters in place; its numbers are (lanes,) or whatever broadcasts to the parameters.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol

import numpy as np
from pydantic import Field

from ..catalogue import register
from .options import Floats, LaneNumber, Options


class OptimizerOptions(Options):
    """Options that all optimizers share."""

    kind: str
    learning_rate: LaneNumber = Field(gt=0, description="Step size η; usually an axis.")


class Optimizer(Protocol):
    """What the engine needs of an optimizer."""

    Options: ClassVar[type[OptimizerOptions]]
    state: ClassVar[tuple[str, ...]]

    @staticmethod
    def update(
        parameters: Floats, gradient: Floats, state: dict[str, Floats], numbers: dict[str, Floats]
    ) -> None:
        """One step, in place; `gradient` may be used up."""


@register("optimizer", "gradient_descent")
class GradientDescent:
    """w ← w - η g (Cauchy 1847).

    `learning_rate` is η, `gradient` is g.
    """

    class Options(OptimizerOptions):
        kind: Literal["gradient_descent"]

    state = ()

    @staticmethod
    def update(
        parameters: Floats, gradient: Floats, state: dict[str, Floats], numbers: dict[str, Floats]
    ) -> None:
        np.multiply(gradient, numbers["learning_rate"], gradient)
        np.subtract(parameters, gradient, parameters)
