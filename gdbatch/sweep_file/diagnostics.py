"""What is wrong in a sweep file, said in the words of a sweep file's author.

pydantic finds it; its types become tables, lists, texts and whole numbers here.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from ..errors import IngredientError, nearest
from ..ingredients.options import Options
from .toml_locations import Path

Diagnostic = tuple[Path, str]  # where, and what is wrong there

# pydantic's error type → what must stand there; numbers of the error's context are put in
_EXPECTED = {
    "model_type": "a table",
    "model_attributes_type": "a table",
    "dict_type": "a table",
    "list_type": "a list",
    "string_type": "a text in quotes",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "{le:g} or less",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "string_too_long": "a text of at most {max_length} characters",
}


def diagnostics_of(
    error: ValidationError, model: type[Options], prefix: Path, value: Any
) -> list[Diagnostic]:
    """The complaints of one validation of `value`, which stands at `prefix`."""
    expected: dict[Path, list[str]] = {}  # what could stand at a place instead
    inputs: dict[Path, Any] = {}
    said: dict[Path, list[str]] = {}
    for one in error.errors():
        kind, context = one["type"], one.get("ctx", {})
        path = _real_path(one["loc"], value, kind == "missing")
        cause = context.get("error")
        if isinstance(cause, IngredientError):
            said.setdefault((*path, *cause.key), []).append(cause.message)
        elif kind == "extra_forbidden":
            hint = nearest(str(path[-1]), _fields_at(model, path[:-1]))
            said.setdefault(path, []).append(f'unknown key "{path[-1]}"; {hint}')
        elif kind == "missing" or one["input"] is None:  # a place in a list that nothing fills
            said.setdefault(path, []).append("this key is missing")
        else:
            expected.setdefault(path, []).append(_expected(kind, context, one["msg"]))
            inputs[path] = one["input"]
    for path, wanted in expected.items():
        # where something further inside is wrong, the other forms of this place were not meant
        deeper = any(len(one) > len(path) and one[: len(path)] == path for one in [*said, *inputs])
        if not deeper:
            words = " or ".join(dict.fromkeys(wanted))
            said.setdefault(path, []).append(f"must be {words}, not {_shown(inputs[path])}")
    return [((*prefix, *path), "; ".join(dict.fromkeys(words))) for path, words in said.items()]


def _expected(kind: str, context: dict[str, Any], message: str) -> str:
    if kind == "literal_error":
        return str(context["expected"]).replace("'", '"').replace("False", "false")
    if kind in _EXPECTED:
        return _EXPECTED[kind].format(**context)
    return message.lower().replace("input should be ", "")


def _real_path(location: tuple[str | int, ...], value: Any, missing: bool) -> Path:
    """A location without the parts that only name a branch of a union."""
    path: list[str | int] = []
    for index, part in enumerate(location):
        inside = (isinstance(value, dict) and part in value) or (
            isinstance(value, list) and isinstance(part, int)
        )
        if inside:
            path.append(part)
            value = value[part]
        elif missing and index == len(location) - 1:
            path.append(part)
    return tuple(path)


def _fields_at(model: Any, path: Path) -> list[str]:
    for part in path:
        annotation = model.model_fields[str(part)].annotation
        branches = [annotation, *getattr(annotation, "__args__", ())]
        model = next(one for one in branches if hasattr(one, "model_fields"))
    return list(model.model_fields)


def _shown(value: Any) -> str:
    """A value as it stands in the file, or nearly so."""
    if isinstance(value, float):
        return repr(value)
    return shortened(json.dumps(value, ensure_ascii=False, default=str))


def shortened(text: str) -> str:
    """The beginning of a text, where it is too long for a message."""
    return text if len(text) <= 60 else text[:57] + "…"
