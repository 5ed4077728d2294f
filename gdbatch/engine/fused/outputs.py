"""The outputs of a network for compiled kernels: a softmax, the terms of a loss, and its slopes."""

from __future__ import annotations

from typing import Any, NamedTuple

from numba.extending import register_jitable

from ...ingredients.losses.protocol import CoupledLoss
from ...numerics.elementary import exp, like, log1p, where
from .rows import ERROR, LOSS
from .vectors import load, spread, store, use_wide_vectors

_LARGEST, _REST = 0, 1  # rows of `Work.shared`


class Outputs(NamedTuple):
    """What kernels call for one loss; `row` is the first row of the outputs."""

    couple: Any  # (net, work, row): values from sums of products, if the outputs are coupled
    add_terms: Any  # (net, first, work): some samples' terms, and the prediction error
    start_deltas: Any  # (net, first, work): the slopes of the outputs' sums of products


def make_outputs(loss: Any, together: int) -> Outputs:
    """The outputs under a loss; `together` samples are computed at once."""
    if isinstance(loss, CoupledLoss):
        add_terms = _make_coupled_terms(register_jitable(loss.fused), together)
        return Outputs(_make_softmax(together), add_terms, _make_coupled_slopes(loss, together))
    return Outputs(
        None, _make_terms(_with_number(loss.fused, loss), together), _make_slopes(loss, together)
    )


def _make_terms(term: Any, together: int) -> Any:
    @register_jitable
    def add_terms(net: Any, first: Any, work: Any) -> None:
        use_wide_vectors()
        outputs, number = net.sizes[-1], spread(net.numbers[-1])
        row = work.values.shape[0] - outputs
        for part in range(min(together, net.samples - first)):
            weight = spread(net.weights[first + part])
            for unit in range(outputs):
                target = spread(net.targets[unit, first + part])
                for vector in range(net.vectors):
                    value = load(work.values, row + unit, vector * together + part)
                    sop = load(work.sops, unit, vector * together + part)
                    loss = term(value, sop, target, number)
                    loss = loss * weight
                    store(work.measures, LOSS, vector, load(work.measures, LOSS, vector) + loss)
                    keep_larger(work.measures, ERROR, vector, abs(value - target))

    return add_terms


def _make_slopes(loss: Any, together: int) -> Any:
    cancels = loss.output_activation is not None  # the activation's derivative is in the slope
    slope_of = single_slope(loss)

    @register_jitable
    def start_deltas(net: Any, first: Any, work: Any) -> None:
        """The derivative of the loss with respect to the output sums; 0 for a repeated sample."""
        use_wide_vectors()
        outputs, number = net.sizes[-1], spread(net.numbers[-1])
        row = work.values.shape[0] - outputs
        for part in range(together):
            factor = spread(net.factor * net.weights[first + part])
            for unit in range(outputs):
                target = spread(net.targets[unit, first + part])
                for vector in range(part, net.vectors * together, together):
                    value, sop = (
                        load(work.values, row + unit, vector),
                        load(work.sops, unit, vector),
                    )
                    delta = factor * slope_of(value, sop, target, number)
                    if not cancels:
                        delta = delta * load(work.slopes, row + unit, vector)
                    store(work.deltas, row + unit, vector, delta)

    return start_deltas


def single_slope(loss: Any) -> Any:
    """The slope of one output's term; coupled outputs are never single."""
    has_own = not isinstance(loss, CoupledLoss) and loss.fused_slope is not None
    return _with_number(loss.fused_slope, loss) if has_own else _difference


@register_jitable
def _difference(value: Any, sop: Any, target: Any, number: Any) -> Any:
    return value - target


def _with_number(form: Any, loss: Any) -> Any:
    """A form of a loss that takes the loss's number, whether it has one or not."""
    jitable = register_jitable(form)
    if loss.options.numbers:
        return jitable
    return register_jitable(lambda value, sop, target, number: jitable(value, sop, target))


# outputs that are coupled ----------------------------------------------------------------------


def _make_softmax(together: int) -> Any:
    @register_jitable
    def softmax(net: Any, work: Any, row: Any) -> None:
        """The values as in `Softmax.forward`; the powers go to the rows of slopes."""
        use_wide_vectors()
        zero = spread(work.zero)
        one = like(zero, 1.0)
        for vector in range(net.vectors * together):
            largest = load(work.sops, 0, vector)
            for unit in range(1, net.sizes[-1]):
                sop = load(work.sops, unit, vector)
                largest = where(sop > largest, sop, largest)
            rest, ties = zero, zero - one
            for unit in range(net.sizes[-1]):
                power = exp(load(work.sops, unit, vector) - largest)
                store(work.slopes, row + unit, vector, power)
                rest = rest + where(power >= one, zero, power)  # NaN stays
                ties = ties + where(power >= one, one, zero)
            rest = rest + ties
            store(work.shared, _LARGEST, vector, largest)
            store(work.shared, _REST, vector, rest)
            total = one + rest
            for unit in range(net.sizes[-1]):
                power = load(work.slopes, row + unit, vector)
                store(work.values, row + unit, vector, power / total)

    return softmax


def _make_coupled_terms(term: Any, together: int) -> Any:
    @register_jitable
    def add_terms(net: Any, first: Any, work: Any) -> None:
        use_wide_vectors()
        outputs = net.sizes[-1]
        row = work.values.shape[0] - outputs
        for part in range(min(together, net.samples - first)):
            weight = spread(net.weights[first + part])
            for vector in range(net.vectors):
                place = vector * together + part
                largest = load(work.shared, _LARGEST, place)
                log_total = log1p(load(work.shared, _REST, place))
                total = load(work.measures, LOSS, vector)
                for unit in range(outputs):
                    target = spread(net.targets[unit, first + part])
                    loss = term(load(work.sops, unit, place), target, largest, log_total)
                    total = total + loss * weight
                    value = load(work.values, row + unit, place)
                    keep_larger(work.measures, ERROR, vector, abs(value - target))
                store(work.measures, LOSS, vector, total)

    return add_terms


def _make_coupled_slopes(loss: Any, together: int) -> Any:
    slope_of = register_jitable(loss.fused_slope)

    @register_jitable
    def start_deltas(net: Any, first: Any, work: Any) -> None:
        """The derivative of the loss with respect to the output sums; 0 for a repeated sample."""
        use_wide_vectors()
        outputs = net.sizes[-1]
        row = work.values.shape[0] - outputs
        for part in range(together):
            factor = spread(net.factor * net.weights[first + part])
            for unit in range(outputs):
                target = spread(net.targets[unit, first + part])
                for vector in range(part, net.vectors * together, together):
                    power, rest = (
                        load(work.slopes, row + unit, vector),
                        load(work.shared, _REST, vector),
                    )
                    store(work.deltas, row + unit, vector, factor * slope_of(power, target, rest))

    return start_deltas


@register_jitable
def keep_larger(kept: Any, row: Any, vector: Any, now: Any) -> None:
    """Keep the larger number of each lane; a NaN replaces any number, and is replaced by any."""
    before = load(kept, row, vector)
    store(kept, row, vector, where(now <= before, before, now))
