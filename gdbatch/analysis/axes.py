"""Which axis an answer is about, and which ones distinguish its combinations."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd


def choice_axis(table: pd.DataFrame, axes: Sequence[str]) -> str | None:
    """The axis to choose a value of: the learning rate, or else the last numeric one."""
    scales = [axis for axis in axes if axis != "seed" and axis in table and is_scale(table, axis)]
    if "learning_rate" in scales:
        return "learning_rate"
    return scales[-1] if scales else None


def is_scale(table: pd.DataFrame, axis: str) -> bool:
    """Whether a column holds numbers; Boolean values do not count."""
    kinds = pd.api.types
    return kinds.is_numeric_dtype(table[axis]) and not kinds.is_bool_dtype(table[axis])


def other_axes(table: pd.DataFrame, axes: Sequence[str], chosen: str) -> list[str]:
    """The axes that vary at a fixed value of the chosen one, without the seed."""
    groups = table.groupby(chosen)
    return [
        axis
        for axis in axes
        if axis not in ("seed", chosen) and (groups[axis].nunique() > 1).any()
    ]  # fmt: skip
