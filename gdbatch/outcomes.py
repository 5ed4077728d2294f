"""How a trial can end, and the rules that end it.

The order of `OUTCOMES` is written into result files: append, never reorder.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

OUTCOMES = ("converged", "diverged", "stalled", "unfinished", "completed")
CONVERGED, DIVERGED, STALLED, UNFINISHED, COMPLETED = range(len(OUTCOMES))


def is_stable(outcome: NDArray[np.integer[Any]], has_stop_rule: bool) -> NDArray[np.bool_]:
    """Which trials are on the good side of an edge.

    Those that converged; where nothing says what that is, those that did not diverge.
    """
    stable: NDArray[np.bool_] = outcome == CONVERGED if has_stop_rule else outcome != DIVERGED
    return stable
