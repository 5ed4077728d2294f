"""The updates of a block: what all optimizers share, then the optimizer's own rule.

In this order: the schedule's rate, clipping by value, clipping by norm, l1, weight decay, rule.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..ingredients.optimizers.protocol import Step
from ..ingredients.options import Floats
from ..numerics.buffers import new_buffer
from .lane_state import LaneState
from .task import Task

_ROWS = 2  # scratch rows, one number per lane each


class Updates:
    """Updates of a block's lanes, from the gradient in its buffer."""

    def __init__(self, task: Task, lanes: LaneState, gradient: Floats) -> None:
        self._task = task
        parameters, width = lanes["parameters"], len(lanes)
        dtype = parameters.dtype
        hyperparameters = task.constants("number") | lanes.part("number")
        self._learning_rate = rate = hyperparameters["learning_rate"]
        shape = np.broadcast_shapes(rate.shape, (1, width))
        self._calls: list[Callable[[], None]] = []
        if task.rate_varies:
            rate = new_buffer(shape, dtype)
            self._schedule = task.schedule
            self._schedule_hyperparameters = task.constants("schedule") | lanes.part("schedule")
            self._steps = lanes["step"]
            self._now, self._after_warm_up, self._factor = (
                new_buffer(width, np.float64) for _ in range(3)
            )
            self._calls.append(self._set_rate)
        self._step = Step(
            parameters,
            gradient,
            lanes.part("state"),
            hyperparameters,
            rate,
            new_buffer(parameters.shape, dtype),
            new_buffer(shape, dtype),
            tuple(new_buffer((1, width), dtype) for _ in range(_ROWS)),
        )
        if "clip_value" in hyperparameters:
            self._calls.append(self._clip_values)
        if "clip_norm" in hyperparameters:
            self._calls.append(self._clip_norm)
        self._decayed: Floats | None = None  # 1 for parameters that decay, else 0; None: all do
        if task.decayed == "weights" and task.problem.is_bias.any():
            self._decayed = (~task.problem.is_bias)[:, None].astype(dtype)
        if task.uses("l1"):
            self._calls.append(self._add_signs)
        if task.uses("weight_decay"):
            self._calls.append(self._decay_weights if task.decoupled else self._decay_gradient)
        self._update = task.optimizer.update

    def make(self) -> None:
        """Update all lanes once; overwrites the gradient."""
        for call in self._calls:
            call()
        self._update(self._step)

    def rate(self) -> Floats:
        """The learning rates of the next update; valid until it is made."""
        if self._task.rate_varies:
            self._set_rate()
        return self._step.rate

    def _set_rate(self) -> None:
        now, after, factor = self._now, self._after_warm_up, self._factor
        warm_up = self._schedule_hyperparameters["warm_up"]
        np.copyto(now, self._steps)
        np.subtract(now, warm_up, after)
        np.maximum(after, 0.0, out=after)
        self._schedule.fill(after, self._schedule_hyperparameters, factor)
        np.add(now, 1.0, now)
        np.divide(now, warm_up, now)  # infinite without a warm-up
        np.minimum(now, 1.0, out=now)
        np.multiply(factor, now, factor)
        np.multiply(self._learning_rate, factor, self._step.rate)

    def _clip_values(self) -> None:
        gradient, limit, lowest = (
            self._step.gradient,
            self._step.hyperparameters["clip_value"],
            self._row(0),
        )
        np.negative(limit, lowest)
        np.maximum(gradient, lowest, out=gradient)
        np.minimum(gradient, limit, out=gradient)

    def _clip_norm(self) -> None:
        """g ← g · min(limit/‖g‖, 1); divides by the largest |g| first to avoid overflow."""
        gradient, work = self._step.gradient, self._step.work
        largest, factor = self._row(0), self._row(1)
        np.absolute(gradient, work)
        np.maximum.reduce(work, axis=0, out=largest)
        np.maximum(largest, np.finfo(largest.dtype).tiny, out=largest)
        np.divide(gradient, largest, work)
        np.einsum("pl,pl->l", work, work, out=factor)
        np.sqrt(factor, factor)
        np.divide(self._step.hyperparameters["clip_norm"], factor, factor)
        np.divide(factor, largest, factor)
        np.minimum(factor, 1.0, out=factor)
        np.multiply(gradient, factor, gradient)

    def _decay_gradient(self) -> None:
        """g ← g + λ w."""
        step = self._step
        np.multiply(step.parameters, step.hyperparameters["weight_decay"], step.work)
        self._add_penalty()

    def _add_signs(self) -> None:
        """g ← g + l1 sign(w)."""
        step = self._step
        np.sign(step.parameters, step.work)
        np.multiply(step.work, step.hyperparameters["l1"], step.work)
        self._add_penalty()

    def _add_penalty(self) -> None:
        """Add the scratch array to the gradient of the parameters that decay."""
        step = self._step
        if self._decayed is not None:
            np.multiply(step.work, self._decayed, step.work)
        np.add(step.gradient, step.work, step.gradient)

    def _decay_weights(self) -> None:
        """w ← w - η λ w, as (1 - η λ) w."""
        step = self._step
        np.multiply(step.rate, step.hyperparameters["weight_decay"], step.scaled_rate)
        factors = step.scaled_rate
        if self._decayed is not None:
            factors = np.multiply(step.scaled_rate, self._decayed, step.work)
        np.subtract(1.0, factors, factors)
        np.multiply(step.parameters, factors, step.parameters)

    def _row(self, index: int) -> Floats:
        row: Floats = self._step.rows[index][0]
        return row
