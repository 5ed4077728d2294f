"""Inspects what was drawn: lines, legends, texts.

This file has no tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gdbatch.figures import FigureData, draw, names, rendered


def drawn(kind: str, data: FigureData) -> Figure:
    figure = draw(kind, data)
    assert figure is not None
    return figure


def save(figure: Figure, folder: Path, kind: str) -> list[Path]:
    """Write the files of a figure into a folder, and return their paths."""
    files = rendered(kind, figure)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def all_drawn(data: FigureData) -> dict[str, Figure]:
    """Every figure that there is data for, by name."""
    drawn = {kind: draw(kind, data) for kind in names()}
    return {kind: figure for kind, figure in drawn.items() if figure is not None}


def points(line: Any) -> tuple[list[float], list[float]]:
    return np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()


def visible(axes: Axes, line: Any) -> bool:
    """Whether a line leaves a mark: two points in a row, or a marker."""
    finite = np.isfinite(np.asarray(line.get_ydata(), dtype=float))
    return bool((finite[1:] & finite[:-1]).any() or line.get_marker() not in ("None", None))


def curves_of(axes: Axes) -> list[Line2D]:
    """The lines that show data: not those across the whole axes."""
    return [line for line in axes.get_lines() if line.get_transform() == axes.transData]


def marks_of(axes: Axes) -> list[float]:
    """The places of vertical lines across the whole axes."""
    upright = [line for line in axes.get_lines() if line.get_transform() != axes.transData]
    places = [np.asarray(line.get_xdata(), dtype=float) for line in upright]
    return sorted(float(place[0]) for place in places if place[0] == place[-1])


def legend_of(figure: Figure) -> list[str]:
    """Every name in the legends of a figure."""
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def texts_of(figure: Figure) -> Iterator[Any]:
    """Every text that is drawn; call it after the figure is laid out."""
    if figure.get_suptitle():
        yield figure._suptitle  # type: ignore[attr-defined]
    for legend in figure.legends:
        yield from [*legend.get_texts(), legend.get_title()]
    for axes in figure.axes:
        yield from (axes.title, axes._left_title, axes._right_title)  # type: ignore[attr-defined]
        yield from axes.texts
        frame = axes.get_window_extent()
        for axis, low, high in (
            (axes.xaxis, frame.x0, frame.x1),
            (axes.yaxis, frame.y0, frame.y1),
        ):
            for tick in axis.get_major_ticks():
                at = (tick.get_loc(), 1.0) if axis is axes.xaxis else (1.0, tick.get_loc())
                place = axes.transData.transform(at)[int(axis is axes.yaxis)]
                # matplotlib also makes ticks beyond the ends, but does not draw them
                if low - 1 <= place <= high + 1:
                    yield from (tick.label1, tick.label2)
            yield from (axis.label, axis.get_offset_text())
