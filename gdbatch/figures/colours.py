"""Colours that tell curves apart, and the legend or colour bar that explains them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .style import CYCLE, is_logarithmic, is_number, log_ticks

DASHES = ("-", "--", ":", "-.")
_FEW_SHADES = 9  # up to here a legend names every shade; above, a colour bar spans them

Look = dict[str, Any]  # options of a plot


class Colours:
    """A colour for each value that tells curves apart; `names` maps the values to their names.

    Numbers get the shades of one colour map, in order. Anything else gets the colours of the cycle,
    first solid, then dashed.
    """

    most = 2 * len(CYCLE)  # unordered values that can be told apart

    def __init__(self, names: Mapping[object, str]) -> None:
        self.names = dict(names)
        self._places = {value: place for place, value in enumerate(self.names)}
        self.norm: Normalize | None = None
        self._map: Colormap = mpl.colormaps["viridis"]
        if len(self.names) > 1 and all(is_number(value) for value in self.names):
            # the palest end of the map is hard to see on white
            self._map = ListedColormap(self._map(np.linspace(0, 0.87, 256)))
            values = np.array(list(self.names), dtype=float)
            kind = LogNorm if is_logarithmic(values) else Normalize
            self.norm = kind(values.min(), values.max())

    def of(self, value: object) -> Look:
        """The colour and line style of one value, as options of a plot."""
        if self.norm is not None:
            place = self.norm(np.asarray(value, dtype=float))
            return {"color": tuple(self._map(place)), "linestyle": "-"}
        dashes, colour = divmod(self._places[value] % self.most, len(CYCLE))
        return {"color": CYCLE[colour], "linestyle": DASHES[dashes]}

    def explain(
        self,
        figure: Figure,
        axes: Axes | Sequence[Axes],
        title: str,
        dashes: Mapping[str, str] | None = None,
    ) -> None:
        """Add a legend or a colour bar; `dashes` maps line styles to further names."""
        handles: list[Line2D] = []
        if self.norm is not None and len(self.names) > _FEW_SHADES:
            self._add_bar(figure, axes, title, self.norm)
            title = ""
        elif len(self.names) > 1:
            shown = list(self.names.items())[: self.most]
            if len(shown) < len(self.names):
                title = f"{title} ({len(shown)} of {len(self.names)})"
            handles = [Line2D([], [], label=name, **self.of(value)) for value, name in shown]
        for style, name in (dashes or {}).items():
            look: Look = {"color": "black", "linestyle": style}
            handles.append(Line2D([], [], label=name, **look))
        if handles:
            figure.legend(handles=handles, title=title or None, loc="outside right upper",
                          alignment="left")  # fmt: skip

    def _add_bar(
        self, figure: Figure, axes: Axes | Sequence[Axes], title: str, norm: Normalize
    ) -> None:
        mappable = mpl.cm.ScalarMappable(norm, self._map)
        panels = axes if isinstance(axes, Axes) else list(axes)
        bar = figure.colorbar(mappable, ax=panels, label=title, pad=0.02)
        bar.ax.grid(False)
        if isinstance(norm, LogNorm):
            low, high = (float(end) for end in (norm.vmin or 1.0, norm.vmax or 1.0))
            log_ticks(bar.ax.yaxis, low, high)
