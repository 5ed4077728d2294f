"""Every error that gdbatch raises on purpose.

    Exception
    ├── GdbatchError              has a message for the user; exit code 1
    │   ├── RunError              the run failed or could not be written: worker, disk
    │   │   ├── ShardError        some shards failed; the others are kept; exit code 3
    │   │   └── FigureError       a figure could not be drawn
    │   └── UsageError            the request is wrong: command line, path, run; exit code 2
    │       ├── SweepFileError    a sweep file is invalid; lists all of its errors
    │       └── PluginError       an installed plug-in cannot be imported
    ├── ValueError
    │   └── IngredientError       an ingredient rejects its options
    └── Warning
        └── UserWarning
            ├── FigureWarning     a figure could not be drawn; the others were
            └── SweepFileWarning  a sweep file is valid but probably has a mistake

Nothing here knows about sweeps or files. Add an exception only if a caller must catch it alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


class GdbatchError(Exception):
    """An error with a message for the user."""

    exit_code = 1


class RunError(GdbatchError):
    """The run failed or could not be written (worker, disk); exit code 1."""


class ShardError(RunError):
    """Some shards failed; the others are kept; exit code 3."""

    exit_code = 3

    def __init__(self, failures: Sequence[str], location: str) -> None:
        self.failures = list(failures)  # one message per shard
        self.location = location  # of the run
        super().__init__("\n".join([*self.failures, f"the other shards are kept in {location}"]))


class FigureError(RunError):
    """A figure could not be drawn."""


class FigureWarning(UserWarning):
    """A figure could not be drawn; the others were."""


class UsageError(GdbatchError):
    """The request itself is wrong (command line, output path, run); exit code 2."""

    exit_code = 2


class PluginError(UsageError):
    """An installed plug-in cannot be imported."""


class IngredientError(ValueError):
    """An ingredient rejects its options; `key` is the option's name, or a path of names."""

    def __init__(self, message: str, *key: str | int) -> None:
        super().__init__(message)
        self.message = message
        self.key = key


@dataclass(frozen=True)
class Problem:
    """One problem in a sweep file, and where it is."""

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
    """A sweep file is invalid; `problems` lists all of its errors, in line order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: problem.line or 0)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class SweepFileWarning(UserWarning):
    """A sweep file is valid but probably has a mistake."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Suggests the nearest allowed name, or lists all of them: `did you mean "relu"?`.

    In a mapping from names to components, the `aliases` of a component are other names for it.
    """
    names = [str(one) for one in allowed]
    if isinstance(allowed, Mapping):
        plain = name.lower().replace("-", "_").replace(" ", "_")
        for known, component in allowed.items():
            # its own ones: a subclass is another component
            if plain in (known, *getattr(component, "__dict__", {}).get("aliases", ())):
                return f'did you mean "{known}"?'
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{close[0]}"?'
    return "allowed: " + ", ".join(names) if names else ""
