"""Compiled kernels for networks: what a block asks for, a chunk of lanes after the other."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.extending import register_jitable

from .fused_network import (
    ERROR,
    LOSS,
    NORM,
    Arithmetic,
    new_rows,
    new_work,
    note_larger,
    note_smaller,
)
from .vectors import any_of, load, spread, use_wide_vectors


class Watch(NamedTuple):
    """What a window keeps of every lane, (…, lanes): extremes, and its last update."""

    smallest: Any  # (3, lanes): prediction error, loss, norm of the gradient
    largest_loss: Any  # (1, lanes)
    last_loss: Any  # (1, lanes): before the last update
    same: Any  # (1, lanes): 1 where the last update changed nothing


class Kernels(NamedTuple):
    """The kernels for one choice of activations and loss."""

    evaluate: Any
    run_window: Any
    find_event: Any


@register_jitable
def bring(start: Any, array: Any, rows: Any) -> None:
    """Lanes of a chunk from (rows, lanes); past the end, copies of the last lane."""
    last = array.shape[1] - 1
    for row in range(array.shape[0]):
        for lane in range(rows.shape[1]):
            rows[row, lane] = array[row, min(start + lane, last)]


@register_jitable
def give_back(start: Any, rows: Any, array: Any) -> None:
    """The way back, without the copies."""
    for row in range(array.shape[0]):
        for lane in range(min(rows.shape[1], array.shape[1] - start)):
            array[row, start + lane] = rows[row, lane]


def make_kernels(
    arithmetic: Arithmetic, step: Any, is_plain: bool, stamp: int, keep: bool
) -> Kernels:
    """Kernels for some arithmetic and the step of an optimizer, which may be plain descent.

    They are compiled when first called and, with `keep`, kept on disk; `stamp` tells the code of
    the ingredients, which Numba does not look at, from what it was when they were kept.
    """
    return Kernels(
        _evaluate(arithmetic, stamp, keep),
        _run_window(arithmetic, step, is_plain, stamp, keep),
        _find_event(arithmetic, step, stamp, keep),
    )


def _evaluate(arithmetic: Arithmetic, stamp: int, keep: bool) -> Any:
    forward, evaluate_chunk = arithmetic.forward, arithmetic.evaluate

    @njit(cache=keep, error_model="numpy")
    def evaluate(net: Any, parameters: Any, gradient: Any, measures: Any, values: Any) -> None:
        """Fill what a block wants to know, all of it; `values` are (samples·outputs, lanes)."""
        use_wide_vectors()
        work, n_out = new_work(net, parameters.shape[0], 1), net.sizes[-1]
        for start in range(0 * stamp, parameters.shape[1], net.lanes):
            bring(start, parameters, work.parameters)
            evaluate_chunk(net, work, True)
            give_back(start, work.gradient, gradient)
            give_back(start, work.measures, measures)
            for sample in range(len(net.inputs) if len(values) else 0):
                forward(net, sample, work)
                rows = values[sample * n_out : (sample + 1) * n_out]
                give_back(start, work.values[-n_out:], rows)

    return evaluate


def _run_window(arithmetic: Arithmetic, step: Any, is_plain: bool, stamp: int, keep: bool) -> Any:
    evaluate_chunk, single_steps = arithmetic.evaluate, arithmetic.single_steps

    @njit(cache=keep, error_model="numpy")
    def run_window(
        net: Any, moving: Any, numbers: Any, watch: Any, steps: Any, distance: Any, lean: Any
    ) -> None:
        """`steps` updates with a look every `distance` ones.

        lean: nobody wants to know of the loss but after the last update; else it is looked at
        after each, for the largest.
        """
        use_wide_vectors()
        work = new_work(net, moving.shape[0], numbers.shape[0])
        kind = net.inputs.dtype
        before = new_rows(len(work.moving), net.lanes, kind)
        smallest, largest = new_rows(3, net.lanes, kind), new_rows(1, net.lanes, kind)
        same = new_rows(1, net.lanes, kind)
        single = lean and is_plain and len(work.parameters) == len(net.inputs) == 1
        for start in range(0 * stamp, moving.shape[1], net.lanes):
            bring(start, moving, work.moving)
            bring(start, numbers, work.numbers)
            smallest[:] = np.inf
            largest[:] = 0
            done = 0
            while done < steps:
                if single:  # straight to the next look, or to the end where every step is one
                    ahead = steps - 1 - done
                    if distance > 1:
                        ahead = min(ahead, distance - 1)
                    single_steps(net, work, ahead, smallest, distance == 1)
                    done += ahead
                done += 1
                look = done % distance == 0 or done == steps
                evaluate_chunk(net, work, look or not lean)
                if look or not lean:
                    note(net, work, smallest, largest, look)
                if done == steps:
                    before[:] = work.moving
                step(net, work)
            same[:] = 1
            for row in range(len(before)):
                for lane in range(net.lanes):
                    if before[row, lane] != work.moving[row, lane]:
                        same[0, lane] = 0
            give_back(start, work.moving, moving)
            give_back(start, smallest, watch.smallest)
            give_back(start, largest, watch.largest_loss)
            give_back(start, work.measures[LOSS : LOSS + 1], watch.last_loss)
            give_back(start, same, watch.same)

    return run_window


def _find_event(arithmetic: Arithmetic, step: Any, stamp: int, keep: bool) -> Any:
    evaluate_chunk = arithmetic.evaluate

    @njit(cache=keep, error_model="numpy")
    def find_event(net: Any, lanes: Any, rules: Any, steps: Any, advanced: Any, found: Any) -> None:
        """Bring every lane to where something happens to it, or `steps` updates on.

        An event is a streak that lasts, or is not over yet (lanes come to where it began), a
        divergence or a stall (lanes come to one update before it shows).
        """
        use_wide_vectors()
        work = new_work(net, lanes.moving.shape[0], lanes.numbers.shape[0])
        moving, kind = len(work.moving), net.inputs.dtype
        history = History(
            new_rows(moving, net.lanes, kind),
            new_rows(moving, net.lanes, kind),
            new_rows(1, net.lanes, kind),
            new_rows(1, net.lanes, kind),
            new_rows(1, net.lanes, kind),
            new_rows(1, net.lanes, kind),
        )
        count, width = lanes.moving.shape[1], net.lanes // net.vectors
        for start in range(0 * stamp, count, net.lanes):
            here = min(net.lanes, count - start)
            bring(start, lanes.moving, work.moving)
            bring(start, lanes.numbers, work.numbers)
            bring(start, lanes.last_loss, history.loss_before)
            history.begun[:] = -1
            history.ended[:] = 0
            left = here
            for done in range(steps):
                evaluate_chunk(net, work, True)
                for vector in range(net.vectors):
                    if not something_to_see(vector, work, rules, history):
                        continue
                    for lane in range(vector * width, min((vector + 1) * width, here)):
                        if not history.ended[0, lane]:
                            look_at(lane, done, work, rules, history)
                            left -= history.ended[0, lane] != 0
                if left == 0:
                    break
                history.before[:] = work.moving
                step(net, work)
            for lane in range(here):
                found[start + lane] = history.begun[0, lane] >= 0
                advanced[start + lane] = history.begun[0, lane]
                if history.begun[0, lane] < 0:
                    advanced[start + lane] = steps
                    keep_state(lane, work.moving, history)
            give_back(start, history.kept, lanes.moving)
            give_back(start, history.kept_loss, lanes.last_loss)

    return find_event


@register_jitable
def note(net: Any, work: Any, smallest: Any, largest: Any, look: Any) -> None:
    """Keep the extremes of what was measured."""
    use_wide_vectors()
    for vector in range(net.vectors):
        note_larger(largest, 0, vector, load(work.measures, LOSS, vector))
        if look:
            for row in range(3):
                note_smaller(smallest, row, vector, load(work.measures, row, vector))


class EventLanes(NamedTuple):
    """Lanes in which an event is looked for; they come to where it is."""

    moving: Any  # (rows, lanes): parameters, and the optimizer's state
    numbers: Any  # (numbers, lanes): of the optimizer, the learning rate first
    last_loss: Any  # (1, lanes)


class Rules(NamedTuple):
    """When something happens."""

    limits: Any  # (3,): of prediction error, loss, norm; all infinite without a stop rule
    largest_loss: Any
    hold: int


class History(NamedTuple):
    """What is kept of the lanes of a chunk: where they may be brought back to."""

    kept: Any  # what moves, where the streak, or the event, began
    before: Any  # what moves, before the last update
    kept_loss: Any  # (1, lanes)
    loss_before: Any  # (1, lanes): the last finite loss before this check
    begun: Any  # (1, lanes): the update with which the streak, or the event, began, or -1
    ended: Any  # (1, lanes): 1 where there is nothing more to find


@register_jitable
def something_to_see(vector: Any, work: Any, rules: Any, history: Any) -> Any:
    """Whether a check of any lane of a vector could find more than that training goes on."""
    use_wide_vectors()
    zero = spread(work.zero)
    loss = load(work.measures, LOSS, vector)
    ordinary, same = loss <= spread(rules.largest_loss), zero <= zero
    for row in range(work.moving.shape[0]):
        number = load(work.moving, row, vector)
        ordinary = ordinary & (number - number <= zero)  # no number, if it is not finite
        before = load(history.before, row, vector)
        same = same & (number <= before) & (number >= before)
    holds = loss <= spread(rules.limits[LOSS])
    for row in (ERROR, NORM):
        holds = holds & (load(work.measures, row, vector) <= spread(rules.limits[row]))
    streak = load(history.begun, 0, vector) >= zero
    nothing = ordinary & ~same & ~holds & ~streak
    return any_of(~nothing & (load(history.ended, 0, vector) <= zero))


@register_jitable
def look_at(lane: Any, done: Any, work: Any, rules: Any, history: Any) -> None:
    """One check of one lane after `done` updates, which may end it."""
    loss = work.measures[LOSS, lane]
    finite = np.isfinite(loss) and all_finite(work.parameters, lane)
    if not (finite and loss <= rules.largest_loss):
        history.ended[0, lane] = True
        history.begun[0, lane] = max(done - 1, 0)
        keep_state(lane, history.before if done > 0 else work.moving, history)
        return
    if (
        np.isfinite(rules.limits).any()
        and work.measures[ERROR, lane] <= rules.limits[ERROR]
        and loss <= rules.limits[LOSS]
        and work.measures[NORM, lane] <= rules.limits[NORM]
    ):
        if history.begun[0, lane] < 0:
            history.begun[0, lane] = done
            keep_state(lane, work.moving, history)
        history.ended[0, lane] = done - history.begun[0, lane] + 1 >= rules.hold
    else:
        history.begun[0, lane] = -1
        if done > 0 and are_equal(work.moving, history.before, lane):
            history.ended[0, lane] = True
            history.begun[0, lane] = done - 1
            keep_state(lane, history.before, history)
    history.loss_before[0, lane] = loss


@register_jitable
def keep_state(lane: Any, moving: Any, history: Any) -> None:
    """Keep what moves of a lane, and the loss it had before."""
    for row in range(moving.shape[0]):
        history.kept[row, lane] = moving[row, lane]
    history.kept_loss[0, lane] = history.loss_before[0, lane]


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
