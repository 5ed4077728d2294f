"""Stepping, evaluation and event search with compiled kernels; needs Numba.

Lanes, rules, outcomes and columns are the same as with NumPy; only the arithmetic is compiled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...ingredients.options import Floats
from ...ingredients.problems.layers import Layers
from ...ingredients.problems.network.accuracy import accuracy_of
from ...ingredients.problems.protocol import Call, Evaluation, Evaluator, Problem
from ...stopping import StopRule
from ..lane_state import Array, LaneState
from ..protocol import Engine
from ..stepping import SteppingBlock, detection_interval
from ..task import Task
from .compiled import call, kernels_for, net_of
from .events import EventLanes, Rules
from .kernels import Watch
from .rows import ERROR, LOSS, NORM, ROWS


class FusedEvaluator(Evaluator):
    """A network evaluated by a kernel, for any number of lanes."""

    def __init__(self, layers: Layers, lanes: int, dtype: np.dtype[Any]) -> None:
        self._net = net_of(layers, dtype)
        self._kernels = kernels_for(layers)
        self._layers = layers
        self._measures = np.empty((len(ROWS), lanes), dtype)
        self._no_predictions = np.empty((0, lanes), dtype)

    def prepare(
        self,
        parameters: Floats,
        lane_data: Mapping[str, Floats],
        steps: NDArray[np.int64],
        out: Evaluation,
    ) -> Call:
        values = self._no_predictions if out.predictions is None else out.predictions
        gradient = np.empty_like(parameters) if out.gradient is None else out.gradient
        measure_accuracy: Call | None = None
        if out.accuracy is not None:
            if out.predictions is None:
                values = np.empty((self._layers.n_predictions, len(out.accuracy)), values.dtype)
            measure_accuracy = accuracy_of(self._layers, values, out.accuracy)

        def evaluate() -> None:
            call(self._kernels.evaluate, self._net, parameters, gradient, self._measures, values)
            if out.loss is not None:
                np.copyto(out.loss, self._measures[LOSS])
            if out.prediction_error is not None:
                np.copyto(out.prediction_error, self._measures[ERROR])
            if measure_accuracy is not None:
                measure_accuracy()

        return evaluate


class FusedSteppingBlock(SteppingBlock):
    """Makes all updates of an interval in one call."""

    def __init__(self, task: Task, engine: Engine, lanes: LaneState, interval: int) -> None:
        super().__init__(task, engine, lanes, interval)
        dtype, width = self.training.dtype, len(self.lanes)
        layers = layers_of(task.problem)
        self._net = net_of(layers, dtype, task)
        self._kernels = kernels_for(layers, task.optimizer)
        self._task = task
        self._watch = Watch(
            np.empty((len(ROWS), width), dtype),
            np.empty((1, width), dtype),
            np.empty((1, width), dtype),
            np.empty((1, width), dtype),
        )
        compiled = [rule for rule, _ in self.rules if not rule.reads_quantities()]
        self._lean = not self.watches_loss and {_row(rule) for rule in compiled} <= {ERROR}
        if not task.quantities:  # kernels write the extremes and losses of an interval to the watch
            self.extremes = [self._watch.smallest[_row(rule)] for rule in compiled]
            self.largest_loss, self.loss = self._watch.largest_loss[0], self._watch.last_loss[0]

    def make_updates(self) -> None:
        if not self._task.quantities:
            self._run(self.interval, self.check_every)
            return
        pairs = [(rule, one) for (rule, _), one in zip(self.rules, self.extremes, strict=True)]
        for rule, extreme in pairs:
            rule.reset(extreme)
        self.largest_loss.fill(0)
        for made in range(0, self.interval, self.training.every):
            self.note_due_quantities(made, self.steps)
            self._run(self.training.every, 1)
            for rule, extreme in pairs:
                by_kernel = None if rule.reads_quantities() else self._watch.smallest[_row(rule)]
                rule.update(extreme, rule.value(self) if by_kernel is None else by_kernel)
            np.maximum(self.largest_loss, self._watch.largest_loss[0], out=self.largest_loss)
        np.copyto(self.loss, self._watch.last_loss[0])

    def _run(self, steps: int, check_every: int) -> None:
        """Make `steps` updates in one call, which fills the watch."""
        moving = _moving(self._task, self.lanes)
        call(
            self._kernels.run_interval,
            self._net,
            moving,
            _hyperparameters(self._task, self.lanes),
            self._watch,
            steps,
            check_every,
            self._lean,
        )
        _put_back(self._task, self.lanes, moving)
        self._watch.smallest[NORM] *= 1 - _slack(self.training.dtype)
        np.not_equal(self._watch.same[0], 0, out=self.unchanged)
        np.add(self.steps, steps, self.steps)


def find_events(
    task: Task, lanes: LaneState, interval: int
) -> tuple[LaneState | None, LaneState | None]:
    """Advance lanes to their next event, or to where every update must be checked.

    Returns the lanes for event location and the lanes without an event.
    """
    training, layers = task.training, layers_of(task.problem)
    net, kernels = net_of(layers, training.dtype, task), kernels_for(layers, task.optimizer)
    rules = _rules(task)
    last = min(task.last_unchecked, training.max_steps - 1)  # leave a check for event location
    ahead = np.clip(last - lanes["step"], 0, interval)
    found = np.ones(len(lanes), bool)
    for steps in np.unique(ahead[ahead > 0]):
        index = np.flatnonzero(ahead == steps)
        part = lanes.take(index)
        advanced, here = np.zeros(len(part), np.int64), np.zeros(len(part), bool)
        moving = _moving(task, part)
        event_lanes = EventLanes(
            moving,
            _hyperparameters(task, part),
            part["last_loss"].reshape(1, -1),
            training.loss_limit(part["initial_loss"]).reshape(1, -1),
        )
        call(kernels.find_event, net, event_lanes, rules, int(steps), advanced, here)
        _put_back(task, part, moving)
        part["step"][:] += advanced
        lanes.put(index, part)
        found[index] = here
    found |= lanes["step"] + interval > task.last_unchecked
    split = [np.flatnonzero(found), np.flatnonzero(~found)]
    eventful, quiet = (lanes.take(index) if index.size else None for index in split)
    return eventful, quiet


def is_compiled(task: Task) -> bool:
    """Whether the kernels that a task needs are in memory."""
    layers = layers_of(task.problem)
    number = task.training.dtype.name
    last = 2 if task.quantities else 3  # events of quantities are not found by a kernel
    used = kernels_for(layers)[:1] + kernels_for(layers, task.optimizer)[1:last]
    # every kernel is compiled for each number type it is called with
    return all(any(number in str(signature) for signature in kernel.signatures) for kernel in used)


def compile_kernels(task: Task, engine: Engine) -> None:
    """Compile, or load from disk, the kernels that training a task calls."""
    lanes = task.fresh_lanes(np.zeros(1, np.int64))
    interval = detection_interval(task, 1)
    block = FusedSteppingBlock(task, engine, lanes, interval)
    block.wanted("loss", "prediction_error", "predictions").evaluate()
    block.make_updates()
    if not task.quantities:
        find_events(task, lanes, interval)


def layers_of(problem: Problem) -> Layers:
    """The layers of a problem; the engine refuses problems without layers."""
    assert problem.layers is not None
    return problem.layers


def _row(rule: type[StopRule]) -> int:
    """The row of the quantity that a stop rule compares."""
    assert rule.fused_row is not None
    return ROWS.index(rule.fused_row)


def _rules(task: Task) -> Rules:
    """The stop rules, for the kernel that finds events."""
    training = task.training
    limits = np.full(len(ROWS), np.inf, training.dtype)
    for rule, threshold in training.rules:
        limits[_row(rule)] = min(limits[_row(rule)], threshold)
    limits[NORM] *= 1 + _slack(training.dtype)
    return Rules(limits, training.hold)


def _slack(dtype: np.dtype[Any]) -> float:
    """The relative tolerance of norms, since NumPy adds the squares in another order."""
    return 64 * float(np.finfo(dtype).eps)


def _hyperparameters(task: Task, lanes: LaneState) -> Floats:
    """The learning rates and the fused form's hyperparameters, (numbers, lanes)."""
    given = task.constants("number") | lanes.part("number")
    optimizer: Any = task.optimizer
    rows = [
        np.broadcast_to(given[name], len(lanes))
        for name in ("learning_rate", *optimizer.fused_hyperparameters)
    ]
    return np.stack(rows) if len(rows) > 1 else np.ascontiguousarray(rows[0]).reshape(1, -1)


def _moving_arrays(task: Task, lanes: LaneState) -> list[Array]:
    optimizer = task.optimizer
    names = [f"state.{name}" for name in (*optimizer.state, *optimizer.row_state)]
    return [lanes[name] for name in ("parameters", *names)]


def _moving(task: Task, lanes: LaneState) -> Array:
    """All that an update changes, in one array: the parameters themselves if there is no state."""
    arrays = _moving_arrays(task, lanes)
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _put_back(task: Task, lanes: LaneState, moving: Array) -> None:
    """Copy the array of `_moving` back to the columns."""
    begin = 0
    for array in _moving_arrays(task, lanes):
        if array is not moving:
            np.copyto(array, moving[begin : begin + len(array)])
        begin += len(array)
