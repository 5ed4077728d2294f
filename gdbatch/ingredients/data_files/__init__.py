"""Data files: samples and parameters from CSV, Parquet and npz files, and tables in memory.

Every error is an IngredientError about the option that names the file; it says what is wrong, and
where.
"""

from .cells import counted
from .files import expect_file, is_csv, read_arrays, read_columns, read_samples
from .rows import Arrays, Labels, Rows, Selection, are_whole, named_rows, words_of
from .selection import select
from .table import Table, shown_names

__all__ = [
    "Arrays",
    "Labels",
    "Rows",
    "Selection",
    "Table",
    "are_whole",
    "counted",
    "expect_file",
    "is_csv",
    "named_rows",
    "read_arrays",
    "read_columns",
    "read_samples",
    "select",
    "shown_names",
    "words_of",
]
