"""The catalogue of ingredients: what can be named in a sweep file, by family and name.

Ingredients register themselves here; nothing here knows any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .errors import nearest

FAMILIES = (
    "problem",
    "function",
    "dataset",
    "activation",
    "loss",
    "init",
    "optimizer",
    "schedule",
    "measure",
)

_entries: dict[str, dict[str, Any]] = {family: {} for family in FAMILIES}

Entry = TypeVar("Entry", bound=type)


def register(family: str, name: str) -> Callable[[Entry], Entry]:
    """Class decorator: puts an ingredient into the catalogue under `family` and `name`."""

    def add(entry: Entry) -> Entry:
        if name in _entries[family]:
            raise ValueError(f"the {family} {name!r} is registered twice")
        if not (entry.__doc__ or "").strip():
            raise ValueError(f"the {family} {name!r} needs a docstring: it is its line in the list")
        _entries[family][name] = entry
        return entry

    return add


def family(name: str) -> Mapping[str, Any]:
    """All entries of one family, by name, in the order of their names."""
    return dict(sorted(_entries[name].items()))


def get(family_name: str, name: str) -> Any:
    """One entry; raises KeyError with the nearest name when there is none."""
    try:
        return _entries[family_name][name]
    except KeyError:
        hint = nearest(name, sorted(_entries[family_name]))
        raise KeyError(f'no {family_name} is called "{name}"; {hint}') from None


def summary(entry: Any) -> str:
    """The one line that describes an entry in `gdbatch list`: its docstring's first."""
    return str(entry.__doc__).strip().splitlines()[0].rstrip(".")
