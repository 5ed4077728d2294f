"""Tables of trials written by hand, and random ones, as a run would give them.

Nothing is tested here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

OUTCOMES = ("converged", "diverged", "stalled", "unfinished", "completed")

Cell = int | str | tuple[str, float]


def trials_of(cells: Mapping[Any, Sequence[Cell]], axes: Sequence[str]) -> pd.DataFrame:
    """Trials by their axis values: steps where one converged, else its outcome and final loss."""
    rows = []
    for values, found in cells.items():
        at = dict(zip(axes, values if isinstance(values, tuple) else (values,), strict=True))
        for seed, cell in enumerate(found):
            if isinstance(cell, int):
                row = {"outcome": "converged", "steps": cell, "final_loss": 1e-6}
            else:
                outcome, loss = (cell, 0.5) if isinstance(cell, str) else cell
                row = {"outcome": outcome, "steps": 1000, "final_loss": loss}
            rows.append({**at, "seed": seed, **row})
    return pd.DataFrame(rows)


def random_trials(rows: int, **axes: Any) -> pd.DataFrame:
    """Trials with random outcomes, as columns of that many rows."""
    draw = np.random.default_rng(0)
    outcome = pd.Categorical(draw.choice(OUTCOMES[:4], rows), categories=list(OUTCOMES))
    ends = {"outcome": outcome, "steps": draw.integers(0, 10**6, rows), "final_loss": 0.5}
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


@st.composite
def tables(draw: st.DrawFn) -> tuple[pd.DataFrame, list[str]]:
    """A table of trials and some of its axes in an order of their own; rows in any order."""
    ends = st.tuples(
        st.sampled_from(OUTCOMES[: draw(st.integers(1, 5))]),
        st.integers(0, 4) | st.integers(0, 10**12),
        st.sampled_from([0.0, 0.5, 1e-300, 1e308, np.inf, np.nan])
        | st.floats(0, 1, allow_subnormal=False),
    )
    rows = draw(st.lists(st.tuples(_axis_values(), ends), min_size=1, max_size=60))
    frame = pd.DataFrame([axes for axes, _ in rows])
    frame["outcome"] = [outcome for _, (outcome, _, _) in rows]
    if draw(st.booleans()):  # as parts are read: the same categories, whatever occurs
        frame["outcome"] = pd.Categorical(frame["outcome"], categories=list(OUTCOMES))
    frame["steps"] = [steps for _, (_, steps, _) in rows]
    frame["final_loss"] = [loss for _, (_, _, loss) in rows]
    names = draw(st.permutations(list(_NAMES)))
    return frame, list(names[: draw(st.integers(0, len(names)))])


_NAMES = ("activation", "bias", "seed", "low", "learning_rate")
