"""The fused engine: windows of updates of a network in one compiled kernel.

Same lanes, rules, outcomes and columns as the NumPy engine; only the arithmetic is compiled.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...ingredients import activations, losses
from ...ingredients.optimizers.descent import GradientDescent
from ...ingredients.options import Floats
from ...ingredients.problems.network.layers import Layers
from ...ingredients.problems.protocol import Call, Evaluation, Evaluator, Problem
from ..lane_state import Array, LaneState
from ..stepping import SteppingBlock, window_length
from ..task import Task
from . import chunks as fused_chunks
from . import events as fused_events
from . import functions as fused_functions
from . import kernels as fused_kernels
from . import layers as fused_layers
from . import network as fused_network
from . import updates as fused_updates
from . import vector_arithmetic, vectors
from .events import EventLanes, Rules
from .kernels import Kernels, Watch, make_kernels
from .network import ERROR, LOSS, NORM, Net, make_arithmetic
from .updates import make_step

_RULES = {"prediction_error": ERROR, "loss": LOSS, "gradient_norm": NORM}
_CHUNK_BYTES = 40 << 10  # of what a chunk works on: most of a first-level cache
_MOST_VECTORS = 32  # in a chunk
_TOGETHER = 4  # samples


class FusedEvaluator(Evaluator):
    """A network evaluated by a kernel, for any number of lanes."""

    def __init__(self, layers: Layers, lanes: int, dtype: np.dtype[Any]) -> None:
        self._net = _net(layers, dtype)
        self._kernels = _kernels(layers)
        self._measures = np.empty((3, lanes), dtype)
        self._no_predictions = np.empty((0, lanes), dtype)

    def prepare(
        self,
        parameters: Floats,
        lane_data: Mapping[str, Floats],
        steps: NDArray[np.int64],
        out: Evaluation,
    ) -> Call:
        """See `Evaluator`."""
        values = self._no_predictions if out.predictions is None else out.predictions
        gradient = np.empty_like(parameters) if out.gradient is None else out.gradient

        def evaluate() -> None:
            _call(self._kernels.evaluate, self._net, parameters, gradient, self._measures, values)
            if out.loss is not None:
                np.copyto(out.loss, self._measures[LOSS])
            if out.prediction_error is not None:
                np.copyto(out.prediction_error, self._measures[ERROR])

        return evaluate


class FusedSteppingBlock(SteppingBlock):
    """Makes all updates of a window in one call."""

    def __init__(self, task: Task, lanes: LaneState) -> None:
        super().__init__(task, lanes)
        dtype, width = self.training.dtype, len(self.lanes)
        layers = layers_of(task.problem)
        self._net = _net(layers, dtype, task)
        self._kernels = _kernels(layers, task.optimizer)
        self._task = task
        self._watch = Watch(
            np.empty((3, width), dtype), *(np.empty((1, width), dtype) for _ in range(3))
        )
        # what the window leaves behind stands in the watch
        self.smallest = {rule: self._watch.smallest[row] for rule, row in _RULES.items()}
        self.largest_loss, self.loss = self._watch.largest_loss[0], self._watch.last_loss[0]

    def make_updates(self) -> None:
        """Make `length` updates of all lanes; fill what is kept of a window."""
        lean = not self.watches_loss and set(self.training.stop) <= {"prediction_error"}
        moving = _moving(self._task, self.lanes)
        _call(
            self._kernels.run_window,
            self._net,
            moving,
            _numbers(self._task, self.lanes),
            self._watch,
            self.length,
            self.distance,
            lean,
        )
        _put_back(self._task, self.lanes, moving)
        self._watch.smallest[NORM] *= 1 - _slack(self.training.dtype)
        np.not_equal(self._watch.same[0], 0, out=self.unchanged)
        np.add(self.steps, self.length, self.steps)


def find_events(task: Task, lanes: LaneState) -> tuple[LaneState | None, LaneState | None]:
    """Bring lanes that raised an alarm, or near the end of the budget, to where it happens.

    Returns those for inspection, which has one or two checks left to make, and those in which
    nothing happened.
    """
    training = task.training
    layers = layers_of(task.problem)
    net = _net(layers, training.dtype, task)
    kernels = _kernels(layers, task.optimizer)
    limits = np.full(3, np.inf, training.dtype)
    for rule, limit in training.stop.items():
        limits[_RULES[rule]] = limit
    limits[NORM] *= 1 + _slack(training.dtype)
    rules = Rules(limits, training.dtype.type(training.largest_loss), training.hold)
    length = window_length(training)
    ahead = np.clip(training.max_steps - lanes["step"] - 1, 0, length)
    found = np.ones(len(lanes), bool)
    for steps in np.unique(ahead[ahead > 0]):
        index = np.flatnonzero(ahead == steps)
        part = lanes.take(index)
        advanced, here = np.zeros(len(part), np.int64), np.zeros(len(part), bool)
        moving = _moving(task, part)
        lane_numbers = EventLanes(moving, _numbers(task, part), part["last_loss"].reshape(1, -1))
        _call(kernels.find_event, net, lane_numbers, rules, int(steps), advanced, here)
        _put_back(task, part, moving)
        part["step"][:] += advanced
        lanes.put(index, part)
        found[index] = here
    found |= lanes["step"] + length > training.max_steps
    split = [np.flatnonzero(found), np.flatnonzero(~found)]
    eventful, quiet = (lanes.take(index) if index.size else None for index in split)
    return eventful, quiet


def is_compiled(task: Task) -> bool:
    """Whether the kernels that an assignment needs are in memory."""
    layers = layers_of(task.problem)
    number = task.training.dtype.name
    used = _kernels(layers)[:1] + _kernels(layers, task.optimizer)[1:]
    # every kernel is compiled for each type of numbers it meets
    return all(any(number in str(signature) for signature in kernel.signatures) for kernel in used)


def compile_kernels(task: Task) -> None:
    """Compile, or load from disk, what training an assignment will call."""
    lanes = task.fresh_lanes(np.zeros(1, np.int64))
    block = FusedSteppingBlock(task, lanes)
    block.wanted("loss", "prediction_error", "predictions").evaluate()
    block.make_updates()
    find_events(task, lanes)


def _slack(dtype: np.dtype[Any]) -> Any:
    """How far a norm may be from NumPy's, which adds the squares in another order."""
    return 64 * np.finfo(dtype).eps


def _call(kernel: Any, *arguments: Any) -> None:
    """Call a kernel, also one that is compiled now and cannot be kept on disk."""
    try:
        kernel(*arguments)
    except OSError:  # told after it was compiled, and before it ran
        kernel(*arguments)


def _numbers(task: Task, lanes: LaneState) -> Floats:
    """The learning rates, and what else the optimizer's fused form reads, (numbers, lanes)."""
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
    """What an update changes in one array; the parameters themselves where that is all."""
    arrays = _moving_arrays(task, lanes)
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _put_back(task: Task, lanes: LaneState, moving: Array) -> None:
    """The way back to the columns."""
    begin = 0
    for array in _moving_arrays(task, lanes):
        if array is not moving:
            np.copyto(array, moving[begin : begin + len(array)])
        begin += len(array)


def layers_of(problem: Problem) -> Layers:
    """The layered network that a problem is, as `refusal` made sure."""
    assert problem.layers is not None
    return problem.layers


def _net(layers: Layers, dtype: np.dtype[Any], task: Task | None = None) -> Net:
    """A network in the numbers that kernels read, for an assignment's updates or for none."""
    distinct = list(dict.fromkeys(layers.activations))
    number, width = dtype.type, vectors.lanes_of(dtype)
    states = len(task.optimizer.state) if task else 0
    together = _together(layers)
    padded = np.arange(layers.n_samples + -layers.n_samples % together)
    inputs, targets = (
        np.ascontiguousarray(rows[np.minimum(padded, layers.n_samples - 1)].T, dtype)
        for rows in (layers.inputs, layers.targets)
    )
    units = 3 * sum(layers.units[1:]) + layers.units[-1]
    rows = (2 + states) * layers.n_parameters + together * units
    vectors_a_chunk = min(max(1, _CHUNK_BYTES * 8 // (vectors.BITS * rows)), _MOST_VECTORS)
    return Net(
        np.array(layers.units, np.int64),
        np.array([distinct.index(one) for one in layers.activations], np.int64),
        inputs,
        targets,
        layers.n_samples,
        number(layers.loss.factor(layers.n_predictions)),
        number(layers.loss.scale(layers.n_predictions)),
        layers.bias,
        vectors_a_chunk * width,
        vectors_a_chunk,
    )


def _together(layers: Layers) -> int:
    """Samples that kernels compute at once; one or four, for not to compile more kernels."""
    return _TOGETHER if layers.n_samples >= _TOGETHER - 1 else 1


def _kernels(layers: Layers, optimizer: Any = GradientDescent) -> Kernels:
    functions = tuple(one.fused for one in dict.fromkeys(layers.activations))
    slip = layers.derivative_at_prediction
    loss: Any = layers.loss
    return _made(functions, slip, loss, _together(layers), optimizer)


@functools.cache
def _made(
    functions: tuple[Any, ...], slip: bool, loss: Any, together: int, optimizer: Any
) -> Kernels:
    from numba.extending import register_jitable

    for function in (*functions, loss.fused):
        register_jitable(function)
    sources = [activations, losses, vectors, vector_arithmetic, fused_functions, fused_layers]
    sources += [fused_network, fused_updates, fused_chunks, fused_events, fused_kernels]
    sources += [sys.modules[optimizer.__module__]]
    text = optimizer.__name__ + "".join(map(inspect.getsource, sources))
    digest = hashlib.sha256(text.encode()).digest()
    stamp = int.from_bytes(digest[:6], "little")
    arithmetic, step = make_arithmetic(functions, slip, loss, together), make_step(optimizer)
    is_plain = optimizer is GradientDescent
    try:
        return make_kernels(arithmetic, step, is_plain, stamp, True)
    except RuntimeError:  # there is no place on disk to keep them: compiled anew in each process
        return make_kernels(arithmetic, step, is_plain, stamp, False)
