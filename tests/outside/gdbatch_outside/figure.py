"""A figure: the share of trials that converged."""

from matplotlib.figure import Figure

from gdbatch.figures.data import FigureData
from gdbatch.registry import register


@register("figure", "outside_success")
def success(data: FigureData) -> Figure | None:
    """Success rate of every row of the summary."""
    if "success_rate" not in data.summary:
        return None
    figure = Figure(layout="constrained")
    figure.add_subplot().plot(data.summary["success_rate"].to_numpy())
    return figure
