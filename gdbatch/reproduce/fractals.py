"""Fractal boundaries of trainability, and a smooth boundary as the control."""

from __future__ import annotations

import numpy as np

from ..analysis import as_map, boundary, box_dimension, densest_window, every_pixel
from .results import Finding, Train, reproduction

_ZOOMS, _QUICK_ZOOMS = 3, 2
_CLOSER = 8  # times, at every zoom
_AXES = ("learning_rate.0", "learning_rate.1")
# description, published dimension, and pixels per side and steps with `--quick`
_PUBLISHED = {
    "identity": ("linear network", 1.17, 65, 100),
    "relu": ("relu network", 1.20, 65, 100),
    "single": ("tanh network, one sample", 1.41, 129, 100),  # smooth at 65
    "minibatch": ("tanh network, minibatches of 16", 1.55, 65, 500),  # trains nowhere in 100
    "tanh": ("tanh network, all samples", 1.66, 65, 100),
}


def _dimensions(train: Train, axes: tuple[str, str]) -> list[float]:
    """The box-counting dimensions of the map and of its zooms, ascending.

    Each zoom shows the part of the previous map that has most of its boundary.
    """
    found: list[float] = []
    window: list[str] = []
    for zoom in range(1 + (_QUICK_ZOOMS if train.quick else _ZOOMS)):
        run = train(f"zoom_{zoom}" if zoom else "", window)
        y, x = run.axes[-2:]
        trials = every_pixel(run.trials(), x, y)
        trained = as_map(trials, x, y, trials["trained"].to_numpy())
        edge = boundary(trained.to_numpy(dtype=bool))
        found.append(box_dimension(edge))
        sides = zip(
            axes, (trained.index, trained.columns), densest_window(edge, _CLOSER), strict=True
        )
        window = [
            f'axes."{axis}".log10 = {np.log10([values[part.start], values[part.stop]]).tolist()}'
            for axis, values, part in sides
        ]
    return sorted(found)


def _finding(what: str, published: float, found: list[float]) -> Finding:
    """The range of the dimensions of all zooms.

    The roughness of a boundary depends on the place and the scale. The published number is the
    median of other zooms; it lies in the range if these boundaries are as rough. The control shows
    how narrow the range of a smooth boundary is.
    """
    middle = f"median of {len(found)} zooms: {np.median(found):.2f}"
    # box counting finds the dimension of a straight line of some hundred pixels to within 0.03
    return Finding(f"box dimension of {what} ({middle})", published, found[0], found[-1], 0.03)


def _add(name: str, what: str, published: float, pixels: int, steps: int) -> None:
    """Registers a map whose boundary has a published dimension."""

    def find(train: Train) -> list[Finding]:
        return [_finding(what, published, _dimensions(train, _AXES))]

    size = (f'axes."{axis}".num = {pixels}' for axis in _AXES)
    quick = (*size, f"train.max_steps = {steps}")
    reproduction(f"fractal_{name}", "Sohl-Dickstein 2024", "trainability", quick)(find)


for _name, _facts in _PUBLISHED.items():
    _add(_name, *_facts)


@reproduction("fractal_quadratic", "a smooth curve", "trainability", ("train.max_steps = 100",))
def _control(train: Train) -> list[Finding]:
    found = _dimensions(train, ("optimizer.momentum", "learning_rate"))
    return [_finding("a smooth boundary", 1.0, found)]
