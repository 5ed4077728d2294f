"""Reads a sweep file in four stages, which add to the same diagnostics.

Nothing is trained or written here, but the data files that a sweep names are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import IngredientError
from ..ingredients.datasets.given import GivenData
from ..ingredients.options import Context
from .cross_check import cross_check
from .diagnostics import Diagnostics
from .parse import Document, Overrides, parse
from .resolve import resolve_axes
from .sweep import Sweep
from .validate import validate


def read_sweep(
    source: str | Path | Mapping[str, object],
    overrides: Overrides = (),
    engine: str | None = None,
    allow_python: bool = False,
    data: object = None,
) -> Sweep:
    """Read and validate a sweep from a file or an equivalent dict.

    overrides: strings KEY=VALUE with a dotted KEY and a VALUE in TOML syntax, or a dict of dotted
    keys and values. engine: replaces the one in the file. allow_python: whether the code of a
    problem with kind = "python" may run. data: a pandas DataFrame, a tuple (X, y) or a Bunch, which
    replaces `problem.data`. Raises SweepFileError with every error found.
    """
    diagnostics = Diagnostics()
    document = parse(source, overrides, engine)
    if data is not None:
        _give(document, data, diagnostics)
    axes = resolve_axes(document, diagnostics)
    context = Context(document.folder, allow_python=allow_python)
    sweep = validate(document, axes, context, diagnostics)
    if sweep is not None:
        cross_check(sweep, axes, diagnostics)
    if sweep is None or diagnostics:
        diagnostics.fail(document)
    return sweep


def _give(document: Document, data: object, diagnostics: Diagnostics) -> None:
    """Put data from Python in the place of `problem.data`."""
    problem = document.tables.setdefault("problem", {})
    if not isinstance(problem, dict):
        return  # it is reported that [problem] must be a table
    try:
        problem["data"] = GivenData.of(data)
    except IngredientError as error:
        diagnostics.add(("problem", *error.key), error.message)
        diagnostics.fail(document)
