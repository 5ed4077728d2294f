"""The measures that `[record]` asks for: each a table with its options, or only its name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..ingredients.measures import MeasureOptions
from ..ingredients.options import Context
from .complaints import Complaint
from .positions import Path
from .sweep import validated

_PLACE: Path = ("record", "measures")


def read_measures(
    entries: Sequence[Any], context: Context
) -> tuple[list[MeasureOptions], list[Complaint]]:
    """The options of measures, and everything that is wrong in them."""
    measures, complaints = [], []
    for index, entry in enumerate(entries):
        place = (*_PLACE, index)
        if not isinstance(entry, str | dict):
            complaints.append((place, 'a measure is a name, or a table { kind = "…", … }'))
            continue
        table = {"kind": entry} if isinstance(entry, str) else entry
        options, wrong = validated("measure", table, place, context)
        for path, message in wrong:
            if isinstance(entry, str):
                if path[-1] != "kind":
                    message = f'{entry} needs options: {{ kind = "{entry}", {path[-1]} = … }}'
                path = place
            complaints.append((path, message))
        if options is not None:
            measures.append(options)
    return measures, complaints


def clashes(measures: Sequence[MeasureOptions], taken: Iterable[str]) -> list[Complaint]:
    """What is wrong with columns of measures, where `taken` are the names of the others."""
    names, complaints = set(taken), []
    for index, options in enumerate(measures):
        for column in options.columns():
            if column.name in names:
                message = f'there is a column "{column.name}" already'
                complaints.append(((*_PLACE, index), message))
            names.add(column.name)
    return complaints
