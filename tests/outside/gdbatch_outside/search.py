"""A search that trains some of the trials; its runs are analysed as a grid."""

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from gdbatch.analysis.grid import GridAnalysis
from gdbatch.engine import train
from gdbatch.ingredients.options import Options
from gdbatch.registry import register
from gdbatch.search import ShardTask, TableSearch, Trained


class ThinnedOptions(Options):
    every: int = Field(2, ge=1, description="Distance of the trials that are trained.")


@register("search", "outside_thinned")
@dataclass(frozen=True)
class Thinned(TableSearch):
    """Trains every n-th trial of the grid."""

    options: ThinnedOptions
    table, table_options, trains_all = "outside_thinned", ThinnedOptions, False
    of = classmethod(lambda cls, options, axes, measures: cls(options))

    def cut(self, trials: int, block_width: int) -> list[tuple[int, int]]:
        return [(1, trials)]

    def train(self, shard: ShardTask) -> Trained:
        rows = np.arange(shard.trials)[:: self.options.every]
        return Trained(train(shard.task_of(rows), measures=shard.measures), rows)

    def facts(self) -> dict[str, object]:
        return {"kind": "outside_thinned", "every": self.options.every}


register("analysis", "outside_thinned")(GridAnalysis)
