"""Optimizers without a separate scale per parameter: gradient descent, momentum, signs."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from ...numerics.elementary import Scalar
from ...registry import register
from ..options import LaneNumber
from .protocol import (
    Hyperparameters,
    Optimizer,
    OptimizerOptions,
    Scalars,
    State,
    Step,
)


@register("optimizer", "gradient_descent")
class GradientDescent(Optimizer):
    """w ← w - η g (Cauchy 1847).

    η is the learning rate, g the gradient.
    """

    aliases = ("sgd", "gd")
    gradient_power = 1

    class Options(OptimizerOptions):
        kind: Literal["gradient_descent"]

    @staticmethod
    def update(step: Step) -> None:
        np.multiply(step.gradient, step.rate, step.gradient)
        np.subtract(step.parameters, step.gradient, step.parameters)

    @staticmethod
    def update_one(
        weight: Scalar,
        gradient: Scalar,
        rate: Scalar,
        hyperparameters: Hyperparameters,
        state: State,
    ) -> Scalar:
        return weight - rate * gradient

    @staticmethod
    def fused(
        weight: Scalar,
        gradient: Scalar,
        state: Scalars,
        row_state: Scalars,
        hyperparameters: Scalars,
        rate: Scalar,
    ) -> tuple[Scalar, Scalars, Scalars]:
        return weight - rate * gradient, state, row_state


class _MomentumOptions(OptimizerOptions):
    momentum: LaneNumber = Field(0.9, ge=0, lt=1, description="β: the decay of the velocity.")


@register("optimizer", "momentum")
class Momentum(Optimizer):
    """Heavy ball: v ← β v + g, w ← w - η v (Polyak 1964).

    The convention is that of torch.optim.SGD with `momentum` and no dampening: the velocity is a
    sum of gradients, and a change of η acts on all of it at once. The textbook's v ← β v - η g,
    w ← w + v and Polyak's w ← w - η g + β (w - w before) give the same weights as long as η is
    constant. If the gradient enters as (1 - β) g, as in an average, η is 1/(1 - β) times as large.
    Stable on a curvature λ if η λ < 2 (1 + β).
    """

    aliases = ("heavy_ball", "sgd_momentum")
    gradient_power = 1

    class Options(_MomentumOptions):
        kind: Literal["momentum"]

    state = ("velocity",)

    @staticmethod
    def update(step: Step) -> None:
        velocity = step.state["velocity"]
        np.multiply(velocity, step.hyperparameters["momentum"], velocity)
        np.add(velocity, step.gradient, velocity)
        np.multiply(velocity, step.rate, step.work)
        np.subtract(step.parameters, step.work, step.parameters)

    @staticmethod
    def update_one(
        weight: Scalar,
        gradient: Scalar,
        rate: Scalar,
        hyperparameters: Hyperparameters,
        state: State,
    ) -> Scalar:
        state["velocity"] = hyperparameters["momentum"] * state.get("velocity", 0) + gradient
        return weight - rate * state["velocity"]

    fused_hyperparameters = ("momentum",)

    @staticmethod
    def fused(
        weight: Scalar,
        gradient: Scalar,
        state: Scalars,
        row_state: Scalars,
        hyperparameters: Scalars,
        rate: Scalar,
    ) -> tuple[Scalar, Scalars, Scalars]:
        velocity = hyperparameters[0] * state[0] + gradient
        return weight - rate * velocity, (velocity,), row_state


@register("optimizer", "nesterov")
class Nesterov(Optimizer):
    """Nesterov's momentum: v ← β v + g, w ← w - η (g + β v) (Nesterov 1983; Sutskever 2013).

    As in torch.optim.SGD with `nesterov`, the weights are the look-ahead points at which the
    textbook evaluates its gradients; the textbook's own weights are w + η β v.
    Stable on a curvature λ if η λ < (2 + 2 β)/(1 + 2 β).
    """

    aliases = ("nag",)
    gradient_power = 1

    class Options(_MomentumOptions):
        kind: Literal["nesterov"]

    state = ("velocity",)

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
        weight: Scalar,
        gradient: Scalar,
        rate: Scalar,
        hyperparameters: Hyperparameters,
        state: State,
    ) -> Scalar:
        momentum = hyperparameters["momentum"]
        state["velocity"] = momentum * state.get("velocity", 0) + gradient
        return weight - rate * (gradient + momentum * state["velocity"])

    fused_hyperparameters = ("momentum",)

    @staticmethod
    def fused(
        weight: Scalar,
        gradient: Scalar,
        state: Scalars,
        row_state: Scalars,
        hyperparameters: Scalars,
        rate: Scalar,
    ) -> tuple[Scalar, Scalars, Scalars]:
        velocity = hyperparameters[0] * state[0] + gradient
        return weight - rate * (gradient + hyperparameters[0] * velocity), (velocity,), row_state


@register("optimizer", "signsgd")
class SignDescent(Optimizer):
    """w ← w - η sign(g), with sign(0) = 0 (Bernstein et al. 2018)."""

    aliases = ("sign_descent", "sign_sgd")
    gradient_power = 0

    class Options(OptimizerOptions):
        kind: Literal["signsgd"]

    @staticmethod
    def update(step: Step) -> None:
        np.sign(step.gradient, step.gradient)
        np.multiply(step.gradient, step.rate, step.gradient)
        np.subtract(step.parameters, step.gradient, step.parameters)

    @staticmethod
    def update_one(
        weight: Scalar,
        gradient: Scalar,
        rate: Scalar,
        hyperparameters: Hyperparameters,
        state: State,
    ) -> Scalar:
        return weight - rate * np.sign(gradient)


@register("optimizer", "lion")
class Lion(Optimizer):
    """w ← w - η sign(β₁ m + (1 - β₁) g), then m ← β₂ m + (1 - β₂) g (Chen et al. 2023).

    Weight decay is decoupled by default, as in the source.
    """

    gradient_power = 0

    class Options(OptimizerOptions):
        kind: Literal["lion"]
        decoupled: bool = Field(
            True, description="true: weight decay is w ← w - η λ w; false: the gradient is g + λ w."
        )
        beta1: LaneNumber = Field(0.9, ge=0, lt=1, description="β₁: the weight of m in the step.")
        beta2: LaneNumber = Field(0.99, ge=0, lt=1, description="β₂: the decay of m.")

    state = ("mean",)

    @staticmethod
    def update(step: Step) -> None:
        mean, gradient, new = step.state["mean"], step.gradient, step.work
        rest = step.rows[0]
        np.subtract(gradient, mean, new)
        np.subtract(1.0, step.hyperparameters["beta1"], rest)
        np.multiply(new, rest, gradient)
        np.add(gradient, mean, gradient)
        np.sign(gradient, gradient)
        np.multiply(gradient, step.rate, gradient)
        np.subtract(step.parameters, gradient, step.parameters)
        np.subtract(1.0, step.hyperparameters["beta2"], rest)
        np.multiply(new, rest, new)
        np.add(mean, new, mean)

    @staticmethod
    def update_one(
        weight: Scalar,
        gradient: Scalar,
        rate: Scalar,
        hyperparameters: Hyperparameters,
        state: State,
    ) -> Scalar:
        beta1, beta2, mean = (
            hyperparameters["beta1"],
            hyperparameters["beta2"],
            state.get("mean", 0),
        )
        state["mean"] = beta2 * mean + (1 - beta2) * gradient
        return weight - rate * np.sign(beta1 * mean + (1 - beta1) * gradient)
