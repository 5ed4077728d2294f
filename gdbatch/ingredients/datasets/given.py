"""Data given from Python, in place of a file."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import PrivateAttr

from ..data_files import FrameTable, table_in_memory
from .protocol import DataOptions


class GivenData(DataOptions):
    """Data that `run_sweep` was given; it is not registered, since no sweep file can name it."""

    has_columns: ClassVar[bool] = True

    kind: Literal["given"] = "given"
    type: str  # of the object
    rows: int
    columns: int
    digest: str  # of names and values
    _table: FrameTable = PrivateAttr()

    @classmethod
    def of(cls, data: object) -> GivenData:
        """The options for a DataFrame, a tuple (X, y) or a Bunch; raises IngredientError."""
        table = table_in_memory(data)
        rows, columns = table.shape
        name = type(data).__name__
        options = cls(type=name, rows=rows, columns=columns, digest=table.digest())
        options._table = table
        return options

    @property
    def table(self) -> FrameTable:
        """The data."""
        return self._table
