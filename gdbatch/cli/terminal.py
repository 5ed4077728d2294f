"""Output of commands: messages, JSON, sizes and durations, for terminals of any encoding."""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import re
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterator, Mapping
from typing import NoReturn

from ..signals import Interrupt

_SPELLINGS = {
    "≤": "<=", "≥": ">=", "←": "<-", "→": "->", "−": "-", "–": "-", "—": "-", "×": "x", "·": "*",
    "÷": "/", "√": "sqrt ", "‖": "||", "∞": "inf", "∂": "d", "≈": "~", "…": "...", "′": "'",
    "“": '"', "”": '"', "‘": "'", "’": "'",
}  # fmt: skip

_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_NARROW = 30  # columns of text, below which it starts on a line of its own


def say(text: object, *, err: bool = False) -> None:
    """Print a line on stdout or stderr.

    Unlike `typer.echo`, which writes UTF-8 where a terminal has only ASCII.
    """
    print(text, file=sys.stderr if err else sys.stdout, flush=True)


@contextlib.contextmanager
def resumable() -> Iterator[None]:
    """Add to the message of an interrupt how to resume; also usable as a decorator."""
    try:
        yield
    except Interrupt as interrupt:
        interrupt.add_note("finished shards are kept; run the same command to resume")
        raise


def fail(message: str, exit_code: int) -> NoReturn:
    """Print each line of a message as `error: …`, and exit."""
    for line in message.splitlines() or [message]:
        say(f"error: {line}", err=True)
    raise SystemExit(exit_code)


def warn(message: str) -> None:
    """Print `warning: …` on stderr."""
    say(f"warning: {message}", err=True)


def print_json(data: object) -> None:
    """Print plain data as JSON on stdout."""
    say(json.dumps(data, indent=2, allow_nan=False))


def is_terminal() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout.isatty()


def described(entries: Mapping[str, str], width: int, indent: str = "") -> str:
    """Names with their descriptions, which start in one column and are wrapped on a terminal.

    width: of the names' column. In a pipe, each name has one line.
    """
    lines = [f"{indent}{name:<{width}}{text}" for name, text in entries.items()]
    if not is_terminal():
        return "\n".join(lines)
    columns = shutil.get_terminal_size().columns
    hanging = " " * (len(indent) + width)
    if columns - len(hanging) < _NARROW:  # the text on lines of its own
        hanging = f"{indent}    "
        lines = [f"{indent}{name}\n{hanging}{text}" for name, text in entries.items()]
    return "\n".join(
        _wrapped(part, columns, hanging) for line in lines for part in line.split("\n")
    )


def _wrapped(line: str, columns: int, hanging: str) -> str:
    return textwrap.fill(line, columns, subsequent_indent=hanging, break_on_hyphens=False)


def duration(seconds: float) -> str:
    """A duration in the largest unit of which it has at least two: `3 min`."""
    for unit, length in (("years", 31_557_600), ("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 else "1 s"


def size(count: float) -> str:
    """A number of bytes with its unit: `12 kB`."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:,.0f} PB"


def replace_unencodable() -> None:
    """Make stdout and stderr spell out characters that their encoding lacks."""
    codecs.register_error("gdbatch.spelled", _spelled)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="gdbatch.spelled")


def _spelled(error: UnicodeError) -> tuple[str, int]:
    """A codecs error handler: η becomes "eta", ≤ becomes "<=", 数 becomes an escape."""
    assert isinstance(error, UnicodeEncodeError)
    missing = error.object[error.start : error.end]
    power = re.sub(f"[{_SUPERSCRIPTS}]+", r"^\g<0>", missing)  # 2⁶³ is 2^63
    return "".join(one if one == "^" else _spelling(one) for one in power), error.end


def _spelling(character: str) -> str:
    name = unicodedata.name(character, "")
    if character in _SPELLINGS:
        return _SPELLINGS[character]
    if name.startswith("GREEK SMALL LETTER "):
        return name.removeprefix("GREEK SMALL LETTER ").lower()
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return plain or ascii(character)[1:-1]
