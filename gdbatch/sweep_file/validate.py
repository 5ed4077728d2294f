"""The third stage: validates every table, with the first value of each axis filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from ..errors import nearest
from ..ingredients.measures.quantities import implied_measures
from ..ingredients.options import Context, Options
from .answer import AnswerOptions
from .axis import Axis
from .columns import reserved_columns
from .diagnostics import Diagnostics
from .families import SECTIONS, validated_as
from .keys import key_path, short_name
from .parse import Document
from .record import Record
from .resolve import FoundAxes
from .search import search_of, table_searches
from .sections import Sections, validate_sections, with_values
from .sweep import Sweep
from .text import describe, shortened
from .toml_locations import Path, found
from .train import Heading

Model = TypeVar("Model", bound=Options)


def validate(
    document: Document, axes: FoundAxes, context: Context, diagnostics: Diagnostics
) -> Sweep | None:
    """The sweep, or None if a part is missing or invalid."""
    heading = _heading(document, context, diagnostics)
    if heading is not None:
        context = replace(context, entropy=heading.entropy)
    sections = {key: part for key, part in document.tables.items() if key in SECTIONS}
    first = _first(sections, axes, context, diagnostics)
    record = _table(Record, document, "record", context, diagnostics)
    answer = _table(AnswerOptions, document, "answer", context, diagnostics)
    searches = {
        name: _table(search.table_options, document, name, context, diagnostics)
        for name, search in table_searches().items()
        if name in document.tables
    }
    if heading is None or first is None or record is None or answer is None or diagnostics:
        return None
    dimensions = _dimensions(axes, heading.entropy)
    tables = {name: options for name, options in searches.items() if options is not None}
    problem = first.make_problem()
    measures = [one.resolved_for(problem) for one in record.measures]
    implied = implied_measures(problem, measures)
    record = record.model_copy(update={"measures": [*measures, *implied]})
    for message in answer.complaints(first.train, record.measures):
        diagnostics.add(("answer", "objective"), message)
    answer = answer.resolved_for(first.train, record.measures)
    search = search_of(tables, dimensions, record.measures, diagnostics)
    if diagnostics:
        return None
    return Sweep(
        heading,
        sections,
        dimensions,
        record,
        answer,
        search,
        first,
        context,
        document.source,
        tuple(axes.warnings),
    )


def _heading(document: Document, context: Context, diagnostics: Diagnostics) -> Heading | None:
    tables = (*SECTIONS, "axes", *table_searches(), "record", "answer")
    plain = {}
    for key, value in document.tables.items():
        if key in Heading.model_fields:
            plain[key] = value
        elif key not in tables:
            hint = nearest(key, (*Heading.model_fields, *tables))
            diagnostics.add((key,), f'unknown key "{shortened(key)}"; {hint}')
    return _validated(Heading, plain, (), context, diagnostics)


def _table(
    model: type[Model], document: Document, name: str, context: Context, diagnostics: Diagnostics
) -> Model | None:
    table = document.tables.get(name, {})
    return _validated(model, table, (name,), context, diagnostics)


def _validated(
    model: type[Model], value: object, place: Path, context: Context, diagnostics: Diagnostics
) -> Model | None:
    options, wrong = validated_as(model, value, place, context)
    diagnostics.extend(wrong)
    return options if isinstance(options, model) else None


def _first(
    sections: dict[str, object], axes: FoundAxes, context: Context, diagnostics: Diagnostics
) -> Sections | None:
    values = axes.first_values()
    filled = with_values(sections, axes.listed | values)
    first, wrong = validate_sections(filled, context)
    # what an invalid axis leaves missing is not a second error
    broken = [key_path(key) for key in axes.places if key not in values]
    for path, message in wrong:
        if not any(_is_caused_by(one, path, filled) for one in broken):
            diagnostics.add(axes.placed(path), message)
    return first


def _is_caused_by(broken: Path, path: Path, tables: Mapping[str, object]) -> bool:
    """Whether an error at `path` may be there only because the axis of `broken` is invalid."""
    length = min(len(broken), len(path))
    if broken[:length] == path[:length]:
        return True
    is_lost = found(tables, broken) is None
    return is_lost and broken[0] == path[0] and found(tables, path) is None


def _dimensions(axes: FoundAxes, entropy: int) -> tuple[tuple[Axis, ...], ...]:
    short = [short_name(axis.key) for group in axes.groups for axis in group]
    reserved = reserved_columns()
    dimensions = []
    for group in axes.groups:
        dimension = []
        for axis in group:
            last = short_name(axis.key)
            clash = short.count(last) > 1 or last in reserved
            clash |= last == "seed" != axis.key  # a dataset's seed is not the seed of the starts
            column = axis.key if clash else last
            written = describe(axis.place)
            form = axis.form
            dimension.append(
                Axis(axis.key, column, form, axis.per_lane, entropy, axis.labels, written)
            )
        dimensions.append(tuple(dimension))
    return tuple(dimensions)
