"""Samples as problems see them: numbers, whatever they were read from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples of a problem; the arrays are read-only."""

    inputs: NDArray[np.float64]  # (samples, features)
    targets: NDArray[np.float64]  # (samples, outputs); of classes, rows of probabilities
    weights: NDArray[np.float64] | None = None  # (samples,), of mean 1; None: all 1
    classes: tuple[str, ...] = ()  # names of the classes, if the targets were labels
    features: tuple[str, ...] = ()  # a name per column of `inputs`

    def __len__(self) -> int:
        return len(self.inputs)
