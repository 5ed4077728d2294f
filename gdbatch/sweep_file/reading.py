"""Reads a sweep file: TOML, `--set`, axes and sections, with all errors of a file at once.

Nothing is trained or written here; data files that a sweep names are read.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from ..errors import IngredientError, Problem, SweepFileError, nearest
from ..ingredients.initializers.from_file import missing_set
from ..ingredients.options import Context
from .axes import FORMS, AxisForm, Refine, parse_axis
from .axis import Axis
from .diagnostics import Diagnostic, diagnostics_of
from .keys import key_path, short_name, split_element
from .maps import MapAxes, MapOptions, read_map
from .measures import read_measures
from .recorded import RESERVED_COLUMNS, record_diagnostics
from .sources import parse_override, plain_copy, read_document
from .sweep import (
    DEFAULT_KINDS,
    FAMILIES,
    Heading,
    MinibatchOptions,
    Record,
    Sweep,
    Train,
    options_class,
    validate_sections,
    with_values,
)
from .toml_locations import Path as KeyPath
from .toml_locations import TomlLocations, describe, lookup

_MOST_COMBINATIONS = 1000  # structural combinations that are validated before a sweep starts


def read_sweep(
    source: str | Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    engine: str | None = None,
    allow_python: bool = False,
) -> Sweep:
    """A validated sweep from a file, or from a document like one.

    overrides: `KEY=VALUE` each, KEY dotted, VALUE in TOML syntax. engine: instead of the file's.
    allow_python: whether the code of a problem with kind = "python" may run.
    Raises SweepFileError with every problem found.
    """
    if isinstance(source, Mapping):
        document, positions = plain_copy(source), TomlLocations("")
        name, folder = "sweep", str(Path.cwd())
    else:
        document, positions = read_document(Path(source))
        name, folder = str(source), str(Path(source).resolve().parent)
    reader = _Reader(document, positions, name, Context(folder, allow_python=allow_python))
    reader.override(overrides)
    if engine is not None:
        reader.put(("train", "engine"), engine, f"--engine {engine}")
    return reader.read()


class _Reader:
    """One reading of one document; gathers complaints until the end."""

    def __init__(
        self, document: dict[str, Any], positions: TomlLocations, source: str, context: Context
    ) -> None:
        self._document = document
        self._locations = positions
        self._source = source
        self._context = context
        self._set: dict[KeyPath, str] = {}  # keys that did not come from the file, and whence
        self._diagnostics: list[Diagnostic] = []
        self._unknown: set[str] = set()  # tables that do not say what they are
        self._axis_paths: dict[str, KeyPath] = {}  # where the axis of a key stands
        self._refined = ""  # key of the axis that is

    def override(self, overrides: Iterable[str]) -> None:
        """Put `KEY=VALUE` into the document."""
        for text in overrides:
            path, value, source = parse_override(text)
            self.put(path, value, source)

    def put(self, path: KeyPath, value: Any, source: str) -> None:
        """Set one value; tables on the way are made."""
        table = self._document
        for part in path[:-1]:
            inner = table.setdefault(str(part), {})
            if not isinstance(inner, dict):
                message = f"{describe(path[:-1])} is a value, not a table"
                raise SweepFileError([Problem(message, source=source)])
            table = inner
        table[str(path[-1])] = value
        self._set[path] = source

    def read(self) -> Sweep:
        """The sweep; raises SweepFileError."""
        heading = self._heading()
        if heading is not None:
            self._context = replace(self._context, entropy=heading.entropy)
        groups = self._parse_axes()
        values = {key: form.ends()[0] for group in groups for key, form in group}
        sections_document = {
            key: part for key, part in self._document.items() if key in (*FAMILIES, "train")
        }
        first, diagnostics = validate_sections(
            with_values(sections_document, values), self._context
        )
        parsed = {key_path(key) for key in values}
        broken = {key_path(key) for key in self._axis_paths} - parsed
        self._diagnostics += [self._placed(one) for one in diagnostics if one[0] not in broken]
        record, map_options = self._record(), self._map_options()
        if first is None or self._diagnostics:
            self._fail()
        assert first is not None and heading is not None
        dimensions = self._dimensions(groups, heading.entropy)
        shown = self._map(map_options, dimensions, record)
        sweep = Sweep(
            heading,
            sections_document,
            dimensions,
            record,
            shown,
            first,
            self._context,
            self._source,
        )
        self._check_values(sweep)
        self._diagnostics += record_diagnostics(sweep)
        if self._diagnostics:
            self._fail()
        return sweep

    # heading and record ------------------------------------------------------------------

    def _heading(self) -> Heading | None:
        tables = (*FAMILIES, "train", "axes", "map", "record")
        plain = {}
        for key, value in self._document.items():
            if key in Heading.model_fields:
                plain[key] = value
            elif key not in tables:
                hint = nearest(key, (*Heading.model_fields, *tables))
                self._diagnostics.append(((key,), f'unknown key "{key}"; {hint}'))
        heading: Heading | None = self._validated(Heading, plain, ())
        return heading

    def _record(self) -> Record:
        table = self._document.get("record", {})
        if not isinstance(table, dict):
            self._diagnostics.append((("record",), "must be a table"))
            return Record()
        if isinstance(table.get("measures"), list):
            measures, diagnostics = read_measures(table["measures"], self._context)
            self._diagnostics += diagnostics
            table = table | {"measures": measures}
        return self._validated(Record, table, ("record",)) or Record()

    def _map_options(self) -> MapOptions | None:
        table = self._document.get("map")
        options: MapOptions | None = None
        if table is not None:
            options = self._validated(MapOptions, table, ("map",))
        return options

    def _map(
        self,
        options: MapOptions | None,
        dimensions: tuple[tuple[Axis, ...], ...],
        record: Record,
    ) -> MapAxes | None:
        if options is None:
            return None
        found, diagnostics = read_map(options, dimensions, record.measures)
        self._diagnostics += diagnostics
        return found

    def _validated(self, model: Any, value: Any, path: KeyPath) -> Any:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            self._diagnostics += diagnostics_of(error, model, path, value)
            return None

    # axes --------------------------------------------------------------------------------

    def _parse_axes(self) -> list[list[tuple[str, AxisForm]]]:
        table = self._document.get("axes", {})
        if not isinstance(table, dict):
            self._diagnostics.append((("axes",), "must be a table"))
            return []
        groups = []
        for name, value in table.items():
            if name != "zip":
                groups.append(self._parse_group({name: value}, ("axes",)))
                continue
            tables = value if isinstance(value, list) else [value]
            for index, one in enumerate(tables):
                path: KeyPath = ("axes", "zip", index)
                if not isinstance(one, dict) or len(one) < 2:
                    message = "a zip is a table [[axes.zip]] of two or more axes that move together"
                    self._diagnostics.append((path, message))
                    continue
                group = self._parse_group(one, path)
                sizes = {form.size for _, form in group}
                if len(sizes) > 1:
                    lengths = ", ".join(f"{key}: {form.size}" for key, form in group)
                    message = f"the axes of a zip have equally many values, not {lengths}"
                    self._diagnostics.append((path, message))
                groups.append(group)
        return [group for group in groups if group]

    def _parse_group(self, table: dict[str, Any], path: KeyPath) -> list[tuple[str, AxisForm]]:
        group = []
        for name, value in table.items():
            place = (*path, name)
            key = self._resolve(name, value, place)
            if key is None:
                continue
            try:
                form = parse_axis(value)
                if isinstance(form, Refine):
                    self._check_refined(key, is_zipped=len(path) > 1)
                group.append((key, form))
            except IngredientError as error:
                self._diagnostics.append(((*place, *error.key), error.message))
            except ValidationError as error:
                model = next(one for one in FORMS if one.key in value)
                self._diagnostics += diagnostics_of(error, model, place, value)
        return group

    def _check_refined(self, key: str, is_zipped: bool) -> None:
        """Raise IngredientError where an axis cannot be refined."""
        if self._refined:
            raise IngredientError(f"a sweep refines one axis, and this one refines {self._refined}")
        if split_element(key)[0] not in self._lane_keys():
            message = "only a number that may differ inside a block can, such as learning_rate"
            raise IngredientError(f"{key} cannot be refined: {message}")
        if is_zipped:
            raise IngredientError(f"{key} is refined, so it cannot move with others in a zip")
        self._refined = key

    def _resolve(self, name: str, value: Any, place: KeyPath) -> str | None:
        """The dotted key an axis means, or None and a complaint."""
        allowed = self._allowed_keys()
        listed, place_in_list = split_element(name)
        matches = [key for key in allowed if key == listed or key.rsplit(".", 1)[-1] == listed]
        if listed in matches:
            matches = [listed]
        if len(matches) != 1:
            if matches:
                message = f'"{name}" could be ' + " or ".join(f'"{key}"' for key in matches)
            elif isinstance(value, dict) and name in (*FAMILIES, "train"):
                message = f'a dotted key needs quotes: "{name}.{next(iter(value), "…")}" = …'
            else:
                names = [*allowed, *(key.rsplit(".", 1)[-1] for key in allowed)]
                hint = nearest(name, names) if nearest(name, names).startswith("did") else ""
                of_unknown = any(name.startswith(f"{table}.") for table in self._unknown)
                if of_unknown or (self._unknown and not hint):  # whose keys are not known either
                    return None
                hint = hint or "an axis is seed or a key of the sweep, such as learning_rate"
                message = f'"{name}" is no key that can be an axis; {hint}'
            self._diagnostics.append((place, message))
            return None
        key = matches[0] + place_in_list
        message = self._clash(key, matches[0])
        if message:
            self._diagnostics.append((place, message))
            return None
        self._axis_paths[key] = place
        return key

    def _clash(self, key: str, listed: str) -> str:
        """Why a key, or the place of a list that it means, cannot be an axis; or nothing."""
        if key in self._axis_paths:
            return f'"{key}" is an axis already'
        if key == "seed":
            return ""
        given = _found(self._document, key_path(listed))
        if key == listed:
            if given is None:
                return ""
            table = key.partition(".")[0]
            return f"{key} is an axis and has a value in [{table}] too; remove one of them"
        if listed in self._axis_paths:
            return f'"{listed}" is an axis already'
        if given is not None and not isinstance(given, list):
            return f"{listed} is not a list; write one to vary one of its values"
        if given is not None and int(key.rpartition(".")[2]) >= len(given):
            return f"{listed} has {len(given)} values; the last is {listed}.{len(given) - 1}"
        return ""

    def _allowed_keys(self) -> list[str]:
        keys = ["seed"]
        for family in FAMILIES:
            try:
                options = options_class(family, self._document.get(family, {}))
            except IngredientError:
                self._unknown.add(family)
                continue
            keys += [f"{family}.{name}" for name in options.model_fields]
        dataset = _found(self._document, ("problem", "data"))
        if isinstance(dataset, dict):
            try:
                fields = options_class("dataset", dataset).model_fields
                keys += [f"problem.data.{name}" for name in fields]
            except IngredientError:
                self._unknown.add("problem.data")
        keys += [f"train.{name}" for name in Train.model_fields if name not in ("engine", "stop")]
        if isinstance(_found(self._document, ("train", "batch")), dict):
            keys += [f"train.batch.{name}" for name in MinibatchOptions.model_fields]
        keys += [f"train.stop.{name}" for name in ("prediction_error", "loss", "gradient_norm")]
        return [*keys, "train.stop.hold", "train.divergence.loss"]

    def _dimensions(
        self, groups: list[list[tuple[str, AxisForm]]], entropy: int
    ) -> tuple[tuple[Axis, ...], ...]:
        keys = [key for group in groups for key, _ in group]
        short = [short_name(key) for key in keys]
        lane_keys = {"seed", *self._lane_keys()}
        dimensions = []
        for group in groups:
            axes = []
            for key, form in group:
                last = short_name(key)
                clash = short.count(last) > 1 or last in RESERVED_COLUMNS
                clash |= last == "seed" != key  # the seed of data is not that of a start
                numbers = not any(isinstance(value, list) for value in form.ends())
                per_lane = numbers and split_element(key)[0] in lane_keys
                axes.append(Axis(key, key if clash else last, form, per_lane, entropy))
            dimensions.append(tuple(axes))
        return tuple(dimensions)

    def _lane_keys(self) -> list[str]:
        keys = []
        for family in FAMILIES:
            table = self._document.get(family, {})
            if family not in self._unknown and ("kind" in table or family in DEFAULT_KINDS):
                keys += [f"{family}.{one}" for one in options_class(family, table).lane_keys()]
        return keys

    # values ------------------------------------------------------------------------------

    def _check_values(self, sweep: Sweep) -> None:
        """Every value of every axis with the first of the others, then structures together."""
        for axis in sweep.axes:
            if axis.key == "seed":
                self._check_seeds(axis, sweep.first.make_initializer().sets)
                continue
            for index, value in enumerate(axis.form.ends()):
                partners = self._zipped(sweep, axis, index)
                self._check_one(sweep, {axis.key: value, **partners})
        structural = [
            dimension
            for dimension in sweep.dimensions
            if not all(axis.per_lane for axis in dimension)
        ]
        sizes = [range(dimension[0].form.size) for dimension in structural]
        if len(sizes) > 1 and not self._diagnostics:
            for places in itertools.islice(itertools.product(*sizes), _MOST_COMBINATIONS):
                values = {
                    axis.key: _at(axis, place)
                    for dimension, place in zip(structural, places, strict=True)
                    for axis in dimension
                }
                self._check_one(sweep, values)

    def _zipped(self, sweep: Sweep, axis: Axis, index: int) -> dict[str, Any]:
        dimension = next(one for one in sweep.dimensions if axis in one)
        place = index if len(axis.form.ends()) == axis.form.size else 0
        if place == 0 and index:
            place = axis.form.size - 1
        return {other.key: _at(other, place) for other in dimension if other is not axis}

    def _check_one(self, sweep: Sweep, values: dict[str, Any]) -> None:
        first = {axis.key: _at(axis, 0) for axis in sweep.axes}
        document = with_values(sweep.document, first | values)
        _, diagnostics = validate_sections(document, self._context)
        for diagnostic in diagnostics:
            placed = self._placed(diagnostic)
            key = next(iter(values), "")
            if key and placed[0] != self._axis_paths[key]:  # caused by this axis, said of another
                shown = ", ".join(f"{name} = {value}" for name, value in values.items())
                placed = (self._axis_paths[key], f"with {shown}: {diagnostic[1]}")
            if placed not in self._diagnostics:
                self._diagnostics.append(placed)

    def _check_seeds(self, axis: Axis, sets: int | None) -> None:
        for value in axis.form.ends():
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
                message = f"a seed is a whole number from 0, not {value}"
                self._diagnostics.append((self._axis_paths["seed"], message))
            elif sets is not None and value >= sets:
                self._diagnostics.append((self._axis_paths["seed"], missing_set(sets, value)))

    # words -------------------------------------------------------------------------------

    def _placed(self, diagnostic: Diagnostic) -> Diagnostic:
        """A complaint about a value that an axis gave is one about the axis."""
        path, message = diagnostic
        for key, place in self._axis_paths.items():
            parts = key_path(key)
            if path[: len(parts)] == parts:
                return place, message
        return diagnostic

    def _fail(self) -> None:
        problems = []
        for path, message in dict.fromkeys(self._diagnostics):
            source, line = self._source, self._locations.line(path)
            for changed, text in self._set.items():  # the later ones count
                shorter = min(len(path), len(changed))
                inside = changed == path[: len(changed)]
                if inside or (line is None and changed[:shorter] == path[:shorter]):
                    source, line = text, None
            problems.append(Problem(message, describe(path), line, source))
        raise SweepFileError(problems)


def _at(axis: Axis, place: int) -> Any:
    values = axis.values(np.array([place]))
    return values[0] if isinstance(values, list) else values.tolist()[0]


def _found(document: dict[str, Any], path: KeyPath) -> Any:
    """The value at a path, or None."""
    try:
        return lookup(document, path)
    except KeyError:
        return None
