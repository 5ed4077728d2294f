"""Finds the line of every key of a TOML document, which tomllib does not tell.

It reads documents that tomllib has accepted, so it only has to find its way, not to judge.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

Path = tuple[str | int, ...]

_KEY_PART = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)\s*""")
_STRING = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'''', re.DOTALL
)


def split_key(text: str) -> tuple[str, ...] | None:
    """The parts of a dotted TOML key, unquoted; None if it is none."""
    parts, end = _key_at(text, 0)
    return parts if parts and end == len(text) else None


def _key_at(text: str, position: int) -> tuple[tuple[str, ...], int]:
    """The parts of the dotted key that begins at a position, and where it ends; () for none."""
    parts: list[str] = []
    while True:
        match = _KEY_PART.match(text, position)
        if match is None:
            return (), position
        parts.append(next(iter(tomllib.loads(f"{match.group(1)} = 0"))))
        position = match.end()
        if not text.startswith(".", position):
            return tuple(parts), position
        position += 1


class TomlLocations:
    """Lines of keys: `line(path)` is that of the key, or of the nearest key around it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines: dict[Path, int] = {}
        self._scan()

    def line(self, path: Path) -> int | None:
        """The line, from 1, where `path` or its nearest parent stands."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return self._lines[path[:length]]
        return None

    def _scan(self) -> None:
        text, position, line = self._text, 0, 1
        table: Path = ()
        counts: dict[Path, int] = {}
        while position < len(text):
            end = text.find("\n", position)
            end = len(text) if end < 0 else end
            content = text[position:end].strip()
            if content.startswith("["):
                table = self._header(content, counts, line)
            elif content and not content.startswith("#"):
                end = self._task(table, position, line)
            line += text.count("\n", position, end) + 1
            position = end + 1

    def _header(self, content: str, counts: dict[Path, int], line: int) -> Path:
        """Note the table that a header opens; `counts` has the last index of each array of them."""
        repeated = content.startswith("[[")
        parts, _ = _key_at(content, 2 if repeated else 1)
        path: Path = ()
        for depth, part in enumerate(parts, 1):
            path = (*path, part)
            self._lines.setdefault(path, line)
            if depth < len(parts) and path in counts:
                path = (*path, counts[path])
        if repeated:
            counts[path] = counts.get(path, -1) + 1
            path = (*path, counts[path])
            self._lines[path] = line
        return path

    def _task(self, table: Path, position: int, line: int) -> int:
        """Note `key = value` that begins at position; returns where its last line ends."""
        parts, equals = _key_at(self._text, position)
        path = (*table, *parts)
        for length in range(len(table) + 1, len(path) + 1):
            self._lines.setdefault(path[:length], line)
        return self._value(path, equals + 1, line)

    def _value(self, path: Path, position: int, line: int) -> int:
        text, depth, element, fresh = self._text, 0, 0, False
        while position < len(text):
            string = _STRING.match(text, position)
            if fresh and not text[position].isspace() and text[position] not in "#]":
                self._lines[(*path, element)] = line
                fresh = False
            if string:
                line += string.group().count("\n")
                position = string.end()
                continue
            character = text[position]
            if character == "#":
                position = text.find("\n", position)
                if position < 0:
                    return len(text)
                continue
            if character in "[{":
                depth += 1
                fresh = depth == 1 and character == "["
            elif character in "]}":
                depth -= 1
            elif character == "," and depth == 1:
                element, fresh = element + 1, True
            elif character == "\n":
                if depth == 0:
                    return position
                line += 1
            position += 1
        return position


def describe(path: Path) -> str:
    """A path as one writes it: `axes.learning_rate`, `problem.inputs[2]`."""
    words = ""
    for part in path:
        if isinstance(part, int):
            words += f"[{part}]"
        else:
            quoted = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else f'"{part}"'
            words += f".{quoted}" if words else quoted
    return words


def lookup(document: Any, path: Path) -> Any:
    """The value at a path of nested tables and arrays; raises KeyError where there is none."""
    for part in path:
        try:
            document = document[part]
        except (IndexError, TypeError):
            raise KeyError(part) from None
    return document
