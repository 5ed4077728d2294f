"""The measures that `[record]` asks for: each a table with its options, or only its name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..ingredients.measures.protocol import MeasureOptions
from ..ingredients.options import Context
from .diagnostics import Diagnostic
from .sweep import validated
from .toml_locations import Path

_PLACE: Path = ("record", "measures")


def read_measures(
    entries: Sequence[Any], context: Context
) -> tuple[list[MeasureOptions], list[Diagnostic]]:
    """The options of measures, and everything that is wrong in them."""
    measures, diagnostics = [], []
    for index, entry in enumerate(entries):
        place = (*_PLACE, index)
        if not isinstance(entry, str | dict):
            diagnostics.append((place, 'a measure is a name, or a table { kind = "…", … }'))
            continue
        table = {"kind": entry} if isinstance(entry, str) else entry
        options, wrong = validated("measure", table, place, context)
        for path, message in wrong:
            if isinstance(entry, str):
                if path[-1] != "kind":
                    message = f'{entry} needs options: {{ kind = "{entry}", {path[-1]} = … }}'
                path = place
            diagnostics.append((path, message))
        if options is not None:
            measures.append(options)
    return measures, diagnostics


def clashes(measures: Sequence[MeasureOptions], taken: Iterable[str]) -> list[Diagnostic]:
    """What is wrong with columns of measures, where `taken` are the names of the others."""
    names, diagnostics = set(taken), []
    for index, options in enumerate(measures):
        for column in options.columns():
            if column.name in names:
                message = f'there is a column "{column.name}" already'
                diagnostics.append(((*_PLACE, index), message))
            names.add(column.name)
    return diagnostics
