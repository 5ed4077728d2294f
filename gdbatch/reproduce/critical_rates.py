"""The tutorial's claims, and critical rates of small models that are not convex."""

from __future__ import annotations

import numpy as np

from .edges import edge_of
from .results import Finding, Train, reproduction


@reproduction("tutorial_claims", "Gad's tutorial, part 1", "prediction")
def _tutorial_claims(train: Train) -> list[Finding]:
    trials = train().trials
    slip = trials[trials["derivative_at"] == "prediction"].set_index("learning_rate")["steps"]
    why = "rate × steps is constant, and 50,000 are the steps of rate 0.1"
    return [
        Finding(f"one sigmoid unit: steps at rate {rate}", claim, slip[rate], slip[rate], 0.01, why)
        for rate, claim in {0.01: 50_000, 0.5: 10_000}.items()
    ]


@reproduction("one_input", "2/λ at the solution", quick=("axes.seed.count = 50",))
def _one_input(train: Train) -> list[Finding]:
    summary = train().summary
    slow = summary["learning_rate"] > 10  # below, the budget may end first
    edge = edge_of(summary["learning_rate"][slow], summary["success_rate"][slow] >= 0.95)
    curvature = 2 * (0.3 * 0.7) ** 2 * 0.1**2  # of (p - 0.3)² in w, where the input is 0.1
    return [Finding("one sigmoid unit: last rate that converges", 2 / curvature, *edge)]


@reproduction("critical_product", "Liang and Montúfar 2025", "map", ("axes.learning_rate.num=101",))
def _critical_product(train: Train) -> list[Finding]:
    trials = train().trials
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
    start = run.trajectories[run.trajectories["step"] == 0].set_index("seed")
    weights = start.filter(regex=r"^[uv]_\d+$")
    curvature = (weights**2).sum(axis=1) / (weights.shape[1] // 2)
    edges = []
    for seed, part in run.trials.groupby("seed"):
        rates = part["learning_rate"] * curvature[seed]
        falls = edge_of(rates, part["loss_increases"] == 0)
        edges.append((*falls, *edge_of(rates, part["outcome"] == "converged")))
    low, high, last, lost = zip(*edges, strict=True)
    return [
        Finding(
            "wide linear network: η λ₀ up to which the loss only falls", 2, min(low), max(high)
        ),
        Finding("η λ₀ up to which it converges, catapulted", 4, min(last), max(lost)),
    ]
