"""The kernel that advances lanes to their next event."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.extending import register_jitable

from .chunks import copy, fill, load_chunk, store_chunk
from .network import Arithmetic, new_rows, new_work
from .rows import ERROR, LOSS, NORM
from .updates import Update
from .vector_arithmetic import any_of
from .vectors import borrowed, keep_alive, load, spread, use_wide_vectors


def make_find_event(arithmetic: Arithmetic, update: Update, stamp: int, keep: bool) -> Any:
    together, evaluate_chunk, step = arithmetic.together, arithmetic.evaluate, update.step
    moments, check_lane = update.moments, _make_check_lane(update.is_at_rest)

    @njit(cache=keep, error_model="numpy")
    def find_event(net: Any, lanes: Any, rules: Any, steps: Any, advanced: Any, found: Any) -> None:
        """Advance every lane to its event, or by `steps` updates.

        An event is a complete or ongoing streak (lanes stop where it began), or a divergence or
        stall (lanes stop one update before it).
        """
        use_wide_vectors()
        buffers = new_work(net, lanes.moving.shape[0], lanes.numbers.shape[0], together)
        net, work = borrowed(net), borrowed(buffers)
        moving, kind = len(work.moving), net.inputs.dtype
        notes = History(
            new_rows(moving, net.lanes, kind),
            new_rows(moving, net.lanes, kind),
            new_rows(1, net.lanes, kind),
            new_rows(1, net.lanes, kind),
            new_rows(1, net.lanes, kind),
            new_rows(1, net.lanes, kind),
            new_rows(1, net.lanes, kind),
        )
        history = borrowed(notes)
        count, width = lanes.moving.shape[1], net.lanes // net.vectors
        for start in range(0 * stamp, count, net.lanes):
            here = min(net.lanes, count - start)
            load_chunk(start, lanes.moving, work.moving)
            load_chunk(start, lanes.numbers, work.numbers)
            load_chunk(start, lanes.last_loss, history.loss_before)
            load_chunk(start, lanes.loss_limit, history.loss_limit)
            fill(history.begun, -1)
            fill(history.ended, 0)
            left = here
            for done in range(steps):
                evaluate_chunk(net, work, True)
                for vector in range(net.vectors):
                    if not may_have_event(vector, moments, work, rules, history):
                        continue
                    for lane in range(vector * width, min((vector + 1) * width, here)):
                        if not history.ended[0, lane]:
                            check_lane(lane, done, work, rules, history)
                            left -= history.ended[0, lane] != 0
                if left == 0:
                    break
                copy(history.before, work.moving)
                step(net, work)
            for lane in range(here):
                found[start + lane] = history.begun[0, lane] >= 0
                advanced[start + lane] = history.begun[0, lane]
                if history.begun[0, lane] < 0:
                    advanced[start + lane] = steps
                    keep_state(lane, work.moving, history)
            store_chunk(start, history.kept, lanes.moving)
            store_chunk(start, history.kept_loss, lanes.last_loss)
        keep_alive(buffers)
        keep_alive(notes)

    return find_event


class EventLanes(NamedTuple):
    """Lanes to search for events; they are advanced in place."""

    moving: Any  # (rows, lanes): parameters, and the optimizer's state
    numbers: Any  # (numbers, lanes): hyperparameters, the learning rate first
    last_loss: Any  # (1, lanes)
    loss_limit: Any  # (1, lanes): a larger loss is a divergence


class Rules(NamedTuple):
    """The stop rules."""

    limits: Any  # (3,): of prediction error, loss, norm; all infinite without a stop rule
    hold: int


class History(NamedTuple):
    """What is known about a chunk's lanes, and the states that they may return to."""

    kept: Any  # parameters and state where the streak or event began
    before: Any  # parameters and state before the last update
    kept_loss: Any  # (1, lanes)
    loss_before: Any  # (1, lanes): the last finite loss before this check
    loss_limit: Any  # (1, lanes)
    begun: Any  # (1, lanes): the update at which the streak or event began, or -1
    ended: Any  # (1, lanes): 1 once the search is over


@register_jitable
def may_have_event(vector: Any, moments: Any, work: Any, rules: Any, history: Any) -> Any:
    """Whether a check could find an event in any lane of a vector."""
    use_wide_vectors()
    zero = spread(work.zero)
    loss = load(work.measures, LOSS, vector)
    ordinary, same = loss <= load(history.loss_limit, 0, vector), zero <= zero
    for row in range(work.gradient.shape[0] * moments):
        number = load(work.moving, row, vector)
        ordinary = ordinary & (number - number <= zero)  # NaN, if not finite
        before = load(history.before, row, vector)
        same = same & (number <= before) & (number >= before)
    holds = loss <= spread(rules.limits[LOSS])
    for row in (ERROR, NORM):
        holds = holds & (load(work.measures, row, vector) <= spread(rules.limits[row]))
    streak = load(history.begun, 0, vector) >= zero
    nothing = ordinary & ~same & ~holds & ~streak
    return any_of(~nothing & (load(history.ended, 0, vector) <= zero))


def _make_check_lane(is_at_rest: Any) -> Any:
    @register_jitable
    def check_lane(lane: Any, done: Any, work: Any, rules: Any, history: Any) -> None:
        """Check one lane after `done` updates; may end its search."""
        loss = work.measures[LOSS, lane]
        finite = np.isfinite(loss) and all_finite(work.parameters, lane)
        if not (finite and loss <= history.loss_limit[0, lane]):
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
            if done > 0 and is_at_rest(history.before, work.moving, work.gradient.shape[0], lane):
                history.ended[0, lane] = True
                history.begun[0, lane] = done - 1
                keep_state(lane, history.before, history)
        history.loss_before[0, lane] = loss

    return check_lane


@register_jitable
def keep_state(lane: Any, moving: Any, history: Any) -> None:
    """Keep a lane's parameters, state and last finite loss."""
    for row in range(moving.shape[0]):
        history.kept[row, lane] = moving[row, lane]
    history.kept_loss[0, lane] = history.loss_before[0, lane]


@register_jitable
def all_finite(rows: Any, lane: Any) -> Any:
    """Whether all numbers of a lane are finite."""
    for row in range(rows.shape[0]):
        if not np.isfinite(rows[row, lane]):
            return False
    return True
