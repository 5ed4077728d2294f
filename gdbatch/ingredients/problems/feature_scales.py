"""How differently scaled the features are: what makes gradient descent slow, and its edge low."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class FeatureScales:
    """The features with the largest and the smallest curvature, and the ratio of the two.

    A feature's curvature is its variance: the diagonal of XᵀX/n, with centred columns.
    """

    widest: str
    narrowest: str
    ratio: float


def feature_scales(inputs: NDArray[np.float64], names: Sequence[str]) -> FeatureScales | None:
    """The scales of the features of inputs (samples, features); None without two that vary.

    >>> feature_scales(np.array([[1.0, 0.0, 5.0], [3.0, 0.5, 5.0]]), ["a", "b", "c"])
    FeatureScales(widest='a', narrowest='b', ratio=16.0)
    """
    with np.errstate(all="ignore"):
        variances = np.var(inputs, axis=0)
        varying = np.flatnonzero(np.isfinite(variances) & (variances > 0))
        if len(varying) < 2:
            return None
        widest, narrowest = (
            varying[choose(variances[varying])] for choose in (np.argmax, np.argmin)
        )
        ratio = float(variances[widest] / variances[narrowest])
    return FeatureScales(names[widest], names[narrowest], ratio) if np.isfinite(ratio) else None
