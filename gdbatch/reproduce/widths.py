"""How the best learning rate depends on the width."""

from __future__ import annotations

import math

from .edges import around
from .results import Finding, Train, reproduction

_QUICK = ("axes.width = [16, 64, 256]", "axes.seed.count = 2")
_ALIGNED = (
    "in so short a training, updates stay aligned with the output weights, which multiplies their "
    "effect by √width: the exponent is -3/2"
)
# by parametrization and optimizer: the exponent of the width in the best rate, why it may differ
_PUBLISHED = {
    ("standard", "gradient_descent"): (-1.0, ""),
    ("standard", "adam"): (-1.0, _ALIGNED),
    ("mup", "gradient_descent"): (0.0, ""),
    ("mup", "adam"): (0.0, ""),
}


@reproduction("width_transfer", "Yang et al. 2022", "best", _QUICK)
def _width_transfer(train: Train) -> list[Finding]:
    run, findings = train(), []
    rates = run.trials()["learning_rate"]
    for (rule, optimizer), (exponent, why) in _PUBLISHED.items():
        wanted = {"parametrization": rule, "optimizer": optimizer}
        best = {
            int(one.combination["width"]): one.best
            for one in run.answer
            if wanted.items() <= one.combination.items()
        }
        (low_before, high_before), (low, high) = (
            around(rates, best[width]) for width in (min(best), max(best))
        )
        growth = math.log(max(best) / min(best))
        findings.append(
            Finding(
                f"{rule}, {optimizer}: exponent of the width in the best rate",
                exponent,
                math.log(low / high_before) / growth,
                math.log(high / low_before) / growth,
                why=why,
            )
        )
    return findings
