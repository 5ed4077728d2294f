"""Every error gdbatch raises on purpose, and the words it is told in.

Nothing here knows about sweeps or files; add an exception only when a caller must tell it apart.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class GdbatchError(Exception):
    """An error with a message meant for the person at the keyboard."""

    exit_code = 1


class RunError(GdbatchError):
    """The run could not be done or written (disk, worker); exit code 1."""


class UsageError(GdbatchError):
    """The request itself is wrong (command line, output path, run); exit code 2."""

    exit_code = 2


class PluginError(UsageError):
    """A plug-in that is installed cannot be imported."""


class IngredientError(ValueError):
    """An ingredient refuses its options; `key` is the option's name, or a path of names."""

    def __init__(self, message: str, *key: str | int) -> None:
        super().__init__(message)
        self.message = message
        self.key = key


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a sweep file: what, and where."""

    message: str
    key: str = ""
    line: int | None = None
    source: str = ""

    def __str__(self) -> str:
        place = self.source
        if self.line is not None:
            place += f", line {self.line}"
        where = ": ".join(part for part in (place, self.key) if part)
        return f"{where}: {self.message}" if where else self.message


class SweepFileError(UsageError):
    """A sweep file is wrong; carries every problem found in it, in the order of its lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: problem.line or 0)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Words that name the nearest allowed name, or all of them: `did you mean "relu"?`."""
    names = [str(one) for one in allowed]
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{close[0]}"?'
    return "allowed: " + ", ".join(names) if names else ""
