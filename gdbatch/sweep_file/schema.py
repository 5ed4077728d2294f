"""The JSON Schema of sweep files, made from the same models that check them.

An editor completes and checks a sweep file by it; `sweeps/sweep.schema.json` is a copy.
"""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from .. import registry
from ..ingredients.datasets.protocol import DatasetOptions
from ..ingredients.functions.protocol import FunctionOptions
from ..ingredients.measures.protocol import MeasureOptions
from ..ingredients.options import Options
from .axes import FORMS
from .maps import MapOptions
from .sweep import DEFAULT_KINDS, FAMILIES, Heading, Record, Train

_REFERENCE = "#/$defs/{model}"


def json_schema() -> dict[str, Any]:
    """The schema as plain data."""
    options = {
        family: [entry.Options for entry in registry.family(family).values()] for family in FAMILIES
    }
    options["problem"].remove(FunctionOptions)
    options["problem"] += [entry.Options for entry in registry.family("function").values()]
    datasets = [entry.Options for entry in registry.family("dataset").values()]
    measures = [entry.Options for entry in registry.family("measure").values()]
    models: list[type[Options]] = [Heading, Record, Train, MapOptions, *FORMS, *datasets, *measures]
    models += [model for family in options.values() for model in family]
    names, schema = models_json_schema(
        [(model, "validation") for model in models], ref_template=_REFERENCE
    )
    definitions = schema["$defs"]
    for family in options.values():
        for model in family:
            definition = definitions[_name(names, model)]
            # any other key may be an axis instead
            definition["required"] = [
                key
                for key in ("kind", "function")
                if key in model.model_fields and model.model_fields[key].is_required()
            ]
    definitions[_name(names, Train)].pop("required", None)
    for model in datasets:
        definitions[_name(names, model)]["required"] = ["kind"]
    _name_datasets(definitions, [names[(model, "validation")] for model in datasets])
    _name_measures(definitions, [names[(model, "validation")] for model in measures])
    axis = {
        "anyOf": [
            {"type": "array", "minItems": 1, "description": "The values themselves."},
            *(names[(form, "validation")] for form in FORMS),
        ]
    }
    zips = {
        "type": "array",
        "items": {"type": "object", "additionalProperties": axis, "minProperties": 2},
        "description": "Axes that move together: [[axes.zip]] tables.",
    }
    short = ["seed", *_short_names(options)]
    properties: dict[str, Any] = dict(definitions.pop(_name(names, Heading))["properties"])
    properties |= {
        family: {"oneOf": [names[(model, "validation")] for model in models_]}
        for family, models_ in options.items()
    }
    properties["train"] = names[(Train, "validation")]
    properties["axes"] = {
        "type": "object",
        "description": "The trials are the product of the axes.",
        "properties": {**dict.fromkeys(short, axis), "zip": zips},
        "additionalProperties": axis,
    }
    properties["map"] = names[(MapOptions, "validation")]
    properties["record"] = names[(Record, "validation")]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "gdbatch sweep file",
        "type": "object",
        "properties": properties,
        "required": ["name", *(one for one in FAMILIES if one not in DEFAULT_KINDS), "train"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def _name_datasets(definitions: dict[str, Any], datasets: list[Any]) -> None:
    """Where a problem takes any dataset, say which there are."""
    any_dataset = {"$ref": _REFERENCE.format(model=DatasetOptions.__name__)}
    del definitions[DatasetOptions.__name__]
    for definition in definitions.values():
        forms = definition.get("properties", {}).get("data", {}).get("anyOf", [])
        if any_dataset in forms:
            forms[forms.index(any_dataset)] = {"oneOf": datasets}


def _name_measures(definitions: dict[str, Any], measures: list[Any]) -> None:
    """Which measures a record may have, each a table, or a name where it needs no options."""
    del definitions[MeasureOptions.__name__]
    plain = [
        name
        for name, entry in registry.family("measure").items()
        if not any(
            field.is_required()
            for key, field in entry.Options.model_fields.items()
            if key != "kind"
        )
    ]
    forms = [{"enum": plain, "type": "string"}, {"oneOf": measures}]
    definitions[Record.__name__]["properties"]["measures"]["items"] = {"anyOf": forms}


def _name(names: Any, model: Any) -> str:
    return str(names[(model, "validation")]["$ref"]).rsplit("/", 1)[-1]


def _short_names(options: dict[str, list[type[Options]]]) -> list[str]:
    fields = {
        name for family in options.values() for model in family for name in model.model_fields
    }
    return sorted(fields - {"kind", "function"})
