"""What `gdbatch list` shows: every family of the registry, one line per entry."""

from __future__ import annotations

from collections.abc import Iterable

from .. import registry
from ..errors import UsageError, nearest
from ..sweep_file.shipped import description, shipped_sweeps


def families() -> dict[str, dict[str, str]]:
    """For each family title, its names with their one-line descriptions; sweeps come first."""
    return {"sweeps": {name: description(path) for name, path in shipped_sweeps().items()}} | {
        about.title: {one: describe(entry) for one, entry in registry.family(name).items()}
        for name, about in registry.FAMILIES.items()
    }


def describe(entry: object) -> str:
    """The first line of an entry's docstring, with its remedy if it has one."""
    line, remedy = registry.summary(entry), getattr(entry, "remedy", "")
    return f"{line}; try {remedy}" if remedy else line


def find_family(wanted: str, titles: Iterable[str]) -> str:
    """The title of a family, given its singular or plural; raises UsageError if there is none."""
    titles = list(titles)
    singular = {name: about.title for name, about in registry.FAMILIES.items()}
    plain = wanted.replace("_", " ").replace("-", " ")
    for name in (plain, singular.get(wanted), singular.get(plain.replace(" ", "_"))):
        if name in titles:
            return str(name)
    raise UsageError(f'there is no family "{wanted}"; {nearest(plain, titles)}')
