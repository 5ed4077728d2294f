"""Limits on the size of data files."""

from __future__ import annotations

MAX_FILE_BYTES = 2 << 30
MAX_NUMBERS = 1 << 27  # per array: 1 GiB in float64
MAX_WORD = 200  # characters of a label or category
MAX_WORDS = 10_000  # different labels or categories of a column


def as_size(size: int) -> str:
    """A number of bytes in words.

    >>> as_size(2 << 30)
    '2 GiB'
    """
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size} bytes"
