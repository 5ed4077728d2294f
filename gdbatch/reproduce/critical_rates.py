"""Critical learning rates of small non-convex models."""

from __future__ import annotations

import numpy as np

from .edges import edge_of
from .results import Finding, Train, reproduction


@reproduction("critical_product", "Liang and Montúfar 2025", "map", ("axes.learning_rate.num=101",))
def _critical_product(train: Train) -> list[Finding]:
    trials = train().trials()
    u, v, y = trials["values.0"], trials["values.1"], trials["y"]
    size = u**2 + v**2
    critical = np.minimum(1 / np.abs(y), 8 / (size + np.sqrt(size**2 - 16 * y * (u * v - y))))
    ratio = trials["learning_rate"] / critical
    converged = trials["outcome"] == "converged"
    below, above = converged[ratio <= 0.995].mean(), converged[ratio >= 1.005].mean()
    return [
        Finding("½ (u v - y)²: share that converges below 0.995 η*", 1.0, below, below),
        Finding("share that converges above 1.005 η*", 0.0, above, above),
    ]


@reproduction("catapult", "Lewkowycz et al. 2020", quick=("axes.seed.count = 4",))
def _catapult(train: Train) -> list[Finding]:
    run = train()
    start = run.trajectories()[run.trajectories()["step"] == 0].set_index("seed")
    weights = start.filter(regex=r"^[uv]_\d+$")
    curvature = (weights**2).sum(axis=1) / (weights.shape[1] // 2)
    falling, converging = [], []
    for seed, part in run.trials().groupby("seed"):
        rates = part["learning_rate"] * curvature[seed]
        falling.append(edge_of(rates, part["loss_increases"] == 0))
        converged = part["outcome"] == "converged"
        _, lost = edge_of(rates, converged)
        converging.append((rates[converged].max(), lost))  # none converges by chance above the edge
    return [
        Finding("wide linear network: η λ₀ below which the loss only falls", 2, *_common(falling)),
        Finding("η λ₀ below which it converges after a catapult", 4, *_common(converging)),
    ]


def _common(edges: list[tuple[float, float]]) -> tuple[float, float]:
    """The range of numbers that can be the edge of all trials; low > high if there is none."""
    last, following = np.array(edges).T
    return float(last.max()), float(following.min())
