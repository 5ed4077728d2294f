"""Output of commands: messages, JSON, sizes and durations, for terminals of any encoding."""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import sys
import unicodedata
from collections.abc import Iterator
from typing import NoReturn

from ..signals import Interrupt

_SPELLINGS = {
    "≤": "<=", "≥": ">=", "←": "<-", "→": "->", "−": "-", "–": "-", "—": "-", "×": "x", "·": "*",
    "÷": "/", "√": "sqrt ", "‖": "||", "∞": "inf", "∂": "d", "≈": "~", "…": "...", "′": "'",
    "“": '"', "”": '"', "‘": "'", "’": "'",
}  # fmt: skip


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
    return "".join(map(_spelling, missing)), error.end


def _spelling(character: str) -> str:
    name = unicodedata.name(character, "")
    if character in _SPELLINGS:
        return _SPELLINGS[character]
    if name.startswith("GREEK SMALL LETTER "):
        return name.removeprefix("GREEK SMALL LETTER ").lower()
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return plain or ascii(character)[1:-1]
