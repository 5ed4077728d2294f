"""Tables of trials as from a run, written by hand or random.

This file has no tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from gdbatch import outcomes
from gdbatch.analysis import summarise

START = 1.0  # the initial loss of trials written by hand

Cell = int | str | tuple[str, float]


def trials_of(cells: Mapping[Any, Sequence[Cell]], axes: Sequence[str]) -> pd.DataFrame:
    """Trials by axis values: the steps if one converged, or its outcome, or that and the loss."""
    rows = []
    for values, found in cells.items():
        at = dict(zip(axes, values if isinstance(values, tuple) else (values,), strict=True))
        for seed, cell in enumerate(found):
            if isinstance(cell, int):
                row = {"outcome": "converged", "steps": cell, "final_loss": 1e-6}
            else:
                outcome, loss = (cell, 0.5) if isinstance(cell, str) else cell
                row = {"outcome": outcome, "steps": 1000, "final_loss": loss}
            rows.append({**at, "seed": seed, **row, "initial_loss": START, "gradient_norm": 0.1})
    return pd.DataFrame(rows)


def summary_of(trials: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """The summary of one table."""
    return summarise([trials], axes)


def random_trials(rows: int, **axes: Any) -> pd.DataFrame:
    """Trials with random outcomes; `axes` are columns of so many rows."""
    draw = np.random.default_rng(0)
    outcome = pd.Categorical(draw.choice(outcomes.names()[:4], rows), categories=outcomes.names())
    ends = {
        "outcome": outcome,
        "steps": draw.integers(0, 10**6, rows),
        "initial_loss": START,
        "final_loss": 0.5,
        "gradient_norm": 0.1,
    }
    return pd.DataFrame(axes | ends)


def _axis_values() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "activation": st.sampled_from(["tanh", "relu", "_x", "sigmoid"]),
            "bias": st.booleans(),
            "seed": st.integers(0, 3),
            "low": st.integers(-2, 2),
            "learning_rate": st.sampled_from([0.1, 1.0, 1e-5, 1e300]),
        }
    )


_LOSSES = st.sampled_from([0.0, 0.5, 1e-300, 1e308, np.inf, np.nan])


@st.composite
def tables(draw: st.DrawFn) -> tuple[pd.DataFrame, list[str]]:
    """A table of trials in any order, and some of its axes in an order of their own."""
    ends = st.fixed_dictionaries(
        {
            "outcome": st.sampled_from(outcomes.names()[: draw(st.integers(1, 5))]),
            "steps": st.integers(0, 4) | st.integers(0, 10**12),
            "initial_loss": _LOSSES,
            "final_loss": _LOSSES | st.floats(0, 1, allow_subnormal=False),
            "gradient_norm": st.sampled_from([0.0, 0.1, np.nan]),
        }
    )
    rows = draw(st.lists(st.tuples(_axis_values(), ends), min_size=1, max_size=60))
    frame = pd.DataFrame([axes | end for axes, end in rows])
    if draw(st.booleans()):  # as parts are read: with all categories
        frame["outcome"] = pd.Categorical(frame["outcome"], categories=outcomes.names())
    names = draw(st.permutations(["activation", "bias", "seed", "low", "learning_rate"]))
    return frame, list(names[: draw(st.integers(0, len(names)))])
