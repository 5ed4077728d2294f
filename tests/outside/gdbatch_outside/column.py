"""A column of `trials`: the decrease of the loss."""

import pyarrow as pa

from gdbatch.registry import register
from gdbatch.run.columns import Column, Rows, Values


@register("column", "outside_descent")
class Descent(Column):
    """The initial loss minus the final loss."""

    type = pa.float64()

    def values(self, rows: Rows) -> Values:
        return rows.results.initial_loss - rows.results.final_loss
