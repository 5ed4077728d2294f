"""Optimizers that divide each slope by a size that they learn of it.

Where an equation has an average, m ← β m + (1 - β) g, corrected by 1/(1 - βᵗ), the arrays keep
sums instead: of g as β s + g, and of the shares as β c + 1, so that the corrected average is s/c.
That saves passes over the parameters, and c comes to rest where βᵗ would go on underflowing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field

from ...numerics.elementary import like, sqrt
from ...registry import register
from ..options import Floats, LaneNumber
from .protocol import OptimizerOptions, Step


@register("optimizer", "adagrad")
class AdaGrad:
    """s ← s + g², w ← w - η g/(√s + ε) (Duchi et al. 2011).

    Defaults as torch.optim.Adagrad's: ε = 1e-10, s from 0.
    """

    class Options(OptimizerOptions):
        kind: Literal["adagrad"]
        epsilon: LaneNumber = Field(1e-10, gt=0, description="ε: added to the root.")

    state = ("square",)
    row_state = ()

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
        weight: Any,
        slope: Any,
        rate: Any,
        hyperparameters: Mapping[str, Any],
        state: dict[str, Any],
    ) -> Any:
        state["square"] = state.get("square", 0) + slope**2
        return weight - rate * slope / (np.sqrt(state["square"]) + hyperparameters["epsilon"])


@register("optimizer", "rmsprop")
class RMSProp:
    """v ← ρ v + (1 - ρ) g², w ← w - η g/(√v + ε) (Tieleman and Hinton 2012).

    Defaults as torch.optim.RMSprop's: ρ = 0.99, ε = 1e-8; the lecture has ρ = 0.9.
    """

    class Options(OptimizerOptions):
        kind: Literal["rmsprop"]
        smoothing: LaneNumber = Field(0.99, ge=0, lt=1, description="ρ: what stays of v.")
        epsilon: LaneNumber = Field(1e-8, gt=0, description="ε: added to the root.")

    state = ("square",)
    row_state = ()

    @staticmethod
    def update(step: Step) -> None:
        share, floor = step.rows[:2]
        np.subtract(1.0, step.hyperparameters["smoothing"], share)
        np.sqrt(share, share)
        np.divide(step.hyperparameters["epsilon"], share, floor)
        _add_square(step, "smoothing", step.work)
        np.sqrt(step.state["square"], step.work)
        np.add(step.work, floor, step.work)
        np.divide(step.gradient, step.work, step.work)
        np.divide(step.rate, share, step.scaled_rate)
        np.multiply(step.work, step.scaled_rate, step.work)
        np.subtract(step.parameters, step.work, step.parameters)

    @staticmethod
    def update_one(
        weight: Any,
        slope: Any,
        rate: Any,
        hyperparameters: Mapping[str, Any],
        state: dict[str, Any],
    ) -> Any:
        smoothing = hyperparameters["smoothing"]
        state["square"] = smoothing * state.get("square", 0) + (1 - smoothing) * slope**2
        return weight - rate * slope / (np.sqrt(state["square"]) + hyperparameters["epsilon"])


class _AdamOptions(OptimizerOptions):
    beta1: LaneNumber = Field(0.9, ge=0, lt=1, description="β₁: what stays of m.")
    beta2: LaneNumber = Field(0.999, ge=0, lt=1, description="β₂: what stays of v.")
    epsilon: LaneNumber = Field(1e-8, gt=0, description="ε: added to the root.")


@register("optimizer", "adam")
class Adam:
    """Means of g and of g²: w ← w - η m̂/(√v̂ + ε) (Kingma and Ba 2015).

    m ← β₁ m + (1 - β₁) g and v ← β₂ v + (1 - β₂) g²; after t updates m̂ = m/(1 - β₁ᵗ) and
    v̂ = v/(1 - β₂ᵗ), so the first step is η sign(g).
    Defaults as in the source and torch.optim.Adam: β₁ = 0.9, β₂ = 0.999, ε = 1e-8.
    """

    class Options(_AdamOptions):
        kind: Literal["adam"]

    state: tuple[str, ...] = ("mean", "square")
    row_state = ("mean_share", "square_share")

    @staticmethod
    def update(step: Step) -> None:
        _add_mean(step)
        _add_square(step, "beta2", step.gradient)
        _adam_step(step, step.state["mean"], step.state["square"], step.gradient)

    @staticmethod
    def update_one(
        weight: Any,
        slope: Any,
        rate: Any,
        hyperparameters: Mapping[str, Any],
        state: dict[str, Any],
    ) -> Any:
        mean, square = _averages(slope, hyperparameters, state)
        updates = state["updates"]
        mean = mean / (1 - hyperparameters["beta1"] ** updates)
        square = square / (1 - hyperparameters["beta2"] ** updates)
        return weight - rate * mean / (np.sqrt(square) + hyperparameters["epsilon"])

    fused_hyperparameters = ("beta1", "beta2", "epsilon")

    @staticmethod
    def fused(
        weight: Any, slope: Any, state: Any, shares: Any, hyperparameters: Any, rate: Any
    ) -> Any:
        beta1, beta2, epsilon = hyperparameters
        one = like(weight, 1.0)
        mean_share, square_share = beta1 * shares[0] + one, beta2 * shares[1] + one
        mean, square = beta1 * state[0] + slope, beta2 * state[1] + slope * slope
        root = sqrt(square_share)
        change = rate * (root / mean_share) * (mean / (sqrt(square) + epsilon * root))
        return weight - change, (mean, square), (mean_share, square_share)


@register("optimizer", "adamw")
class AdamW(Adam):
    """Adam with decoupled weight decay: w ← w - η λ w, then Adam (Loshchilov and Hutter 2019).

    Defaults as torch.optim.AdamW's: λ = 0.01, the others Adam's.
    """

    class Options(_AdamOptions):
        kind: Literal["adamw"]
        weight_decay: LaneNumber = Field(0.01, ge=0, description="λ: how fast weights shrink.")
        decoupled: bool = Field(True, description="false: the gradient becomes g + λ w instead.")


@register("optimizer", "amsgrad")
class AMSGrad:
    """Adam with the largest v so far for v: its steps do not grow again (Reddi et al. 2018).

    As torch.optim.Adam with `amsgrad`: the largest is taken before the correction by 1 - β₂ᵗ,
    which the source does without.
    """

    class Options(_AdamOptions):
        kind: Literal["amsgrad"]

    state = ("mean", "square", "largest_square")
    row_state = ("mean_share", "square_share")

    @staticmethod
    def update(step: Step) -> None:
        largest = step.state["largest_square"]
        _add_mean(step)
        _add_square(step, "beta2", step.gradient)
        np.maximum(largest, step.state["square"], out=largest)
        _adam_step(step, step.state["mean"], largest, step.gradient)

    @staticmethod
    def update_one(
        weight: Any,
        slope: Any,
        rate: Any,
        hyperparameters: Mapping[str, Any],
        state: dict[str, Any],
    ) -> Any:
        mean, square = _averages(slope, hyperparameters, state)
        state["largest_square"] = max(state.get("largest_square", 0), square)
        updates = state["updates"]
        mean = mean / (1 - hyperparameters["beta1"] ** updates)
        square = state["largest_square"] / (1 - hyperparameters["beta2"] ** updates)
        return weight - rate * mean / (np.sqrt(square) + hyperparameters["epsilon"])


@register("optimizer", "nadam")
class NAdam:
    """Adam with Nesterov's look ahead: β₁ m/(1 - β₁ᵗ⁺¹) + (1 - β₁) g/(1 - β₁ᵗ) for m̂ (Dozat 2016).

    As optax.nadam, with a constant β₁; torch.optim.NAdam lets it grow with the steps.
    """

    class Options(_AdamOptions):
        kind: Literal["nadam"]

    state = ("mean", "square")
    row_state = ("mean_share", "square_share")

    @staticmethod
    def update(step: Step) -> None:
        _add_mean(step)
        stays, ahead, mean = *step.rows[:2], step.work
        # (g + s β₁ c/(β₁ c + 1))/c, with s the sum of gradients and c that of their shares
        np.multiply(step.state["mean_share"], step.hyperparameters["beta1"], stays)
        np.add(stays, 1.0, ahead)
        np.divide(stays, ahead, ahead)
        np.multiply(step.state["mean"], ahead, mean)
        np.add(mean, step.gradient, mean)
        _add_square(step, "beta2", step.gradient)
        _adam_step(step, mean, step.state["square"], step.gradient)

    @staticmethod
    def update_one(
        weight: Any,
        slope: Any,
        rate: Any,
        hyperparameters: Mapping[str, Any],
        state: dict[str, Any],
    ) -> Any:
        mean, square = _averages(slope, hyperparameters, state)
        beta1, updates = hyperparameters["beta1"], state["updates"]
        ahead = beta1 * mean / (1 - beta1 ** (updates + 1))
        ahead = ahead + (1 - beta1) * slope / (1 - beta1**updates)
        square = square / (1 - hyperparameters["beta2"] ** updates)
        return weight - rate * ahead / (np.sqrt(square) + hyperparameters["epsilon"])


def _add_mean(step: Step) -> None:
    """Add the gradient, and its share, to what stays of those before."""
    beta1, mean, share = step.hyperparameters["beta1"], step.state["mean"], step.state["mean_share"]
    np.multiply(mean, beta1, mean)
    np.add(mean, step.gradient, mean)
    np.multiply(share, beta1, share)
    np.add(share, 1.0, share)


def _add_square(step: Step, stays: str, work: Floats) -> None:
    """Add the gradient's square to what stays of those before; `work` may be the gradient."""
    square = step.state["square"]
    np.multiply(square, step.hyperparameters[stays], square)
    np.multiply(step.gradient, step.gradient, work)
    np.add(square, work, square)


def _adam_step(step: Step, mean: Floats, square: Floats, work: Floats) -> None:
    """w ← w - η (mean/c₁)/(√(square/c₂) + ε), with c the shares that are summed up."""
    root, floor = step.rows[:2]
    share = step.state["square_share"]
    np.multiply(share, step.hyperparameters["beta2"], share)
    np.add(share, 1.0, share)
    np.sqrt(share, root)
    np.multiply(root, step.hyperparameters["epsilon"], floor)
    np.divide(root, step.state["mean_share"], root)
    np.multiply(step.rate, root, step.scaled_rate)
    np.sqrt(square, work)
    np.add(work, floor, work)
    np.divide(mean, work, work)
    np.multiply(work, step.scaled_rate, work)
    np.subtract(step.parameters, work, step.parameters)


def _averages(
    slope: Any, hyperparameters: Mapping[str, Any], state: dict[str, Any]
) -> tuple[Any, Any]:
    """m and v of one weight after one more update."""
    beta1, beta2 = hyperparameters["beta1"], hyperparameters["beta2"]
    state["updates"] = state.get("updates", 0) + 1
    state["mean"] = beta1 * state.get("mean", 0) + (1 - beta1) * slope
    state["square"] = beta2 * state.get("square", 0) + (1 - beta2) * slope**2
    return state["mean"], state["square"]
