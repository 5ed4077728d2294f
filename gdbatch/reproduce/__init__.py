"""Reproduces published results and compares them with the published numbers.

Every module of this folder is imported, so a new reproduction is a new file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..analysis import number
from ..errors import UsageError, nearest
from .results import DIGITS, REPRODUCTIONS, Finding, Train

for _module in pkgutil.iter_modules(__path__, __name__ + "."):
    importlib.import_module(_module.name)

__all__ = ["REPRODUCTIONS", "Finding", "as_markdown", "reproduce"]


def reproduce(
    names: Sequence[str] = (),
    *,
    out: str | Path | None = None,
    quick: bool = False,
    jobs: int = -1,
    progress: bool = False,
) -> pd.DataFrame:
    """Reproduce published results, by default all; resumes an interrupted call.

    out: the folder of the run directories, by default `results/reproduce`, or
    `results/reproduce-quick`. quick: coarser sweeps. Returns a table: result, source, published,
    measured, agreement. Raises UsageError for an unknown name, ShardError if shards of a sweep
    failed.
    """
    for name in names:
        if name not in REPRODUCTIONS:
            raise UsageError(f'unknown reproduction "{name}"; '
                             f"{nearest(name, REPRODUCTIONS)}")  # fmt: skip
    folder = "results/reproduce-quick" if quick else "results/reproduce"
    folder = folder if out is None else str(out)
    rows = []
    for name in names or REPRODUCTIONS:
        one = REPRODUCTIONS[name]
        for finding in one.find(Train(one, folder, quick, jobs, progress)):
            published = number(finding.published, DIGITS)
            rows.append(
                (finding.result, one.source, published, finding.measured, finding.agreement)
            )
    return pd.DataFrame(rows, columns=["result", "source", "published", "measured", "agreement"])


def as_markdown(table: pd.DataFrame) -> str:
    """The table in Markdown, with aligned columns."""
    rows = [list(table), *table.astype(str).to_numpy().tolist()]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| "
        + " | ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        + " |"
        for row in rows
    )
