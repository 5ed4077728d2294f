"""The JSON Schema of sweep files, generated from the models that validate them.

Editors use it to complete and check sweep files; `sweeps/sweep.schema.json` is a copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic.json_schema import models_json_schema

from .. import registry
from ..ingredients.options import Options
from .answer import AnswerOptions
from .families import FAMILIES, default_kind, nested_families
from .record import Record
from .search import table_searches
from .train import Heading, Train

Schema = dict[str, Any]  # JSON


_PLAIN = ("heading", "record", "answer")  # tables that are not ingredients


def json_schema() -> Schema:
    """The schema as plain data."""
    models = dict(_models())
    references, generated = models_json_schema([(model, "validation") for model in models.values()])
    definitions: Schema = generated["$defs"]
    names = {  # pydantic's name, which may hold a module path → our name
        str(references[model, "validation"]["$ref"]).rsplit("/", 1)[-1]: name
        for name, model in models.items()
    }
    for key in definitions.keys() - names.keys():
        names[key] = key.removesuffix("Options").lower()
    definitions = {names[key]: _renamed(one, names) for key, one in definitions.items()}
    for name, model in models.items():
        _finish(definitions[name], name, model)
    definitions["axis"] = {
        "anyOf": [
            {"type": "array", "minItems": 1, "description": "The values themselves."},
            *(_reference(f"axis_form.{name}") for name in registry.family("axis_form")),
        ]
    }
    used = _used(definitions, ["axis", *models])
    definitions = {name: one for name, one in definitions.items() if name in used}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "gdbatch sweep file",
        "type": "object",
        "properties": _properties(definitions.pop("heading"), models),
        "required": ["name", "train"],
        "allOf": [_is_given(family) for family in FAMILIES if default_kind(family) is None],
        "additionalProperties": False,
        "$defs": dict(sorted(definitions.items())),
    }


def _models() -> Iterator[tuple[str, type[Options]]]:
    """Every table that a sweep file may have, under a name that does not depend on modules."""
    yield from (
        ("heading", Heading),
        ("record", Record),
        ("answer", AnswerOptions),
        ("train", Train),
    )
    yield from ((name, search.table_options) for name, search in table_searches().items())
    forms = registry.family("axis_form")
    yield from ((f"axis_form.{name}", form) for name, form in forms.items())
    for family in (*FAMILIES, *_nested_in_any()):
        for name, entry in _with_tables(family).items():
            chosen_by = entry.Options.chosen_by
            if chosen_by is None:
                yield f"{family}.{name}", entry.Options
                continue
            for inner, inner_entry in registry.family(chosen_by).items():
                yield f"{chosen_by}.{inner}", inner_entry.Options


def _with_tables(family: str) -> dict[str, Any]:
    """The entries with options of their own; others share a class, and their names are enough."""
    entries = registry.family(family)
    used = [entry.Options for entry in entries.values()]
    return {name: entry for name, entry in entries.items() if used.count(entry.Options) == 1}


def _nested_in_any() -> list[str]:
    """The families whose tables stand inside other tables."""
    options = [entry.Options for family in FAMILIES for entry in registry.family(family).values()]
    options += [entry.Options for entry in registry.family("function").values()]
    found = [inner for model in [*options, Record] for _, inner in nested_families(model)]
    return sorted({*found})


def _renamed(schema: Any, names: dict[str, str]) -> Any:
    """A schema with our names in its references."""
    if isinstance(schema, list):
        return [_renamed(one, names) for one in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: _renamed(one, names) for key, one in schema.items() if key != "title"}
    reference = schema.get("$ref")
    if isinstance(reference, str):
        result["$ref"] = _reference(names[reference.rsplit("/", 1)[-1]])["$ref"]
    title = schema.get("title")
    if isinstance(title, dict):  # an option named "title"
        result["title"] = _renamed(title, names)
    return result


def _reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _finish(schema: Schema, name: str, model: type[Options]) -> None:
    """Add what pydantic does not know: an axis may replace a key, and a table has a family."""
    if not name.startswith("axis_form.") and name not in (*_PLAIN, *table_searches()):
        fields = model.model_fields
        schema["required"] = [
            key for key in _choices(model) if key in fields and fields[key].is_required()
        ]
        schema["title"] = name
    for key, family in nested_families(model):
        tables = {"oneOf": [_reference(f"{family}.{one}") for one in _with_tables(family)]}
        option: Schema = schema["properties"][key]
        if "$ref" in option.get("items", {}):  # names are also allowed, and become tables
            plain = {"enum": _without_options(family), "type": "string"}
            option["items"] = {"anyOf": [plain, tables]}
        else:
            for forms in (option["anyOf"], *_forms_of_items(option)):
                forms[:] = [tables if "$ref" in one else one for one in forms]


def _forms_of_items(option: Schema) -> Iterator[list[Schema]]:
    """The forms of the items of the lists among an option's forms."""
    for one in option["anyOf"]:
        if "anyOf" in one.get("items", {}):
            yield one["items"]["anyOf"]


def _choices(model: type[Options]) -> list[str]:
    """The keys that choose a table's options."""
    return ["kind", *([model.chosen_by] if model.chosen_by else [])]


def _without_options(family: str) -> list[str]:
    """The entries that need no options, so that a name is enough."""
    return [
        name
        for name, entry in registry.family(family).items()
        if not any(
            field.is_required()
            for key, field in entry.Options.model_fields.items()
            if key != "kind"
        )
    ]


def _used(definitions: Schema, kept: list[str]) -> set[str]:
    """The names of the definitions that others refer to or that are `kept`."""
    text = str(definitions)
    return {name for name in definitions if name in kept or f"'#/$defs/{name}'" in text}


def _properties(heading: Schema, models: dict[str, type[Options]]) -> Schema:
    properties = dict(heading["properties"])
    properties |= {family: {"oneOf": list(_tables(family))} for family in FAMILIES}
    axis = _reference("axis")
    zips = {
        "type": "array",
        "items": {"type": "object", "additionalProperties": axis, "minProperties": 2},
        "description": "Axes that move together: [[axes.zip]] tables.",
    }
    described = [name for name in models if name.partition(".")[0] in ("train", *_described())]
    fields = {key for name in described for key in models[name].model_fields}
    choices = {key for name in described for key in _choices(models[name])}
    short = ["seed", *sorted(fields - choices)]
    properties["train"] = _reference("train")
    properties["axes"] = {
        "type": "object",
        "description": "The trials are the product of the axes.",
        "properties": {**dict.fromkeys(short, axis), "zip": zips},
        "additionalProperties": axis,
    }
    properties |= {name: _reference(name) for name in table_searches()}
    properties |= {name: _reference(name) for name in ("record", "answer")}
    return properties


def _described() -> list[str]:
    """The families whose options may be axes."""
    chosen = [entry.Options.chosen_by for entry in registry.family("problem").values()]
    return [*FAMILIES, *(one for one in chosen if one)]


def _tables(family: str) -> Iterator[Schema]:
    """The tables allowed as [family]; an axis may replace the key that chooses one."""
    if default_kind(family) is None:
        yield {"not": {"required": ["kind"]}}
    for name, entry in registry.family(family).items():
        chosen_by = entry.Options.chosen_by
        if chosen_by is None:
            yield _reference(f"{family}.{name}")
            continue
        yield from (_reference(f"{chosen_by}.{inner}") for inner in registry.family(chosen_by))
        kind = {"required": ["kind"], "properties": {"kind": {"const": name}}}
        yield {**kind, "not": {"required": [chosen_by]}}


def _is_given(family: str) -> Schema:
    """Requires the kind of [family], from the table or from an axis."""
    axes = [{"required": [key]} for key in (family, f"{family}.kind", "zip")]
    return {
        "anyOf": [
            {"required": [family], "properties": {family: {"required": ["kind"]}}},
            {"required": ["axes"], "properties": {"axes": {"anyOf": axes}}},
        ]
    }
