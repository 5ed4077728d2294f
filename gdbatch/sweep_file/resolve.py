"""The second stage: finds the key that each axis varies, and its values.

A short name stands for the only key that ends in it; that of an outer table hides that of an inner
one. A whole table can be an axis, and so can its `kind`; the known keys are then those of all the
tables that the axis gives.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import ValidationError

from ..errors import IngredientError, nearest
from .diagnostics import Diagnostics, diagnostics_of
from .families import FAMILIES, entry_name, family_of_option
from .forms import AxisForm, Listed, Refine, form_of, parse_axis
from .keys import key_path, split_places
from .known_keys import KnownKeys, axis_tables
from .parse import Document
from .text import as_text, as_written, describe, shortened
from .toml_locations import Path, found

_LONGEST_LABEL = 100


@dataclass(frozen=True)
class FoundAxis:
    """An axis of the file: the key that it varies, and its path in the file."""

    key: str
    place: Path
    form: AxisForm
    per_lane: bool
    labels: tuple[str, ...] | None


@dataclass
class FoundAxes:
    """All axes in file order; the axes of a zip form one group."""

    groups: list[list[FoundAxis]] = field(default_factory=list)
    places: dict[str, Path] = field(default_factory=dict)  # by key, including invalid axes
    listed: dict[str, object] = field(default_factory=dict)  # by key, the first value in a list
    warnings: list[str] = field(default_factory=list)

    def first_values(self) -> dict[str, object]:
        """The first value of every axis, by key."""
        return {axis.key: axis.form.ends()[0] for group in self.groups for axis in group}

    def placed(self, path: Path, index: int = 0) -> Path:
        """The path in the file of a value of the document: that of the axis that gives it, if any.

        index: the index of the value on that axis.
        """
        for length in range(len(path), 0, -1):
            for group in self.groups:
                for axis in group:
                    if key_path(axis.key) == path[:length]:
                        if isinstance(axis.form, Listed):
                            return (*axis.place, index, *path[length:])
                        return axis.place
        return path


def resolve_axes(document: Document, diagnostics: Diagnostics) -> FoundAxes:
    """Find the axes of a document; their errors go to `diagnostics`."""
    axes = FoundAxes()
    resolver = _Resolver(document, diagnostics, axes)
    for path, table in axis_tables(document, diagnostics):
        group = resolver.group(path, table)
        sizes = {axis.form.size for axis in group}
        if len(sizes) > 1:
            lengths = ", ".join(f"{axis.key}: {axis.form.size}" for axis in group)
            diagnostics.add(path, f"the axes of a zip must be equally long, not {lengths}")
        if group:
            axes.groups.append(group)
    resolver.check_places()
    return axes


class _Resolver:
    """Finds the key that each axis varies, and adds its path to `axes`."""

    def __init__(self, document: Document, diagnostics: Diagnostics, axes: FoundAxes) -> None:
        self._tables = document.tables
        self._diagnostics = diagnostics
        self._axes = axes
        self._keys = KnownKeys(document)
        self._refined = ""  # key of the refined axis

    def group(self, path: Path, table: dict[str, object]) -> list[FoundAxis]:
        """The axes of one table."""
        group = []
        for name, value in table.items():
            place = (*path, name)
            key = self._resolve(name, value, place)
            if key is None:
                continue
            self._axes.places[key] = place
            if isinstance(value, list) and value:
                self._axes.listed[key] = _first_of(value)
            try:
                group.append(self._axis(key, place, value, is_zipped=len(path) > 1))
            except IngredientError as error:
                self._diagnostics.add((*place, *error.key), error.message)
            except ValidationError as error:
                model = form_of(value) if isinstance(value, dict) else None
                self._diagnostics.extend(diagnostics_of(error, model or Listed, place, value))
        return group

    def _axis(self, key: str, place: Path, value: object, is_zipped: bool) -> FoundAxis:
        """The axis of a key; raises IngredientError, or pydantic's ValidationError."""
        labels = None
        if isinstance(value, list) and any(isinstance(one, dict) for one in value):
            value, labels = self._labelled(key, value)
        if key in FAMILIES and isinstance(value, list):
            _check_tables(key, value)
        form = parse_axis(value)
        per_lane = self._keys.is_per_lane(split_places(key)[0])
        if isinstance(form, Refine):
            self._check_refined(key, per_lane, is_zipped)
        if isinstance(form, Listed):
            if per_lane and not any(isinstance(one, list | dict) for one in form.listed):
                if key != "seed":
                    _check_numbers(form.listed)
            else:
                per_lane = False
        warning = form.warning()
        if warning:
            self._axes.warnings.append(f"{describe(place)}: {warning}")
        return FoundAxis(key, place, form, per_lane, labels)

    def _labelled(self, key: str, values: list[object]) -> tuple[list[object], tuple[str, ...]]:
        """Separate tables from their labels; raises IngredientError if a label is invalid."""
        plain, labels = [], []
        for index, value in enumerate(values):
            label = as_text(value)
            if isinstance(value, dict):
                given = value.get("label", "")
                value = {name: one for name, one in value.items() if name != "label"}
                if not isinstance(given, str) or len(given) > _LONGEST_LABEL:
                    message = f"a label is a string of at most {_LONGEST_LABEL} characters"
                    raise IngredientError(message, index, "label")
                label = given or _default_label(key, value)
            plain.append(value)
            labels.append(label)
        for index, label in enumerate(labels):
            first = labels.index(label)
            if first < index and plain[first] != plain[index]:
                message = f'two values have the label "{shortened(label)}"; give each table its '
                message += 'own label: { …, label = "…" }'
                raise IngredientError(message, index)
        return plain, tuple(labels)

    def _check_refined(self, key: str, per_lane: bool, is_zipped: bool) -> None:
        """Raise IngredientError if an axis cannot be refined."""
        if self._refined:
            message = f"only one axis of a sweep can be refined, and {self._refined} is already"
            raise IngredientError(message)
        if not per_lane or key == "seed":
            message = (
                f"{key} cannot be refined; refine a number that does not split the sweep into "
            )
            raise IngredientError(f"{message}groups, such as learning_rate")
        if is_zipped:
            raise IngredientError(f"{key} is refined, so it cannot be part of a zip")
        self._refined = key

    # names -------------------------------------------------------------------------------

    def _resolve(self, name: str, value: object, place: Path) -> str | None:
        """The dotted key that an axis varies, or None and a diagnostic."""
        allowed = self._keys.allowed
        base, places = split_places(name)
        matches = [base] if base in allowed else []
        if not matches:
            matches = _outermost([key for key in allowed if key.rsplit(".", 1)[-1] == base])
        message = ""
        if len(matches) > 1:
            message = f'"{name}" could be ' + " or ".join(f'"{key}"' for key in matches)
        elif not matches:
            hint = self._hint(name, value)
            if hint is None:
                return None
            message = f'"{shortened(name)}" cannot be an axis; {hint}'
        else:
            message = self._conflict(matches[0] + places, matches[0], value)
        if message:
            self._diagnostics.add(place, message)
            return None
        return matches[0] + places

    def _hint(self, name: str, value: object) -> str | None:
        """What to write instead of a name that is not a key; None if the keys are not all known."""
        if name in ("engine", "train.engine"):
            return "one engine trains the whole run; choose it with --engine"
        if name.startswith("train.") and name.count(".") == 1 and isinstance(value, dict):
            return f'a dotted key needs quotes: "{name}"'
        if name == "train" and isinstance(value, dict):
            return f'a dotted key needs quotes: "train.{next(iter(value), "…")}" = …'
        allowed = self._keys.allowed
        hint = nearest(name, [*allowed, *(key.rsplit(".", 1)[-1] for key in allowed)])
        unknown = self._keys.unknown
        if any(name.startswith(f"{table}.") for table in unknown):
            return None  # the table is invalid, so its keys are unknown
        if hint.startswith("did"):
            return hint
        return None if unknown else "an axis is seed or a key of the sweep, such as learning_rate"

    def _conflict(self, key: str, base: str, value: object) -> str:
        """Why a key, or the list item it stands for, cannot be an axis; or ""."""
        if key in self._axes.places:
            return f'"{key}" is an axis already'
        if key == "seed":
            return ""
        if key in FAMILIES and isinstance(value, dict):
            return f'a dotted key needs quotes: "{key}.{next(iter(value), "…")}" = …'
        path = key_path(base)
        given = found(self._tables, path)
        if key == base:
            return self._given_twice(key, given)
        if base in self._axes.places:
            return f'"{base}" is an axis already'
        rest = key_path(key)[len(path) :]
        for place in rest:
            if given is None:  # an axis may give the list; `check_places` does the rest
                return ""
            if not isinstance(given, list):
                return f"{base} is not a list; write one to vary one of its values"
            if isinstance(place, int) and place >= len(given):
                return f"{base} has {len(given)} values; the last is {base}.{len(given) - 1}"
            given = given[int(place)]
        return ""

    def _given_twice(self, key: str, given: object) -> str:
        path = key_path(key)
        if given is not None:
            table = path[0]
            if len(path) == 1:
                return f"{key} is an axis, and there is a table [{table}] too; remove one of them"
            return f"{key} is an axis and has a value in [{table}] too; remove one of them"
        for length in range(1, len(path)):
            whole = ".".join(map(str, path[:length]))
            for index, one in enumerate(self._keys.alternatives(whole, None)):
                if found(one, path[length:]) is not None:
                    value = f"value {index + 1} of the axis {whole}"
                    return f"{key} is an axis and has a value in {value} too; remove one of them"
        return ""

    def check_places(self) -> None:
        """Refuse axes for single items of a list whose other items are missing."""
        lists: dict[str, list[str]] = {}
        for key in self._axes.places:
            base, places = split_places(key)
            if places and not self._is_given(key_path(base)):
                lists.setdefault(base, []).append(key)
        for base, keys in lists.items():
            if {*keys} != {f"{base}.{place}" for place in range(len(keys))}:
                message = f"{base} is missing: write the list, or give an axis for each of its "
                message += f"values, from {base}.0 on"
                self._diagnostics.add(self._axes.places[keys[0]], message)
                for key in keys:
                    self._axes.listed.pop(key, None)
                for group in self._axes.groups:
                    group[:] = [axis for axis in group if axis.key not in keys]

    def _is_given(self, path: Path) -> bool:
        """Whether the file, or every table on an axis, has a value at a path."""
        if found(self._tables, path) is not None:
            return True
        for group in self._axes.groups:
            for axis in group:
                parts = key_path(axis.key)
                if path[: len(parts)] == parts and len(path) > len(parts):
                    values: Iterable[object] = axis.form.ends()
                    return all(found(one, path[len(parts) :]) is not None for one in values)
        return False


def _first_of(values: list[object]) -> object:
    """The first value of a list, without its label."""
    value = values[0]
    if isinstance(value, dict):
        return {name: one for name, one in value.items() if name != "label"}
    return value


def _default_label(key: str, table: dict[str, object]) -> str:
    """The label of a table that has none: its ingredient's name, or else its contents."""
    table_name, _, option = key.partition(".")
    family = family_of_option(table_name, option)
    if key in FAMILIES:
        family = key
    try:
        return entry_name(family, table) if family else as_text(table)
    except IngredientError:
        return as_text(table.get("kind", table))


def _check_tables(family: str, values: list[object]) -> None:
    """Raise IngredientError for the first value that is not a table."""
    for index, value in enumerate(values):
        if not isinstance(value, dict):
            message = f"must be a table, such as {{ kind = {as_written(value)} }}; to vary the "
            raise IngredientError(f'{message}kind only, write "{family}.kind" = […]', index)


def _check_numbers(values: list[object]) -> None:
    """Raise IngredientError for the first value that is not a number."""
    for index, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise IngredientError(f"must be a number, not {as_written(value)}", index)
        try:
            finite = float("-inf") < float(value) < float("inf")
        except OverflowError:
            finite = False
        if not finite:
            raise IngredientError(f"must be a finite number, not {as_written(value)}", index)


def _outermost(keys: Iterable[str]) -> list[str]:
    """Keys with the same name, without those inside a table that has one of them itself.

    >>> _outermost(["init.low", "init.biases.low", "problem.data.low"])
    ['init.low', 'problem.data.low']
    """
    tables = {key: key.rpartition(".")[0] for key in keys}
    return [
        key
        for key in tables
        if not any(key.startswith(f"{tables[other]}.") for other in tables if other != key)
    ]
