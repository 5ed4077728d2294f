"""Finds the sweeps shipped with gdbatch by name, in a checkout or an installed wheel."""

from __future__ import annotations

import tomllib
from pathlib import Path

from ..errors import UsageError, nearest


def shipped_folder() -> Path:
    """The folder of the shipped sweep files."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "shipped_sweeps"
    return installed if installed.is_dir() else package.parent / "sweeps"


def shipped_sweeps() -> dict[str, Path]:
    """The shipped sweep files, by name."""
    return {path.stem: path for path in sorted(shipped_folder().glob("*.toml"))}


def description(path: Path) -> str:
    """The description in a sweep file."""
    return str(tomllib.loads(path.read_text(encoding="utf-8")).get("description", ""))


def find_sweep(name: str) -> Path:
    """The sweep file at a path, or the shipped one of that name.

    Raises UsageError, with the nearest name, if there is none.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path
    shipped = shipped_sweeps()
    if name in shipped:
        return shipped[name]
    if path.is_dir():
        raise UsageError(f"{name} is a directory; a sweep file is a TOML file")
    beside = [one.name for one in path.parent.glob("*.toml")] if path.parent.is_dir() else []
    hint = nearest(path.name if path.suffix else name, [*beside, *shipped])
    raise UsageError(f'there is no sweep file "{name}"; {hint}')
