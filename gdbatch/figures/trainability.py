"""Trainability map: how fast trials train, or fail to, over two axes (Sohl-Dickstein 2024)."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from ..analysis import as_map, every_pixel, is_scale, trainability
from ..registry import register
from .data import FigureData
from .style import cell_edges, label, new_figure, scale_axis

_TRAINED, _FAILED = "Blues_r", "Reds"
_COLOURS = 128  # on either side


@register("figure", "trainability")
def trainability_map(data: FigureData) -> Figure | None:
    """Trainability map: blue where the loss falls (darker is faster), red where it does not."""
    if data.trials is None or not data.is_grid:
        return None
    axes = [axis for axis in data.axes if is_scale(data.summary, axis)]
    if len(axes) != 2 or len(data.trials) != len(data.summary):
        return None
    y, x = axes
    trials = every_pixel(data.trials, x, y) if data.sparse_map else data.trials
    values = trainability(trials)
    if values is None:
        return None
    grid = as_map(trials, x, y, _by_rank(values))
    if min(grid.shape) < 2:
        return None
    # without the palest colours, which are nearly white on both sides
    shades = [mpl.colormaps[_TRAINED](np.linspace(0.05, 0.85, _COLOURS)),
              mpl.colormaps[_FAILED](np.linspace(0.2, 1, _COLOURS))]  # fmt: skip
    drawn = new_figure(6.4, 6.1, data.name)
    panel = drawn.subplots()
    panel.pcolormesh(cell_edges(grid.columns), cell_edges(grid.index), grid.to_numpy(),
                     cmap=ListedColormap(np.concatenate(shades)), vmin=-1, vmax=1,
                     rasterized=True)  # fmt: skip
    scale_axis(panel, "x", grid.columns)
    scale_axis(panel, "y", grid.index)
    panel.set_xlabel(label(x))
    panel.set_ylabel(label(y))
    panel.grid(False)
    patches = [
        Patch(color=shades[0][30], label="trains, the darker the faster"),
        Patch(color=shades[1][90], label="does not, the darker the longer it takes to fail"),
    ]
    drawn.legend(handles=patches, loc="outside lower center", ncols=2)
    return drawn


def _by_rank(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks in (0, 1] on either side of zero; negative ones are mirrored, the fastest at -1."""
    spread = np.zeros(len(values))
    for side in (values < 0, values >= 0):
        order = np.argsort(np.argsort(np.abs(values[side]), kind="stable"), kind="stable")
        spread[side] = (order + 1) / max(1, side.sum())
    # the fastest have the smallest sums and the darkest colour, farthest from 0
    return np.where(values < 0, spread - 1.001, spread)
