"""Tables that describe an ingredient: their options class and their validation.

All facts come from the registry and from the options classes.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from .. import registry
from ..errors import IngredientError, nearest
from ..ingredients.options import Context, FromFamily, Options
from .diagnostics import Diagnostic, diagnostics_of
from .text import shortened
from .toml_locations import Path
from .train import Train

FAMILIES = ("problem", "init", "optimizer", "schedule")  # each a table of a sweep file
SECTIONS = (*FAMILIES, "train")


def default_kind(family: str) -> str | None:
    """The default kind of a family: the entry whose options have a default for `kind`."""
    for name, entry in registry.family(family).items():
        kind = entry.Options.model_fields.get("kind")
        if kind is not None and not kind.is_required():
            return name
    return None


def options_class(family: str, table: object) -> type[Options]:
    """The options class of a family's table; raises IngredientError if the table names none."""
    if family == "train":
        return Train
    if not isinstance(table, dict):
        raise IngredientError(f"[{family}] must be a table")
    return _chosen(family, table)[1]


def entry_name(family: str, table: dict[str, object]) -> str:
    """The name of a table's ingredient; raises IngredientError if the table names none."""
    return _chosen(family, table)[0]


def second_choice(family: str, table: dict[str, object]) -> str | None:
    """The key that, besides `kind`, chooses a table's options, if there is one."""
    try:
        _, options = _named(family, "kind", table, default_kind(family))
    except IngredientError:
        return None
    return options.chosen_by


def _chosen(family: str, table: dict[str, object]) -> tuple[str, type[Options]]:
    name, options = _named(family, "kind", table, default_kind(family))
    if options.chosen_by is not None:
        return _named(options.chosen_by, options.chosen_by, table, None)
    return name, options


def _named(
    family: str, key: str, table: dict[str, object], default: str | None
) -> tuple[str, type[Options]]:
    """The entry that a table names under `key`, and its options; raises IngredientError."""
    known = registry.family(family)
    name, allowed = table.get(key, default), "allowed: " + ", ".join(known)
    if name is None:
        raise IngredientError(f'missing key "{key}"; {allowed}')
    if not isinstance(name, str):
        raise IngredientError(f"{key} must be a string; {allowed}", key)
    if name not in known:
        hint = nearest(name, known)
        hint = hint if hint == allowed else f"{hint} {allowed}"
        raise IngredientError(f'unknown {family} "{shortened(name)}"; {hint}', key)
    options: type[Options] = known[name].Options
    return name, options


def nested_families(model: type[Options]) -> Iterator[tuple[str, str]]:
    """The options that hold tables of another family, as (option, family) pairs."""
    for key, mark in _marks(model):
        yield key, mark.family


def _marks(model: type[Options]) -> Iterator[tuple[str, FromFamily]]:
    for key, field in model.model_fields.items():
        for mark in field.metadata:
            if isinstance(mark, FromFamily):
                yield key, mark


def family_of_option(family: str, option: str) -> str:
    """The family of the tables under an option of a family's entries, or ""."""
    for entry in registry.family(family).values() if family in FAMILIES else ():
        inner = dict(nested_families(entry.Options)).get(option)
        if inner is not None:
            return inner
    return ""


def validated(
    family: str, table: object, place: Path, context: Context
) -> tuple[Options | None, list[Diagnostic]]:
    """The options in the table at `place`, and its errors."""
    try:
        model = options_class(family, table)
    except IngredientError as error:
        return None, [((*place, *error.key), error.message)]
    return validated_as(model, table, place, context)


def validated_as(
    model: type[Options], table: object, place: Path, context: Context
) -> tuple[Options | None, list[Diagnostic]]:
    """Like `validated`, for a known options class; also validates nested ingredient tables."""
    diagnostics: list[Diagnostic] = []
    if isinstance(table, dict):
        for key, mark in _marks(model):
            if key in table:
                inner, wrong = _nested(mark, table[key], (*place, key), context)
                table = {**table, key: inner}
                diagnostics += wrong
    if diagnostics:
        return None, diagnostics
    try:
        return model.model_validate(table, context=context), []
    except ValidationError as error:
        return None, diagnostics_of(error, model, place, table)


def _nested(
    mark: FromFamily, value: object, place: Path, context: Context
) -> tuple[object, list[Diagnostic]]:
    """Validate a nested table, or every item of a list of names and tables."""
    family = mark.family
    if isinstance(value, dict):
        options, wrong = validated(family, value, place, context)
        if mark.otherwise and not _has_kind(family, value):
            wrong = [(path, f"{message}; {mark.otherwise}") for path, message in wrong]
        return options, wrong
    if not isinstance(value, list):
        return value, []
    items, diagnostics = [], []
    for index, item in enumerate(value):
        item_place = (*place, index)
        if isinstance(item, str):
            options, wrong = _by_name(family, item, item_place, context)
        elif isinstance(item, dict):
            options, wrong = validated(family, item, item_place, context)
        else:
            message = f'a {family} must be a name or a table {{ kind = "…", … }}'
            options, wrong = None, [(item_place, message)]
        items.append(options)
        diagnostics += wrong
    return items, diagnostics


def _has_kind(family: str, table: dict[str, object]) -> bool:
    """Whether a table names an entry of a family, even if it misspells it."""
    kind, known = table.get("kind"), registry.family(family)
    return isinstance(kind, str) and (kind in known or nearest(kind, known).startswith("did"))


def _by_name(
    family: str, name: str, place: Path, context: Context
) -> tuple[Options | None, list[Diagnostic]]:
    """The options of an entry given by name only."""
    options, wrong = validated(family, {"kind": name}, place, context)
    named = [
        message
        if path[-1] == "kind"
        else f'{name} needs options: {{ kind = "{name}", {path[-1]} = … }}'
        for path, message in wrong
    ]
    return options, [(place, message) for message in named]
