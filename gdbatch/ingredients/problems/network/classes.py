"""Targets and weights of classes."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ....errors import IngredientError
from ...losses.protocol import CoupledLoss, OutputLoss
from ..preparation import Samples

Array = NDArray[np.float64]

_SUM_TOLERANCE = 1e-6  # of the probabilities of a sample; they are divided by their sum

ClassWeight = Literal["balanced"] | list[float] | None


def check_targets(name: str, loss: OutputLoss, targets: Array) -> None:
    """Raises IngredientError unless a loss, called `name`, accepts the targets."""
    lowest, highest = loss.target_range
    if targets.min() < lowest or targets.max() > highest:
        allowed = (
            f"from {lowest:g} to {highest:g}" if highest < math.inf else f"of {lowest:g} or more"
        )
        raise IngredientError(f"{name} needs targets {allowed}", "targets")
    if loss.needs_hard_labels and not np.isin(targets, (lowest, highest)).all():
        raise IngredientError(f"{name} needs targets of {lowest:g} or {highest:g}", "targets")
    if not isinstance(loss, CoupledLoss):
        return
    sums = targets.sum(axis=1)
    wrong = np.flatnonzero(np.abs(sums - 1) > _SUM_TOLERANCE)
    if wrong.size:
        raise IngredientError(
            f"{name} needs probabilities: the targets of sample {wrong[0]} add up to "
            f"{sums[wrong[0]]:.6g}, not to 1",
            "targets",
        )


def check_class_weight(weights: list[float], outputs: int) -> None:
    """Raises IngredientError unless there is a weight per class, and one that is not 0."""
    classes = max(outputs, 2)
    if len(weights) != classes:
        one = " (a single output decides between two classes)" if outputs == 1 else ""
        raise IngredientError(
            f"there are {classes} classes{one}, but {len(weights)} weights; give one per class, "
            'or "balanced"',
            "class_weight",
        )
    if not any(weights):
        raise IngredientError("all weights are 0; give a class a weight above 0", "class_weight")


def targets_and_weights(
    loss: OutputLoss,
    samples: Samples,
    smoothing: float,
    class_weight: ClassWeight,
    trained_on: Samples,
) -> tuple[Array, Array | None]:
    """The targets that a loss reads, and the weights of the samples, if they differ.

    trained_on: the samples that balance the classes, also for the loss on others.
    """
    targets, weights = samples.targets, samples.weights
    if isinstance(loss, CoupledLoss):
        targets = targets / targets.sum(axis=1, keepdims=True)
    if class_weight:
        known = _probabilities(loss, trained_on.targets)
        factors = _probabilities(loss, targets) @ _class_factors(known, class_weight)
        weights = factors if weights is None else weights * factors
        if not weights.any():
            message = "all samples have the weight 0; give one of their classes a weight above 0"
            raise IngredientError(message, "class_weight")
        weights = weights / weights.mean()
    if smoothing:
        lowest, highest = loss.target_range
        share = smoothing / max(targets.shape[1], 2)
        targets = lowest + (1 - smoothing) * (targets - lowest) + share * (highest - lowest)
    return targets, weights


def _probabilities(loss: OutputLoss, targets: Array) -> Array:
    """The probability of each class, (samples, classes); a single output is that of the second."""
    lowest, highest = loss.target_range
    shares = (targets - lowest) / (highest - lowest)
    return np.hstack([1 - shares, shares]) if shares.shape[1] == 1 else shares


def _class_factors(probabilities: Array, given: Literal["balanced"] | list[float]) -> Array:
    """The weight of each class.

    Balanced ones are as in scikit-learn: samples/(classes × samples of the class).
    """
    if given != "balanced":
        return np.array(given)
    counts = probabilities.sum(axis=0)
    wanted = len(probabilities) / len(counts)
    factors: Array = np.divide(wanted, counts, out=np.zeros_like(counts), where=counts > 0)
    return factors
