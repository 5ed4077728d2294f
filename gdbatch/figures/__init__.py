"""Figures: a table goes in, a matplotlib Figure comes out, one function a plot.

Every module here is imported, so a new figure is a new file. No pyplot, no global state.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from pathlib import Path

from matplotlib.figure import Figure

from ..atomic_files import write_atomically
from .data import FIGURES, FigureData
from .style import house_style

for _module in pkgutil.iter_modules(__path__, __name__ + "."):
    importlib.import_module(_module.name)

__all__ = ["FIGURES", "FigureData", "draw", "draw_all", "save"]


def draw(kind: str, data: FigureData) -> Figure | None:
    """One figure, or None where the data has nothing for it; raises KeyError for the kind."""
    with house_style():
        return FIGURES[kind](data)


def draw_all(data: FigureData) -> dict[str, Figure]:
    """Every figure that the data has something for, by kind."""
    drawn = {kind: draw(kind, data) for kind in sorted(FIGURES)}
    return {kind: figure for kind, figure in drawn.items() if figure is not None}


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write `stem.png` and `stem.svg`, the same bytes for the same figure; returns the paths."""
    paths = []
    for suffix, metadata in ((".png", {"Software": None}), (".svg", {"Date": None})):
        path = stem.with_suffix(suffix)
        write = functools.partial(figure.savefig, format=suffix[1:], metadata=metadata)
        with house_style():
            write_atomically(path, write)
        paths.append(path)
    return paths
