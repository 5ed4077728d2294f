"""Compiled kernels for networks: a block is trained in chunks of lanes that stay in the cache.

In a chunk, arrays are (…, CHUNK), lanes last, and every innermost loop runs over the lanes. The
arithmetic is the same in every kernel, so a lane that is looked at again takes the same way.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.extending import register_jitable

from .fused_functions import multiply_add, use_wide_vectors

CHUNK = 128  # lanes; a multiple of every vector's length


class Net(NamedTuple):
    """A network in numbers; `dtype` is that of the training."""

    sizes: Any  # (layers + 1,) int64: units, inputs first
    codes: Any  # (layers,) int64: which of the activations
    inputs: Any  # (samples, inputs) dtype
    targets: Any  # (samples, outputs) dtype
    factor: Any  # dtype: of (p - t) in the gradient
    scale: Any  # dtype: of the sum of the loss's terms
    bias: bool
    at_prediction: bool  # the tutorial's slip
    through_sigmoid: bool  # the slope of the outputs cancels


class Work(NamedTuple):
    """Buffers of one chunk; rows are parameters, or units of all layers after the inputs."""

    parameters: Any
    gradient: Any
    values: Any
    slopes: Any
    deltas: Any
    output_sops: Any
    loss: Any
    error: Any
    norm: Any
    zero: Any  # of the dtype


@register_jitable
def new_work(net: Any) -> Any:
    """Buffers for one chunk."""
    weights, units = 0, 0
    for layer in range(len(net.codes)):
        weights += (net.sizes[layer] + net.bias) * net.sizes[layer + 1]
        units += net.sizes[layer + 1]
    kind = net.inputs.dtype
    return Work(
        np.zeros((weights, CHUNK), kind),
        np.zeros((weights, CHUNK), kind),
        np.zeros((units, CHUNK), kind),
        np.zeros((units, CHUNK), kind),
        np.zeros((units, CHUNK), kind),
        np.zeros((net.sizes[-1], CHUNK), kind),
        np.zeros(CHUNK, kind),
        np.zeros(CHUNK, kind),
        np.zeros(CHUNK, kind),
        np.zeros(1, kind)[0],
    )


@register_jitable
def load(chunk: Any, array: Any, rows: Any) -> None:
    """Lanes of a chunk from (rows, lanes); past the end, copies of the last lane."""
    start, last = chunk * CHUNK, array.shape[1] - 1
    for row in range(array.shape[0]):
        for lane in range(CHUNK):
            rows[row, lane] = array[row, min(start + lane, last)]


@register_jitable
def store(chunk: Any, rows: Any, array: Any) -> None:
    """The way back, without the copies."""
    start = chunk * CHUNK
    for row in range(array.shape[0]):
        for lane in range(min(CHUNK, array.shape[1] - start)):
            array[row, start + lane] = rows[row, lane]


@register_jitable
def activate(function: Any, at_prediction: Any, values: Any, slopes: Any) -> None:
    """From sums of products, which stand in `values`, to values and slopes."""
    use_wide_vectors()
    for lane in range(CHUNK):
        value, slope = function(values[lane])
        values[lane] = value
        slopes[lane] = slope
    if at_prediction:
        for lane in range(CHUNK):
            _, slope = function(values[lane])
            slopes[lane] = slope


@register_jitable
def forward(net: Any, first: Any, second: Any, third: Any, sample: Any, work: Any) -> None:
    """One sample from the inputs to the outputs, for all lanes of the chunk."""
    use_wide_vectors()
    start, row = 0, 0  # of the layer's weights, and of its units
    for layer in range(len(net.codes)):
        n_in, n_out = net.sizes[layer], net.sizes[layer + 1]
        for unit in range(n_out):
            sop = work.values[row + unit]
            if net.bias:
                biases = work.parameters[start + n_in * n_out + unit]
                for lane in range(CHUNK):
                    sop[lane] = biases[lane]
            else:
                for lane in range(CHUNK):
                    sop[lane] = work.zero
            for below in range(n_in):
                weights = work.parameters[start + below * n_out + unit]
                if layer == 0:
                    number = net.inputs[sample, below]
                    for lane in range(CHUNK):
                        sop[lane] = multiply_add(weights[lane], number, sop[lane])
                else:
                    numbers = work.values[row - n_in + below]
                    for lane in range(CHUNK):
                        sop[lane] = multiply_add(weights[lane], numbers[lane], sop[lane])
            if layer == len(net.codes) - 1:
                for lane in range(CHUNK):
                    work.output_sops[unit, lane] = sop[lane]
            slopes = work.slopes[row + unit]
            if net.codes[layer] == 0:
                activate(first, net.at_prediction, sop, slopes)
            elif net.codes[layer] == 1:
                activate(second, net.at_prediction, sop, slopes)
            else:
                activate(third, net.at_prediction, sop, slopes)
        start += (n_in + net.bias) * n_out
        row += n_out


@register_jitable
def measure(net: Any, term: Any, sample: Any, work: Any) -> None:
    """Add one sample's terms to the loss, and look for a larger prediction error."""
    use_wide_vectors()
    n_out = net.sizes[-1]
    row = work.values.shape[0] - n_out
    for unit in range(n_out):
        target = net.targets[sample, unit]
        for lane in range(CHUNK):
            value = work.values[row + unit, lane]
            work.loss[lane] += term(value, work.output_sops[unit, lane], target)
            distance = abs(value - target)
            # a NaN wins, and stays
            work.error[lane] = work.error[lane] if distance <= work.error[lane] else distance


@register_jitable
def backward(net: Any, sample: Any, work: Any) -> None:
    """The chain rule for one sample, added to the gradient."""
    use_wide_vectors()
    layers = len(net.codes)
    row, end = work.values.shape[0] - net.sizes[-1], work.parameters.shape[0]
    for unit in range(net.sizes[-1]):
        target = net.targets[sample, unit]
        for lane in range(CHUNK):
            delta = net.factor * (work.values[row + unit, lane] - target)
            slope = work.slopes[row + unit, lane]
            work.deltas[row + unit, lane] = delta if net.through_sigmoid else delta * slope
    for layer in range(layers - 1, -1, -1):
        n_in, n_out = net.sizes[layer], net.sizes[layer + 1]
        start = end - (n_in + net.bias) * n_out
        for below in range(n_in):
            if layer > 0:
                back = work.deltas[row - n_in + below]
                for lane in range(CHUNK):
                    back[lane] = work.zero
            for unit in range(n_out):
                place = start + below * n_out + unit
                delta, gradient = work.deltas[row + unit], work.gradient[place]
                if layer == 0:
                    number = net.inputs[sample, below]
                    for lane in range(CHUNK):
                        gradient[lane] = multiply_add(number, delta[lane], gradient[lane])
                else:
                    numbers, weights = work.values[row - n_in + below], work.parameters[place]
                    back = work.deltas[row - n_in + below]
                    for lane in range(CHUNK):
                        gradient[lane] = multiply_add(numbers[lane], delta[lane], gradient[lane])
                    for lane in range(CHUNK):
                        back[lane] = multiply_add(weights[lane], delta[lane], back[lane])
            if layer > 0:
                slopes, back = work.slopes[row - n_in + below], work.deltas[row - n_in + below]
                for lane in range(CHUNK):
                    back[lane] *= slopes[lane]
        if net.bias:
            for unit in range(n_out):
                delta, gradient = work.deltas[row + unit], work.gradient[end - n_out + unit]
                for lane in range(CHUNK):
                    gradient[lane] += delta[lane]
        end = start
        row -= n_in


@register_jitable
def evaluate_chunk(
    net: Any, first: Any, second: Any, third: Any, term: Any, work: Any, measured: Any
) -> None:
    """Gradient of the chunk's lanes and, where `measured`, loss, prediction error and norm."""
    use_wide_vectors()
    work.gradient[:] = work.zero
    work.loss[:] = work.zero
    work.error[:] = work.zero
    for sample in range(len(net.inputs)):
        forward(net, first, second, third, sample, work)
        if measured:
            measure(net, term, sample, work)
        backward(net, sample, work)
    if measured:
        work.norm[:] = work.zero
        for row in range(work.gradient.shape[0]):
            for lane in range(CHUNK):
                slope = work.gradient[row, lane]
                work.norm[lane] = multiply_add(slope, slope, work.norm[lane])
        for lane in range(CHUNK):
            work.norm[lane] = np.sqrt(work.norm[lane])
            work.loss[lane] *= net.scale


@register_jitable
def step_chunk(rates: Any, parameters: Any, gradient: Any) -> None:
    """w ← w - η g."""
    use_wide_vectors()
    for row in range(parameters.shape[0]):
        for lane in range(CHUNK):
            parameters[row, lane] -= rates[0, lane] * gradient[row, lane]


class Watch(NamedTuple):
    """What a window keeps of every lane, (…, lanes): extremes, and its last update."""

    smallest: Any  # (3, lanes): prediction error, loss, norm of the gradient
    largest_loss: Any  # (1, lanes)
    last_loss: Any  # (1, lanes): before the last update
    same: Any  # (1, lanes): 1 where the last update changed nothing


@register_jitable
def note_smallest(kept: Any, now: Any) -> None:
    """Keep the smaller of two numbers a lane."""
    use_wide_vectors()
    for lane in range(CHUNK):
        kept[lane] = now[lane] if now[lane] < kept[lane] else kept[lane]


@register_jitable
def note_largest(kept: Any, now: Any) -> None:
    """Keep the larger of two numbers a lane; a NaN wins, and stays."""
    use_wide_vectors()
    for lane in range(CHUNK):
        kept[lane] = kept[lane] if now[lane] <= kept[lane] else now[lane]


@register_jitable
def single_steps(net: Any, function: Any, work: Any, rates: Any, steps: Any, error: Any) -> None:
    """Updates of a single weight on a single sample, and the smallest prediction error."""
    use_wide_vectors()
    weight, rate = work.parameters[0], rates[0]
    number, target = net.inputs[0, 0], net.targets[0, 0]
    for _ in range(steps):
        for lane in range(CHUNK):
            value, slope = function(multiply_add(weight[lane], number, work.zero))
            difference = value - target
            distance = abs(difference)
            error[lane] = distance if distance < error[lane] else error[lane]
            delta = net.factor * difference
            delta = delta if net.through_sigmoid else delta * slope
            weight[lane] -= rate[lane] * multiply_add(number, delta, work.zero)


@register_jitable
def all_finite(rows: Any, lane: Any) -> Any:
    """Whether a lane's numbers are all finite."""
    for row in range(rows.shape[0]):
        if not np.isfinite(rows[row, lane]):
            return False
    return True


@register_jitable
def are_equal(rows: Any, others: Any, lane: Any) -> Any:
    """Whether a lane's numbers are the same in two arrays."""
    for row in range(rows.shape[0]):
        if rows[row, lane] != others[row, lane]:
            return False
    return True


@register_jitable
def move(rows: Any, lane: Any, array: Any, place: Any) -> None:
    """Copy a lane's numbers to a place in another array."""
    for row in range(rows.shape[0]):
        array[row, place] = rows[row, lane]


class Kernels(NamedTuple):
    """The kernels for one choice of activations and loss."""

    evaluate: Any
    run_window: Any
    find_event: Any


def make_kernels(first: Any, second: Any, third: Any, term: Any, stamp: int, keep: bool) -> Kernels:
    """Kernels for up to three activations' fused forms, and a loss's.

    They are compiled when first called and, with `keep`, kept on disk; `stamp` tells the code of
    the ingredients, which Numba does not look at, from what it was when they were kept.
    """

    @njit(cache=keep, error_model="numpy")
    def evaluate(
        net: Any, parameters: Any, gradient: Any, loss: Any, error: Any, norm: Any, values: Any
    ) -> None:
        """Fill what a block wants to know, all of it; `values` are (samples·outputs, lanes)."""
        use_wide_vectors()
        work = new_work(net)
        lanes, n_out = parameters.shape[1], net.sizes[-1]
        for chunk in range((lanes + CHUNK - 1) // CHUNK + 0 * stamp):
            load(chunk, parameters, work.parameters)
            evaluate_chunk(net, first, second, third, term, work, True)
            store(chunk, work.gradient, gradient)
            start = chunk * CHUNK
            for lane in range(min(CHUNK, lanes - start)):
                loss[start + lane] = work.loss[lane]
                error[start + lane] = work.error[lane]
                norm[start + lane] = work.norm[lane]
            for sample in range(len(net.inputs) if len(values) else 0):
                forward(net, first, second, third, sample, work)
                store(chunk, work.values[-n_out:], values[sample * n_out : (sample + 1) * n_out])

    @njit(cache=keep, error_model="numpy")
    def run_window(
        net: Any,
        parameters: Any,
        rates: Any,
        watch: Any,
        steps: Any,
        distance: Any,
        always: Any,
        lean: Any,
    ) -> None:
        """`steps` updates; a look every `distance` ones, and at the loss at each if `always`.

        lean: nobody wants to know of loss and norm but after the last update.
        """
        use_wide_vectors()
        work = new_work(net)
        kind = net.inputs.dtype
        chunk_rates, same = np.zeros((1, CHUNK), kind), np.zeros((1, CHUNK), kind)
        before = np.zeros_like(work.parameters)
        smallest, largest = np.zeros((3, CHUNK), kind), np.zeros((1, CHUNK), kind)
        loss = np.zeros((1, CHUNK), kind)
        single = lean and len(work.parameters) == len(net.inputs) == 1 and not net.at_prediction
        unused = np.zeros(CHUNK, kind)
        for chunk in range((parameters.shape[1] + CHUNK - 1) // CHUNK + 0 * stamp):
            load(chunk, parameters, work.parameters)
            load(chunk, rates, chunk_rates)
            smallest[:] = np.inf
            largest[:] = 0
            step = 0
            while step < steps:
                if single:  # straight to the next look, or to the end where every step is one
                    ahead = steps - 1 - step
                    if distance > 1:
                        ahead = min(ahead, distance - 1)
                    error = smallest[0] if distance == 1 else unused
                    single_steps(net, first, work, chunk_rates, ahead, error)
                    step += ahead
                step += 1
                look = step % distance == 0 or step == steps
                evaluate_chunk(net, first, second, third, term, work, look or always)
                if look or always:
                    note_largest(largest[0], work.loss)
                if look:
                    note_smallest(smallest[0], work.error)
                    note_smallest(smallest[1], work.loss)
                    note_smallest(smallest[2], work.norm)
                if step == steps:
                    before[:] = work.parameters
                    loss[0] = work.loss
                step_chunk(chunk_rates, work.parameters, work.gradient)
            same[:] = 1
            for row in range(len(before)):
                for lane in range(CHUNK):
                    if before[row, lane] != work.parameters[row, lane]:
                        same[0, lane] = 0
            store(chunk, work.parameters, parameters)
            store(chunk, smallest, watch.smallest)
            store(chunk, largest, watch.largest_loss)
            store(chunk, loss, watch.last_loss)
            store(chunk, same, watch.same)

    @njit(cache=keep, error_model="numpy")
    def find_event(
        net: Any,
        parameters: Any,
        rates: Any,
        last_loss: Any,
        limits: Any,
        largest: Any,
        hold: Any,
        steps: Any,
        advanced: Any,
        found: Any,
    ) -> None:
        """Bring every lane to where something happens to it, or `steps` updates on.

        limits: of prediction error, loss, norm; all infinite without a stop rule. An event is a
        streak that lasts, or is not over yet (lanes come to where it began), a divergence or a
        stall (lanes come to one update before it shows).
        """
        use_wide_vectors()
        work = new_work(net)
        kind = net.inputs.dtype
        rules = np.isfinite(limits).any()
        chunk_rates = np.zeros((1, CHUNK), kind)
        kept, before = np.zeros_like(work.parameters), np.zeros_like(work.parameters)
        kept_loss, loss_before = np.zeros(CHUNK, kind), np.zeros(CHUNK, kind)
        begun, ended = np.zeros(CHUNK, np.int64), np.zeros(CHUNK, np.bool_)
        lanes = parameters.shape[1]
        for chunk in range((lanes + CHUNK - 1) // CHUNK + 0 * stamp):
            start, here = chunk * CHUNK, min(CHUNK, lanes - chunk * CHUNK)
            load(chunk, parameters, work.parameters)
            load(chunk, rates, chunk_rates)
            begun[:] = -1
            ended[:] = False
            left = here
            for lane in range(here):
                loss_before[lane] = last_loss[start + lane]
            for step in range(steps + 1):
                if step < steps:
                    evaluate_chunk(net, first, second, third, term, work, True)
                for lane in range(here):
                    if ended[lane]:
                        continue
                    place = start + lane
                    if step == steps:  # nothing happened, or a streak goes on
                        found[place] = begun[lane] >= 0
                        advanced[place] = begun[lane] if found[place] else steps
                        last_loss[place] = kept_loss[lane] if found[place] else loss_before[lane]
                        move(kept if found[place] else work.parameters, lane, parameters, place)
                        continue
                    loss = work.loss[lane]
                    finite = np.isfinite(loss) and all_finite(work.parameters, lane)
                    if not (finite and loss <= largest):
                        ended[lane] = found[place] = True
                        advanced[place] = max(step - 1, 0)
                        last_loss[place] = loss_before[lane]
                        if step > 0:
                            move(before, lane, parameters, place)
                    elif (
                        rules
                        and work.error[lane] <= limits[0]
                        and loss <= limits[1]
                        and work.norm[lane] <= limits[2]
                    ):
                        if begun[lane] < 0:
                            begun[lane] = step
                            move(work.parameters, lane, kept, lane)
                            kept_loss[lane] = loss_before[lane]
                        if step - begun[lane] + 1 >= hold:
                            ended[lane] = found[place] = True
                            advanced[place] = begun[lane]
                            move(kept, lane, parameters, place)
                            last_loss[place] = kept_loss[lane]
                    else:
                        begun[lane] = -1
                        if step > 0 and are_equal(work.parameters, before, lane):
                            ended[lane] = found[place] = True
                            advanced[place] = step - 1
                            move(before, lane, parameters, place)
                            last_loss[place] = loss_before[lane]
                    if ended[lane]:
                        left -= 1
                    elif finite:
                        loss_before[lane] = loss
                if left == 0 or step == steps:
                    break
                before[:] = work.parameters
                step_chunk(chunk_rates, work.parameters, work.gradient)

    return Kernels(evaluate, run_window, find_event)
