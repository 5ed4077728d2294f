"""An optimizer: signum."""

from typing import Literal

import numpy as np
from pydantic import Field

from gdbatch.ingredients.optimizers.protocol import Hyperparameters as Numbers
from gdbatch.ingredients.optimizers.protocol import Optimizer, OptimizerOptions, State, Step
from gdbatch.ingredients.options import LaneNumber
from gdbatch.numerics.elementary import Scalar
from gdbatch.registry import register


@register("optimizer", "outside_signum")
class Signum(Optimizer):
    """v ← β v + g, w ← w - η sign(v) (Bernstein et al. 2018)."""

    state = ("velocity",)

    class Options(OptimizerOptions):
        kind: Literal["outside_signum"]
        beta: LaneNumber = Field(0.9, ge=0, lt=1, description="β: the share of v that stays.")

    @staticmethod
    def update(step: Step) -> None:
        velocity = step.state["velocity"]
        np.multiply(velocity, step.hyperparameters["beta"], velocity)
        np.add(velocity, step.gradient, velocity)
        np.sign(velocity, step.work)
        np.multiply(step.work, step.rate, step.work)
        np.subtract(step.parameters, step.work, step.parameters)

    @staticmethod
    def update_one(
        weight: Scalar, gradient: Scalar, rate: Scalar, hyperparameters: Numbers, state: State
    ) -> Scalar:
        state["velocity"] = hyperparameters["beta"] * state.get("velocity", 0.0) + gradient
        return weight - rate * np.sign(state["velocity"])
