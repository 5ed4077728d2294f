"""Data files: samples and parameters from CSV, Parquet and npz files, and tables in memory.

Every error is an IngredientError about the option that names the file; it says what is wrong, and
where.
"""

from .cells import counted
from .files import expect_file, is_csv, read_arrays, read_columns, read_samples
from .frames import FrameTable, bunch_table, table_in_memory
from .rows import Arrays, Labels, Rows, Selection, are_whole, named_rows, words_of
from .selection import select
from .table import Table, shown_names

__all__ = [
    "Arrays",
    "FrameTable",
    "Labels",
    "Rows",
    "Selection",
    "Table",
    "are_whole",
    "bunch_table",
    "counted",
    "expect_file",
    "is_csv",
    "named_rows",
    "read_arrays",
    "read_columns",
    "read_samples",
    "select",
    "shown_names",
    "table_in_memory",
    "words_of",
]
