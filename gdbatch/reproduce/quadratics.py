"""Stability and best rates on quadratics, in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from .edges import around, edge_of
from .results import Finding, Train, reproduction

# all momenta are needed: the factor already differs a hundredth away from the best one
_QUICK_MOMENTUM = ("axes.learning_rate.num = 101",)
# this close above the edge, the loss grows too slowly to diverge in 20,000 steps
_SLOW = 5e-4


def _fastest(trials: pd.DataFrame) -> pd.Series[Any]:
    return trials[trials["outcome"] == "converged"].sort_values("steps").iloc[0]


def _factor(trial: pd.Series[Any]) -> float:
    """The factor by which the distance to the minimum shrank per step."""
    logarithm = math.log(trial["final_loss"]) - math.log(trial["initial_loss"])
    return math.exp(logarithm / (2 * trial["steps"]))


def _transient(trial: pd.Series[Any]) -> float:
    """The relative difference per step of k ρᵏ from ρᵏ: at the best momentum two roots coincide."""
    return math.log(trial["steps"]) / float(trial["steps"])


def _edges(trials: pd.DataFrame, edge_at: Callable[[float], float]) -> tuple[float, float]:
    """The range of the measured edges over the predicted ones, at all momenta."""
    low, high = -math.inf, math.inf
    for momentum, part in trials.groupby("momentum"):
        predicted = edge_at(float(str(momentum)))
        last, following = edge_of(part["learning_rate"], part["outcome"] != "diverged")
        low, high = max(low, last / predicted), min(high, following / predicted)
    return low, high


@reproduction("quadratic_descent", "Polyak 1987")
def _descent(train: Train) -> list[Finding]:
    trials = train().trials()
    best = _fastest(trials)
    factor = _factor(best)
    edge = edge_of(trials["learning_rate"], trials["outcome"] != "diverged")
    rate = around(trials["learning_rate"], best["learning_rate"])
    mu, largest = 0.1, 1.0  # the curvatures in the file
    kappa = largest / mu
    # the direction of L contributes κ times as much to the initial loss as that of μ; over n steps
    # this changes the logarithm of the factor by ln(1 + κ)/2n
    start = math.log(1 + kappa) / (2 * best["steps"])
    return [
        Finding("quadratic, gradient descent: stable below 2/L", 2 / largest, *edge),
        Finding("its best rate 2/(μ + L)", 2 / (mu + largest), *rate, start),
        Finding("its factor per step there", (kappa - 1) / (kappa + 1), factor, factor, start),
    ]


_MU, _LARGEST = 0.04, 1.0  # the curvatures in the files of the next two
_SHARE = (math.sqrt(_LARGEST) - math.sqrt(_MU)) / (math.sqrt(_LARGEST) + math.sqrt(_MU))


@reproduction("quadratic_heavy_ball", "Polyak 1964", "map", _QUICK_MOMENTUM)
def _heavy_ball(train: Train) -> list[Finding]:
    trials = train().trials()
    best = _fastest(trials)
    factor = _factor(best)
    rate = around(trials["learning_rate"], best["learning_rate"])
    momentum = around(trials["momentum"], best["momentum"])
    edge = _edges(trials, lambda beta: (2 + 2 * beta) / _LARGEST)
    best_rate = (2 / (math.sqrt(_MU) + math.sqrt(_LARGEST))) ** 2
    return [
        Finding("quadratic, heavy ball: edge ÷ (2 + 2 β)/L, for every β", 1.0, *edge),
        Finding("its best rate (2/(√μ + √L))²", best_rate, *rate),
        Finding("its best β ((√κ - 1)/(√κ + 1))²", _SHARE**2, *momentum),
        Finding("its factor per step there, √β", _SHARE, factor, factor, _transient(best)),
    ]


@reproduction("quadratic_nesterov", "Nesterov 1983", "map", _QUICK_MOMENTUM)
def _nesterov(train: Train) -> list[Finding]:
    trials = train().trials()
    distance = (trials["learning_rate"] - 1 / _LARGEST).abs()
    best = _fastest(trials[distance == distance.min()])
    factor = _factor(best)
    momentum = around(trials["momentum"], best["momentum"])
    edge = _edges(trials, lambda beta: (2 + 2 * beta) / (1 + 2 * beta) / _LARGEST)
    best_factor = 1 - math.sqrt(_MU / _LARGEST)
    return [
        Finding("nesterov: edge ÷ (2 + 2 β)/((1 + 2 β) L), for every β", 1.0, *edge, _SLOW),
        Finding("its best β at 1/L, (√κ - 1)/(√κ + 1)", _SHARE, *momentum),
        Finding(
            "its factor per step there, 1 - 1/√κ", best_factor, factor, factor, _transient(best)
        ),
    ]
