"""How keys and values are quoted in messages: short, on one line, without control characters."""

from __future__ import annotations

import json
import re

from .toml_locations import Path

_LONGEST = 60  # characters of one value
_LONGEST_MESSAGE = 1000
_MOST_PARTS = 8  # of a key


def printable(text: str) -> str:
    """A text with control characters escaped, so that it stays on one line of a terminal."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


def shortened(text: str, longest: int = _LONGEST) -> str:
    """A printable text, cut if it is too long for a message."""
    shown = printable(text[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 3] + "…"


def message_text(text: str) -> str:
    """A printable message, limited in length whatever it quotes."""
    return shortened(text, _LONGEST_MESSAGE)


def as_written(value: object) -> str:
    """A value roughly as the file has it."""
    if isinstance(value, float):
        return repr(value)
    try:
        return shortened(json.dumps(value, ensure_ascii=False, default=str))
    except (ValueError, RecursionError):  # too many digits or levels
        return "a value too long to show"


def as_text(value: object) -> str:
    """A value as text in a column: a list as `3-2-1`, a table as `loss=0.1,hold=2`."""
    if isinstance(value, list):
        return "-".join(as_text(one) for one in value)
    if isinstance(value, dict):
        return ",".join(f"{key}={as_text(one)}" for key, one in value.items())
    return str(value)


def describe(path: Path) -> str:
    """A path in dotted notation: `axes.learning_rate`, `problem.inputs[2]`."""
    words = ""
    for part in path[:_MOST_PARTS]:
        if isinstance(part, int):
            words += f"[{part}]"
        else:
            plain = re.fullmatch(r"[A-Za-z0-9_-]+", part)
            name = shortened(part if plain else f'"{part}"')
            words += f".{name}" if words else name
    return words + ("…" if len(path) > _MOST_PARTS else "")
