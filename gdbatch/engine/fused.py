"""The fused engine: windows of updates of a network in one compiled kernel.

Same lanes, rules, outcomes and columns as the NumPy engine; only the arithmetic is compiled.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ingredients import activations, losses
from ..ingredients.options import Floats
from ..ingredients.problems.network import Network
from ..ingredients.problems.protocol import Evaluation
from . import fused_functions, fused_kernels, fused_network, vectors
from .assignment import Assignment
from .fused_kernels import EventLanes, Kernels, Rules, Watch, make_kernels
from .fused_network import ERROR, LOSS, NORM, Net, make_arithmetic
from .lanes import Lanes
from .windows import WindowBlock, window_length

_RULES = {"prediction_error": ERROR, "loss": LOSS, "gradient_norm": NORM}
_CHUNK_BYTES = 40 << 10  # of what a chunk works on: most of a first-level cache
_MOST_VECTORS = 32  # in a chunk


class FusedEvaluator:
    """A network evaluated by a kernel, for any number of lanes; see `protocol.Evaluator`."""

    def __init__(self, network: Network, lanes: int, dtype: np.dtype[Any]) -> None:
        self._net = _net(network, dtype)
        self._kernels = _kernels(network)
        self._measures = np.empty((3, lanes), dtype)
        self._no_predictions = np.empty((0, lanes), dtype)

    def evaluate(
        self,
        parameters: Floats,
        lane_data: Mapping[str, Floats],
        step: NDArray[np.int64],
        out: Evaluation,
    ) -> None:
        """Fill `out` for all lanes."""
        values = self._no_predictions if out.predictions is None else out.predictions
        _call(self._kernels.evaluate, self._net, parameters, out.gradient, self._measures, values)
        if out.loss is not None:
            np.copyto(out.loss, self._measures[LOSS])
        if out.prediction_error is not None:
            np.copyto(out.prediction_error, self._measures[ERROR])


class FusedWindowBlock(WindowBlock):
    """Makes all updates of a window in one call."""

    def __init__(self, assignment: Assignment, lanes: Lanes) -> None:
        super().__init__(assignment, lanes)
        dtype, width = self.training.dtype, len(self.lanes)
        network: Any = assignment.problem
        self._net, self._kernels = _net(network, dtype), _kernels(network)
        self._rates = _rates(assignment, self.lanes)
        self._watch = Watch(
            np.empty((3, width), dtype), *(np.empty((1, width), dtype) for _ in range(3))
        )
        # what the window leaves behind stands in the watch
        self.smallest = {rule: self._watch.smallest[row] for rule, row in _RULES.items()}
        self.largest_loss, self.loss = self._watch.largest_loss[0], self._watch.last_loss[0]

    def make_updates(self) -> None:
        """Make `length` updates of all lanes; fill what is kept of a window."""
        lean = not self.watches_loss and set(self.training.stop) <= {"prediction_error"}
        _call(
            self._kernels.run_window,
            self._net,
            self.parameters,
            self._rates,
            self._watch,
            self.length,
            self.distance,
            lean,
        )
        self._watch.smallest[NORM] *= 1 - _slack(self.training.dtype)
        np.not_equal(self._watch.same[0], 0, out=self.unchanged)
        np.add(self.steps, self.length, self.steps)


def find_events(assignment: Assignment, lanes: Lanes) -> tuple[Lanes | None, Lanes | None]:
    """Bring lanes that raised an alarm, or near the end of the budget, to where it happens.

    Returns those for inspection, which has one or two checks left to make, and those in which
    nothing happened.
    """
    training = assignment.training
    network: Any = assignment.problem
    net, kernels = _net(network, training.dtype), _kernels(network)
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
        lane_numbers = EventLanes(
            part["parameters"], _rates(assignment, part), part["last_loss"].reshape(1, -1)
        )
        _call(kernels.find_event, net, lane_numbers, rules, int(steps), advanced, here)
        part["step"][:] += advanced
        lanes.put(index, part)
        found[index] = here
    found |= lanes["step"] + length > training.max_steps
    split = [np.flatnonzero(found), np.flatnonzero(~found)]
    eventful, quiet = (lanes.take(index) if index.size else None for index in split)
    return eventful, quiet


def is_compiled(assignment: Assignment) -> bool:
    """Whether the kernels that an assignment needs are in memory."""
    network: Any = assignment.problem
    number = assignment.training.dtype.name
    # every kernel is compiled for each type of numbers it meets
    return all(
        any(number in str(signature) for signature in kernel.signatures)
        for kernel in _kernels(network)
    )


def compile_kernels(assignment: Assignment) -> None:
    """Compile, or load from disk, what training an assignment will call."""
    lanes = assignment.fresh_lanes(np.zeros(1, np.int64))
    block = FusedWindowBlock(assignment, lanes)
    block.evaluate(block.wanted("loss", "prediction_error", "predictions"))
    block.make_updates()
    find_events(assignment, lanes)


def _slack(dtype: np.dtype[Any]) -> Any:
    """How far a norm may be from NumPy's, which adds the squares in another order."""
    return 64 * np.finfo(dtype).eps


def _call(kernel: Any, *arguments: Any) -> None:
    """Call a kernel, also one that is compiled now and cannot be kept on disk."""
    try:
        kernel(*arguments)
    except OSError:  # told after it was compiled, and before it ran
        kernel(*arguments)


def _rates(assignment: Assignment, lanes: Lanes) -> Floats:
    """Learning rates (1, lanes); a view where they differ from lane to lane."""
    per_lane = lanes.columns.get("number.learning_rate")
    if per_lane is not None:
        return per_lane.reshape(1, -1)
    rate = assignment.constants("number")["learning_rate"]
    return np.full((1, len(lanes)), rate, assignment.training.dtype)


def _net(network: Network, dtype: np.dtype[Any]) -> Net:
    """A network in the numbers that kernels read."""
    distinct = list(dict.fromkeys(network.activations))
    number, width = dtype.type, vectors.lanes_of(dtype)
    rows = 2 * network.n_parameters + 4 * sum(network.layers[1:])
    vectors_a_chunk = min(max(1, _CHUNK_BYTES * 8 // (vectors.BITS * rows)), _MOST_VECTORS)
    return Net(
        np.array(network.layers, np.int64),
        np.array([distinct.index(one) for one in network.activations], np.int64),
        np.ascontiguousarray(network.inputs, dtype),
        np.ascontiguousarray(network.target_rows, dtype),
        number(network.loss.factor(network.n_predictions)),
        number(network.loss.scale(network.n_predictions)),
        network.options.bias,
        network.loss.through_sigmoid,
        vectors_a_chunk * width,
        vectors_a_chunk,
    )


def _kernels(network: Network) -> Kernels:
    functions = tuple(one.fused for one in dict.fromkeys(network.activations))
    return _made(functions, network.options.derivative_at == "prediction", network.loss.fused)


@functools.cache
def _made(functions: tuple[Any, ...], slip: bool, term: Any) -> Kernels:
    from numba.extending import register_jitable

    for function in (*functions, term):
        register_jitable(function)
    sources = (activations, losses, vectors, fused_functions, fused_network, fused_kernels)
    digest = hashlib.sha256("".join(map(inspect.getsource, sources)).encode()).digest()
    stamp = int.from_bytes(digest[:6], "little")
    arithmetic = make_arithmetic(functions, slip, term)
    try:
        return make_kernels(arithmetic, stamp, True)
    except RuntimeError:  # there is no place on disk to keep them: compiled anew in each process
        return make_kernels(arithmetic, stamp, False)
