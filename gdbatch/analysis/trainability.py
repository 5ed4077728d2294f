"""Which trials trained, as the maps of Sohl-Dickstein (2024) tell it, and how fast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_MEAN, _SUM, _INVERSE_SUM = "mean_loss_last_20", "relative_loss_sum", "relative_loss_inverse_sum"


def has_trained(trials: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether the mean of the last 20 losses, none of them infinite, is below the first loss."""
    lasting = (trials["outcome"] != "diverged").to_numpy(dtype=bool)
    below = (trials[_MEAN] < trials["initial_loss"]).to_numpy(dtype=bool)
    return np.asarray(lasting & below)


def trainability(trials: pd.DataFrame) -> NDArray[np.float64] | None:
    """-Σ L/L₀ of what trained, Σ L₀/L of what did not; None where that was not measured."""
    if not {_MEAN, _SUM, _INVERSE_SUM} <= set(trials):
        return None
    sums = trials[[_SUM, _INVERSE_SUM]].to_numpy(dtype=float)
    return np.where(has_trained(trials), -sums[:, 0], sums[:, 1])


def as_map(trials: pd.DataFrame, x: str, y: str, values: NDArray[Any]) -> pd.DataFrame:
    """Values of the trials as a map, a row a value of y; one trial a pixel."""
    return trials[[x, y]].assign(value=values).pivot(index=y, columns=x, values="value")
