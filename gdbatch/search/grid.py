"""The grid: every combination of values is trained once."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..engine import train
from ..registry import register
from .protocol import Search, ShardTask, Trained, even_cut

_BLOCKS_PER_SHARD = 4  # so that waiting trials can replace finished lanes


@register("search", "grid")
class Grid(Search):
    """Trains every combination of the axes' values."""

    def cut(self, trials: int, block_width: int) -> Iterable[tuple[int, int]]:
        """Shards of a few blocks."""
        return even_cut(trials, 1, _BLOCKS_PER_SHARD * block_width)

    def train(self, shard: ShardTask) -> Trained:
        """Train all trials in one call of the engine."""
        rows = np.arange(shard.trials)
        task = shard.task_of(rows)
        return Trained(train(task, shard.recording, shard.keep_parameters, shard.measures), rows)

    def facts(self) -> dict[str, object]:
        """The kind."""
        return {"kind": "grid"}
