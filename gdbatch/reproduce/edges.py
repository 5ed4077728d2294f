"""Where on an axis a condition ends, and the neighbours of a best value."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd


def edge_of(rates: pd.Series[Any], holds: pd.Series[Any]) -> tuple[float, float]:
    """The last rate up to which a condition holds, and the next one; NaN if there is no edge."""
    order = np.argsort(rates.to_numpy(), kind="stable")
    values, held = rates.to_numpy()[order], holds.to_numpy(dtype=bool)[order]
    if held.all() or not held[0]:
        return math.nan, math.nan
    last = int(np.argmin(held)) - 1
    return float(values[last]), float(values[last + 1])


def around(values: pd.Series[Any], best: float) -> tuple[float, float]:
    """The neighbours of a best value on its axis, between which the true best lies."""
    tried = np.unique(values)
    place = int(np.searchsorted(tried, best))
    return float(tried[max(place - 1, 0)]), float(tried[min(place + 1, len(tried) - 1)])
