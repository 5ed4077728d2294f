"""The updates of optimizers for compiled kernels, from their fused forms."""

from __future__ import annotations

from typing import Any, NamedTuple

from numba.extending import register_jitable

from .vectors import load, store, use_wide_vectors


class Update(NamedTuple):
    """What kernels need from an optimizer."""

    step: Any  # (net, work): one update of a chunk's lanes
    is_at_rest: Any  # (before, after, weights, lane): whether no later update changes anything
    moments: int  # number of arrays of the parameters' shape that an update changes


def make_update(optimizer: Any) -> Update:
    """The updates of an optimizer, from its fused form."""
    return Update(_make_step(optimizer), _make_is_at_rest(optimizer), 1 + len(optimizer.state))


def _make_step(optimizer: Any) -> Any:
    """One update of a chunk's lanes: (net, work)."""
    states = len(optimizer.state)
    load_states, store_states = _rows(states)
    load_row_state, store_row_state = _rows(len(optimizer.row_state))
    load_numbers, _ = _rows(len(optimizer.fused_hyperparameters))
    fused = register_jitable(optimizer.fused)

    @register_jitable
    def step(net: Any, work: Any) -> None:
        use_wide_vectors()
        weights = work.gradient.shape[0]
        first = weights * (1 + states)  # row of the row state
        for vector in range(net.vectors):
            rate = load(work.numbers, 0, vector)
            numbers = load_numbers(work.numbers, 1, 1, vector)
            row_state = load_row_state(work.moving, first, 1, vector)
            new_row_state = row_state
            for row in range(weights):
                weight = load(work.moving, row, vector)
                slope = load(work.gradient, row, vector)
                state = load_states(work.moving, weights + row, weights, vector)
                weight, state, new_row_state = fused(weight, slope, state, row_state, numbers, rate)
                store(work.moving, row, vector, weight)
                store_states(work.moving, weights + row, weights, vector, state)
            store_row_state(work.moving, first, 1, vector, new_row_state)

    return step


def _make_is_at_rest(optimizer: Any) -> Any:
    """Whether an update changed nothing and no later one will: (before, after, weights, lane).

    The same as `Block.unchanged_lanes`; rows are as in `Work.moving`.
    """
    states, numerator = len(optimizer.state), optimizer.numerator
    place = 0 if numerator is None else 1 + optimizer.state.index(numerator)

    @register_jitable
    def is_at_rest(before: Any, after: Any, weights: Any, lane: Any) -> Any:
        moments = weights * (1 + states)
        for row in range(moments):
            if before[row, lane] != after[row, lane]:
                return False
        corrected = False
        for row in range(moments, before.shape[0]):
            if before[row, lane] != after[row, lane]:
                corrected = True
        if not corrected:
            return True
        if place == 0:
            return False
        for row in range(weights * place, weights * (place + 1)):
            if after[row, lane] != 0:
                return False
        return True

    return is_at_rest


def _rows(count: int) -> tuple[Any, Any]:
    """Functions that load and store a tuple of `count` vectors, in rows `apart` from each other."""

    def load_none(array: Any, row: Any, apart: Any, vector: Any) -> Any:
        return ()

    def load_one(array: Any, row: Any, apart: Any, vector: Any) -> Any:
        return (load(array, row, vector),)

    def load_two(array: Any, row: Any, apart: Any, vector: Any) -> Any:
        return load(array, row, vector), load(array, row + apart, vector)

    def load_three(array: Any, row: Any, apart: Any, vector: Any) -> Any:
        first, second = load(array, row, vector), load(array, row + apart, vector)
        return first, second, load(array, row + 2 * apart, vector)

    def store_none(array: Any, row: Any, apart: Any, vector: Any, values: Any) -> None:
        return

    def store_one(array: Any, row: Any, apart: Any, vector: Any, values: Any) -> None:
        store(array, row, vector, values[0])

    def store_two(array: Any, row: Any, apart: Any, vector: Any, values: Any) -> None:
        store(array, row, vector, values[0])
        store(array, row + apart, vector, values[1])

    def store_three(array: Any, row: Any, apart: Any, vector: Any, values: Any) -> None:
        store(array, row, vector, values[0])
        store(array, row + apart, vector, values[1])
        store(array, row + 2 * apart, vector, values[2])

    chosen = (
        (load_none, store_none),
        (load_one, store_one),
        (load_two, store_two),
        (load_three, store_three),
    )[count]
    return register_jitable(chosen[0]), register_jitable(chosen[1])
