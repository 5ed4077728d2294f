"""The look that all figures share: sizes, colours, and how numbers are written.

Touch it to change every figure at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

# Okabe and Ito's colours, told apart by every kind of eye; yellow is too pale for lines
CYCLE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#8C6D31")

# of rising lightness, but for red: told apart in grey as well
OUTCOME_COLOURS = {
    "converged": "#0072B2",
    "completed": "#56B4E9",
    "stalled": "#E69F00",
    "unfinished": "#D9D9D9",
    "diverged": "#A11D21",
}

_STYLE: dict[str, Any] = {
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=CYCLE),
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "savefig.dpi": 160,
    "svg.hashsalt": "gdbatch",
    "svg.fonttype": "path",
}


def house_style() -> AbstractContextManager[None]:
    """Everything drawn or saved inside looks like gdbatch, whatever the user's own settings."""
    settings: dict[Any, Any] = {**mpl.rcParamsDefault, **_STYLE}
    return mpl.rc_context(settings)


def new_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure with a title on the left."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
    return figure


def number(value: float) -> str:
    """A number for people: 0.01, 2,268, 1e-05."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if 1000 <= abs(value) < 1e7:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def is_logarithmic(values: Any) -> bool:
    """Whether values are best spread by their logarithms."""
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    return bool(finite.size > 1 and finite.min() > 0 and finite.max() / finite.min() > 10)


def label(name: str) -> str:
    """The name of a column, for an axis."""
    return name.replace("_", " ")


def log_axis(axes: Axes, which: str) -> None:
    """Make one axis logarithmic, with as many labels as fit, written for people."""
    axis: Axis = axes.xaxis if which == "x" else axes.yaxis
    axes.set(**{f"{which}scale": "log"})
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    decades = math.log10(high / low) if low > 0 else 1.0
    axis.set_major_locator(LogLocator(numticks=9))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axis.set_minor_formatter(NullFormatter())
    if decades > 8:
        axis.set_minor_locator(NullLocator())
    elif decades < 1.5:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=9))


class Colours:
    """A colour for each value of what tells curves apart; a legend or a colour bar explains it."""

    few = len(CYCLE)

    def __init__(self, values: Sequence[Any], sequential: bool) -> None:
        self.values = list(dict.fromkeys(values))
        numbers = all(isinstance(one, int | float | np.number) for one in self.values)
        self.norm: Normalize | None = None
        self._map: Colormap = mpl.colormaps["viridis"]
        if numbers and len(self.values) > 1 and (sequential or len(self.values) > self.few):
            # the palest end of the map is hard to see on white
            self._map = mpl.colors.ListedColormap(self._map(np.linspace(0, 0.92, 256)))
            kind = LogNorm if is_logarithmic(self.values) else Normalize
            self.norm = kind(min(self.values), max(self.values))

    def of(self, value: Any) -> Any:
        """The colour of one value."""
        if self.norm is not None:
            return self._map(self.norm(value))
        return CYCLE[self.values.index(value) % len(CYCLE)]

    def add_bar(self, figure: Figure, axes: Any, name: str) -> None:
        """Explain the colours by a colour bar."""
        mappable = mpl.cm.ScalarMappable(self.norm, self._map)
        bar = figure.colorbar(mappable, ax=axes, label=name, pad=0.02)
        bar.ax.grid(False)
        bar.ax.yaxis.set_minor_formatter(NullFormatter())
        if isinstance(self.norm, LogNorm):
            bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
