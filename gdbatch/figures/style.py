"""The common style of all figures: sizes, colours and number formats."""

from __future__ import annotations

import contextlib
import functools
import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, TypeGuard

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogLocator,
    NullFormatter,
    NullLocator,
)
from numpy.typing import ArrayLike, NDArray

from .. import registry
from ..analysis import number

# the colour-blind-safe cycle of Okabe and Ito; its yellow is too pale for lines
CYCLE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#8C6D31")

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
    "legend.title_fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "savefig.dpi": 160,
    "svg.hashsalt": "gdbatch",
    "svg.fonttype": "path",
    "text.parse_math": False,  # so that a $ in a name stays a $
}
_SPREAD = 5  # smallest ratio of the ends for which an axis is logarithmic
_MOST_VALUE_TICKS = 8
TINY, HUGE = 1e-100, 1e100  # losses outside this range are cut off
_LARGEST = 1.7e308  # end of an axis

Floats = NDArray[np.float64]


@functools.cache
def outcome_colours() -> dict[str, str]:
    """The colour of every outcome, in stacking order: the stable ones first."""
    known = registry.family("outcome")
    order = sorted(known, key=lambda name: (not known[name].is_stable, known[name].precedence))
    return {name: known[name].colour for name in order}


@contextlib.contextmanager
def house_style() -> Iterator[None]:
    """Draw and save figures in the same style, whatever the user's settings.

    Overflow is ignored: matplotlib adds values up to 1e308 in many places, which is harmless.
    """
    settings: dict[Any, Any] = {**mpl.rcParamsDefault, **_STYLE}
    with mpl.rc_context(settings), np.errstate(over="ignore", invalid="ignore"):
        yield


def new_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure with a title on the left."""
    figure = Figure(figsize=(width, height), layout="constrained")
    lines = textwrap.fill(title, int(11 * width))  # a name of 100 letters is wider than a figure
    figure.suptitle(lines, x=0.01, ha="left", fontsize=10, fontweight="bold")
    return figure


# values and names ------------------------------------------------------------------------------


def words(value: object) -> str:
    """A value of an axis for a legend; only the end of a long text."""
    if is_number(value):
        return number(float(value))
    text = str(value)
    text = text if len(text) <= 32 else f"…{text[-31:]}"
    return f" {text}" if text.startswith("_") else text  # legends omit names that begin with _


def label(name: str) -> str:
    """The name of a column, for an axis."""
    return name.replace("_", " ")


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value has a place on a scale; Boolean values do not count."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool | np.bool_)


# scales ----------------------------------------------------------------------------------------


def is_logarithmic(values: ArrayLike) -> bool:
    """Whether values are spread more evenly on a logarithmic axis than on a linear one."""
    finite = np.unique(np.asarray(values, dtype=float))
    finite = finite[np.isfinite(finite)]
    if finite.size < 2 or finite[0] <= 0 or finite[-1] / _SPREAD < finite[0]:
        return False
    return _unevenness(np.log(finite)) <= _unevenness(finite / finite[-1]) + 1e-9


def _unevenness(places: Floats) -> float:
    """How far the median of ascending places is from the middle, in units of their range."""
    ends = float(places[-1] - places[0])
    return abs(float(np.median(places) - places[0]) / ends - 0.5)


def log_axis(axes: Axes, which: str, most: int = 9) -> None:
    """Make one axis logarithmic, with at most `most` labels."""
    axis: Axis = axes.xaxis if which == "x" else axes.yaxis
    axes.set(**{f"{which}scale": "log"})
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    log_ticks(axis, low, high, most)


def log_limits(values: ArrayLike) -> tuple[float, float] | None:
    """Limits of a logarithmic axis around all positive finite values, with a little room."""
    found = np.asarray(values, dtype=float)
    found = found[np.isfinite(found) & (found > 0)]
    if not found.size:
        return None
    low, high = np.log10(np.clip([found.min(), found.max()], TINY, HUGE))
    room = 0.15 + 0.03 * (high - low)
    return float(10 ** (low - room)), float(10 ** (high + room))


class _LogLocator(LogLocator):
    """Ticks of a logarithmic axis, without those that overflow."""

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        with np.errstate(over="ignore"):
            ticks = np.asarray(super().tick_values(vmin, vmax))
        inside: list[float] = ticks[np.isfinite(ticks)].tolist()
        return inside


def log_ticks(axis: Axis, low: float, high: float, most: int = 9) -> None:
    """Ticks of a logarithmic axis or colour bar from low to high."""
    decades = math.log10(high) - math.log10(low) if low > 0 else 1.0
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axis.set_minor_formatter(NullFormatter())
    if decades > 8:
        axis.set_minor_locator(NullLocator())
    if 3 * decades >= most:
        axis.set_major_locator(_LogLocator(numticks=most))
    elif decades >= 0.8:
        axis.set_major_locator(_LogLocator(subs=(1.0, 2.0, 5.0), numticks=most))
    else:
        axis.set_major_locator(_LogLocator(subs=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0), numticks=most))


def scale_axis(axes: Axes, which: str, values: ArrayLike, gap: float = 0.09) -> None:
    """Scale one axis for its values; if they are few and `gap` apart, they become its ticks."""
    axis: Axis = axes.xaxis if which == "x" else axes.yaxis
    logarithmic = is_logarithmic(values)
    if logarithmic:
        log_axis(axes, which, most=7)
    tried = np.unique(np.asarray(values, dtype=float))
    if len(tried) > _MOST_VALUE_TICKS:
        return
    places = np.log(tried) if logarithmic else tried
    if len(tried) > 1 and np.diff(places).min() < gap * (places[-1] - places[0]):
        return
    axis.set_major_locator(FixedLocator(tried.tolist()))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axis.set_minor_locator(NullLocator())


def cell_edges(values: ArrayLike) -> Floats:
    """Boundaries of the cells around ascending values, halfway between them as drawn."""
    places = np.asarray(values, dtype=float)
    if len(places) == 1:
        half = abs(places[0]) * 0.1 or 0.5
        ends = np.array([places[0] - half, places[0] + half])
    elif is_logarithmic(places):
        exponents = np.log10([np.nextafter(0, 1), _LARGEST])
        return np.asarray(10 ** np.clip(_between(np.log10(places)), *exponents), dtype=float)
    else:
        ends = _between(places)
        if places[0] >= 0:  # no negative learning rate was tried
            ends[0] = max(ends[0], 0.0)
    return ends.clip(-_LARGEST, _LARGEST)


def _between(places: Floats) -> Floats:
    """The midpoints between neighbours, and points as far beyond the first and the last one."""
    middle = places[1:] / 2 + places[:-1] / 2
    ends = places[[0, -1]] + (places[[0, -1]] - middle[[0, -1]])
    return np.concatenate([ends[:1], middle, ends[1:]])
