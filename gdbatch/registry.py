"""The registry: every named component of gdbatch, by family and name.

A component registers itself with `@register`; this module knows none of them. A family is filled on
first use by importing its home module. Installed plug-ins add to it: packages with an entry point
in the group "gdbatch" that names a module to import.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from .errors import PluginError, nearest

PLUGIN_GROUP = "gdbatch"


@dataclass(frozen=True)
class Family:
    """Components of one kind: the module that registers the built-in ones, and what they are."""

    home: str
    description: str
    title: str  # the plural, as `gdbatch list` shows it


FAMILIES = {
    "problem": Family("ingredients", "what is trained", "problems"),
    "function": Family("ingredients", "functions with exact gradients", "functions"),
    "dataset": Family("ingredients", "data drawn from a seed, and real data", "datasets"),
    "activation": Family("ingredients", "functions of a unit's sum of products", "activations"),
    "loss": Family("ingredients", "what training a network minimises", "losses"),
    "parametrization": Family("ingredients", "how layers scale with the width", "parametrizations"),
    "init": Family("ingredients", "where the parameters start", "initializers"),
    "optimizer": Family("ingredients", "how the gradient becomes an update", "optimizers"),
    "schedule": Family("ingredients", "how the learning rate changes", "schedules"),
    "measure": Family("ingredients", "optional columns of `trials`", "measures"),
    "stop_rule": Family("stopping", "what ends a trial as converged", "stop rules"),
    "outcome": Family("outcomes", "how a trial can end", "outcomes"),
    "search": Family("search", "how the trials of a group are chosen", "searches"),
    "analysis": Family("analysis", "how the trials of a search become an answer", "analyses"),
    "axis_form": Family("sweep_file.forms", "how the values of an axis are written", "axis forms"),
    "engine": Family("engine", "what trains", "engines"),
    "column": Family("run.columns", "the columns of `trials`", "columns"),
    "executor": Family("run.executors", "where shards are trained", "executors"),
    "store": Family("run.store", "where a run is kept", "stores"),
    "figure": Family("figures", "what `gdbatch plot` draws", "figures"),
    "command": Family("cli.commands", "what the command line can do", "commands"),
}

_entries: dict[str, dict[str, Any]] = {family: {} for family in FAMILIES}

Entry = TypeVar("Entry", bound=Callable[..., Any])


def register(family: str, name: str) -> Callable[[Entry], Entry]:
    """Decorator for classes and functions: registers one under `family` and `name`.

    A component may have `aliases`, other names for it that messages recognise.

    Raises ValueError if the name is taken, or if there is no docstring, whose first line is the
    entry's line in `gdbatch list`. Raises TypeError if a class leaves methods abstract: many
    entries are used as classes, so instantiation would never notice.
    """

    def add(entry: Entry) -> Entry:
        if name in _entries[family]:
            raise ValueError(f"the {family} {name!r} is registered twice")
        if not (entry.__doc__ or "").strip():
            raise ValueError(f"the {family} {name!r} needs a docstring, which `gdbatch list` shows")
        missing = ", ".join(sorted(getattr(entry, "__abstractmethods__", ())))
        if missing:
            raise TypeError(f"the {family} {name!r} does not define {missing}")
        _entries[family][name] = entry
        return entry

    return add


def family(name: str) -> Mapping[str, Any]:
    """All entries of one family, by name, in the order of their names."""
    importlib.import_module(f"{__package__}.{FAMILIES[name].home}")
    load_plugins()
    return dict(sorted(_entries[name].items()))


def get(family_name: str, name: str) -> Any:
    """One entry; raises KeyError with the nearest name if there is none."""
    if name not in _entries[family_name]:  # the home may not have been imported yet
        known = family(family_name)
        if name not in known:
            raise KeyError(f'unknown {family_name} "{name}"; {nearest(name, known)}')
    return _entries[family_name][name]


def name_of(family_name: str, entry: object) -> str:
    """The name that an entry is registered under; raises KeyError if it is not."""
    for name, one in family(family_name).items():
        if one is entry:
            return name
    raise KeyError(f"{entry!r} is not a registered {family_name}")


def summary(entry: Any) -> str:
    """The line that describes an entry in `gdbatch list`: the first line of its docstring."""
    return str(entry.__doc__).strip().splitlines()[0].rstrip(".")


@functools.cache  # searching all installed packages takes milliseconds
def _plugins() -> list[importlib.metadata.EntryPoint]:
    """The plug-ins that are installed and have not been imported yet."""
    return list(importlib.metadata.entry_points(group=PLUGIN_GROUP))


def load_plugins() -> None:
    """Import the installed plug-ins, once; raises PluginError if one cannot be imported."""
    waiting = _plugins()
    while waiting:
        point = waiting.pop(0)  # before its import, which may use the registry itself
        try:
            importlib.import_module(point.value)
        except Exception as error:
            waiting.append(point)
            raise PluginError(
                f'the plug-in "{point.name}" ({point.value}) cannot be imported: '
                f"{type(error).__name__}: {error}; repair or uninstall it"
            ) from error
