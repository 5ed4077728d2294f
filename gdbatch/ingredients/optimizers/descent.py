"""Optimizers that follow the gradient: plain, and with momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field

from ...catalogue import register
from ..options import LaneNumber
from .protocol import OptimizerOptions, Step


@register("optimizer", "gradient_descent")
class GradientDescent:
    """w ← w - η g (Cauchy 1847).

    `learning_rate` is η, `gradient` is g.
    """

    class Options(OptimizerOptions):
        kind: Literal["gradient_descent"]

    state = ()
    row_state = ()

    @staticmethod
    def update(step: Step) -> None:
        np.multiply(step.gradient, step.rate, step.gradient)
        np.subtract(step.parameters, step.gradient, step.parameters)

    @staticmethod
    def update_one(
        weight: Any, slope: Any, rate: Any, numbers: Mapping[str, Any], memory: dict[str, Any]
    ) -> Any:
        return weight - rate * slope


class _MomentumOptions(OptimizerOptions):
    momentum: LaneNumber = Field(0.9, ge=0, lt=1, description="β: what stays of the velocity.")


@register("optimizer", "momentum")
class Momentum:
    """Heavy ball: v ← β v + g, w ← w - η v (Polyak 1964).

    The convention is PyTorch's (torch.optim.SGD with `momentum`, no dampening): the velocity is
    a sum of gradients, and a change of η acts on all of it at once. The textbook has η inside,
    v ← β v - η g and w ← w + v, Polyak's w ← w - η g + β (w - w before): the same weights as long
    as η does not change. Where the gradient comes in as (1 - β) g, as in an average of gradients,
    η is 1/(1 - β) times this one's.
    Stable on a curvature λ where η λ < 2 (1 + β).
    """

    class Options(_MomentumOptions):
        kind: Literal["momentum"]

    state = ("velocity",)
    row_state = ()

    @staticmethod
    def update(step: Step) -> None:
        velocity = step.state["velocity"]
        np.multiply(velocity, step.numbers["momentum"], velocity)
        np.add(velocity, step.gradient, velocity)
        np.multiply(velocity, step.rate, step.work)
        np.subtract(step.parameters, step.work, step.parameters)

    @staticmethod
    def update_one(
        weight: Any, slope: Any, rate: Any, numbers: Mapping[str, Any], memory: dict[str, Any]
    ) -> Any:
        memory["velocity"] = numbers["momentum"] * memory.get("velocity", 0) + slope
        return weight - rate * memory["velocity"]
