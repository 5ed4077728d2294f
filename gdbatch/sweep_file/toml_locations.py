"""Finds the line of every key of a TOML document, which tomllib does not report.

It expects documents that tomllib has accepted, and does not check them again.
"""

from __future__ import annotations

import functools
import re
import tomllib

Path = tuple[str | int, ...]

MOST_KEY_PARTS = 100  # tomllib's memory grows with their square

_PART = r"""(?:"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+'|[A-Za-z0-9_-]++)"""
_KEY_PART = re.compile(rf"\s*({_PART})\s*")
_LONG_KEY = re.compile(
    rf"(?<![A-Za-z0-9_\"'-])(?:{_PART}[ \t]*+\.[ \t]*+){{{MOST_KEY_PARTS}}}", re.ASCII
)
_STRING = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'''', re.DOTALL
)
_NOTABLE = re.compile(r"""[\[\]{},#\n"']""")


def line_of_long_key(text: str) -> int | None:
    """The line of a key with more than MOST_KEY_PARTS dotted parts; None if there is none."""
    match = _LONG_KEY.search(text)
    return None if match is None else text.count("\n", 0, match.start()) + 1


def split_key(text: str) -> tuple[str, ...] | None:
    """The parts of a dotted TOML key, unquoted; None if it is not a key."""
    if line_of_long_key(text) is not None:
        return None
    parts, end = _key_at(text, 0)
    return parts if parts and end == len(text) else None


def _key_at(text: str, position: int) -> tuple[tuple[str, ...], int]:
    """The parts and the end of the dotted key at a position; () if there is none."""
    parts: list[str] = []
    while True:
        match = _KEY_PART.match(text, position)
        if match is None:
            return (), position
        try:
            parts.append(next(iter(tomllib.loads(f"{match.group(1)} = 0"))))
        except tomllib.TOMLDecodeError:
            return (), position
        position = match.end()
        if not text.startswith(".", position):
            return tuple(parts), position
        position += 1


class TomlLocations:
    """Lines of keys; scans the text at the first lookup."""

    def __init__(self, text: str) -> None:
        self._text = text

    def line(self, path: Path) -> int | None:
        """The line, from 1, of the key at `path` or of its nearest parent."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return self._lines[path[:length]]
        return None

    @functools.cached_property
    def _lines(self) -> dict[Path, int]:
        return _Scanner(self._text).lines


class _Scanner:
    """One pass over a document."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._text = text
        self._counts: dict[Path, int] = {}  # the last index of each array of tables
        position, line, table = 0, 1, Path()
        while position < len(text):
            end = text.find("\n", position)
            end = len(text) if end < 0 else end
            content = text[position:end].strip()
            if content.startswith("["):
                table = self._header(content, line)
            elif content and not content.startswith("#"):
                end = self._pair(table, position, line)
            line += text.count("\n", position, end) + 1
            position = end + 1

    def _header(self, content: str, line: int) -> Path:
        """Record the line of a header; returns the path of its table."""
        repeated = content.startswith("[[")
        parts, _ = _key_at(content, 2 if repeated else 1)
        path: Path = ()
        for depth, part in enumerate(parts, 1):
            path = (*path, part)
            self.lines.setdefault(path, line)
            if depth < len(parts) and path in self._counts:
                path = (*path, self._counts[path])
        if repeated:
            self._counts[path] = self._counts.get(path, -1) + 1
            path = (*path, self._counts[path])
            self.lines[path] = line
        return path

    def _pair(self, table: Path, position: int, line: int) -> int:
        """Record the line of a `key = value` pair; returns the end of its last line."""
        parts, equals = _key_at(self._text, position)
        path = (*table, *parts)
        for length in range(len(table) + 1, len(path) + 1):
            self.lines.setdefault(path[:length], line)
        return self._value(path, equals + 1, line)

    def _value(self, path: Path, position: int, line: int) -> int:
        """Record the lines of an array's elements; returns the end of the value's last line."""
        text, depth, element, element_begins = self._text, 0, 0, False
        while match := _NOTABLE.search(text, position):
            character, found = match.group(), match.start()
            if element_begins:
                content = text[position:found].strip()
                if content or character not in "]#\n":
                    self.lines[(*path, element)] = line
                    element_begins = False
            position = match.end()
            if character == "#":
                position = text.find("\n", position)
                if position < 0:
                    return len(text)
            elif character in "\"'":
                string = _STRING.match(text, found)
                if string:
                    line += string.group().count("\n")
                    position = string.end()
            elif character in "[{":
                depth += 1
                element_begins = depth == 1 and character == "["
            elif character in "]}":
                depth -= 1
            elif character == "," and depth == 1:
                element, element_begins = element + 1, True
            elif character == "\n":
                if depth == 0:
                    return found
                line += 1
        return len(text)


def lookup(document: object, path: Path) -> object:
    """The value at a path of nested tables and arrays; raises KeyError if there is none."""
    for part in path:
        if isinstance(document, dict) and part in document:
            document = document[part]
            continue
        if isinstance(document, list) and isinstance(part, int) and part < len(document):
            document = document[part]
            continue
        raise KeyError(part)
    return document


def found(document: object, path: Path) -> object:
    """The value at a path, or None."""
    try:
        return lookup(document, path)
    except KeyError:
        return None
