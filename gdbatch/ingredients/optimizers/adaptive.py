"""Optimizers with a separate scale per parameter: AdaGrad, RMSprop and the Adam family.

Where an equation has an average, m ← β m + (1 - β) g, with the bias correction 1/(1 - βᵗ), the
arrays hold the sums s ← β s + g and c ← β c + 1 instead, so that the corrected average is s/c. This
saves passes over the parameters, and c reaches a fixed point, whereas βᵗ would underflow.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from ...numerics.elementary import Scalar, like, sqrt
from ...registry import register
from ..options import Floats, LaneNumber
from .protocol import (
    Hyperparameters,
    Optimizer,
    OptimizerOptions,
    Scalars,
    State,
    Step,
)


@register("optimizer", "adagrad")
class AdaGrad(Optimizer):
    """s ← s + g², w ← w - η g/(√s + ε) (Duchi et al. 2011).

    The defaults are those of torch.optim.Adagrad: ε = 1e-10, and s is 0 at the start.
    """

    gradient_power = 0

    class Options(OptimizerOptions):
        kind: Literal["adagrad"]
        epsilon: LaneNumber = Field(1e-10, gt=0, description="ε: added to the square root.")

    state = ("square",)

    @staticmethod
    def update(step: Step) -> None:
        square, work = step.state["square"], step.work
        np.multiply(step.gradient, step.gradient, work)
        np.add(square, work, square)
        np.sqrt(square, work)
        np.add(work, step.hyperparameters["epsilon"], work)
        np.divide(step.gradient, work, work)
        np.multiply(work, step.rate, work)
        np.subtract(step.parameters, work, step.parameters)

    @staticmethod
    def update_one(
        weight: Scalar,
        gradient: Scalar,
        rate: Scalar,
        hyperparameters: Hyperparameters,
        state: State,
    ) -> Scalar:
        state["square"] = state.get("square", 0) + gradient**2
        return weight - rate * gradient / (np.sqrt(state["square"]) + hyperparameters["epsilon"])


@register("optimizer", "rmsprop")
class RMSProp(Optimizer):
    """v ← ρ v + (1 - ρ) g², w ← w - η g/(√v + ε) (Tieleman and Hinton 2012).

    The defaults are those of torch.optim.RMSprop: ρ = 0.99 (0.9 in the lecture), ε = 1e-8.
    """

    gradient_power = 0

    class Options(OptimizerOptions):
        kind: Literal["rmsprop"]
        smoothing: LaneNumber = Field(0.99, ge=0, lt=1, description="ρ: the decay of v.")
        epsilon: LaneNumber = Field(1e-8, gt=0, description="ε: added to the square root.")

    state = ("square",)

    @staticmethod
    def update(step: Step) -> None:
        scale, floor = step.rows[:2]
        np.subtract(1.0, step.hyperparameters["smoothing"], scale)
        np.sqrt(scale, scale)
        np.divide(step.hyperparameters["epsilon"], scale, floor)
        _add_square(step, "smoothing", step.work)
        np.sqrt(step.state["square"], step.work)
        np.add(step.work, floor, step.work)
        np.divide(step.gradient, step.work, step.work)
        np.divide(step.rate, scale, step.scaled_rate)
        np.multiply(step.work, step.scaled_rate, step.work)
        np.subtract(step.parameters, step.work, step.parameters)

    @staticmethod
    def update_one(
        weight: Scalar,
        gradient: Scalar,
        rate: Scalar,
        hyperparameters: Hyperparameters,
        state: State,
    ) -> Scalar:
        smoothing = hyperparameters["smoothing"]
        state["square"] = smoothing * state.get("square", 0) + (1 - smoothing) * gradient**2
        return weight - rate * gradient / (np.sqrt(state["square"]) + hyperparameters["epsilon"])


class _AdamOptions(OptimizerOptions):
    beta1: LaneNumber = Field(0.9, ge=0, lt=1, description="β₁: the decay of m.")
    beta2: LaneNumber = Field(0.999, ge=0, lt=1, description="β₂: the decay of v.")
    epsilon: LaneNumber = Field(1e-8, gt=0, description="ε: added to the square root.")


@register("optimizer", "adam")
class Adam(Optimizer):
    """w ← w - η m̂/(√v̂ + ε), with averages m of g and v of g² (Kingma and Ba 2015).

    m ← β₁ m + (1 - β₁) g and v ← β₂ v + (1 - β₂) g²; after t updates m̂ = m/(1 - β₁ᵗ) and
    v̂ = v/(1 - β₂ᵗ), so the first step is η sign(g).
    The defaults are those of the source and torch.optim.Adam: β₁ = 0.9, β₂ = 0.999, ε = 1e-8.
    """

    gradient_power = 0

    class Options(_AdamOptions):
        kind: Literal["adam"]

    state = ("mean", "square")
    row_state = ("mean_weight", "square_weight")
    numerator = "mean"

    @staticmethod
    def update(step: Step) -> None:
        _add_mean(step)
        _add_square(step, "beta2", step.gradient)
        _adam_step(step, step.state["mean"], step.state["square"], step.gradient)

    @staticmethod
    def update_one(
        weight: Scalar,
        gradient: Scalar,
        rate: Scalar,
        hyperparameters: Hyperparameters,
        state: State,
    ) -> Scalar:
        mean, square = _averages(gradient, hyperparameters, state)
        mean, square = mean / state["mean_weight"], square / state["square_weight"]
        return weight - rate * mean / (np.sqrt(square) + hyperparameters["epsilon"])

    fused_hyperparameters = ("beta1", "beta2", "epsilon")

    @staticmethod
    def fused(
        weight: Scalar,
        gradient: Scalar,
        state: Scalars,
        row_state: Scalars,
        hyperparameters: Scalars,
        rate: Scalar,
    ) -> tuple[Scalar, Scalars, Scalars]:
        beta1, beta2, epsilon = hyperparameters
        one = like(weight, 1.0)
        mean_weight, square_weight = beta1 * row_state[0] + one, beta2 * row_state[1] + one
        mean, square = beta1 * state[0] + gradient, beta2 * state[1] + gradient * gradient
        root = sqrt(square_weight)
        change = rate * (root / mean_weight) * (mean / (sqrt(square) + epsilon * root))
        return weight - change, (mean, square), (mean_weight, square_weight)


@register("optimizer", "adamw")
class AdamW(Adam):
    """Adam with decoupled weight decay: w ← w - η λ w, then Adam (Loshchilov and Hutter 2019).

    The defaults are those of torch.optim.AdamW: λ = 0.01, otherwise those of Adam.
    """

    class Options(_AdamOptions):
        kind: Literal["adamw"]
        weight_decay: LaneNumber = Field(0.01, ge=0, description="λ: the strength of weight decay.")
        decoupled: bool = Field(True, description="false: the gradient is g + λ w instead.")


@register("optimizer", "amsgrad")
class AMSGrad(Optimizer):
    """Adam with the largest v so far in place of v (Reddi et al. 2018).

    As in torch.optim.Adam with `amsgrad`, the maximum is taken before the bias correction, which
    the source does not have.
    """

    gradient_power = 0

    class Options(_AdamOptions):
        kind: Literal["amsgrad"]

    state = ("mean", "square", "largest_square")
    row_state = ("mean_weight", "square_weight")
    numerator = "mean"

    @staticmethod
    def update(step: Step) -> None:
        largest = step.state["largest_square"]
        _add_mean(step)
        _add_square(step, "beta2", step.gradient)
        np.maximum(largest, step.state["square"], out=largest)
        _adam_step(step, step.state["mean"], largest, step.gradient)

    @staticmethod
    def update_one(
        weight: Scalar,
        gradient: Scalar,
        rate: Scalar,
        hyperparameters: Hyperparameters,
        state: State,
    ) -> Scalar:
        mean, square = _averages(gradient, hyperparameters, state)
        state["largest_square"] = max(state.get("largest_square", 0), square)
        mean = mean / state["mean_weight"]
        square = state["largest_square"] / state["square_weight"]
        return weight - rate * mean / (np.sqrt(square) + hyperparameters["epsilon"])


@register("optimizer", "nadam")
class NAdam(Optimizer):
    """Adam with Nesterov momentum: m̂ = β₁ m/(1 - β₁ᵗ⁺¹) + (1 - β₁) g/(1 - β₁ᵗ) (Dozat 2016).

    As in optax.nadam, β₁ is constant; in torch.optim.NAdam it grows with the steps.
    """

    gradient_power = 0

    class Options(_AdamOptions):
        kind: Literal["nadam"]

    state = ("mean", "square")
    row_state = ("mean_weight", "square_weight")
    numerator = "mean"

    @staticmethod
    def update(step: Step) -> None:
        _add_mean(step)
        decayed, ahead, mean = *step.rows[:2], step.work
        # (g + s β₁ c/(β₁ c + 1))/c, with s the sum of gradients and c that of their weights
        np.multiply(step.state["mean_weight"], step.hyperparameters["beta1"], decayed)
        np.add(decayed, 1.0, ahead)
        np.divide(decayed, ahead, ahead)
        np.multiply(step.state["mean"], ahead, mean)
        np.add(mean, step.gradient, mean)
        _add_square(step, "beta2", step.gradient)
        _adam_step(step, mean, step.state["square"], step.gradient)

    @staticmethod
    def update_one(
        weight: Scalar,
        gradient: Scalar,
        rate: Scalar,
        hyperparameters: Hyperparameters,
        state: State,
    ) -> Scalar:
        mean, square = _averages(gradient, hyperparameters, state)
        beta1, updates = hyperparameters["beta1"], state["updates"]
        ahead = beta1 * mean / (1 - beta1 ** (updates + 1))
        ahead = ahead + (1 - beta1) * gradient / state["mean_weight"]
        square = square / state["square_weight"]
        return weight - rate * ahead / (np.sqrt(square) + hyperparameters["epsilon"])


def _add_mean(step: Step) -> None:
    """s ← β₁ s + g and c ← β₁ c + 1."""
    beta1, mean, weight = (
        step.hyperparameters["beta1"],
        step.state["mean"],
        step.state["mean_weight"],
    )
    np.multiply(mean, beta1, mean)
    np.add(mean, step.gradient, mean)
    np.multiply(weight, beta1, weight)
    np.add(weight, 1.0, weight)


def _add_square(step: Step, decay: str, work: Floats) -> None:
    """s ← β s + g², with β the hyperparameter named; `work` may be the gradient."""
    square = step.state["square"]
    np.multiply(square, step.hyperparameters[decay], square)
    np.multiply(step.gradient, step.gradient, work)
    np.add(square, work, square)


def _adam_step(step: Step, mean: Floats, square: Floats, work: Floats) -> None:
    """w ← w - η (mean/c₁)/(√(square/c₂) + ε), after c₂ ← β₂ c₂ + 1."""
    root, floor = step.rows[:2]
    weight = step.state["square_weight"]
    np.multiply(weight, step.hyperparameters["beta2"], weight)
    np.add(weight, 1.0, weight)
    np.sqrt(weight, root)
    np.multiply(root, step.hyperparameters["epsilon"], floor)
    np.divide(root, step.state["mean_weight"], root)
    np.multiply(step.rate, root, step.scaled_rate)
    np.sqrt(square, work)
    np.add(work, floor, work)
    np.divide(mean, work, work)
    np.multiply(work, step.scaled_rate, work)
    np.subtract(step.parameters, work, step.parameters)


def _averages(
    gradient: Scalar, hyperparameters: Hyperparameters, state: State
) -> tuple[Scalar, Scalar]:
    """m and v of one weight, before the bias correction."""
    beta1, beta2 = hyperparameters["beta1"], hyperparameters["beta2"]
    state["updates"] = updates = state.get("updates", 0) + 1
    state["mean_weight"], state["square_weight"] = 1 - beta1**updates, 1 - beta2**updates
    state["mean"] = beta1 * state.get("mean", 0) + (1 - beta1) * gradient
    state["square"] = beta2 * state.get("square", 0) + (1 - beta2) * gradient**2
    return state["mean"], state["square"]
