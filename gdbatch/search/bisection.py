"""Bisection: narrows a bracket down to the value at which trials become stable or unstable.

All brackets of a shard are halved together, one row per round: first the lower ends, then the upper
ends, then the midpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ..engine import Results, needs_final_parameters, observe, train
from ..outcomes import stable
from ..registry import register
from .protocol import Search, ShardTask, Trained, Values, even_cut


@register("search", "bisection")
@dataclass(frozen=True)
class Bisection(Search):
    """Bisects one axis to find the edge of stability."""

    axis: str  # its key
    column: str
    low: float
    high: float
    rows: int  # trials of one bisection: both ends and the midpoints
    middle: Callable[[Values, Values], Values]  # of lower and upper ends

    @property
    def axes(self) -> tuple[str, ...]:
        """The axis whose values depend on training."""
        return (self.axis,)

    @property
    def unit(self) -> int:
        """A bisection is trained as a whole."""
        return self.rows

    def cut(self, trials: int, block_width: int) -> Iterable[tuple[int, int]]:
        """Shards of up to a block of bisections: a round trains one row of each."""
        return even_cut(trials // self.rows, self.rows, block_width)

    def train(self, shard: ShardTask) -> Trained:
        """Train all bisections of a shard, one row at a time.

        A stable midpoint replaces the lower end, an unstable one the upper end, so a bisection
        converges to where stable trials become unstable. If the lower end is unstable and the upper
        one stable, the roles are swapped. If both ends are alike, it converges to the upper one if
        they are stable, to the lower one if not, unless it meets an edge on the way.
        """
        bisections = shard.trials // self.rows
        first = np.arange(bisections) * self.rows
        values = np.empty(shard.trials)
        parts = []
        keep = shard.keep_parameters or needs_final_parameters(shard.measures)
        low, high = np.full(bisections, self.low), np.full(bisections, self.high)
        for row in range(self.rows):
            value = (low, high)[row] if row < 2 else self.middle(low, high)
            values[first + row] = value
            task = shard.task_of(first + row, {self.axis: value})
            parts.append(train(task, keep_parameters=keep))
            last = parts[row]
            is_stable = stable(last.outcome, last.initial_loss, last.final_loss)
            if row == 0:
                rising = ~is_stable
            elif row == 1:
                rising &= is_stable
            else:
                is_low = is_stable != rising
                low, high = np.where(is_low, value, low), np.where(is_low, high, value)
        results = Results.side_by_side(parts)
        rows, found = np.arange(shard.trials), {self.axis: values}
        observe(shard.task_of(rows, found), results, shard.recording, shard.measures)
        if not shard.keep_parameters:
            results.final_parameters = None
        return Trained(results, rows, found)

    def facts(self) -> dict[str, object]:
        """The axis column, and the number of rows per bisection."""
        return {"kind": "bisection", "axis": self.column, "rows": self.rows}
