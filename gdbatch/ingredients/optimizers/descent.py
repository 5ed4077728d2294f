"""Optimizers that follow the gradient: plain, and with momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field

from ...registry import register
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
        weight: Any,
        slope: Any,
        rate: Any,
        hyperparameters: Mapping[str, Any],
        state: dict[str, Any],
    ) -> Any:
        return weight - rate * slope

    fused_hyperparameters = ()

    @staticmethod
    def fused(
        weight: Any, slope: Any, state: Any, shares: Any, hyperparameters: Any, rate: Any
    ) -> Any:
        return weight - rate * slope, state, shares


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
        np.multiply(velocity, step.hyperparameters["momentum"], velocity)
        np.add(velocity, step.gradient, velocity)
        np.multiply(velocity, step.rate, step.work)
        np.subtract(step.parameters, step.work, step.parameters)

    @staticmethod
    def update_one(
        weight: Any,
        slope: Any,
        rate: Any,
        hyperparameters: Mapping[str, Any],
        state: dict[str, Any],
    ) -> Any:
        state["velocity"] = hyperparameters["momentum"] * state.get("velocity", 0) + slope
        return weight - rate * state["velocity"]

    fused_hyperparameters = ("momentum",)

    @staticmethod
    def fused(
        weight: Any, slope: Any, state: Any, shares: Any, hyperparameters: Any, rate: Any
    ) -> Any:
        velocity = hyperparameters[0] * state[0] + slope
        return weight - rate * velocity, (velocity,), shares


@register("optimizer", "nesterov")
class Nesterov:
    """Nesterov's momentum: v ← β v + g, w ← w - η (g + β v) (Nesterov 1983; Sutskever 2013).

    As torch.optim.SGD with `nesterov`: the weights that are trained and evaluated are the points
    ahead, at which the textbook takes its gradients; its own weights are w + η β v.
    Stable on a curvature λ where η λ < (2 + 2 β)/(1 + 2 β).
    """

    class Options(_MomentumOptions):
        kind: Literal["nesterov"]

    state = ("velocity",)
    row_state = ()

    @staticmethod
    def update(step: Step) -> None:
        velocity, momentum = step.state["velocity"], step.hyperparameters["momentum"]
        np.multiply(velocity, momentum, velocity)
        np.add(velocity, step.gradient, velocity)
        np.multiply(velocity, momentum, step.work)
        np.add(step.work, step.gradient, step.work)
        np.multiply(step.work, step.rate, step.work)
        np.subtract(step.parameters, step.work, step.parameters)

    @staticmethod
    def update_one(
        weight: Any,
        slope: Any,
        rate: Any,
        hyperparameters: Mapping[str, Any],
        state: dict[str, Any],
    ) -> Any:
        momentum = hyperparameters["momentum"]
        state["velocity"] = momentum * state.get("velocity", 0) + slope
        return weight - rate * (slope + momentum * state["velocity"])

    fused_hyperparameters = ("momentum",)

    @staticmethod
    def fused(
        weight: Any, slope: Any, state: Any, shares: Any, hyperparameters: Any, rate: Any
    ) -> Any:
        velocity = hyperparameters[0] * state[0] + slope
        return weight - rate * (slope + hyperparameters[0] * velocity), (velocity,), shares


@register("optimizer", "signsgd")
class SignDescent:
    """w ← w - η sign(g), with sign(0) = 0 (Bernstein et al. 2018)."""

    class Options(OptimizerOptions):
        kind: Literal["signsgd"]

    state = ()
    row_state = ()

    @staticmethod
    def update(step: Step) -> None:
        np.sign(step.gradient, step.gradient)
        np.multiply(step.gradient, step.rate, step.gradient)
        np.subtract(step.parameters, step.gradient, step.parameters)

    @staticmethod
    def update_one(
        weight: Any,
        slope: Any,
        rate: Any,
        hyperparameters: Mapping[str, Any],
        state: dict[str, Any],
    ) -> Any:
        return weight - rate * np.sign(slope)


@register("optimizer", "lion")
class Lion:
    """w ← w - η sign(β₁ m + (1 - β₁) g), then m ← β₂ m + (1 - β₂) g (Chen et al. 2023).

    Weight decay is decoupled unless told otherwise, as in the source.
    """

    class Options(OptimizerOptions):
        kind: Literal["lion"]
        decoupled: bool = Field(
            True, description="Whether λ shrinks the weights instead: w becomes w - η λ w first."
        )
        beta1: LaneNumber = Field(0.9, ge=0, lt=1, description="β₁: share of m in the step.")
        beta2: LaneNumber = Field(0.99, ge=0, lt=1, description="β₂: what stays of m.")

    state = ("mean",)
    row_state = ()

    @staticmethod
    def update(step: Step) -> None:
        mean, gradient, new = step.state["mean"], step.gradient, step.work
        share = step.rows[0]
        np.subtract(gradient, mean, new)
        np.subtract(1.0, step.hyperparameters["beta1"], share)
        np.multiply(new, share, gradient)
        np.add(gradient, mean, gradient)
        np.sign(gradient, gradient)
        np.multiply(gradient, step.rate, gradient)
        np.subtract(step.parameters, gradient, step.parameters)
        np.subtract(1.0, step.hyperparameters["beta2"], share)
        np.multiply(new, share, new)
        np.add(mean, new, mean)

    @staticmethod
    def update_one(
        weight: Any,
        slope: Any,
        rate: Any,
        hyperparameters: Mapping[str, Any],
        state: dict[str, Any],
    ) -> Any:
        beta1, beta2, mean = (
            hyperparameters["beta1"],
            hyperparameters["beta2"],
            state.get("mean", 0),
        )
        state["mean"] = beta2 * mean + (1 - beta2) * slope
        return weight - rate * np.sign(beta1 * mean + (1 - beta1) * slope)
