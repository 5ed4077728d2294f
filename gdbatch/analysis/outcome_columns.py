"""The outcomes of a table's trials as codes, and which trials are stable."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .. import outcomes
from ..errors import UsageError


def outcome_codes(table: pd.DataFrame) -> NDArray[np.int8]:
    """The code of every trial's outcome; raises UsageError for an unregistered outcome."""
    names = outcomes.names()
    column = pd.Categorical(table["outcome"])
    found = [str(name) for name in column.categories]
    unknown = [name for name in found if name not in names]
    used = set(column.categories[np.unique(column.codes)]) if unknown else set()
    for name in unknown:
        if name in used:
            raise UsageError(
                f'the run has the outcome "{name}", which is not defined here; '
                "install the plug-in that defines it"
            )
    codes = np.array([names.index(name) if name in names else -1 for name in found], np.int8)
    found_codes: NDArray[np.int8] = codes[column.codes]
    return found_codes


def is_stable(table: pd.DataFrame, codes: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Which trials count as stable, below the edge of stability."""
    initial, final = (table[name].to_numpy(dtype=float) for name in ("initial_loss", "final_loss"))
    return outcomes.stable(codes, initial, final)
