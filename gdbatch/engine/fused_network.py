"""The arithmetic of a network for compiled kernels, on a chunk of lanes that stays in the cache.

In a chunk, arrays are (rows, lanes) and the lanes a multiple of a vector's. Every kernel uses the
same arithmetic, so a lane that is looked at again takes the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable

from ..ingredients.elementary import where
from .vectors import BITS, load, multiply_add, spread, square_root, store, use_wide_vectors


class Net(NamedTuple):
    """A network in numbers; `dtype` is that of the training."""

    sizes: Any  # (layers + 1,) int64: units, inputs first
    codes: Any  # (layers,) int64: which of the activations
    inputs: Any  # (samples, inputs) dtype
    targets: Any  # (samples, outputs) dtype
    factor: Any  # dtype: of (p - t) in the gradient
    scale: Any  # dtype: of the sum of the loss's terms
    bias: bool
    through_sigmoid: bool  # the slope of the outputs cancels
    lanes: int  # of a chunk
    vectors: int  # of a chunk


class Work(NamedTuple):
    """Buffers of one chunk; rows are parameters, or units of all layers after the inputs."""

    moving: Any  # what an update changes: the parameters, and then the optimizer's state
    parameters: Any  # the first rows of it
    gradient: Any
    numbers: Any  # of the optimizer, the learning rate first
    values: Any
    slopes: Any
    deltas: Any
    sops: Any  # of the outputs
    measures: Any  # (3, lanes): prediction error, loss, norm of the gradient
    zero: Any  # of the dtype


ERROR, LOSS, NORM = 0, 1, 2  # rows of `measures`


@register_jitable
def new_work(net: Any, moving_rows: Any, numbers: Any) -> Any:
    """Buffers for one chunk, in which so many rows move, by so many numbers."""
    weights, units = 0, 0
    for layer in range(len(net.codes)):
        weights += (net.sizes[layer] + net.bias) * net.sizes[layer + 1]
        units += net.sizes[layer + 1]
    kind, lanes = net.inputs.dtype, net.lanes
    moving = new_rows(moving_rows, lanes, kind)
    return Work(
        moving,
        moving[:weights],
        new_rows(weights, lanes, kind),
        new_rows(numbers, lanes, kind),
        new_rows(units, lanes, kind),
        new_rows(units, lanes, kind),
        new_rows(units, lanes, kind),
        new_rows(net.sizes[-1], lanes, kind),
        new_rows(3, lanes, kind),
        np.zeros(1, kind)[0],
    )


@register_jitable
def new_rows(rows: Any, lanes: Any, kind: Any) -> Any:
    """Zeros (rows, lanes), where a vector does not cross lines of the cache."""
    line = BITS // 8
    whole = np.zeros(rows * lanes + line, kind)
    first = -whole.ctypes.data % line // whole.itemsize
    return whole[first : first + rows * lanes].reshape(rows, lanes)


class Arithmetic(NamedTuple):
    """What kernels call, for one choice of activations and loss."""

    forward: Any  # (net, sample, work): from the inputs to the outputs
    evaluate: Any  # (net, work, measured): the gradient and, where asked for, the measures
    single_steps: Any  # (net, work, steps, smallest, watched): plain descent of one weight


def make_arithmetic(functions: Sequence[Any], slip: bool, term: Any) -> Arithmetic:
    """Arithmetic with activations by their fused forms; slip: slopes taken at the prediction."""
    activate = _activation(functions, slip)

    @register_jitable
    def forward(net: Any, sample: Any, work: Any) -> None:
        use_wide_vectors()
        start, row = 0, 0  # of the layer's weights, and of its units
        for layer in range(len(net.codes)):
            n_in, n_out, code = net.sizes[layer], net.sizes[layer + 1], net.codes[layer]
            weigh(net, sample, work, layer, start, row)
            last = layer == len(net.codes) - 1
            for unit in range(row, row + n_out):
                for vector in range(net.vectors):
                    sop = load(work.values, unit, vector)
                    if last:
                        store(work.sops, unit - row, vector, sop)
                    value, slope = activate(code, sop)
                    store(work.values, unit, vector, value)
                    store(work.slopes, unit, vector, slope)
            start += (n_in + net.bias) * n_out
            row += n_out

    @register_jitable
    def measure(net: Any, sample: Any, work: Any) -> None:
        """Add one sample's terms to the loss, and look for a larger prediction error."""
        use_wide_vectors()
        first = work.values.shape[0] - net.sizes[-1]
        for unit in range(net.sizes[-1]):
            target = spread(net.targets[sample, unit])
            for vector in range(net.vectors):
                value = load(work.values, first + unit, vector)
                loss = term(value, load(work.sops, unit, vector), target)
                store(work.measures, LOSS, vector, load(work.measures, LOSS, vector) + loss)
                note_larger(work.measures, ERROR, vector, abs(value - target))

    @register_jitable
    def evaluate(net: Any, work: Any, measured: Any) -> None:
        use_wide_vectors()
        work.gradient[:] = work.zero
        work.measures[:] = work.zero
        for sample in range(len(net.inputs)):
            forward(net, sample, work)
            if measured:
                measure(net, sample, work)
            backward(net, sample, work)
        if not measured:
            return
        for vector in range(net.vectors):
            total = spread(work.zero)
            for row in range(work.gradient.shape[0]):
                slope = load(work.gradient, row, vector)
                total = multiply_add(slope, slope, total)
            store(work.measures, NORM, vector, square_root(total))
            loss = load(work.measures, LOSS, vector) * spread(net.scale)
            store(work.measures, LOSS, vector, loss)

    @register_jitable
    def single_steps(net: Any, work: Any, steps: Any, smallest: Any, watched: Any) -> None:
        """Where `watched`, the smallest prediction errors come to stand in `smallest`."""
        use_wide_vectors()
        number, target = spread(net.inputs[0, 0]), spread(net.targets[0, 0])
        factor = spread(net.factor)
        for _ in range(steps):
            for vector in range(net.vectors):
                weight = load(work.parameters, 0, vector)
                value, slope = activate(0, multiply_add(weight, number, spread(work.zero)))
                difference = value - target
                if watched:
                    note_smaller(smallest, ERROR, vector, abs(difference))
                delta = factor * difference
                if not net.through_sigmoid:
                    delta = delta * slope
                gradient = multiply_add(number, delta, spread(work.zero))
                rate = load(work.numbers, 0, vector)
                store(work.parameters, 0, vector, weight - rate * gradient)

    return Arithmetic(forward, evaluate, single_steps)


def _activation(functions: Sequence[Any], slip: bool) -> Any:
    """Value and slope by the number of a function among one to three."""
    first, second, third = [*functions, functions[0], functions[0]][:3]
    choices: list[Callable[[Any, Any], Any]] = [
        lambda code, sop: first(sop),
        lambda code, sop: first(sop) if code == 0 else second(sop),
        lambda code, sop: first(sop) if code == 0 else second(sop) if code == 1 else third(sop),
    ]
    chosen = register_jitable(choices[len(functions) - 1])
    if not slip:
        return chosen

    @register_jitable
    def with_slip(code: Any, sop: Any) -> Any:
        value, _ = chosen(code, sop)
        _, slope = chosen(code, value)
        return value, slope

    return with_slip


@register_jitable
def weigh(net: Any, sample: Any, work: Any, layer: Any, start: Any, row: Any) -> None:
    """The sums of products of a layer, whose weights begin at `start` and its units at `row`.

    Weights are read in the order in which they stand, which processors foresee.
    """
    use_wide_vectors()
    n_in, n_out = net.sizes[layer], net.sizes[layer + 1]
    for unit in range(n_out):
        for vector in range(net.vectors):
            sop = spread(work.zero)
            if net.bias:
                sop = load(work.parameters, start + n_in * n_out + unit, vector)
            store(work.values, row + unit, vector, sop)
    for below in range(n_in):
        for vector in range(net.vectors):
            if layer == 0:
                number = spread(net.inputs[sample, below])
            else:
                number = load(work.values, row - n_in + below, vector)
            for unit in range(n_out):
                weight = load(work.parameters, start + below * n_out + unit, vector)
                sop = multiply_add(weight, number, load(work.values, row + unit, vector))
                store(work.values, row + unit, vector, sop)


@register_jitable
def backward(net: Any, sample: Any, work: Any) -> None:
    """The chain rule for one sample, added to the gradient."""
    use_wide_vectors()
    layers = len(net.codes)
    row, end = work.values.shape[0] - net.sizes[-1], work.parameters.shape[0]
    start_deltas(net, sample, work, row)
    for layer in range(layers - 1, -1, -1):
        n_in, n_out = net.sizes[layer], net.sizes[layer + 1]
        start = end - (n_in + net.bias) * n_out
        if layer == 0:
            gather_inputs(net, sample, work, n_out)
        else:
            send_back(net, work, row, start, n_in, n_out)
        if net.bias:
            for unit in range(n_out):
                for vector in range(net.vectors):
                    slope = load(work.gradient, end - n_out + unit, vector)
                    slope = slope + load(work.deltas, row + unit, vector)
                    store(work.gradient, end - n_out + unit, vector, slope)
        end = start
        row -= n_in


@register_jitable
def start_deltas(net: Any, sample: Any, work: Any, row: Any) -> None:
    """The loss's slope at the sums of products of the outputs, which begin at a row."""
    use_wide_vectors()
    for unit in range(net.sizes[-1]):
        target = spread(net.targets[sample, unit])
        for vector in range(net.vectors):
            delta = spread(net.factor) * (load(work.values, row + unit, vector) - target)
            if not net.through_sigmoid:
                delta = delta * load(work.slopes, row + unit, vector)
            store(work.deltas, row + unit, vector, delta)


@register_jitable
def gather_inputs(net: Any, sample: Any, work: Any, n_out: Any) -> None:
    """The gradient of the first layer's weights."""
    use_wide_vectors()
    for below in range(net.sizes[0]):
        number = spread(net.inputs[sample, below])
        for unit in range(n_out):
            place = below * n_out + unit
            for vector in range(net.vectors):
                slope = load(work.gradient, place, vector)
                slope = multiply_add(number, load(work.deltas, unit, vector), slope)
                store(work.gradient, place, vector, slope)


@register_jitable
def send_back(net: Any, work: Any, row: Any, start: Any, n_in: Any, n_out: Any) -> None:
    """The gradient of a later layer's weights, and the deltas of the layer below."""
    use_wide_vectors()
    for below in range(n_in):
        for vector in range(net.vectors):
            number = load(work.values, row - n_in + below, vector)
            back = spread(work.zero)
            for unit in range(n_out):
                place = start + below * n_out + unit
                delta = load(work.deltas, row + unit, vector)
                slope = multiply_add(number, delta, load(work.gradient, place, vector))
                store(work.gradient, place, vector, slope)
                back = multiply_add(load(work.parameters, place, vector), delta, back)
            back = back * load(work.slopes, row - n_in + below, vector)
            store(work.deltas, row - n_in + below, vector, back)


@register_jitable
def note_smaller(kept: Any, row: Any, vector: Any, now: Any) -> None:
    """Keep the smaller number of each lane; a NaN is none."""
    before = load(kept, row, vector)
    store(kept, row, vector, where(now < before, now, before))


@register_jitable
def note_larger(kept: Any, row: Any, vector: Any, now: Any) -> None:
    """Keep the larger number of each lane; a NaN wins, and stays."""
    before = load(kept, row, vector)
    store(kept, row, vector, where(now <= before, before, now))
