"""One layer of a network for compiled kernels: sums of products, and backpropagation.

Several samples are computed at once, each in a part of a vector, so that weights and gradients are
read and written once for all of them. The order of sums does not depend on how many.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numba.extending import register_jitable

from .vector_arithmetic import add_parts, add_products, multiply_add
from .vectors import load, loader, number_loader, repeater, spread, store, use_wide_vectors


class Layers(NamedTuple):
    """The passes of a layer for samples from `first` on: (net, first, work, layer, start, row).

    Its weights begin at row `start` of the parameters, its units at row `row` of the values.
    """

    forward_sums: Any
    backward: Any


def make_layers(together: int) -> Layers:
    """Layers that compute `together` samples at once."""
    return Layers(_make_forward_sums(together), _make_backward(together))


def _make_forward_sums(together: int) -> Any:
    sum_inputs = _make_sums(number_loader(together), True, together)
    sum_units = _make_sums(loader(together), False, together)

    @register_jitable
    def forward_sums(net: Any, first: Any, work: Any, layer: Any, start: Any, row: Any) -> None:
        """Store a layer's sums of products where its values will go, from `row` on."""
        use_wide_vectors()
        n_in, n_out = net.sizes[layer], net.sizes[layer + 1]
        if layer == 0:
            sum_inputs(net, work, net.inputs, 0, first, start, row, n_in, n_out)
        else:
            sum_units(net, work, work.values, row - n_in, first, start, row, n_in, n_out)

    return forward_sums


def _make_sums(read: Any, of_inputs: bool, together: int) -> Any:
    """Sums of products of weights and the numbers that `read` loads: inputs or values below."""
    repeat = repeater(together)

    @register_jitable
    def sum_products(
        net: Any, work: Any, numbers: Any, top: Any, first: Any, start: Any, row: Any,
        n_in: Any, n_out: Any,
    ) -> None:  # fmt: skip
        """Four units at a time, so that their sums stay in registers; then the rest."""
        use_wide_vectors()
        biases = start + n_in * n_out
        for vector in range(net.vectors):
            at = first if of_inputs else vector
            for unit in range(0, n_out - 3, 4):
                a = b = c = d = repeat(spread(work.zero))
                if net.bias:
                    a = repeat(load(work.parameters, biases + unit, vector))
                    b = repeat(load(work.parameters, biases + unit + 1, vector))
                    c = repeat(load(work.parameters, biases + unit + 2, vector))
                    d = repeat(load(work.parameters, biases + unit + 3, vector))
                place = start + unit
                for below in range(n_in):
                    number = read(numbers, top + below, at)
                    weight = repeat(load(work.parameters, place, vector))
                    a = multiply_add(weight, number, a)
                    weight = repeat(load(work.parameters, place + 1, vector))
                    b = multiply_add(weight, number, b)
                    weight = repeat(load(work.parameters, place + 2, vector))
                    c = multiply_add(weight, number, c)
                    weight = repeat(load(work.parameters, place + 3, vector))
                    d = multiply_add(weight, number, d)
                    place += n_out
                store(work.values, row + unit, vector, a)
                store(work.values, row + unit + 1, vector, b)
                store(work.values, row + unit + 2, vector, c)
                store(work.values, row + unit + 3, vector, d)
            for unit in range(n_out - n_out % 4, n_out):
                a = repeat(spread(work.zero))
                if net.bias:
                    a = repeat(load(work.parameters, biases + unit, vector))
                for below in range(n_in):
                    number = read(numbers, top + below, at)
                    weight = repeat(load(work.parameters, start + below * n_out + unit, vector))
                    a = multiply_add(weight, number, a)
                store(work.values, row + unit, vector, a)

    return sum_products


def _make_backward(together: int) -> Any:
    first_weight_gradients, bias_gradients = (
        _make_first_weight_gradients(together),
        _make_bias_gradients(together),
    )
    input_gradients = _make_input_gradients(together)

    @register_jitable
    def backward(net: Any, first: Any, work: Any, layer: Any, start: Any, row: Any) -> None:
        """Add to the weight gradients and compute the deltas of the layer below."""
        use_wide_vectors()
        n_in, n_out = net.sizes[layer], net.sizes[layer + 1]
        if layer == 0:
            first_weight_gradients(net, first, work)
        else:
            input_gradients(net, work, start, row, n_in, n_out)
        if net.bias:
            bias_gradients(net, work, start + n_in * n_out, row, n_out)

    return backward


def _make_first_weight_gradients(together: int) -> Any:
    load_all, load_numbers = loader(together), number_loader(together)

    @register_jitable
    def first_weight_gradients(net: Any, first: Any, work: Any) -> None:
        """The weight gradients of the first layer."""
        use_wide_vectors()
        n_in, n_out = net.sizes[0], net.sizes[1]
        for below in range(n_in):
            number = load_numbers(net.inputs, below, first)
            for unit in range(n_out):
                for vector in range(net.vectors):
                    delta = load_all(work.deltas, unit, vector)
                    slope = load(work.gradient, below * n_out + unit, vector)
                    slope = add_products(number, delta, slope)
                    store(work.gradient, below * n_out + unit, vector, slope)

    return first_weight_gradients


def _make_bias_gradients(together: int) -> Any:
    load_all = loader(together)

    @register_jitable
    def bias_gradients(net: Any, work: Any, start: Any, row: Any, n_out: Any) -> None:
        use_wide_vectors()
        for unit in range(n_out):
            for vector in range(net.vectors):
                slope = load(work.gradient, start + unit, vector)
                slope = add_parts(load_all(work.deltas, row + unit, vector), slope)
                store(work.gradient, start + unit, vector, slope)

    return bias_gradients


def _make_input_gradients(together: int) -> Any:
    load_all, repeat = loader(together), repeater(together)

    @register_jitable
    def input_gradients(net: Any, work: Any, start: Any, row: Any, n_in: Any, n_out: Any) -> None:
        """The weight gradients of a later layer and the deltas of the layer below."""
        use_wide_vectors()
        for below in range(n_in):
            place = start + below * n_out
            for vector in range(net.vectors):
                number = load_all(work.values, row - n_in + below, vector)
                back = repeat(spread(work.zero))
                for unit in range(n_out):
                    delta = load_all(work.deltas, row + unit, vector)
                    slope = add_products(number, delta, load(work.gradient, place + unit, vector))
                    store(work.gradient, place + unit, vector, slope)
                    weight = repeat(load(work.parameters, place + unit, vector))
                    back = multiply_add(weight, delta, back)
                back = back * load_all(work.slopes, row - n_in + below, vector)
                store(work.deltas, row - n_in + below, vector, back)

    return input_gradients
