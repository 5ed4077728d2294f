"""The first stage: reads a TOML file or a dict and applies the overrides.

Every value keeps its origin, a line of the file or an override, for error messages.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import Problem, SweepFileError
from .text import describe, message_text, shortened
from .toml_hints import explained
from .toml_locations import MOST_KEY_PARTS, TomlLocations, line_of_long_key, split_key
from .toml_locations import Path as KeyPath

Overrides = Sequence[str] | Mapping[str, object]


@dataclass(frozen=True)
class Document:
    """The tables of a sweep and the origin of every value."""

    tables: dict[str, object]
    locations: TomlLocations
    source: str  # the file's name, for messages
    folder: str  # to which its relative paths refer
    overridden: dict[KeyPath, str] = field(default_factory=dict)  # path → override, for messages

    def problem(self, path: KeyPath, message: str) -> Problem:
        """An error at a path, with the origin of the value there."""
        source, line = self.source, self.locations.line(path)
        for changed, words in self.overridden.items():  # the last one wins
            shorter = min(len(path), len(changed))
            inside = changed == path[: len(changed)]
            if inside or (line is None and changed[:shorter] == path[:shorter]):
                source, line = words, None
        return Problem(message_text(message), describe(path), line, source)


def parse(
    source: str | Path | Mapping[str, object], overrides: Overrides, engine: str | None
) -> Document:
    """Read the document of a sweep; raises SweepFileError if it cannot be read."""
    if isinstance(source, Mapping):
        try:
            tables = {str(key): _plain_copy(value) for key, value in source.items()}
        except RecursionError:
            raise SweepFileError([Problem("is nested too deeply", source="sweep")]) from None
        document = Document(tables, TomlLocations(""), "sweep", str(Path.cwd()))
    else:
        document = _read(Path(source).expanduser())
    problems = []
    if isinstance(overrides, Mapping):
        for key, value in overrides.items():
            words = f'override "{shortened(key)}"'
            path = split_key(str(key))
            if path is None:
                problems.append(Problem("is not a dotted key", source=words))
            else:
                problems += _put(document, path, _plain_copy(value), words)
    else:
        for text in overrides:
            problems += _override(document, text)
    if engine is not None:
        problems += _put(document, ("train", "engine"), engine, f"--engine {shortened(engine)}")
    if problems:
        raise SweepFileError(problems)
    return document


def _read(path: Path) -> Document:
    text = ""
    line: int | None = None
    try:
        if path.exists() and not path.is_file():
            raise OSError("it is not a regular file")
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        line = line_of_long_key(text)
        if line is None:
            tables = tomllib.loads(text)
            return Document(tables, TomlLocations(text), str(path), str(path.resolve().parent))
        message = f"a key has more than {MOST_KEY_PARTS} dotted parts"
    except UnicodeDecodeError:
        message = "is not a text file in UTF-8"
    except tomllib.TOMLDecodeError as error:
        explanation, line = explained(str(error), text)
        message = f"is not TOML: {explanation}"
    except RecursionError:
        message = "is nested too deeply"
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
    except ValueError as error:
        if text:  # Python's limit on digits, which tomllib does not catch
            message = "is not TOML: a number has thousands of digits"
        else:  # an invalid file name
            message = f"cannot be read: {error}"
    raise SweepFileError([Problem(message_text(message), line=line, source=str(path))])


def _plain_copy(value: object) -> object:
    """A copy in plain Python types: NumPy numbers and arrays, and tuples, are converted."""
    if isinstance(value, Mapping):
        return {str(key): _plain_copy(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        plain: object = value.tolist()
        return plain
    if isinstance(value, list | tuple | range):
        return [_plain_copy(inner) for inner in value]
    return value


def _override(document: Document, text: str) -> list[Problem]:
    """Apply `KEY=VALUE` to the document; returns the errors."""
    source = f"--set {shortened(text)}"
    key, equals, value = (part.strip() for part in text.partition("="))
    path = split_key(key)
    if not equals or path is None:
        return [Problem("must be KEY=VALUE with a dotted key", source=source)]
    hint = ""
    try:
        parsed = tomllib.loads(f"value = {value}") if line_of_long_key(value) is None else {}
    except (ValueError, RecursionError) as error:
        parsed = {}
        if isinstance(error, tomllib.TOMLDecodeError):
            explanation, _ = explained(str(error), f"value = {value}")
            hint = explanation.partition("; ")[2]
    if list(parsed) != ["value"]:
        shown = shortened(value)
        if not hint or hint.startswith("text needs quotes"):
            hint = f"""text needs quotes: --set '{shortened(key)}="{shown}"'"""
        return [Problem(f"'{shown}' is not a TOML value; {hint}", source=source)]
    return _put(document, path, parsed["value"], source)


def _put(document: Document, path: tuple[str, ...], value: object, source: str) -> list[Problem]:
    """Set one value, creating the tables around it; returns the errors."""
    table = document.tables
    for part in path[:-1]:
        inner = table.setdefault(part, {})
        if not isinstance(inner, dict):
            return [Problem(f"{describe(path[:-1])} is a value, not a table", source=source)]
        table = inner
    table[path[-1]] = value
    document.overridden.pop(path, None)
    document.overridden[path] = source
    return []
