"""The updates of optimizers for compiled kernels, from their fused forms; see `fused_network`."""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from .vectors import load, store, use_wide_vectors


def make_step(optimizer: Any) -> Any:
    """One update of a chunk's lanes: (net, work)."""
    states = len(optimizer.state)
    load_states, store_states = _rows(states)
    load_shares, store_shares = _rows(len(optimizer.row_state))
    load_numbers, _ = _rows(len(optimizer.fused_hyperparameters))
    fused = register_jitable(optimizer.fused)

    @register_jitable
    def step(net: Any, work: Any) -> None:
        use_wide_vectors()
        weights = work.gradient.shape[0]
        first_share = weights * (1 + states)
        for vector in range(net.vectors):
            rate = load(work.numbers, 0, vector)
            numbers = load_numbers(work.numbers, 1, 1, vector)
            shares = load_shares(work.moving, first_share, 1, vector)
            new_shares = shares
            for row in range(weights):
                weight = load(work.moving, row, vector)
                slope = load(work.gradient, row, vector)
                state = load_states(work.moving, weights + row, weights, vector)
                weight, state, new_shares = fused(weight, slope, state, shares, numbers, rate)
                store(work.moving, row, vector, weight)
                store_states(work.moving, weights + row, weights, vector, state)
            store_shares(work.moving, first_share, 1, vector, new_shares)

    return step


def _rows(count: int) -> tuple[Any, Any]:
    """To load and to store a tuple of so many vectors, in rows that are some way apart."""

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
