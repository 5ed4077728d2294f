"""How fast trials train, or fail to, as in the maps of Sohl-Dickstein (2024)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_COLUMNS = ("trained", "relative_loss_sum", "relative_loss_inverse_sum")


def trainability(trials: pd.DataFrame) -> NDArray[np.float64] | None:
    """-Σ L/L₀ for a trial that trained, Σ L₀/L for any other; None if this was not measured."""
    if not set(_COLUMNS) <= set(trials):
        return None
    trained, total, inverse = trials[[*_COLUMNS]].to_numpy(dtype=float).T
    return np.where(trained == 1, -total, inverse)
