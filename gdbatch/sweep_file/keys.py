"""Dotted keys of values that may be axes: "optimizer.learning_rate", "init.values.0".

A number in a key is a place in a list.
"""

from __future__ import annotations

import re

from .toml_locations import Path


def key_path(key: str) -> Path:
    """Where the value of a key stands in the document."""
    return tuple(int(part) if _PLACE.fullmatch(part) else part for part in key.split("."))


def split_element(key: str) -> tuple[str, str]:
    """A key, and the ".0" behind it that means a place in its list, or nothing."""
    listed, _, last = key.rpartition(".")
    return (listed, f".{last}") if listed and _PLACE.fullmatch(last) else (key, "")


def short_name(key: str) -> str:
    """The last part of a key; of a place in a list, the list's name and the place."""
    listed, place = split_element(key)
    return listed.rsplit(".", 1)[-1] + place


_PLACE = re.compile(r"[0-9]{1,6}")
