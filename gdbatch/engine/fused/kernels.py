"""Compiled kernels for networks, which work on one chunk of lanes after another."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.extending import register_jitable

from .chunks import bring, copy, fill, give_back, give_back_samples
from .events import make_find_event
from .network import Arithmetic, new_rows, new_work, note_larger, note_smaller
from .rows import LOSS
from .updates import Update
from .vectors import borrowed, keep_alive, load, use_wide_vectors


class Watch(NamedTuple):
    """What the updates of an interval leave behind, (…, lanes): extremes, and the last update."""

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
    """Kernels for some arithmetic and the updates of an optimizer, which may be plain descent.

    They are compiled when first called and, with `keep`, kept on disk. `stamp` becomes part of
    their code, so that Numba does not load kernels that were made from other sources.
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
        """Fill gradient, measures and `values`, which are (samples·outputs, lanes)."""
        use_wide_vectors()
        buffers, n_out = new_work(net, parameters.shape[0], 1, together), net.sizes[-1]
        net, work = borrowed(net), borrowed(buffers)
        for start in range(0 * stamp, parameters.shape[1], net.lanes):
            bring(start, parameters, work.parameters)
            evaluate_chunk(net, work, True)
            give_back(start, work.gradient, gradient)
            give_back(start, work.measures, measures)
            for first in range(0, net.samples if len(values) else 0, together):
                forward(net, first, work)
                rows = values[first * n_out : (first + together) * n_out]
                give_back_samples(start, net, work.values[-n_out:], together, rows)
        keep_alive(buffers)

    return evaluate


def _run_interval(
    arithmetic: Arithmetic, update: Update, is_plain: bool, stamp: int, keep: bool
) -> Any:
    step, is_at_rest = update.step, update.is_at_rest
    together, _, evaluate_chunk, single_steps = arithmetic

    @njit(cache=keep, error_model="numpy")
    def run_interval(
        net: Any, moving: Any, numbers: Any, watch: Any, steps: Any, distance: Any, lean: Any
    ) -> None:
        """`steps` updates with a check every `distance` updates.

        lean: the loss is needed only before the last update; else it is measured before each, for
        the largest.
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
            bring(start, moving, work.moving)
            bring(start, numbers, work.numbers)
            fill(smallest, np.inf)
            fill(largest, 0)
            done = 0
            while done < steps:
                if single:  # straight to the next check, or to the end where every step is one
                    ahead = steps - 1 - done
                    if distance > 1:
                        ahead = min(ahead, distance - 1)
                    single_steps(net, work, ahead, smallest, distance == 1)
                    done += ahead
                done += 1
                check = done % distance == 0 or done == steps
                evaluate_chunk(net, work, check or not lean)
                if check or not lean:
                    note(net, work, smallest, largest, check)
                if done == steps:
                    copy(before, work.moving)
                step(net, work)
            for lane in range(net.lanes):
                same[0, lane] = is_at_rest(before, work.moving, work.gradient.shape[0], lane)
            give_back(start, work.moving, moving)
            give_back(start, smallest, watch.smallest)
            give_back(start, largest, watch.largest_loss)
            give_back(start, work.measures[LOSS : LOSS + 1], watch.last_loss)
            give_back(start, same, watch.same)
        keep_alive(buffers)

    return run_interval


@register_jitable
def note(net: Any, work: Any, smallest: Any, largest: Any, check: Any) -> None:
    """Keep the extremes of what was measured."""
    use_wide_vectors()
    for vector in range(net.vectors):
        note_larger(largest, 0, vector, load(work.measures, LOSS, vector))
        if check:
            for row in range(3):
                note_smaller(smallest, row, vector, load(work.measures, row, vector))
