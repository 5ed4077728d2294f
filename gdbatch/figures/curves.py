"""Curves: the rows of a table for each combination of the other axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .colours import Colours
from .style import is_number, label, words

_MOST_SHADES = 60  # curves that a number tells apart
FEW_POINTS = 40  # up to here every value has a marker


@dataclass(frozen=True)
class Curve:
    """The rows of one combination of the other axes."""

    key: object  # the value of the other axis, or a tuple of several
    name: str  # in the legend, below the names of the axes
    title: str
    table: pd.DataFrame


def curves_of(table: pd.DataFrame, x: str, others: Sequence[str]) -> list[Curve]:
    """A curve over x for each combination of the other axes, in plan order."""
    if not others:
        return [Curve("", "", "", table.sort_values(x, kind="stable"))]
    curves = []
    for key, part in table.groupby([*others], sort=False, dropna=False, observed=True):
        values = [plain(value) for value in key]
        title = ", ".join(
            f"{label(axis)} {words(value)}" for axis, value in zip(others, values, strict=True)
        )
        one = values[0] if len(values) == 1 else tuple(values)
        part = part.sort_values(x, kind="stable")
        curves.append(Curve(one, ", ".join(map(words, values)), title, part))
    return curves


def plain(value: object) -> object:
    """A NumPy scalar as the Python value it holds."""
    return value.item() if isinstance(value, np.generic) else value


def distinguishable(curves: Sequence[Curve]) -> list[Curve]:
    """The curves, or an even selection of as many as colours can tell apart."""
    most = _MOST_SHADES if is_number(curves[0].key) else Colours.most
    if len(curves) <= most:
        return list(curves)
    return [curves[place] for place in np.linspace(0, len(curves) - 1, most).round().astype(int)]


def colours_of(curves: Sequence[Curve]) -> Colours:
    """Colours that tell the curves apart."""
    return Colours({curve.key: curve.name for curve in curves})
