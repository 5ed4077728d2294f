"""The sharpness of a network during training."""

from __future__ import annotations

from .results import Finding, Train, reproduction

_QUICK = ("axes.learning_rate.num = 3", "axes.seed.count = 3")
_WELL_BELOW = 1.0  # half of the edge, at the start


@reproduction("edge_of_stability", "Cohen et al. 2021", "sharpness", _QUICK)
def _edge_of_stability(train: Train) -> list[Finding]:
    trials = train().trials()
    sharpened = trials[trials["initial_rate_times_sharpness"] < _WELL_BELOW]
    final = sharpened["final_rate_times_sharpness"]
    middle = final.median()
    # it hovers: above 2 the loss oscillates until the curvature falls, below 2 the curvature rises.
    # Each trial is seen at one moment, at most a tenth away; the median of all must be closer.
    return [
        Finding("tanh network: η × final sharpness, median of trials", 2, middle, middle, 0.01),
        Finding("its lowest", 2, final.min(), final.min(), 0.1),
        Finding("its highest", 2, final.max(), final.max(), 0.1),
    ]
