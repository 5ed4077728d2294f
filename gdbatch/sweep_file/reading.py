"""Reads a sweep file in four stages, which add to the same diagnostics.

Nothing is trained or written here, but the data files that a sweep names are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..ingredients.options import Context
from .cross_check import cross_check
from .diagnostics import Diagnostics
from .parse import Overrides, parse
from .resolve import resolve_axes
from .sweep import Sweep
from .validate import validate


def read_sweep(
    source: str | Path | Mapping[str, object],
    overrides: Overrides = (),
    engine: str | None = None,
    allow_python: bool = False,
) -> Sweep:
    """Read and validate a sweep from a file or an equivalent dict.

    overrides: strings KEY=VALUE with a dotted KEY and a VALUE in TOML syntax, or a dict of dotted
    keys and values. engine: replaces the one in the file. allow_python: whether the code of a
    problem with kind = "python" may run. Raises SweepFileError with every error found.
    """
    diagnostics = Diagnostics()
    document = parse(source, overrides, engine)
    axes = resolve_axes(document, diagnostics)
    context = Context(document.folder, allow_python=allow_python)
    sweep = validate(document, axes, context, diagnostics)
    if sweep is not None:
        cross_check(sweep, axes, diagnostics)
    if sweep is None or diagnostics:
        diagnostics.fail(document)
    return sweep
