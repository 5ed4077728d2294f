"""Which keys of a sweep can be axes, and which tables the axes give a section."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import IngredientError
from ..ingredients.options import Options
from .diagnostics import Diagnostics, nested_models
from .families import FAMILIES, nested_families, options_class, second_choice
from .parse import Document
from .toml_locations import Path

_MOST_VARIANTS = 1000  # of a table


def axis_tables(
    document: Document, diagnostics: Diagnostics
) -> Iterator[tuple[Path, dict[str, object]]]:
    """The axes as (path, table) pairs; axes that move together share a table."""
    table = document.tables.get("axes", {})
    if not isinstance(table, dict):
        diagnostics.add(("axes",), "must be a table")
        return
    for name, value in table.items():
        if name != "zip":
            yield ("axes",), {name: value}
            continue
        for index, one in enumerate(value if isinstance(value, list) else [value]):
            path: Path = ("axes", "zip", index)
            if isinstance(one, dict) and len(one) >= 2:
                yield path, one
            else:
                message = "a zip must be a table [[axes.zip]] with two or more axes"
                diagnostics.add(path, message)


class KnownKeys:
    """The keys that can be axes: those of every table in the file or on an axis."""

    def __init__(self, document: Document) -> None:
        self.allowed = ["seed"]
        self.unknown: set[str] = set()  # tables whose ingredient is unknown
        self._per_lane: dict[str, bool] = {}
        self._tables = document.tables
        self._raw = {
            name: value
            for _, table in axis_tables(document, Diagnostics())
            for name, value in table.items()
        }
        for family in FAMILIES:
            self._add(family, family, self._variants(family))
        self._add_model("train", options_class("train", {}))
        self.allowed = list(dict.fromkeys(self.allowed))
        self.allowed.remove("train.engine")

    def is_per_lane(self, key: str) -> bool:
        """Whether the lanes of a block may differ in a value, in every table that may hold it."""
        return key == "seed" or self._per_lane.get(key, False)

    def _add(self, key: str, family: str, tables: list[dict[str, object]]) -> None:
        self.allowed += [key, f"{key}.kind"]
        if not tables:
            self.unknown.add(key)
        for table in tables:
            try:
                model = options_class(family, table)
            except IngredientError:
                self.unknown.add(key)
                continue
            lane_keys = model.lane_keys()
            for name in model.key_names():
                full = f"{key}.{name}"
                self._per_lane[full] = name in lane_keys and self._per_lane.get(full, True)
            self._add_model(key, model)
            self._add_lane_tables(key, model, table)
            for name, inner_family in nested_families(model):
                values = self.alternatives(f"{key}.{name}", table.get(name))
                inner = [one for one in values if isinstance(one, dict)]
                if inner:
                    self._add(f"{key}.{name}", inner_family, inner)

    def _add_lane_tables(self, key: str, model: type[Options], table: dict[str, object]) -> None:
        """Add the numbers inside tables of numbers that lanes may differ in."""
        alternatives = {
            name: self.alternatives(f"{key}.{name}", table.get(name)) for name in model.key_names()
        }
        for option in model.lane_tables():
            try:
                names = model.table_keys(option, alternatives)
            except IngredientError:
                self.unknown.add(f"{key}.{option}")
                continue
            for name in names:
                self.allowed.append(f"{key}.{option}.{name}")
                self._per_lane.setdefault(f"{key}.{option}.{name}", True)

    def _add_model(self, key: str, model: type[Options]) -> None:
        families = dict(nested_families(model))
        for name in model.key_names():
            self.allowed.append(f"{key}.{name}")
            for inner in () if name in families else nested_models(model, name):
                self._add_model(f"{key}.{name}", inner)

    def alternatives(self, key: str, given: object) -> list[object]:
        """The possible values of a key: those of its axis, or the one in the file."""
        short = key.rpartition(".")[2]
        values = self._raw.get(key) or (self._raw.get(short) if short != "kind" else None)
        return values if isinstance(values, list) else [given]

    def _variants(self, family: str) -> list[dict[str, object]]:
        """The tables that [family] becomes as the axes choose its kind."""
        given = self._tables.get(family, {})
        tables = [one for one in self.alternatives(family, given) if isinstance(one, dict)]
        tables = self._chosen(tables, family, "kind")
        choices = {choice for table in tables if (choice := second_choice(family, table))}
        for choice in choices:
            tables = self._chosen(tables, family, choice)
        return tables

    def _chosen(
        self, tables: list[dict[str, object]], family: str, selector: str
    ) -> list[dict[str, object]]:
        variants = []
        for table in tables:
            for value in self.alternatives(f"{family}.{selector}", table.get(selector)):
                variants.append(table if value is None else {**table, selector: value})
        return variants[:_MOST_VARIANTS]
