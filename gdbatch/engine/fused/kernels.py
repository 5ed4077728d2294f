"""Compiled kernels for networks, which work on one chunk of lanes at a time."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.extending import register_jitable

from .chunks import copy, fill, load_chunk, store_chunk, store_samples
from .events import make_find_event
from .network import Arithmetic, keep_smaller, new_rows, new_work
from .outputs import keep_larger
from .rows import LOSS
from .updates import Update
from .vectors import borrowed, keep_alive, load, use_wide_vectors


class Watch(NamedTuple):
    """What an interval's updates report, (…, lanes): extremes, and facts about the last update."""

    smallest: Any  # (3, lanes): prediction error, loss, norm of the gradient
    largest_loss: Any  # (1, lanes)
    last_loss: Any  # (1, lanes): before the last update
    same: Any  # (1, lanes): 1 where the last update changed nothing, and no later one will


class Kernels(NamedTuple):
    """The kernels for one choice of activations and loss."""

    evaluate: Any
    run_interval: Any
    find_event: Any


def make_kernels(
    arithmetic: Arithmetic, update: Update, is_plain: bool, stamp: int, keep: bool
) -> Kernels:
    """Kernels for the given arithmetic and updates; is_plain: those of gradient descent.

    They are compiled when first called and, with `keep`, cached on disk. `stamp` becomes part of
    their code, so that Numba does not load kernels compiled from other sources.
    """
    return Kernels(
        _evaluate(arithmetic, stamp, keep),
        _run_interval(arithmetic, update, is_plain, stamp, keep),
        make_find_event(arithmetic, update, stamp, keep),
    )


def _evaluate(arithmetic: Arithmetic, stamp: int, keep: bool) -> Any:
    together, forward, evaluate_chunk, _ = arithmetic

    @njit(cache=keep, error_model="numpy")
    def evaluate(net: Any, parameters: Any, gradient: Any, measures: Any, values: Any) -> None:
        """Fill `gradient`, `measures` and `values` (samples·outputs, lanes)."""
        use_wide_vectors()
        buffers, n_out = new_work(net, parameters.shape[0], 1, together), net.sizes[-1]
        net, work = borrowed(net), borrowed(buffers)
        for start in range(0 * stamp, parameters.shape[1], net.lanes):
            load_chunk(start, parameters, work.parameters)
            evaluate_chunk(net, work, True)
            store_chunk(start, work.gradient, gradient)
            store_chunk(start, work.measures, measures)
            for first in range(0, net.samples if len(values) else 0, together):
                forward(net, first, work)
                rows = values[first * n_out : (first + together) * n_out]
                store_samples(start, net, work.values[-n_out:], together, rows)
        keep_alive(buffers)

    return evaluate


def _run_interval(
    arithmetic: Arithmetic, update: Update, is_plain: bool, stamp: int, keep: bool
) -> Any:
    step, is_at_rest = update.step, update.is_at_rest
    together, _, evaluate_chunk, single_steps = arithmetic

    @njit(cache=keep, error_model="numpy")
    def run_interval(
        net: Any, moving: Any, numbers: Any, watch: Any, steps: Any, check_every: Any, lean: Any
    ) -> None:
        """Make `steps` updates, with a check every `check_every` updates.

        lean: measure only at checks and before the last update; otherwise before every update, to
        find the largest loss.
        """
        use_wide_vectors()
        buffers = new_work(net, moving.shape[0], numbers.shape[0], together)
        net, work = borrowed(net), borrowed(buffers)
        kind = net.inputs.dtype
        before = new_rows(len(work.moving), net.lanes, kind)
        smallest, largest = new_rows(3, net.lanes, kind), new_rows(1, net.lanes, kind)
        same = new_rows(1, net.lanes, kind)
        single = lean and is_plain and len(work.parameters) == net.samples == 1
        for start in range(0 * stamp, moving.shape[1], net.lanes):
            load_chunk(start, moving, work.moving)
            load_chunk(start, numbers, work.numbers)
            fill(smallest, np.inf)
            fill(largest, 0)
            done = 0
            while done < steps:
                if single:  # straight to the next check, or to the end if every step is a check
                    ahead = steps - 1 - done
                    if check_every > 1:
                        ahead = min(ahead, check_every - 1)
                    single_steps(net, work, ahead, smallest, check_every == 1)
                    done += ahead
                done += 1
                check = done % check_every == 0 or done == steps
                evaluate_chunk(net, work, check or not lean)
                if check or not lean:
                    keep_extremes(net, work, smallest, largest, check)
                if done == steps:
                    copy(before, work.moving)
                step(net, work)
            for lane in range(net.lanes):
                same[0, lane] = is_at_rest(before, work.moving, work.gradient.shape[0], lane)
            store_chunk(start, work.moving, moving)
            store_chunk(start, smallest, watch.smallest)
            store_chunk(start, largest, watch.largest_loss)
            store_chunk(start, work.measures[LOSS : LOSS + 1], watch.last_loss)
            store_chunk(start, same, watch.same)
        keep_alive(buffers)

    return run_interval


@register_jitable
def keep_extremes(net: Any, work: Any, smallest: Any, largest: Any, check: Any) -> None:
    """Update the extremes with the latest measures."""
    use_wide_vectors()
    for vector in range(net.vectors):
        keep_larger(largest, 0, vector, load(work.measures, LOSS, vector))
        if check:
            for row in range(3):
                keep_smaller(smallest, row, vector, load(work.measures, row, vector))
