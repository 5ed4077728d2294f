"""Dotted keys of values that may be axes: "optimizer.learning_rate", "init.values.0".

A number in a key is an index into a list.
"""

from __future__ import annotations

import re

from .toml_locations import Path

_PLACE = re.compile(r"[0-9]{1,6}")


def key_path(key: str) -> Path:
    """The path of a key's value in the document."""
    return tuple(int(part) if _PLACE.fullmatch(part) else part for part in key.split("."))


def split_places(key: str) -> tuple[str, str]:
    """A key without the list indices at its end, and these indices: ".0", ".0.1" or ""."""
    parts = key.split(".")
    length = len(parts)
    while length > 1 and _PLACE.fullmatch(parts[length - 1]):
        length -= 1
    return ".".join(parts[:length]), "".join(f".{part}" for part in parts[length:])


def short_name(key: str) -> str:
    """The column of an axis: the last part of its key, with its list indices.

    The `kind` of a table is named after the table.
    """
    listed, places = split_places(key)
    *tables, last = listed.split(".")
    return (tables[-1] if last == "kind" and tables else last) + places
