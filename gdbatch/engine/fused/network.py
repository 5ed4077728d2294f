"""The arithmetic of a network for compiled kernels, on a chunk of lanes that stays in the cache.

A chunk's arrays are (rows, lanes), with a whole number of vectors. Every kernel uses the same
arithmetic, so a replayed lane gets the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable

from ...numerics.elementary import where
from .chunks import fill
from .layers import make_layers
from .outputs import Outputs, make_outputs, single_slope
from .rows import ERROR, LOSS, NORM
from .vector_arithmetic import multiply_add, square_root
from .vectors import BITS, load, loader, repeater, spread, store, use_wide_vectors


class Net(NamedTuple):
    """A network as numbers; `dtype` is that of the training."""

    sizes: Any  # (layers + 1,) int64: units, inputs first
    codes: Any  # (layers,) int64: index of the activation
    numbers: Any  # (layers + 1,) dtype: the option of each activation and of the loss, or 0
    inputs: Any  # (inputs, samples) dtype; the last sample repeated to a multiple of `together`
    targets: Any  # (outputs, samples) dtype
    weights: Any  # (samples,) dtype: of the samples, 0 for repeated ones
    samples: int
    factor: Any  # dtype: of (p - t) in the gradient
    scale: Any  # dtype: of the sum of the loss's terms
    bias: bool
    lanes: int  # per chunk
    vectors: int  # per chunk


class Work(NamedTuple):
    """Buffers of one chunk; rows are parameters, or units of all layers after the inputs.

    For each vector of lanes, a unit's row holds all samples that are computed at once.
    """

    moving: Any  # what an update changes: parameters, then optimizer state
    parameters: Any  # its first rows
    gradient: Any
    numbers: Any  # hyperparameters, the learning rate first
    values: Any
    slopes: Any
    deltas: Any
    sops: Any  # of the outputs
    shared: Any  # what coupled outputs have in common, see `outputs`
    measures: Any  # (3, lanes): prediction error, loss, norm of the gradient
    zero: Any  # of the dtype


_ABREAST = 4  # vectors of single weights at once, to overlap their long dependency chains


@register_jitable
def new_work(net: Any, moving_rows: Any, numbers: Any, together: Any) -> Any:
    """Buffers for one chunk, with the given numbers of moving rows and of hyperparameters."""
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
        new_rows(units, lanes * together, kind),
        new_rows(units, lanes * together, kind),
        new_rows(units, lanes * together, kind),
        new_rows(net.sizes[-1], lanes * together, kind),
        new_rows(2, lanes * together, kind),
        new_rows(3, lanes, kind),
        np.zeros(1, kind)[0],
    )


@register_jitable
def new_rows(rows: Any, lanes: Any, kind: Any) -> Any:
    """Zeros (rows, lanes), aligned so that no vector crosses a cache line."""
    line = BITS // 8
    whole = np.zeros(rows * lanes + line, kind)
    first = -whole.ctypes.data % line // whole.itemsize
    return whole[first : first + rows * lanes].reshape(rows, lanes)


class Arithmetic(NamedTuple):
    """What kernels call, for one choice of activations and loss."""

    together: int  # samples that are computed at once
    forward: Any  # (net, first, work): from the inputs to the outputs
    evaluate: Any  # (net, work, measured): the gradient and, where asked for, the measures
    single_steps: Any  # (net, work, steps, smallest, watched): plain descent of one weight


def make_arithmetic(
    functions: Sequence[Any], at_prediction: bool, loss: Any, together: int
) -> Arithmetic:
    """Arithmetic with fused activations; at_prediction: derivatives are at the prediction."""
    activate = _activation(functions, at_prediction)
    forward_sums, backward_layer = make_layers(together)
    outputs = make_outputs(loss, together)
    forward = _make_forward(activate, forward_sums, outputs, together)
    backward = _make_backward(backward_layer, outputs.start_deltas)
    return Arithmetic(
        together,
        forward,
        _make_evaluate(forward, outputs.add_terms, backward, together),
        _make_single_steps(activate, loss),
    )


def _make_forward(activate: Any, forward_sums: Any, outputs: Outputs, together: int) -> Any:
    couple, are_coupled = outputs.couple, outputs.couple is not None

    @register_jitable
    def forward(net: Any, first: Any, work: Any) -> None:
        use_wide_vectors()
        start, row = 0, 0  # of the layer's weights, and of its units
        for layer in range(len(net.codes)):
            n_in, n_out, code = net.sizes[layer], net.sizes[layer + 1], net.codes[layer]
            forward_sums(net, first, work, layer, start, row)
            last, number = layer == len(net.codes) - 1, spread(net.numbers[layer])
            for unit in range(row, row + n_out):
                for vector in range(net.vectors * together):
                    sop = load(work.values, unit, vector)
                    if last:
                        store(work.sops, unit - row, vector, sop)
                        if are_coupled:
                            continue
                    value, slope = activate(code, sop, number)
                    store(work.values, unit, vector, value)
                    store(work.slopes, unit, vector, slope)
            if are_coupled and last:
                couple(net, work, row)
            start += (n_in + net.bias) * n_out
            row += n_out

    return forward


def _make_backward(backward_layer: Any, start_deltas: Any) -> Any:
    @register_jitable
    def backward(net: Any, first: Any, work: Any) -> None:
        """Add the gradient of samples from `first` on, by the chain rule."""
        use_wide_vectors()
        row, start = work.values.shape[0], work.parameters.shape[0]
        start_deltas(net, first, work)
        for layer in range(len(net.codes) - 1, -1, -1):
            start -= (net.sizes[layer] + net.bias) * net.sizes[layer + 1]
            row -= net.sizes[layer + 1]
            backward_layer(net, first, work, layer, start, row)

    return backward


def _make_evaluate(forward: Any, add_terms: Any, backward: Any, together: int) -> Any:
    @register_jitable
    def evaluate(net: Any, work: Any, measured: Any) -> None:
        use_wide_vectors()
        fill(work.gradient, 0)
        fill(work.measures, 0)
        for first in range(0, net.samples, together):
            forward(net, first, work)
            if measured:
                add_terms(net, first, work)
            backward(net, first, work)
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

    return evaluate


def _make_single_steps(activate: Any, loss: Any) -> Any:
    cancels, slope_of = loss.output_activation is not None, single_slope(loss)
    load_abreast, repeat = loader(_ABREAST), repeater(_ABREAST)

    @register_jitable
    def single_step(net: Any, work: Any, vector: Any) -> Any:
        """Update one weight by gradient descent; returns prediction - target before the update."""
        use_wide_vectors()
        number, target = repeat(spread(net.inputs[0, 0])), repeat(spread(net.targets[0, 0]))
        option, of_loss = repeat(spread(net.numbers[0])), repeat(spread(net.numbers[1]))
        zero = repeat(spread(work.zero))
        weight = load_abreast(work.parameters, 0, vector)
        sop = multiply_add(weight, number, zero)
        value, slope = activate(0, sop, option)
        difference = value - target
        delta = repeat(spread(net.factor)) * slope_of(value, sop, target, of_loss)
        if not cancels:
            delta = delta * slope
        gradient = multiply_add(number, delta, zero)
        rate = load_abreast(work.numbers, 0, vector)
        store(work.parameters, 0, vector, weight - rate * gradient)
        return difference

    @register_jitable
    def single_steps(net: Any, work: Any, steps: Any, smallest: Any, watched: Any) -> None:
        """Make `steps` updates; if `watched`, `smallest` keeps the smallest prediction error."""
        use_wide_vectors()
        if not watched:
            for _ in range(steps):
                for vector in range(net.vectors // _ABREAST):
                    single_step(net, work, vector)
            return
        for _ in range(steps):
            for vector in range(net.vectors // _ABREAST):
                now = abs(single_step(net, work, vector))
                before = load_abreast(smallest, ERROR, vector)
                store(smallest, ERROR, vector, where(now < before, now, before))

    return single_steps


def _activation(functions: Sequence[Any], at_prediction: bool) -> Any:
    """Value and derivative of one of up to three functions, chosen by number."""
    first, second, third = [*functions, functions[0], functions[0]][:3]

    def of_three(code: Any, sop: Any, number: Any) -> Any:
        if code == 0:
            return first(sop, number)
        return second(sop, number) if code == 1 else third(sop, number)

    choices: list[Callable[[Any, Any, Any], Any]] = [
        lambda code, sop, number: first(sop, number),
        lambda code, sop, number: first(sop, number) if code == 0 else second(sop, number),
        of_three,
    ]
    chosen = register_jitable(choices[len(functions) - 1])
    if not at_prediction:
        return chosen

    @register_jitable
    def with_derivative_at_prediction(code: Any, sop: Any, number: Any) -> Any:
        value, _ = chosen(code, sop, number)
        _, slope = chosen(code, value, number)
        return value, slope

    return with_derivative_at_prediction


@register_jitable
def keep_smaller(kept: Any, row: Any, vector: Any, now: Any) -> None:
    """Keep the smaller number of each lane; ignores NaN."""
    before = load(kept, row, vector)
    store(kept, row, vector, where(now < before, now, before))
