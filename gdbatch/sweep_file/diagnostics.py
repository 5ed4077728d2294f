"""Collects the errors in a sweep file and phrases them for its author.

pydantic's type names become tables, lists, strings and whole numbers here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ..errors import IngredientError, Problem, SweepFileError, nearest
from ..ingredients.options import Options
from .parse import Document
from .text import as_written, shortened
from .toml_locations import Path

Diagnostic = tuple[Path, str]  # where, and what is wrong

_MOST_SHOWN = 20
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

# pydantic's error type → what is expected, formatted with the error's context
_EXPECTED = {
    "model_type": "a table",
    "model_attributes_type": "a table",
    "dict_type": "a table",
    "list_type": "a list",
    "string_type": "a string in quotes",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "a number below {lt}",
    "less_than_equal": "{le} or less",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "string_too_long": "a string of at most {max_length} characters",
}


class Diagnostics:
    """The errors found by all stages, without duplicates."""

    def __init__(self) -> None:
        self._found: dict[Diagnostic, None] = {}

    def add(self, path: Path, message: str) -> None:
        """Add an error at a path."""
        self._found[path, message] = None

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Add several errors."""
        self._found.update(dict.fromkeys(diagnostics))

    def __bool__(self) -> bool:
        return bool(self._found)

    def fail(self, document: Document) -> NoReturn:
        """Raise SweepFileError with all errors, ordered by line."""
        problems = [document.problem(*one) for one in self._found]
        problems.sort(key=lambda problem: problem.line or 0)
        hidden = len(problems) - _MOST_SHOWN
        if hidden > 0:
            problems = problems[:_MOST_SHOWN]
            line = problems[-1].line
            problems.append(Problem(f"{hidden:,} more problems", "", line, document.source))
        raise SweepFileError(problems)


def diagnostics_of(
    error: ValidationError, model: type[Options], prefix: Path, value: object
) -> list[Diagnostic]:
    """The diagnostics of validating `value`, whose path is `prefix`."""
    expected: dict[Path, dict[str, None]] = {}  # what is allowed at a path
    inputs: dict[Path, object] = {}
    messages: dict[Path, dict[str, None]] = {}
    for detail in error.errors(include_url=False):
        path = _real_path(detail["loc"], value, detail["type"] == "missing")
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, IngredientError):
            messages.setdefault((*path, *cause.key), {})[cause.message] = None
        elif detail["type"] == "extra_forbidden":
            name = str(path[-1])
            hint = nearest(name, _keys_at(model, path[:-1]))
            message = f'unknown key "{shortened(name)}"; {hint}'
            messages.setdefault(path, {})[message] = None
        elif detail["type"] == "missing" or detail["input"] is None:  # a list item without a value
            messages.setdefault(path, {})["this key is missing"] = None
        else:
            expected.setdefault(path, {})[_expected(detail)] = None
            inputs[path] = detail["input"]
    parents = {path[:length] for path in [*messages, *inputs] for length in range(len(path))}
    for path, wanted in expected.items():
        # an error further inside shows which form was meant, so the others are not reported
        if path not in parents:
            message = f"must be {' or '.join(wanted)}, not {as_written(inputs[path])}"
            messages.setdefault(path, {})[message] = None
    return [((*prefix, *path), "; ".join(found)) for path, found in messages.items()]


def _expected(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if error["type"] == "literal_error":
        return str(context["expected"]).replace("'", '"').replace("False", "false")
    if error["type"] in _EXPECTED:
        shown = {name: _as_bound(value) for name, value in context.items()}
        return _EXPECTED[error["type"]].format(**shown)
    return error["msg"].lower().replace("input should be ", "")


def _as_bound(value: object) -> object:
    """A whole number with commas; one that is too long to read as a power of two, if it is one."""
    if isinstance(value, int) and abs(value) < 10**15:
        return f"{value:,}"
    if isinstance(value, int) and value > 0 and value.bit_count() == 1:
        return "2" + str(value.bit_length() - 1).translate(_SUPERSCRIPTS)
    return f"{value:g}" if isinstance(value, int | float) else value


def _real_path(location: tuple[int | str, ...], value: object, missing: bool) -> Path:
    """pydantic's location without the parts that only name a branch of a union."""
    path: list[str | int] = []
    for index, part in enumerate(location):
        inside = value
        if isinstance(value, list) and isinstance(part, int):
            inside = value[part]
        elif isinstance(value, dict):
            inside = value.get(part, value)
        if inside is not value or (missing and index == len(location) - 1):
            path.append(part)
        value = inside
    return tuple(path)


def _keys_at(model: type[Options], path: Path) -> list[str]:
    for part in path:
        model = nested_models(model, str(part))[0]
    return list(model.key_names())


def nested_models(model: type[Options], key: str) -> list[type[Options]]:
    """The options classes of the tables allowed under a key."""
    field = model.model_fields.get(key)
    branches = [] if field is None else [field.annotation, *get_args(field.annotation)]
    return [one for one in branches if isinstance(one, type) and issubclass(one, Options)]
